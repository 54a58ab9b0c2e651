/**
 * @file
 * How much the images take of the storage, looked at now and then by a thread of its own: a file system that hangs
 * keeps no request waiting.
 */
#pragma once

#include "pull/gateway_settings.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace shifter::api {

struct StorageUse {
    std::uint64_t images = 0;      ///< image files, those without a record included
    std::uint64_t image_bytes = 0; ///< blocks that they occupy
    std::uint64_t free_bytes = 0;  ///< of the file system, for this account
    std::uint64_t size_bytes = 0;  ///< of the file system
};

/** By system. */
using StorageUses = std::map<std::string, StorageUse>;

/** Looks at one image directory. @throws SysError when it cannot be read */
[[nodiscard]] StorageUse measure_storage(const std::string & directory);

class StorageWatch {
public:
    /** `settings` outlive the watch. */
    explicit StorageWatch(const pull::GatewaySettings & settings,
                          std::chrono::seconds interval = std::chrono::minutes{1});

    /** The last look at each system; systems that were not seen yet, or cannot be, are absent. */
    [[nodiscard]] StorageUses latest() const;

private:
    void watch(const std::stop_token & stop);

    const pull::GatewaySettings & settings_;
    std::chrono::seconds interval_;
    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    StorageUses uses_;
    std::jthread thread_; ///< the last member: it uses all others
};

} // namespace shifter::api
