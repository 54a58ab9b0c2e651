#include "privileged/readback.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <vector>

namespace shifter::privileged {
namespace {

constexpr std::size_t max_mountinfo = 64U << 20U;

bool has_option(std::string_view options, std::string_view wanted) {
    const auto all = text::split(options, ',');
    return std::find(all.begin(), all.end(), wanted) != all.end();
}

bool may_have_devices(std::string_view mount_point) {
    constexpr std::array<std::string_view, 3> places = {"/dev", "/proc", "/sys"};
    return std::any_of(places.begin(), places.end(), [&](std::string_view place) {
        return mount_point.substr(0, place.size()) == place &&
               (mount_point.size() == place.size() || mount_point[place.size()] == '/');
    });
}

} // namespace

std::optional<std::string> refuse_mount_line(std::string_view line, dev_t image_device) {
    const auto fields = text::words(line);
    if (fields.size() < 7) return "a line of mountinfo is not whole";
    const std::string_view mount_point = fields[4];
    const std::string_view options = fields[5];
    const std::string where = "the mount at " + quoted(mount_point) + " is ";
    if (!has_option(options, "nosuid")) return where + "not nosuid";
    if (!has_option(options, "nodev") && !may_have_devices(mount_point)) return where + "not nodev";
    const std::string device = std::to_string(major(image_device)) + ":" + std::to_string(minor(image_device));
    if (image_device != 0 && fields[2] == device && !has_option(options, "ro"))
        return where + "of the image, and not read-only";
    return std::nullopt;
}

void verify_mounts(int own_process, dev_t image_device) {
    const UniqueFd file{::openat(own_process, "mountinfo", O_RDONLY | O_CLOEXEC)};
    if (!file) throw SysError{errno, "cannot read back the container's mounts"};
    const std::string content = io::read_all(file.get(), max_mountinfo, "the container's mounts");
    std::size_t checked = 0;
    for (const std::string_view line : text::split(content, '\n')) {
        if (line.empty()) continue;
        if (const auto why = refuse_mount_line(line, image_device))
            throw Error{"the container's root is not as it should be: " + *why};
        ++checked;
    }
    if (checked < 2) throw Error{"the container's root is not as it should be: it has no mounts"};
}

} // namespace shifter::privileged
