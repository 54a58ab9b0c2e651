// What the installation and the site's configuration say, compared with what is there.
#include "doctor/checks.hpp"

#include "base/installed_paths.hpp"
#include "base/text.hpp"
#include "site/account.hpp"
#include "site/image_record.hpp"
#include "site/trusted_file.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace shifter::doctor {
namespace {

/** A number in a file of /proc/sys; nothing when there is no such file. */
std::optional<long> setting(const std::string & path) {
    std::ifstream file{path};
    long value = 0;
    return file >> value ? std::optional{value} : std::nullopt;
}

bool has_user_namespaces() {
    return setting("/proc/sys/user/max_user_namespaces").value_or(1) > 0 &&
           setting("/proc/sys/kernel/unprivileged_userns_clone").value_or(1) != 0;
}

/** Trust in a directory, as the sentence that a launch would end with. */
std::optional<std::string> distrust(const std::string & path, const TrustedFile::Rules & rules) {
    try {
        if (!TrustedFile::open_if_present(path, rules)) return quoted(path) + " does not exist";
    } catch (const Error & error) {
        return error.what();
    }
    return std::nullopt;
}

/** TrustedFile ends its sentences with the command that helps. */
Finding refused(const std::string & sentence, const std::string & otherwise) {
    const std::size_t command = sentence.rfind("; ch");
    if (command == std::string::npos) return fail(sentence, otherwise);
    return fail(sentence.substr(0, command), "as root: " + sentence.substr(command + 2));
}

struct ClosesDirectory {
    void operator()(DIR * directory) const noexcept { (void)::closedir(directory); }
};

std::string percent(const struct statvfs & facts) {
    return std::to_string(facts.f_bavail * 100 / std::max<fsblkcnt_t>(facts.f_blocks, 1)) + " %";
}

} // namespace

bool has_set_id(const std::string & program) noexcept {
    struct stat status {};
    struct statvfs mount {};
    return ::stat(program.c_str(), &status) == 0 && status.st_uid == 0 && (status.st_mode & S_ISUID) != 0 &&
           ::statvfs(program.c_str(), &mount) == 0 && (mount.f_flag & ST_NOSUID) == 0;
}

namespace {

/** What in the configuration makes each launch fail without the set-id bit (plan/user_namespace.cpp). */
std::string part_that_needs_root(const SiteConfig & site) {
    if (site.image_mount == ImageMount::kernel) return "imageMount = kernel";
    if (!site.site_pre_mount_hook.empty()) return "sitePreMountHook";
    return site.site_post_mount_hook.empty() ? "" : "sitePostMountHook";
}

} // namespace

Finding examine_set_id(const std::string & program, const SiteConfig * site) {
    struct stat status {};
    if (::stat(program.c_str(), &status) != 0)
        return fail("cannot examine " + program + ": " + describe_errno(errno), "install the component runtime again");
    if (has_set_id(program)) {
        if ((status.st_mode & 0022U) != 0)
            return fail(program + " can be written by others", "as root: chmod 4755 " + program);
        return well(program + " is set-id root");
    }
    const bool set_id = status.st_uid == 0 && (status.st_mode & S_ISUID) != 0;
    const std::string what =
        program + (set_id ? " lies on a file system that is mounted nosuid" : " is not set-id root");
    const std::string advice = set_id ? "mount that file system without nosuid, or install somewhere else"
                                      : "as root: chown root:root " + program + " && chmod 4755 " + program;
    const std::string part = site != nullptr ? part_that_needs_root(*site) : "";
    if (!part.empty())
        return fail(what + ", and " + part + " needs root, so no container starts", advice + ", or leave that key out");
    if (has_user_namespaces())
        return warn(what + ", so containers start in user namespaces, without the kernel's squashfs", advice);
    return fail(what + ", and this node has no user namespaces for ordinary users", advice);
}

Finding examine_helpers(const Patient & patient) {
    if (const auto why = distrust(installed::squashfuse, {.kind = TrustedFile::Kind::executable}))
        return refused(*why, "install the component runtime again");
    // Nobody but root may read this one.
    if (::access(installed::accounts, X_OK) != 0)
        return fail("cannot execute " + std::string{installed::accounts} + ": " + describe_errno(errno),
                    "install the component runtime again");
    const std::string prefix = patient.site() != nullptr ? patient.site()->udi_root_path : "";
    const std::string client = (prefix.empty() ? std::string{installed::prefix} : prefix) + "/bin/shifterimg";
    if (::access(client.c_str(), X_OK) != 0)
        return fail("cannot execute " + client + ", which looks images up: " + describe_errno(errno),
                    "install the component client there, or correct udiRootPath in " + patient.config_path);
    return well("squashfuse and " + client + " are in place");
}

Finding examine_config(const Patient & patient) {
    if (!patient.check) return fail(patient.unreadable, "install a udiRoot.conf; a sample lies beside its place");
    const SiteConfigCheck & check = *patient.check;
    if (!check.refused.empty()) return refused(check.refused.front(), "chown root and chmod go-w what it names");
    const auto & problems = check.content.problems;
    if (problems.empty()) return well(text::join(check.files, ", "));
    const std::string advice =
        "correct it; shifter --check-config shows " +
        (problems.size() == 1 ? std::string{"the same"} : "all " + std::to_string(problems.size()));
    const auto first = std::find_if(problems.begin(), problems.end(),
                                    [](const ConfigProblem & problem) { return problem.severity == Severity::error; });
    if (first == problems.end()) return warn(problems.front().to_string(), advice);
    return fail(first->to_string(), advice);
}

