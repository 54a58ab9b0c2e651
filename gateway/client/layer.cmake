# shifterimg: the gateway's client, for people, scripts and the runtime's front end.
find_package(CURL REQUIRED)
find_package(nlohmann_json REQUIRED)
shifter_library(client
  SOURCES client/accounts.cpp client/credential_file.cpp client/curl_transport.cpp client/failure.cpp client/format.cpp
          client/gateway_client.cpp client/image_info.cpp client/image_modes.cpp client/json_output.cpp
          client/layer_tree.cpp client/image_stream.cpp client/load_mode.cpp
          client/login_mode.cpp client/login_sources.cpp client/options.cpp client/progress_view.cpp client/pull_mode.cpp
          client/share_mode.cpp client/shifterimg.cpp client/terminal.cpp
  HEADERS client/accounts.hpp client/credential_file.hpp client/failure.hpp client/format.hpp client/gateway_client.hpp
          client/image_info.hpp client/json_output.hpp client/image_stream.hpp client/layer_tree.hpp client/login_sources.hpp
          client/progress_view.hpp client/modes.hpp client/options.hpp client/shifterimg.hpp client/surroundings.hpp
          client/terminal.hpp client/transport.hpp
  DEPS base site auth
  PRIVATE CURL::libcurl nlohmann_json::nlohmann_json)
add_executable(shifterimg client/main.cpp)
target_link_libraries(shifterimg PRIVATE shifter::client)
install(TARGETS shifterimg RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT client)
install(FILES ${PROJECT_SOURCE_DIR}/etc/completions/shifterimg
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT client)
