// Records that are written once, and who gets which.
#include "api/record_texts.hpp"
#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;

TEST_CASE("a record that is kept is the one that would be written") {
    RecordTexts texts;
    const auto image = std::make_shared<const catalog::Image>(samples::image('a'));
    const auto held = image; // as the catalog holds what it gives to several
    for (const RecordParts & parts : {RecordParts{}, RecordParts{.owner = false}, RecordParts{.layers = true}})
        for (int times = 0; times < 2; ++times) CHECK(texts.of(image, parts) == image_record(*image, parts));
}

TEST_CASE("another image at the address of one that is gone has a record of its own") {
    RecordTexts texts;
    for (const char digit : {'a', 'b', 'c', 'd'}) {
        // Not by make_shared, whose memory would stay as long as anybody remembers it.
        const catalog::SharedImage image{new catalog::Image{samples::image(digit)}};
        const auto held = image;
        CHECK(texts.of(image, {}).find(std::string(64, digit)) != std::string::npos);
    }
}

TEST_CASE("R16: so many records are kept, of so many bytes, and all are right") {
    RecordTexts texts;
    std::vector<catalog::SharedImage> images;
    for (std::size_t i = 0; i < RecordTexts::most_texts + 2; ++i) {
        catalog::Image image = samples::image('a');
        image.tags = {"org/app:" + std::to_string(i)};
        if (i % 100 == 0) image.config.labels = {{"text", std::string(RecordTexts::most_bytes_of_one, 'x')}};
        images.push_back(std::make_shared<const catalog::Image>(image));
    }
    for (int times = 0; times < 2; ++times)
        for (const auto & image : images) REQUIRE(texts.of(image, {}) == image_record(*image));
}

TEST_CASE("I33: of one image each caller is told the tags that are his to see, lookup after lookup") {
    Gateway gateway;
    (void)gateway.publish({"alpha", ImageType::docker, "org/open:1"}, 'a');
    (void)gateway.publish({"alpha", ImageType::docker, "org/secret:1"}, 'a', 1001, true);
    const auto tags_for = [&](const std::string & caller) {
        return json_of(gateway.get("/api/lookup/alpha/docker/org/open:1", caller))["tag"];
    };
    for (int times = 0; times < 3; ++times) {
        CHECK(tags_for(ann) == nlohmann::json{"org/open:1", "org/secret:1"});
        CHECK(tags_for(bob) == nlohmann::json{"org/open:1"});
    }
    gateway.catalog->set_grants("alpha", samples::id_of('a'), {{1002, {}}}, gateway.now);
    CHECK(tags_for(bob) == nlohmann::json{"org/open:1", "org/secret:1"});
    CHECK(tags_for(ann) == nlohmann::json{"org/open:1"});
}
