#include "pull/upload_store.hpp"

#include "base/error.hpp"
#include "pull/quota.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

namespace shifter::pull {

namespace {

std::string random_name() {
    std::array<unsigned char, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw SysError{errno, "cannot get random bytes"};
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name;
    for (const unsigned char byte : bytes) {
        name += digits[byte >> 4U];
        name += digits[byte & 0xfU];
    }
    return name;
}

void write_at(int fd, std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw SysError{errno, "cannot keep what was sent"};
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
}

} // namespace

UniqueFd make_spool(const std::string & directory) {
    UniqueFd fd{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (fd) return fd;
    // A file system without O_TMPFILE: a name for a moment.
    const std::string path = directory + "/.upload." + random_name();
    fd.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) throw SysError{errno, "cannot make a file in " + shifter::quoted(directory)};
    if (::unlink(path.c_str()) != 0) throw SysError{errno, "cannot make a file in " + shifter::quoted(directory)};
    return fd;
}

std::string UploadStore::begin(uid_t owner) {
    if (!settings_.converts)
        throw catalog::Unavailable{"this gateway does not convert what users send (--role=api); send it to one that "
                                   "does"};
    drop_idle();
    auto upload = std::make_shared<Upload>();
    upload->owner = owner;
    upload->last_piece = Clock::now();
    std::string name = random_name();
    const std::lock_guard lock{mutex_};
    const auto is_his = [&](const auto & each) { return each.second->owner == owner; };
    if (std::count_if(uploads_.begin(), uploads_.end(), is_his) >= settings_.most_uploads)
        throw OverQuota{"you are sending " + std::to_string(settings_.most_uploads) +
                        " images already, as many as this site allows; wait until they have arrived"};
    upload->fd = make_spool(settings_.cache_directory);
    uploads_.emplace(name, std::move(upload));
    return name;
}

std::shared_ptr<UploadStore::Upload> UploadStore::find(const std::string & upload, uid_t owner) {
    const std::lock_guard lock{mutex_};
    const auto found = uploads_.find(upload);
    if (found == uploads_.end() || found->second->owner != owner) throw UnknownUpload{};
    return found->second;
}

std::uint64_t UploadStore::add(const std::string & name, uid_t owner, std::uint64_t offset, std::string_view bytes) {
    const auto upload = find(name, owner);
    const std::lock_guard lock{upload->mutex};
    if (bytes.empty()) throw OutOfStep{"the piece is empty"};
    if (offset < upload->size_bytes && offset + bytes.size() == upload->size_bytes) return upload->size_bytes;
    if (offset != upload->size_bytes)
        throw OutOfStep{"the piece begins at " + std::to_string(offset) + ", and the upload has " +
                        std::to_string(upload->size_bytes) + " bytes"};
    if (bytes.size() > settings_.max_upload_bytes || upload->size_bytes > settings_.max_upload_bytes - bytes.size()) {
        drop(name, owner);
        throw OverQuota{"the image has more than " + std::to_string(settings_.max_upload_bytes) +
                        " bytes (UploadBytes in the gateway's configuration)"};
    }
    try {
        write_at(upload->fd.get(), offset, bytes);
    } catch (const SysError &) {
        drop(name, owner); // a full disk is freed at once
        throw;
    }
    upload->size_bytes += bytes.size();
    upload->last_piece = Clock::now();
    return upload->size_bytes;
}

std::shared_ptr<const SharedFile> UploadStore::finish(const std::string & name, uid_t owner, std::uint64_t size_bytes) {
    const auto upload = find(name, owner);
    const std::lock_guard lock{upload->mutex};
    drop(name, owner);
    if (upload->size_bytes != size_bytes)
        throw OutOfStep{"of the image " + std::to_string(upload->size_bytes) + " bytes have arrived in place of " +
                        std::to_string(size_bytes) + "; send it again"};
    auto file = std::make_shared<SharedFile>();
    file->fd = std::move(upload->fd);
    file->size_bytes = size_bytes;
    return file;
}

void UploadStore::drop(const std::string & name, uid_t owner) {
    const std::lock_guard lock{mutex_};
    const auto found = uploads_.find(name);
    if (found != uploads_.end() && found->second->owner == owner) uploads_.erase(found);
}

void UploadStore::drop_idle() {
    const std::lock_guard lock{mutex_};
    const auto oldest = Clock::now() - settings_.upload_timeout;
    for (auto each = uploads_.begin(); each != uploads_.end();) {
        const auto keep = each->second; // its mutex outlives the lock
        const std::unique_lock not_busy{keep->mutex, std::try_to_lock};
        const bool is_idle = not_busy.owns_lock() && keep->last_piece < oldest;
        each = is_idle ? uploads_.erase(each) : std::next(each);
    }
}

} // namespace shifter::pull
