/**
 * @file
 * MountPlan: what the container root will be, decided before anything is mounted, as data. Contract 5.
 *
 * make_plan() makes no system call, so precedence, hidden directories and forbidden destinations are tested without
 * root. `privileged` carries the steps out, and each of them is safe there whatever its arguments.
 */
#pragma once

#include "plan/account.hpp"
#include "request/run_request.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"

#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace shifter {

/** The image (its checked file, or the local directory) on MountPlan::image_mount: ro, nosuid, nodev. */
struct MountImage {
    std::string source; ///< for people
    ImageMount how = ImageMount::automatic;
};
/** The root's own file system on MountPlan::root_mount: nosuid, nodev, private. */
struct MountRoot {
    std::string file_system;
};
struct MakeDirectory {
    ContainerPath path;
    mode_t mode = 0755;
};
struct MakeLink {
    ContainerPath path;
    std::string target;
};
/** A file of root with this content. It must not exist yet: what is there already is a site's mistake (5.6, step 3). */
struct WriteFile {
    ContainerPath path;
    std::string content;
    mode_t mode = 0644;
};
/** A copy of a host's file, links followed, root:root 0644. */
struct CopyHostFile {
    std::string from;
    ContainerPath to;
};
/** Copies of all files of a site's directory, links followed, but those named in `except` (5.6, step 4). Without those
 * in `required` the image's would show in their place, so they must be there (step 6, I19). */
struct CopyHostDirectory {
    std::string from;
    ContainerPath to;
    std::vector<std::string> except;
    std::vector<std::string> required;
};
/** A host path, chosen by the site or by us. Missing mount points are made on the root's own file system. */
struct BindHost {
    std::string from;
    ContainerPath to;
    bool read_only = false;
    bool recursive = false;
    bool devices = false;    ///< only for /dev
    bool executables = true; ///< not for /proc and /sys
    bool optional = false;   ///< left out when the host does not have it
    Propagation propagation = Propagation::private_;
};
/** The image's entries in this directory, where the root does not have them yet (5.5). */
struct MergeImage {
    ContainerPath directory;
};
/** The image's /etc below the site's. Mounts at `on_top` stay visible; directories in `whole` show nothing of the
 * image's. */
struct MergeEtc {
    std::vector<ContainerPath> on_top;
    std::vector<ContainerPath> whole;
};
/** A user's volume: its source is looked up in the container, as the caller (4.4). */
struct BindVolume {
    Volume volume;
};
/** The root's own file system becomes read-only. */
struct SealRoot {};

using Step = std::variant<MountImage, MountRoot, MakeDirectory, MakeLink, WriteFile, CopyHostFile, CopyHostDirectory,
                          BindHost, MergeImage, MergeEtc, BindVolume, SealRoot>;

struct MountPlan {
    std::string root_mount;  ///< udiMount
    std::string image_mount; ///< loopMount
    std::vector<Step> steps;
};

struct PlanInputs {
    const SiteConfig & site;
    const RequestedImage & image;
    const ImageRecord & record;
    const std::vector<Volume> & volumes;         ///< the user's
    const std::vector<const Module *> & modules; ///< active ones, in order
    const Account & account;
};

/** @throws Error for what this version does not support, or the rules of 4.2 refuse. */
[[nodiscard]] MountPlan make_plan(const PlanInputs & inputs);

/** The line of 1.8 with its newline: what var/shifterConfig.json holds, byte for byte. */
[[nodiscard]] std::string state_line(const PlanInputs & inputs);

/** The plan as the mount(8), mkdir(1), … commands that would do the same, one a line. */
[[nodiscard]] std::string describe(const MountPlan & plan);

} // namespace shifter
