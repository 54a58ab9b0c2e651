#include "site/image_store.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "site/account.hpp"
#include "site/trusted_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shifter {
namespace {

constexpr std::size_t max_record_bytes = std::size_t{16} << 20U;

/** One name in the directory: no link, no way out of it. O_NONBLOCK: a FIFO must not hold the launch up. */
int open_beneath(int directory, const std::string & name) {
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    struct open_how how {};
    how.flags = static_cast<decltype(how.flags)>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    // Kernels before 5.6. The name is the digits of an ImageId and an ending, hence one component: O_NOFOLLOW does the
    // same.
    if (fd < 0 && errno == ENOSYS) return ::openat(directory, name.c_str(), flags);
    return static_cast<int>(fd);
}

/** One sentence for what does not exist and for what is somebody else's (I33). */
Error unavailable(const ImageId & id) {
    return Error{"image " + id.abbreviated() +
                 " does not exist, or you may not use it; see shifterimg images, and pull it with shifterimg pull"};
}

} // namespace

ImageStore::ImageStore(const SiteConfig & site)
    : path_{site.image_path}, gateway_uid_{uid_of_account(site.gateway_user)},
      directory_{
          TrustedFile::open(path_, {.kind = TrustedFile::Kind::directory, .also_owner = gateway_uid_}).release()} {}

/** Opened and checked by its descriptor; nothing where there is no such file. */
std::optional<UniqueFd> ImageStore::open_file(const std::string & name) const {
    const std::string path = path_ + "/" + name;
    UniqueFd file{open_beneath(directory_.get(), name)};
    // Without root, what the gateway keeps from others is as good as absent (I33).
    if (!file && (errno == ENOENT || (errno == EACCES && ::geteuid() != 0))) return std::nullopt;
    if (!file && errno == ELOOP) throw Error{"cannot trust " + quoted(path) + ": it is a symbolic link"};
    if (!file) throw SysError{errno, "cannot open " + quoted(path)};
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) throw SysError{errno, "cannot examine " + quoted(path)};
    if (!S_ISREG(status.st_mode)) throw Error{"cannot trust " + quoted(path) + ": it is not a regular file"};
    if (!TrustedFile::is_root(status.st_uid) && status.st_uid != gateway_uid_)
        throw Error{"cannot trust " + quoted(path) + ": it is owned by uid " + std::to_string(status.st_uid) +
                    ", not by root or the gateway's account; chown it, or set gatewayUser"};
    if ((status.st_mode & 0022U) != 0)
        throw Error{"cannot trust " + quoted(path) + ": others can write it; chmod go-w " + path};
    return file;
}

OpenImage ImageStore::open(const ImageId & id, const Identity & caller) const {
    const std::string & stem = id.to_string();
    const auto record_file = open_file(stem + ".meta");
    if (!record_file) throw unavailable(id);
    const std::string text = io::read_all(record_file->get(), max_record_bytes, quoted(path_ + "/" + stem + ".meta"));
    ImageRecord record = parse_image_record(text).value_or_throw("cannot use image " + id.abbreviated());
    if (!record.acl.may_read(caller)) throw unavailable(id);
    if (record.format != ImageFormat::squashfs)
        throw Error{"cannot use image " + id.abbreviated() + ": it has the format " +
                    std::string{to_string(record.format)} + ", and only squashfs is mounted; pull or import it again"};
    auto file = open_file(stem + ".squashfs");
    if (!file)
        throw Error{"cannot use image " + id.abbreviated() + ": its file " + quoted(path_ + "/" + stem + ".squashfs") +
                    " is missing; pull it again"};
    return {id, std::move(record), std::move(*file)};
}

} // namespace shifter
