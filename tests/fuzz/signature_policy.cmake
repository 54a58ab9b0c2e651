shifter_fuzz_target(signature_policy SOURCES signature_policy.fuzz.cpp LAYERS registry)
