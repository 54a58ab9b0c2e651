find_package(nlohmann_json REQUIRED)
shifter_fuzz_target(http_request SOURCES http_request.fuzz.cpp LAYERS api PRIVATE nlohmann_json::nlohmann_json)
