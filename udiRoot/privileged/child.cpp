#include "privileged/child.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "privileged/privileges.hpp"
#include "privileged/system.hpp"
#include "site/trusted_file.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr char granted = '+';
constexpr char refused = '-';

void send(int channel, char kind, const Answer & answer) {
    char first = kind;
    struct iovec data {
        &first, 1
    };
    alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    struct msghdr message {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (answer.fd) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        struct cmsghdr * const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int fd = answer.fd.get();
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    if (::sendmsg(channel, &message, MSG_NOSIGNAL) != 1) throw SysError{errno, "cannot send an answer"};
    io::write_all(channel, answer.text, "an answer");
    ::shutdown(channel, SHUT_WR);
}

[[noreturn]] void run_child(const Identity * identity, int channel, pid_t parent, const Child::Body & body) {
    try {
        TrustedFile::forget_directories(); // which root could enter
        if (identity != nullptr) give_up_root(*identity);
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != parent) ::_exit(1);
        body(channel);
        ::_exit(0);
    } catch (const std::exception & error) {
        try {
            send(channel, refused, {error.what()});
            // A socket that is closed before a sign was read from it takes its own answer back.
            while (was_told(channel)) {
            }
        } catch (const std::exception &) { // nobody listens any more
        }
    }
    ::_exit(1);
}

} // namespace

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) throw SysError{errno, "cannot wait for a child"};
    return status;
}

void unblock_signals() noexcept {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr); // NOLINT(concurrency-mt-unsafe): one thread
}

void send_answer(int channel, const Answer & answer) { send(channel, granted, answer); }

Child Child::start(const Identity & identity, const Body & body) { return fork(&identity, body); }

Child Child::start_without_root(const Body & body) { return fork(nullptr, body); }

Child Child::fork(const Identity * identity, const Body & body) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw SysError{errno, "cannot make a socket"};
    UniqueFd ours{ends[0]};
    UniqueFd theirs{ends[1]};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, "cannot start a child"};
    if (pid == 0) {
        ours.reset();
        run_child(identity, theirs.get(), parent, body);
    }
    return Child{pid, std::move(ours)};
}

Child::Child(Child && other) noexcept : pid_{std::exchange(other.pid_, -1)}, channel_{std::move(other.channel_)} {}

Child::~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    finish();
}

Answer Child::receive(std::size_t max_bytes) {
    char kind = refused;
    struct iovec data {
        &kind, 1
    };
    alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    struct msghdr message {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t count = 0;
    do count = ::recvmsg(channel_.get(), &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0) throw SysError{errno, "cannot receive an answer"};
    if (count == 0) throw Error{"a child ended without an answer"};
    Answer answer;
    const struct cmsghdr * const header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int))) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
        answer.fd.reset(fd);
    }
    answer.text = io::read_all(channel_.get(), max_bytes, "an answer");
    if (kind != granted) throw Error{answer.text};
    return answer;
}

namespace {

UniqueFd open_by_child(const Identity & identity, int root, const std::string & path, std::uint64_t flags,
                       const std::string & what, bool may_be_absent) {
    constexpr std::size_t max_sentence = 65536;
    Child child = Child::start(identity, [&](int channel) {
        UniqueFd found = try_open_in_root(root, path, O_PATH | flags);
        const bool absent = !found && (errno == ENOENT || errno == ENOTDIR);
        if (!found && !(absent && may_be_absent)) throw SysError{errno, what + ": cannot open " + quoted(path)};
        send_answer(channel, {{}, std::move(found)});
    });
    Answer answer = child.receive(max_sentence);
    child.finish();
    return std::move(answer.fd);
}

} // namespace

UniqueFd open_as_caller(const Identity & identity, int root, const std::string & path, std::uint64_t flags,
                        const std::string & what) {
    UniqueFd found = open_by_child(identity, root, path, flags, what, false);
    if (!found) throw Error{what + ": no descriptor came back"};
    return found;
}

UniqueFd open_as_caller_if_present(const Identity & identity, int root, const std::string & path,
                                   const std::string & what) {
    return open_by_child(identity, root, path, 0, what, true);
}

void Child::end() noexcept {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    hang_up();
}

int Child::wait() { return wait_for(std::exchange(pid_, -1)); }

std::string Child::refusal_in(std::string_view bytes) {
    if (bytes.empty() || bytes.front() != refused) return "a child ended without an answer";
    return std::string{bytes.substr(1)};
}

void Child::tell() const noexcept {
    // Nobody hears it where the child has failed; its answer says so.
    (void)::send(channel_.get(), "!", 1, MSG_NOSIGNAL);
}

bool was_told(int channel) noexcept {
    char sign = 0;
    ssize_t count = 0;
    do count = ::read(channel, &sign, 1);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

void Child::finish() noexcept {
    hang_up();
    if (const pid_t pid = std::exchange(pid_, -1); pid > 0)
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
}

} // namespace shifter::privileged
