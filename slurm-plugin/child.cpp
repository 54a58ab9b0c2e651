#include "slurm-plugin/child.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::slurm_plugin {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct SpawnActions {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    SpawnActions() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    SpawnActions(const SpawnActions &) = delete;
    SpawnActions & operator=(const SpawnActions &) = delete;
    ~SpawnActions() {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
    }
};

/** A child that is killed and reaped unless somebody waited for its end. */
class Child {
public:
    explicit Child(pid_t pid) : pid_{pid} {}
    Child(const Child &) = delete;
    Child & operator=(const Child &) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        // A process that hangs in the kernel dies later; it must not keep us (I39).
        for (int tries = 0; tries < 1000 && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++tries) {
            const timespec millisecond{0, 1000000};
            ::nanosleep(&millisecond, nullptr);
        }
    }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /** Whether it has ended; its status then. */
    bool ended(int & status) {
        const pid_t done = ::waitpid(pid_, &status, WNOHANG);
        if (done == 0 || (done < 0 && errno == EINTR)) return false;
        const int error_number = errno;
        pid_ = -1;
        // The program that loaded us may ignore SIGCHLD: then the kernel keeps no status.
        if (done < 0) throw SysError{error_number, "cannot learn how it ended"};
        return true;
    }

private:
    pid_t pid_;
};

pid_t spawn(const std::vector<std::string> & argv, int in, int out, int err) {
    SpawnActions spawn;
    const auto add = [&](int result) {
        if (result != 0) throw SysError{result, "cannot prepare " + argv[0]};
    };
    add(::posix_spawn_file_actions_adddup2(&spawn.actions, in, STDIN_FILENO));
    add(::posix_spawn_file_actions_adddup2(&spawn.actions, out, STDOUT_FILENO));
    add(::posix_spawn_file_actions_adddup2(&spawn.actions, err, STDERR_FILENO));
    add(::posix_spawn_file_actions_addclosefrom_np(&spawn.actions, STDERR_FILENO + 1));
    sigset_t none{};
    sigset_t all{};
    ::sigemptyset(&none);
    ::sigfillset(&all);
    add(::posix_spawnattr_setsigmask(&spawn.attributes, &none));
    add(::posix_spawnattr_setsigdefault(&spawn.attributes, &all));
    add(::posix_spawnattr_setflags(&spawn.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    std::vector<char *> words;
    words.reserve(argv.size() + 1);
    for (const std::string & word : argv)
        words.push_back(const_cast<char *>(word.c_str())); // posix_spawn does not write
    words.push_back(nullptr);
    pid_t pid = -1;
    if (const int result = ::posix_spawn(&pid, words[0], &spawn.actions, &spawn.attributes, words.data(), environ);
        result != 0)
        throw SysError{result, "cannot run " + argv[0]};
    return pid;
}

/** Reads what is there, up to a limit for one go; at the end of the stream the descriptor is closed. */
void drain(UniqueFd & fd, std::string & text) {
    constexpr std::size_t max_kept = 64U << 10U;
    std::array<char, 4096> buffer{};
    for (int reads = 0; reads < 64; ++reads) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (count <= 0) return fd.reset();
        text.append(buffer.data(),
                    std::min(static_cast<std::size_t>(count), max_kept - std::min(max_kept, text.size())));
        if (static_cast<std::size_t>(count) < buffer.size()) return;
    }
}

} // namespace

ChildResult run_child(const std::vector<std::string> & argv, milliseconds limit, const WhileItWaits & while_it_waits,
                      std::string_view input) {
    constexpr milliseconds longest_nap{20};
    constexpr std::size_t max_input = 16U << 10U; // fits into the pipe, and is written while it has a reader: us
    if (input.size() > max_input) throw Error{argv[0] + " would be given too long an input"};
    io::Pipe in = io::make_pipe();
    io::Pipe out = io::make_pipe();
    io::Pipe err = io::make_pipe();
    for (const io::Pipe * pipe : {&out, &err})
        if (::fcntl(pipe->read_end.get(), F_SETFL, O_NONBLOCK) != 0) throw SysError{errno, "cannot prepare a pipe"};
    const auto deadline = Clock::now() + limit;
    if (!input.empty()) io::write_all(in.write_end.get(), input, "the input of " + argv[0]);
    Child child{spawn(argv, in.read_end.get(), out.write_end.get(), err.write_end.get())};
    in.read_end.reset();
    out.write_end.reset();
    err.write_end.reset();
    if (!while_it_waits) in.write_end.reset();
    ChildResult result;
    bool ended = false;
    // Its end is enough: a grandchild that keeps a stream open must not keep us.
    while (!ended) {
        const bool streams_open = out.read_end || err.read_end;
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        if (left <= milliseconds{0})
            throw Error{argv[0] + " did not answer within " +
                        std::to_string(std::chrono::ceil<std::chrono::seconds>(limit).count()) + " s"};
        std::array<pollfd, 2> wanted{pollfd{out.read_end.get(), POLLIN, 0}, pollfd{err.read_end.get(), POLLIN, 0}};
        const milliseconds nap = std::min(left, streams_open ? longest_nap : milliseconds{1});
        (void)::poll(wanted.data(), wanted.size(), static_cast<int>(nap.count())); // a failure is a short nap
        ended = child.ended(result.wait_status);
        if (out.read_end) drain(out.read_end, result.out);
        if (err.read_end) drain(err.read_end, result.err);
        if (!ended && in.write_end && while_it_waits(child.pid(), result.out)) in.write_end.reset();
    }
    return result;
}

std::string describe_end(int status) {
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "status " + std::to_string(WEXITSTATUS(status));
}

std::vector<std::string> lines_of(std::string_view text, std::string_view prefix) {
    constexpr std::size_t max_lines = 20;
    std::vector<std::string> lines;
    for (std::string_view line : text::split(text, '\n')) {
        line = text::trim(line);
        if (line.substr(0, prefix.size()) == prefix) line.remove_prefix(prefix.size());
        if (!line.empty() && lines.size() < max_lines) lines.push_back(log::one_line(line));
    }
    return lines;
}

} // namespace shifter::slurm_plugin
