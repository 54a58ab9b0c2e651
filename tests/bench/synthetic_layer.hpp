/**
 * @file
 * A layer that is made while it is read: many small files, and a large one, without a byte of it on disk.
 */
#pragma once

#include "base/error.hpp"
#include "base/text.hpp"
#include "oci/sha256.hpp"
#include "squash/convert.hpp"
#include "support/tar_writer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/** FILES files of 20 to 80 bytes, a thousand to a directory, then one of `mebibytes` that compresses by about half. */
class SyntheticLayer : public shifter::oci::ByteSource {
public:
    SyntheticLayer(std::uint64_t files, std::uint64_t mebibytes) : files_{files}, blocks_{mebibytes} {}

    std::size_t read(std::span<std::byte> buffer) override {
        if (begin_ == piece_.size()) make_piece();
        const std::size_t count = std::min(buffer.size(), piece_.size() - begin_);
        std::memcpy(buffer.data(), piece_.data() + begin_, count);
        begin_ += count;
        return count;
    }

private:
    void make_piece() {
        begin_ = 0;
        tests::TarWriter tar;
        if (file_ < files_) {
            const std::string directory = "usr/lib/python3/site-packages/package" + std::to_string(file_ / 1000);
            tar.directory(directory);
            for (std::uint64_t i = 0; i < 1000 && file_ < files_; ++i, ++file_) {
                std::string body = "content of file " + std::to_string(file_) + std::string(file_ % 60, 'x');
                tar.file(directory + "/module_" + std::to_string(file_) + ".py", body);
            }
            piece_ = tar.without_end();
        } else if (block_ < blocks_) {
            std::string mebibyte(1U << 20U, '\0');
            for (std::size_t i = 0; i < mebibyte.size(); ++i)
                mebibyte[i] = static_cast<char>(i % 2 == 0 ? random() : 'a');
            if (block_++ == 0) {
                std::string header(512, '\0');
                tests::TarWriter::put(header, 0, 100, "large");
                tests::TarWriter::octal(header, 100, 8, 0644);
                tests::TarWriter::octal(header, 124, 12, blocks_ << 20U);
                header[156] = '0';
                piece_ = tar.raw_header(header).without_end() + mebibyte;
            } else {
                piece_ = std::move(mebibyte);
            }
        } else {
            piece_ = ended_ ? std::string{} : std::string(1024, '\0');
            ended_ = true;
        }
    }
    unsigned char random() {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<unsigned char>(state_ >> 56U);
    }

    std::uint64_t files_;
    std::uint64_t blocks_;
    std::uint64_t file_ = 0;
    std::uint64_t block_ = 0;
    std::uint64_t state_ = 1;
    bool ended_ = false;
    std::string piece_;
    std::size_t begin_ = 0;
};

/** `text`: "FILES" or "FILES,MIB". */
inline std::vector<shifter::squash::LayerInput> synthetic_layers(std::string_view text) {
    const auto parts = shifter::text::split(text, ',');
    const auto files = shifter::text::parse_unsigned<std::uint64_t>(parts[0]);
    const auto mebibytes =
        parts.size() < 2 ? std::uint64_t{0} : shifter::text::parse_unsigned<std::uint64_t>(parts[1]).value_or(0);
    if (!files) throw shifter::Error{"--synthetic takes FILES or FILES,MIB"};
    shifter::oci::Hasher hasher; // a first pass, for the diffID
    SyntheticLayer layer{*files, mebibytes};
    std::vector<std::byte> buffer(1U << 20U);
    for (std::size_t count = 0; (count = layer.read(buffer)) != 0;) hasher.update(std::span{buffer}.first(count));
    const shifter::Digest digest = hasher.finish();
    std::vector<shifter::squash::LayerInput> layers;
    layers.push_back({{"application/vnd.oci.image.layer.v1.tar", digest, 0, {}}, digest, [files = *files, mebibytes] {
                          return std::make_unique<SyntheticLayer>(files, mebibytes);
                      }});
    return layers;
}

} // namespace bench
