# Text in, values out: digests, platforms, manifests.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
shifter_library(oci
  SOURCES oci/platform.cpp oci/sha256.cpp
  HEADERS oci/byte_source.hpp oci/manifest.hpp oci/platform.hpp oci/sha256.hpp
  DEPS base
  PRIVATE OpenSSL::Crypto)
