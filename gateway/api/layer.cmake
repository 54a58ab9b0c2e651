# The REST interface: routes and records as values; http_worker and http_reply know HTTP as it is on the wire.
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
find_package(nlohmann_json REQUIRED)
shifter_library(api
  SOURCES api/about.cpp api/api.cpp api/connection_counts.cpp api/failure.cpp api/http.cpp api/http_reply.cpp
          api/http_worker.cpp api/images.cpp api/listen_address.cpp api/listening.cpp api/logins.cpp
          api/pull_body.cpp api/metrics.cpp api/platforms.cpp api/pulls.cpp api/record_texts.cpp api/records.cpp
          api/router.cpp api/schema.cpp api/server.cpp api/sharing.cpp api/static_files.cpp api/storage_watch.cpp api/summary.cpp api/uploads.cpp
  HEADERS api/api.hpp api/cached.hpp api/connection_counts.hpp api/failure.hpp api/http.hpp api/http_reply.hpp
          api/http_worker.hpp api/listen_address.hpp api/listening.hpp api/metrics.hpp api/pull_body.hpp
          api/record_texts.hpp api/records.hpp api/router.hpp api/schema.hpp api/server.hpp api/static_files.hpp
          api/storage_watch.hpp
  DEPS base site oci registry catalog auth pull
  PRIVATE PkgConfig::MICROHTTPD nlohmann_json::nlohmann_json)
