# shifter-doctor: what keeps containers from starting on this node. It runs as its caller, without any privilege.
shifter_library(doctor
  SOURCES doctor/doctor.cpp doctor/elf_symbol.cpp doctor/gateway_checks.cpp doctor/kernel_checks.cpp
          doctor/program.cpp doctor/report.cpp doctor/site_checks.cpp doctor/slurm_checks.cpp
  HEADERS doctor/checks.hpp doctor/doctor.hpp doctor/elf_symbol.hpp doctor/finding.hpp doctor/program.hpp
          doctor/report.hpp
  DEPS base site)

add_executable(shifter-doctor doctor/main.cpp)
target_link_libraries(shifter-doctor PRIVATE shifter::doctor)
target_link_options(shifter-doctor PRIVATE -pie)
install(TARGETS shifter-doctor DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime)
