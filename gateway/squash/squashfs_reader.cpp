#include "squash/squashfs_reader.hpp"

#include "squash/squashfs_blocks.hpp"
#include "squash/tar_stream.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace shifter::squash {
namespace {

constexpr std::uint32_t no_fragment = 0xffffffff;
constexpr std::uint32_t most_listed = 256; ///< entries below one header of a directory
constexpr std::size_t most_name_bytes = 255;

struct Inode {
    enum class Kind { directory, file, symlink, device, fifo, socket };
    Kind kind = Kind::socket;
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mtime = 0;
    std::uint32_t links = 1;
    std::uint64_t size_bytes = 0;  ///< file: of its body; directory: of its list; symlink: of its text
    std::uint64_t first_block = 0; ///< file: in the file; directory: in its table
    std::uint16_t offset = 0;      ///< directory: in that block
    std::uint32_t fragment = no_fragment;
    std::uint32_t fragment_offset = 0;
};

struct Child {
    std::string name;
    std::uint64_t reference;
};

class Walk {
public:
    Walk(int fd, std::uint64_t size_bytes, const layers::Limits & limits, const TarOutput & output)
        : blocks_{fd, size_bytes}, limits_{limits}, tar_{output} {}

    void run() {
        // Not "/": an archive may begin with any name, and a name that looked like a compression's mark would be taken
        // for one.
        add("", blocks_.super().root);
        if (stack_.empty()) throw BadSquashfs{"its root is no directory"};
        while (!stack_.empty()) {
            Directory & top = stack_.back();
            if (top.next == top.children.size()) {
                stack_.pop_back();
                continue;
            }
            const Child child = std::move(top.children[top.next++]);
            add(top.path.empty() ? child.name : top.path + "/" + child.name, child.reference);
        }
        tar_.end();
    }

private:
    struct Directory {
        std::string path;
        std::vector<Child> children;
        std::size_t next = 0;
    };

    void add(const std::string & path, std::uint64_t reference) {
        if (++entries_ > limits_.max_entries)
            throw Error{"the squashfs file has more than " + std::to_string(limits_.max_entries) + " entries"};
        if (path.size() > limits_.max_path_bytes)
            throw Error{"the squashfs file has a path of more than " + std::to_string(limits_.max_path_bytes) +
                        " bytes"};
        SquashfsBlocks::Metadata rest = blocks_.inode(reference);
        const Inode inode = read_inode(rest);
        TarEntry entry{.path = path, .mode = inode.mode, .uid = inode.uid, .gid = inode.gid, .mtime = inode.mtime};
        if (inode.kind == Inode::Kind::directory) return add_directory(path, reference, inode, entry);
        if (path.empty()) return;
        if (inode.links > 1) {
            const auto [first, is_new] = linked_.try_emplace(reference, path);
            if (!is_new) {
                entry.type = '1';
                entry.link = first->second;
                return tar_.begin(entry);
            }
        }
        switch (inode.kind) {
        case Inode::Kind::file:
            return add_file(rest, inode, entry);
        case Inode::Kind::symlink:
            return add_symlink(rest, inode, entry);
        case Inode::Kind::device:
            entry.type = '3';
            return tar_.begin(entry);
        case Inode::Kind::fifo:
            entry.type = '6';
            return tar_.begin(entry);
        case Inode::Kind::directory:
        case Inode::Kind::socket: // tar has none, and a file that nobody listens on is of no use
            linked_.erase(reference);
            return;
        }
    }

    void add_directory(const std::string & path, std::uint64_t reference, const Inode & inode, TarEntry & entry) {
        if (!directories_.insert(reference).second)
            throw BadSquashfs{"a directory stands in two places, the second is " + quoted(path)};
        if (stack_.size() > limits_.max_depth)
            throw Error{"the squashfs file is deeper than " + std::to_string(limits_.max_depth) + " directories"};
        const std::string name = path.empty() ? "./" : path + "/";
        entry.type = '5';
        entry.path = name;
        tar_.begin(entry);
        stack_.push_back({path, list(inode)});
    }

