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

#include <cstdint>
#include <optional>
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
    std::uint64_t size_bytes = 0; ///< 0: no limit of its own
};
/**
 * The image becomes the lower layer of an overlay whose upper one is in memory, and goes away with the container.
 * Either for --writable: everything in it belongs to the caller; or for mount points that the image lacks: then nothing
 * is done unless it lacks one of `mount_points`, only those can be made, and what the container sees is read-only.
 */
struct OverlayImage {
    bool writable = false;
    std::uint64_t size_bytes = 0; ///< of the upper layer; 0: the kernel's limit
    std::vector<ContainerPath> mount_points;
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
/** A copy of a host's file, links followed, root:root 0644; an empty one where the host has none, so that the image's,
 * which is of another place, does not show (5.6, step 2). */
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
/** Each entry of a site's directory, read-only, in `to`; both may have directories of one name. The directory is
 * trusted like configuration. */
struct BindTree {
    std::string from;
    ContainerPath to;
};
/** A site's program, run as root in the root that is being built (5.4). It is trusted like configuration, and executed
 * without a shell; uid and gid of the caller are added to `environment`. */
struct RunHook {
    std::string path;
    std::string key; ///< of the configuration, for people
    std::vector<std::string> environment;
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
    bool writable = false; ///< --writable: for the caller
};
/** A user's volume: its source is looked up as the caller, in the container (4.4), or else among the directories of the
 * node that MountPlan::user_sources allows. */
struct BindVolume {
    Volume volume;
};
/** A tmpfs of the caller: nosuid, nodev. */
struct MountTmpfs {
    Volume volume;
    std::uint64_t size_bytes = 0;          ///< 0: the kernel's limit
    VolumeOwner owner = VolumeOwner::user; ///< whose rules hold for the destination
};
/** A perNodeCache (4.3): a new xfs in a file without a name, of the caller. */
struct MountCache {
    Volume volume;
    VolumeOwner owner = VolumeOwner::user; ///< whose rules hold for the destination
    std::string directory;                 ///< perNodeCachePath
    std::string mkfs;                      ///< mkfsXfsPath
};
/** The caller becomes the owner of these directories of the root's own file system (--writable). */
struct OwnDirectories {
    std::vector<ContainerPath> paths;
};
/** The root's own file system becomes read-only. */
struct SealRoot {};

using Step = std::variant<MountImage, MountRoot, OverlayImage, MakeDirectory, MakeLink, WriteFile, CopyHostFile,
                          CopyHostDirectory, BindHost, BindTree, RunHook, MergeImage, MergeEtc, BindVolume, MountTmpfs,
                          MountCache, OwnDirectories, SealRoot>;

/** userMountAllow and userMountDeny. */
struct UserSources {
    std::vector<std::string> allow;
    std::vector<std::string> deny;
};

struct MountPlan {
    std::string root_mount;  ///< udiMount
    std::string image_mount; ///< loopMount
    std::vector<Step> steps;
    UserSources user_sources{};
    bool in_user_namespace = false; ///< adapt_to_user_namespace() was here
};

struct PlanInputs {
    const SiteConfig & site;
    const RequestedImage & image;
    const ImageRecord & record;
    const std::vector<Volume> & volumes;         ///< the user's
    const std::vector<const Module *> & modules; ///< active ones, in order
    const Account & account;
    std::optional<std::uint64_t> writable = std::nullopt; ///< --writable: how many bytes; 0: as many as the site allows
};

/** @throws Error for what the site does not allow, or the rules of 4.2 refuse. */
[[nodiscard]] MountPlan make_plan(const PlanInputs & inputs);

/** Whether some plan of this site's executes a hook as root. */
[[nodiscard]] bool may_run_hooks(const SiteConfig & site);

/** The line of 1.8 with its newline: what var/shifterConfig.json holds, byte for byte. */
[[nodiscard]] std::string state_line(const PlanInputs & inputs);

/**
 * Why a source on the node cannot be a user's volume, as a sentence's end; nothing if it can. `resolved` is the path of
 * the opened source, so without links; so are the site's directories. Compared by component; deny wins, also over
 * what would show a denied directory in it (I10, I12).
 */
[[nodiscard]] std::optional<std::string> refuse_host_source(const std::string & resolved, const UserSources & sources);

/** The plan as the mount(8), mkdir(1), … commands that would do the same, one a line. */
[[nodiscard]] std::string describe(const MountPlan & plan);

} // namespace shifter
