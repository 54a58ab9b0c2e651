#include "layers/tree_merger.hpp"

#include "base/error.hpp"
#include "layers/bad_layer.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace shifter::layers {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view aufs_prefix = ".wh..wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return {{}, path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

bool has_component_with(std::string_view path, std::string_view prefix) {
    return path.starts_with(prefix) || path.find("/" + std::string{prefix}) != std::string_view::npos;
}

} // namespace

TreeMerger::TreeMerger(Tree & tree, TreeSink & sink, const Policy & policy, const Limits & limits)
    : tree_{tree}, sink_{sink}, policy_{policy}, limits_{limits} {}

bool TreeMerger::merge(EntrySource & reader, std::uint16_t layer) {
    layer_ = layer;
    entry_number_ = 0;
    hidden_.clear();
    lower_paths_.clear();
    missed_.clear();
    layer_names_[layer] = reader.name();
    LayerEntry entry;
    while (reader.next(entry)) {
        if (++entries_ > limits_.max_entries)
            throw Error{"cannot unpack " + reader.name() + ": the image has more than " +
                        std::to_string(limits_.max_entries) + " entries"};
        has_passed_body_ = false;
        try {
            add(entry, reader);
        } catch (const BadLayer & error) {
            throw Error{"cannot unpack " + reader.name() + ": entry " + quoted(entry.path) + ": " + error.what()};
        }
        pass_hidden_body(entry, reader);
        ++entry_number_;
    }
    end_layer();
    return !missed_.empty();
}

// ---------------------------------------------------------------------------------------------- entries

void TreeMerger::add(LayerEntry & entry, EntrySource & reader) {
    const auto [parent, name] = split_path(entry.path);
    if (name == opaque_name) return add_opaque(parent);
    // Other names of this form are notes that AUFS made for itself.
    if (has_component_with(entry.path, aufs_prefix)) return;
    if (has_component_with(entry.path, whiteout_prefix)) {
        const std::string_view hidden = name.starts_with(whiteout_prefix) ? name.substr(whiteout_prefix.size()) : "";
        if (hidden.empty() || hidden == "." || hidden == ".." || entry.kind == LayerEntry::Kind::directory ||
            has_component_with(parent, whiteout_prefix))
            throw BadLayer{"it is no valid whiteout"};
        return add_whiteout(parent.empty() ? std::string{hidden} : std::string{parent} + "/" + std::string{hidden});
    }
    if (entry.kind == LayerEntry::Kind::directory) return add_directory(entry);
    if (entry.path.empty()) throw BadLayer{"the root of the image has to be a directory"};
    add_leaf(entry, reader);
}

void TreeMerger::add_whiteout(std::string_view path) {
    cut_off(path, true);
    const auto [parent_path, name] = split_path(path);
    const NodeIndex parent = enter(parent_path, Node::Kind::phantom);
    if (parent == none || layer_ < tree_.node(parent).closed_to_children) return;
    NodeIndex index = tree_.find(parent, name);
    if (index == none) index = tree_.add(parent, name);
    Node & node = tree_.node(index);
    switch (node.kind) {
    case Node::Kind::absent:
    case Node::Kind::phantom:
        node.kind = Node::Kind::whiteout;
        node.layer = layer_;
        break;
    case Node::Kind::directory: // made again by an upper layer, or by this one: closed to what lies below
        node.closed_to_children = std::max(node.closed_to_children, layer_);
        node.closed_to_self = std::max(node.closed_to_self, layer_);
        break;
    case Node::Kind::whiteout:
    case Node::Kind::leaf:
        break;
    }
}

void TreeMerger::add_opaque(std::string_view path) {
    cut_off(path, false);
    const NodeIndex index = enter(path, Node::Kind::phantom);
    if (index == none) return;
    Node & node = tree_.node(index);
    node.closed_to_children = std::max(node.closed_to_children, layer_);
}

