#include "client/layer_tree.hpp"

#include <catch2/catch.hpp>

using namespace shifter::client;

namespace {

ImageInfo image(const std::string & tag, const std::string & layers) {
    ImageInfo info;
    info.tags = {tag};
    for (const char layer : layers)
        info.layers.push_back({.digest = "sha256:" + std::string(64, layer), .size_bytes = 1536});
    return info;
}

} // namespace

TEST_CASE("images that share their lowest layers share a branch") {
    const auto tree =
        layer_tree({image("base:1", "a"), image("app:1", "abc"), image("app:2", "abd"), image("other:1", "e")});
    CHECK(tree_lines(tree) == "aaaaaaaaaaaa  1.5KiB  base:1\n"
                              "`-- bbbbbbbbbbbb  1.5KiB\n"
                              "    |-- cccccccccccc  1.5KiB  app:1\n"
                              "    `-- dddddddddddd  1.5KiB  app:2\n"
                              "eeeeeeeeeeee  1.5KiB  other:1\n");
}

TEST_CASE("the same layer above others is another place, and equal images are one") {
    const auto tree = layer_tree({image("x:1", "ab"), image("y:1", "cb"), image("z:1", "ab")});
    CHECK(tree_lines(tree) == "aaaaaaaaaaaa  1.5KiB\n`-- bbbbbbbbbbbb  1.5KiB  x:1, z:1\n"
                              "cccccccccccc  1.5KiB\n`-- bbbbbbbbbbbb  1.5KiB  y:1\n");
    CHECK(tree_lines(layer_tree({image("imported:1", "")})) == "imported  imported:1\n");
    CHECK(tree_lines({}).empty());
}

TEST_CASE("dot gets boxes for layers, and no text can end its own") {
    const std::string text = tree_for_dot(layer_tree({image("a\"b:1", "a"), image("c:1", "ab")}));
    CHECK(text == "digraph images {\n  rankdir=LR;\n"
                  "  n0 [shape=box, label=\"aaaaaaaaaaaa  1.5KiB\"];\n"
                  "  n0i0 [label=\"a\\\"b:1\"];\n  n0 -> n0i0;\n"
                  "  n0_0 [shape=box, label=\"bbbbbbbbbbbb  1.5KiB\"];\n"
                  "  n0_0i0 [label=\"c:1\"];\n  n0_0 -> n0_0i0;\n"
                  "  n0 -> n0_0;\n}\n");
}
