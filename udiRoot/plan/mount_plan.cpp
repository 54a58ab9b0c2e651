#include "plan/mount_plan.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace shifter {
namespace {

ContainerPath at(std::string_view path) { return ContainerPath::parse(path).value_or_throw("path of the plan"); }

struct Directory {
    const char * path;
    mode_t mode;
};
/** Contract 5.2, one directory's entries after the other. What stands here hides the image's directory of the same
 * name. */
constexpr std::array skeleton = {Directory{"/etc", 0755},          Directory{"/opt", 0755},
                                 Directory{"/var", 0755},          Directory{"/proc", 0755},
                                 Directory{"/sys", 0755},          Directory{"/dev", 0755},
                                 Directory{"/tmp", 0777},          Directory{"/etc/udiImage", 0755},
                                 Directory{"/opt/udiImage", 0755}, Directory{"/opt/udiImage/modules", 0755},
                                 Directory{"/var/spool", 0755},    Directory{"/var/run", 0755},
                                 Directory{"/var/tmp", 0755},      Directory{"/var/empty", 0700}};

/** The size of a file system in memory: what was asked for, if the site allows it (R16). */
std::uint64_t memory_size(std::uint64_t asked, const SiteConfig & site, const std::string & what) {
    if (site.tmpfs_size_limit != 0 && asked > site.tmpfs_size_limit)
        throw Error{what + ": " + std::to_string(asked) + " bytes are more than the site's limit of " +
                    std::to_string(site.tmpfs_size_limit) + " (tmpfsSizeLimit)"};
    return asked != 0 ? asked : site.tmpfs_size_limit;
}

/** @param total_bytes of the caches so far, which grows by this one */
MountCache cache_step(const Volume & volume, VolumeOwner owner, const SiteConfig & site, std::uint64_t & total_bytes) {
    const std::string what = "cannot make the perNodeCache for " + volume.to.to_string() + ": ";
    if (site.per_node_cache_path.empty()) throw Error{what + "the site has no perNodeCachePath"};
    if (site.mkfs_xfs_path.empty()) throw Error{what + "the site has no mkfsXfsPath"};
    const std::uint64_t before = total_bytes;
    total_bytes += volume.cache->size_bytes;
    if (total_bytes < before) throw Error{what + "the caches are larger than a number can say"};
    if (site.per_node_cache_size_limit != 0 && total_bytes > site.per_node_cache_size_limit)
        throw Error{what + std::to_string(total_bytes) + " bytes are more than the site's limit of " +
                    std::to_string(site.per_node_cache_size_limit) + " (perNodeCacheSizeLimit)"};
    const auto & types = site.per_node_cache_allowed_fs;
    if (!types.empty() && std::find(types.begin(), types.end(), volume.cache->file_system) == types.end())
        throw Error{what + "the site does not allow " + volume.cache->file_system + " (perNodeCacheAllowedFsType)"};
    return {volume, owner, site.per_node_cache_path, site.mkfs_xfs_path};
}

void check_destinations(const std::vector<Volume> & volumes) {
    std::set<ContainerPath> seen;
    for (const Volume & volume : volumes) {
        const std::string what = "cannot use volume " + name_of(volume) + ": ";
        if (const auto why = refuse_destination(volume.to, VolumeOwner::user)) throw Error{what + *why};
        if (!seen.insert(volume.to).second) throw Error{what + "the destination is named twice"}; // H4-12
    }
}

void add_site_volumes(const std::vector<Volume> & volumes, const SiteConfig & site, std::vector<Step> & steps) {
    std::uint64_t cache_bytes = 0;
    for (const Volume & volume : volumes) {
        if (volume.cache) {
            steps.emplace_back(cache_step(volume, VolumeOwner::site, site, cache_bytes));
            continue;
        }
        const Propagation propagation =
            volume.propagation == Propagation::site_default ? site.mount_propagation : volume.propagation;
        steps.emplace_back(BindHost{.from = volume.from.to_string(),
                                    .to = volume.to,
                                    .read_only = volume.read_only,
                                    .recursive = volume.recursive,
                                    .propagation = propagation});
    }
}

void add_etc(const PlanInputs & in, std::vector<Step> & steps) {
    steps.emplace_back(MakeLink{at("/etc/mtab"), "/proc/mounts"});
    steps.emplace_back(CopyHostFile{"/etc/hosts", at("/etc/hosts")});
    steps.emplace_back(CopyHostFile{"/etc/resolv.conf", at("/etc/resolv.conf")});
    if (in.site.populate_etc_dynamically) {
        steps.emplace_back(WriteFile{at("/etc/passwd"), in.account.passwd});
        steps.emplace_back(WriteFile{
            at("/etc/nsswitch.conf"),
            "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files dns\nservices: files\n"
            "protocols: files\nrpc: files\nethers: files\nnetgroup: files\npublickey: files\nautomount: "
            "files\naliases: files\n"});
        steps.emplace_back(WriteFile{at("/etc/host.conf"), "order bind,hosts\nmulti on\n"});
    } else {
        // `group` is filtered, not copied, and nothing of the whole one is left behind (H5-11).
        steps.emplace_back(
            CopyHostDirectory{in.site.etc_path, at("/etc"), {"group", "shadow"}, {"passwd", "nsswitch.conf"}});
    }
    steps.emplace_back(WriteFile{at("/etc/group"), in.account.group});
    steps.emplace_back(WriteFile{at("/etc/shadow"), "", 0600});
    steps.emplace_back(MakeDirectory{at("/etc/ssh")});
}

std::string identifier(const RequestedImage & image) {
    const auto * const id = std::get_if<ImageId>(&image);
    return id != nullptr ? id->to_string() : std::get<LocalImage>(image).path;
}

void add_hook(const PlanInputs & in, const std::string & path, const std::string & key, const Module * module,
              std::vector<Step> & steps) {
    if (path.empty()) return;
    RunHook hook{path, key, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}};
    const auto set = [&](const char * name, const std::string & value) { hook.environment.push_back(name + value); };
    set("SHIFTER_HOOK=", key);
    set("SHIFTER_ROOT=", in.site.udi_mount);
    set("SHIFTER_IMAGE=", identifier(in.image));
    set("SHIFTER_USER=", in.account.name);
    if (module != nullptr) set("SHIFTER_MODULE=", module->name);
    steps.emplace_back(std::move(hook));
}

