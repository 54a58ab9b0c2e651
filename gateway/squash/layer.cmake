# Layers in, one squashfs out, by libsquashfs (squashfs-tools-ng).
pkg_check_modules(squashfs REQUIRED IMPORTED_TARGET libsquashfs1)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
shifter_library(squash
  SOURCES squash/block_pool.cpp squash/cached_layer.cpp squash/convert.cpp squash/data_writer.cpp squash/layer_cache.cpp
          squash/layer_record.cpp squash/options.cpp squash/output.cpp squash/output_file.cpp squash/packed.cpp squash/placing.cpp
          squash/sandbox.cpp squash/squashfs_blocks.cpp squash/squashfs_reader.cpp squash/table_writer.cpp
          squash/tar_stream.cpp
  HEADERS squash/block_pool.hpp squash/cached_layer.hpp squash/convert.hpp squash/data_writer.hpp squash/layer_blocks.hpp
          squash/layer_cache.hpp squash/layer_record.hpp squash/layer_state.hpp squash/options.hpp squash/output.hpp
          squash/output_file.hpp squash/packed.hpp squash/sandbox.hpp squash/sqfs_handles.hpp squash/squashfs_blocks.hpp
          squash/squashfs_reader.hpp squash/table_writer.hpp squash/tar_stream.hpp
  DEPS base oci layers
  PRIVATE PkgConfig::squashfs PkgConfig::zstd)
# Reads what users import, in a process of its own that can do nothing else.
add_executable(shifter-squashfs-reader squash/reader_main.cpp)
target_link_libraries(shifter-squashfs-reader PRIVATE shifter::squash)
install(TARGETS shifter-squashfs-reader DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT gateway)
