#include "processes/containers.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <tuple>
#include <unistd.h>

namespace shifter::processes {
namespace {

constexpr std::size_t max_text = 4U << 20U;

struct CloseDirectory {
    void operator()(DIR * handle) const noexcept { ::closedir(handle); }
};

std::string read_text(int directory, const std::string & name) {
    const UniqueFd file{::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    if (!file) return {};
    try {
        return io::read_all(file.get(), max_text, name);
    } catch (const Error &) { // it has ended, or is larger than an environment can be
        return {};
    }
}

/** A file that root has put into a container's root, by its own path there; an image or a user cannot forge one. */
std::string read_roots_file(int root, const char * path) {
    struct open_how how {};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
    const UniqueFd file{static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how))};
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != 0) return {};
    return io::read_all(file.get(), max_text, path);
}

std::string variable_in(std::string_view environment, std::string_view name) {
    for (const std::string_view entry : text::split(environment, '\0'))
        if (entry.size() > name.size() && entry.substr(0, name.size()) == name && entry[name.size()] == '=')
            return std::string{entry.substr(name.size() + 1)};
    return {};
}

std::chrono::system_clock::time_point boot_time() {
    struct timespec since_boot {};
    if (::clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) throw SysError{errno, "cannot read the time since boot"};
    return std::chrono::system_clock::now() - std::chrono::seconds{since_boot.tv_sec};
}

/** One process: adds it to its container, if it is in one. */
void look_at(int processes, pid_t pid, std::chrono::system_clock::time_point boot,
             std::map<std::uint64_t, Container> & containers) {
    const UniqueFd folder{::openat(processes, std::to_string(pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const UniqueFd root{folder ? ::openat(folder.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1};
    struct stat status {};
    if (!root || ::fstatat(folder.get(), "ns/mnt", &status, 0) != 0) return;
    const auto state = parse_state_line(read_roots_file(root.get(), "var/shifterConfig.json"));
    const auto ticks = parse_start_ticks(read_text(folder.get(), "stat"));
    if (!state || !ticks) return;
    const auto rate = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const auto since = boot + std::chrono::milliseconds{*ticks * 1000 / rate};
    Container & container = containers[status.st_ino];
    if (container.processes.empty() || since < container.since) container.since = since;
    container.mount_namespace = status.st_ino;
    container.id = state->first;
    container.user = state->second;
    container.processes.push_back({pid, std::string{text::trim(read_text(folder.get(), "comm"))}, since});
    if (container.job.empty()) container.job = read_roots_file(root.get(), "var/shifterSlurm.jobid");
    if (!container.image.empty() && !container.job.empty()) return;
    const std::string environment = read_text(folder.get(), "environ");
    if (container.image.empty()) container.image = variable_in(environment, "SHIFTER_IMAGEREQUEST");
    if (container.job.empty()) container.job = variable_in(environment, "SLURM_JOB_ID");
}

} // namespace

std::optional<std::pair<std::string, std::string>> parse_state_line(std::string_view text) {
    constexpr std::string_view first = R"({"identifier":")";
    constexpr std::string_view second = R"(","user":")";
    if (text.substr(0, first.size()) != first) return std::nullopt;
    text.remove_prefix(first.size());
    const std::size_t middle = text.find(second);
    if (middle == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(middle + second.size());
    const std::size_t end = rest.find('"');
    if (end == std::string_view::npos) return std::nullopt;
    return std::pair{std::string{text.substr(0, middle)}, std::string{rest.substr(0, end)}};
}

std::optional<std::uint64_t> parse_start_ticks(std::string_view stat) {
    constexpr std::size_t start_field = 19; // behind the name, which may hold anything
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    const auto fields = text::words(stat.substr(name_end + 1));
    if (fields.size() <= start_field) return std::nullopt;
    return text::parse_unsigned<std::uint64_t>(fields[start_field]);
}

std::vector<Container> find_containers() {
    const std::unique_ptr<DIR, CloseDirectory> processes{::opendir("/proc")};
    if (!processes) throw SysError{errno, "cannot read /proc"};
    const auto boot = boot_time();
    std::map<std::uint64_t, Container> containers;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this stream is ours alone
    while (const struct dirent * const entry = ::readdir(processes.get()))
        if (const auto pid = text::parse_unsigned<pid_t>(entry->d_name))
            look_at(::dirfd(processes.get()), *pid, boot, containers);
    std::vector<Container> found;
    for (auto & [number, container] : containers) {
        std::sort(container.processes.begin(), container.processes.end(),
                  [](const Process & a, const Process & b) { return a.pid < b.pid; });
        found.push_back(std::move(container));
    }
    std::sort(found.begin(), found.end(), [](const Container & a, const Container & b) {
        return std::tuple{a.job.size(), a.job, a.since} < std::tuple{b.job.size(), b.job, b.since}; // 9 before 10
    });
    return found;
}

} // namespace shifter::processes
