# Ten thousand callers; tests/bench/gateway runs it.
pkg_check_modules(BENCH_MUNGE REQUIRED IMPORTED_TARGET munge)
add_executable(bench_lookups ${CMAKE_CURRENT_LIST_DIR}/lookups.cpp)
target_link_libraries(bench_lookups PRIVATE shifter_settings PkgConfig::BENCH_MUNGE)
