#include "layers/decompressor.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <isa-l/igzip_lib.h>
#include <limits>
#include <utility>
#include <vector>
#define ZSTD_STATIC_LINKING_ONLY // for ZSTD_getFrameHeader
#include <zstd.h>

namespace shifter::layers {
namespace {

constexpr std::size_t input_bytes = 128U << 10U;

/** Compressed bytes on their way in, beginning with those that were read to recognise the format. */
class Input {
public:
    explicit Input(oci::ByteSource & source) : source_{source}, buffer_(input_bytes) {}

    [[nodiscard]] std::span<std::byte> rest() { return std::span{buffer_}.subspan(begin_, end_ - begin_); }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    void consume(std::size_t count) { begin_ += count; }

    /** Makes at least `count` bytes (a small number) available, fewer only at the end. */
    void need(std::size_t count) {
        if (end_ - begin_ >= count) return;
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
        while (end_ < count && !at_end_) {
            const std::size_t got = source_.read(std::span{buffer_}.subspan(end_));
            at_end_ = got == 0;
            end_ += got;
        }
    }

    [[nodiscard]] std::size_t read_through(std::span<std::byte> buffer) {
        if (empty()) return at_end_ ? 0 : source_.read(buffer);
        const std::size_t count = std::min(buffer.size(), end_ - begin_);
        std::memcpy(buffer.data(), buffer_.data() + begin_, count);
        begin_ += count;
        return count;
    }

private:
    oci::ByteSource & source_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
};

bool starts_with(std::span<const std::byte> bytes, std::initializer_list<unsigned> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin(),
                                                      [](unsigned a, std::byte b) { return std::byte(a) == b; });
}

bool is_gzip(std::span<const std::byte> bytes) { return starts_with(bytes, {0x1f, 0x8b}); }

bool is_zstd(std::span<const std::byte> bytes) {
    // Skippable frames (0x184D2A50 to 5F, little endian) may come first.
    return starts_with(bytes, {0x28, 0xb5, 0x2f, 0xfd}) ||
           (bytes.size() >= 4 && (bytes[0] & std::byte{0xf0}) == std::byte{0x50} &&
            starts_with(bytes.subspan(1), {0x2a, 0x4d, 0x18}));
}

class Plain : public Decompressor {
public:
    explicit Plain(std::unique_ptr<Input> input) : input_{std::move(input)} {}
    std::size_t read(std::span<std::byte> buffer) override { return input_->read_through(buffer); }

private:
    std::unique_ptr<Input> input_;
};

class Gzip : public Decompressor {
public:
    explicit Gzip(std::unique_ptr<Input> input) : input_{std::move(input)} { begin_member(); }

    std::size_t read(std::span<std::byte> buffer) override {
        if (finished_ || buffer.empty()) return 0;
        state_.next_out = reinterpret_cast<std::uint8_t *>(buffer.data());
        const auto room =
            static_cast<std::uint32_t>(std::min<std::size_t>(buffer.size(), std::numeric_limits<std::uint32_t>::max()));
        state_.avail_out = room;
        while (state_.avail_out == room && !finished_) inflate();
        return room - state_.avail_out;
    }

private:
    void begin_member() {
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP; // header, trailer and checksum are looked at by isal_inflate
    }

    void inflate() {
        input_->need(1);
        const auto rest = input_->rest();
        state_.next_in = reinterpret_cast<std::uint8_t *>(rest.data());
        state_.avail_in = static_cast<std::uint32_t>(rest.size());
        const std::uint32_t room = state_.avail_out;
        const int status = isal_inflate(&state_);
        if (status == ISAL_INCORRECT_CHECKSUM) throw Error{"the gzip stream has a wrong checksum"};
        if (status == ISAL_INVALID_WRAPPER || status == ISAL_UNSUPPORTED_METHOD)
            throw Error{"the gzip stream has a bad header"};
        if (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT) throw Error{"the gzip stream is damaged"};
        input_->consume(rest.size() - state_.avail_in);
        if (state_.block_state == ISAL_BLOCK_FINISH) return after_member();
        if (rest.empty() && state_.avail_out == room) throw Error{"the gzip stream ends too early"};
    }

