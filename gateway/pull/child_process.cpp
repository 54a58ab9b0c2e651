#include "pull/child_process.hpp"

#include "base/error.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::pull {
namespace {

/** What posix_spawn(3) is told; goes with the object. */
struct SpawnPlan {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    explicit SpawnPlan(ChildProcess::Streams streams) {
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        int error = ::posix_spawn_file_actions_init(&actions);
        error = error != 0 ? error : ::posix_spawnattr_init(&attributes);
        const int sources[] = {streams.input, streams.output, streams.errors};
        for (int target = 0; error == 0 && target < 3; ++target)
            error = ::posix_spawn_file_actions_adddup2(&actions, sources[target], target);
        // The service blocks the signals that end it, and ignores SIGPIPE: a program must not begin so.
        error = error != 0 ? error : ::posix_spawnattr_setsigmask(&attributes, &none);
        error = error != 0 ? error : ::posix_spawnattr_setsigdefault(&attributes, &all);
        error = error != 0 ? error : ::posix_spawnattr_setpgroup(&attributes, 0);
        error = error != 0 ? error
                           : ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                                         POSIX_SPAWN_SETPGROUP);
        if (error != 0) throw SysError{error, "cannot prepare a program's start"};
    }
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnPlan(const SpawnPlan &) = delete;
    SpawnPlan & operator=(const SpawnPlan &) = delete;
};

std::vector<char *> pointers(const std::vector<std::string> & texts) {
    std::vector<char *> result;
    result.reserve(texts.size() + 1);
    for (const std::string & text : texts) result.push_back(const_cast<char *>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

} // namespace

Pipe::Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw SysError{errno, "cannot make a pipe"};
    read.reset(ends[0]);
    write.reset(ends[1]);
}

ChildProcess::ChildProcess(const std::vector<std::string> & argv, const std::vector<std::string> & environment,
                           Streams streams) {
    const SpawnPlan plan{streams};
    const auto words = pointers(argv);
    const auto variables = pointers(environment);
    const int error =
        ::posix_spawn(&pid_, argv.front().c_str(), &plan.actions, &plan.attributes, words.data(), variables.data());
    if (error != 0) throw SysError{error, "cannot start " + quoted(argv.front())};
}

void ChildProcess::end_group() const noexcept { (void)::kill(-pid_, SIGKILL); }

ChildProcess::~ChildProcess() {
    if (is_reaped_) return;
    // Before the leader is waited for: until then its number, which is the group's, is nobody else's.
    end_group();
    (void)wait();
}

int ChildProcess::wait() {
    if (is_reaped_) return status_;
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    end_group(); // what it has left behind
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    is_reaped_ = true;
    return status_;
}

bool ChildProcess::has_ended() {
    siginfo_t info{};
    return is_reaped_ ||
           (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == pid_);
}

std::string describe_end(int status) {
    if (WIFSIGNALED(status))
        // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's answer for known signals is constant
        return "it was ended by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
               ")";
    return "it ended with status " + std::to_string(WEXITSTATUS(status));
}

} // namespace shifter::pull
