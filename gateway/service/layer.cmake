# The daemon: its configuration, and the main that puts the gateway together.
find_package(yaml-cpp REQUIRED)
shifter_library(service
  SOURCES service/config_docs.cpp service/config_keys.cpp service/document.cpp service/gateway_config.cpp
          service/gateway_main.cpp service/key.cpp service/limit_keys.cpp service/location_keys.cpp service/one_use.cpp
          service/prepare.cpp service/transfer.cpp service/trusted_files.cpp
  HEADERS service/config_keys.hpp service/document.hpp service/gateway_config.hpp service/gateway_main.hpp
          service/key.hpp service/one_use.hpp service/prepare.hpp service/transfer.hpp service/trusted_files.hpp
  DEPS base site oci registry squash catalog postgres auth pull api
  PRIVATE yaml-cpp)
add_executable(shifter-gateway service/main.cpp)
target_link_libraries(shifter-gateway PRIVATE shifter::service)
install(TARGETS shifter-gateway RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT gateway)
