#include "pull/unpacked_tree.hpp"

#include "base/io.hpp"
#include "layers/layer_reader.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace shifter::pull {
namespace {

using layers::LayerEntry;
constexpr const char * folder_prefix = "examine.";
constexpr const char * lock_name = "lock";
constexpr std::size_t piece_bytes = 256U << 10U;
constexpr std::size_t hole_bytes = 4096; // the block of most file systems

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string_view parent_part(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

/** Folders of the tree by descriptor, from its root down, and no link followed (I21). */
class Folders {
public:
    explicit Folders(int root) : root_{root} {}

    /** Valid until the next call. */
    int open(std::string_view path) {
        if (path.empty()) return root_;
        if (last_ && path == last_path_) return last_.get();
        UniqueFd at;
        for (std::string_view rest = path; !rest.empty();) {
            const std::string name{rest.substr(0, rest.find('/'))};
            rest.remove_prefix(std::min(rest.size(), name.size() + 1));
            UniqueFd next{::openat(at ? at.get() : root_, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
            if (!next) throw SysError{errno, "cannot unpack " + shifter::quoted(path)};
            at = std::move(next);
        }
        last_ = std::move(at);
        last_path_ = path;
        return last_.get();
    }

private:
    int root_;
    UniqueFd last_;
    std::string last_path_;
};

/** Writes one file. An image of a few blocks may stand for a terabyte of zeros: those are never written. */
class FileBody : public layers::BodySink {
public:
    FileBody(int fd, std::uint64_t & bytes_left) : fd_{fd}, bytes_left_{bytes_left} {}

    void data(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const auto block = bytes.first(std::min(bytes.size(), hole_bytes - position_ % hole_bytes));
            const bool is_zero = std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; });
            is_zero ? hole(block.size()) : write(block);
            bytes = bytes.subspan(block.size());
        }
    }
    void hole(std::uint64_t bytes) override { position_ += bytes; }
    /** Its end may be a hole. */
    void finish() const {
        if (::ftruncate(fd_, static_cast<off_t>(position_)) != 0)
            throw SysError{errno, "cannot write an unpacked file"};
    }

private:
    void write(std::span<const std::byte> block) {
        if (block.size() > bytes_left_) throw TooBig{"the unpacked files take too much space"};
        bytes_left_ -= block.size();
        if (::lseek(fd_, static_cast<off_t>(position_), SEEK_SET) < 0)
            throw SysError{errno, "cannot write an unpacked file"};
        io::write_all(fd_, block, "an unpacked file");
        position_ += block.size();
    }
    int fd_;
    std::uint64_t position_ = 0;
    std::uint64_t & bytes_left_;
};

/** Where entries are put. */
struct Target {
    int root;
    Folders folders;
    std::uint64_t bytes_left;
};

void put(const LayerEntry & entry, layers::LayerReader & reader, Target & target) {
    const std::string name{last_part(entry.path)};
    const int folder = target.folders.open(parent_part(entry.path));
    const auto check = [&](int status) {
        if (status < 0) throw SysError{errno, "cannot unpack " + shifter::quoted(entry.path)};
    };
    switch (entry.kind) {
    case LayerEntry::Kind::directory:
        return check(::mkdirat(folder, name.c_str(), 0700));
    case LayerEntry::Kind::symlink:
        return check(::symlinkat(entry.link.c_str(), folder, name.c_str()));
    case LayerEntry::Kind::hard_link: {
        Folders of_original{target.root};
        const std::string original{last_part(entry.link)};
        return check(::linkat(of_original.open(parent_part(entry.link)), original.c_str(), folder, name.c_str(), 0));
    }
    case LayerEntry::Kind::file: {
        const mode_t mode = 0444U | (entry.mode & 0111U);
        const UniqueFd file{::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        check(file.get());
        FileBody body{file.get(), target.bytes_left};
        reader.read_body(body);
        body.finish();
        return check(::fchmod(file.get(), mode));
    }
    case LayerEntry::Kind::fifo:
    case LayerEntry::Kind::device:
        return;
    }
}

void set_mode_of_folders(const std::string & root, mode_t mode) {
    if (::chmod(root.c_str(), mode) != 0) throw SysError{errno, "cannot set the mode of " + shifter::quoted(root)};
    for (const auto & entry : std::filesystem::recursive_directory_iterator{root})
        if (entry.symlink_status().type() == std::filesystem::file_type::directory &&
            ::chmod(entry.path().c_str(), mode) != 0)
            throw SysError{errno, "cannot set the mode of " + shifter::quoted(entry.path().string())};
}

void remove_tree(const std::string & folder) noexcept {
    try {
        const std::string root = folder + "/rootfs";
        if (std::filesystem::exists(root)) set_mode_of_folders(root, 0700); // nothing goes from a read-only folder
    } catch (const std::exception &) {
        // What stays then is tried again by the next start.
    }
    std::error_code error;
    std::filesystem::remove_all(folder + "/rootfs", error);
    if (!error) std::filesystem::remove_all(folder, error); // the lock last
}

} // namespace

UnpackedTree::UnpackedTree(const std::string & directory, oci::ByteSource & tar, const layers::Limits & limits,
                           std::uint64_t most_bytes)
    : folder_{directory + "/" + folder_prefix + "XXXXXX"} {
    if (::mkdtemp(folder_.data()) == nullptr)
        throw SysError{errno, "cannot make a folder in " + shifter::quoted(directory)};
    root_path_ = folder_ + "/rootfs";
    try {
        lock_.reset(
            ::open((folder_ + "/" + lock_name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!lock_ || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
            throw SysError{errno, "cannot lock " + shifter::quoted(folder_)};
        unpack(tar, limits, most_bytes);
        set_mode_of_folders(root_path_, 0555);
    } catch (...) {
        remove_tree(folder_);
        throw;
    }
}

UnpackedTree::~UnpackedTree() { remove_tree(folder_); }

void UnpackedTree::unpack(oci::ByteSource & tar, const layers::Limits & limits, std::uint64_t most_bytes) {
    if (::mkdir(root_path_.c_str(), 0700) != 0) throw SysError{errno, "cannot make " + shifter::quoted(root_path_)};
    const UniqueFd root{::open(root_path_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!root) throw SysError{errno, "cannot open " + shifter::quoted(root_path_)};
    std::vector<std::byte> piece(piece_bytes);
    layers::LayerReader reader{
        "the image",
        [&]() -> std::span<const std::byte> { return std::span<const std::byte>{piece}.first(tar.read(piece)); },
        limits};
    Target target{root.get(), Folders{root.get()}, most_bytes};
    LayerEntry entry;
    while (reader.next(entry)) {
        if (entry.path.empty()) continue;
        // A program goes by paths: what it could not open would be published unseen.
        if (root_path_.size() + 1 + entry.path.size() >= PATH_MAX)
            throw Error{"cannot unpack " + shifter::quoted(entry.path) + ": its path is too long"};
        put(entry, reader, target);
    }
}

void UnpackedTree::remove_leftovers(const std::string & directory) noexcept {
    std::error_code error;
    for (const auto & entry : std::filesystem::directory_iterator{directory, error}) {
        if (entry.path().filename().string().rfind(folder_prefix, 0) != 0) continue;
        const UniqueFd lock{::open((entry.path() / lock_name).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
        if (!lock) {
            (void)::rmdir(entry.path().c_str()); // perhaps begun this moment: then only if it is empty
        } else if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
            remove_tree(entry.path());
        }
    }
}

} // namespace shifter::pull
