/**
 * @file
 * A password or a token: it has no way to be printed, and clears itself (I36).
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace shifter::registry {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view text) : text_{text} {}
    /** Takes the text over, so that no copy of it is left behind. */
    [[nodiscard]] static Secret adopt(std::string && text) {
        Secret result{text};
        Secret leftover;
        leftover.text_.swap(text);
        return result;
    }
    Secret(const Secret &) = default;
    Secret(Secret && other) noexcept : text_{std::move(other.text_)} { other.clear(); }
    Secret & operator=(const Secret & other) {
        if (this != &other) {
            clear();
            text_ = other.text_;
        }
        return *this;
    }
    Secret & operator=(Secret && other) noexcept {
        if (this != &other) {
            clear();
            text_ = std::move(other.text_);
            other.clear();
        }
        return *this;
    }
    ~Secret() { clear(); }

    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /** For the one place that sends it. The view ends with the secret. */
    [[nodiscard]] std::string_view reveal() const noexcept { return text_; }
    /** `prefix` and this, as a secret. */
    [[nodiscard]] Secret after(std::string_view prefix) const {
        Secret result;
        result.text_.reserve(prefix.size() + text_.size());
        result.text_.append(prefix).append(text_);
        return result;
    }

private:
    void clear() noexcept {
        volatile char * bytes = text_.data();
        for (std::size_t i = 0; i < text_.size(); ++i) bytes[i] = 0;
        text_.clear();
    }
    std::string text_;
};

} // namespace shifter::registry
