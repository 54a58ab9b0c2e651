// shifter-frontend: started by shifter, as the caller and for good. It answers on descriptor 3.
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "frontend/frontend.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr int answer_fd = 3;

std::optional<std::string> variable(const std::string & name) {
    const char * const value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): one thread
    return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

std::string current_directory() {
    char * const path = ::getcwd(nullptr, 0);
    std::string result = path != nullptr && path[0] == '/' ? path : "";
    std::free(path); // NOLINT(cppcoreguidelines-no-malloc): glibc allocated it
    return result;
}

/** "shifter doctor …" is no launch. The first word alone decides, so `shifter -- doctor` runs an image's command. */
constexpr std::string_view doctor_word = "doctor";

/** "shifter ps" lists containers; but where an image is selected it is the image's, as ever, unless --job or --json
 * follows. */
bool asks_for_processes(int argc, char ** argv) {
    if (argc < 2 || std::string_view{argv[1]} != "ps") return false;
    if (argc > 2 && std::string_view{argv[2]}.substr(0, 3) == "--j") return true;
    for (const char * const name : {"SHIFTER_IMAGE", "SHIFTER_IMAGEREQUEST", "SLURM_SPANK_SHIFTER_IMAGE"})
        if (variable(name)) return false;
    return true;
}

[[noreturn]] void become(const char * program, char ** words) {
    using namespace shifter;
    ::close(answer_fd); // shifter waits for the exit status, then
    ::execv(program, words);
    throw SysError{errno, "cannot start " + quoted(program)};
}

/** Beside what shifter itself does meanwhile. */
void say_time(std::chrono::steady_clock::duration time) {
    std::array<char, 96> line{};
    (void)std::snprintf(line.data(), line.size(),
                        "shifter: timing: %.3f ms in the front end: options, configuration, image look-up\n",
                        std::chrono::duration<double, std::milli>(time).count());
    shifter::io::write_all(STDERR_FILENO, std::string_view{line.data()}, "the error output");
}

int run(int argc, char ** argv) {
    using namespace shifter;
    struct stat status {};
    if (::fstat(answer_fd, &status) != 0 || !S_ISSOCK(status.st_mode))
        throw Error{"shifter-frontend is started by shifter, not by hand"};
    if (argc > 1 && argv[1] == doctor_word) become(installed::doctor, argv + 1);
    if (asks_for_processes(argc, argv)) become(installed::list_processes, argv + 1);
    log::set_level(log::Level::error); // the privileged side reads the same configuration, and warns
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    frontend::Output output;
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = frontend::run_frontend(
        arguments, {variable, installed::site_config, current_directory(), ::getuid(), ::getgid()}, output);
    io::write_all(STDERR_FILENO, output.err, "the error output");
    io::write_all(STDOUT_FILENO, output.out, "the output");
    if (const int * const exit_status = std::get_if<int>(&answer)) return *exit_status;
    if (std::get<RunRequest>(answer).timing) say_time(std::chrono::steady_clock::now() - begin);
    io::write_all(answer_fd, encode(std::get<RunRequest>(answer)), "the answer");
    (void)::shutdown(answer_fd, SHUT_WR); // nobody waits for the end of this process
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception & error) {
        shifter::log::error(error.what());
        return static_cast<int>(shifter::ExitStatus::failed);
    }
}
