shifter_fuzz_target(reference SOURCES reference.fuzz.cpp LAYERS base)
