#include "command/run.hpp"

#include "base/argv.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "command/choice.hpp"
#include "command/environment.hpp"
#include "command/user_hook.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::command {
namespace {

constexpr std::size_t max_environment_file = 4U << 20U;

void enter_workdir(const std::string & workdir) {
    if (workdir.empty()) {
        log::warning("your current directory cannot be determined; staying in /");
    } else if (::chdir(workdir.c_str()) != 0) {
        log::warning("cannot enter " + quoted(workdir) + " in the container: " + describe_errno(errno) +
                     "; staying in /");
    }
}

std::vector<std::string> read_environment_file(const std::string & path) {
    UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    if (!file) throw SysError{errno, "cannot open the env file " + quoted(path) + " in the container"};
    return parse_environment_file(io::read_all(file.get(), max_environment_file, "the env file " + quoted(path)))
        .value_or_throw("cannot use the env file " + quoted(path));
}

/** H1-4: SHELL of the container's environment, if the container has it. */
std::string choose_shell(const Environment & environment) {
    const std::string * const shell = environment.find("SHELL");
    struct stat status {};
    const bool usable = shell != nullptr && !shell->empty() && shell->front() == '/' &&
                        ::stat(shell->c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
                        ::access(shell->c_str(), X_OK) == 0;
    return usable ? *shell : "/bin/sh";
}

/** What errno alone does not tell; contract 1.7 has the part in front. */
const char * advice_for(const std::string & command, int why) {
    if (why == ENOEXEC) return "; it is made for another kind of machine, as the whole image may be";
    if (why != ENOENT) return "";
    // A script, or a program for another C library: "No such file" alone sends its owner to look for what is there.
    if (command.find('/') != std::string::npos && ::access(command.c_str(), F_OK) == 0)
        return "; the file is there, and the interpreter that it names is not";
    if (command.find(' ') != std::string::npos) return "; command and arguments are words of their own, without quotes";
    return "";
}

} // namespace

int run_command(const Dropped & user, const Invocation & invocation, const char * program) {
    enter_workdir(invocation.workdir);
    std::vector<std::string> file;
    if (invocation.request.environment_file) file = read_environment_file(*invocation.request.environment_file);
    const Environment environment = compose_environment({.host = user.caller_state().environment,
                                                         .image = invocation.image,
                                                         .request = invocation.request,
                                                         .file = file,
                                                         .modules = invocation.modules,
                                                         .site = invocation.site});

    std::vector<std::string> words = invocation.words;
    if (words.empty()) words.push_back(choose_shell(environment));
    const std::vector<std::string> wrappers = wrappers_of(invocation.modules);
    words.insert(words.begin(), wrappers.begin(), wrappers.end());
    std::vector<std::string> variables = environment.entries();
    for (const Module * module : invocation.modules)
        if (!module->user_hook.empty()) run_user_hook(user, module->name, module->user_hook, variables);
    const std::vector<char *> argv = argv_of(words);
    std::vector<char *> envp = argv_of(variables);

    user.caller_state().restore();
    environ = envp.data(); // execvp() searches the PATH of this one, the container's
    ::execvp(argv.front(), argv.data());
    const int why = errno;
    environ = nullptr;
    const bool absent = why == ENOENT || why == ENOTDIR;
    const std::string line = std::string{program} + ": " + log::one_line(words.front()) + ": " + describe_errno(why) +
                             advice_for(words.front(), why) + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    return static_cast<int>(absent ? ExitStatus::not_found : ExitStatus::not_executable);
}

} // namespace shifter::command