void TreeMerger::add_directory(const LayerEntry & entry) {
    if (const auto waiting = waiting_.find(entry.path); waiting != waiting_.end())
        for (Waiter & waiter : waiting->second)
            if (waiter.layer > layer_) waiter.cut_off = true; // a hard link to a directory has no target
    if (awaited_.contains(entry.path))
        throw BadLayer{"it is a directory in the place of a file that an upper layer links to"};
    const auto [parent_path, name] = split_path(entry.path);
    NodeIndex index = Tree::root;
    if (!entry.path.empty()) {
        const NodeIndex parent = enter(parent_path, Node::Kind::directory);
        if (parent == none || layer_ < tree_.node(parent).closed_to_children) return;
        index = tree_.find(parent, name);
        // The last entry of a path counts: a directory may follow something else of its own layer.
        if (index != none && tree_.node(index).kind == Node::Kind::leaf && tree_.node(index).layer == layer_) {
            clear(index);
            make_directory(tree_.node(index), Node::Kind::directory);
            tree_.node(index).closed_to_children = tree_.node(index).closed_to_self = layer_;
        } else {
            if (index != none && tree_.node(index).replaced && tree_.node(index).closed_to_self == layer_)
                tree_.node(index).replaced = false;
            index = enter_child(parent, name, Node::Kind::directory);
        }
        if (index == none) return;
    }
    Node & node = tree_.node(index);
    if (layer_ < node.closed_to_self) return;
    if (node.inode == none)
        node.inode = tree_.add_inode();
    else if (node.described_by != layer_)
        return;
    node.described_by = layer_;
    Inode & inode = tree_.inode(node.inode);
    inode.state = Inode::State::directory;
    describe(inode, entry);
}

void TreeMerger::add_leaf(const LayerEntry & entry, EntrySource & reader) {
    cut_off(entry.path, false);
    const NodeIndex place = place_leaf(entry.path);
    const std::size_t hash = std::hash<std::string_view>{}(entry.path);
    if (place != none) hidden_.erase(hash);
    const bool seen = place != none || is_awaited(entry.path);
    Source source{Source::Kind::passed_over, entry_number_};
    if (entry.kind == LayerEntry::Kind::device) {
        // It hides what lies below, as it would if it could stay.
        if (place != none) ++dropped_.devices;
        source = Source{Source::Kind::dropped};
    } else if (entry.kind == LayerEntry::Kind::hard_link) {
        source = link_source(entry, seen);
    } else if (seen) {
        source = Source{Source::Kind::inode, tree_.add_inode()};
        fill(source.value, entry, reader);
    }
    if (seen) settle_awaited(entry.path, source);
    if (place == none || source.kind == Source::Kind::dropped) hidden_.insert_or_assign(hash, source);
    if (place == none) return;
    if (source.kind == Source::Kind::inode)
        stand_for(place, source.value);
    else
        tree_.node(place).kind = Node::Kind::whiteout;
}

// ---------------------------------------------------------------------------------------------- the tree

