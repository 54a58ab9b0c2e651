shifter_fuzz_target(run_request SOURCES run_request.fuzz.cpp LAYERS request)
