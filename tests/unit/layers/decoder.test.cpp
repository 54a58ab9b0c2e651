#include "layers/decoder.hpp"

#include "base/error.hpp"
#include "support/layer_bytes.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <future>

using namespace tests;
using namespace shifter;
using layers::Decoder;

namespace {

struct Failing : oci::ByteSource {
    std::size_t read(std::span<std::byte>) override { throw std::invalid_argument{"the line is dead"}; }
};

Decoder::Layer layer(std::string bytes, const std::string & content) {
    return {"layer sha256:1234", oci::digest_of(content),
            [bytes = std::move(bytes)] { return std::make_unique<MemorySource>(bytes, 65536); }};
}

std::string read_all(Decoder & decoder) {
    std::string result;
    for (std::span<const std::byte> piece; !(piece = decoder.next({})).empty();)
        result.append(reinterpret_cast<const char *>(piece.data()), piece.size());
    return result;
}

} // namespace

TEST_CASE("a decoded layer is whole, also when it is larger than the queue") {
    const std::string content = noise(layers::chunk_bytes * (layers::chunks_per_layer + 3) + 17);
    Decoder decoder{layer(gzip(content), content), {}};
    CHECK(read_all(decoder) == content);
}

TEST_CASE("I26: a layer whose content does not have the promised diffID is refused at its end") {
    Decoder decoder{layer(gzip("content"), "other"), {}};
    CHECK(decoder.next({}).size() == 7);
    CHECK_THROWS_WITH(decoder.next({}), "cannot read layer sha256:1234: its content has the digest " +
                                            oci::digest_of("content").to_string() +
                                            ", but the image's configuration says " +
                                            oci::digest_of("other").to_string());
}

TEST_CASE("I23: a layer that unpacks to more than the limit is refused") {
    layers::Limits limits;
    const std::string content(3'000'000, '\0');
    limits.max_layer_unpacked_bytes = content.size();
    {
        Decoder decoder{layer(gzip(content), content), limits};
        CHECK(read_all(decoder).size() == content.size());
    }
    limits.max_layer_unpacked_bytes = content.size() - 1;
    Decoder decoder{layer(gzip(content), content), limits};
    CHECK_THROWS_WITH(read_all(decoder), "cannot read layer sha256:1234: it unpacks to more than 2999999 bytes");
}

TEST_CASE("a failure of the source comes through with its type and its words") {
    Decoder decoder{{"layer x", oci::digest_of(""), [] { return std::make_unique<Failing>(); }}, {}};
    CHECK_THROWS_AS(decoder.next({}), std::invalid_argument);
    Decoder unopened{{"layer x", oci::digest_of(""),
                      []() -> std::unique_ptr<oci::ByteSource> { throw std::out_of_range{"no such blob"}; }},
                     {}};
    CHECK_THROWS_AS(unopened.next({}), std::out_of_range);
}

TEST_CASE("a decoder that nobody reads ends at once when it is let go") {
    const std::string content = noise(layers::chunk_bytes * (layers::chunks_per_layer + 3));
    const auto begin = std::chrono::steady_clock::now();
    { Decoder decoder{layer(content, content), {}}; }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{5});
}

TEST_CASE("a reader that is stopped does not wait for bytes") {
    struct Waiting : oci::ByteSource {
        explicit Waiting(std::shared_future<void> may_end) : may_end_{std::move(may_end)} {}
        std::size_t read(std::span<std::byte>) override {
            may_end_.wait();
            return 0;
        }
        std::shared_future<void> may_end_;
    };
    std::promise<void> may_end;
    Decoder decoder{{"layer x", oci::digest_of(""),
                     [future = may_end.get_future().share()] { return std::make_unique<Waiting>(future); }},
                    {}};
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_WITH(decoder.next(stop.get_token()), "the conversion was stopped");
    may_end.set_value();
}
