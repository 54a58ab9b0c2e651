# Images from registries, by libcurl.
find_package(CURL REQUIRED)
shifter_library(registry
  SOURCES registry/access.cpp registry/address_rules.cpp registry/blob_stream.cpp registry/byte_ring.cpp
          registry/documents.cpp registry/endpoint.cpp registry/http.cpp registry/proxies.cpp
          registry/registry_client.cpp registry/retry_policy.cpp registry/signature_keys.cpp
          registry/signature_policy.cpp registry/signature_policy_file.cpp registry/token_answer.cpp registry/url.cpp
          registry/www_authenticate.cpp
  HEADERS registry/access.hpp registry/address_rules.hpp registry/blob_stream.hpp registry/byte_ring.hpp
          registry/documents.hpp registry/endpoint.hpp registry/http.hpp registry/proxies.hpp
          registry/registry_client.hpp registry/retry_policy.hpp registry/secret.hpp
          registry/signature_policy.hpp registry/stall_watch.hpp registry/token_answer.hpp registry/url.hpp
          registry/www_authenticate.hpp
  DEPS base oci
  PRIVATE CURL::libcurl OpenSSL::Crypto nlohmann_json::nlohmann_json)
