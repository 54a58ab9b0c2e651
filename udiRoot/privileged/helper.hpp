/**
 * @file
 * Programs of the site that run as root: hooks and mkfs.xfs. I4, I37; contract 5.4 with H5-4 done right.
 */
#pragma once

#include "site/trusted_file.hpp"

#include <string>
#include <vector>

namespace shifter::privileged {

struct Helper {
    const TrustedFile & program; ///< opened as an executable: it, and the way to it, are root's alone
    std::vector<std::string> arguments;
    std::string name{}; ///< for messages; empty: the program's path
    std::vector<std::string> environment; ///< the whole of it
    int directory = -1;                   ///< where it starts; -1: "/"
    int passed = -1;                      ///< becomes its descriptor 3
    bool privileged = false;              ///< keeps the capabilities of root; without: the uid alone
    bool quiet = false;                   ///< its outputs go to /dev/null, else to the caller's
};

/**
 * Executes the program itself, without a shell, and waits: uid and gid 0, standard input /dev/null, descriptors 0 to 2
 * (and 3), default signals and limits, umask 022. It ends with this process. @throws Error, with `what` in front, when
 * it cannot be executed or does not end with status 0
 */
void run_helper(const Helper & helper, const std::string & what);

} // namespace shifter::privileged
