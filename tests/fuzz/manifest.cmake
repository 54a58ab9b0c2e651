shifter_fuzz_target(manifest SOURCES manifest.fuzz.cpp LAYERS oci)
