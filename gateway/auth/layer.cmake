# Who asks: MUNGE credentials, and the account database of this host.
pkg_check_modules(MUNGE REQUIRED IMPORTED_TARGET munge)
find_package(nlohmann_json REQUIRED)
shifter_library(auth
  SOURCES auth/account_cache.cpp auth/accounts.cpp auth/locations.cpp auth/mock.cpp auth/munge.cpp
  HEADERS auth/account_cache.hpp auth/accounts.hpp auth/credential.hpp
  DEPS base
  PRIVATE PkgConfig::MUNGE nlohmann_json::nlohmann_json)
