shifter_fuzz_target(slurm_plugin SOURCES slurm_plugin.fuzz.cpp LAYERS doctor)
