#include "layers/decoder.hpp"

#include "base/error.hpp"

#include <utility>

namespace shifter::layers {
namespace {

/**
 * Tells the source's own failures, which have their words and their type already, from ours; and looks for a stop
 * between reads, since a slow source takes long to fill a chunk.
 */
class Watched : public oci::ByteSource {
public:
    Watched(std::unique_ptr<oci::ByteSource> source, std::stop_token stop)
        : source_{std::move(source)}, stop_{std::move(stop)} {}

    std::size_t read(std::span<std::byte> buffer) override {
        if (stop_.stop_requested()) throw Error{"the conversion was stopped"};
        try {
            return source_->read(buffer);
        } catch (...) {
            failed_ = true;
            throw;
        }
    }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    std::unique_ptr<oci::ByteSource> source_;
    std::stop_token stop_;
    bool failed_ = false;
};

} // namespace

Decoder::Decoder(Layer layer, const Limits & limits)
    : layer_{std::move(layer)},
      max_bytes_{limits.max_layer_unpacked_bytes}, hasher_{layer_.diff_id.algorithm()}, thread_{[this](const std::stop_token & stop) { run(stop); }} {}

Decoder::~Decoder() = default;

void Decoder::take_turn() {
    {
        const std::lock_guard lock{turn_mutex_};
        has_turn_ = true;
    }
    turn_changed_.notify_all();
}

std::span<const std::byte> Decoder::next(const std::stop_token & stop) {
    if (!queue_.next(current_, stop)) {
        check_diff_id();
        return {};
    }
    const auto piece = std::span<const std::byte>{current_.buffer}.first(current_.size);
    hasher_.update(piece);
    return piece;
}

void Decoder::check_diff_id() {
    if (std::exchange(is_checked_, true)) return;
    const Digest found = hasher_.finish();
    if (found != layer_.diff_id)
        throw Error{"cannot read " + layer_.name + ": its content has the digest " + found.to_string() +
                    ", but the image's configuration says " + layer_.diff_id.to_string()};
}

void Decoder::run(const std::stop_token & stop) noexcept {
    std::exception_ptr failure;
    bool ours = true;
    try {
        ours = false;
        Watched source{layer_.open(), stop};
        ours = true;
        try {
            decode(source, stop);
        } catch (...) {
            ours = !source.failed();
            throw;
        }
    } catch (const std::exception & error) {
        failure = ours ? std::make_exception_ptr(Error{"cannot read " + layer_.name + ": " + error.what()})
                       : std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    queue_.close(failure);
}

void Decoder::decode(oci::ByteSource & source, const std::stop_token & stop) {
    const auto decompressor = open_decompressor(source, [&] {
        std::unique_lock lock{turn_mutex_};
        if (!turn_changed_.wait(lock, stop, [&] { return has_turn_; })) throw Error{"the conversion was stopped"};
    });
    std::uint64_t total = 0;
    for (bool at_end = false; !at_end;) {
        Chunk chunk = queue_.take_empty(stop);
        chunk.size = 0;
        while (chunk.size < chunk.buffer.size() && !at_end) {
            const std::size_t count = decompressor->read(std::span{chunk.buffer}.subspan(chunk.size));
            at_end = count == 0;
            chunk.size += count;
        }
        total += chunk.size;
        if (total > max_bytes_) throw Error{"it unpacks to more than " + std::to_string(max_bytes_) + " bytes"};
        if (chunk.size != 0) queue_.push(std::move(chunk));
    }
}

} // namespace shifter::layers
