/**
 * @file
 * A quick keyed fingerprint of bytes (Poly1305, by OpenSSL): who does not know the key finds no two texts with one
 * fingerprint, but by luck of 1 in 2^100 or so. For what this process compares and reads back; never to be shown.
 */
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace shifter::oci {

using Fingerprint = std::array<std::uint64_t, 2>;

class KeyedHasher {
public:
    static constexpr std::size_t key_bytes = 32;
    using Key = std::array<std::byte, key_bytes>;
    /** A new key. @throws Error when the system has no randomness */
    [[nodiscard]] static Key random_key();

    explicit KeyedHasher(const Key & key);
    KeyedHasher(KeyedHasher &&) noexcept;
    KeyedHasher & operator=(KeyedHasher &&) noexcept;
    ~KeyedHasher();

    void update(std::span<const std::byte> bytes);
    /** The fingerprint of what was given since the last one. */
    [[nodiscard]] Fingerprint finish();
    [[nodiscard]] Fingerprint of(std::span<const std::byte> bytes);

private:
    void begin();

    struct State;
    std::unique_ptr<State> state_;
};

} // namespace shifter::oci
