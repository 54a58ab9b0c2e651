#include "privileged/privileges.hpp"

#include "base/error.hpp"
#include "privileged/user_namespace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

using CapabilitySets = std::array<__user_cap_data_struct, 2>;

void forbid_tracing() {
    // Each change of ids may reset this to fs.suid_dumpable, so it is said again after each (I6).
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw SysError{errno, "cannot forbid tracing of this process"};
}

void sort_once(std::vector<gid_t> & groups) {
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
}

std::vector<gid_t> own_groups() {
    const int count = ::getgroups(0, nullptr);
    if (count < 0) throw SysError{errno, "cannot read the groups of this process"};
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (::getgroups(count, groups.data()) != count) throw SysError{errno, "cannot read the groups of this process"};
    sort_once(groups);
    return groups;
}

/** Groups sorted, once each, and never that of root (H6-3). */
Identity own_form(Identity identity) {
    sort_once(identity.groups);
    identity.groups.erase(std::remove(identity.groups.begin(), identity.groups.end(), gid_t{0}), identity.groups.end());
    return identity;
}

/** That of this process, and so of its children: it never grows. Read back by verify_capabilities() all the same. */
bool bounding_set_is_empty = false;

void empty_bounding_set() {
    for (unsigned capability = 0; !bounding_set_is_empty; ++capability) {
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        bounding_set_is_empty = errno == EINVAL && capability > 0; // behind the kernel's last one
        if (!bounding_set_is_empty) throw SysError{errno, "cannot empty the capability bounding set"};
    }
}

void set_ids(const Identity & identity) {
    // In a user namespace nobody can change them, and numbers of the node mean nothing.
    if (!in_user_namespace() && ::setgroups(identity.groups.size(), identity.groups.data()) != 0)
        throw SysError{errno, "cannot set the caller's groups"};
    if (::setresgid(identity.gid, identity.gid, identity.gid) != 0)
        throw SysError{errno, "cannot set the caller's gid"};
    // A process may be traced by those who have all three of its uids, and a change of the effective one makes it
    // traceable where fs.suid_dumpable is 1. So root's stays the saved one until tracing is forbidden again; giving up
    // that one changes nothing about tracing (I6).
    constexpr auto same = static_cast<uid_t>(-1);
    if (::setresuid(identity.uid, identity.uid, same) != 0) throw SysError{errno, "cannot set the caller's uid"};
    forbid_tracing();
    if (::setresuid(same, same, identity.uid) != 0) throw SysError{errno, "cannot set the caller's uid"};
}

void empty_capability_sets() {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        throw SysError{errno, "cannot clear the ambient capabilities"};
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    CapabilitySets none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) throw SysError{errno, "cannot clear the capabilities"};
}

void verify_ids(const Identity & identity) {
    std::array<uid_t, 3> uids{};
    std::array<gid_t, 3> gids{};
    if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0 || ::getresgid(&gids[0], &gids[1], &gids[2]) != 0)
        throw SysError{errno, "cannot read the ids of this process"};
    const bool same = std::all_of(uids.begin(), uids.end(), [&](uid_t uid) { return uid == identity.uid; }) &&
                      std::all_of(gids.begin(), gids.end(), [&](gid_t gid) { return gid == identity.gid; }) &&
                      // These two report the filesystem ids, and change nothing for an id that is no id.
                      ::setfsuid(static_cast<uid_t>(-1)) == static_cast<int>(identity.uid) &&
                      ::setfsgid(static_cast<gid_t>(-1)) == static_cast<int>(identity.gid) &&
                      (in_user_namespace() || own_groups() == identity.groups);
    if (!same) throw Error{"the kernel did not take over the caller's ids"};
    if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) throw Error{"this process could be traced after the drop"};
}

void verify_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    CapabilitySets sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) throw SysError{errno, "cannot read the capabilities"};
    // What is ambient is permitted and inheritable, too: capabilities(7).
    for (const auto & set : sets)
        if (set.effective != 0 || set.permitted != 0 || set.inheritable != 0)
            throw Error{"capabilities are left after the drop"};
    for (unsigned capability = 0;; ++capability) {
        const int bounding = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (bounding < 0 && errno == EINVAL && capability > 0) break; // behind the kernel's last one
        if (bounding < 0) throw SysError{errno, "cannot read the capability bounding set"};
        if (bounding != 0) throw Error{"capabilities are left after the drop"};
    }
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) throw Error{"no_new_privs is not set after the drop"};
}

void verify_no_way_back(const Identity & identity) {
    // A caller who is root already gets no further than the front end's help; the ids tell nothing about him.
    const bool root_again =
        (identity.uid != 0 && ::setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) == 0) ||
        (identity.gid != 0 && ::setresgid(static_cast<gid_t>(-1), 0, static_cast<gid_t>(-1)) == 0);
    if (root_again || ::setgroups(0, nullptr) == 0) throw Error{"this process could become root again after the drop"};
}

} // namespace

Identity identity_of_caller() {
    std::array<uid_t, 3> uids{};
    std::array<gid_t, 3> gids{};
    if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0 || ::getresgid(&gids[0], &gids[1], &gids[2]) != 0)
        throw SysError{errno, "cannot read the ids of this process"};
    return own_form({uids[0], gids[0], own_groups()});
}

bool holds_root() noexcept { return ::geteuid() == 0; }

Privileged Privileged::take() {
    if (!holds_root()) return Privileged{identity_of_caller(), command::CallerState::take()};
    forbid_tracing();
    command::CallerState state = command::CallerState::take();
    Identity caller = identity_of_caller();
    // What is made as root belongs to root's group. The real uid stays the caller's, who may end his own launch.
    if (::setgroups(0, nullptr) != 0 || ::setresgid(static_cast<gid_t>(-1), 0, 0) != 0)
        throw SysError{errno, "cannot take the group of root"};
    forbid_tracing();
    return Privileged{std::move(caller), std::move(state)};
}

void refuse_root_caller(const Identity & caller) {
    if (caller.uid == 0) throw Error{"it is not for root: run it as an ordinary user"};
    if (caller.gid == 0)
        throw Error{"your primary group is 0, the group of root, which no container may have; change it with newgrp(1) "
                    "or sg(1)"};
}

Privileged Privileged::take_for(Identity identity) {
    if (::getuid() != 0 || ::geteuid() != 0) throw Error{"only root can act for another user"};
    forbid_tracing();
    command::CallerState state = command::CallerState::take();
    if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0)
        throw SysError{errno, "cannot take the group of root"};
    forbid_tracing();
    return Privileged{own_form(std::move(identity)), std::move(state)};
}

void forbid_new_privileges() {
    empty_bounding_set();
    constexpr unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                   SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) != 0) throw SysError{errno, "cannot lock the securebits"};
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        throw SysError{errno, "cannot clear the ambient capabilities"};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw SysError{errno, "cannot set no_new_privs"};
}

void verify_given_up(const Identity & identity) {
    verify_ids(identity);
    verify_capabilities();
    verify_no_way_back(identity);
}

void give_up_capabilities() {
    empty_bounding_set();
    empty_capability_sets();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw SysError{errno, "cannot set no_new_privs"};
    verify_capabilities();
}

void give_up_root(const Identity & identity) {
    forbid_new_privileges();
    set_ids(identity);
    empty_capability_sets();
    verify_given_up(identity);
}

command::Dropped drop(Privileged && root, const Rootfs & /*the process is inside it*/) {
    const Privileged consumed{std::move(root)};
    refuse_root_caller(consumed.caller_);
    give_up_root(consumed.caller_);
    return command::Dropped{consumed.state_};
}

} // namespace shifter::privileged