    std::vector<Child> list(const Inode & directory) {
        std::vector<Child> children;
        constexpr std::uint64_t for_dots = 3; // of the size, for "." and "..", which are not stored
        if (directory.size_bytes <= for_dots) return children;
        std::uint64_t left = directory.size_bytes - for_dots;
        const auto take = [&](std::uint64_t bytes) {
            if (bytes > left) throw BadSquashfs{"a directory ends in the middle of an entry"};
            left -= bytes;
        };
        SquashfsBlocks::Metadata listing =
            blocks_.directory(static_cast<std::uint32_t>(directory.first_block), directory.offset);
        while (left != 0) {
            take(12);
            const std::uint64_t count = std::uint64_t{listing.number<std::uint32_t>()} + 1;
            const std::uint64_t block = listing.number<std::uint32_t>();
            (void)listing.number<std::uint32_t>(); // the inode's number, which nothing here depends on
            if (count > most_listed) throw BadSquashfs{"a directory has too many entries below one header"};
            for (std::uint64_t i = 0; i < count; ++i) {
                take(8);
                const auto offset = listing.number<std::uint16_t>();
                (void)listing.number<std::uint32_t>(); // difference of inode numbers, and a type that the inode says, too
                const std::size_t length = std::size_t{listing.number<std::uint16_t>()} + 1;
                if (length > most_name_bytes) throw BadSquashfs{"a name has more than 255 bytes"};
                take(length);
                std::array<std::uint8_t, most_name_bytes> name{};
                listing.read(std::span{name}.first(length));
                children.push_back({checked_name({reinterpret_cast<const char *>(name.data()), length}),
                                    (block << 16U) | offset});
                if (entries_ + ++listed_ > 2 * limits_.max_entries)
                    throw Error{"the squashfs file has more than " + std::to_string(limits_.max_entries) + " entries"};
            }
        }
        return children;
    }

    static std::string checked_name(std::string_view name) {
        if (name == "." || name == ".." || name.find('/') != std::string_view::npos ||
            name.find('\0') != std::string_view::npos)
            throw BadSquashfs{"a directory holds the name " + quoted(name) + ", which no file can have"};
        if (name.substr(0, 4) == ".wh.")
            throw Error{"the squashfs file holds " + quoted(name) +
                        ", and names that begin with .wh. mean removals in layers of images; rename it"};
        return std::string{name};
    }

    void add_file(SquashfsBlocks::Metadata & rest, const Inode & inode, TarEntry & entry) {
        if (inode.size_bytes > limits_.max_layer_unpacked_bytes - written_)
            throw Error{"the squashfs file unpacks to more than " + std::to_string(limits_.max_layer_unpacked_bytes) +
                        " bytes"};
        written_ += inode.size_bytes;
        entry.size_bytes = inode.size_bytes;
        tar_.begin(entry);
        const std::uint32_t block_bytes = blocks_.super().block_bytes;
        std::uint64_t at = inode.first_block;
        std::uint64_t left = inode.size_bytes;
        while (left >= block_bytes || (left != 0 && inode.fragment == no_fragment)) {
            const auto stored = rest.number<std::uint32_t>();
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, block_bytes));
            if (stored == 0) { // a hole
                tar_.body(std::as_bytes(std::span{zeros_for(wanted)}));
            } else {
                const auto bytes = blocks_.data(at, stored);
                if (bytes.size() != wanted) throw BadSquashfs{"a block of " + quoted(entry.path) + " is too short"};
                tar_.body(std::as_bytes(bytes));
                at += stored & ((1U << 24U) - 1);
            }
            left -= wanted;
        }
        if (left != 0) {
            const auto bytes = blocks_.fragment(inode.fragment);
            if (inode.fragment_offset > bytes.size() || left > bytes.size() - inode.fragment_offset)
                throw BadSquashfs{"the end of " + quoted(entry.path) + " lies outside of its block"};
            tar_.body(std::as_bytes(bytes.subspan(inode.fragment_offset, static_cast<std::size_t>(left))));
        }
        tar_.pad(inode.size_bytes);
    }

    void add_symlink(SquashfsBlocks::Metadata & rest, const Inode & inode, TarEntry & entry) {
        if (inode.size_bytes == 0 || inode.size_bytes > limits_.max_path_bytes)
            throw BadSquashfs{"the symbolic link " + quoted(entry.path) + " has no text, or too long a one"};
        std::vector<std::uint8_t> text(static_cast<std::size_t>(inode.size_bytes));
        rest.read(text);
        if (std::find(text.begin(), text.end(), 0) != text.end())
            throw BadSquashfs{"the symbolic link " + quoted(entry.path) + " has a text that no path can have"};
        entry.type = '2';
        entry.link = {reinterpret_cast<const char *>(text.data()), text.size()};
        tar_.begin(entry);
    }

    std::span<const std::uint8_t> zeros_for(std::size_t bytes) {
        if (zeros_.size() < bytes) zeros_.resize(bytes);
        return std::span{zeros_}.first(bytes);
    }

    Inode read_inode(SquashfsBlocks::Metadata & from);

    SquashfsBlocks blocks_;
    const layers::Limits & limits_;
    TarStream tar_;
    std::vector<Directory> stack_;
    std::unordered_set<std::uint64_t> directories_;
    std::unordered_map<std::uint64_t, std::string> linked_; ///< the first path of files with several
    std::vector<std::uint8_t> zeros_;
    std::uint64_t entries_ = 0;
    std::uint64_t listed_ = 0;
    std::uint64_t written_ = 0;
};

