#include "fault_site.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::registry;
using namespace shifter::registry::testing;

namespace {

using Clock = std::chrono::steady_clock;

std::string on_blob(const std::string & fault, const std::string & more = "") {
    return R"({"faults":[{"match":"blobs",)" + fault + "}]" + more + "}";
}

Failure read_layer(const FaultSite & site, const RegistryLimits & limits = quick_limits()) {
    RegistryClient client{site.location(), std::nullopt, limits, {}};
    return failure_of(site, [&] {
        const auto source = client.open_blob("team/app", site.layer_descriptor(), 1 << 20);
        const std::string got = read_all(*source);
        CHECK(got == site.layer());
    });
}

Failure failure(const FaultSite & site, Cause cause, const std::string & sentence) {
    return {cause, "cannot fetch " + site.layer_descriptor().digest.to_string() + " of team/app: " + sentence};
}

} // namespace

TEST_CASE("R8: a broken transfer goes on where it stopped") {
    const FaultSite site{on_blob(R"("times":2,"do":"truncate","bytes":100000)")};
    CHECK(read_layer(site) == Failure{});
    const auto asked = site.asked();
    REQUIRE(asked.size() == 3);
    CHECK(asked[0].range.empty());
    CHECK(asked[1].range == "bytes=100000-");
    CHECK(asked[2].range == "bytes=200000-");
}

TEST_CASE("R8: a registry that knows no ranges is read again, and what is known is skipped") {
    const std::string range = GENERATE(as<std::string>{}, R"(,"range":false)", "");
    const FaultSite site{
        R"({"faults":[{"match":"blobs","times":1,"do":"truncate","bytes":100000},{"match":"blobs","do":"no_range"}])" +
        range + "}"};
    std::uint64_t counted = 0;
    RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
    const auto source =
        client.open_blob("team/app", site.layer_descriptor(), 1 << 20, [&](std::uint64_t n) { counted += n; });
    CHECK(read_all(*source) == site.layer());
    CHECK(counted == site.layer().size()); // anew means anew
    CHECK(site.asked().size() == 2);
}

TEST_CASE("tries begin anew when a transfer made progress") {
    // Eleven breaks with 100,000 bytes between them, and never more than six tries in a row.
    const FaultSite site{on_blob(R"("times":11,"do":"truncate","bytes":100000)"), {.layer_bytes = 1'200'000}};
    CHECK(read_layer(site) == Failure{});
    CHECK(site.asked().size() == 12);
}

TEST_CASE("I30: a transfer that breaks after a trickle, again and again, is given up") {
    const FaultSite site{on_blob(R"("do":"truncate","bytes":10)")};
    CHECK(read_layer(site) ==
          failure(site, Cause::registry_fault, "127.0.0.1:MAIN broke the connection (tried 6 times)"));
    CHECK(site.asked().size() == 6);
}

TEST_CASE("I26: a blob of another size or digest is refused, and its end is never seen") {
    auto [fault, sentence, tries] = GENERATE(table<std::string, std::string, std::size_t>({
        {R"("do":"corrupt")", "the content that arrived has another digest", 1},
        {R"("do":"long","bytes":1)", "127.0.0.1:MAIN sent more than its 300000 bytes", 1},
        {R"("do":"long","bytes":1000000)", "127.0.0.1:MAIN sent more than its 300000 bytes", 1},
        {R"("do":"short","bytes":200000)", "127.0.0.1:MAIN has only 200000 of its 300000 bytes (tried 6 times)", 6},
        {R"("do":"short","bytes":0)", "127.0.0.1:MAIN has only 0 of its 300000 bytes (tried 6 times)", 6},
    }));
    INFO(fault);
    const FaultSite site{on_blob(fault)};
    RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
    const auto source = client.open_blob("team/app", site.layer_descriptor(), 64 << 10);
    bool saw_end = false;
    CHECK(failure_of(site, [&] {
              (void)read_all(*source);
              saw_end = true;
          }) == failure(site, Cause::bad_content, sentence));
    CHECK_FALSE(saw_end);
    CHECK(site.asked().size() == tries);
    CHECK(failure_of(site, [&] { (void)read_all(*source); }).cause == Cause::bad_content); // and stays refused
}

TEST_CASE("I26: a range that is not the one asked for is refused") {
    const FaultSite site{
        R"({"faults":[{"match":"blobs","times":1,"do":"truncate","bytes":100000},{"match":"blobs","do":"bad_range"}]})"};
    CHECK(read_layer(site) ==
          failure(site, Cause::bad_content, "127.0.0.1:MAIN sent another range than was asked for"));
}

