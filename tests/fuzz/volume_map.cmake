shifter_fuzz_target(volume_map SOURCES volume_map.fuzz.cpp LAYERS site)
