#include "privileged/user_namespace.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/unique_fd.hpp"
#include "site/trusted_file.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

bool entered = false;

void write_own(const char * path, const std::string & text) {
    const UniqueFd file{::open(path, O_WRONLY | O_CLOEXEC)};
    if (!file) throw SysError{errno, "cannot open " + quoted(path)};
    io::write_all(file.get(), text, quoted(path));
}

/** "1000 1000 1": that number means itself. */
std::string map_of(unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; }

void refuse_group_of_root() {
    std::array<gid_t, NGROUPS_MAX> groups{};
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    if (count < 0) throw SysError{errno, "cannot read the groups of this process"};
    for (int i = 0; i < count; ++i)
        if (groups.at(static_cast<std::size_t>(i)) == 0)
            throw Error{
                "you are a member of group 0, the group of root, which only a set-id shifter can leave out (I1)"};
}

} // namespace

bool in_user_namespace() noexcept { return entered; }

void enter_user_namespace(const Identity & caller) {
    refuse_group_of_root();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        const int why = errno;
        throw SysError{why, std::string{installed::prefix} +
                                "/bin/shifter is not installed set-id root (mode 4755, owner root), or it is on a file "
                                "system mounted nosuid, or was started with no_new_privs, as within a container; and "
                                "this node allows no user namespace instead"};
    }
    // Without the right to set groups: what a group is denied stays denied (user_namespaces(7)).
    write_own("/proc/self/setgroups", "deny");
    write_own("/proc/self/uid_map", map_of(caller.uid));
    write_own("/proc/self/gid_map", map_of(caller.gid));
    entered = true;
    struct stat root {};
    if (::stat("/", &root) != 0) throw SysError{errno, "cannot examine \"/\""};
    TrustedFile::take_for_root(root.st_uid);
}

} // namespace shifter::privileged
