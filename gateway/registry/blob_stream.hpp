/**
 * @file
 * A blob on its way: a thread fetches, checks and resumes it, and the reader takes bytes from a bounded ring.
 */
#pragma once

#include "oci/byte_source.hpp"
#include "oci/sha256.hpp"
#include "registry/byte_ring.hpp"
#include "registry/endpoint.hpp"
#include "registry/registry_client.hpp"

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace shifter::registry {

/** What the client and its streams share; it lives until the last of them is gone. */
struct Session {
    Session(const Location & location, const std::optional<Credentials> & credentials, RegistryLimits limits,
            std::stop_token stop);

    /**
     * Runs `action(endpoint, limits)` on the endpoints in their order, beginning with the one that last succeeded,
     * until one succeeds or fails for good. An endpoint that has others after it gets fewer tries.
     */
    void on_endpoints(const std::string & what, const std::function<void(Endpoint &, const RegistryLimits &)> & action);

    RegistryLimits limits;
    std::stop_token stop;
    bool mirrors_are_public;
    Http http;
    std::vector<std::unique_ptr<Endpoint>> endpoints; ///< mirrors first
    std::atomic<std::size_t> preferred = 0;
};

/** Bytes that were given away turned out wrong; no other endpoint can make that good. */
class WrongBlob : public RegistryError {
public:
    explicit WrongBlob(const std::string & sentence) : RegistryError{Cause::bad_content, sentence} {}
};

class BlobStream : public oci::ByteSource {
public:
    BlobStream(std::shared_ptr<Session> session, std::string repository, oci::Descriptor blob, std::size_t window_bytes,
               OnBytes on_bytes);
    /** Ends the transfer, if it still goes on. */
    ~BlobStream() override = default;
    BlobStream(const BlobStream &) = delete;
    BlobStream & operator=(const BlobStream &) = delete;

    [[nodiscard]] std::size_t read(std::span<std::byte> buffer) override { return ring_.read(buffer); }

private:
    void run(const std::stop_token & stop) noexcept;
    void fetch_from(Endpoint & endpoint, const RegistryLimits & limits, const std::stop_token & stop);
    /** One body: from byte `begin` of the blob on. */
    void take(std::uint64_t begin, std::span<const std::byte> bytes, const std::string & host);

    std::shared_ptr<Session> session_;
    std::string repository_;
    oci::Descriptor blob_;
    OnBytes on_bytes_;
    ByteRing ring_;
    oci::Hasher hasher_;
    std::uint64_t received_ = 0; ///< hashed and given to the ring
    std::jthread thread_;        ///< last: it ends before what it uses
};

} // namespace shifter::registry
