/**
 * @file
 * Tables of the layer cache, made small: names of files shrink to a tenth. Only for the .cpp files of this layer.
 */
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace shifter::squash {

/** Packs and unpacks one piece at a time; not to be shared by threads. */
class Packer {
public:
    Packer();
    Packer(Packer &&) noexcept;
    Packer & operator=(Packer &&) noexcept;
    ~Packer();

    /** Valid until the next call. @throws std::bad_alloc */
    [[nodiscard]] std::span<const std::byte> pack(std::span<const std::byte> bytes);
    /** Valid until the next call; false when it is no such piece, or would become larger than `most` bytes. */
    [[nodiscard]] bool unpack(std::span<const std::byte> packed, std::size_t most, std::span<const std::byte> & bytes);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace shifter::squash
