#include "privileged/job_root.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "privileged/system.hpp"
#include "site/trusted_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr const char * own_directory = "/run/shifter";
constexpr const char * jobs_directory = "/run/shifter/jobs";
constexpr std::string_view note_version = "shifter job root 1";
constexpr std::size_t max_note = 17U << 20U; // a record, and a little
constexpr std::size_t max_config_files = 1000;
constexpr std::chrono::seconds patience{3};

bool is_name(std::string_view text) {
    return text.size() <= 64 && text.find("..") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      std::string_view{"._-"}.find(c) != std::string_view::npos;
           });
}

/** Of root alone, or refused: whoever could write here could send launches into another root. */
UniqueFd open_jobs_directory() {
    return TrustedFile::open(jobs_directory, {.kind = TrustedFile::Kind::directory}).release();
}

std::string stamp_of(int directory, const std::string & name) {
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, 0) != 0) return name + " absent;";
    return name + " " + std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ":" +
           std::to_string(status.st_size) + ":" + std::to_string(status.st_mtim.tv_sec) + "." +
           std::to_string(status.st_mtim.tv_nsec) + ";";
}

/** The configuration's files, as they are now: H1-15. */
std::string config_stamp() {
    const std::string path = installed::site_config;
    std::string stamp = stamp_of(AT_FDCWD, path);
    const UniqueFd drop_ins{::open((path + ".d").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!drop_ins) return stamp;
    auto names = names_in(drop_ins.get(), max_config_files, "cannot read the directory " + quoted(path + ".d"));
    std::sort(names.begin(), names.end());
    for (const std::string & name : names) stamp += stamp_of(drop_ins.get(), name);
    return stamp;
}

/** When a process began, in ticks since boot: with its number, its name for ever. Empty when there is none. */
std::string start_time(pid_t pid) {
    constexpr std::size_t start_field = 19; // of proc(5)'s stat, counted behind the name, which may hold anything
    const UniqueFd file{::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return {};
    std::string text(4096, '\0');
    const ssize_t count = ::read(file.get(), text.data(), text.size());
    if (count <= 0) return {};
    text.resize(static_cast<std::size_t>(count));
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return {};
    const auto fields = text::words(std::string_view{text}.substr(name_end + 1));
    return fields.size() > start_field ? std::string{fields[start_field]} : std::string{};
}

struct Note {
    pid_t pid = -1;
    std::string started;
    std::string handle;
    ino_t inode = 0;
    std::string_view key;
    std::string_view record;
};

std::optional<Note> parse_note(std::string_view text) {
    Note note;
    const auto line = [&]() -> std::string_view {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view found = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return found;
    };
    if (line() != note_version) return std::nullopt;
    const auto fields = text::words(line());
    if (fields.size() != 4) return std::nullopt;
    const auto pid = text::parse_unsigned<pid_t>(fields[0]);
    const auto inode = text::parse_unsigned<ino_t>(fields[3]);
    if (!pid || *pid <= 0 || !inode) return std::nullopt;
    note.pid = *pid;
    note.started = fields[1];
    note.handle = fields[2];
    note.inode = *inode;
    note.key = line();
    note.record = text;
    return note;
}

/** The namespace that a note names, if the kernel says that it is still that one. */
UniqueFd open_namespace(const Note & note) {
    const std::string process = "/proc/" + std::to_string(note.pid);
    struct stat status {};
    if (::stat(process.c_str(), &status) != 0 || status.st_uid != 0) return {};
    // O_NONBLOCK: whatever stands there in the place of another process's namespace must not hold us.
    UniqueFd found{::open((process + "/" + note.handle).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    struct statfs file_system {};
    if (!found || ::fstatfs(found.get(), &file_system) != 0 || file_system.f_type != NSFS_MAGIC ||
        ::fstat(found.get(), &status) != 0 || status.st_ino != note.inode)
        return {};
    // Asked last: while the process is the one that wrote the note, its number was not given to another.
    if (start_time(note.pid) != note.started) return {};
    return found;
}

/** A short file of root's in somebody's root; empty when there is none. */
std::string content_in(int root, const char * path) {
    const UniqueFd file = try_open_in_root(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != 0) return {};
    std::string text(256, '\0');
    const ssize_t count = ::read(file.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

void enter(int mount_namespace) {
    if (::setns(mount_namespace, CLONE_NEWNS) != 0) throw SysError{errno, "cannot enter the job's prepared root"};
    if (::chdir("/") != 0) throw SysError{errno, "cannot enter the container's root"};
}

void wait_while_preparing(const JobNotes & notes) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (notes.has(preparing_note)) {
        // Whoever prepared it is gone, or there is no extern step: nobody waits a second time.
        if (std::chrono::steady_clock::now() > end) return notes.remove(preparing_note);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

} // namespace

Expected<JobOnNode> JobOnNode::make(const std::string & job, const std::string & node) {
    if (job.empty() || job.front() == '.' || !is_name(job) || !is_name(node))
        return ParseError{0, "a job and a node have names of letters, digits, \".\", \"_\" and \"-\", not " +
                                 quoted(job + "@" + node)};
    return JobOnNode{job, node};
}

std::optional<JobOnNode> JobOnNode::from_environment(const std::vector<std::string> & environment) {
    std::string job = "node";
    std::string node;
    for (const std::string & entry : environment) {
        for (const auto & [name, value] : {std::pair{std::string_view{"SLURM_JOB_ID="}, &job},
                                           std::pair{std::string_view{"SLURMD_NODENAME="}, &node}})
            if (entry.compare(0, name.size(), name) == 0) *value = entry.substr(name.size());
    }
    auto made = make(job, job == "node" ? "" : node);
    if (!made) return std::nullopt;
    return *std::move(made);
}

JobNotes JobNotes::make(const JobOnNode & job) {
    for (const char * const path : {own_directory, jobs_directory})
        if (::mkdir(path, 0700) != 0 && errno != EEXIST)
            throw SysError{errno, "cannot make the directory " + quoted(path)};
    const UniqueFd jobs = open_jobs_directory();
    const std::string what = "cannot make the notes of job " + job.folder() + " in " + jobs_directory;
    if (::mkdirat(jobs.get(), job.folder().c_str(), 0700) != 0 && errno != EEXIST) throw SysError{errno, what};
    UniqueFd folder{::openat(jobs.get(), job.folder().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!folder) throw SysError{errno, what};
    return JobNotes{std::move(folder)};
}

std::optional<JobNotes> JobNotes::find(const JobOnNode & job) {
    // Most launches on a machine have no job, and no file is read for them.
    struct stat status {};
    if (::lstat(jobs_directory, &status) != 0) return std::nullopt;
    const UniqueFd jobs = open_jobs_directory();
    UniqueFd folder{::openat(jobs.get(), job.folder().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!folder) return std::nullopt;
    return JobNotes{std::move(folder)};
}

void JobNotes::remove(const JobOnNode & job) {
    const auto notes = find(job);
    if (!notes) return;
    const std::string what = "cannot remove the notes of job " + job.folder();
    for (const std::string & name : names_in(notes->folder_.get(), 1000, what)) notes->remove(name);
    const UniqueFd jobs = open_jobs_directory();
    if (::unlinkat(jobs.get(), job.folder().c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) throw SysError{errno, what};
}

void JobNotes::write(const std::string & name, const std::string & text) const {
    const std::string what = "cannot write the note " + quoted(name) + " of a job";
    const std::string unfinished = name + ".new";
    remove(unfinished);
    UniqueFd file{
        ::openat(folder_.get(), unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file) throw SysError{errno, what};
    io::write_all(file.get(), text, "the note " + quoted(name) + " of a job");
    if (::renameat(folder_.get(), unfinished.c_str(), folder_.get(), name.c_str()) != 0) throw SysError{errno, what};
}

std::optional<std::string> JobNotes::read(const std::string & name) const {
    const UniqueFd file{::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (!file) return std::nullopt;
    return io::read_all(file.get(), max_note, "the note " + quoted(name) + " of a job");
}

bool JobNotes::has(const std::string & name) const {
    return ::faccessat(folder_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void JobNotes::remove(const std::string & name) const noexcept { (void)::unlinkat(folder_.get(), name.c_str(), 0); }

std::string job_root_key(const Identity & user, const RunRequest & request, const SiteConfig & site) {
    const auto volumes = parse_volume_map(request.volumes, VolumeOwner::user)
                             .value_or_throw("cannot use the volumes " + quoted(request.volumes));
    const std::string selection = request.modules ? *request.modules : text::join(site.default_modules, ",");
    const auto modules = select_modules(site, selection).value_or_throw("cannot use the modules " + quoted(selection));
    std::string key = "uid=" + std::to_string(user.uid) + " gid=" + std::to_string(user.gid) + " groups=";
    for (const gid_t group : user.groups) key += std::to_string(group) + ",";
    const auto * const id = std::get_if<ImageId>(&request.image);
    key += id != nullptr ? " id=" + id->to_string() : " local=" + std::get<LocalImage>(request.image).path;
    key += " volumes=" + volume_signature(volumes) + " modules=";
    for (const Module * const module : modules) key += module->name + ",";
    return key + " config=" + config_stamp();
}

std::string job_root_note(const std::string & handle, int mount_namespace, const std::string & key,
                          const ImageRecord & record) {
    const ino_t inode = status_of(mount_namespace, "cannot examine a mount namespace").st_ino;
    return std::string{note_version} + "\n" + std::to_string(::getpid()) + " " + start_time(::getpid()) + " " + handle +
           " " + std::to_string(inode) + "\n" + key + "\n" +
           format_image_record(record).value_or_throw("cannot write down the image's record");
}

std::optional<JobRoot> find_job_root(const JobOnNode & job, const Identity & user, const RunRequest & request,
                                     const SiteConfig & site) {
    const auto notes = JobNotes::find(job);
    if (!notes) return std::nullopt;
    wait_while_preparing(*notes);
    const auto text = notes->read(root_note);
    const auto note = text ? parse_note(*text) : std::nullopt;
    if (!note || note->key != job_root_key(user, request, site)) return std::nullopt;
    auto record = parse_image_record(note->record);
    UniqueFd mount_namespace = open_namespace(*note);
    if (!mount_namespace || !record) return std::nullopt;
    return JobRoot{std::move(mount_namespace), *std::move(record)};
}

UniqueFd open_holder(const std::string & text) {
    const auto note = parse_note(text);
    if (!note) return {};
    UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, note->pid, 0))};
    if (!process || start_time(note->pid) != note->started) return {};
    return process;
}

std::size_t end_processes_in_root(const JobOnNode & job, uid_t uid) {
    constexpr int max_rounds = 20; // a process may be faster with fork(2) than one look around
    constexpr std::size_t max_processes = 1U << 22U;
    std::size_t ended = 0;
    for (int round = 0; round < max_rounds; ++round) {
        std::size_t found = 0;
        const UniqueFd processes{::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        if (!processes) throw SysError{errno, "cannot read /proc"};
        for (const std::string & name : names_in(processes.get(), max_processes, "cannot read /proc")) {
            const auto pid = text::parse_unsigned<pid_t>(name);
            struct stat status {};
            if (!pid || ::fstatat(processes.get(), name.c_str(), &status, 0) != 0 || status.st_uid != uid) continue;
            const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0))};
            const UniqueFd root{::openat(processes.get(), (name + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
            if (!process || !root || content_in(root.get(), job_file) != job.job() ||
                content_in(root.get(), node_file) != job.node())
                continue;
            ++found;
            if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0 && round == 0) ++ended;
        }
        if (found == 0) break;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return ended;
}

Rootfs enter_job_root(const Privileged & /*the process may do it*/, const JobRoot & job_root) {
    TrustedFile::forget_directories();
    enter(job_root.mount_namespace.get());
    return Rootfs{};
}

void move_task_into(int mount_namespace) {
    enter(mount_namespace);
    forbid_new_privileges();
}

} // namespace shifter::privileged
