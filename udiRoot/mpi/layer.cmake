# shifter-mpi: in front of a command in a container, decides whether the node's MPI takes the place of the image's. It runs
# as the user, in images of any C library.
shifter_library(mpi
  SOURCES mpi/elf_file.cpp mpi/exchange.cpp mpi/prepare.cpp mpi/search.cpp
  HEADERS mpi/elf_file.hpp mpi/exchange.hpp mpi/prepare.hpp mpi/search.hpp
  DEPS base)

add_executable(shifter-mpi mpi/main.cpp)
target_link_libraries(shifter-mpi PRIVATE shifter::mpi)
if(NOT SHIFTER_SANITIZE) # which brings libraries of its own
  target_link_options(shifter-mpi PRIVATE -static)
endif()
install(TARGETS shifter-mpi DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime)
