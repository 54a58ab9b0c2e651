/**
 * @file
 * SHA-256 and SHA-512 of a stream, by OpenSSL (which uses the CPU's SHA instructions).
 */
#pragma once

#include "base/digest.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace shifter::oci {

class Hasher {
public:
    explicit Hasher(Digest::Algorithm algorithm = Digest::Algorithm::sha256);
    Hasher(Hasher &&) noexcept;
    Hasher & operator=(Hasher &&) noexcept;
    ~Hasher();

    void update(std::span<const std::byte> bytes);
    /** The digest of all that was given; the hasher is spent after that. */
    [[nodiscard]] Digest finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] Digest digest_of(std::string_view bytes, Digest::Algorithm algorithm = Digest::Algorithm::sha256);

} // namespace shifter::oci
