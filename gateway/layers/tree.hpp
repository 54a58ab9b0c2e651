/**
 * @file
 * The tree that the layers add up to, in little memory: nodes (a name in a directory) and inodes (what a name stands
 * for) are numbered with 32 bits, names lie end to end. About 100 bytes for a path with a name of usual length.
 */
#pragma once

#include "layers/segmented.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shifter::layers {

using NodeIndex = std::uint32_t;
using InodeIndex = std::uint32_t;
inline constexpr std::uint32_t none = 0xffffffff;

struct Inode {
    enum class State : std::uint8_t {
        pending, ///< a hard link whose target has not come yet
        file,
        directory,
        symlink,
        fifo,
        forwarded, ///< turned out to be the same as inode `content`
        dropped,   ///< turned out to be something that no image keeps
    };

    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mtime = 0;
    std::uint32_t content = none; ///< file: whatever the TreeSink put here; symlink: offset of its text
    std::uint32_t xattrs = none;  ///< index for Tree::xattrs
    std::uint32_t links = 0;      ///< nodes that stand for it, forwarded ones not counted
    std::uint16_t mode = 0;       ///< 07777
    State state = State::pending;
};

struct Node {
    enum class Kind : std::uint8_t {
        absent,   ///< was here, and was taken back by the same layer
        whiteout, ///< nothing is here, and nothing of a lower layer may come
        phantom,  ///< a directory that only whiteouts have spoken of so far
        directory,
        leaf, ///< anything else
    };

    NodeIndex parent = none;
    NodeIndex first_child = none;
    NodeIndex next_sibling = none;
    std::uint32_t name = 0;
    std::uint32_t hash = 0;
    InodeIndex inode = none;              ///< none for a directory that no layer has described
    std::uint16_t layer = 0;              ///< that made it
    std::uint16_t described_by = 0;       ///< directory: the layer that its inode comes from
    std::uint16_t closed_to_children = 0; ///< directory: layers below this one add nothing to it (0: all may)
    std::uint16_t closed_to_self = 0;     ///< directory: layers below this one do not describe it
    Kind kind = Kind::absent;
    bool replaced = false; ///< directory: layer `closed_to_self` holds something else at this path
};

using XattrList = std::vector<std::pair<std::string, std::string>>;

class Tree {
public:
    static constexpr NodeIndex root = 0;

    Tree();

    [[nodiscard]] Node & node(NodeIndex index) { return nodes_[index]; }
    [[nodiscard]] const Node & node(NodeIndex index) const { return nodes_[index]; }
    [[nodiscard]] std::uint32_t node_count() const noexcept { return nodes_.size(); }
    [[nodiscard]] Inode & inode(InodeIndex index) { return inodes_[index]; }
    [[nodiscard]] const Inode & inode(InodeIndex index) const { return inodes_[index]; }
    [[nodiscard]] std::uint32_t inode_count() const noexcept { return inodes_.size(); }

    /** The child of that name, in whatever state, or `none`. */
    [[nodiscard]] NodeIndex find(NodeIndex parent, std::string_view name) const;
    /** A new child, absent still; there is none of that name. */
    NodeIndex add(NodeIndex parent, std::string_view name);
    InodeIndex add_inode() { return inodes_.push_back(Inode{}); }
    /** Where forwarding leads. */
    [[nodiscard]] InodeIndex resolve(InodeIndex index) const;

    [[nodiscard]] std::string_view name(NodeIndex index) const { return text(nodes_[index].name); }
    /** Stores a text for good (at most 65535 bytes). */
    std::uint32_t store(std::string_view text);
    [[nodiscard]] std::string_view text(std::uint32_t offset) const;

    /** Equal lists have one index. */
    std::uint32_t store_xattrs(XattrList list);
    [[nodiscard]] const std::vector<const XattrList *> & xattrs() const noexcept { return xattr_lists_; }

private:
    void grow_table();
    void insert_in_table(NodeIndex index);

    static constexpr std::size_t arena_log2 = 20;
    Segmented<Node> nodes_;
    Segmented<Inode> inodes_;
    std::vector<std::unique_ptr<char[]>> arena_;            ///< texts with two bytes of length in front
    std::size_t arena_used_ = std::size_t{1} << arena_log2; ///< of the last piece
    std::vector<NodeIndex> table_; ///< open addressing, a power of two, at most three quarters full
    std::map<XattrList, std::uint32_t> xattr_index_;
    std::vector<const XattrList *> xattr_lists_;
};

} // namespace shifter::layers
