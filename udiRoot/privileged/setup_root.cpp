// setupRoot and unsetupRoot: the places of the two programs that prepare a job's root. This version does not prepare
// one.
#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"

#include <string>
#include <string_view>

int main(int argc, char ** argv) {
    using namespace shifter;
    const std::string program = SHIFTER_PROGRAM;
    log::set_program(SHIFTER_PROGRAM);
    const std::string_view option = argc > 1 ? argv[1] : "";
    try {
        if (option == "--version") {
            io::write_all(1, program + " " + installed::version + "\n", "the output");
            return 0;
        }
        if (option == "--help" || option == "-h") {
            io::write_all(1, "usage: " + program + " is not supported by this version; see " + program + "(8)\n",
                          "the output");
            return 0;
        }
    } catch (const std::exception & error) {
        log::error(error.what());
        return static_cast<int>(ExitStatus::failed);
    }
    log::error("roots for whole jobs are not supported by this version; shifter builds one at each launch, and nothing "
               "was changed");
    return static_cast<int>(ExitStatus::failed);
}
