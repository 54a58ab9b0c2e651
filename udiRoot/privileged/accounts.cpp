#include "privileged/accounts.hpp"

#include "accounts/make_account.hpp"
#include "base/argv.hpp"
#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "privileged/watchdog.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

[[noreturn]] void become_name_service(const AccountQuestion & question, int answer, pid_t parent) {
    std::vector<std::string> words = to_words(question);
    words.insert(words.begin(), installed::accounts);
    const std::vector<char *> argv = argv_of(words);
    std::array<char *, 1> envp = {nullptr};
    unblock_signals();
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == parent &&
        ::dup2(answer, STDOUT_FILENO) == STDOUT_FILENO && ::close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
        ::execve(argv.front(), argv.data(), envp.data());
    ::_exit(1);
}

/** Another program, since name services load modules, and this one is static. */
Account ask_name_service(const AccountQuestion & question, std::chrono::seconds limit) {
    const std::string what = "cannot ask the name service for your account";
    io::Pipe answer = io::make_pipe();
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw SysError{errno, what};
    if (pid == 0) become_name_service(question, answer.write_end.get(), parent);
    answer.write_end.reset();
    struct pollfd waiting {
        answer.read_end.get(), POLLIN, 0
    };
    const auto patience = std::min<std::int64_t>(std::chrono::milliseconds{limit}.count(), INT_MAX);
    // One that hangs is not waited for: it ends with this process (R12).
    if (::poll(&waiting, 1, static_cast<int>(patience)) == 0)
        throw Error{what + ": it gave no answer in " + std::to_string(limit.count()) +
                    " s; the site's launchTimeout sets the limit"};
    const std::string text = io::read_all(answer.read_end.get(), max_account_bytes, "the name service's answer");
    if (const int status = wait_for(pid); status != 0 || text.empty())
        throw Error{text.size() > 1 && text.front() == '-' ? text.substr(1)
                                                           : what + ": " + quoted(installed::accounts) + " failed"};
    return decode_account(std::string_view{text}.substr(1)).value_or_throw(what);
}

AccountQuestion question_of(const Identity & caller, const SiteConfig & site) {
    return {caller, site.etc_path, site.populate_etc_dynamically, site.max_group_count, site.users_to_import};
}

Account account_of(const Identity & caller, const SiteConfig & site) {
    if (auto account = account_in_files(caller, site)) return *std::move(account);
    return ask_name_service(question_of(caller, site), site.launch_timeout);
}

} // namespace

std::optional<Account> account_in_files(const Identity & caller, const SiteConfig & site) {
    const AccountQuestion question = question_of(caller, site);
    if (!site.allow_libc_pwd_calls)
        return make_account(question, accounts_from_files(question), quoted(site.etc_path + "/passwd"));
    if (const auto known = local_accounts(question, "/etc")) return make_account(question, *known, "/etc/passwd");
    return std::nullopt;
}

Child start_account_child(const Identity & caller, const SiteConfig & site) {
    return Child::start(caller, [&caller, &site, launcher = ::getpid()](int channel) {
        send_answer(channel, {encode(account_of(caller, site))});
        if (was_told(channel)) watch(channel, launcher, site.launch_timeout);
    });
}

Account receive_account(Child & child) {
    return decode_account(child.receive(max_account_bytes).text)
        .value_or_throw("cannot use the answer about your account");
}

} // namespace shifter::privileged
