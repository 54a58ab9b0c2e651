// shifter-accounts: started by shifter as its caller and for good, with an empty environment, where the site asks name
// services (allowLibcPwdCalls). It answers on its standard output as a Child does: '+' and an account, or '-' and a
// sentence.
//
// usage: shifter-accounts UID GID GROUP,GROUP,… ETCPATH GENERATE MAXGROUPS IMPORT…
#include "accounts/make_account.hpp"
#include "base/error.hpp"
#include "base/io.hpp"

#include <algorithm>
#include <cerrno>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <unistd.h>

namespace {

using namespace shifter;

constexpr std::size_t max_entry = 4U << 20U;

/** Calls a get…_r function with growing memory; nothing when there is no such entry. */
template <class Entry, class Call> std::optional<Entry> ask(std::vector<char> & memory, const Call & call) {
    memory.resize(4096);
    for (;;) {
        Entry entry{};
        Entry * found = nullptr;
        const int why = call(&entry, memory.data(), memory.size(), &found);
        if (why == ERANGE && memory.size() < max_entry) {
            memory.resize(memory.size() * 4);
            continue;
        }
        if (found == nullptr) return std::nullopt;
        return entry;
    }
}

const char * text_or_empty(const char * text) { return text != nullptr ? text : ""; }

/** @param call  getpwuid_r(3) or getpwnam_r(3) */
template <class Call> std::optional<PasswdEntry> find_account(const Call & call) {
    std::vector<char> memory;
    const auto entry = ask<struct passwd>(memory, call);
    if (!entry) return std::nullopt;
    return PasswdEntry{text_or_empty(entry->pw_name),
                       entry->pw_uid,
                       entry->pw_gid,
                       text_or_empty(entry->pw_gecos),
                       text_or_empty(entry->pw_dir),
                       text_or_empty(entry->pw_shell)};
}

std::vector<gid_t> groups_of(const PasswdEntry & account) {
    int count = 64;
    std::vector<gid_t> groups(64);
    while (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0 &&
           count > static_cast<int>(groups.size()))
        groups.resize(static_cast<std::size_t>(count));
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return groups;
}

KnownAccounts accounts_from_services(const AccountQuestion & question) {
    KnownAccounts known;
    const uid_t uid = question.caller.uid;
    known.user =
        find_account([&](auto * e, char * m, std::size_t n, auto ** f) { return ::getpwuid_r(uid, e, m, n, f); });
    if (!question.generate) return known;
    std::vector<gid_t> gids = {question.caller.gid};
    gids.insert(gids.end(), question.caller.groups.begin(), question.caller.groups.end());
    for (const std::string & name : question.imports) {
        auto entry = find_account(
            [&](auto * e, char * m, std::size_t n, auto ** f) { return ::getpwnam_r(name.c_str(), e, m, n, f); });
        if (!entry) throw Error{unknown_import(name)};
        gids.push_back(entry->gid);
        for (const gid_t gid : groups_of(*entry)) gids.push_back(gid);
        known.imports.push_back(*std::move(entry));
    }
    for (const gid_t gid : gids) {
        std::vector<char> memory;
        const auto group = ask<struct group>(
            memory, [&](auto * e, char * m, std::size_t n, auto ** f) { return ::getgrgid_r(gid, e, m, n, f); });
        if (group && group->gr_name != nullptr) known.groups.push_back({group->gr_name, gid, {}}); // else it is skipped
    }
    return known;
}

std::string answer(const std::vector<std::string> & words) {
    const AccountQuestion question =
        parse_account_question(words).value_or_throw("shifter-accounts is started by shifter, not by hand");
    return "+" + encode(make_account(question, accounts_from_services(question), "the name service"));
}

} // namespace

int main(int argc, char ** argv) {
    try {
        io::write_all(STDOUT_FILENO, answer({argv + (argc > 0 ? 1 : 0), argv + argc}), "the answer");
        return 0;
    } catch (const std::exception & error) {
        const std::string refusal = std::string{"-"} + error.what();
        (void)!::write(STDOUT_FILENO, refusal.data(), refusal.size());
        return static_cast<int>(ExitStatus::failed);
    }
}
