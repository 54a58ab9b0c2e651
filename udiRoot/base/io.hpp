/**
 * @file
 * Whole reads and writes on descriptors: interrupted and short calls are continued, limits are explicit.
 */
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace shifter::io {

/** Reads to the end. @throws Error when there is more than `max_bytes`; `what` names the source in messages. */
[[nodiscard]] std::string read_all(int fd, std::size_t max_bytes, std::string_view what);
/** Reads at most `buffer.size()` bytes, fewer only at the end of the file. */
[[nodiscard]] std::size_t read_some(int fd, std::span<std::byte> buffer, std::string_view what);
void write_all(int fd, std::span<const std::byte> bytes, std::string_view what);
void write_all(int fd, std::string_view bytes, std::string_view what);

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
/** Both ends are close-on-exec. */
[[nodiscard]] Pipe make_pipe();

} // namespace shifter::io
