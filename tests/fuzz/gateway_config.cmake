shifter_fuzz_target(gateway_config SOURCES gateway_config.fuzz.cpp LAYERS service)
