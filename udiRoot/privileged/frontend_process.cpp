#include "privileged/frontend_process.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "privileged/child.hpp"
#include "privileged/privileges.hpp"
#include "request/run_request.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace shifter::privileged {
namespace {

/** Longer than the front end's own limits; for one that was stopped or does not end. */
constexpr std::chrono::minutes patience{10};

[[noreturn]] void become_frontend(const Identity & caller, const command::CallerState & state, char ** argv, int answer,
                                  pid_t parent) {
    try {
        if (holds_root()) give_up_root(caller);
        if (::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
            throw SysError{errno, "cannot tie the front end to shifter"};
        if (::getppid() != parent) ::_exit(1); // nobody waits any more
        if (answer == frontend_answer_fd ? ::fcntl(answer, F_SETFD, 0) != 0
                                         : ::dup2(answer, frontend_answer_fd) != frontend_answer_fd)
            throw SysError{errno, "cannot hand over the answer's descriptor"};
        // Descriptors of the caller above 2 are for his command, not for the front end.
        if (::close_range(frontend_answer_fd + 1, ~0U, 0) != 0) throw SysError{errno, "cannot close descriptors"};
        std::vector<std::string> variables = state.environment;
        std::vector<char *> envp;
        envp.reserve(variables.size() + 1);
        for (std::string & entry : variables) envp.push_back(entry.data());
        envp.push_back(nullptr);
        state.restore();
        ::execve(installed::frontend, argv, envp.data());
        throw SysError{errno, "cannot start " + quoted(installed::frontend)};
    } catch (const std::exception & error) {
        const std::string line = std::string{"shifter: "} + error.what() + "\n";
        (void)!::write(STDERR_FILENO, line.data(), line.size());
    }
    ::_exit(static_cast<int>(ExitStatus::failed));
}

/** Reads to the end, with the caller's signal mask while waiting: nothing is built yet that an end could leave behind.
 */
std::string read_answer(int fd, const sigset_t & caller_mask) {
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string bytes;
    std::array<char, 16384> buffer{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::seconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) throw Error{"the front end gave no answer in ten minutes"};
        struct pollfd waiting {
            fd, POLLIN, 0
        };
        const struct timespec limit { left.count(), 0 };
        const int ready = ::ppoll(&waiting, 1, &limit, &caller_mask);
        if (ready < 0 && errno != EINTR) throw SysError{errno, "cannot wait for the front end"};
        if (ready <= 0) continue;
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0) throw SysError{errno, "cannot read the front end's answer"};
        if (count == 0) return bytes;
        bytes.append(buffer.data(), static_cast<std::size_t>(count));
        if (bytes.size() > max_request_bytes) throw Error{"the request is larger than 4 MiB"};
    }
}

/** For a front end that answered nothing: it has explained itself, or a signal ended it. */
int status_without_answer(int status, const sigset_t & caller_mask) {
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    // A Ctrl-C that ended the front end waits for this process, too: let it come.
    ::sigprocmask(SIG_SETMASK, &caller_mask, nullptr); // NOLINT(concurrency-mt-unsafe): one thread
    throw Error{"the front end was ended by signal " + std::to_string(WTERMSIG(status))};
}

} // namespace

Frontend::Frontend(const Identity & caller, const command::CallerState & state, char ** argv) : state_{state} {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw SysError{errno, "cannot make a socket"};
    channel_.reset(ends[0]);
    const UniqueFd theirs{ends[1]};
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw SysError{errno, "cannot start the front end"};
    if (pid_ == 0) become_frontend(caller, state, argv, theirs.get(), parent);
}

std::variant<std::string, int> Frontend::answer() {
    std::string bytes = read_answer(channel_.get(), state_.signal_mask);
    if (!bytes.empty()) return bytes; // one that is not whole is not decoded
    return status_without_answer(wait_for(std::exchange(pid_, -1)), state_.signal_mask);
}

void Frontend::finish() noexcept {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

} // namespace shifter::privileged
