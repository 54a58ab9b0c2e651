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
/** Contract 5.2. What stands here hides the image's directory of the same name. */
constexpr std::array skeleton = {Directory{"/etc", 0755},
                                 Directory{"/etc/udiImage", 0755},
                                 Directory{"/opt", 0755},
                                 Directory{"/opt/udiImage", 0755},
                                 Directory{"/opt/udiImage/modules", 0755},
                                 Directory{"/var", 0755},
                                 Directory{"/var/spool", 0755},
                                 Directory{"/var/run", 0755},
                                 Directory{"/var/tmp", 0755},
                                 Directory{"/var/empty", 0700},
                                 Directory{"/proc", 0755},
                                 Directory{"/sys", 0755},
                                 Directory{"/dev", 0755},
                                 Directory{"/tmp", 0777}};

void refuse_unsupported(const PlanInputs & in) {
    const auto refuse = [](const std::string & what) { throw Error{what + " is not supported by this version"}; };
    if (!in.site.site_pre_mount_hook.empty()) refuse("sitePreMountHook in the site's configuration");
    if (!in.site.site_post_mount_hook.empty()) refuse("sitePostMountHook in the site's configuration");
    for (const Module * module : in.modules) {
        if (!module->copy_path.empty()) refuse("copyPath of module " + quoted(module->name));
        if (!module->root_hook.empty()) refuse("roothook of module " + quoted(module->name));
        if (!module->user_hook.empty()) refuse("userhook of module " + quoted(module->name));
    }
    const auto caches = [](const Volume & volume) { return volume.cache.has_value(); };
    if (std::any_of(in.volumes.begin(), in.volumes.end(), caches) ||
        std::any_of(in.site.site_fs.begin(), in.site.site_fs.end(), caches))
        refuse("a volume with perNodeCache");
}

void check_destinations(const std::vector<Volume> & volumes) {
    std::set<ContainerPath> seen;
    for (const Volume & volume : volumes) {
        const std::string what = "cannot use volume " + volume.from.to_string() + ":" + volume.to.to_string() + ": ";
        if (const auto why = refuse_destination(volume.to, VolumeOwner::user)) throw Error{what + *why};
        if (!seen.insert(volume.to).second) throw Error{what + "the destination is named twice"}; // H4-12
    }
}

void add_site_volumes(const std::vector<Volume> & volumes, const SiteConfig & site, std::vector<Step> & steps) {
    for (const Volume & volume : volumes) {
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

void add_host_trees(std::vector<Step> & steps) {
    steps.emplace_back(BindHost{.from = "/proc", .to = at("/proc"), .executables = false});
    steps.emplace_back(BindHost{.from = "/sys", .to = at("/sys"), .executables = false});
    steps.emplace_back(BindHost{.from = "/dev", .to = at("/dev"), .recursive = true, .devices = true});
    steps.emplace_back(BindHost{.from = "/tmp", .to = at("/tmp")});
    steps.emplace_back(BindHost{.from = "/var/tmp", .to = at("/var/tmp"), .optional = true});
}

/** Directories that exist only because a site's mount lies below them show the image's entries, too. */
std::set<ContainerPath> parents_of_site_mounts(const std::vector<Step> & steps) {
    std::set<ContainerPath> parents;
    for (const Step & step : steps) {
        const auto * const bind = std::get_if<BindHost>(&step);
        if (bind == nullptr || bind->to.is_at_or_below(at("/etc"))) continue;
        std::string prefix;
        const auto components = bind->to.components();
        for (std::size_t i = 0; i + 1 < components.size(); ++i)
            parents.insert(at(prefix += "/" + std::string{components[i]}));
    }
    for (const Directory & directory : skeleton) parents.erase(at(directory.path));
    return parents;
}

void add_image(std::vector<Step> & steps) {
    const std::set<ContainerPath> parents = parents_of_site_mounts(steps);
    std::vector<ContainerPath> on_top;
    for (const Step & step : steps)
        if (const auto * const bind = std::get_if<BindHost>(&step);
            bind != nullptr && bind->to.is_at_or_below(at("/etc")))
            on_top.push_back(bind->to);
    for (const char * directory : {"/", "/var", "/opt"}) steps.emplace_back(MergeImage{at(directory)});
    for (const ContainerPath & parent : parents) steps.emplace_back(MergeImage{parent});
    steps.emplace_back(MergeEtc{std::move(on_top), {at("/etc/ssh"), at("/etc/udiImage")}});
}

std::string identifier(const RequestedImage & image) {
    const auto * const id = std::get_if<ImageId>(&image);
    return id != nullptr ? id->to_string() : std::get<LocalImage>(image).path;
}

std::string image_source(const PlanInputs & in) {
    const auto * const local = std::get_if<LocalImage>(&in.image);
    if (local != nullptr) return local->path;
    return in.site.image_path + "/" + identifier(in.image) + "." + std::string{to_string(in.record.format)};
}

} // namespace

MountPlan make_plan(const PlanInputs & in) {
    refuse_unsupported(in);
    check_destinations(in.volumes);
    MountPlan plan{in.site.udi_mount, in.site.loop_mount, {}};
    std::vector<Step> & steps = plan.steps;
    steps.emplace_back(MountImage{image_source(in), in.site.image_mount});
    steps.emplace_back(MountRoot{in.site.rootfs_type});
    for (const Directory & directory : skeleton) steps.emplace_back(MakeDirectory{at(directory.path), directory.mode});
    add_site_volumes(in.site.site_fs, in.site, steps);
    for (const Module * module : in.modules) add_site_volumes(module->site_fs, in.site, steps);
    add_etc(in, steps);
    add_host_trees(steps);
    add_image(steps);
    for (const Volume & volume : in.volumes) steps.emplace_back(BindVolume{volume});
    steps.emplace_back(WriteFile{at("/var/shifterConfig.json"), state_line(in)});
    if (!in.site.udi_root_writable) steps.emplace_back(SealRoot{});
    return plan;
}

std::string state_line(const PlanInputs & in) {
    std::string modules;
    for (const Module * module : in.modules) modules += module->name + ",";
    return R"({"identifier":")" + identifier(in.image) + R"(","user":")" + in.account.name + R"(","volMap":")" +
           volume_signature(in.volumes) + R"(","modules":")" + modules + "\"}\n";
}

} // namespace shifter
