#include "layers/tree_merger.hpp"

#include "base/error.hpp"
#include "layers/layer_reader.hpp"
#include "support/tar_writer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace shifter::layers;
using tests::TarWriter;

namespace {

struct MemorySink : TreeSink, BodySink {
    BodySink * begin_file(InodeIndex inode, std::uint64_t) override {
        current = inode;
        ++bodies_read;
        return this;
    }
    BodySink * begin_hidden_file(std::uint64_t) override { return nullptr; }
    void end_file() override {}
    void data(std::span<const std::byte> bytes) override {
        bodies[current].append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    }
    void hole(std::uint64_t bytes) override { bodies[current].append(bytes, '\0'); }
    std::map<InodeIndex, std::string> bodies;
    InodeIndex current = none;
    unsigned bodies_read = 0;
};

struct Merged {
    Tree tree;
    MemorySink sink;
    Dropped dropped;
    unsigned second_passes = 0;
};

/** Merges layers that are given lowest first. */
void merge(Merged & merged, const std::vector<std::string> & archives, const Policy & policy, const Limits & limits) {
    TreeMerger merger{merged.tree, merged.sink, policy, limits};
    for (std::size_t layer = archives.size(); layer-- != 0;) {
        const auto make_reader = [&](bool & given) {
            return LayerReader{"layer " + std::to_string(layer),
                               [&given, &archive = archives[layer]]() -> std::span<const std::byte> {
                                   return std::exchange(given, true) ? std::span<const std::byte>{}
                                                                     : std::as_bytes(std::span{archive});
                               },
                               limits};
        };
        bool given = false;
        LayerReader reader = make_reader(given);
        if (merger.merge(reader, static_cast<std::uint16_t>(layer))) {
            ++merged.second_passes;
            given = false;
            LayerReader second = make_reader(given);
            merger.fetch_missed(second);
        }
    }
    merger.finish();
    merged.dropped = merger.dropped();
}

/** One line for each path, sorted: "path/ 755", "path=body", "path->target", with "(n links)" where there are several.
 */
std::set<std::string> lines(const Merged & merged) {
    std::set<std::string> result;
    const auto walk = [&](const auto & self, NodeIndex directory, const std::string & prefix) -> void {
        for (NodeIndex index = merged.tree.node(directory).first_child; index != none;
             index = merged.tree.node(index).next_sibling) {
            const Node & node = merged.tree.node(index);
            const std::string path = prefix + std::string{merged.tree.name(index)};
            if (node.kind == Node::Kind::directory) {
                result.insert(path + "/" + (node.inode == none ? " implied" : ""));
                self(self, index, path + "/");
            } else if (node.kind == Node::Kind::leaf) {
                const InodeIndex number = merged.tree.resolve(node.inode);
                const Inode & inode = merged.tree.inode(number);
                if (inode.state == Inode::State::dropped) continue;
                std::string line = path;
                if (inode.state == Inode::State::symlink)
                    line += "->" + std::string{merged.tree.text(inode.content)};
                else if (inode.state == Inode::State::fifo)
                    line += "|";
                else if (inode.state == Inode::State::file)
                    line += "=" + (merged.sink.bodies.contains(number) ? merged.sink.bodies.at(number) : "");
                else
                    line += "?";
                if (inode.links != 1) line += " (" + std::to_string(inode.links) + " links)";
                result.insert(line);
            }
        }
    };
    walk(walk, Tree::root, "");
    return result;
}

using Lines = std::set<std::string>;

Lines merged(const std::vector<std::string> & archives, const Policy & policy = {}, const Limits & limits = {}) {
    Merged result;
    merge(result, archives, policy, limits);
    return lines(result);
}

TarWriter tar() { return TarWriter{}; }

} // namespace

TEST_CASE("the uppermost layer's file is the one that is seen, and the others' bodies are never read") {
    Merged result;
    merge(result, {tar().directory("d").file("d/a", "old").file("d/b", "b").end(), tar().file("d/a", "new").end()}, {},
          {});
    CHECK(lines(result) == Lines{"d/", "d/a=new", "d/b=b"});
    CHECK(result.sink.bodies_read == 2);
}

