// Carries the precompiled headers of SHIFTER_PRECOMPILED_HEADERS.
