#include "squash/tar_stream.hpp"

#include <array>
#include <cstdio>

namespace shifter::squash {
namespace {

constexpr std::size_t block_bytes = 512;
constexpr std::uint64_t most_octal_size = (std::uint64_t{1} << 33U) - 1; // eleven digits
constexpr std::uint32_t most_octal_id = (1U << 21U) - 1;                 // seven digits
constexpr std::size_t most_name_bytes = 100;

std::string octal(std::uint64_t value, int digits) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
    return text.data();
}

std::string header(const TarEntry & entry, bool is_extended) {
    std::string block(block_bytes, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
    // What does not fit here stands in the pax header, which wins.
    put(0, entry.path.substr(0, most_name_bytes));
    put(100, octal(entry.mode & 07777U, 7));
    put(108, octal(entry.uid > most_octal_id ? 0 : entry.uid, 7));
    put(116, octal(entry.gid > most_octal_id ? 0 : entry.gid, 7));
    put(124, octal(entry.size_bytes > most_octal_size ? 0 : entry.size_bytes, 11));
    put(136, octal(entry.mtime, 11));
    put(148, "        ");
    block[156] = is_extended ? 'x' : entry.type;
    put(157, entry.link.substr(0, most_name_bytes));
    put(257, std::string_view{"ustar\00000", 8});
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + std::string(1, '\0'));
    return block;
}

/** "LENGTH KEY=VALUE\n", where the length counts its own digits (pax, "Extended Header"). */
std::string record(std::string_view key, std::string_view value) {
    const std::string rest = " " + std::string{key} + "=" + std::string{value} + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    return std::to_string(length) + rest;
}

std::string extended(const TarEntry & entry) {
    std::string records;
    if (entry.path.size() > most_name_bytes) records += record("path", entry.path);
    if (entry.link.size() > most_name_bytes) records += record("linkpath", entry.link);
    if (entry.size_bytes > most_octal_size) records += record("size", std::to_string(entry.size_bytes));
    if (entry.uid > most_octal_id) records += record("uid", std::to_string(entry.uid));
    if (entry.gid > most_octal_id) records += record("gid", std::to_string(entry.gid));
    return records;
}

} // namespace

void TarStream::write(std::string_view text) { output_(std::as_bytes(std::span{text})); }

void TarStream::begin(const TarEntry & entry) {
    if (const std::string records = extended(entry); !records.empty()) {
        write(header({.type = 'x', .path = "pax", .mode = 0600, .size_bytes = records.size()}, true));
        write(records);
        pad(records.size());
    }
    write(header(entry, false));
}

void TarStream::body(std::span<const std::byte> bytes) { output_(bytes); }

void TarStream::pad(std::uint64_t size_bytes) {
    static constexpr std::array<char, block_bytes> zeros{};
    write({zeros.data(), static_cast<std::size_t>((block_bytes - size_bytes % block_bytes) % block_bytes)});
}

void TarStream::end() { write(std::string(2 * block_bytes, '\0')); }

} // namespace shifter::squash
