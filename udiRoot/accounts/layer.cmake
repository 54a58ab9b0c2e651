# Names for the caller's numbers, and the text of the container's passwd and group files.
shifter_library(accounts
  SOURCES accounts/make_account.cpp
  HEADERS accounts/make_account.hpp
  DEPS base site plan)

# shifter-accounts asks name services, as shifter's caller, since they load modules (I3). Nobody but root may read the file, so
# that its process, whose answer is believed, is traced by nobody (I6).
add_executable(shifter-accounts accounts/main.cpp)
target_link_libraries(shifter-accounts PRIVATE shifter::accounts)
target_link_options(shifter-accounts PRIVATE -static-libstdc++ -static-libgcc -pie)
install(TARGETS shifter-accounts DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_EXECUTE WORLD_EXECUTE)