TEST_CASE("a whiteout hides a file of a lower layer, and not one of its own") {
    const bool before = GENERATE(true, false);
    TarWriter upper;
    if (before)
        upper.whiteout("d/", "a").file("d/a", "new");
    else
        upper.file("d/a", "new").whiteout("d/", "a");
    CHECK(merged({tar().directory("d").file("d/a", "old").end(), upper.end()}) == Lines{"d/", "d/a=new"});
    CHECK(merged({tar().file("d/a", "old").file("b", "b").end(), tar().whiteout("d/", "a").end()}) ==
          Lines{"d/ implied", "b=b"});
    CHECK(merged({tar().directory("d").file("d/a", "old").end(), tar().whiteout("", "d").end()}) == Lines{});
}

TEST_CASE("an opaque directory hides what lies below it, and nothing of its own layer, whatever the order") {
    const bool before = GENERATE(true, false);
    TarWriter upper;
    if (before)
        upper.directory("d").opaque("d").file("d/new", "n").file("d/s/x", "x");
    else
        upper.directory("d").file("d/new", "n").file("d/s/x", "x").opaque("d");
    CHECK(merged({tar().directory("d").file("d/a", "old").file("d/s/y", "y").file("e", "e").end(), upper.end()}) ==
          Lines{"d/", "d/new=n", "d/s/ implied", "d/s/x=x", "e=e"});
    CHECK(merged({tar().file("a", "old").end(), tar().file(".wh..wh..opq").file("b", "b").end()}) == Lines{"b=b"});
}

TEST_CASE("a whiteout of a directory that an upper layer has made again closes it, and does not remove it") {
    const std::string bottom =
        tar().directory("doc").file("doc/old", "old").directory("doc/sub").file("doc/sub/x", "x").end();
    const std::string again = tar().directory("doc").file("doc/new", "new").end();
    CHECK(merged({bottom, tar().whiteout("", "doc").end(), again}) == Lines{"doc/", "doc/new=new"});
    CHECK(merged({bottom, tar().whiteout("", "doc").end(), tar().file("doc/sub/new", "new").end()}) ==
          Lines{"doc/ implied", "doc/sub/ implied", "doc/sub/new=new"});
    CHECK(merged({bottom, tar().opaque("doc").end(), again}) == Lines{"doc/", "doc/new=new"});
    CHECK(merged({bottom, tar().whiteout("", "doc").file("doc/mid", "mid").end(), again}) ==
          Lines{"doc/", "doc/new=new", "doc/mid=mid"});
}

TEST_CASE("a directory takes its mode from the uppermost layer that describes it, implied ones from below") {
    Merged result;
    merge(result,
          {tar().directory("d", 0700).directory("e", 0711).end(), tar().directory("d", 0750).file("e/x", "x").end()},
          {.keep_modes = true}, {});
    CHECK(lines(result) == Lines{"d/", "e/", "e/x=x"});
    CHECK(result.tree.inode(result.tree.node(result.tree.find(Tree::root, "d")).inode).mode == 0750);
    CHECK(result.tree.inode(result.tree.node(result.tree.find(Tree::root, "e")).inode).mode == 0711);
    // What a whiteout took away does not describe what came later.
    CHECK(merged({tar().directory("d", 0700).end(), tar().whiteout("", "d").end(), tar().file("d/x", "x").end()}) ==
          Lines{"d/ implied", "d/x=x"});
}

TEST_CASE("a path may change its type from layer to layer, and what that removes stays removed") {
    const std::string directory = tar().directory("p").file("p/low", "low").end();
    const std::string file = tar().file("p", "file").end();
    const std::string link = tar().symlink("p", "elsewhere").end();
    const std::string again = tar().directory("p").file("p/high", "high").end();
    CHECK(merged({directory, file}) == Lines{"p=file"});
    CHECK(merged({directory, link}) == Lines{"p->elsewhere"});
    CHECK(merged({file, directory}) == Lines{"p/", "p/low=low"});
    CHECK(merged({link, directory}) == Lines{"p/", "p/low=low"});
    CHECK(merged({directory, file, again}) == Lines{"p/", "p/high=high"});
    CHECK(merged({directory, link, again}) == Lines{"p/", "p/high=high"});
    CHECK(merged({directory, file, tar().file("p/high", "high").end()}) == Lines{"p/ implied", "p/high=high"});
}

