# Compiler settings ride on two INTERFACE targets; nothing sets global flags.
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(SHIFTER_CCACHE ccache)
if(SHIFTER_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SHIFTER_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SHIFTER_CCACHE})
endif()
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(shifter_settings INTERFACE)
target_compile_features(shifter_settings INTERFACE cxx_std_20)
target_compile_options(shifter_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Werror=return-type)
option(SHIFTER_WERROR "warnings are errors" OFF)
if(SHIFTER_WERROR)
  target_compile_options(shifter_settings INTERFACE -Werror)
endif()
target_compile_definitions(shifter_settings INTERFACE _GNU_SOURCE)
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(shifter_hardening INTERFACE)
target_compile_options(shifter_hardening INTERFACE
  -fstack-protector-strong -fstack-clash-protection -fcf-protection
  -U_FORTIFY_SOURCE $<$<NOT:$<OR:$<CONFIG:Debug>,$<BOOL:$<TARGET_PROPERTY:SHIFTER_QUICK_TO_COMPILE>>>>:-D_FORTIFY_SOURCE=3>)
target_link_options(shifter_hardening INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(SHIFTER_SANITIZE)
  target_compile_options(shifter_settings INTERFACE
    -fsanitize=${SHIFTER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(shifter_settings INTERFACE -fsanitize=${SHIFTER_SANITIZE})
endif()
if(SHIFTER_BUILD_FUZZERS)
  # Coverage for every layer that a fuzz target links; the targets add the libFuzzer main themselves.
  target_compile_options(shifter_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
# -fPIC in libraries, some of which Slurm loads; -fPIE in programs.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# shifter_static_program(<program>): it starts at each launch, and the dynamic loader would take most of its time.
function(shifter_static_program program)
  if(SHIFTER_SANITIZE) # brings libraries of its own
    target_link_options(${program} PRIVATE -pie)
    return()
  endif()
  # CMake's own -pie behind -static-pie would make a dynamic program of it again.
  set_property(TARGET ${program} PROPERTY POSITION_INDEPENDENT_CODE)
  target_compile_options(${program} PRIVATE -fPIE)
  target_link_options(${program} PRIVATE -static-pie -Wl,--fatal-warnings)
endfunction()

# Paths that programs know from birth: no argument and no variable has a say in them (I8).
configure_file(${PROJECT_SOURCE_DIR}/cmake/installed_paths.hpp.in
               ${PROJECT_BINARY_DIR}/generated/base/installed_paths.hpp @ONLY)
