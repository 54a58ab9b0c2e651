#include "layers/tree.hpp"

#include <cstring>
#include <functional>

namespace shifter::layers {
namespace {

std::uint32_t hash_of(NodeIndex parent, std::string_view name) {
    const std::uint64_t mixed = std::hash<std::string_view>{}(name) ^ (parent * UINT64_C(0x9e3779b97f4a7c15));
    return static_cast<std::uint32_t>((mixed * UINT64_C(0xff51afd7ed558ccd)) >> 32U);
}

} // namespace

Tree::Tree() : table_(64, none) {
    Node top;
    top.kind = Node::Kind::directory;
    top.name = store("");
    nodes_.push_back(top); // never looked up by name
}

NodeIndex Tree::find(NodeIndex parent, std::string_view name) const {
    const std::uint32_t hash = hash_of(parent, name);
    const std::size_t mask = table_.size() - 1;
    for (std::size_t slot = hash & mask; table_[slot] != none; slot = (slot + 1) & mask) {
        const Node & candidate = nodes_[table_[slot]];
        if (candidate.hash == hash && candidate.parent == parent && text(candidate.name) == name) return table_[slot];
    }
    return none;
}

NodeIndex Tree::add(NodeIndex parent, std::string_view name) {
    if (std::size_t{nodes_.size()} * 4 >= table_.size() * 3) grow_table();
    Node child;
    child.parent = parent;
    child.name = store(name);
    child.hash = hash_of(parent, name);
    child.next_sibling = nodes_[parent].first_child;
    const NodeIndex index = nodes_.push_back(child);
    nodes_[parent].first_child = index;
    insert_in_table(index);
    return index;
}

void Tree::insert_in_table(NodeIndex index) {
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = nodes_[index].hash & mask;
    while (table_[slot] != none) slot = (slot + 1) & mask;
    table_[slot] = index;
}

void Tree::grow_table() {
    const std::size_t size = table_.size() * 2;
    table_ = {}; // the old one first: both at once would be the peak
    table_.assign(size, none);
    for (NodeIndex index = 1; index < nodes_.size(); ++index) insert_in_table(index);
}

InodeIndex Tree::resolve(InodeIndex index) const {
    while (inodes_[index].state == Inode::State::forwarded) index = inodes_[index].content;
    return index;
}

std::uint32_t Tree::store(std::string_view text) {
    const auto length = static_cast<std::uint16_t>(text.size());
    constexpr std::size_t piece = std::size_t{1} << arena_log2;
    if (arena_used_ + sizeof length + text.size() > piece) {
        if (arena_.size() == (std::size_t{1} << (32U - arena_log2)))
            throw std::length_error{"the image has too many names"};
        arena_.push_back(std::make_unique<char[]>(piece));
        arena_used_ = 0;
    }
    char * const place = arena_.back().get() + arena_used_;
    std::memcpy(place, &length, sizeof length);
    std::memcpy(place + sizeof length, text.data(), text.size());
    const std::size_t offset = ((arena_.size() - 1) << arena_log2) + arena_used_;
    arena_used_ += sizeof length + text.size();
    return static_cast<std::uint32_t>(offset);
}

std::string_view Tree::text(std::uint32_t offset) const {
    const char * const place = arena_[offset >> arena_log2].get() + (offset & ((1U << arena_log2) - 1));
    std::uint16_t length = 0;
    std::memcpy(&length, place, sizeof length);
    return {place + sizeof length, length};
}

std::uint32_t Tree::store_xattrs(XattrList list) {
    const auto [place, is_new] =
        xattr_index_.try_emplace(std::move(list), static_cast<std::uint32_t>(xattr_lists_.size()));
    if (is_new) xattr_lists_.push_back(&place->first);
    return place->second;
}

} // namespace shifter::layers
