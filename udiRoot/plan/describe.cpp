#include "plan/mount_plan.hpp"

#include <algorithm>

namespace shifter {
namespace {

/** A word for a shell: in single quotes where it needs them. */
std::string word(const std::string & text) {
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view{"_:.,+-@/="}.find(c) != std::string_view::npos;
    };
    if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
    std::string result = "'";
    for (const char c : text) c == '\'' ? result += "'\\''" : result += c;
    return result + "'";
}

std::string octal(mode_t mode) {
    std::string digits;
    for (int shift = 9; shift >= 0; shift -= 3) digits += static_cast<char>('0' + ((mode >> shift) & 7U));
    return digits;
}

/** One command a step; R is the root's path. */
class Words {
public:
    explicit Words(const MountPlan & plan) : plan_{plan} {}

    std::string operator()(const MountImage & step) const {
        const std::string type = step.how == ImageMount::fuse ? "fuse.squashfuse" : "squashfs";
        return "mount -t " + type + " -o loop,ro,nosuid,nodev " + word(step.source) + " " + word(plan_.image_mount);
    }
    std::string operator()(const MountRoot & step) const {
        return "mount -t " + step.file_system + " -o nosuid,nodev,mode=0755" + size(step.size_bytes) + " none " +
               word(plan_.root_mount);
    }
    std::string operator()(const OverlayImage & step) const {
        const std::string overlay = "mount -t overlay -o nosuid,nodev" + std::string{step.writable ? "" : ",ro"} +
                                    user_marks() + ",lowerdir=" + plan_.image_mount +
                                    ",upperdir=MEMORY/upper,workdir=MEMORY/work none " + word(plan_.image_mount);
        const std::string memory = "mount -t tmpfs -o nosuid,nodev" + size(step.size_bytes) + " none MEMORY";
        if (step.writable && is_served())
            return memory + "\n" + overlay + "  # squashfuse says that all files are the caller's";
        if (step.writable)
            return memory + "\nmount --bind -o X-mount.idmap=b:0:UID:1 " + word(plan_.image_mount) + " " +
                   word(plan_.image_mount) + "  # the image's owner, root, becomes the caller\n" + overlay;
        std::string missing;
        for (const ContainerPath & path : step.mount_points) missing += " " + word(path.to_string());
        return "# if the image lacks one of" + missing + ": " + memory + "; " + overlay;
    }
    std::string operator()(const MakeDirectory & step) const {
        return "mkdir -m " + octal(step.mode) + " " + in_root(step.path);
    }
    std::string operator()(const MakeLink & step) const {
        return "ln -s " + word(step.target) + " " + in_root(step.path);
    }
    std::string operator()(const WriteFile & step) const {
        return "install -m " + octal(step.mode) + " /dev/stdin " + in_root(step.path) + "  # " +
               std::to_string(step.content.size()) + " bytes";
    }
    std::string operator()(const CopyHostFile & step) const {
        return "install -m 0644 " + word(step.from) + " " + in_root(step.to);
    }
    std::string operator()(const CopyHostDirectory & step) const {
        return "install -m 0644 -t " + in_root(step.to) + " " + word(step.from) + "/*";
    }
    std::string operator()(const BindHost & step) const {
        std::string options = "nosuid";
        if (!step.devices) options += ",nodev";
        if (!step.executables) options += ",noexec";
        if (step.read_only) options += ",ro";
        return std::string{"mount "} + (step.recursive ? "--rbind" : "--bind") + " --make-" +
               (step.recursive ? "r" : "") + (step.propagation == Propagation::slave ? "slave" : "private") + " -o " +
               options + " " + word(step.from) + " " + in_root(step.to);
    }
    std::string operator()(const BindTree & step) const {
        return "# each entry of " + word(step.from) + " in " + in_root(step.to) +
               ": mount --bind -o ro,nosuid,nodev, or ln -s";
    }
    std::string operator()(const RunHook & step) const {
        return "(cd " + word(plan_.root_mount) + " && env -i SHIFTER_HOOK=" + word(step.key) + " ... " +
               word(step.path) + ")";
    }
    std::string operator()(const MergeImage & step) const {
        return "# each entry of " + image(step.directory) + " that " + in_root(step.directory) +
               " does not have: mount --bind, or ln -s";
    }
    std::string operator()(const MergeEtc & step) const {
        std::string text = "mount -t overlay -o " + std::string{step.writable ? "" : "ro,"} + "nosuid,nodev" +
                           user_marks() + ",lowerdir=" + in_root_raw("/etc") + ":" + plan_.image_mount + "/etc" +
                           (step.writable ? ",upperdir=MEMORY/etc,workdir=MEMORY/etc-work" : "") + " none " +
                           word(in_root_raw("/etc"));
        for (const ContainerPath & path : step.on_top)
            text += "\nmount --move " + in_root(path) + " " + in_root(path) + "  # to the top again";
        return text;
    }
    std::string operator()(const BindVolume & step) const {
        return "mount --bind -o nosuid,nodev" + std::string{step.volume.read_only ? ",ro" : ""} + " " +
               in_root(step.volume.from) + " " + in_root(step.volume.to);
    }
    std::string operator()(const MountTmpfs & step) const {
        return "mount -t tmpfs -o nosuid,nodev" + std::string{step.volume.read_only ? ",ro" : ""} +
               ",mode=1777,uid=UID,gid=GID" + size(step.size_bytes) + " none " + in_root(step.volume.to);
    }
    std::string operator()(const MountCache & step) const {
        const std::string file = word(step.directory + "/CACHE");
        return "truncate -s " + std::to_string(step.volume.cache->size_bytes) + " " + file + "\n" + word(step.mkfs) +
               " -q -f " + file + "\nmount -t xfs -o loop,nosuid,nodev" + (step.volume.read_only ? ",ro " : " ") +
               file + " " + in_root(step.volume.to) + "\nrm " + file;
    }
    std::string operator()(const OwnDirectories & step) const {
        std::string text = "chown UID:GID";
        for (const ContainerPath & path : step.paths) text += " " + in_root(path);
        return text;
    }
    std::string operator()(const SealRoot &) const { return "mount -o remount,bind,ro " + word(plan_.root_mount); }

private:
    static std::string size(std::uint64_t bytes) { return bytes == 0 ? "" : ",size=" + std::to_string(bytes); }
    [[nodiscard]] std::string in_root_raw(const std::string & path) const {
        return plan_.root_mount + (path == "/" ? "" : path);
    }
    [[nodiscard]] std::string in_root(const ContainerPath & path) const { return word(in_root_raw(path.to_string())); }
    [[nodiscard]] std::string image(const ContainerPath & path) const {
        return word(plan_.image_mount + (path.to_string() == "/" ? "" : path.to_string()));
    }
    [[nodiscard]] std::string user_marks() const { return plan_.in_user_namespace ? ",userxattr" : ""; }
    [[nodiscard]] bool is_served() const {
        return std::any_of(plan_.steps.begin(), plan_.steps.end(), [](const Step & step) {
            const auto * const image = std::get_if<MountImage>(&step);
            return image != nullptr && image->how == ImageMount::fuse;
        });
    }
    const MountPlan & plan_;
};

} // namespace

std::string describe(const MountPlan & plan) {
    std::string text;
    for (const Step & step : plan.steps) text += std::visit(Words{plan}, step) + "\n";
    return text;
}

} // namespace shifter
