#include "command/user_hook.hpp"

#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::command {
namespace {

[[noreturn]] void become_hook(const Dropped & user, std::string path, std::vector<std::string> environment) {
    try {
        std::string shell = "/bin/sh";
        const std::array<char *, 3> argv = {shell.data(), path.data(), nullptr};
        std::vector<char *> envp;
        envp.reserve(environment.size() + 1);
        for (std::string & entry : environment) envp.push_back(entry.data());
        envp.push_back(nullptr);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        user.caller_state().restore();
        ::execve(shell.c_str(), argv.data(), envp.data());
    } catch (const std::exception &) { // the status says enough
    }
    ::_exit(static_cast<int>(ExitStatus::not_found));
}

} // namespace

void run_user_hook(const Dropped & user, const std::string & module, const std::string & path,
                   const std::vector<std::string> & environment) {
    const std::string what = "the userhook " + quoted(path) + " of module " + quoted(module);
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, "cannot start " + what};
    if (pid == 0) become_hook(user, path, environment);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) throw SysError{errno, "cannot wait for " + what};
    if (WIFSIGNALED(status)) throw Error{what + " was ended by signal " + std::to_string(WTERMSIG(status))};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Error{what + " ended with status " + std::to_string(WEXITSTATUS(status))};
}

} // namespace shifter::command
