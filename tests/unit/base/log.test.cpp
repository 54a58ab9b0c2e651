#include "base/log.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shifter;

TEST_CASE("I35: a message is one line, whatever it holds") {
    CHECK(log::one_line("plain é") == "plain é");
    CHECK(log::one_line("a\nerror: b\r\x1b[0m") == "a\\x0aerror: b\\x0d\\x1b[0m");
}

TEST_CASE("messages below the level are left out") {
    std::vector<std::string> lines;
    log::set_sink([&](log::Level, std::string_view message) { lines.emplace_back(message); });
    log::set_level(log::Level::info);
    log::error("one");
    log::warning("two\n");
    log::info("three");
    log::debug("four");
    CHECK_FALSE(log::enabled(log::Level::debug));
    log::set_level(log::Level::warning);
    log::info("five");
    log::set_sink([](log::Level, std::string_view) {});
    CHECK(lines == std::vector<std::string>{"one", "two\\x0a", "three"});
}