TEST_CASE("I21: a path through a symbolic link is not followed") {
    // In a lower layer, the link gives way to a directory; in the same one, the layer is refused.
    CHECK(merged({tar().symlink("etc", "/tmp").directory("tmp").end(), tar().file("etc/passwd", "p").end()}) ==
          Lines{"etc/ implied", "etc/passwd=p", "tmp/"});
    CHECK_THROWS_WITH(merged({tar().symlink("etc", "/tmp").file("etc/passwd", "p").end()}),
                      "cannot unpack layer 0: entry \"etc/passwd\": its path goes through \"etc\", which is no "
                      "directory in the same layer");
    CHECK_THROWS_WITH(merged({tar().file("f", "f").directory("f/d").end()}),
                      Catch::EndsWith("which is no directory in the same layer"));
    CHECK_THROWS_WITH(merged({tar().symlink("etc", "/tmp").file("etc/x").end(), tar().directory("etc").end()}),
                      Catch::EndsWith("which is no directory in the same layer"));
}

TEST_CASE("of duplicates in one layer the last one wins, as in tar") {
    CHECK(merged({tar().file("a", "1").file("a", "2").end()}) == Lines{"a=2"});
    CHECK(merged({tar().file("a", "1").symlink("a", "b").end()}) == Lines{"a->b"});
    CHECK(merged({tar().file("a", "1").directory("a").file("a/b", "b").end()}) == Lines{"a/", "a/b=b"});
    CHECK(merged({tar().directory("a").file("a/b", "b").file("a", "2").end()}) == Lines{"a=2"});
    CHECK(merged({tar().file("a/low", "low").end(), tar().file("a", "1").directory("a").end()}) == Lines{"a/"});
    CHECK(merged({tar().file("a", "1").hard_link("b", "a").file("a", "2").end()}) == Lines{"a=2", "b=1"});
    CHECK(merged({tar().directory("a").file("a/b", "b").file("a", "2").end(), tar().file("a/up", "up").end()}) ==
          Lines{"a/ implied", "a/up=up"});
}

TEST_CASE("hard links within a layer are one file") {
    CHECK(merged({tar().file("a", "x").hard_link("b", "a").hard_link("d/c", "b").end()}) ==
          Lines{"a=x (3 links)", "b=x (3 links)", "d/ implied", "d/c=x (3 links)"});
    CHECK(merged({tar().symlink("a", "x").hard_link("b", "a").end()}) == Lines{"a->x (2 links)", "b->x (2 links)"});
}

TEST_CASE("a hard link to a file of a lower layer is that file") {
    CHECK(merged({tar().file("a", "x").end(), tar().hard_link("b", "a").end()}) ==
          Lines{"a=x (2 links)", "b=x (2 links)"});
    CHECK(merged({tar().file("a", "x").end(), tar().end(),
                  tar().hard_link("b", "a").hard_link("c", "a").hard_link("d", "b").end()}) ==
          Lines{"a=x (4 links)", "b=x (4 links)", "c=x (4 links)", "d=x (4 links)"});
    CHECK(merged({tar().file("a", "x").end(), tar().hard_link("b", "a").end(), tar().hard_link("c", "b").end()}) ==
          Lines{"a=x (3 links)", "b=x (3 links)", "c=x (3 links)"});
    CHECK(merged({tar().file("a", "x").hard_link("b", "a").end(), tar().hard_link("c", "b").end()}) ==
          Lines{"a=x (3 links)", "b=x (3 links)", "c=x (3 links)"});
    CHECK(merged({tar().file("a", "x").end(), tar().hard_link("b", "a").end(), tar().hard_link("c", "a").end()}) ==
          Lines{"a=x (3 links)", "b=x (3 links)", "c=x (3 links)"});
}

TEST_CASE("a hard link keeps its content when upper layers hide or replace its target") {
    const std::string low = tar().file("a", "x").end();
    const std::string linked = tar().hard_link("b", "a").end();
    CHECK(merged({low, linked, tar().whiteout("", "a").end()}) == Lines{"b=x"});
    CHECK(merged({low, linked, tar().file("a", "new").end()}) == Lines{"a=new", "b=x"});
    CHECK(merged({low, tar().hard_link("b", "a").whiteout("", "a").end()}) == Lines{"b=x"});
    CHECK(merged({low, tar().hard_link("b", "a").hard_link("c", "a").end(),
                  tar().whiteout("", "b").file("a", "new").end()}) == Lines{"a=new", "c=x"});
    CHECK(merged({tar().file("a", "1").hard_link("l", "a").file("a", "2").end(), linked}) ==
          Lines{"a=2 (2 links)", "b=2 (2 links)", "l=1"});
    CHECK(merged({tar().file("a", "1").file("a", "2").end(), linked, tar().whiteout("", "a").end()}) == Lines{"b=2"});
    CHECK(merged({low, linked, tar().hard_link("c", "b").whiteout("", "b").end(), tar().whiteout("", "a").end()}) ==
          Lines{"c=x"});
}

