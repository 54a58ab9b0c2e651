# Text in, values out: digests, manifests.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(nlohmann_json REQUIRED)
shifter_library(oci
  SOURCES oci/json_limits.cpp oci/keyed_hash.cpp oci/manifest.cpp oci/select_platform.cpp oci/sha256.cpp
  HEADERS oci/byte_source.hpp oci/json_limits.hpp oci/keyed_hash.hpp oci/manifest.hpp oci/sha256.hpp
  DEPS base
  PRIVATE OpenSSL::Crypto nlohmann_json::nlohmann_json)
