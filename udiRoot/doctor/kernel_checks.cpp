// What the kernel of this node can do: file systems, decompressors, loop devices, FUSE.
#include "doctor/checks.hpp"

#include "base/io.hpp"
#include "base/text.hpp"
#include "doctor/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace shifter::doctor {
namespace {

constexpr std::size_t max_text = 16U << 20U;

std::string release() {
    struct utsname names {};
    return ::uname(&names) == 0 ? names.release : "";
}

enum class Presence { loaded, module, absent };

Presence presence_of(std::string_view file_system, std::string_view module) {
    if (lists_file_system(text_of("/proc/filesystems").value_or(""), file_system)) return Presence::loaded;
    const std::string folder = "/lib/modules/" + release();
    for (const char * list : {"/modules.dep", "/modules.builtin"})
        if (lists_module(text_of(folder + list).value_or(""), module)) return Presence::module;
    return Presence::absent;
}

std::string loads(Presence presence) {
    return presence == Presence::loaded ? "the kernel has it"
                                        : "the kernel has it as a module, which the first mount loads";
}

bool is_device(const char * path, unsigned major_number, unsigned minor_number) {
    struct stat status {};
    return ::stat(path, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == major_number &&
           minor(status.st_rdev) == minor_number;
}

std::optional<std::string> kernel_config() {
    if (auto text = text_of("/boot/config-" + release())) return text;
    const auto gzip = find_program("gzip");
    if (!gzip || ::access("/proc/config.gz", R_OK) != 0) return std::nullopt;
    Outcome outcome = run({*gzip, "-dc", "/proc/config.gz"});
    return outcome.status == 0 ? std::optional{std::move(outcome.output)} : std::nullopt;
}

struct Codec {
    unsigned id; ///< as in the superblock of squashfs 4
    std::string_view name;
    std::string_view option; ///< of the kernel's configuration
};
constexpr std::array codecs = {Codec{1, "gzip", "CONFIG_SQUASHFS_ZLIB"}, Codec{3, "lzo", "CONFIG_SQUASHFS_LZO"},
                               Codec{4, "xz", "CONFIG_SQUASHFS_XZ"}, Codec{5, "lz4", "CONFIG_SQUASHFS_LZ4"},
                               Codec{6, "zstd", "CONFIG_SQUASHFS_ZSTD"}};

struct ClosesDirectory {
    void operator()(DIR * directory) const noexcept { (void)::closedir(directory); }
};

} // namespace

std::optional<std::string> text_of(const std::string & path) {
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return std::nullopt;
    return io::read_all(file.get(), max_text, quoted(path));
}

std::set<unsigned> codecs_in_use(const std::string & image_path) {
    constexpr std::size_t max_images = 1000;
    std::set<unsigned> ids;
    const std::unique_ptr<DIR, ClosesDirectory> folder{::opendir(image_path.c_str())};
    std::size_t count = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this stream is ours alone
    const auto next = [&] { return folder ? ::readdir(folder.get()) : nullptr; };
    for (const dirent * entry = nullptr; count < max_images && (entry = next()) != nullptr;) {
        const std::string_view name = entry->d_name;
        if (name.size() < 10 || name.substr(name.size() - 9) != ".squashfs") continue;
        ++count;
        const std::string path = image_path + "/" + std::string{name};
        const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
        std::array<unsigned char, 32> header{};
        if (!file || ::pread(file.get(), header.data(), header.size(), 0) != static_cast<ssize_t>(header.size()))
            continue;
        if (header[0] == 'h' && header[1] == 's' && header[2] == 'q' && header[3] == 's')
            ids.insert(header[20] + 256U * header[21]);
    }
    return ids;
}

bool lists_file_system(std::string_view text, std::string_view name) {
    for (const std::string_view line : text::split(text, '\n')) {
        const auto words = text::words(line);
        if (!words.empty() && words.back() == name) return true;
    }
    return false;
}

bool lists_module(std::string_view text, std::string_view name) {
    const std::string wanted = "/" + std::string{name} + ".ko";
    for (std::string_view line : text::split(text, '\n')) {
        line = line.substr(0, line.find(':'));
        const std::size_t at = line.rfind(wanted);
        if (at == std::string_view::npos) continue;
        const std::string_view rest = line.substr(at + wanted.size());
        if (rest.empty() || rest.front() == '.') return true; // .xz, .zst, .gz
    }
    return false;
}

Finding examine_squashfs(ImageMount how) {
    const Presence presence = presence_of("squashfs", "squashfs");
    if (presence != Presence::absent) return well(loads(presence));
    const std::string advice = "install the kernel's modules, or set imageMount = fuse";
    if (how == ImageMount::fuse) return well("the kernel does not have it, and squashfuse does without");
    if (how == ImageMount::automatic)
        return warn("this kernel has no squashfs, so images are served by squashfuse, which is slower", advice);
    return fail("this kernel has no squashfs, and imageMount = kernel needs it", advice);
}

Finding examine_decompressors(const SiteConfig & site, ImageMount how) {
    if (how == ImageMount::fuse) return well("squashfuse brings its own");
    const auto config = kernel_config();
    if (!config)
        return warn(
            "the kernel's configuration is neither in /boot nor in /proc/config.gz, so it cannot be told which it has",
            "if an image does not mount, see whether the kernel has its codec: file IMAGE.squashfs");
    const auto ids = codecs_in_use(site.image_path);
    std::string present;
    for (const Codec & codec : codecs) {
        const bool there = ("\n" + *config).find("\n" + std::string{codec.option} + "=y") != std::string::npos;
        if (there) present += (present.empty() ? "" : ", ") + std::string{codec.name};
        if (!there && ids.count(codec.id) != 0)
            return fail("images in " + site.image_path + " are compressed by " + std::string{codec.name} +
                            ", which this kernel's squashfs cannot read",
                        "set Squashfs.Compression of the gateway to one of: " + (present.empty() ? "-" : present) +
                            ", and pull them again, or set imageMount = fuse");
    }
    return well(present.empty() ? "squashfs knows none" : present);
}

Finding examine_overlay() {
    const Presence presence = presence_of("overlay", "overlay");
    if (presence != Presence::absent) return well(loads(presence));
    return warn(
        "this kernel has no overlay, so /etc of a container is bound entry by entry, and --writable does not work",
        "install the kernel's modules");
}

Finding examine_loop(ImageMount how) {
    if (how == ImageMount::fuse) return well("squashfuse does without");
    if (!is_device("/dev/loop-control", 10, 237)) {
        const std::string advice = "as root: modprobe loop, and see that /dev is a devtmpfs";
        if (how == ImageMount::kernel) return fail("/dev/loop-control is not the kernel's loop device", advice);
        return warn("/dev/loop-control is not the kernel's loop device, so images are served by squashfuse", advice);
    }
    std::size_t used = 0;
    const std::unique_ptr<DIR, ClosesDirectory> folder{::opendir("/sys/block")};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this stream is ours alone
    for (const dirent * entry = nullptr; folder && (entry = ::readdir(folder.get())) != nullptr;) {
        const std::string name = entry->d_name;
        if (name.rfind("loop", 0) == 0 && ::access(("/sys/block/" + name + "/loop").c_str(), F_OK) == 0) ++used;
    }
    return well(std::to_string(used) + " in use; more are made when they are needed");
}

Finding examine_fuse(ImageMount how) {
    const bool device = is_device("/dev/fuse", 10, 229);
    const bool open = device && ::access("/dev/fuse", R_OK | W_OK) == 0;
    if (open && presence_of("fuse", "fuse") != Presence::absent) return well("/dev/fuse is there for everybody");
    const std::string what =
        device ? "/dev/fuse is not there for ordinary users" : "/dev/fuse is not the kernel's FUSE device";
    const std::string advice =
        device ? "as root: chmod 666 /dev/fuse" : "as root: modprobe fuse, and see that /dev is a devtmpfs";
    if (how == ImageMount::fuse) return fail(what + ", and squashfuse serves the images here", advice);
    return warn(what + "; it is only needed where the kernel cannot mount an image", advice);
}

} // namespace shifter::doctor
