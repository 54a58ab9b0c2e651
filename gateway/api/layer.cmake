# The REST interface: routes and records as values; server.cpp alone knows HTTP as it is on the wire.
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
find_package(nlohmann_json REQUIRED)
shifter_library(api
  SOURCES api/about.cpp api/api.cpp api/failure.cpp api/http.cpp api/images.cpp api/listen_address.cpp api/logins.cpp
          api/pull_body.cpp api/metrics.cpp api/pulls.cpp api/records.cpp api/router.cpp api/schema.cpp api/server.cpp
          api/sharing.cpp api/static_files.cpp api/storage_watch.cpp api/summary.cpp api/uploads.cpp
  HEADERS api/api.hpp api/cached.hpp api/failure.hpp api/http.hpp api/listen_address.hpp api/metrics.hpp api/pull_body.hpp
          api/records.hpp api/router.hpp api/schema.hpp api/server.hpp api/static_files.hpp api/storage_watch.hpp
  DEPS base site oci registry catalog auth pull
  PRIVATE PkgConfig::MICROHTTPD nlohmann_json::nlohmann_json)
