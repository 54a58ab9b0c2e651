shifter_fuzz_target(mount_option SOURCES mount_option.fuzz.cpp LAYERS frontend)
