shifter_fuzz_target(layer_stream SOURCES layer_stream.fuzz.cpp LAYERS layers)
