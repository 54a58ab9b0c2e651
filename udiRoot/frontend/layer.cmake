# As the caller: options, variables, image lookup. The result is a RunRequest.
shifter_library(frontend
  SOURCES frontend/check_config.cpp frontend/frontend.cpp frontend/lookup.cpp frontend/mount_option.cpp frontend/options.cpp frontend/selection.cpp
  HEADERS frontend/check_config.hpp frontend/frontend.hpp frontend/lookup.hpp frontend/mount_option.hpp frontend/options.hpp frontend/selection.hpp
  DEPS base site request)

add_executable(shifter-frontend frontend/main.cpp)
target_link_libraries(shifter-frontend PRIVATE shifter::frontend)
# Static: it starts at each launch, and without the dynamic loader in half of the time.
if(SHIFTER_SANITIZE)
  target_link_options(shifter-frontend PRIVATE -pie)
else()
  target_link_options(shifter-frontend PRIVATE -static-pie)
endif()
install(TARGETS shifter-frontend DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime)
