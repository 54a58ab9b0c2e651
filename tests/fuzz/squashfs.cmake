shifter_fuzz_target(squashfs SOURCES squashfs.fuzz.cpp LAYERS squash layers)