/** optUdiImage and the modules' copyPath: shown, not copied at each launch (5.3, step 8). */
void add_site_trees(const PlanInputs & in, std::vector<Step> & steps) {
    if (!in.site.opt_udi_image.empty()) steps.emplace_back(BindTree{in.site.opt_udi_image, at("/opt/udiImage")});
    for (const Module * module : in.modules)
        if (!module->copy_path.empty())
            steps.emplace_back(BindTree{module->copy_path, at("/opt/udiImage/modules/" + module->name)});
}

void add_host_trees(std::vector<Step> & steps) {
    steps.emplace_back(BindHost{.from = "/proc", .to = at("/proc"), .executables = false});
    steps.emplace_back(BindHost{.from = "/sys", .to = at("/sys"), .executables = false});
    steps.emplace_back(BindHost{.from = "/dev", .to = at("/dev"), .recursive = true, .devices = true});
    steps.emplace_back(BindHost{.from = "/tmp", .to = at("/tmp")});
    steps.emplace_back(BindHost{.from = "/var/tmp", .to = at("/var/tmp"), .optional = true});
}

/** Where the site's steps so far mount something. */
std::vector<ContainerPath> site_mount_points(const std::vector<Step> & steps) {
    std::vector<ContainerPath> points;
    for (const Step & step : steps) {
        if (const auto * const bind = std::get_if<BindHost>(&step)) points.push_back(bind->to);
        if (const auto * const cache = std::get_if<MountCache>(&step)) points.push_back(cache->volume.to);
    }
    return points;
}

/** Directories that exist only because a site's mount lies below them show the image's entries, too. */
std::set<ContainerPath> parents_of_site_mounts(const std::vector<Step> & steps) {
    std::set<ContainerPath> parents;
    for (const ContainerPath & point : site_mount_points(steps)) {
        if (point.is_at_or_below(at("/etc"))) continue;
        std::string prefix;
        const auto components = point.components();
        for (std::size_t i = 0; i + 1 < components.size(); ++i)
            parents.insert(at(prefix += "/" + std::string{components[i]}));
    }
    for (const Directory & directory : skeleton) parents.erase(at(directory.path));
    return parents;
}

void add_image(const PlanInputs & in, std::vector<Step> & steps) {
    const std::set<ContainerPath> parents = parents_of_site_mounts(steps);
    std::vector<ContainerPath> on_top = site_mount_points(steps);
    on_top.erase(std::remove_if(on_top.begin(), on_top.end(),
                                [](const ContainerPath & point) { return !point.is_at_or_below(at("/etc")); }),
                 on_top.end());
    std::vector<ContainerPath> merged = {at("/"), at("/var"), at("/opt")};
    merged.insert(merged.end(), parents.begin(), parents.end());
    for (const ContainerPath & directory : merged) steps.emplace_back(MergeImage{directory});
    steps.emplace_back(MergeEtc{std::move(on_top), {at("/etc/ssh"), at("/etc/udiImage")}, in.writable.has_value()});
    if (in.writable) steps.emplace_back(OwnDirectories{std::move(merged)});
}

/** --writable, or the places for volumes that the image does not have. */
void add_overlay(const PlanInputs & in, std::uint64_t writable_bytes, std::vector<Step> & steps) {
    if (in.writable) {
        steps.emplace_back(OverlayImage{true, writable_bytes, {}});
        return;
    }
    OverlayImage overlay;
    for (const Volume & volume : in.volumes)
        if (volume.to.components().size() > 1) overlay.mount_points.push_back(volume.to);
    if (!overlay.mount_points.empty()) steps.emplace_back(std::move(overlay));
}

