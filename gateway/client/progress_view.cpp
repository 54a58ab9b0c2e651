#include "client/progress_view.hpp"

#include "client/format.hpp"

#include <algorithm>
#include <ostream>

namespace shifter::client {

double RateMeter::update(std::uint64_t bytes, Time now) {
    if (!have_mark_ || bytes < mark_bytes_) {
        have_mark_ = true;
        mark_ = now;
        mark_bytes_ = bytes;
        return 0;
    }
    const double seconds = std::chrono::duration<double>(now - mark_).count();
    if (seconds < 0.2) return rate_;
    const double measured = static_cast<double>(bytes - mark_bytes_) / seconds;
    rate_ = rate_ > 0 ? 0.7 * rate_ + 0.3 * measured : measured;
    mark_ = now;
    mark_bytes_ = bytes;
    return rate_;
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width) {
    const double part = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
    std::string text = "[" + std::string(filled, '=');
    if (filled < width) text += (filled == 0 ? ' ' : '>') + std::string(width - filled - 1, ' ');
    return text + "]";
}

std::string_view stage_of(const LayerLine & layer) noexcept {
    if (layer.bytes_done == 0 && layer.size_bytes > 0) return "waiting";
    return layer.bytes_done < layer.size_bytes ? "pulling" : "arrived";
}

std::vector<std::string> LayerLines::draw(const std::vector<LayerLine> & layers, RateMeter::Time now,
                                          std::size_t most) {
    rates_.resize(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) rates_[i].update(layers[i].bytes_done, now);
    // Who pulls wants to see what moves; among equals the order of the image.
    std::vector<std::size_t> shown(layers.size());
    for (std::size_t i = 0; i < shown.size(); ++i) shown[i] = i;
    if (layers.size() > most) {
        const auto rank = [&](std::size_t i) {
            const std::string_view stage = stage_of(layers[i]);
            return stage == "pulling" ? 0 : stage == "waiting" ? 1 : 2;
        };
        std::stable_sort(shown.begin(), shown.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
        shown.resize(most == 0 ? 0 : most - 1); // the last line says that there are more
        std::sort(shown.begin(), shown.end());
    }
    std::vector<std::string> lines;
    for (const std::size_t i : shown) {
        const LayerLine & layer = layers[i];
        std::string stage{stage_of(layer)};
        const double rate = stage == "pulling" ? rates_[i].rate() : 0;
        lines.push_back("  " + short_digest(layer.digest) + " " + bar(layer.bytes_done, layer.size_bytes, 20) + " " +
                        stage + progress_words(layer.bytes_done, layer.size_bytes, rate));
    }
    if (layers.size() > most && most > 0)
        lines.push_back("  and " + std::to_string(layers.size() - shown.size()) + " more layers");
    return lines;
}

void Screen::draw(const std::vector<std::string> & lines) {
    if (height_ > 1) out_ << "\x1b[" << height_ - 1 << 'A';
    out_ << '\r';
    for (std::size_t i = 0; i < lines.size(); ++i)
        out_ << (i == 0 ? "" : "\n") << "\x1b[2K" << lines[i].substr(0, columns_ > 1 ? columns_ - 1 : 0);
    if (lines.size() < height_) out_ << "\x1b[J";
    height_ = lines.size();
    out_ << std::flush;
}

void Screen::leave() {
    if (height_ > 0) out_ << '\n' << std::flush;
    height_ = 0;
}

} // namespace shifter::client
