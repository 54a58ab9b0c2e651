#include "pull/squashfs_file.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "oci/sha256.hpp"
#include "pull/child_process.hpp"
#include "pull/quota.hpp"
#include "pull/upload_store.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::pull {
namespace {

constexpr const char * tar_type = "application/vnd.oci.image.layer.v1.tar";
constexpr const char * empty_type = "application/vnd.oci.empty.v1+json";
constexpr std::size_t copy_bytes = 1U << 20U;
constexpr std::size_t most_sentence_bytes = 2000;
constexpr auto look_interval = std::chrono::milliseconds{200}; // how often a stop is looked for

std::vector<std::string> reader_command(const GatewaySettings & settings, std::uint64_t size_bytes) {
    const squash::Limits & limits = settings.unpack_limits;
    std::vector<std::string> words = {settings.squashfs_reader};
    for (const std::uint64_t number :
         {size_bytes, limits.max_entries, std::min(limits.max_layer_unpacked_bytes, limits.max_unpacked_bytes),
          std::uint64_t{limits.max_path_bytes}, std::uint64_t{limits.max_depth}, settings.import_memory_bytes})
        words.push_back(std::to_string(number));
    return words;
}

/** What the reader writes. It cannot be believed to end, to be quick, or to write a tar stream. */
class ReaderOutput : public oci::ByteSource {
public:
    ReaderOutput(const GatewaySettings & settings, std::shared_ptr<const SharedFile> file, registry::OnBytes count,
                 std::stop_token stop)
        : file_{std::move(file)}, count_{std::move(count)}, stop_{std::move(stop)},
          patience_{settings.import_stall_timeout}, reader_{reader_command(settings, file_->size_bytes),
                                                            {},
                                                            {file_->fd.get(), out_.write.get(), err_.write.get()}} {
        out_.write.reset();
        err_.write.reset();
    }

    std::size_t read(std::span<std::byte> buffer) override {
        if (is_over_ || buffer.empty()) return 0;
        wait_for_bytes();
        const std::size_t count = io::read_some(out_.read.get(), buffer.first(std::min(buffer.size(), copy_bytes)),
                                                "the reader of the squashfs file");
        if (count == 0) {
            is_over_ = true;
            check_end();
        } else if (count_) {
            count_(count);
        }
        return count;
    }

private:
    void wait_for_bytes() {
        const auto deadline = std::chrono::steady_clock::now() + patience_;
        for (;;) {
            if (stop_.stop_requested()) throw Error{"the import was stopped"};
            struct pollfd ready {
                out_.read.get(), POLLIN, 0
            };
            if (::poll(&ready, 1, static_cast<int>(look_interval.count())) > 0) return;
            if (std::chrono::steady_clock::now() >= deadline)
                throw Error{"the squashfs file cannot be read: its reader gave nothing for " +
                            std::to_string(patience_.count()) +
                            " seconds (ImportStallTimeout in the gateway's configuration)"};
        }
    }
    void check_end() {
        const int status = reader_.wait();
        if (status == 0) return;
        std::array<char, most_sentence_bytes> text{};
        const ssize_t count = ::read(err_.read.get(), text.data(), text.size());
        const std::string sentence =
            log::one_line(std::string{text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))});
        if (WIFEXITED(status) && !sentence.empty()) throw Error{sentence};
        throw Error{"the squashfs file cannot be read: its reader failed, " + describe_end(status)};
    }

    std::shared_ptr<const SharedFile> file_;
    registry::OnBytes count_;
    std::stop_token stop_;
    std::chrono::seconds patience_;
    Pipe out_;
    Pipe err_;
    bool is_over_ = false;
    ChildProcess reader_; ///< last: it ends before what it writes to
};

