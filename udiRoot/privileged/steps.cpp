#include "privileged/steps.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "privileged/system.hpp"
#include "privileged/watchdog.hpp"
#include "site/trusted_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr std::size_t max_site_file = 64U << 20U;
constexpr std::size_t max_site_files = 1000;

/** A directory of the node that we mount on: trusted like configuration, made if it is missing (contract 5.1, 5.2). */
UniqueFd host_mount_point(const std::string & path) {
    const TrustedFile::Rules rules{.kind = TrustedFile::Kind::directory};
    if (auto known = TrustedFile::open_if_present(path, rules)) return std::move(*known).release();
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        throw SysError{errno, "cannot make the directory " + quoted(path)};
    return TrustedFile::open(path, rules).release();
}

/** @param optional  empty where there is none */
std::string read_host_file(int directory, const std::string & name, const std::string & path, bool optional = false) {
    // O_NONBLOCK: a FIFO must not hold the launch; it is refused right after.
    const UniqueFd file{::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!file && optional && (errno == ENOENT || errno == ENOTDIR)) {
        log::info("this node has no " + path + "; the container's is empty");
        return {};
    }
    if (!file) throw SysError{errno, "cannot copy " + quoted(path) + " into the container"};
    if (!S_ISREG(status_of(file.get(), "cannot examine " + quoted(path)).st_mode))
        throw Error{"cannot copy " + quoted(path) + " into the container: it is not a regular file"};
    return io::read_all(file.get(), max_site_file, quoted(path));
}

unsigned long propagation_flag(Propagation propagation) {
    return propagation == Propagation::slave ? MS_SLAVE : MS_PRIVATE;
}

} // namespace

void StepRunner::operator()(const MountImage &) {
    if (!image_.is_directory)
        image_device_ = read_only_device_ = status_of(image_.mount.get(), "cannot examine the mounted image").st_dev;
    // Copies of a mount can be made only while it is attached somewhere; the place goes away with the old root.
    attach_mount(image_.mount.get(), host_mount_point(plan_.image_mount).get(),
                 "cannot mount the image on " + quoted(plan_.image_mount));
}

void StepRunner::operator()(const MountRoot & step) {
    set_stage("building the container's root");
    const std::string what = "cannot mount a " + step.file_system;
    root_ = step.size_bytes != 0 ? make_memory(step.size_bytes, nullptr, what)
                                 : make_mount(step.file_system, {{"mode", "0755"}}, false, what);
    root_device_ = status_of(root_.get(), "cannot examine the container's root").st_dev;
    attach_mount(root_.get(), host_mount_point(plan_.root_mount).get(),
                 "cannot mount the container's root on " + quoted(plan_.root_mount));
}

bool StepRunner::makes_writable(const MountPlan & plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step & step) {
        const auto * const overlay = std::get_if<OverlayImage>(&step);
        return overlay != nullptr && overlay->writable;
    });
}

bool StepRunner::on_own_file_system(int fd) const {
    return status_of(fd, "cannot examine a directory of the container").st_dev == root_device_;
}

StepRunner::Place StepRunner::place_for(const ContainerPath & path, bool make_parents) {
    const std::size_t slash = path.to_string().rfind('/');
    const std::string parent = slash == 0 ? "/" : path.to_string().substr(0, slash);
    const std::string name = path.to_string().substr(slash + 1);
    if (parent == parent_path_) return {parent_.get(), name};
    forget_parent();
    UniqueFd directory = try_open_in_root(root_.get(), parent, O_PATH | O_DIRECTORY);
    if (!directory && errno == ENOENT && make_parents) {
        make_directory(ContainerPath::parse(parent).value_or_throw("a path in the container"), 0755);
        directory = try_open_in_root(root_.get(), parent, O_PATH | O_DIRECTORY);
    }
    if (!directory) throw SysError{errno, "cannot make " + quoted(path.to_string()) + " in the container"};
    if (!on_own_file_system(directory.get())) {
        directory = twin_for_changes(directory.get(), "cannot examine " + quoted(parent));
        if (!directory)
            throw Error{"cannot make " + quoted(path.to_string()) + " in the container: " + quoted(parent) +
                        " comes from the image or the site, and is not changed"};
    }
    parent_ = std::move(directory);
    parent_path_ = parent;
    return {parent_.get(), name};
}

