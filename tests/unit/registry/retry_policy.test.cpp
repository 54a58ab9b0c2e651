#include "registry/retry_policy.hpp"
#include "registry/stall_watch.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shifter::registry;
using namespace std::chrono_literals;

namespace {

RegistryLimits limits() {
    RegistryLimits result;
    result.attempts = 6;
    result.first_delay = 200ms;
    result.max_delay = 30s;
    return result;
}

} // namespace

TEST_CASE("R8: delays double from the first to the longest, and up to half of each is left to chance") {
    auto [tries, random, delay] = GENERATE(table<unsigned, double, std::chrono::milliseconds>({
        {1, 0.0, 200ms},
        {1, 1.0, 100ms},
        {1, 0.5, 150ms},
        {2, 0.0, 400ms},
        {3, 0.0, 800ms},
        {5, 0.0, 3200ms},
        {5, 1.0, 1600ms},
    }));
    CHECK(next_delay(limits(), tries, std::nullopt, random) == delay);
}

TEST_CASE("R8: tries end") {
    CHECK(next_delay(limits(), 5, std::nullopt, 0).has_value());
    CHECK_FALSE(next_delay(limits(), 6, std::nullopt, 0).has_value());
    CHECK_FALSE(next_delay(limits(), 7, 1s, 0).has_value());
    RegistryLimits once = limits();
    once.attempts = 1;
    CHECK_FALSE(next_delay(once, 1, std::nullopt, 0).has_value());
}

TEST_CASE("R8: no delay is longer than the limit, also when the server asks for more") {
    RegistryLimits many = limits();
    many.attempts = 1000;
    CHECK(next_delay(many, 999, std::nullopt, 0) == 30s);
    CHECK(next_delay(limits(), 1, 86400s, 0) == 30s);
    CHECK(next_delay(limits(), 1, 31s, 0) == 30s);
    CHECK(next_delay(limits(), 1, 29s, 0) == 29s);
    CHECK(next_delay(limits(), 1, 0s, 0) == 200ms); // our own is the longer one
}

TEST_CASE("Retry-After is seconds or a date (RFC 9110, 10.2.3)") {
    constexpr std::time_t now = 784'111'777 - 60; // a minute before the RFC's example
    auto [text, seconds] = GENERATE(table<std::string, std::optional<std::chrono::seconds>>({
        {"120", 120s},
        {" 120 ", 120s},
        {"0", 0s},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 60s},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 60s},
        {"Sun Nov  6 08:49:37 1994", 60s},
        {"Sun, 06 Nov 1994 08:00:00 GMT", 0s},
        {"99999999999999999999", 366 * 24h},
        {"", std::nullopt},
        {"-1", std::nullopt},
        {"soon", std::nullopt},
        {std::string(65, '1'), std::nullopt},
    }));
    INFO(text);
    CHECK(parse_retry_after(text, now) == seconds);
}

TEST_CASE("a retry loop throws a lasting failure as it is, and a passing one with the number of tries") {
    RegistryLimits quick = limits();
    quick.first_delay = 0ms;
    quick.attempts = 3;
    RetryLoop lasting{quick, {}};
    CHECK_THROWS_WITH(lasting.after({Cause::not_found, "host does not have it (404)", false}),
                      "host does not have it (404)");
    RetryLoop passing{quick, {}};
    const FailedTry failure{Cause::registry_fault, "host answered 503", true};
    passing.after(failure);
    passing.after(failure);
    CHECK_THROWS_WITH(passing.after(failure), "host answered 503 (tried 3 times)");
    RetryLoop moving{quick, {}};
    for (int i = 0; i < 10; ++i) moving.after(failure, true);
    quick.attempts = 1;
    RetryLoop once{quick, {}};
    CHECK_THROWS_WITH(once.after(failure), "host answered 503");
}

TEST_CASE("I30: a stall is a window with too few bytes, in which we were ready to read") {
    const StallWatch::Time start{};
    StallWatch watch{10s, 100, start};
    CHECK_FALSE(watch.has_stalled(start + 9s));
    SECTION("nothing arrives") { CHECK(watch.has_stalled(start + 10s)); }
    SECTION("too little arrives") {
        watch.arrived(999, 0s);
        CHECK(watch.has_stalled(start + 10s));
    }
    SECTION("just enough arrives, and the next window begins empty") {
        watch.arrived(1000, 0s);
        CHECK_FALSE(watch.has_stalled(start + 10s));
        CHECK_FALSE(watch.has_stalled(start + 19s));
        CHECK(watch.has_stalled(start + 20s));
    }
    SECTION("our own reader took an hour") {
        watch.arrived(1, 1h);
        CHECK_FALSE(watch.has_stalled(start + 1h + 9s));
        CHECK(watch.has_stalled(start + 1h + 10s));
    }
}
