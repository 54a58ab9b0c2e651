find_package(nlohmann_json REQUIRED)
shifter_fuzz_target(http_request SOURCES http_request.fuzz.cpp LAYERS api PRIVATE nlohmann_json::nlohmann_json)
# The status page is read from the tree.
target_compile_definitions(fuzz_http_request PRIVATE SHIFTER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
