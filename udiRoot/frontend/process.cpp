#include "frontend/process.hpp"

#include "base/argv.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "frontend/frontend.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace shifter::frontend {
namespace {

/** As getenv(3): the first entry of a name counts. */
std::optional<std::string> variable(const std::vector<std::string> & environment, const std::string & name) {
    for (const std::string & entry : environment)
        if (entry.size() > name.size() && entry[name.size()] == '=' && entry.compare(0, name.size(), name) == 0)
            return entry.substr(name.size() + 1);
    return std::nullopt;
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
bool asks_for_processes(const std::vector<std::string> & words, const Variables & variables) {
    if (words.empty() || words[0] != "ps") return false;
    if (words.size() > 1 && words[1].compare(0, 3, "--j") == 0) return true;
    for (const char * const name : {"SHIFTER_IMAGE", "SHIFTER_IMAGEREQUEST", "SLURM_SPANK_SHIFTER_IMAGE"})
        if (variables(name)) return false;
    return true;
}

[[noreturn]] void become(const char * program, char ** words, std::vector<std::string> environment) {
    ::execve(program, words, argv_of(environment).data());
    throw SysError{errno, "cannot start " + quoted(program)};
}

/** Beside what shifter itself does meanwhile. */
void say_time(std::chrono::steady_clock::duration time) {
    std::array<char, 96> line{};
    (void)std::snprintf(line.data(), line.size(), "shifter: timing: %.3f ms in the front end: options, image look-up\n",
                        std::chrono::duration<double, std::milli>(time).count());
    io::write_all(STDERR_FILENO, std::string_view{line.data()}, "the error output");
}

} // namespace

std::variant<std::string, int> answer(char ** argv, const std::vector<std::string> & environment,
                                      const SiteConfig * site) {
    const auto begin = std::chrono::steady_clock::now();
    char ** const first = argv[0] != nullptr ? argv + 1 : argv;
    std::vector<std::string> words;
    for (char ** word = first; *word != nullptr; ++word) words.emplace_back(*word);
    const Variables variables = [&](const std::string & name) { return variable(environment, name); };
    if (!words.empty() && words[0] == doctor_word) become(installed::doctor, first, environment);
    if (asks_for_processes(words, variables)) become(installed::list_processes, first, environment);
    log::set_level(log::Level::error); // the privileged side has read the same configuration, and warns
    Output output;
    const auto result = run_frontend(
        words, {variables, installed::site_config, current_directory(), ::getuid(), ::getgid(), site}, output);
    io::write_all(STDERR_FILENO, output.err, "the error output");
    io::write_all(STDOUT_FILENO, output.out, "the output");
    if (const int * const status = std::get_if<int>(&result)) return *status;
    const auto & request = std::get<RunRequest>(result);
    if (request.timing) say_time(std::chrono::steady_clock::now() - begin);
    return encode(request);
}

} // namespace shifter::frontend
