# Layers in, one squashfs out, by libsquashfs (squashfs-tools-ng).
pkg_check_modules(squashfs REQUIRED IMPORTED_TARGET libsquashfs1)
shifter_library(squash
  SOURCES squash/convert.cpp squash/data_writer.cpp squash/options.cpp squash/output.cpp squash/output_file.cpp
          squash/table_writer.cpp
  HEADERS squash/convert.hpp squash/data_writer.hpp squash/options.hpp squash/output.hpp
          squash/output_file.hpp squash/sqfs_handles.hpp squash/table_writer.hpp
  DEPS base oci layers
  PRIVATE PkgConfig::squashfs)