TEST_CASE("a body that was passed over as hidden is fetched when a link of the same layer turns out to need it") {
    Merged result;
    merge(result,
          {tar().file("a", "x").file("other", "o").hard_link("b", "a").hard_link("c", "b").end(),
           tar().file("a", "new").whiteout("", "b").end()},
          {}, {});
    CHECK(lines(result) == Lines{"a=new", "c=x", "other=o"});
    CHECK(result.second_passes == 1);
    Merged none_needed;
    merge(none_needed, {tar().file("a", "x").hard_link("b", "a").end(), tar().whiteout("", "b").end()}, {}, {});
    CHECK(lines(none_needed) == Lines{"a=x"});
    CHECK(none_needed.second_passes == 0);
    CHECK(merged({tar().symlink("a", "t").hard_link("b", "a").hard_link("c", "a").end(),
                  tar().whiteout("", "a").end()}) == Lines{"b->t (2 links)", "c->t (2 links)"});
}

TEST_CASE("a hard link without a target is refused, and the layer is named") {
    auto [layers, message] = GENERATE(table<std::vector<std::string>, std::string>({
        {{tar().hard_link("b", "a").end()},
         "cannot unpack layer 0: entry \"b\": it is a hard link to \"a\", which neither its layer nor a layer below "
         "holds"},
        {{tar().end(), tar().hard_link("b", "a").end()},
         "cannot unpack layer 1: it has a hard link to \"a\", which neither it nor a layer below it holds"},
        {{tar().end(), tar().hard_link("b", "a").file("a", "late").end()},
         "cannot unpack layer 1: it has a hard link to \"a\", which neither it nor a layer below it holds"},
        {{tar().file("a").end(), tar().whiteout("", "a").end(), tar().hard_link("b", "a").end()},
         "cannot unpack layer 2: it has a hard link to \"a\", which layer 1 below it removes"},
        {{tar().file("d/a").end(), tar().opaque("d").end(), tar().hard_link("b", "d/a").end()},
         "cannot unpack layer 2: it has a hard link to \"d/a\", which layer 1 below it removes"},
        {{tar().file("d/a").end(), tar().symlink("d", "x").end(), tar().hard_link("b", "d/a").end()},
         "cannot unpack layer 2: it has a hard link to \"d/a\", which layer 1 below it removes"},
        {{tar().directory("a").hard_link("b", "a").end()},
         "cannot unpack layer 0: entry \"b\": it is a hard link to the directory \"a\""},
        {{tar().directory("a").end(), tar().hard_link("b", "a").end()},
         "cannot unpack layer 1: it has a hard link to \"a\", which layer 0 below it removes"},
        {{tar().hard_link("a", "a").end()}, "cannot unpack layer 0: entry \"a\": it is a hard link to itself"},
    }));
    CHECK_THROWS_WITH(merged(layers), message);
}

TEST_CASE("I22: devices are dropped and counted, and hide what lay below, FIFOs are kept") {
    Merged result;
    merge(result,
          {tar().file("null", "old").file("dev/x", "x").end(), tar()
                                                                   .directory("dev")
                                                                   .add({.type = '3', .name = "null"})
                                                                   .add({.type = '4', .name = "dev/sda"})
                                                                   .hard_link("dev/linked", "null")
                                                                   .add({.type = '6', .name = "p"})
                                                                   .end()},
          {}, {});
    CHECK(lines(result) == Lines{"dev/", "dev/x=x", "p|"});
    CHECK(result.dropped.devices == 2);
    CHECK(merged({tar().add({.type = '3', .name = "null"}).end(), tar().hard_link("n", "null").file("f").end()}) ==
          Lines{"f="});
}

