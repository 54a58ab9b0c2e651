# What is published, what is on its way, and the atomic step between the two.
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
find_package(nlohmann_json REQUIRED)
shifter_library(catalog
  SOURCES catalog/claim_table.cpp catalog/content_lock.cpp catalog/copy.cpp catalog/decision.cpp catalog/housekeeping.cpp
          catalog/image_table.cpp catalog/json_columns.cpp catalog/known_images.cpp catalog/lookup_notes.cpp
          catalog/lookup_table.cpp catalog/merge.cpp catalog/ownership.cpp
          catalog/publisher.cpp catalog/pull_table.cpp catalog/retired_table.cpp
          catalog/schema.cpp catalog/sqlite.cpp catalog/sql_catalog.cpp
          catalog/storage_claim.cpp
          catalog/types.cpp catalog/whole_images.cpp
  HEADERS catalog/catalog.hpp catalog/claim_table.hpp catalog/columns.hpp catalog/connections.hpp catalog/content_lock.hpp
          catalog/copy.hpp catalog/counters.hpp catalog/log_field.hpp
          catalog/decision.hpp catalog/housekeeping.hpp catalog/image_table.hpp catalog/json_columns.hpp
          catalog/known_images.hpp catalog/lookup_notes.hpp catalog/lookup_table.hpp
          catalog/merge.hpp catalog/ownership.hpp catalog/publisher.hpp catalog/pull_table.hpp
          catalog/retired_table.hpp catalog/schema.hpp catalog/sql.hpp catalog/sql_catalog.hpp catalog/sqlite.hpp
          catalog/storage_calls.hpp catalog/storage_claim.hpp catalog/types.hpp catalog/watches.hpp catalog/whole_images.hpp
  DEPS base site oci
  PRIVATE PkgConfig::SQLITE nlohmann_json::nlohmann_json)