Finding examine_image_path(const SiteConfig & site) {
    if (site.image_path.empty()) return fail("imagePath is not set", "set it to where the gateway publishes");
    const TrustedFile::Rules rules{.kind = TrustedFile::Kind::directory,
                                   .also_owner = uid_of_account(site.gateway_user)};
    if (const auto why = distrust(site.image_path, rules))
        return refused(*why, "mount the image storage, or correct imagePath");
    return well(site.image_path + " belongs to root or " + site.gateway_user);
}

Finding examine_images(const SiteConfig & site) {
    const std::unique_ptr<DIR, ClosesDirectory> folder{::opendir(site.image_path.c_str())};
    if (!folder && errno == EACCES) return well("only root and the gateway may list " + site.image_path);
    if (!folder) return fail("cannot list " + site.image_path + ": " + describe_errno(errno), "see imagePath");
    const uid_t gateway = uid_of_account(site.gateway_user);
    std::size_t count = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this stream is ours alone
    while (const struct dirent * const entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() < 10 || name.front() == '.' || name.substr(name.size() - 9) != ".squashfs") continue;
        const std::string path = site.image_path + "/" + std::string{name};
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0) continue; // expired just now
        const bool owned = status.st_uid == 0 || status.st_uid == gateway;
        if (!S_ISREG(status.st_mode) || !owned || (status.st_mode & 0022U) != 0)
            return fail(path + " is not a file of root or " + site.gateway_user + " that nobody else can write",
                        "as root: chown " + site.gateway_user + " " + path + " && chmod go-w " + path);
        const std::string record = path.substr(0, path.size() - 9) + ".meta";
        if (::access(record.c_str(), F_OK) != 0)
            return fail(path + " has no record beside it, and cannot be run",
                        "pull that image again, or remove the file");
        ++count;
    }
    return well(std::to_string(count) + (count == 1 ? " image" : " images"));
}

Finding examine_mount_points(const SiteConfig & site) {
    for (const auto & [key, path] : {std::pair{"udiMount", site.udi_mount}, std::pair{"loopMount", site.loop_mount}}) {
        if (path.empty()) return fail(std::string{key} + " is not set", "set it to an empty directory of the node");
        const TrustedFile::Rules rules{.kind = TrustedFile::Kind::directory};
        const auto why = distrust(path, rules);
        if (!why) continue;
        if (::access(path.c_str(), F_OK) == 0 || errno != ENOENT)
            return refused(std::string{key} + ": " + *why, "correct " + std::string{key});
        // It is made by the first launch, if its parent is there.
        const std::string parent = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
        if (const auto no_parent = distrust(parent, rules))
            return refused(std::string{key} + ": " + *no_parent, "as root: mkdir -p " + path);
    }
    return well(site.udi_mount + ", " + site.loop_mount);
}

Finding examine_etc_path(const SiteConfig & site) {
    const TrustedFile::Rules directory{.kind = TrustedFile::Kind::directory};
    if (site.etc_path.empty()) return fail("etcPath is not set", "set it to the site's files for /etc");
    const bool needed = !site.populate_etc_dynamically || !site.allow_libc_pwd_calls;
    if (const auto why = distrust(site.etc_path, directory)) {
        Finding finding = refused(*why, "make the directory, or correct etcPath");
        if (!needed) return warn(finding.what + "; no launch needs it now", finding.advice);
        return finding;
    }
    std::vector<std::string> names;
    if (!site.populate_etc_dynamically) names = {"passwd", "nsswitch.conf", "group"};
    if (!site.allow_libc_pwd_calls && names.empty()) names = {"passwd"};
    for (const std::string & name : names)
        if (const std::string path = site.etc_path + "/" + name; ::access(path.c_str(), R_OK) != 0)
            return fail("cannot read " + path + ": " + describe_errno(errno),
                        "put it there, or set populateEtcDynamically and allowLibcPwdCalls to 1");
    return well(site.etc_path + (needed ? "" : ", which no launch needs now"));
}

Finding examine_space(const SiteConfig & site) {
    std::string seen;
    std::vector<std::string> places = {"/run", "/tmp", site.image_path};
    if (!site.per_node_cache_path.empty()) places.push_back(site.per_node_cache_path);
    Finding tight;
    for (const std::string & place : places) {
        struct statvfs facts {};
        if (place.empty() || ::statvfs(place.c_str(), &facts) != 0) {
            if (place.empty() || place == site.image_path) continue; // imagePath has a line of its own
            return fail("cannot examine " + place + ": " + describe_errno(errno),
                        "make it, or mount what belongs there");
        }
        if (facts.f_blocks == 0) continue; // a file system without a size
        const bool inodes_left = facts.f_files == 0 || facts.f_favail > facts.f_files / 100;
        if (facts.f_bavail < facts.f_blocks / 100 || !inodes_left)
            return fail(place + " is full: " + percent(facts) + " is free", "remove files there, or make it larger");
        if (facts.f_bavail < facts.f_blocks / 20)
            tight = warn(place + " is nearly full: " + percent(facts) + " is free",
                         "remove files there, or make it larger");
        seen += (seen.empty() ? "" : ", ") + place + " " + percent(facts);
    }
    return tight.status == Status::ok ? well(seen + " free") : tight;
}

} // namespace shifter::doctor
