# Whether the plugin can be built: which Slurm the headers below SHIFTER_SLURM_INCLUDE_DIR are of, as slurm_version, slurm_major and
# slurm_minor, and slurm_problem, a sentence, or nothing. SHIFTER_SLURM_ANY_VERSION takes them as they are.

# The releases that the tests of tests/cluster have been run with: the one place that names them; docs/how-to/slurm.md says why.
set(slurm_oldest 22.05)
set(slurm_newest 22.05)

set(slurm_problem "")
set(slurm_version "")
if(NOT SHIFTER_SLURM_INCLUDE_DIR)
  set(slurm_problem "slurm/spank.h was not found (Debian: libslurm-dev); say where with -DSHIFTER_SLURM_INCLUDE_DIR=")
  return()
endif()
set(slurm_line "")
if(EXISTS ${SHIFTER_SLURM_INCLUDE_DIR}/slurm/slurm_version.h)
  file(STRINGS ${SHIFTER_SLURM_INCLUDE_DIR}/slurm/slurm_version.h slurm_line REGEX "define +SLURM_VERSION_NUMBER +0x[0-9a-fA-F]+")
endif()
if(NOT slurm_line)
  set(slurm_problem "${SHIFTER_SLURM_INCLUDE_DIR}/slurm/slurm_version.h does not tell the release of Slurm")
  return()
endif()
string(REGEX REPLACE ".*0x([0-9a-fA-F]+).*" "0x\\1" slurm_number "${slurm_line}")
math(EXPR slurm_major "${slurm_number} >> 16")
math(EXPR slurm_minor "(${slurm_number} >> 8) & 255")
if(slurm_minor LESS 10)
  string(PREPEND slurm_minor 0)
endif()
set(slurm_version ${slurm_major}.${slurm_minor})
if(NOT SHIFTER_SLURM_ANY_VERSION AND
   (slurm_version VERSION_LESS slurm_oldest OR slurm_version VERSION_GREATER slurm_newest))
  string(CONCAT slurm_problem "the headers are those of Slurm ${slurm_version}, and the plugin is known to work with "
    "${slurm_oldest} to ${slurm_newest}; -DSHIFTER_SLURM_ANY_VERSION=ON builds it all the same, and "
    "tests/run cluster tells whether it works")
endif()