/** Up to where the lists of blocks and the texts of links follow. The members' order is that of the format. */
Inode Walk::read_inode(SquashfsBlocks::Metadata & from) {
    Inode inode;
    const auto type = from.number<std::uint16_t>();
    inode.mode = from.number<std::uint16_t>() & 07777U;
    inode.uid = blocks_.owner(from.number<std::uint16_t>());
    inode.gid = blocks_.owner(from.number<std::uint16_t>());
    inode.mtime = from.number<std::uint32_t>();
    (void)from.number<std::uint32_t>(); // its number
    switch (type) {
    case 1:
        inode.kind = Inode::Kind::directory;
        inode.first_block = from.number<std::uint32_t>();
        (void)from.number<std::uint32_t>();
        inode.size_bytes = from.number<std::uint16_t>();
        inode.offset = from.number<std::uint16_t>();
        break;
    case 8:
        inode.kind = Inode::Kind::directory;
        (void)from.number<std::uint32_t>();
        inode.size_bytes = from.number<std::uint32_t>();
        inode.first_block = from.number<std::uint32_t>();
        (void)from.number<std::uint32_t>();
        (void)from.number<std::uint16_t>();
        inode.offset = from.number<std::uint16_t>();
        break;
    case 2:
        inode.kind = Inode::Kind::file;
        inode.first_block = from.number<std::uint32_t>();
        inode.fragment = from.number<std::uint32_t>();
        inode.fragment_offset = from.number<std::uint32_t>();
        inode.size_bytes = from.number<std::uint32_t>();
        break;
    case 9:
        inode.kind = Inode::Kind::file;
        inode.first_block = from.number<std::uint64_t>();
        inode.size_bytes = from.number<std::uint64_t>();
        (void)from.number<std::uint64_t>();
        inode.links = from.number<std::uint32_t>();
        inode.fragment = from.number<std::uint32_t>();
        inode.fragment_offset = from.number<std::uint32_t>();
        (void)from.number<std::uint32_t>();
        break;
    case 3:
    case 10:
        inode.kind = Inode::Kind::symlink;
        inode.links = from.number<std::uint32_t>();
        inode.size_bytes = from.number<std::uint32_t>();
        break;
    case 4:
    case 5:
    case 11:
    case 12:
        inode.kind = Inode::Kind::device;
        inode.links = from.number<std::uint32_t>();
        break;
    case 6:
    case 13:
        inode.kind = Inode::Kind::fifo;
        inode.links = from.number<std::uint32_t>();
        break;
    case 7:
    case 14:
        inode.kind = Inode::Kind::socket;
        break;
    default:
        throw BadSquashfs{"an inode has the type " + std::to_string(type) + ", which there is not"};
    }
    return inode;
}

} // namespace

void squashfs_to_tar(int fd, std::uint64_t size_bytes, const layers::Limits & limits, const TarOutput & output) {
    Walk{fd, size_bytes, limits, output}.run();
}

} // namespace shifter::squash
