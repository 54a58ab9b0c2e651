# A real PostgreSQL, several gateways on it, and what they share at the end.
shifter_integration_tests(gateways catalog copied_catalog several)
set_property(TEST integration.gateways.catalog APPEND PROPERTY ENVIRONMENT
             SHIFTER_TEST_CATALOG=${PROJECT_BINARY_DIR}/tests/unit/catalog/catalog_on_postgres)