NodeIndex TreeMerger::enter(std::string_view path, Node::Kind made_as) {
    NodeIndex index = Tree::root;
    while (!path.empty() && index != none) {
        const std::size_t slash = path.find('/');
        index = enter_child(index, path.substr(0, slash), made_as);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return index;
}

NodeIndex TreeMerger::enter_child(NodeIndex parent, std::string_view name, Node::Kind made_as) {
    if (layer_ < tree_.node(parent).closed_to_children) return none;
    NodeIndex index = tree_.find(parent, name);
    if (index == none) index = tree_.add(parent, name);
    Node & node = tree_.node(index);
    switch (node.kind) {
    case Node::Kind::absent:
        make_directory(node, made_as);
        break;
    case Node::Kind::phantom:
        if (made_as == Node::Kind::directory) {
            node.kind = Node::Kind::directory;
            node.layer = layer_;
        }
        break;
    case Node::Kind::directory:
        if (node.replaced && node.closed_to_self == layer_)
            throw BadLayer{"its path goes through " + quoted(name) + ", which is no directory in the same layer"};
        break;
    case Node::Kind::whiteout:
        if (node.layer != layer_) return none;
        make_directory(node, made_as);
        node.closed_to_children = node.closed_to_self = layer_;
        break;
    case Node::Kind::leaf:
        if (node.layer != layer_) return none;
        throw BadLayer{"its path goes through " + quoted(name) + ", which is no directory in the same layer"};
    }
    return index;
}

NodeIndex TreeMerger::place_leaf(std::string_view path) {
    const auto [parent_path, name] = split_path(path);
    const NodeIndex parent = enter(parent_path, Node::Kind::directory);
    if (parent == none || layer_ < tree_.node(parent).closed_to_children) return none;
    NodeIndex index = tree_.find(parent, name);
    if (index == none) index = tree_.add(parent, name);
    Node & node = tree_.node(index);
    const bool of_upper_layer =
        node.layer != layer_ && node.kind != Node::Kind::absent && node.kind != Node::Kind::phantom;
    if (of_upper_layer) {
        if (node.kind == Node::Kind::directory && layer_ >= node.closed_to_self) {
            // What stood here in this layer was replaced by a directory further up; with it went all that lies below.
            take_back(index);
            node.closed_to_children = node.closed_to_self = layer_;
            node.replaced = true;
        }
        return none;
    }
    clear(index);
    node.kind = Node::Kind::leaf;
    node.layer = layer_;
    return index;
}

void TreeMerger::make_directory(Node & node, Node::Kind kind) {
    node.kind = kind;
    node.layer = layer_;
    node.inode = none;
    node.described_by = node.closed_to_children = node.closed_to_self = 0;
    node.replaced = false;
}

/** Makes a node, and all beneath it, absent. */
void TreeMerger::clear(NodeIndex index) {
    Node & node = tree_.node(index);
    if (node.kind == Node::Kind::leaf && node.inode != none) --tree_.inode(tree_.resolve(node.inode)).links;
    for (NodeIndex child = node.first_child; child != none; child = tree_.node(child).next_sibling)
        if (tree_.node(child).kind != Node::Kind::absent) clear(child);
    node.kind = Node::Kind::absent;
    node.inode = none;
}

/** Takes back what the current layer has added beneath a directory of an upper layer, and its description. */
void TreeMerger::take_back(NodeIndex directory) {
    Node & node = tree_.node(directory);
    if (node.inode != none && node.described_by == layer_) node.inode = none;
    for (NodeIndex child = node.first_child; child != none; child = tree_.node(child).next_sibling) {
        if (tree_.node(child).kind == Node::Kind::absent) continue;
        if (tree_.node(child).layer == layer_)
            clear(child);
        else if (tree_.node(child).kind == Node::Kind::directory)
            take_back(child);
    }
}

// ---------------------------------------------------------------------------------------------- inodes

void TreeMerger::stand_for(NodeIndex place, InodeIndex inode) {
    tree_.node(place).inode = inode;
    ++tree_.inode(tree_.resolve(inode)).links;
}

void TreeMerger::describe(Inode & inode, const LayerEntry & entry) {
    std::uint32_t mode = entry.mode;
    if ((mode & 06000U) != 0) ++dropped_.setid;
    mode &= ~06000U;
    if (!policy_.keep_modes) {
        const bool executable = entry.kind == LayerEntry::Kind::directory || (mode & 0111U) != 0;
        mode |= executable ? 0755U : 0644U;
    }
    // Linux gives every symbolic link this mode.
    if (entry.kind == LayerEntry::Kind::symlink) mode = 0777;
    inode.mode = static_cast<std::uint16_t>(mode);
    inode.uid = policy_.keep_owners ? entry.uid : 0;
    inode.gid = policy_.keep_owners ? entry.gid : 0;
    inode.mtime =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(entry.mtime, 0, 0xffffffff)); // all that squashfs can say
    XattrList kept;
    for (const auto & attribute : entry.xattrs) {
        if (policy_.user_xattrs && attribute.first.starts_with("user.") && attribute.first.size() > 5)
            kept.push_back(attribute);
        else
            ++dropped_.xattrs;
    }
    inode.xattrs = kept.empty() ? none : tree_.store_xattrs(std::move(kept));
}

void TreeMerger::fill(InodeIndex index, const LayerEntry & entry, EntrySource & reader) {
    index = tree_.resolve(index);
    Inode & inode = tree_.inode(index);
    describe(inode, entry);
    switch (entry.kind) {
    case LayerEntry::Kind::symlink:
        inode.state = Inode::State::symlink;
        inode.content = tree_.store(entry.link);
        break;
    case LayerEntry::Kind::fifo:
        inode.state = Inode::State::fifo;
        break;
    default:
        inode.state = Inode::State::file;
        if (entry.size_bytes > limits_.max_unpacked_bytes - unpacked_bytes_)
            throw Error{"cannot unpack " + reader.name() + ": the image has more than " +
                        std::to_string(limits_.max_unpacked_bytes) + " bytes of files"};
        unpacked_bytes_ += entry.size_bytes;
        if (entry.size_bytes == 0) return;
        has_passed_body_ = true;
        if (BodySink * const body = sink_.begin_file(index, entry.size_bytes)) {
            reader.read_body(*body);
            sink_.end_file();
        }
    }
}

void TreeMerger::pass_hidden_body(const LayerEntry & entry, EntrySource & reader) {
    if (has_passed_body_ || entry.kind != LayerEntry::Kind::file || entry.size_bytes == 0) return;
    if (BodySink * const body = sink_.begin_hidden_file(entry.size_bytes)) {
        reader.read_body(*body);
        sink_.end_file();
    }
}

} // namespace shifter::layers
