shifter_fuzz_target(udiroot_conf SOURCES udiroot_conf.fuzz.cpp LAYERS site)
