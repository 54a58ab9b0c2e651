/**
 * @file
 * An image on this side, as one stream of tar: a file, standard input, or a folder that is an OCI image layout.
 */
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace shifter::client {

class ImageStream {
public:
    /** @param name  a path, or "-". @throws Error when it cannot be read, or is a folder without a layout */
    explicit ImageStream(const std::string & name);

    /** At most `most` bytes, fewer only at the end. Memory: that many. */
    [[nodiscard]] std::string read(std::size_t most);

private:
    struct Part {
        std::string text;      ///< given as it is: headers, padding
        std::string path = {}; ///< or the content of this file, which has `bytes`
        std::uint64_t bytes = 0;
    };
    void add_layout(const std::string & folder);
    void add_file(const std::string & folder, const std::string & name);
    std::string read_from_part(std::size_t most);

    std::string name_;
    UniqueFd fd_; ///< of the whole, when it is one file
    bool is_layout_ = false;
    std::deque<Part> parts_; ///< of a layout
    UniqueFd part_fd_;
};

} // namespace shifter::client
