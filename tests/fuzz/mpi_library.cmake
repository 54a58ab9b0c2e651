shifter_fuzz_target(mpi_library SOURCES mpi_library.fuzz.cpp LAYERS mpi)
