/**
 * @file
 * How far a pull is, on a terminal: a block of lines that is drawn over, with a bar for each layer.
 */
#pragma once

#include "client/image_info.hpp"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace shifter::client {

/** Bytes per second over the last few seconds. */
class RateMeter {
public:
    using Time = std::chrono::system_clock::time_point;
    double update(std::uint64_t bytes, Time now);
    [[nodiscard]] double rate() const noexcept { return rate_; }

private:
    bool have_mark_ = false;
    Time mark_;
    std::uint64_t mark_bytes_ = 0;
    double rate_ = 0;
};

/** "[=====>    ]": `width` characters between the brackets. */
[[nodiscard]] std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width);

/** "waiting", "pulling", or "arrived". */
[[nodiscard]] std::string_view stage_of(const LayerLine & layer) noexcept;

/** The lines of a pull's layers; remembers how fast each comes. */
class LayerLines {
public:
    /** At most `most` lines: layers that arrived give way first. */
    [[nodiscard]] std::vector<std::string> draw(const std::vector<LayerLine> & layers, RateMeter::Time now,
                                                std::size_t most);

private:
    std::vector<RateMeter> rates_; ///< by layer
};

/** A block of lines at the bottom of what a terminal shows. */
class Screen {
public:
    Screen(std::ostream & out, unsigned columns) : out_{out}, columns_{columns} {}
    /** Draws over the block that was drawn last; lines are cut, since one that wraps could not be drawn over. */
    void draw(const std::vector<std::string> & lines);
    /** What is written next goes below the block. */
    void leave();

private:
    std::ostream & out_;
    unsigned columns_;
    std::size_t height_ = 0;
};

} // namespace shifter::client