/** Bytes [at, …) of a file; fewer only at its end. */
std::size_t read_at(int fd, std::uint64_t at, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t count = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(at + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw SysError{errno, "cannot read the squashfs file"};
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

} // namespace

SquashfsFile::SquashfsFile(const GatewaySettings & settings, std::shared_ptr<const SharedFile> file, bool is_copied,
                           std::string reference, std::stop_token stop)
    : settings_{settings}, file_{std::move(file)}, is_copied_{is_copied}, reference_{std::move(reference)},
      stop_{std::move(stop)} {}

std::unique_ptr<oci::ByteSource> SquashfsFile::tar_stream(registry::OnBytes count) const {
    return open_squashfs_tar(settings_, file_, std::move(count), stop_);
}

/** What is read twice must not change in between; an owner may write to his own file whenever he likes. */
void SquashfsFile::copy() {
    if (file_->size_bytes > settings_.max_upload_bytes)
        throw OverQuota{"the squashfs file has more than " + std::to_string(settings_.max_upload_bytes) +
                        " bytes (UploadBytes in the gateway's configuration)"};
    auto copied = std::make_shared<SharedFile>();
    copied->fd = make_spool(settings_.cache_directory);
    std::vector<std::byte> buffer(copy_bytes);
    while (copied->size_bytes < file_->size_bytes) {
        if (stop_.stop_requested()) throw Error{"the import was stopped"};
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(copy_bytes, file_->size_bytes - copied->size_bytes));
        const std::size_t count = read_at(file_->fd.get(), copied->size_bytes, std::span{buffer}.first(wanted));
        if (count != wanted) throw Error{"the squashfs file became shorter while it was read"};
        io::write_all(copied->fd.get(), std::span<const std::byte>{buffer}.first(count), "a copy of the squashfs file");
        copied->size_bytes += count;
    }
    file_ = std::move(copied);
    is_copied_ = true;
}

Digest SquashfsFile::digest_of_file() const {
    oci::Hasher hasher;
    std::vector<std::byte> buffer(copy_bytes);
    for (std::uint64_t done = 0; done < file_->size_bytes;) {
        if (stop_.stop_requested()) throw Error{"the import was stopped"};
        const std::size_t count = read_at(file_->fd.get(), done, buffer);
        if (count == 0) throw Error{"the squashfs file became shorter while it was read"};
        hasher.update(std::span<const std::byte>{buffer}.first(count));
        done += count;
    }
    return hasher.finish();
}

registry::ResolvedImage SquashfsFile::resolve(const Platform & platform) {
    if (!is_copied_) copy();
    const Digest digest = digest_of_file();
    oci::Hasher hasher;
    const auto stream = tar_stream({});
    std::vector<std::byte> buffer(copy_bytes);
    tar_bytes_ = 0;
    while (const std::size_t count = stream->read(buffer)) {
        hasher.update(std::span<const std::byte>{buffer}.first(count));
        tar_bytes_ += count;
    }
    oci::ImageConfig config;
    config.platform = platform; // a tree of files does not say for which machine it is
    config.diff_ids = {hasher.finish()};
    const oci::Descriptor no_config{empty_type, oci::digest_of("{}"), 2, std::nullopt};
    return {digest,
            std::nullopt,
            {no_config, {{tar_type, digest, file_->size_bytes, std::nullopt}}},
            std::move(config),
            {},
            false};
}

std::unique_ptr<oci::ByteSource> SquashfsFile::open_layer(std::size_t /*layer*/, registry::OnBytes count) {
    // Progress is shown in bytes of the file; what comes is the tar stream that is in it.
    return tar_stream([this, count = std::move(count), done = std::uint64_t{0}, told = std::uint64_t{0}](
                          std::uint64_t bytes) mutable {
        done = std::min(done + bytes, tar_bytes_);
        const auto now = static_cast<std::uint64_t>(static_cast<long double>(file_->size_bytes) *
                                                    static_cast<long double>(done) /
                                                    static_cast<long double>(tar_bytes_));
        if (count && now > told) count(now - told);
        told = std::max(told, now);
    });
}

MakeOrigin squashfs_origin(const GatewaySettings & settings, const std::string & tag,
                           std::shared_ptr<const SharedFile> file, bool is_copied) {
    return [&settings, tag, file = std::move(file), is_copied](std::stop_token stop) {
        return std::make_unique<SquashfsFile>(settings, file, is_copied, "squashfs:" + tag, std::move(stop));
    };
}

std::unique_ptr<oci::ByteSource> open_squashfs_tar(const GatewaySettings & settings,
                                                   std::shared_ptr<const SharedFile> file, registry::OnBytes count,
                                                   std::stop_token stop) {
    return std::make_unique<ReaderOutput>(settings, std::move(file), std::move(count), std::move(stop));
}

std::shared_ptr<const SharedFile> own_file(const std::string & path, uid_t owner) {
    // Looked at before it is opened: opening a device can do something.
    const UniqueFd place{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    struct stat facts {};
    if (!place || ::fstat(place.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != owner) return nullptr;
    auto file = std::make_shared<SharedFile>();
    file->fd.reset(::open(("/proc/self/fd/" + std::to_string(place.get())).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file->fd) return nullptr;
    file->size_bytes = static_cast<std::uint64_t>(facts.st_size);
    return file;
}

} // namespace shifter::pull
