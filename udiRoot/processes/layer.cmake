# shifter-ps: what runs in containers on this node. It runs as its caller, and reads what /proc lets him see.
shifter_library(processes
  SOURCES processes/containers.cpp processes/report.cpp
  HEADERS processes/containers.hpp processes/report.hpp
  DEPS base)

add_executable(shifter-ps processes/main.cpp)
target_link_libraries(shifter-ps PRIVATE shifter::processes)
target_link_options(shifter-ps PRIVATE -static-libstdc++ -static-libgcc -pie)
install(TARGETS shifter-ps DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime)
