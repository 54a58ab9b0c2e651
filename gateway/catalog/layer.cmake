# What is published, what is on its way, and the atomic step between the two.
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
find_package(nlohmann_json REQUIRED)
shifter_library(catalog
  SOURCES catalog/decision.cpp catalog/image_table.cpp catalog/json_columns.cpp catalog/merge.cpp catalog/publisher.cpp
          catalog/pull_table.cpp catalog/schema.cpp catalog/sqlite.cpp catalog/sqlite_catalog.cpp catalog/types.cpp
  HEADERS catalog/catalog.hpp catalog/columns.hpp catalog/connections.hpp catalog/counters.hpp catalog/decision.hpp
          catalog/image_table.hpp catalog/json_columns.hpp catalog/log_field.hpp
          catalog/merge.hpp catalog/publisher.hpp catalog/pull_table.hpp catalog/schema.hpp catalog/sqlite.hpp
          catalog/storage_calls.hpp catalog/types.hpp
  DEPS base site oci
  PRIVATE PkgConfig::SQLITE nlohmann_json::nlohmann_json)
