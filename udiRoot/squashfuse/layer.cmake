# shifter-squashfuse: serves an image where the kernel cannot mount it. It runs as the caller, without privileges.
pkg_check_modules(SQUASHFUSE REQUIRED IMPORTED_TARGET squashfuse_ll)
pkg_check_modules(FUSE3 REQUIRED IMPORTED_TARGET fuse3)
shifter_library(squashfuse
  SOURCES squashfuse/serve.cpp
  HEADERS squashfuse/serve.hpp
  DEPS base
  PRIVATE PkgConfig::FUSE3 squashfuse_ll squashfuse)
add_executable(shifter-squashfuse squashfuse/main.cpp)
target_link_libraries(shifter-squashfuse PRIVATE shifter::squashfuse)
target_link_options(shifter-squashfuse PRIVATE -pie)
install(TARGETS shifter-squashfuse DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime)
