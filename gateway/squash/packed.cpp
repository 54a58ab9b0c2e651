#include "squash/packed.hpp"

#include "base/error.hpp"

#include <zstd.h>

namespace shifter::squash {
namespace {

constexpr int level = 1; // tables are read as often as they are written

struct Free {
    void operator()(ZSTD_CCtx * context) const noexcept { (void)ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx * context) const noexcept { (void)ZSTD_freeDCtx(context); }
};

} // namespace

struct Packer::State {
    std::unique_ptr<ZSTD_CCtx, Free> to;
    std::unique_ptr<ZSTD_DCtx, Free> from;
    std::vector<std::byte> room;
};

Packer::Packer() : state_{std::make_unique<State>()} {}
Packer::Packer(Packer &&) noexcept = default;
Packer & Packer::operator=(Packer &&) noexcept = default;
Packer::~Packer() = default;

std::span<const std::byte> Packer::pack(std::span<const std::byte> bytes) {
    if (!state_->to) state_->to.reset(ZSTD_createCCtx());
    if (!state_->to) throw std::bad_alloc{};
    state_->room.resize(ZSTD_compressBound(bytes.size()));
    const std::size_t size = ZSTD_compressCCtx(state_->to.get(), state_->room.data(), state_->room.size(), bytes.data(),
                                               bytes.size(), level);
    if (ZSTD_isError(size) != 0) throw Error{std::string{"cannot pack a table: "} + ZSTD_getErrorName(size)};
    return std::span{state_->room}.first(size);
}

bool Packer::unpack(std::span<const std::byte> packed, std::size_t most, std::span<const std::byte> & bytes) {
    const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size > most) return false; // what is unknown or no frame is larger than everything
    if (!state_->from) state_->from.reset(ZSTD_createDCtx());
    if (!state_->from) throw std::bad_alloc{};
    state_->room.resize(static_cast<std::size_t>(size));
    const std::size_t done =
        ZSTD_decompressDCtx(state_->from.get(), state_->room.data(), state_->room.size(), packed.data(), packed.size());
    if (done != state_->room.size()) return false;
    bytes = state_->room;
    return true;
}

} // namespace shifter::squash
