#include "privileged/loop_device.hpp"

#include "base/error.hpp"
#include "privileged/system.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <linux/loop.h>
#include <optional>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

namespace shifter::privileged {
namespace {

constexpr const char * table_directory = "/run/shifter";
constexpr const char * table_file = "loop-devices";
constexpr std::uint64_t slots = 512;
/** How long a launch waits for another that is making the device of the same image. Then it makes its own. */
constexpr std::chrono::milliseconds patience{500};

struct Slot {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint32_t number = 0;
    std::uint32_t used = 0;
};

/** The slot of one file in the table. Collisions only cost the sharing. */
class TableSlot {
public:
    explicit TableSlot(const struct stat & file) : device_{file.st_dev}, inode_{file.st_ino} {
        offset_ = static_cast<off_t>(((inode_ * 0x9e3779b97f4a7c15ULL ^ device_) >> 16U) % slots * sizeof(Slot));
        if (::mkdir(table_directory, 0700) != 0 && errno != EEXIST) return;
        const UniqueFd directory{::open(table_directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        struct stat status {};
        if (!directory || ::fstat(directory.get(), &status) != 0 || status.st_uid != 0 || (status.st_mode & 0022U) != 0)
            return;
        table_.reset(::openat(directory.get(), table_file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    }

    [[nodiscard]] std::optional<unsigned> read() const {
        Slot slot;
        if (!table_ || ::pread(table_.get(), &slot, sizeof slot, offset_) != sizeof slot) return std::nullopt;
        if (slot.used != 1 || slot.device != device_ || slot.inode != inode_) return std::nullopt;
        return slot.number;
    }

    void write(unsigned number) const {
        const Slot slot{device_, inode_, number, 1};
        // A hint that cannot be written, on a full /run, costs the sharing and nothing else.
        if (table_) (void)!::pwrite(table_.get(), &slot, sizeof slot, offset_);
    }

    /** Keeps other launches from making a device for the same slot, until the table is closed; false after the
     * patience. */
    [[nodiscard]] bool lock() const {
        struct flock range {};
        range.l_type = F_WRLCK;
        range.l_whence = SEEK_SET;
        range.l_start = offset_;
        range.l_len = sizeof(Slot);
        const auto end = std::chrono::steady_clock::now() + patience;
        while (table_) {
            if (::fcntl(table_.get(), F_OFD_SETLK, &range) == 0) return true;
            // The holder belongs to a user, who may have stopped it: never wait without an end.
            if ((errno != EAGAIN && errno != EACCES && errno != EINTR) || std::chrono::steady_clock::now() > end)
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        return false;
    }

private:
    std::uint64_t device_;
    std::uint64_t inode_;
    off_t offset_ = 0;
    UniqueFd table_;
};

std::string device_path(unsigned number) { return "/dev/loop" + std::to_string(number); }

/** The device `number`, if the kernel says that it stands for this file, whole, read-only, until its last user. */
std::optional<LoopDevice> open_shared(unsigned number, const struct stat & file) {
    LoopDevice device{UniqueFd{::open(device_path(number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)},
                      device_path(number), true};
    // Open first, ask then: from here on the device cannot go away, nor come to stand for another file.
    struct loop_info64 info {};
    if (!device.fd || ::ioctl(device.fd.get(), LOOP_GET_STATUS64, &info) != 0) return std::nullopt;
    constexpr std::uint32_t wanted = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    const bool same = info.lo_device == file.st_dev && info.lo_inode == file.st_ino && info.lo_offset == 0 &&
                      info.lo_sizelimit == 0 && (info.lo_flags & wanted) == wanted && info.lo_encrypt_type == 0;
    if (!same) return std::nullopt;
    return device;
}

LoopDevice make_device(int file, const std::string & name, bool read_only, unsigned & number) {
    const std::string what = "cannot get a loop device for " + name;
    const UniqueFd control{::open("/dev/loop-control", O_RDWR | O_CLOEXEC)};
    if (!control) throw SysError{errno, what + ": cannot open /dev/loop-control"};
    constexpr int attempts = 1000; // between "free" and "configured" another launch may be faster
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const int free = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (free < 0) throw SysError{errno, what};
        number = static_cast<unsigned>(free);
        const int access = read_only ? O_RDONLY : O_RDWR;
        LoopDevice device{UniqueFd{::open(device_path(number).c_str(), access | O_CLOEXEC | O_NOFOLLOW)},
                          device_path(number)};
        if (!device.fd && (errno == ENXIO || errno == EBUSY)) continue;
        if (!device.fd) throw SysError{errno, what + ": cannot open " + device_path(number)};
        struct loop_config config {};
        config.fd = static_cast<std::uint32_t>(file);
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
        std::strncpy(reinterpret_cast<char *>(config.info.lo_file_name), name.c_str(), LO_NAME_SIZE - 1);
        if (::ioctl(device.fd.get(), LOOP_CONFIGURE, &config) == 0) return device;
        if (errno != EBUSY && errno != ENXIO) throw SysError{errno, what + ": cannot set up " + device_path(number)};
    }
    throw Error{what + ": each free one was taken by somebody else, " + std::to_string(attempts) + " times"};
}

} // namespace

LoopDevice loop_device_for(int file, const std::string & name) {
    const struct stat status = status_of(file, "cannot examine " + name);
    const TableSlot slot{status};
    const auto known = [&]() -> std::optional<LoopDevice> {
        const auto number = slot.read();
        return number ? open_shared(*number, status) : std::nullopt;
    };
    if (auto device = known()) return *std::move(device);
    const bool locked = slot.lock();
    if (auto device = known()) return *std::move(device); // made while this launch waited
    unsigned number = 0;
    LoopDevice device = make_device(file, name, true, number);
    if (locked) slot.write(number);
    return device;
}

LoopDevice own_loop_device(int file, const std::string & name) {
    unsigned number = 0;
    return make_device(file, name, false, number);
}

} // namespace shifter::privileged
