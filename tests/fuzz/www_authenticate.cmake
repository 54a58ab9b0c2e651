shifter_fuzz_target(www_authenticate SOURCES www_authenticate.fuzz.cpp LAYERS registry)
