#include "command/caller_state.hpp"

#include "base/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::command {
namespace {

/** A file opened later must never become somebody's stdin, stdout or stderr. */
void open_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        // The lowest free number is taken, which is this one.
        // NOLINTNEXTLINE(android-cloexec-open): it is for the command, too
        if (::open("/dev/null", O_RDWR) != fd) throw SysError{errno, "cannot open /dev/null for a closed descriptor"};
    }
}

} // namespace

void block_signals(sigset_t * before) {
    sigset_t all;
    ::sigfillset(&all);
    if (::sigprocmask(SIG_SETMASK, &all, before) != 0) // NOLINT(concurrency-mt-unsafe): one thread
        throw SysError{errno, "cannot block signals"};
}

CallerState CallerState::take() {
    open_standard_descriptors();
    CallerState state;
    for (char ** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        state.environment.emplace_back(*entry);
    if (::clearenv() != 0) // NOLINT(concurrency-mt-unsafe): one thread
        throw Error{"cannot clear the environment"};
    state.umask = ::umask(022);

    if (::getrlimit(RLIMIT_CORE, &state.core_limit) != 0) throw SysError{errno, "cannot read the core file limit"};
    struct rlimit no_core = state.core_limit;
    no_core.rlim_cur = 0; // the hard limit stays: lowering it could not be taken back
    if (::setrlimit(RLIMIT_CORE, &no_core) != 0) throw SysError{errno, "cannot forbid core files"};

    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    if (::sigaction(SIGCHLD, &standard, &state.child_signal) != 0)
        throw SysError{errno, "cannot set SIGCHLD to its default"};
    block_signals(&state.signal_mask);
    return state;
}

void CallerState::restore() const {
    ::umask(umask);
    if (::setrlimit(RLIMIT_CORE, &core_limit) != 0) throw SysError{errno, "cannot restore the core file limit"};
    if (::sigaction(SIGCHLD, &child_signal, nullptr) != 0) throw SysError{errno, "cannot restore SIGCHLD"};
    if (::sigprocmask(SIG_SETMASK, &signal_mask, nullptr) != 0) // NOLINT(concurrency-mt-unsafe): one thread
        throw SysError{errno, "cannot restore the signal mask"};
}

} // namespace shifter::command
