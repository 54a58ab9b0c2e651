#include "client/layer_tree.hpp"

#include "client/format.hpp"

#include <algorithm>

namespace shifter::client {
namespace {

TreeNode & child_for(std::vector<TreeNode> & siblings, const LayerLine & layer) {
    const auto found = std::find_if(siblings.begin(), siblings.end(),
                                    [&](const TreeNode & each) { return each.digest == layer.digest; });
    if (found != siblings.end()) return *found;
    return siblings.emplace_back(TreeNode{.digest = layer.digest, .size_bytes = layer.size_bytes});
}

std::string joined(const std::vector<std::string> & words) {
    std::string text;
    for (const std::string & word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string name_of(const TreeNode & node) {
    return node.digest.empty() ? "imported" : short_digest(node.digest) + "  " + human_size(node.size_bytes);
}

void write_lines(const std::vector<TreeNode> & nodes, const std::string & indent, bool is_top, std::string & text) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const TreeNode & node = nodes[i];
        const bool is_last = i + 1 == nodes.size();
        text += indent;
        if (!is_top) text += is_last ? "`-- " : "|-- ";
        text += name_of(node);
        if (!node.images.empty()) text += "  " + joined(node.images);
        text += '\n';
        write_lines(node.children, is_top ? indent : indent + (is_last ? "    " : "|   "), false, text);
    }
}

/** A text of the DOT language. */
std::string dot_text(std::string_view words) {
    std::string text = "\"";
    for (const char c : words) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + "\"";
}

/** `path`: where the node is, as "n0_2": one layer in two places is two boxes. */
void write_dot(const TreeNode & node, const std::string & path, std::string & text) {
    text += "  " + path + " [shape=box, label=" + dot_text(name_of(node)) + "];\n";
    for (std::size_t i = 0; i < node.images.size(); ++i) {
        const std::string image = path + "i" + std::to_string(i);
        text += "  " + image + " [label=" + dot_text(node.images[i]) + "];\n  " + path + " -> " + image + ";\n";
    }
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        const std::string child = path + "_" + std::to_string(i);
        write_dot(node.children[i], child, text);
        text += "  " + path + " -> " + child + ";\n";
    }
}

} // namespace

std::vector<TreeNode> layer_tree(const std::vector<ImageInfo> & images) {
    std::vector<TreeNode> roots;
    for (const ImageInfo & image : images) {
        std::vector<TreeNode> * siblings = &roots;
        TreeNode * node = nullptr;
        for (const LayerLine & layer : image.layers) {
            node = &child_for(*siblings, layer);
            siblings = &node->children;
        }
        if (node != nullptr)
            node->images.insert(node->images.end(), image.tags.begin(), image.tags.end());
        else
            roots.push_back({.digest = {}, .size_bytes = image.size_bytes, .images = image.tags});
    }
    return roots;
}

std::string tree_lines(const std::vector<TreeNode> & roots) {
    std::string text;
    write_lines(roots, "", true, text);
    return text;
}

std::string tree_for_dot(const std::vector<TreeNode> & roots) {
    std::string text = "digraph images {\n  rankdir=LR;\n";
    for (std::size_t i = 0; i < roots.size(); ++i) write_dot(roots[i], "n" + std::to_string(i), text);
    return text + "}\n";
}

} // namespace shifter::client