TEST_CASE("R8: lasting faults end a transfer at once, passing ones do not") {
    auto [fault, cause, sentence, tries] = GENERATE(table<std::string, Cause, std::string, std::size_t>({
        {R"("do":"status","status":404)", Cause::not_found, "127.0.0.1:MAIN does not have it (404)", 1},
        {R"("do":"status","status":403)", Cause::denied,
         "127.0.0.1:MAIN refused access (403); log in with shifterimg login", 1},
        {R"("do":"status","status":500)", Cause::registry_fault, "127.0.0.1:MAIN answered 500 (tried 6 times)", 6},
        {R"("do":"drop")", Cause::registry_fault, "127.0.0.1:MAIN broke the connection (tried 6 times)", 6},
    }));
    INFO(fault);
    const FaultSite site{on_blob(fault)};
    CHECK(read_layer(site) == failure(site, cause, sentence));
    CHECK(site.asked().size() == tries);
}

TEST_CASE("I30: a transfer that stalls is broken off, and goes on with a new connection") {
    const FaultSite site{on_blob(R"("times":1,"do":"stall","bytes":150000,"seconds":20)")};
    const auto begin = Clock::now();
    CHECK(read_layer(site) == Failure{});
    CHECK(Clock::now() - begin < std::chrono::seconds{5});
    CHECK(site.asked().back().range == "bytes=150000-");
}

TEST_CASE("I30: a transfer slower than the stated rate is a stall") {
    const FaultSite site{on_blob(R"("do":"slow","bytes":100,"seconds":0.5)")};
    RegistryLimits limits = quick_limits();
    limits.attempts = 1;
    CHECK(read_layer(site, limits) == failure(site, Cause::unreachable, "127.0.0.1:MAIN did not answer in time"));
}

TEST_CASE("a reader that takes its time is no stall, and bounds what is buffered") {
    const FaultSite site{"{}", {.layer_bytes = 20'000'000}};
    RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
    std::atomic<std::uint64_t> arrived = 0;
    const std::size_t window = 256 << 10;
    const auto source =
        client.open_blob("team/app", site.layer_descriptor(), window, [&](std::uint64_t n) { arrived += n; });
    std::this_thread::sleep_for(std::chrono::milliseconds{2500}); // more than two stall timeouts
    CHECK(arrived <= window);
    CHECK(read_all(*source) == site.layer());
    CHECK(site.asked().size() == 1);
}

TEST_CASE("several blobs are read at once") {
    const FaultSite site{R"({"auth":{"kind":"bearer"}})"};
    RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
    std::vector<std::jthread> readers;
    std::atomic<int> good = 0;
    for (int i = 0; i < 8; ++i)
        readers.emplace_back([&] {
            const auto source = client.open_blob("team/app", site.layer_descriptor(), 128 << 10);
            good += read_all(*source) == site.layer() ? 1 : 0;
        });
    readers.clear();
    CHECK(good == 8);
    CHECK(site.asked("/token").size() == 1); // the others waited for it
}

TEST_CASE("a blob outlives its client, and one that nobody reads on ends at once") {
    const FaultSite site{on_blob(R"("skip":1,"do":"stall","bytes":10,"seconds":20)")};
    std::unique_ptr<oci::ByteSource> source;
    {
        RegistryClient client{site.location(), std::nullopt, quick_limits(), {}};
        source = client.open_blob("team/app", site.layer_descriptor(), 1 << 20);
    }
    CHECK(read_all(*source) == site.layer());
    RegistryClient client{site.location(), std::nullopt, {}, {}};
    source = client.open_blob("team/app", site.layer_descriptor(), 1 << 20);
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    const auto begin = Clock::now();
    source.reset();
    CHECK(Clock::now() - begin < std::chrono::seconds{1});
}

TEST_CASE("a stop ends a reader within a second, whether it waits or is waited for") {
    const std::string fault = GENERATE(as<std::string>{}, R"("do":"stall","bytes":10,"seconds":20)",
                                       R"("do":"slow","bytes":100000,"seconds":0)");
    const FaultSite site{on_blob(fault), {.layer_bytes = 2'000'000}};
    std::stop_source stop;
    RegistryClient client{site.location(), std::nullopt, {}, stop.get_token()};
    const auto source = client.open_blob("team/app", site.layer_descriptor(), 64 << 10);
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
    const auto begin = Clock::now();
    stop.request_stop();
    CHECK(failure_of(site, [&] { (void)read_all(*source); }) == failure(site, Cause::stopped, "it was stopped"));
    CHECK(Clock::now() - begin < std::chrono::seconds{1});
}
