# From layers as they are in a registry to one tree.
pkg_check_modules(isal REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
shifter_library(layers
  SOURCES layers/archive_index.cpp layers/chunk_queue.cpp layers/decoder.cpp layers/decompressor.cpp layers/hard_links.cpp
          layers/layer_reader.cpp layers/pax.cpp
          layers/tar_header.cpp layers/tree.cpp layers/tree_merger.cpp
  HEADERS layers/archive_index.hpp layers/bad_layer.hpp layers/chunk_queue.hpp layers/decoder.hpp layers/decompressor.hpp layers/layer_entry.hpp
          layers/layer_reader.hpp layers/limits.hpp layers/pax.hpp layers/segmented.hpp layers/tar_header.hpp
          layers/tree.hpp layers/tree_merger.hpp
  DEPS base oci
  PRIVATE PkgConfig::isal PkgConfig::zstd)
