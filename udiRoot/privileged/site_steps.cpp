// Steps that show what is the site's own: its hooks (contract 5.4) and its trees in /opt/udiImage (5.3, step 8).
#include "privileged/steps.hpp"

#include "base/error.hpp"
#include "privileged/helper.hpp"
#include "privileged/system.hpp"
#include "privileged/watchdog.hpp"
#include "site/trusted_file.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr std::size_t max_tree_entries = 1000;

/** Sites wrote their hooks for "/bin/sh HOOK" (contract 5.4); what says itself how it is executed, is. */
bool is_for_the_shell(const TrustedFile & hook, const std::string & what) {
    if ((status_of(hook.fd(), what).st_mode & 0111U) == 0) return true;
    std::array<char, 4> begin{};
    if (::pread(hook.fd(), begin.data(), begin.size(), 0) < 0) throw SysError{errno, what};
    return std::string_view{begin.data(), 2} != "#!" && std::string_view{begin.data(), 4} != "\177ELF";
}

} // namespace

void StepRunner::operator()(const RunHook & step) {
    set_stage("running the site's hooks");
    const std::string what = "cannot run the hook " + step.key;
    const TrustedFile hook = TrustedFile::open(step.path);
    const TrustedFile shell = TrustedFile::open("/bin/sh", {.kind = TrustedFile::Kind::executable});
    const bool by_shell = is_for_the_shell(hook, what);
    std::vector<std::string> environment = step.environment;
    environment.push_back("SHIFTER_UID=" + std::to_string(caller_.uid));
    environment.push_back("SHIFTER_GID=" + std::to_string(caller_.gid));
    run_helper({.program = by_shell ? shell : hook,
                .arguments = by_shell ? std::vector{step.path} : std::vector<std::string>{},
                .name = step.path,
                .environment = std::move(environment),
                .directory = root_.get(),
                .privileged = true},
               what);
    forget_parent(); // it may have mounted something
    TrustedFile::remember_directories();
}

void StepRunner::bind_tree_entry(int from, const ContainerPath & to, const std::string & name,
                                 const std::string & what) {
    const ContainerPath path =
        ContainerPath::parse(to.to_string() + "/" + name).value_or_throw(what + ": " + quoted(name));
    const UniqueFd entry{::openat(from, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!entry) throw SysError{errno, what + ": cannot open " + quoted(name)};
    const mode_t type = status_of(entry.get(), what).st_mode;
    if (S_ISLNK(type)) {
        std::array<char, PATH_MAX> target{};
        if (::readlinkat(entry.get(), "", target.data(), target.size() - 1) < 0) throw SysError{errno, what};
        return (*this)(MakeLink{path, target.data()});
    }
    const UniqueFd there = try_open_in_root(root_.get(), path.to_string(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (S_ISDIR(type) && there) { // as "modules", where the trees of modules go
        for (const std::string & below : names_in(entry.get(), max_tree_entries, what))
            bind_tree_entry(entry.get(), path, below, what);
        return;
    }
    const UniqueFd mount = clone_mount(entry.get(), "", false, what);
    restrict_mount(mount.get(), {.read_only = true, .propagation = MS_PRIVATE}, what);
    attach_mount(mount.get(), mount_point(path, S_ISDIR(type)).get(), what);
}

void StepRunner::operator()(const BindTree & step) {
    set_stage("mounting the site's directories");
    const std::string what = "cannot show " + quoted(step.from) + " in the container";
    const TrustedFile tree = TrustedFile::open(step.from, {.kind = TrustedFile::Kind::directory});
    make_directory(step.to, 0755);
    for (const std::string & name : names_in(tree.fd(), max_tree_entries, what))
        bind_tree_entry(tree.fd(), step.to, name, what);
}

} // namespace shifter::privileged
