// The part of TreeMerger that knows hard links: where their targets are, and what waits for what.
#include "base/error.hpp"
#include "layers/bad_layer.hpp"
#include "layers/tree_merger.hpp"

#include <algorithm>
#include <functional>

namespace shifter::layers {
namespace {

constexpr std::size_t max_waiting_bytes = 64U << 20U; // names of targets that links wait for

} // namespace

/**
 * What a hard link is: an inode, or something dropped. If the link itself is not `seen`, nothing is fetched or waited
 * for on its behalf; it is remembered as what its target is, since a later link of this layer may name it.
 */
TreeMerger::Source TreeMerger::link_source(const LayerEntry & entry, bool seen) {
    if (entry.link == entry.path) throw BadLayer{"it is a hard link to itself"};
    Source source = source_of(entry.link);
    if (source.kind == Source::Kind::directory)
        throw BadLayer{"it is a hard link to the directory " + quoted(entry.link)};
    if (source.kind == Source::Kind::lower && layer_ == 0)
        throw BadLayer{"it is a hard link to " + quoted(entry.link) +
                       ", which neither its layer nor a layer below holds"};
    if (source.kind == Source::Kind::lower && source.value == none) {
        count_waiting(entry.link.size());
        lower_paths_.push_back(entry.link);
        source.value = static_cast<std::uint32_t>(lower_paths_.size() - 1);
    }
    if (!seen || source.kind == Source::Kind::dropped || source.kind == Source::Kind::inode) return source;
    InodeIndex inode = none;
    if (source.kind == Source::Kind::passed_over) {
        const auto [missed, is_new] = missed_.try_emplace(source.value, none);
        if (is_new) missed->second = tree_.add_inode();
        inode = missed->second;
    } else {
        inode = tree_.add_inode();
        const std::string & target = lower_paths_[source.value];
        count_waiting(target.size() + sizeof(Waiter));
        waiting_[target].push_back({inode, layer_});
    }
    // Further links of this layer to the same target are the same file.
    const Source found{Source::Kind::inode, inode};
    hidden_.insert_or_assign(std::hash<std::string_view>{}(entry.link), found);
    return found;
}

TreeMerger::Source TreeMerger::source_of(std::string_view path) const {
    if (const auto hidden = hidden_.find(std::hash<std::string_view>{}(path)); hidden != hidden_.end())
        return hidden->second;
    NodeIndex index = Tree::root;
    for (std::string_view rest = path; !rest.empty() && index != none;) {
        const std::size_t slash = rest.find('/');
        index = tree_.find(index, rest.substr(0, slash));
        rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    }
    if (index != none) {
        const Node & node = tree_.node(index);
        if (node.kind == Node::Kind::leaf && node.layer == layer_) return {Source::Kind::inode, node.inode};
        const bool described = node.kind == Node::Kind::directory && node.inode != none && node.described_by == layer_;
        if (path.empty() || described) return {Source::Kind::directory};
    }
    return {Source::Kind::lower};
}

bool TreeMerger::is_awaited(std::string_view path) const {
    if (awaited_.contains(path)) return true;
    const auto found = waiting_.find(path);
    return found != waiting_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                  [&](const Waiter & waiter) { return waiter.layer > layer_; });
}

/** The links of upper layers to `path` have their target, until the layer ends or has another entry of that path. */
void TreeMerger::settle_awaited(const std::string & path, Source source) {
    if (const auto settled = awaited_.find(path); settled != awaited_.end()) settled->second.target = source;
    const auto found = waiting_.find(path);
    if (found == waiting_.end()) return;
    std::vector<Waiter> & waiters = found->second;
    for (const Waiter & waiter : waiters) {
        if (waiter.layer <= layer_) continue;
        Awaited & awaited = awaited_.try_emplace(path, Awaited{none, source}).first->second;
        if (awaited.inode == none)
            awaited.inode = waiter.inode;
        else
            forward(waiter.inode, awaited.inode);
        waiting_bytes_ -= path.size() + sizeof(Waiter);
    }
    std::erase_if(waiters, [&](const Waiter & waiter) { return waiter.layer > layer_; });
    if (waiters.empty()) waiting_.erase(found);
}

void TreeMerger::count_waiting(std::size_t bytes) {
    waiting_bytes_ += bytes;
    if (waiting_bytes_ > max_waiting_bytes) throw BadLayer{"too many hard links wait for their targets"};
}

/** Something of the current layer hides `path` (if `itself`) and all beneath it from the layers above. */
void TreeMerger::cut_off(std::string_view path, bool itself) {
    if (waiting_.empty()) return;
    const auto mark = [&](std::vector<Waiter> & waiters) {
        for (Waiter & waiter : waiters) waiter.cut_off = waiter.cut_off || waiter.layer > layer_;
    };
    if (itself)
        if (const auto found = waiting_.find(path); found != waiting_.end()) mark(found->second);
    const std::string beneath = path.empty() ? std::string{} : std::string{path} + "/";
    for (auto found = waiting_.lower_bound(beneath); found != waiting_.end() && found->first.starts_with(beneath);
         ++found)
        mark(found->second);
}

/** Own entries of a layer stand beside its whiteouts, whatever their order: so targets are missed only now. */
void TreeMerger::end_layer() {
    for (const auto & [path, waiters] : waiting_)
        for (const Waiter & waiter : waiters)
            if (waiter.cut_off)
                throw Error{"cannot unpack " + layer_names_[waiter.layer] + ": it has a hard link to " + quoted(path) +
                            ", which " + layer_names_[layer_] + " below it removes"};
    for (const auto & [path, awaited] : awaited_) {
        if (awaited.target.kind == Source::Kind::inode)
            forward(awaited.inode, awaited.target.value);
        else
            tree_.inode(tree_.resolve(awaited.inode)).state = Inode::State::dropped;
    }
    awaited_.clear();
    for (const std::string & path : lower_paths_) waiting_bytes_ -= path.size();
    lower_paths_.clear();
    hidden_.clear();
}

void TreeMerger::forward(InodeIndex from, InodeIndex to) {
    from = tree_.resolve(from);
    to = tree_.resolve(to);
    if (from == to) return;
    tree_.inode(to).links += tree_.inode(from).links;
    tree_.inode(from).state = Inode::State::forwarded;
    tree_.inode(from).content = to;
}

void TreeMerger::fetch_missed(EntrySource & reader) {
    LayerEntry entry;
    for (std::uint32_t number = 0; reader.next(entry); ++number) {
        has_passed_body_ = false;
        if (const auto missed = missed_.find(number); missed != missed_.end()) fill(missed->second, entry, reader);
        pass_hidden_body(entry, reader);
    }
    missed_.clear();
}

void TreeMerger::finish() {
    if (waiting_.empty()) return;
    const auto & [path, waiters] = *waiting_.begin();
    throw Error{"cannot unpack " + layer_names_[waiters.front().layer] + ": it has a hard link to " + quoted(path) +
                ", which neither it nor a layer below it holds"};
}

} // namespace shifter::layers
