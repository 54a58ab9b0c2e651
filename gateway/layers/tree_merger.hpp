/**
 * @file
 * Merges the layers of one image into a Tree, from the top layer down, so that the body of a file that an upper layer
 * hides is never looked at.
 *
 * Rules: OCI Image Specification v1.1, "Image Layer Filesystem Changeset". The result is that of applying the layers
 * from the bottom up; docs/explanation/layers.md has what that takes in this direction, and where the text leaves a
 * choice. Nothing is ever followed: a symbolic link is a leaf, and paths are names in the tree (I21).
 */
#pragma once

#include "layers/layer_entry.hpp"
#include "layers/limits.hpp"
#include "layers/tree.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shifter::layers {

/** Where the bodies of files go, in the order in which they come. */
class TreeSink {
public:
    virtual ~TreeSink() = default;
    /**
     * The body of `inode` follows, if the sink returns something to take it. The sink sets Inode::content when it likes,
     * at the latest when all has been merged.
     */
    [[nodiscard]] virtual BodySink * begin_file(InodeIndex inode, std::uint64_t size_bytes) = 0;
    /** The body of a file that the tree does not show, or already has. All files with a body come by here or above. */
    [[nodiscard]] virtual BodySink * begin_hidden_file(std::uint64_t size_bytes) = 0;
    /** After a body that was taken. */
    virtual void end_file() = 0;
};

/** What becomes of owners, modes and extended attributes; set-id bits and privileged attributes go always (I22). */
struct Policy {
    bool keep_owners = false; ///< else 0:0
    bool keep_modes = false;  ///< else a+rX,u+w
    bool user_xattrs = false; ///< keep those of the namespace user.
};

/** What was left out of the tree. */
struct Dropped {
    std::uint64_t devices = 0;
    std::uint64_t setid = 0;
    std::uint64_t xattrs = 0;
};

class TreeMerger {
public:
    TreeMerger(Tree & tree, TreeSink & sink, const Policy & policy, const Limits & limits);

    /**
     * Adds the layer below those that were added before.
     *
     * @param layer  its place in the manifest, 0 is the lowest
     * @return       true if a second pass over this same layer is needed (by `fetch_missed`): a hard link of it turned
     *               out to need a body that had been passed over as hidden
     * @throws Error naming the layer
     */
    [[nodiscard]] bool merge(EntrySource & reader, std::uint16_t layer);
    void fetch_missed(EntrySource & reader);
    /** After the lowest layer. @throws Error  when a hard link has no target */
    void finish();

    [[nodiscard]] const Dropped & dropped() const noexcept { return dropped_; }
    [[nodiscard]] std::uint64_t unpacked_bytes() const noexcept { return unpacked_bytes_; }

private:
    /** What a path of the current layer stands for, where the tree does not show it. */
    struct Source {
        enum class Kind { inode, passed_over, lower, dropped, directory } kind;
        std::uint32_t value = none; ///< the inode; the number of the entry; the index of the path in lower_paths_
    };
    struct Waiter {
        InodeIndex inode;
        std::uint16_t layer;  ///< that holds the hard link: its target lies below
        bool cut_off = false; ///< the current layer removes the target
    };

    /** Links of upper layers that have found their target in this layer. */
    struct Awaited {
        InodeIndex inode;
        Source target;
    };

    void add(LayerEntry & entry, EntrySource & reader);
    void add_whiteout(std::string_view path);
    void add_opaque(std::string_view path);
    void add_directory(const LayerEntry & entry);
    void add_leaf(const LayerEntry & entry, EntrySource & reader);
    [[nodiscard]] Source link_source(const LayerEntry & entry, bool seen);

    /** The directory `path`, made if need be; `none` if an upper layer hides it. */
    [[nodiscard]] NodeIndex enter(std::string_view path, Node::Kind made_as);
    [[nodiscard]] NodeIndex enter_child(NodeIndex parent, std::string_view name, Node::Kind made_as);
    /** Where a leaf of the current layer may stand, emptied; `none` if an upper layer hides it. */
    [[nodiscard]] NodeIndex place_leaf(std::string_view path);
    void make_directory(Node & node, Node::Kind kind);
    void clear(NodeIndex index);
    void take_back(NodeIndex directory);

    [[nodiscard]] Source source_of(std::string_view path) const;
    [[nodiscard]] bool is_awaited(std::string_view path) const;
    void settle_awaited(const std::string & path, Source source);
    void count_waiting(std::size_t bytes);
    void cut_off(std::string_view path, bool itself);
    void end_layer();

    void describe(Inode & inode, const LayerEntry & entry);
    void fill(InodeIndex index, const LayerEntry & entry, EntrySource & reader);
    void stand_for(NodeIndex place, InodeIndex inode);
    void pass_hidden_body(const LayerEntry & entry, EntrySource & reader);
    void forward(InodeIndex from, InodeIndex to);

    Tree & tree_;
    TreeSink & sink_;
    Policy policy_;
    Limits limits_;
    Dropped dropped_;
    std::uint64_t entries_ = 0;
    std::uint64_t unpacked_bytes_ = 0;

    std::uint16_t layer_ = 0;
    std::uint32_t entry_number_ = 0;
    bool has_passed_body_ = false; ///< the sink has seen the current entry's body
    std::unordered_map<std::size_t, Source> hidden_; ///< by hash of the path: entries of this layer that no one sees
    std::vector<std::string> lower_paths_;
    std::map<std::uint32_t, InodeIndex> missed_;                      ///< by entry number, for the second pass
    std::map<std::string, std::vector<Waiter>, std::less<>> waiting_; ///< hard links by the path of their target
    std::map<std::string, Awaited, std::less<>> awaited_;             ///< by path, of this layer
    std::size_t waiting_bytes_ = 0;
    std::map<std::uint16_t, std::string> layer_names_;
};

} // namespace shifter::layers
