#include "base/error.hpp"
#include "base/expected.hpp"

#include <catch2/catch.hpp>

#include <variant>

using shifter::Error;
using shifter::Expected;
using shifter::ParseError;
using shifter::quoted;
using shifter::SysError;

TEST_CASE("a failed system call keeps its number, and its sentence ends with the meaning") {
    errno = ENOENT;
    constexpr int next_line = __LINE__ + 1;
    const SysError error{errno, "cannot open " + quoted("/x")};
    CHECK(error.what() == std::string{"cannot open \"/x\": No such file or directory"});
    CHECK(error.error_number() == ENOENT);
    CHECK(error.line() == next_line);
    CHECK(std::string{error.file()}.find("error.test.cpp") != std::string::npos);
    CHECK(shifter::describe_errno(99999) == "error 99999");
}

TEST_CASE("I35: text in a message is quoted, without control characters, and has an end") {
    auto [text, expected] =
        GENERATE(table<std::string, std::string>({{"", "\"\""},
                                                  {"a b", "\"a b\""},
                                                  {"é", "\"é\""},
                                                  {"a\"b\\", "\"a\\\"b\\\\\""},
                                                  {"a\nb\x1b\x7f", "\"a\\x0ab\\x1b\\x7f\""},
                                                  {std::string(1, '\0'), "\"\\x00\""},
                                                  {std::string(512, 'x'), "\"" + std::string(512, 'x') + "\""},
                                                  {std::string(513, 'x'), "\"" + std::string(512, 'x') + "…\""}}));
    CHECK(quoted(text) == expected);
}

TEST_CASE("context is put in front of a sentence, and a result is passed through") {
    CHECK(shifter::with_context("pulling x", [] { return 7; }) == 7);
    CHECK_THROWS_WITH(shifter::with_context("pulling x", [] { throw Error{"it is gone"}; }), "pulling x: it is gone");
}

TEST_CASE("an expected value is a value, or why it was refused") {
    const Expected<int> value = 7;
    const Expected<int> refusal = ParseError{3, "it is odd"};
    CHECK(value.has_value());
    CHECK(*value == 7);
    CHECK_THROWS_AS(value.error(), std::bad_variant_access);
    CHECK_FALSE(refusal);
    CHECK(refusal.error() == ParseError{3, "it is odd"});
    CHECK_THROWS_AS(*refusal, std::bad_variant_access);
    CHECK(Expected<int>{7}.value_or_throw("cannot use x") == 7);
    CHECK_THROWS_WITH(Expected<int>{refusal}.value_or_throw("cannot use x"), "cannot use x: it is odd");
}