    void after_member() {
        input_->need(2);
        if (is_gzip(input_->rest())) {
            std::uint8_t * const next_out = state_.next_out;
            const std::uint32_t room = state_.avail_out;
            begin_member();
            state_.next_out = next_out;
            state_.avail_out = room;
            return;
        }
        for (; !input_->empty(); input_->need(1)) {
            const auto rest = input_->rest();
            if (std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{}; }))
                throw Error{"the gzip stream is followed by something else"};
            input_->consume(rest.size());
        }
        finished_ = true;
    }

    std::unique_ptr<Input> input_;
    inflate_state state_{};
    bool finished_ = false;
};

template <auto Release> struct Releases {
    template <class T> void operator()(T * handle) const noexcept { (void)Release(handle); }
};

class Zstd : public Decompressor {
public:
    Zstd(std::unique_ptr<Input> input, std::function<void()> wait_for_turn)
        : input_{std::move(input)}, wait_for_turn_{std::move(wait_for_turn)}, context_{ZSTD_createDCtx()} {
        if (!context_) throw std::bad_alloc{};
        (void)ZSTD_DCtx_setMaxWindowSize(context_.get(), largest_window_bytes);
    }

    std::size_t read(std::span<std::byte> buffer) override {
        ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
        while (out.pos == 0 && out.size != 0) {
            if (!inside_frame_ && !begin_frame()) return 0;
            // At the input's end a call may still have output to give; only then an empty input is no error.
            input_->need(1);
            const auto rest = input_->rest();
            ZSTD_inBuffer in{rest.data(), rest.size(), 0};
            const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
            if (ZSTD_isError(status) != 0)
                throw Error{"the zstd stream is damaged (" + std::string{ZSTD_getErrorName(status)} + ")"};
            input_->consume(in.pos);
            inside_frame_ = status != 0;
            if (inside_frame_ && rest.empty() && out.pos == 0) throw Error{"the zstd stream ends too early"};
        }
        return out.pos;
    }

private:
    /** Looks at the frame's header before memory is taken for it. False at the end of the stream. */
    bool begin_frame() {
        input_->need(ZSTD_FRAMEHEADERSIZE_MAX);
        if (input_->empty()) return false;
        const auto rest = input_->rest();
        if (!is_zstd(rest)) throw Error{"the zstd stream is followed by something else"};
        ZSTD_frameHeader header{};
        const std::size_t status = ZSTD_getFrameHeader(&header, rest.data(), rest.size());
        if (ZSTD_isError(status) != 0) throw Error{"the zstd stream has a bad frame header"};
        if (status != 0) throw Error{"the zstd stream ends too early"};
        if (header.frameType == ZSTD_frame && header.windowSize > largest_window_bytes)
            throw Error{"the zstd stream needs a window of " + std::to_string(header.windowSize) + " bytes; at most " +
                        std::to_string(largest_window_bytes) + " are allowed"};
        if (header.frameType == ZSTD_frame && header.windowSize > common_window_bytes) wait_for_turn_();
        inside_frame_ = true;
        return true;
    }

    std::unique_ptr<Input> input_;
    std::function<void()> wait_for_turn_;
    std::unique_ptr<ZSTD_DCtx, Releases<&ZSTD_freeDCtx>> context_;
    bool inside_frame_ = false;
};

} // namespace

std::unique_ptr<Decompressor> open_decompressor(oci::ByteSource & source, std::function<void()> wait_for_turn) {
    auto input = std::make_unique<Input>(source);
    input->need(5);
    if (is_gzip(input->rest())) return std::make_unique<Gzip>(std::move(input));
    if (is_zstd(input->rest())) return std::make_unique<Zstd>(std::move(input), std::move(wait_for_turn));
    return std::make_unique<Plain>(std::move(input));
}

} // namespace shifter::layers
