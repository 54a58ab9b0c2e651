/**
 * @file
 * One function for each step of a MountPlan. Each is safe whatever its arguments: paths are looked up beneath the
 * container's root or the image's, and what is made is made on the root's own file system.
 */
#pragma once

#include "base/identity.hpp"
#include "plan/mount_plan.hpp"
#include "privileged/image_mount.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace shifter::privileged {

class StepRunner {
public:
    StepRunner(const Identity & caller, const MountPlan & plan, MountedImage image)
        : caller_{caller}, plan_{plan}, image_{std::move(image)} {}
    StepRunner(const StepRunner &) = delete;
    StepRunner & operator=(const StepRunner &) = delete;
    ~StepRunner() = default;

    void operator()(const MountImage & step);
    void operator()(const MountRoot & step);
    void operator()(const MakeDirectory & step);
    void operator()(const MakeLink & step);
    void operator()(const WriteFile & step);
    void operator()(const CopyHostFile & step);
    void operator()(const CopyHostDirectory & step);
    void operator()(const BindHost & step);
    void operator()(const MergeImage & step);
    void operator()(const MergeEtc & step);
    void operator()(const BindVolume & step);
    void operator()(const SealRoot & step);

    [[nodiscard]] int root() const noexcept { return root_.get(); }
    /** 0 for a local directory, which has the node's. */
    [[nodiscard]] dev_t image_device() const noexcept { return image_device_; }
    /** Paths of the image that the root already had (H5-3). */
    [[nodiscard]] const std::vector<std::string> & hidden() const noexcept { return hidden_; }

private:
    /** Where a new entry goes: its directory, on the root's own file system, and its name. */
    struct Place {
        UniqueFd directory;
        std::string name;
    };
    [[nodiscard]] Place place_for(const ContainerPath & path, bool make_parents);
    /** The mount point at `path`, made if it is missing and may be made. A link there is refused. */
    [[nodiscard]] UniqueFd mount_point(const ContainerPath & path, bool directory);
    void make_directory(const ContainerPath & path, mode_t mode);
    [[nodiscard]] bool on_own_file_system(int fd) const;
    void merge_entry(int from, int to, const std::string & directory, const std::string & name);
    void write_file(const Place & place, const std::string & path, const std::string & content, mode_t mode);
    void check_volume_target(int target, const std::string & what) const;

    const Identity & caller_;
    const MountPlan & plan_;
    UniqueFd root_;
    MountedImage image_;
    dev_t root_device_ = 0;
    dev_t image_device_ = 0;
    std::size_t merged_ = 0;
    std::vector<std::string> hidden_;
};

} // namespace shifter::privileged
