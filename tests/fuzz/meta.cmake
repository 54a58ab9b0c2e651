shifter_fuzz_target(meta SOURCES meta.fuzz.cpp LAYERS site)