void StepRunner::make_directory(const ContainerPath & path, mode_t mode) {
    const Place place = place_for(path, true);
    if (::mkdirat(place.directory, place.name.c_str(), mode) == 0) {
        // The umask is 022 here; most modes are whole already.
        if ((mode & 022U) != 0 && ::fchmodat(place.directory, place.name.c_str(), mode, 0) != 0)
            throw SysError{errno, "cannot set the mode of " + quoted(path.to_string())};
        return;
    }
    const int why = errno;
    const UniqueFd there{::openat(place.directory, place.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!there) throw SysError{why, "cannot make the directory " + quoted(path.to_string()) + " in the container"};
}

void StepRunner::operator()(const MakeDirectory & step) { make_directory(step.path, step.mode); }

void StepRunner::operator()(const MakeLink & step) {
    const Place place = place_for(step.path, false);
    if (::symlinkat(step.target.c_str(), place.directory, place.name.c_str()) != 0)
        throw SysError{errno, "cannot make the link " + quoted(step.path.to_string()) + " in the container"};
}

void StepRunner::write_file(const Place & place, const std::string & path, const std::string & content, mode_t mode) {
    const std::string what = "cannot write " + quoted(path) + " in the container";
    const UniqueFd file{
        ::openat(place.directory, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)};
    if (!file) throw SysError{errno, what};
    io::write_all(file.get(), content, quoted(path) + " in the container");
}

void StepRunner::operator()(const WriteFile & step) {
    write_file(place_for(step.path, false), step.path.to_string(), step.content, step.mode);
}

void StepRunner::operator()(const CopyHostFile & step) {
    write_file(place_for(step.to, false), step.to.to_string(), read_host_file(AT_FDCWD, step.from, step.from, true),
               0644);
}

void StepRunner::operator()(const CopyHostDirectory & step) {
    const TrustedFile directory = TrustedFile::open(step.from, {.kind = TrustedFile::Kind::directory});
    const auto names = names_in(directory.fd(), max_site_files, "cannot read the directory " + quoted(step.from));
    for (const std::string & name : step.required)
        if (std::find(names.begin(), names.end(), name) == names.end())
            throw Error{"the site's directory " + quoted(step.from) + " has no " + name + ", which a container needs"};
    const UniqueFd to = try_open_in_root(root_.get(), step.to.to_string(), O_PATH | O_DIRECTORY);
    for (const std::string & name : names) {
        if (std::find(step.except.begin(), step.except.end(), name) != step.except.end()) continue;
        const std::string path = step.to.to_string() + "/" + name;
        const std::string content = read_host_file(directory.fd(), name, step.from + "/" + name);
        write_file({to.get(), name}, path, content, 0644);
    }
}

UniqueFd StepRunner::mount_point(const ContainerPath & path, bool directory) {
    const auto open = [&] { return try_open_in_root(root_.get(), path.to_string(), O_PATH | O_NOFOLLOW); };
    UniqueFd target = open();
    if (!target && errno == ENOENT) {
        if (directory)
            make_directory(path, 0755);
        else
            write_file(place_for(path, true), path.to_string(), "", 0644);
        target = open();
    }
    if (!target) throw SysError{errno, "cannot use " + quoted(path.to_string()) + " in the container as a mount point"};
    const struct stat status = status_of(target.get(), "cannot examine " + quoted(path.to_string()));
    if (S_ISLNK(status.st_mode))
        throw Error{"cannot mount on " + quoted(path.to_string()) + " in the container: it is a symbolic link"};
    if (S_ISDIR(status.st_mode) != directory)
        throw Error{"cannot mount on " + quoted(path.to_string()) + " in the container: it is " +
                    (directory ? "not " : "") + "a directory, and the source is " + (directory ? "one" : "not")};
    forget_parent();
    return target;
}

void StepRunner::operator()(const BindHost & step) {
    set_stage("mounting the site's directories");
    const std::string what = "cannot bind " + quoted(step.from) + " into the container";
    UniqueFd source{::open(step.from.c_str(), O_PATH | O_CLOEXEC)};
    if (!source && step.optional && (errno == ENOENT || errno == EACCES)) return;
    if (!source) throw SysError{errno, what};
    const struct stat status = status_of(source.get(), what);
    const UniqueFd mount = clone_mount(source.get(), "", step.recursive, what);
    restrict_mount(mount.get(),
                   {.read_only = step.read_only,
                    .no_devices = !step.devices,
                    .no_executables = !step.executables,
                    .recursive = step.recursive,
                    .propagation = propagation_flag(step.propagation)},
                   what);
    attach_mount(mount.get(), mount_point(step.to, S_ISDIR(status.st_mode)).get(),
                 what + " at " + quoted(step.to.to_string()));
}

void StepRunner::operator()(const SealRoot &) {
    restrict_mount(root_.get(), {.read_only = true}, "cannot make the container's root read-only");
}

} // namespace shifter::privileged
