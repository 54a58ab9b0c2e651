/**
 * @file
 * Writes tar archives by hand, odd ones included: each field can be set to what a good program would never write.
 */
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

struct TarEntry {
    char type = '0';
    std::string name = {};
    std::string link = {};
    unsigned mode = 0644;
    std::uint64_t uid = 0;
    std::uint64_t gid = 0;
    std::uint64_t mtime = 1'000'000'000;
    std::string body = {};
    std::string magic = std::string{"ustar\00000", 8};
    std::string prefix = {};
};

class TarWriter {
public:
    /** One header and its body, as they are. */
    TarWriter & add(const TarEntry & entry) {
        std::string block(512, '\0');
        put(block, 0, 100, entry.name);
        octal(block, 100, 8, entry.mode);
        octal(block, 108, 8, entry.uid);
        octal(block, 116, 8, entry.gid);
        octal(block, 124, 12, entry.body.size());
        octal(block, 136, 12, entry.mtime);
        block[156] = entry.type;
        put(block, 157, 100, entry.link);
        put(block, 257, 8, entry.magic);
        put(block, 345, 155, entry.prefix);
        return raw_header(block).raw_body(entry.body);
    }
    TarWriter & file(const std::string & name, const std::string & body = "", unsigned mode = 0644) {
        return add({.type = '0', .name = name, .mode = mode, .body = body});
    }
    TarWriter & directory(const std::string & name, unsigned mode = 0755) {
        return add({.type = '5', .name = name, .mode = mode});
    }
    TarWriter & symlink(const std::string & name, const std::string & target) {
        return add({.type = '2', .name = name, .link = target, .mode = 0777});
    }
    TarWriter & hard_link(const std::string & name, const std::string & target) {
        return add({.type = '1', .name = name, .link = target});
    }
    TarWriter & whiteout(const std::string & directory, const std::string & name) {
        return file(directory + ".wh." + name);
    }
    TarWriter & opaque(const std::string & directory) { return file(directory + "/.wh..wh..opq"); }

    using Records = std::vector<std::pair<std::string, std::string>>;
    TarWriter & pax(const Records & records, char type = 'x') {
        std::string body;
        for (const auto & [key, value] : records) {
            const std::string rest = " " + key + "=" + value + "\n";
            std::size_t length = rest.size() + 1;
            while (std::to_string(length).size() + rest.size() != length) ++length;
            body += std::to_string(length) + rest;
        }
        return add({.type = type, .name = "PaxHeaders/x", .body = body});
    }

    /** A header whose checksum is set here. */
    TarWriter & raw_header(std::string block) {
        std::memset(&block[148], ' ', 8);
        unsigned sum = 0;
        for (const char c : block) sum += static_cast<unsigned char>(c);
        char text[8];
        std::snprintf(text, sizeof text, "%06o", sum & 0777777U);
        std::memcpy(&block[148], text, 7);
        bytes_ += block;
        return *this;
    }
    TarWriter & raw_body(const std::string & body) {
        bytes_ += body;
        bytes_.append((512 - body.size() % 512) % 512, '\0');
        return *this;
    }
    [[nodiscard]] std::string end() const { return bytes_ + std::string(1024, '\0'); }
    [[nodiscard]] const std::string & without_end() const { return bytes_; }

    static void put(std::string & block, std::size_t offset, std::size_t length, const std::string & text) {
        std::memcpy(&block[offset], text.data(), std::min(length, text.size()));
    }
    static void octal(std::string & block, std::size_t offset, std::size_t length, std::uint64_t value) {
        std::string digits;
        for (std::size_t i = 0; i + 1 < length; ++i, value >>= 3U)
            digits.insert(digits.begin(), static_cast<char>('0' + (value & 7U)));
        put(block, offset, length - 1, digits);
    }

private:
    std::string bytes_;
};

} // namespace tests
