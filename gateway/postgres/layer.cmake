# The catalog's second back end: the only files that know libpqxx.
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
shifter_library(postgres
  SOURCES postgres/address.cpp postgres/dialect.cpp postgres/postgres.cpp
  HEADERS postgres/dialect.hpp postgres/postgres.hpp
  DEPS base catalog
  PRIVATE PkgConfig::PQXX)
