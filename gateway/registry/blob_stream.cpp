#include "registry/blob_stream.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace shifter::registry {
namespace {

/** Less than this between two breaks is no progress, so that a trickle cannot go on for ever (I30). */
constexpr std::uint64_t min_progress = std::uint64_t{64} << 10U;

/** The first byte of "bytes 100-199/200", RFC 9110 section 14.4. */
std::optional<std::uint64_t> range_begin(const HttpResponse & head) {
    const std::string_view text = head.header("content-range").value_or("");
    constexpr std::string_view unit = "bytes ";
    if (text.substr(0, unit.size()) != unit) return std::nullopt;
    return text::parse_unsigned<std::uint64_t>(text.substr(unit.size(), text.find('-') - unit.size()));
}

} // namespace

BlobStream::BlobStream(std::shared_ptr<Session> session, std::string repository, oci::Descriptor blob,
                       std::size_t window_bytes, OnBytes on_bytes)
    : session_{std::move(session)},
      repository_{std::move(repository)}, blob_{std::move(blob)}, on_bytes_{std::move(on_bytes)}, ring_{window_bytes},
      hasher_{blob_.digest.algorithm()}, thread_{[this](const std::stop_token & own) { run(own); }} {}

void BlobStream::run(const std::stop_token & own) noexcept {
    try {
        // Two reasons to stop, one token: the pull ends, or nobody wants this blob any more.
        std::stop_source either;
        const std::stop_callback by_pull{session_->stop, [&either] { either.request_stop(); }};
        const std::stop_callback by_owner{own, [&either] { either.request_stop(); }};
        const std::stop_callback wake{either.get_token(), [this] { ring_.abandon(); }};
        session_->on_endpoints(blob_.digest.to_string(), [&](Endpoint & endpoint, const RegistryLimits & limits) {
            fetch_from(endpoint, limits, either.get_token());
        });
        if (hasher_.finish() != blob_.digest) throw WrongBlob{"the content that arrived has another digest"};
        ring_.close();
    } catch (const RegistryError & error) {
        ring_.fail(std::make_exception_ptr(RegistryError{
            error.cause(), "cannot fetch " + blob_.digest.to_string() + " of " + repository_ + ": " + error.what()}));
    } catch (...) {
        ring_.fail(std::current_exception());
    }
}

void BlobStream::fetch_from(Endpoint & endpoint, const RegistryLimits & limits, const std::stop_token & stop) {
    RetryLoop loop{limits, stop};
    for (;;) {
        const std::uint64_t before = received_;
        try {
            Get get{repository_, "blobs/" + blob_.digest.to_string(), "", std::nullopt};
            if (before > 0) get.range_from = before;
            std::uint64_t at = 0;
            const HttpResponse * head_seen = nullptr;
            const auto sink = [&](const HttpResponse & head, std::span<const std::byte> bytes) {
                if (head_seen == nullptr) {
                    head_seen = &head;
                    // 200 in answer to a range is the whole blob once more: what we have is skipped.
                    if (head.status == 206) at = before;
                    if (head.status == 206 && (before == 0 || range_begin(head) != before))
                        throw FailedTry{Cause::bad_content, endpoint.host() + " sent another range than was asked for",
                                        false};
                }
                take(at, bytes, endpoint.host());
                at += bytes.size();
            };
            (void)endpoint.get(get, sink, stop);
            if (received_ == blob_.size_bytes) return;
            throw FailedTry{Cause::bad_content,
                            endpoint.host() + " has only " + std::to_string(std::max(at, received_)) + " of its " +
                                std::to_string(blob_.size_bytes) + " bytes",
                            true};
        } catch (const FailedTry & failure) {
            // All is here, and only the end of the body was lost: the digest decides.
            if (received_ == blob_.size_bytes && received_ > 0) return;
            loop.after(failure, received_ - before >= min_progress);
        }
    }
}

void BlobStream::take(std::uint64_t begin, std::span<const std::byte> bytes, const std::string & host) {
    if (bytes.size() > blob_.size_bytes - std::min(begin, blob_.size_bytes))
        throw WrongBlob{host + " sent more than its " + std::to_string(blob_.size_bytes) + " bytes"};
    if (begin + bytes.size() <= received_) return;
    bytes = bytes.subspan(static_cast<std::size_t>(received_ - begin)); // begin <= received_: bodies are taken in order
    hasher_.update(bytes);
    if (!ring_.write(bytes)) throw RegistryError{Cause::stopped, "it was stopped"};
    received_ += bytes.size();
    if (on_bytes_) on_bytes_(bytes.size());
}

} // namespace shifter::registry
