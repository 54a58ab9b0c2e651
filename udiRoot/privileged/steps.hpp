/**
 * @file
 * One function for each step of a MountPlan. Each is safe whatever its arguments: paths are looked up beneath the
 * container's root or the image's, and what is made is made on the root's own file system.
 */
#pragma once

#include "base/identity.hpp"
#include "plan/mount_plan.hpp"
#include "privileged/image_mount.hpp"
#include "privileged/system.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace shifter::privileged {

class StepRunner {
public:
    StepRunner(const Identity & caller, const MountPlan & plan, MountedImage image)
        : caller_{caller}, plan_{plan}, image_{std::move(image)}, writable_{makes_writable(plan)} {}
    StepRunner(const StepRunner &) = delete;
    StepRunner & operator=(const StepRunner &) = delete;
    ~StepRunner() = default;

    void operator()(const MountImage & step);
    void operator()(const MountRoot & step);
    void operator()(const OverlayImage & step);
    void operator()(const MakeDirectory & step);
    void operator()(const MakeLink & step);
    void operator()(const WriteFile & step);
    void operator()(const CopyHostFile & step);
    void operator()(const CopyHostDirectory & step);
    void operator()(const BindHost & step);
    void operator()(const BindTree & step);
    void operator()(const RunHook & step);
    void operator()(const MergeImage & step);
    void operator()(const MergeEtc & step);
    void operator()(const BindVolume & step);
    void operator()(const MountTmpfs & step);
    void operator()(const MountCache & step);
    void operator()(const OwnDirectories & step);
    void operator()(const SealRoot & step);

    [[nodiscard]] int root() const noexcept { return root_.get(); }
    /** Whose mounts must be read-only; 0 for a local directory, which has the node's. */
    [[nodiscard]] dev_t read_only_device() const noexcept { return read_only_device_; }
    /** Paths of the image that the root already had (H5-3). */
    [[nodiscard]] const std::vector<std::string> & hidden() const noexcept { return hidden_; }

private:
    /** Where a new entry goes: its directory, on the root's own file system, and its name. */
    struct Place {
        int directory; ///< parent_, until the next place or mount
        std::string name;
    };
    [[nodiscard]] Place place_for(const ContainerPath & path, bool make_parents);
    /** After a mount: what has its path now may be another directory. */
    void forget_parent() noexcept { parent_path_.clear(); }
    /** The mount point at `path`, made if it is missing and may be made. A link there is refused. */
    [[nodiscard]] UniqueFd mount_point(const ContainerPath & path, bool directory);
    void make_directory(const ContainerPath & path, mode_t mode);
    [[nodiscard]] bool on_own_file_system(int fd) const;
    void merge_entry(int from, int to, const std::string & directory, const DirectoryEntry & entry);
    /** Whether the image's entries are shown beside those that the root has at `path`. */
    [[nodiscard]] bool is_merged(const std::string & path) const;
    void write_file(const Place & place, const std::string & path, const std::string & content, mode_t mode);
    void check_volume_target(int target, const std::string & what) const;
    [[nodiscard]] UniqueFd open_volume_source(const Volume & volume, const std::string & what) const;
    void bind_tree_entry(int from, const ContainerPath & to, const std::string & name, const std::string & what);

    [[nodiscard]] static bool makes_writable(const MountPlan & plan);
    /** Whether a path must be made in a directory of the image. */
    [[nodiscard]] bool lacks_mount_point(const std::vector<ContainerPath> & paths) const;
    [[nodiscard]] UniqueFd image_of_caller(const std::string & what) const;
    /** A new overlay, not attached, with the layer `upper` of layers_ over `lower`. */
    [[nodiscard]] UniqueFd lay_overlay(const std::string & upper, const std::string & lower,
                                       const std::string & what) const;
    /** The same directory of the image where it can be changed; no descriptor where there is none. */
    [[nodiscard]] UniqueFd twin_for_changes(int directory, const std::string & what) const;
    /** Where an opened file of the container is, links resolved; nothing if it is not in the container. */
    [[nodiscard]] std::optional<std::string> place_in_root(int fd) const;
    /** A tmpfs, not attached; `owner`: for the user, else for root. */
    [[nodiscard]] static UniqueFd make_memory(std::uint64_t size_bytes, const Identity * owner,
                                              const std::string & what);

    const Identity & caller_;
    const MountPlan & plan_;
    UniqueFd root_;
    UniqueFd parent_; ///< of the last place: most steps make several entries in one directory
    std::string parent_path_;
    MountedImage image_;
    dev_t root_device_ = 0;
    dev_t image_device_ = 0;     ///< of what volumes may be mounted on, besides the root's own
    dev_t read_only_device_ = 0; ///< of the image
    UniqueFd layers_;            ///< a tmpfs with the upper layers of overlays, out of the container's sight
    UniqueFd changeable_;        ///< the image's overlay, writable; the container sees it so only with --writable
    bool writable_ = false;      ///< --writable
    std::size_t merged_ = 0;
    std::vector<std::string> hidden_;
};

} // namespace shifter::privileged
