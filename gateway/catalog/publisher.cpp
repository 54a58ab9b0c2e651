#include "catalog/publisher.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "catalog/counters.hpp"
#include "catalog/storage_calls.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <memory>
#include <span>

namespace shifter::catalog {

namespace calls = storage_calls;

namespace {

constexpr std::string_view partial_mark = ".partial.";
constexpr std::string_view record_suffix = ".meta";
constexpr std::string_view image_suffix = ".squashfs";
constexpr std::size_t most_record_bytes = 16U << 20U;
constexpr time_t orphan_age_seconds = time_t{24} * 3600;

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string image_name(const ImageId & id) { return id.to_string() + std::string{image_suffix}; }
std::string record_name(const ImageId & id) { return id.to_string() + std::string{record_suffix}; }

/** A name that no other process uses, on any host of the site: the pid alone would not do on shared storage. */
std::string partial_name(const std::string & stem) {
    static std::atomic<unsigned> count{0};
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);
    return "." + stem + std::string{partial_mark} + std::to_string(::getpid()) + "." + std::to_string(now.tv_sec) +
           "." + std::to_string(now.tv_nsec) + "." + std::to_string(++count);
}

UniqueFd open_directory(const std::string & path) {
    UniqueFd fd{calls::open(path.c_str(), O_RDONLY | O_DIRECTORY)};
    if (!fd) throw SysError{errno, "cannot open the image directory " + quoted(path)};
    return fd;
}

void sync(int fd, const std::string & what) {
    if (calls::fsync(fd) != 0) throw SysError{errno, "cannot write " + what + " to the disk"};
}

void set_access(int fd, mode_t mode, gid_t group, const std::string & what) {
    if (group != static_cast<gid_t>(-1) && calls::fchown(fd, static_cast<uid_t>(-1), group) != 0) {
        throw SysError{errno, "cannot give " + what + " to group " + std::to_string(group)};
    }
    if (calls::fchmod(fd, mode) != 0) throw SysError{errno, "cannot set the mode of " + what};
}

void write_all(int fd, std::string_view bytes, const std::string & what) {
    while (!bytes.empty()) {
        const ssize_t written = calls::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw SysError{errno, "cannot write " + what};
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

/** A name in the image directory that goes again unless it is kept. */
class Name {
public:
    Name(int directory, std::string name) : directory_{directory}, name_{std::move(name)} {}
    ~Name() {
        // A cleaning step that fails once is worth a second try: what stays would fill the disk (R3).
        if (!name_.empty() && calls::unlinkat(directory_, name_.c_str()) != 0 && errno != ENOENT &&
            calls::unlinkat(directory_, name_.c_str()) != 0) {
            ++counters().unremoved_files;
        }
    }
    Name(const Name &) = delete;
    Name & operator=(const Name &) = delete;
    [[nodiscard]] const char * c_str() const noexcept { return name_.c_str(); }
    void keep() noexcept { name_.clear(); }

private:
    int directory_;
    std::string name_;
};

/** Creates a named file that is locked as long as its process lives, so that clean() can tell the dead (0600). */
UniqueFd create_partial(int directory, const std::string & name, const std::string & what) {
    UniqueFd fd{calls::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)};
    if (!fd) throw SysError{errno, "cannot create " + what};
    Name guard{directory, name};
    struct stat facts {};
    if (calls::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || calls::fstat(fd.get(), &facts) != 0) {
        throw SysError{errno, "cannot create " + what};
    }
    if (facts.st_nlink == 0) throw Error{"cannot create " + what + ": another process has removed it; try again"};
    guard.keep();
    return fd;
}

void rename(int directory, const char * from, const std::string & to, const std::string & what) {
    if (calls::renameat(directory, from, directory, to.c_str()) != 0) throw SysError{errno, "cannot publish " + what};
}

void write_record(int directory, const ImageId & id, const std::string & text, mode_t mode, gid_t group) {
    const std::string what = "the record of image " + id.abbreviated();
    const std::string name = partial_name(record_name(id));
    const UniqueFd fd = create_partial(directory, name, what);
    Name partial{directory, name};
    write_all(fd.get(), text, what);
    set_access(fd.get(), mode, group, what);
    sync(fd.get(), what);
    rename(directory, partial.c_str(), record_name(id), what);
    partial.keep();
}

/** Bytes that the superblock says the file system has; nothing when it is no squashfs 4. */
std::optional<std::uint64_t> squashfs_bytes(int fd) {
    std::array<unsigned char, 96> block{}; // struct squashfs_super_block, little-endian
    const auto bytes = std::as_writable_bytes(std::span{block});
    if (io::read_some(fd, bytes, "a published image") != block.size()) return std::nullopt;
    if (std::memcmp(block.data(), "hsqs", 4) != 0 || block[28] != 4) return std::nullopt;
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < 8; ++i) size |= std::uint64_t{block[40 + i]} << (8 * i);
    return size;
}

std::optional<std::uint64_t> whole_image(int directory, const std::string & name) {
    const UniqueFd fd{calls::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)};
    struct stat facts {};
    if (!fd || calls::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    const auto promised = squashfs_bytes(fd.get());
    if (!promised || *promised < 96 || *promised > size) return std::nullopt;
    return size;
}

std::optional<ImageRecord> whole_record(int directory, const std::string & name) {
    const UniqueFd fd{calls::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)};
    struct stat facts {};
    if (!fd || calls::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
    if (static_cast<std::uint64_t>(facts.st_size) > most_record_bytes) return std::nullopt;
    auto record = parse_image_record(io::read_all(fd.get(), most_record_bytes, "an image record"));
    return record ? std::optional{*std::move(record)} : std::nullopt;
}

std::string record_text(const ImageId & id, const ImageRecord & record) {
    return format_image_record(record).value_or_throw("cannot write the record of image " + id.abbreviated());
}

bool is_for_readers_only(const ImageRecord & record, Privacy privacy) {
    return privacy == Privacy::readers_only || !record.acl.is_public();
}

/** Names the finished file. Over a damaged image of the same id it goes by renaming. */
void name_image(int directory, int fd, std::string & temporary_name, const ImageId & id, const std::string & what) {
    const std::string name = image_name(id);
    if (temporary_name.empty()) {
        const std::string self = "/proc/self/fd/" + std::to_string(fd); // AT_EMPTY_PATH would need a capability
        if (calls::linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return;
        if (errno != EEXIST) throw SysError{errno, "cannot publish " + what};
        const std::string partial = partial_name(name);
        if (calls::linkat(AT_FDCWD, self.c_str(), directory, partial.c_str(), AT_SYMLINK_FOLLOW) != 0) {
            throw SysError{errno, "cannot publish " + what};
        }
        temporary_name = partial; // removed by the owner of the file, should the renaming fail
    }
    rename(directory, temporary_name.c_str(), name, what);
    temporary_name.clear();
}

bool has_no_tmpfile(int error_number) {
    return error_number == EOPNOTSUPP || error_number == EISDIR || error_number == EINVAL || error_number == ENOENT;
}

} // namespace

std::string image_path(const ImageStorage & storage, const ImageId & id) {
    return storage.directory + "/" + image_name(id);
}

UnpublishedFile::UnpublishedFile(const ImageStorage & storage) : directory_{open_directory(storage.directory)} {
    fd_.reset(calls::openat(directory_.get(), ".", O_TMPFILE | O_RDWR, 0600));
    if (fd_) return;
    if (!has_no_tmpfile(errno))
        throw SysError{errno, "cannot create a file in the image directory " + quoted(storage.directory)};
    (void)Publisher{storage}.clean();
    std::string name = partial_name("image");
    fd_ = create_partial(directory_.get(), name, "a file in the image directory " + quoted(storage.directory));
    temporary_name_ = std::move(name);
}

UnpublishedFile::UnpublishedFile(UnpublishedFile && other) noexcept
    : directory_{std::move(other.directory_)}, fd_{std::move(other.fd_)}, temporary_name_{std::exchange(
                                                                              other.temporary_name_, {})} {}

UnpublishedFile::~UnpublishedFile() {
    if (!temporary_name_.empty()) (void)Name{directory_.get(), std::move(temporary_name_)};
}

void Publisher::publish(UnpublishedFile && file, const ImageId & id, const ImageRecord & record, Privacy privacy) {
    UnpublishedFile unpublished{std::move(file)};
    const std::string text = record_text(id, record);
    if (is_whole(id)) return publish_record(id, record, privacy);

    const std::string what = "image " + id.abbreviated();
    const mode_t mode = is_for_readers_only(record, privacy) ? storage_.private_mode : storage_.public_mode;
    const int directory = unpublished.directory_.get();
    set_access(unpublished.fd_.get(), mode, storage_.group, what);
    sync(unpublished.fd_.get(), what);
    name_image(directory, unpublished.fd_.get(), unpublished.temporary_name_, id, what);
    Name image{directory, image_name(id)};
    sync(directory, "the image directory");
    write_record(directory, id, text, mode, storage_.group);
    Name published_record{directory, record_name(id)};
    sync(directory, "the image directory");
    published_record.keep();
    image.keep();
}

void Publisher::publish_record(const ImageId & id, const ImageRecord & record, Privacy privacy) {
    const std::string text = record_text(id, record);
    const bool is_private = is_for_readers_only(record, privacy);
    const mode_t mode = is_private ? storage_.private_mode : storage_.public_mode;
    const std::string what = "image " + id.abbreviated();
    const UniqueFd directory = open_directory(storage_.directory);
    const UniqueFd image{calls::openat(directory.get(), image_name(id).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)};
    if (!image) throw SysError{errno, "cannot open " + what};
    // Closing first, opening last: at no moment may more people read the file than the stricter of the two records
    // says.
    if (is_private) set_access(image.get(), mode, storage_.group, what);
    write_record(directory.get(), id, text, mode, storage_.group);
    if (!is_private) set_access(image.get(), mode, storage_.group, what);
    sync(directory.get(), "the image directory");
}

void Publisher::set_readers(const ImageId & id, const Acl & readers, Privacy privacy) {
    auto record = whole_record(open_directory(storage_.directory).get(), record_name(id));
    if (!record)
        throw Error{"cannot change who may use image " + id.abbreviated() + ": its record is damaged; pull it again"};
    record->acl = readers;
    publish_record(id, *record, privacy);
}

std::optional<Acl> Publisher::readers(const ImageId & id) const {
    const auto record = whole_record(open_directory(storage_.directory).get(), record_name(id));
    return record ? std::optional{record->acl} : std::nullopt;
}

std::optional<std::uint64_t> Publisher::whole_size(const ImageId & id) const {
    const UniqueFd directory = open_directory(storage_.directory);
    if (!whole_record(directory.get(), record_name(id))) return std::nullopt;
    return whole_image(directory.get(), image_name(id));
}

void Publisher::remove(const ImageId & id) {
    const UniqueFd directory = open_directory(storage_.directory);
    for (const std::string & name : {record_name(id), image_name(id)}) {
        if (calls::unlinkat(directory.get(), name.c_str()) != 0 && errno != ENOENT) {
            throw SysError{errno, "cannot remove image " + id.abbreviated()};
        }
        sync(directory.get(), "the image directory");
    }
}

unsigned Publisher::clean() {
    const UniqueFd directory = open_directory(storage_.directory);
    // The stream owns a descriptor of its own, so that the directory's stays for openat.
    UniqueFd listed{::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)};
    const std::unique_ptr<DIR, int (*)(DIR *)> stream{::fdopendir(listed.get()), &::closedir};
    if (!stream) throw SysError{errno, "cannot list the image directory " + quoted(storage_.directory)};
    (void)listed.release();
    unsigned removed = 0;
    while (const dirent * entry =
               ::readdir(stream.get())) { // NOLINT(concurrency-mt-unsafe): the stream is this thread's
        const std::string name{entry->d_name};
        const bool is_partial = name.find(partial_mark) != std::string::npos;
        if (!is_partial && !ends_with(name, image_suffix)) continue;
        const UniqueFd fd{calls::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)};
        struct stat facts {};
        if (!fd || calls::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
        if (is_partial) {
            if (calls::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue; // its process lives
        } else {
            const std::string record = name.substr(0, name.size() - image_suffix.size()) + std::string{record_suffix};
            const bool has_record = ::faccessat(directory.get(), record.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
            if (has_record || ::time(nullptr) - facts.st_ctime < orphan_age_seconds) continue;
        }
        if (calls::unlinkat(directory.get(), name.c_str()) == 0)
            ++removed;
        else if (errno != ENOENT)
            ++counters().unremoved_files;
    }
    return removed;
}

} // namespace shifter::catalog
