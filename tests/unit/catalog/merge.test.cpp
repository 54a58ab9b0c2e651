#include "catalog/merge.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;

TEST_CASE("I33: private content is for its puller alone unless he names readers (H7-16, H7-9)") {
    const Image merged = merge(std::nullopt, key, image('a', true, {{1001, {}}}));
    CHECK(merged.may_read(person(1001)));
    CHECK_FALSE(merged.may_read(person(1002))); // of the same primary group
    const Image shared = merge(std::nullopt, key, image('a', true, {{1001, {{1002}, {500}}}}));
    CHECK(shared.may_read(person(1002)));
    CHECK(shared.may_read({1003, 500, {}}));
    CHECK(shared.acl() == Acl{{1001, 1002}, {500}});
}

TEST_CASE("I34: a second owner of the same content changes nothing of the first one's readers (H7-10, H7-11)") {
    const Image first = merge(std::nullopt, key, image('a', true, {{1001, {{1005}, {}}}}));
    const Image both = merge(first, key, image('a', true, {{1002, {}}}));
    CHECK(both.acl() == Acl{{1001, 1002, 1005}, {}});
    const Image again = merge(both, key, image('a', true, {{1001, {}}}));
    CHECK(again.acl() == both.acl());
    const Image changed = merge(both, key, image('a', true, {{1001, {{1006}, {}}}}));
    CHECK(changed.acl() == Acl{{1001, 1002, 1006}, {}});
}

TEST_CASE("content that was read without credentials is public, its private tags stay hidden (I33)") {
    const ImageKey open{"alpha", ImageType::docker, "mirror/app:1"};
    const Image secret = merge(std::nullopt, key, image('a', true, {{1001, {}}}));
    const Image merged = merge(secret, open, image('a'));
    CHECK_FALSE(merged.is_private);
    CHECK(merged.acl().is_public());
    CHECK(as_seen_by(person(1002), merged)->tags == std::vector<std::string>{"mirror/app:1"});
    CHECK(as_seen_by(person(1001), merged)->tags == std::vector<std::string>{"mirror/app:1", "org/app:1"});
    CHECK_FALSE(merged.may_see_tag(person(1002), "org/app:1"));
}

TEST_CASE("a tag keeps the index that it named last, and who may not see the tag does not see its index (I33)") {
    const auto with_index = [](Image pulled, const std::string & tag, const std::string & digest) {
        pulled.indexes = {{tag, digest}};
        return pulled;
    };
    const ImageKey open{"alpha", ImageType::docker, "mirror/app:1"};
    const Image secret = merge(std::nullopt, key, with_index(image('a', true, {{1001, {}}}), key.tag, "sha256:1"));
    const Image both = merge(secret, open, with_index(image('a'), open.tag, "sha256:2"));
    CHECK(both.indexes == std::vector<TagIndex>{{open.tag, "sha256:2"}, {key.tag, "sha256:1"}});
    CHECK(as_seen_by(person(1002), both)->indexes == std::vector<TagIndex>{{open.tag, "sha256:2"}});
    CHECK(as_seen_by(person(1001), both)->indexes == both.indexes);
    CHECK(merge(both, open, with_index(image('a'), open.tag, "sha256:3")).index_of(open.tag) == "sha256:3");
    CHECK(merge(both, open, image('a')).indexes ==
          std::vector<TagIndex>{{key.tag, "sha256:1"}}); // an image by itself now
}

TEST_CASE("an image that its registry has closed is private from the next pull on, unless it is public elsewhere") {
    const Image open = merge(std::nullopt, key, image('a'));
    CHECK(merge(open, key, image('a', true, {{1001, {}}})).is_private);
    const Image twice = merge(open, {"alpha", ImageType::docker, "other:1"}, image('a'));
    CHECK_FALSE(merge(twice, key, image('a', true, {{1001, {}}})).is_private);
}

TEST_CASE("what a conversion left out stays known when the image is pulled again without one") {
    Image converted = image('a');
    converted.dropped = Dropped{.devices = 0, .setid_bits = 2, .xattrs = 0};
    CHECK(merge(converted, key, image('a')).dropped == converted.dropped);
    Image again = image('a');
    again.dropped = Dropped{};
    CHECK(merge(converted, key, again).dropped == Dropped{});
}