void add_volumes(const PlanInputs & in, std::vector<Step> & steps) {
    std::uint64_t cache_bytes = 0; // of all, so that many small ones are not one large one
    for (const Volume & volume : in.volumes) {
        if (volume.cache)
            steps.emplace_back(cache_step(volume, VolumeOwner::user, in.site, cache_bytes));
        else if (volume.tmpfs_bytes)
            steps.emplace_back(
                MountTmpfs{volume, memory_size(*volume.tmpfs_bytes, in.site, "cannot use volume " + name_of(volume))});
        else
            steps.emplace_back(BindVolume{volume});
    }
}

std::string image_source(const PlanInputs & in) {
    const auto * const local = std::get_if<LocalImage>(&in.image);
    if (local != nullptr) return local->path;
    return in.site.image_path + "/" + identifier(in.image) + "." + std::string{to_string(in.record.format)};
}

} // namespace

MountPlan make_plan(const PlanInputs & in) {
    check_destinations(in.volumes);
    if (in.writable && !in.site.allow_writable_root)
        throw Error{"cannot use --writable: this site does not allow it (allowWritableRoot)"};
    const std::uint64_t writable_bytes = in.writable ? memory_size(*in.writable, in.site, "cannot use --writable") : 0;
    MountPlan plan{in.site.udi_mount, in.site.loop_mount, {}, {in.site.user_mount_allow, in.site.user_mount_deny}};
    std::vector<Step> & steps = plan.steps;
    steps.reserve(64); // few plans have more
    steps.emplace_back(MountImage{image_source(in), in.site.image_mount});
    steps.emplace_back(MountRoot{in.writable ? "tmpfs" : in.site.rootfs_type, writable_bytes});
    add_overlay(in, writable_bytes, steps);
    for (const Directory & directory : skeleton) steps.emplace_back(MakeDirectory{at(directory.path), directory.mode});
    add_hook(in, in.site.site_pre_mount_hook, "sitePreMountHook", nullptr, steps);
    add_site_volumes(in.site.site_fs, in.site, steps);
    add_hook(in, in.site.site_post_mount_hook, "sitePostMountHook", nullptr, steps);
    for (const Module * module : in.modules) add_site_volumes(module->site_fs, in.site, steps);
    add_etc(in, steps);
    add_site_trees(in, steps);
    for (const Module * module : in.modules)
        add_hook(in, module->root_hook, "module_" + module->name + "_roothook", module, steps);
    add_host_trees(steps);
    add_image(in, steps);
    add_volumes(in, steps);
    steps.emplace_back(WriteFile{at("/var/shifterConfig.json"), state_line(in)});
    if (!in.site.udi_root_writable && !in.writable) steps.emplace_back(SealRoot{});
    return plan;
}

bool may_run_hooks(const SiteConfig & site) {
    const auto & modules = site.modules;
    return !site.site_pre_mount_hook.empty() || !site.site_post_mount_hook.empty() ||
           std::any_of(modules.begin(), modules.end(),
                       [](const auto & entry) { return !entry.second.root_hook.empty(); });
}

std::optional<std::string> refuse_host_source(const std::string & resolved, const UserSources & sources) {
    const auto path = ContainerPath::parse(resolved);
    if (!path) return path.error().what;
    const auto below = [&](const std::string & directory) {
        const auto top = ContainerPath::parse(directory);
        return top && path->is_at_or_below(*top);
    };
    const auto above = [&](const std::string & directory) {
        const auto denied = ContainerPath::parse(directory);
        return denied && denied->is_at_or_below(*path);
    };
    constexpr std::array never = {"/proc", "/sys", "/dev"};
    if (std::any_of(never.begin(), never.end(), below) || std::any_of(sources.deny.begin(), sources.deny.end(), below))
        return "the site does not let users bind " + quoted(resolved) + " of the node";
    if (const auto shown = std::find_if(sources.deny.begin(), sources.deny.end(), above); shown != sources.deny.end())
        return quoted(resolved) + " of the node would show " + quoted(*shown) +
               ", which the site does not let users bind";
    if (std::none_of(sources.allow.begin(), sources.allow.end(), below))
        return "the container has no such path, and " + quoted(resolved) +
               " of the node is not among the directories that the site lets users bind";
    return std::nullopt;
}

std::string state_line(const PlanInputs & in) {
    std::string modules;
    for (const Module * module : in.modules) modules += module->name + ",";
    return R"({"identifier":")" + identifier(in.image) + R"(","user":")" + in.account.name + R"(","volMap":")" +
           volume_signature(in.volumes) + R"(","modules":")" + modules + "\"}\n";
}

} // namespace shifter
