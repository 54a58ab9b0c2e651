#include "privileged/accounts.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "privileged/watchdog.hpp"
#include "site/trusted_file.hpp"

#include <algorithm>
#include <cerrno>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr std::size_t max_answer = 4U << 20U;
constexpr std::size_t max_file = 64U << 20U;

/** Calls a get…_r function with growing memory; nothing when there is no such entry. */
template <class Entry, class Call> std::optional<Entry> ask(std::vector<char> & memory, const Call & call) {
    memory.resize(4096);
    for (;;) {
        Entry entry{};
        Entry * found = nullptr;
        const int why = call(&entry, memory.data(), memory.size(), &found);
        if (why == ERANGE && memory.size() < max_answer) {
            memory.resize(memory.size() * 4);
            continue;
        }
        if (found == nullptr) return std::nullopt;
        return entry;
    }
}

const char * text_or_empty(const char * text) { return text != nullptr ? text : ""; }

std::optional<PasswdEntry> account_from_services(uid_t uid, const std::string & name) {
    std::vector<char> memory;
    const auto entry = ask<struct passwd>(memory, [&](auto * e, char * m, std::size_t n, auto ** f) {
        return name.empty() ? ::getpwuid_r(uid, e, m, n, f) : ::getpwnam_r(name.c_str(), e, m, n, f);
    });
    if (!entry) return std::nullopt;
    return PasswdEntry{text_or_empty(entry->pw_name),
                       entry->pw_uid,
                       entry->pw_gid,
                       text_or_empty(entry->pw_gecos),
                       text_or_empty(entry->pw_dir),
                       text_or_empty(entry->pw_shell)};
}

std::optional<PasswdEntry> account_from_file(const std::string & path, uid_t uid, const std::string & name) {
    for (PasswdEntry & entry : parse_passwd(TrustedFile::open(path).read(max_file)))
        if (name.empty() ? entry.uid == uid : entry.name == name) return std::move(entry);
    return std::nullopt;
}

std::optional<PasswdEntry> find_account(const SiteConfig & site, uid_t uid, const std::string & name) {
    return site.allow_libc_pwd_calls ? account_from_services(uid, name)
                                     : account_from_file(site.etc_path + "/passwd", uid, name);
}

std::optional<GroupEntry> group_from_services(gid_t gid) {
    std::vector<char> memory;
    const auto entry = ask<struct group>(
        memory, [&](auto * e, char * m, std::size_t n, auto ** f) { return ::getgrgid_r(gid, e, m, n, f); });
    if (!entry || entry->gr_name == nullptr) return std::nullopt;
    return GroupEntry{entry->gr_name, gid, {}};
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

/** Who is in the generated files (5.6, populateEtcDynamically=1): the caller, the site's imports, the stubs of H5-10.
 */
void generate_files(const Identity & caller, const SiteConfig & site, const PasswdEntry & user, Account & account) {
    std::vector<PasswdEntry> entries = {user};
    std::vector<gid_t> gids = caller.groups;
    gids.insert(gids.begin(), caller.gid);
    for (const std::string & name : site.users_to_import) {
        auto entry = find_account(site, 0, name);
        if (!entry) throw Error{"usersToImport names " + quoted(name) + ", which is no account"};
        gids.push_back(entry->gid);
        if (site.allow_libc_pwd_calls)
            for (const gid_t gid : groups_of(*entry)) gids.push_back(gid);
        entries.push_back(*std::move(entry));
    }
    const auto known = [&](const char * name) {
        return std::any_of(entries.begin(), entries.end(), [&](const PasswdEntry & e) { return e.name == name; });
    };
    if (!known("root")) entries.push_back({"root", 0, 0, "root", "/root", "/bin/sh"});
    if (!known("nobody")) entries.push_back({"nobody", 65534, 65534, "nobody", "/", "/bin/false"});
    if (!known("sshd")) entries.push_back({"sshd", 65533, 65534, "sshd", "/var/empty", "/bin/false"});
    for (const PasswdEntry & entry : entries)
        account.passwd += format_passwd_line(entry).value_or_throw("cannot use the account " + quoted(entry.name));

    std::vector<GroupEntry> groups;
    std::vector<GroupEntry> file;
    if (!site.allow_libc_pwd_calls) file = parse_group(TrustedFile::open(site.etc_path + "/group").read(max_file));
    for (const gid_t gid : gids) {
        if (site.allow_libc_pwd_calls) {
            if (auto group = group_from_services(gid))
                groups.push_back(*std::move(group)); // a group without a name is skipped
        } else {
            for (const GroupEntry & group : file)
                if (group.gid == gid) groups.push_back(group);
        }
    }
    groups.push_back({"nogroup", 65534, {}});
    account.group = format_group_file(groups, user.name, caller.groups, site.max_group_count);
}

Account make_account(const Identity & caller, const SiteConfig & site) {
    const std::string source = site.allow_libc_pwd_calls ? "the name service" : quoted(site.etc_path + "/passwd");
    const auto user = find_account(site, caller.uid, "");
    if (!user)
        throw Error{"uid " + std::to_string(caller.uid) + " has no name in " + source +
                    "; ask your site to add the account there"};
    const auto line = format_passwd_line(*user);
    if (!line || user->name.find_first_of("\"\\,/") != std::string::npos)
        throw Error{"the account of uid " + std::to_string(caller.uid) + " in " + source +
                    " has a field that cannot stand in a passwd file"};
    if (user->name == "root") throw Error{"it is not for root: run it as an ordinary user"};
    Account account{user->name, {}, {}};
    if (site.populate_etc_dynamically)
        generate_files(caller, site, *user, account);
    else
        account.group = format_group_file(parse_group(TrustedFile::open(site.etc_path + "/group").read(max_file)),
                                          user->name, caller.groups, site.max_group_count);
    return account;
}

} // namespace

Child start_account_child(const Identity & caller, const SiteConfig & site) {
    const pid_t launcher = ::getpid();
    return Child::start(caller, [&caller, &site, launcher](int channel) {
        const Account account = make_account(caller, site);
        const std::string separator(1, '\0'); // no field can hold one
        send_answer(channel, {account.name + separator + account.passwd + separator + account.group});
        watch(channel, launcher, site.launch_timeout);
    });
}

Account receive_account(Child & child) {
    const Answer answer = child.receive(2 * max_file);
    const auto parts = text::split(answer.text, '\0');
    if (parts.size() != 3) throw Error{"the account child gave no whole answer"};
    return {std::string{parts[0]}, std::string{parts[1]}, std::string{parts[2]}};
}

} // namespace shifter::privileged
