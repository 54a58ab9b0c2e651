// A hostile image of up to three layers: compressed bytes in, a tree out. Layers are separated by "\n--layer--\n", the
// lowest first. Beyond not crashing, what comes out is a tree: no odd names, no set-id bits, no devices, no more bytes
// than the limits allow, every link resolved; and a reader that gets the stream byte by byte sees the same.
#include "base/error.hpp"
#include "layers/decompressor.hpp"
#include "layers/layer_reader.hpp"
#include "layers/tree_merger.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace shifter;
using namespace shifter::layers;

constexpr std::uint64_t max_bytes = 1U << 20U;

class View : public oci::ByteSource {
public:
    View(std::string_view bytes, std::size_t step) : bytes_{bytes}, step_{step} {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = std::min({buffer.size(), step_, bytes_.size()});
        if (count != 0) std::memcpy(buffer.data(), bytes_.data(), count);
        bytes_.remove_prefix(count);
        return count;
    }

private:
    std::string_view bytes_;
    std::size_t step_;
};

struct Sink : TreeSink, BodySink {
    explicit Sink(Tree & merged) : tree{merged} {}
    BodySink * begin_file(InodeIndex inode, std::uint64_t size) override {
        promised = size;
        received = 0;
        tree.inode(inode).content = 0;
        return this;
    }
    BodySink * begin_hidden_file(std::uint64_t) override { return nullptr; }
    void end_file() override {
        if (received != promised) std::abort();
        total += received;
        if (total > max_bytes) std::abort();
    }
    void data(std::span<const std::byte> bytes) override {
        for (const std::byte b : bytes) sum = sum * 31 + std::to_integer<unsigned>(b);
        received += bytes.size();
    }
    void hole(std::uint64_t bytes) override { received += bytes; }
    Tree & tree;
    std::uint64_t promised = 0;
    std::uint64_t received = 0;
    std::uint64_t total = 0;
    std::uint64_t sum = 0;
};

/** The stream without its compression, cut at a limit as the decoder cuts it. */
std::string decoded(std::string_view bytes, std::size_t step) {
    View source{bytes, step};
    const auto decompressor = open_decompressor(source, [] {});
    std::string result;
    std::vector<std::byte> buffer(step * 100);
    for (std::size_t count = 0; (count = decompressor->read(buffer)) != 0;) {
        result.append(reinterpret_cast<const char *>(buffer.data()), count);
        if (result.size() > max_bytes) throw Error{"too large"};
    }
    return result;
}

void check_tree(const Tree & tree, NodeIndex directory, std::string & all) {
    for (NodeIndex index = tree.node(directory).first_child; index != none; index = tree.node(index).next_sibling) {
        const Node & node = tree.node(index);
        if (node.kind != Node::Kind::directory && node.kind != Node::Kind::leaf) continue;
        const std::string_view name = tree.name(index);
        if (name.empty() || name.size() > 255 || name == "." || name == ".." || name.find('/') != name.npos ||
            name.find('\0') != name.npos)
            std::abort();
        if (name.starts_with(".wh.")) std::abort();
        all.append(name).append(1, '\0');
        if (node.kind == Node::Kind::directory) {
            if (node.inode != none && tree.inode(node.inode).state != Inode::State::directory) std::abort();
            check_tree(tree, index, all);
            continue;
        }
        const Inode & inode = tree.inode(tree.resolve(node.inode));
        if (inode.state == Inode::State::pending || inode.state == Inode::State::directory) std::abort();
        if (inode.state != Inode::State::dropped && inode.links == 0) std::abort();
        if ((inode.mode & ~01777U) != 0) std::abort();
        all += std::to_string(static_cast<int>(inode.state)) + " " + std::to_string(inode.links) + " " +
               std::to_string(inode.mode) + "\n";
    }
}

/** What the image is, as a text; or the sentence with which it was refused. */
std::string unpack(const std::vector<std::string_view> & layers, std::size_t step) {
    Limits limits;
    limits.max_entries = 2000;
    limits.max_unpacked_bytes = max_bytes;
    limits.max_header_bytes = 64U << 10U;
    Tree tree;
    Sink sink{tree};
    TreeMerger merger{tree, sink, {.keep_owners = true, .keep_modes = true, .user_xattrs = true}, limits};
    try {
        for (std::size_t layer = layers.size(); layer-- != 0;) {
            const std::string archive = decoded(layers[layer], step);
            const auto reader = [&](std::size_t & begin) {
                return LayerReader{"layer",
                                   [&archive, &begin, step]() -> std::span<const std::byte> {
                                       const auto piece =
                                           std::as_bytes(std::span{archive})
                                               .subspan(begin, std::min(step * 7, archive.size() - begin));
                                       begin += piece.size();
                                       return piece;
                                   },
                                   limits};
            };
            std::size_t begin = 0;
            LayerReader first = reader(begin);
            if (merger.merge(first, static_cast<std::uint16_t>(layer))) {
                std::size_t again = 0;
                LayerReader second = reader(again);
                merger.fetch_missed(second);
            }
        }
        merger.finish();
    } catch (const Error & error) {
        return error.what();
    }
    std::string all = std::to_string(sink.sum) + "\n";
    check_tree(tree, Tree::root, all);
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char *>(data), size};
    constexpr std::string_view separator = "\n--layer--\n";
    std::vector<std::string_view> layers;
    while (layers.size() < 2 && rest.find(separator) != std::string_view::npos) {
        layers.push_back(rest.substr(0, rest.find(separator)));
        rest.remove_prefix(layers.back().size() + separator.size());
    }
    layers.push_back(rest);
    const std::string slow = unpack(layers, 13);
    const std::string fast = unpack(layers, 65536);
    // A damaged stream may be found out sooner or later, in other words; but both find it out.
    if (slow != fast && slow.find('\n') != std::string::npos) std::abort();
    if (slow != fast && fast.find('\n') != std::string::npos) std::abort();
    return 0;
}
