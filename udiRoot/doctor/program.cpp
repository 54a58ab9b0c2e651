#include "doctor/program.hpp"

#include "base/argv.hpp"
#include "base/error.hpp"
#include "base/io.hpp"

#include <cerrno>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::doctor {

std::optional<std::string> find_program(const std::string & name) {
    for (const char * folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/", "/usr/local/sbin/"})
        if (const std::string path = folder + name; ::access(path.c_str(), X_OK) == 0) return path;
    return std::nullopt;
}

Outcome run(std::vector<std::string> words, const std::string & input) {
    constexpr std::size_t max_input = 65536; // what a pipe holds, so that writing never waits for the program
    constexpr std::size_t max_output = 1U << 20U;
    const std::string path = words.front();
    if (input.size() > max_input) throw Error{"too much input for " + quoted(path)};
    io::Pipe in = io::make_pipe();
    io::Pipe out = io::make_pipe();
    io::write_all(in.write_end.get(), input, "the input of " + quoted(path));
    in.write_end.reset();

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.read_end.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), STDERR_FILENO);
    pid_t pid = -1;
    const int why = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv_of(words).data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (why != 0) throw SysError{why, "cannot start " + quoted(path)};
    out.write_end.reset();

    Outcome outcome;
    outcome.output = io::read_all(out.read_end.get(), max_output, "the output of " + quoted(path));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) throw SysError{errno, "cannot wait for " + quoted(path)};
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

} // namespace shifter::doctor
