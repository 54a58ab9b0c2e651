/**
 * @file
 * Writes small squashfs files by hand, nothing compressed, odd ones included: each number can be set to what a good
 * program would never write.
 */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tests {

/** Little-endian numbers, one after the other. */
class Bytes {
public:
    template <class T> Bytes & add(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i)
            text += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
        return *this;
    }
    Bytes & add(const std::string & more) {
        text += more;
        return *this;
    }
    std::string text;
};

struct SquashfsWriter {
    struct Listed {
        std::string name;
        std::uint64_t reference = 0;
    };
    static constexpr std::uint32_t block_bytes = 4096;

    std::string data;        ///< after the superblock, at 96
    std::string inodes;      ///< one metadata block, at most 8192 bytes
    std::string directories; ///< the same
    std::string fragments;   ///< entries of 16 bytes; at most 8192 bytes
    std::uint64_t root = 0;

    static std::string head(std::uint16_t type, std::uint16_t mode) {
        return Bytes{}
            .add(type)
            .add(mode)
            .add<std::uint16_t>(0)
            .add<std::uint16_t>(0)
            .add<std::uint32_t>(1'000'000'000)
            .add<std::uint32_t>(1)
            .text;
    }
    std::uint64_t inode(const std::string & bytes) {
        const std::uint64_t at = inodes.size();
        inodes += bytes;
        return at;
    }
    /** A file whose blocks are stored as they are. */
    std::uint64_t file(const std::string & body, std::uint16_t mode = 0644, std::uint32_t links = 1) {
        const std::uint64_t at = 96 + data.size();
        Bytes bytes;
        bytes.add(head(9, mode))
            .add(at)
            .add<std::uint64_t>(body.size())
            .add<std::uint64_t>(0)
            .add(links)
            .add<std::uint32_t>(0xffffffff)
            .add<std::uint32_t>(0)
            .add<std::uint32_t>(0xffffffff);
        for (std::size_t done = 0; done < body.size(); done += block_bytes)
            bytes.add(static_cast<std::uint32_t>(std::min<std::size_t>(block_bytes, body.size() - done)) | (1U << 24U));
        data += body;
        return inode(bytes.text);
    }
    std::uint64_t symlink(const std::string & text) {
        return inode(Bytes{}
                         .add(head(3, 0777))
                         .add<std::uint32_t>(1)
                         .add(static_cast<std::uint32_t>(text.size()))
                         .add(text)
                         .text);
    }
    std::uint64_t device(std::uint16_t mode = 0666) {
        return inode(Bytes{}.add(head(5, mode)).add<std::uint32_t>(1).add<std::uint32_t>(0x103).text);
    }
    /** One header for all of them. */
    static std::string listing(const std::vector<Listed> & children) {
        Bytes bytes;
        if (children.empty()) return {};
        bytes.add(static_cast<std::uint32_t>(children.size() - 1)).add<std::uint32_t>(0).add<std::uint32_t>(1);
        for (const Listed & child : children)
            bytes.add(static_cast<std::uint16_t>(child.reference))
                .add<std::uint16_t>(0)
                .add<std::uint16_t>(1)
                .add(static_cast<std::uint16_t>(child.name.size() - 1))
                .add(child.name);
        return bytes.text;
    }
    std::uint64_t directory(const std::vector<Listed> & children, std::uint16_t mode = 0755) {
        const std::string list = listing(children);
        const auto at = static_cast<std::uint16_t>(directories.size());
        directories += list;
        return inode(Bytes{}
                         .add(head(1, mode))
                         .add<std::uint32_t>(0)
                         .add<std::uint32_t>(2)
                         .add(static_cast<std::uint16_t>(list.size() + 3))
                         .add(at)
                         .add<std::uint32_t>(1)
                         .text);
    }

    /** The numbers of the superblock that a test may want to be wrong; 0: as it is. */
    struct Lies {
        std::uint16_t version = 4;
        std::uint16_t codec = 1;
        std::uint16_t block_log = 12;
        std::uint64_t bytes_used = 0;
        std::uint64_t directory_table = 0;
        std::uint16_t ids = 1;
    };
    [[nodiscard]] std::string end(const Lies & lies) const {
        std::string body = data;
        const auto metadata = [&](const std::string & bytes) {
            const std::uint64_t at = 96 + body.size();
            body += Bytes{}.add(static_cast<std::uint16_t>(bytes.size() | 0x8000U)).add(bytes).text;
            return at;
        };
        const auto table = [&](const std::string & bytes) {
            const std::uint64_t block = metadata(bytes);
            const std::uint64_t at = 96 + body.size();
            body += Bytes{}.add(block).text;
            return at;
        };
        const std::uint64_t inode_table = metadata(inodes);
        const std::uint64_t directory_table = metadata(directories.empty() ? std::string(4, '\0') : directories);
        const std::uint64_t fragment_table = fragments.empty() ? UINT64_MAX : table(fragments);
        const std::uint64_t id_table = table(Bytes{}.add<std::uint32_t>(0).text);
        Bytes super;
        super.add<std::uint32_t>(0x73717368)
            .add<std::uint32_t>(1)
            .add<std::uint32_t>(1'000'000'000)
            .add(block_bytes)
            .add(static_cast<std::uint32_t>(fragments.size() / 16))
            .add(lies.codec)
            .add(lies.block_log)
            .add<std::uint16_t>(0)
            .add(lies.ids)
            .add(lies.version)
            .add<std::uint16_t>(0)
            .add(root)
            .add<std::uint64_t>(lies.bytes_used != 0 ? lies.bytes_used : 96 + body.size())
            .add(id_table)
            .add(UINT64_MAX)
            .add(inode_table)
            .add(lies.directory_table != 0 ? lies.directory_table : directory_table)
            .add(fragment_table)
            .add(UINT64_MAX);
        return super.text + body;
    }
    [[nodiscard]] std::string end() const { return end(Lies{}); }
};

} // namespace tests
