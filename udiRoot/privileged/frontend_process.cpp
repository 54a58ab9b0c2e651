#include "privileged/frontend_process.hpp"

#include "accounts/make_account.hpp"
#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "frontend/process.hpp"
#include "privileged/accounts.hpp"
#include "privileged/watchdog.hpp"
#include "request/run_request.hpp"
#include "site/trusted_file.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** Longer than the front end's own limits; for one that was stopped or does not end. */
constexpr std::chrono::minutes patience{10};

constexpr int channel_fd = 3;

/** What the child says first. A text of that many bytes follows: the account, or the sentence why there is none. */
struct AccountHead {
    enum class Kind : std::uint32_t { not_in_files = 1, known, refused } kind;
    std::uint32_t bytes;
};

std::string account_message(const Identity & caller, const SiteConfig * site) {
    AccountHead head{AccountHead::Kind::not_in_files, 0};
    std::string text;
    TrustedFile::remember_directories();
    try {
        if (const auto account = site != nullptr ? account_in_files(caller, *site) : std::nullopt) {
            text = encode(*account);
            head.kind = AccountHead::Kind::known;
        }
    } catch (const std::exception & error) {
        text = error.what();
        head.kind = AccountHead::Kind::refused;
    }
    if (text.size() > max_account_bytes) throw Error{"the answer about your account is larger than 128 MiB"};
    head.bytes = static_cast<std::uint32_t>(text.size());
    return std::string{reinterpret_cast<const char *>(&head), sizeof head} + text;
}

/** Where the front end's own programs are concerned, this process looks as if the caller had started it. */
void look_like_the_caller(const command::CallerState & state, int channel) {
    TrustedFile::forget_directories();
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0) throw SysError{errno, "cannot tie the front end to shifter"};
    if (channel != channel_fd && ::dup3(channel, channel_fd, O_CLOEXEC) != channel_fd)
        throw SysError{errno, "cannot move the answer's descriptor"};
    // Descriptors of the caller above 2 are for his command, not for the front end.
    if (::close_range(channel_fd + 1, ~0U, 0) != 0) throw SysError{errno, "cannot close descriptors"};
    state.restore();
}

struct Companion {
    const Identity & caller;
    const command::CallerState & state;
    char ** argv;
    const SiteConfig * site;
    bool names;
    pid_t launcher;

    /** In the child, after the drop. */
    void operator()(int channel) const {
        io::write_all(channel, account_message(caller, names ? site : nullptr), "an answer");
        const std::string answer = answer_of_frontend(channel);
        // A Ctrl-C from here on is for the command: the launch goes on, and is to be watched.
        command::block_signals(nullptr);
        io::write_all(channel_fd, answer, "the answer");
        (void)::shutdown(channel_fd, SHUT_WR);
        std::chrono::seconds::rep limit = 0;
        if (::recv(channel_fd, &limit, sizeof limit, MSG_WAITALL) == sizeof limit)
            privileged::watch(channel_fd, launcher, std::chrono::seconds{limit});
    }

    /** Does not return without one. */
    [[nodiscard]] std::string answer_of_frontend(int channel) const {
        try {
            look_like_the_caller(state, channel);
            const auto answer = frontend::answer(argv, state.environment, site);
            if (const int * const status = std::get_if<int>(&answer)) ::_exit(*status);
            return std::get<std::string>(answer);
        } catch (const std::exception & error) {
            log::error(error.what());
        }
        ::_exit(static_cast<int>(ExitStatus::failed));
    }
};

Child start(const Privileged & root, const Companion & companion) {
    return holds_root() ? Child::start(root.caller(), companion) : Child::start_without_root(companion);
}

/** For a front end that answered nothing: it has explained itself, or a signal ended it. */
int status_without_answer(int status, const sigset_t & caller_mask) {
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    // A Ctrl-C that ended the front end waits for this process, too: let it come.
    ::sigprocmask(SIG_SETMASK, &caller_mask, nullptr); // NOLINT(concurrency-mt-unsafe): one thread
    throw Error{"the front end was ended by signal " + std::to_string(WTERMSIG(status))};
}

} // namespace

Frontend::Frontend(const Privileged & root, char ** argv, const SiteConfig * site, bool names)
    : state_{root.caller_state()}, child_{start(root,
                                                {root.caller(), root.caller_state(), argv, site, names, ::getpid()})},
      deadline_{std::chrono::steady_clock::now() + patience} {}

bool Frontend::receive_more() {
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::seconds>(deadline_ - std::chrono::steady_clock::now());
        if (left.count() <= 0) throw Error{"the front end gave no answer in ten minutes"};
        struct pollfd waiting {
            child_.channel(), POLLIN, 0
        };
        const struct timespec limit { left.count(), 0 };
        // With the caller's signal mask: nothing is built yet that an end could leave behind.
        const int ready = ::ppoll(&waiting, 1, &limit, &state_.signal_mask);
        if (ready < 0 && errno != EINTR) throw SysError{errno, "cannot wait for the front end"};
        if (ready <= 0) continue;
        const ssize_t count = ::read(child_.channel(), buffer.data(), buffer.size());
        if (count < 0) throw SysError{errno, "cannot read the front end's answer"};
        bytes_.append(buffer.data(), static_cast<std::size_t>(count));
        return count > 0;
    }
}

std::optional<std::function<Account()>> Frontend::account() {
    AccountHead head{};
    const auto receive_up_to = [&](std::size_t size) {
        while (bytes_.size() < size)
            if (!receive_more()) throw Error{Child::refusal_in(bytes_)};
    };
    receive_up_to(sizeof head);
    std::memcpy(&head, bytes_.data(), sizeof head);
    if (head.kind < AccountHead::Kind::not_in_files || head.kind > AccountHead::Kind::refused ||
        head.bytes > max_account_bytes)
        receive_up_to(max_account_bytes); // it could not give up root, and says so before it ends
    receive_up_to(sizeof head + head.bytes);
    std::string text = bytes_.substr(sizeof head, head.bytes);
    bytes_.erase(0, sizeof head + head.bytes);
    if (head.kind == AccountHead::Kind::not_in_files) return std::nullopt;
    if (head.kind == AccountHead::Kind::refused) return [text]() -> Account { throw Error{text}; };
    return [text] { return decode_account(text).value_or_throw("cannot use the answer about your account"); };
}

std::variant<std::string, int> Frontend::answer() {
    while (receive_more())
        if (bytes_.size() > max_request_bytes) throw Error{"the request is larger than 4 MiB"};
    if (!bytes_.empty()) return std::move(bytes_); // one that is not whole is not decoded
    return status_without_answer(child_.wait(), state_.signal_mask);
}

void Frontend::watch(std::chrono::seconds limit) const noexcept {
    const std::chrono::seconds::rep count = limit.count();
    (void)::send(child_.channel(), &count, sizeof count, MSG_NOSIGNAL);
}

} // namespace shifter::privileged
