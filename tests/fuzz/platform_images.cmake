shifter_fuzz_target(platform_images SOURCES platform_images.fuzz.cpp LAYERS frontend)
