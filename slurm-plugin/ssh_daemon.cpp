#include "slurm-plugin/ssh_daemon.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "privileged/job_root.hpp"
#include "privileged/privileges.hpp"
#include "slurm-plugin/child.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace shifter::slurm_plugin {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds patience{10};
constexpr milliseconds watched{300}; ///< a port that is taken ends sshd within this time

std::vector<char *> pointers_to(std::vector<std::string> & strings) {
    std::vector<char *> pointers;
    pointers.reserve(strings.size() + 1);
    for (std::string & entry : strings) pointers.push_back(entry.data());
    pointers.push_back(nullptr);
    return pointers;
}

void default_signals() {
    for (int number = 1; number < NSIG; ++number) (void)::signal(number, SIG_DFL); // some cannot be set, nor need be
    sigset_t none{};
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr); // NOLINT(concurrency-mt-unsafe): one thread, after fork
}

/** In the child. Its standard error is the pipe that the daemon reads until something is executed. */
[[noreturn]] void become_daemon(const SshDaemon & daemon, int program, int in, int err, pid_t parent) {
    try {
        default_signals();
        if (::setsid() < 0 || ::dup2(in, STDIN_FILENO) < 0 || ::dup2(err, STDERR_FILENO) < 0 ||
            ::dup2(err, STDOUT_FILENO) < 0)
            throw SysError{errno, "cannot prepare the start of sshd"};
        char byte = 0;
        if (::read(STDIN_FILENO, &byte, 1) != 1) ::_exit(1); // the sign that this process is contained
        privileged::move_task_into(daemon.mount_namespace);
        privileged::give_up_root(daemon.user);
        // After the change of ids, which would undo it; and not for a parent that has gone meanwhile.
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) throw SysError{errno, "cannot tie sshd to its step"};
        if (::getppid() != parent) ::_exit(1);
        (void)::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
        std::vector<std::string> words = {"shifter-sshd", std::to_string(daemon.port), daemon.address};
        std::vector<std::string> environment = daemon.environment;
        ::fexecve(program, pointers_to(words).data(), pointers_to(environment).data());
        throw SysError{errno, "cannot execute shifter-sshd"};
    } catch (const std::exception & error) {
        const std::string line = error.what();
        (void)!::write(STDERR_FILENO, line.data(), line.size());
    }
    ::_exit(1);
}

/** What is said until the other side closes the pipe, which sshd does by being executed. */
std::string read_complaint(int fd) {
    const auto deadline = Clock::now() + patience;
    std::string text;
    std::array<char, 1024> buffer{};
    for (;;) {
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
        pollfd wanted{fd, POLLIN, 0};
        if (left <= milliseconds{0} || text.size() > 4096) return text + "it takes too long to start";
        if (::poll(&wanted, 1, static_cast<int>(left.count())) <= 0) continue;
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0 || (count < 0 && errno != EINTR)) return text;
    }
}

/** Whether our child ends while it is watched; its status. */
bool ends_at_once(pid_t pid, int & status) {
    for (const auto end = Clock::now() + watched; Clock::now() < end;) {
        if (::waitpid(pid, &status, WNOHANG) == pid) return true;
        std::this_thread::sleep_for(milliseconds{10});
    }
    return false;
}

} // namespace

unsigned port_of_job(unsigned long job, unsigned first, unsigned last) {
    return first + static_cast<unsigned>(job % (last - first + 1UL));
}

void start_ssh_daemon(const SshDaemon & daemon, const std::function<void(pid_t)> & contain) {
    const std::string path = std::string{installed::prefix} + "/libexec/shifter/shifter-sshd";
    const UniqueFd program{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (!program) throw SysError{errno, "cannot open " + path};
    io::Pipe in = io::make_pipe();
    io::Pipe err = io::make_pipe();
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, "cannot start a process for sshd"};
    if (pid == 0) become_daemon(daemon, program.get(), in.read_end.get(), err.write_end.get(), parent);
    err.write_end.reset();
    int status = 0;
    std::string complaint;
    try {
        contain(pid);
        // We hold the reading end, too: no SIGPIPE, whatever the child does; and it fits into the pipe.
        io::write_all(in.write_end.get(), "+" + daemon.keys, "the keys");
        in.write_end.reset();
        in.read_end.reset();
        complaint = std::string{text::trim(read_complaint(err.read_end.get()))};
    } catch (const std::exception & error) {
        complaint = error.what();
    }
    if (complaint.empty() && ends_at_once(pid, status))
        throw Error{"sshd ended with " + describe_end(status) + "; is port " + std::to_string(daemon.port) +
                    " taken? Its own words are in /etc/ssh/sshd.log of the container"};
    if (complaint.empty()) return;
    // Nobody else waits for it, so its number is still its own.
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, &status, 0);
    throw Error{log::one_line(complaint)};
}

} // namespace shifter::slurm_plugin
