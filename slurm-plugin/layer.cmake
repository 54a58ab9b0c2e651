# The SPANK plugin. What it decides is a layer that needs no Slurm (and so is tested everywhere); what Slurm calls is
# shifter_slurm.so, built when Slurm's headers are there.
shifter_library(slurm-plugin
  SOURCES slurm-plugin/child.cpp slurm-plugin/job.cpp slurm-plugin/node_list.cpp slurm-plugin/options.cpp slurm-plugin/plugin_config.cpp
          slurm-plugin/ssh_daemon.cpp slurm-plugin/ssh_keys.cpp slurm-plugin/step.cpp slurm-plugin/submit.cpp slurm-plugin/task.cpp
  HEADERS slurm-plugin/child.hpp slurm-plugin/counted_strings.hpp slurm-plugin/job.hpp slurm-plugin/node_list.hpp slurm-plugin/options.hpp
          slurm-plugin/plugin_config.hpp slurm-plugin/ssh_daemon.hpp slurm-plugin/ssh_keys.hpp slurm-plugin/step.hpp slurm-plugin/submit.hpp slurm-plugin/task.hpp
  DEPS base site request command frontend privileged)

# Programs of the nodes and login nodes, executed by these paths.
foreach(program IN ITEMS scontrol ssh-keygen munge unmunge)
  string(MAKE_C_IDENTIFIER SHIFTER_${program} variable)
  string(TOUPPER ${variable} variable)
  find_program(${variable} ${program} DOC "${program} of the nodes and login nodes")
  if(NOT ${variable})
    set(${variable} /usr/bin/${program})
  endif()
  target_compile_definitions(shifter_slurm-plugin PRIVATE ${variable}="${${variable}}")
endforeach()

set(SHIFTER_BUILD_SLURM AUTO CACHE STRING "shifter_slurm.so: ON, OFF, or AUTO: when headers of a known Slurm are found")
set_property(CACHE SHIFTER_BUILD_SLURM PROPERTY STRINGS AUTO ON OFF)
option(SHIFTER_SLURM_ANY_VERSION "build the plugin for a release of Slurm that it was not tested with" OFF)
if(NOT SHIFTER_BUILD_SLURM)
  return()
endif()

find_path(SHIFTER_SLURM_INCLUDE_DIR slurm/spank.h DOC "directory that holds slurm/spank.h")
include(${CMAKE_CURRENT_LIST_DIR}/slurm_version.cmake)
if(slurm_problem)
  if(SHIFTER_BUILD_SLURM STREQUAL "AUTO")
    message(STATUS "Slurm plugin: not built: ${slurm_problem}")
    return()
  endif()
  message(FATAL_ERROR "Slurm plugin: ${slurm_problem}")
endif()
message(STATUS "Slurm plugin: for Slurm ${slurm_version}")

add_library(shifter_slurm MODULE slurm-plugin/dispatch.cpp slurm-plugin/client_hooks.cpp slurm-plugin/node_hooks.cpp)
target_include_directories(shifter_slurm SYSTEM PRIVATE ${SHIFTER_SLURM_INCLUDE_DIR})
target_link_libraries(shifter_slurm PRIVATE shifter::slurm-plugin)
# Slurm's own symbols come from the program that loads us. Ours stay inside, but for those that Slurm looks up, and the
# C++ library comes along, so that two plugins cannot meet in it and nothing but libc is needed.
set_target_properties(shifter_slurm PROPERTIES PREFIX "" LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/shifter_slurm.map)
target_link_options(shifter_slurm PRIVATE -static-libstdc++ -static-libgcc -Wl,--as-needed
  -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/shifter_slurm.map)
# Runs in containers of any C library, or of none.
foreach(program IN ITEMS task sshd)
  add_executable(shifter-${program} slurm-plugin/${program}_main.cpp slurm-plugin/counted_strings.hpp)
  target_include_directories(shifter-${program} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(shifter-${program} PRIVATE shifter_settings shifter_hardening)
  shifter_static_program(shifter-${program})
endforeach()
install(TARGETS shifter-task shifter-sshd DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT slurm)
file(READ slurm-plugin/own_libraries.sh OWN_LIBRARIES)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS slurm-plugin/own_libraries.sh)
foreach(program IN ITEMS shifter-sshd-tree shifter-slurm-tree)
  configure_file(slurm-plugin/${program}.in slurm-plugin/${program} @ONLY)
  install(PROGRAMS ${CMAKE_CURRENT_BINARY_DIR}/slurm-plugin/${program} DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT slurm)
endforeach()

install(TARGETS shifter_slurm LIBRARY DESTINATION lib/shifter COMPONENT slurm)
