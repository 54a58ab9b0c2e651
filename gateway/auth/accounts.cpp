#include "auth/accounts.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <grp.h>
#include <pwd.h>
#include <vector>

namespace shifter::auth {

namespace {

constexpr std::size_t most_bytes = 16U << 20U; // a group with very many members
constexpr int most_groups = 65536;             // NGROUPS_MAX of Linux

/** Calls a get…_r function with a buffer that grows until the entry fits. */
template <class Entry, class Call>
bool find_entry(Entry & entry, std::vector<char> & buffer, const std::string & what, Call call) {
    buffer.resize(4096);
    while (true) {
        Entry * found = nullptr;
        const int failure = call(&entry, buffer.data(), buffer.size(), &found);
        if (failure == 0) return found != nullptr;
        if (failure == EINTR) continue;
        if (failure == ERANGE && buffer.size() < most_bytes) {
            buffer.resize(buffer.size() * 2);
            continue;
        }
        // Some name services answer "not found" with these (getpwnam(3), section ERRORS).
        if (failure == ENOENT || failure == ESRCH || failure == EBADF || failure == EPERM) return false;
        throw SysError{failure, "cannot look up " + what + " in the account database"};
    }
}

std::vector<gid_t> groups_of(const passwd & entry) {
    int count = 64;
    std::vector<gid_t> groups;
    while (true) {
        groups.resize(static_cast<std::size_t>(count));
        const int wanted = count;
        if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) >= 0) break;
        if (count <= wanted) count = wanted * 2;
        if (count > most_groups)
            throw Error{"cannot look up the groups of " + shifter::quoted(entry.pw_name) + ": there are too many"};
    }
    groups.resize(static_cast<std::size_t>(count));
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

Account account_of(const passwd & entry) { return {entry.pw_name, {entry.pw_uid, entry.pw_gid, groups_of(entry)}}; }

} // namespace

std::optional<Account> find_account(uid_t uid) {
    passwd entry{};
    std::vector<char> buffer;
    const auto call = [&](passwd * out, char * text, std::size_t size, passwd ** found) {
        return ::getpwuid_r(uid, out, text, size, found);
    };
    if (!find_entry(entry, buffer, "uid " + std::to_string(uid), call)) return std::nullopt;
    return account_of(entry);
}

std::optional<Account> find_account(const std::string & name) {
    passwd entry{};
    std::vector<char> buffer;
    const auto call = [&](passwd * out, char * text, std::size_t size, passwd ** found) {
        return ::getpwnam_r(name.c_str(), out, text, size, found);
    };
    if (!find_entry(entry, buffer, "user " + shifter::quoted(name), call)) return std::nullopt;
    return account_of(entry);
}

std::optional<gid_t> find_group(const std::string & name) {
    group entry{};
    std::vector<char> buffer;
    const auto call = [&](group * out, char * text, std::size_t size, group ** found) {
        return ::getgrnam_r(name.c_str(), out, text, size, found);
    };
    if (!find_entry(entry, buffer, "group " + shifter::quoted(name), call)) return std::nullopt;
    return entry.gr_gid;
}

} // namespace shifter::auth
