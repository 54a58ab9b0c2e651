#include "api/storage_watch.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "catalog/counters.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace shifter::api {
namespace {

struct CloseDirectory {
    void operator()(DIR * directory) const noexcept { (void)::closedir(directory); }
};

} // namespace

StorageUse measure_storage(const std::string & directory) {
    constexpr std::string_view suffix = ".squashfs";
    const std::unique_ptr<DIR, CloseDirectory> entries{::opendir(directory.c_str())};
    if (!entries) throw SysError{errno, "cannot read " + quoted(directory)};
    StorageUse use;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): of a directory that only this thread reads
    while (const dirent * entry = ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() <= suffix.size() || name.substr(name.size() - suffix.size()) != suffix) continue;
        struct stat facts {};
        if (::fstatat(::dirfd(entries.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
            continue; // just removed
        if (!S_ISREG(facts.st_mode)) continue;
        ++use.images;
        use.image_bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
    }
    struct statvfs system {};
    if (::fstatvfs(::dirfd(entries.get()), &system) != 0) throw SysError{errno, "cannot look at " + quoted(directory)};
    use.free_bytes = system.f_bavail * system.f_frsize;
    use.size_bytes = system.f_blocks * system.f_frsize;
    return use;
}

StorageWatch::StorageWatch(const pull::GatewaySettings & settings, std::chrono::seconds interval)
    : settings_{settings}, interval_{interval}, thread_{[this](const std::stop_token & stop) { watch(stop); }} {}

StorageUses StorageWatch::latest() const {
    const std::lock_guard lock{mutex_};
    return uses_;
}

void StorageWatch::watch(const std::stop_token & stop) {
    using Clock = std::chrono::steady_clock;
    while (!stop.stop_requested()) {
        const auto begin = Clock::now();
        const std::uint64_t published = catalog::counters().pulls_ready;
        for (const auto & [name, system] : settings_.systems) {
            std::optional<StorageUse> use;
            try {
                use = measure_storage(system.storage.directory);
            } catch (const std::exception & error) {
                log::warning(std::string{"event=trouble "} + error.what());
            }
            const std::lock_guard lock{mutex_};
            uses_.erase(name);
            if (use) uses_.emplace(name, *use);
        }
        // Again when its time has come, or soon after a new image; never for more than a twentieth of the time.
        const auto end = Clock::now();
        const auto soonest = end + std::max<Clock::duration>(std::chrono::seconds{2}, 20 * (end - begin));
        const auto latest = std::max<Clock::time_point>(soonest, end + interval_);
        const auto is_time = [&] {
            const auto now = Clock::now();
            return now >= latest || (now >= soonest && catalog::counters().pulls_ready != published);
        };
        std::unique_lock lock{mutex_};
        while (!stop.stop_requested() && !is_time())
            (void)wake_.wait_for(lock, stop, std::chrono::seconds{1}, [] { return false; });
    }
}

} // namespace shifter::api
