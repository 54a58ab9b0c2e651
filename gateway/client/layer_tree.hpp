/**
 * @file
 * Which images share which layers: images as paths in a tree whose nodes are layers, the lowest at the root.
 */
#pragma once

#include "client/image_info.hpp"

#include <string>
#include <vector>

namespace shifter::client {

struct TreeNode {
    std::string digest; ///< of the layer
    std::uint64_t size_bytes = 0;
    std::vector<std::string> images = {}; ///< tags of the images that end here
    std::vector<TreeNode> children = {};  ///< in the order in which they were met
};

/** Images without layers (imported ones) are roots of their own, whose digest is empty. */
[[nodiscard]] std::vector<TreeNode> layer_tree(const std::vector<ImageInfo> & images);

/** For a terminal: one line for each layer, with what ends there. */
[[nodiscard]] std::string tree_lines(const std::vector<TreeNode> & roots);

/** For dot(1): layers are boxes, images ellipses. */
[[nodiscard]] std::string tree_for_dot(const std::vector<TreeNode> & roots);

} // namespace shifter::client