TEST_CASE("I22: set-id bits and privileged attributes are dropped and counted, the rest is as the policy says") {
    const std::string archive = tar()
                                    .pax({{"SCHILY.xattr.security.capability", "c"},
                                          {"SCHILY.xattr.trusted.t", "t"},
                                          {"SCHILY.xattr.system.posix_acl_access", "s"},
                                          {"SCHILY.xattr.user.u", "u"}})
                                    .add({.name = "f", .mode = 06711, .uid = 7, .gid = 8})
                                    .directory("d", 03700)
                                    .file("g", "", 0600)
                                    .symlink("s", "t")
                                    .end();
    const auto inode_of = [](const Merged & result, const char * name) {
        return result.tree.inode(result.tree.node(result.tree.find(Tree::root, name)).inode);
    };
    Merged kept;
    merge(kept, {archive}, {.keep_owners = true, .keep_modes = true, .user_xattrs = true}, {});
    CHECK(inode_of(kept, "f").mode == 0711);
    CHECK(inode_of(kept, "f").uid == 7);
    CHECK(inode_of(kept, "f").gid == 8);
    CHECK(inode_of(kept, "d").mode == 01700);
    CHECK(inode_of(kept, "g").mode == 0600);
    CHECK(inode_of(kept, "s").mode == 0777);
    CHECK(kept.dropped.setid == 2);
    CHECK(kept.dropped.xattrs == 3);
    REQUIRE(kept.tree.xattrs().size() == 1);
    CHECK(*kept.tree.xattrs()[0] == XattrList{{"user.u", "u"}});
    Merged shared;
    merge(shared, {archive}, {}, {});
    CHECK(inode_of(shared, "f").mode == 0755);
    CHECK(inode_of(shared, "f").uid == 0);
    CHECK(inode_of(shared, "f").gid == 0);
    CHECK(inode_of(shared, "d").mode == 01755);
    CHECK(inode_of(shared, "g").mode == 0644);
    CHECK(shared.dropped.xattrs == 4);
    CHECK(shared.tree.xattrs().empty());
}

TEST_CASE("AUFS' own notes are skipped, other odd whiteouts are refused") {
    CHECK(merged({tar()
                      .file(".wh..wh.aufs")
                      .directory(".wh..wh.plnk")
                      .file(".wh..wh.plnk/1.2", "x")
                      .file("a", "a")
                      .end()}) == Lines{"a=a"});
    const std::string name = GENERATE("d/.wh.", ".wh..", ".wh...", ".wh.d/file");
    CHECK_THROWS_WITH(merged({tar().file(name).end()}), Catch::EndsWith("it is no valid whiteout"));
    CHECK_THROWS_WITH(merged({tar().directory(".wh.d").end()}), Catch::EndsWith("it is no valid whiteout"));
}

TEST_CASE("a whiteout beneath something that is no directory further down does not hide that") {
    CHECK(merged({tar().file("a", "file").end(), tar().whiteout("a/", "b").end()}) == Lines{"a=file"});
    CHECK(merged({tar().end(), tar().whiteout("a/", "b").end()}) == Lines{});
    CHECK(merged({tar().file("a/b", "b").file("a/c", "c").end(), tar().whiteout("a/", "b").end()}) ==
          Lines{"a/ implied", "a/c=c"});
}

TEST_CASE("the root of an image is a directory") {
    CHECK_THROWS_WITH(merged({tar().symlink("./", "x").end()}),
                      Catch::EndsWith("the root of the image has to be a directory"));
    Merged result;
    merge(result, {tar().directory("./", 0700).end(), tar().directory("/", 0750).end()}, {.keep_modes = true}, {});
    CHECK(result.tree.inode(result.tree.node(Tree::root).inode).mode == 0750);
}

TEST_CASE("I23: entries and bytes of an image have limits on both sides") {
    Limits limits;
    limits.max_entries = 3;
    limits.max_unpacked_bytes = 10;
    CHECK_NOTHROW(
        merged({tar().file("a", "12345").end(), tar().file("b", "12345").whiteout("", "c").end()}, {}, limits));
    CHECK_THROWS_WITH(merged({tar().file("a").file("b").end(), tar().file("c").file("d").end()}, {}, limits),
                      "cannot unpack layer 0: the image has more than 3 entries");
    CHECK_THROWS_WITH(merged({tar().file("a", "12345").end(), tar().file("b", "123456").end()}, {}, limits),
                      "cannot unpack layer 0: the image has more than 10 bytes of files");
    // Holes count as what they unpack to.
    const std::string sparse = tar().pax({{"GNU.sparse.size", "11"}, {"GNU.sparse.map", ""}}).file("s").end();
    CHECK_THROWS_WITH(merged({sparse}, {}, limits), "cannot unpack layer 0: the image has more than 10 bytes of files");
}
