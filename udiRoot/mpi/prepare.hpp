/**
 * @file
 * A module's directory with the node's MPI: shifter-mpi itself, and lib/ with the libraries under their SONAMEs.
 */
#pragma once

#include <string>
#include <vector>

namespace shifter::mpi {

/**
 * Copies `libraries` and all that they need, but for the C and C++ libraries, which are each image's own. Writes the
 * names of what it copied to the standard output. @throws Error; an existing `directory` is refused, and nothing is
 * left
 */
void prepare(const std::string & program_folder, const std::string & directory,
             const std::vector<std::string> & libraries);

} // namespace shifter::mpi
