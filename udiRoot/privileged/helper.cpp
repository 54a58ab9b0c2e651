#include "privileged/helper.hpp"

#include "base/argv.hpp"
#include "base/error.hpp"
#include "base/io.hpp"
#include "privileged/child.hpp"
#include "privileged/privileges.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr int passed_fd = 3;
constexpr int report_fd = 4; ///< closed by a successful execve(2)

bool arrange_descriptors(const Helper & helper, int report) {
    // Above the places first, so that no copy overwrites another.
    const int high_report = ::fcntl(report, F_DUPFD, 10);
    const int high_passed = helper.passed >= 0 ? ::fcntl(helper.passed, F_DUPFD, 10) : -1;
    const int high_directory = helper.directory >= 0 ? ::fcntl(helper.directory, F_DUPFD, 10) : -1;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (high_report < 0 || null < 0 || ::dup2(null, STDIN_FILENO) < 0) return false;
    if (helper.quiet && (::dup2(null, STDOUT_FILENO) < 0 || ::dup2(null, STDERR_FILENO) < 0)) return false;
    if (helper.passed >= 0 ? ::dup2(high_passed, passed_fd) < 0 : ::close_range(passed_fd, passed_fd, 0) != 0)
        return false;
    if (::dup2(high_report, report_fd) < 0 || ::fcntl(report_fd, F_SETFD, FD_CLOEXEC) != 0) return false;
    if (helper.directory >= 0 ? ::fchdir(high_directory) != 0 : ::chdir("/") != 0) return false;
    return ::close_range(report_fd + 1, ~0U, 0) == 0;
}

/** The caller's limits are for his command: a helper that runs into one would leave its work half done. */
void lift_limit(__rlimit_resource what, rlim_t most) {
    struct rlimit limit {
        most, RLIM_INFINITY
    };
    if (::setrlimit(what, &limit) == 0) return;
    // A root that may not raise hard limits, as in a container of the node's own.
    if (errno != EPERM || ::getrlimit(what, &limit) != 0) throw SysError{errno, "cannot lift a limit"};
    limit.rlim_cur = std::min(most, limit.rlim_max);
    if (::setrlimit(what, &limit) != 0) throw SysError{errno, "cannot lift a limit"};
}

void lift_limits() {
    for (const __rlimit_resource what : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NPROC})
        lift_limit(what, RLIM_INFINITY);
    lift_limit(RLIMIT_NOFILE, 1024);
    lift_limit(RLIMIT_STACK, 8U << 20U);
}

[[noreturn]] void become_helper(const Helper & helper, int report, pid_t parent) {
    int why = 0;
    try {
        // Both ids: a shell whose real and effective ones differ gives up the latter.
        if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) throw SysError{errno, "cannot set ids"};
        lift_limits();
        if (!helper.privileged) give_up_capabilities();
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != parent) ::_exit(1);
        if (!arrange_descriptors(helper, report)) throw SysError{errno, "cannot arrange descriptors"};
        for (int number = 1; number < NSIG; ++number) (void)::signal(number, SIG_DFL);
        unblock_signals();
        std::vector<std::string> words = {helper.program.path()};
        words.insert(words.end(), helper.arguments.begin(), helper.arguments.end());
        std::vector<std::string> variables = helper.environment;
        const std::vector<char *> argv = argv_of(words);
        const std::vector<char *> envp = argv_of(variables);
        // By its path, which no one but root can change: the interpreter of a script opens it anew.
        ::execve(argv.front(), argv.data(), envp.data());
        why = errno;
        (void)!::write(report_fd, &why, sizeof why);
    } catch (const SysError & error) {
        why = error.error_number();
        (void)!::write(report, &why, sizeof why);
    } catch (const std::exception &) { // a wait status that is not 0 says enough
    }
    ::_exit(1);
}

} // namespace

void run_helper(const Helper & helper, const std::string & what) {
    const std::string name = quoted(helper.name.empty() ? helper.program.path() : helper.name);
    io::Pipe report = io::make_pipe();
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, what + ": cannot start " + name};
    if (pid == 0) become_helper(helper, report.write_end.get(), parent);
    report.write_end.reset();
    int why = 0;
    ssize_t count = 0;
    do count = ::read(report.read_end.get(), &why, sizeof why);
    while (count < 0 && errno == EINTR);
    const int status = wait_for(pid);
    if (count == sizeof why) throw SysError{why, what + ": cannot execute " + name};
    if (WIFSIGNALED(status))
        throw Error{what + ": " + name + " was ended by signal " + std::to_string(WTERMSIG(status))};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Error{what + ": " + name + " ended with status " + std::to_string(WEXITSTATUS(status))};
}

} // namespace shifter::privileged
