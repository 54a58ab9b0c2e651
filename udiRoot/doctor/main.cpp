// shifter-doctor: started by shifter doctor, or by hand. It runs as its caller, and changes nothing.
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "doctor/doctor.hpp"

#include <unistd.h>

int main(int argc, char ** argv) {
    using namespace shifter;
    log::set_program("shifter doctor");
    try {
        std::string out;
        std::string err;
        const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
        const int status = doctor::doctor_main(words, installed::site_config, out, err);
        io::write_all(STDERR_FILENO, err, "the error output");
        io::write_all(STDOUT_FILENO, out, "the output");
        return status;
    } catch (const std::exception & error) {
        log::error(error.what());
        return static_cast<int>(ExitStatus::failed);
    }
}
