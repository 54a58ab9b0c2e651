#include "service/document.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::service;

TEST_CASE("JSON and YAML read alike, quotes tell a text from a number") {
    const std::string json = "{\n\t\"a\": 1, \"b\": \"1\",\n\t\"c\": [true, null, \"x\\u00e9\"],\n\t\"d\": {}\n}\n";
    const std::string yaml = "# a comment\na: 1\nb: '1'\nc: [true, null, \"x\\u00e9\"]\nd: {}\n";
    for (const std::string & text : {json, yaml}) {
        const auto document = parse_document(text);
        INFO(text << (document ? "" : document.error().what));
        REQUIRE(document);
        const Value & root = document->root;
        REQUIRE(root.members.size() == 4);
        CHECK(root.member("a")->kind == Value::Kind::plain);
        CHECK(root.member("b")->kind == Value::Kind::text);
        CHECK(root.member("b")->scalar == "1");
        CHECK(root.member("c")->items[1].kind == Value::Kind::null);
        CHECK(root.member("c")->items[2].scalar == "x\xc3\xa9");
        CHECK(root.member("d")->kind == Value::Kind::object);
        CHECK(root.member("e") == nullptr);
        CHECK(root.member("c")->line == (text == json ? 3 : 4));
    }
}

TEST_CASE("a document that is broken, twofold or ambiguous is refused, with its line") {
    auto [text, what] = GENERATE(table<std::string, std::string>({
        {"", "it is empty"},
        {"{\"a\": 1,\n \"a\": 2}", "line 2: \"a\" stands there twice"},
        {"--- 1\n--- 2\n", "it holds more than one document"},
        {"{[1]: 2}", "line 1: a name is not a text"},
        {std::string{"a\0b", 3}, "it holds a NUL"},
    }));
    const auto document = parse_document(text);
    REQUIRE_FALSE(document);
    CHECK(document.error().what == what);
    CHECK_FALSE(parse_document("{\"a\": [1, 2}"));
    CHECK_FALSE(parse_document("a: *unknown"));
    CHECK(parse_document("a: &x 1\nb: *x\n").error().what == "line 2: aliases are not understood here");
}

TEST_CASE("R16: a document has at most 1 MiB, 32 levels and 20000 values, however they are written") {
    const auto nested = [](int depth) {
        return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
    };
    CHECK(parse_document(nested(33)));
    CHECK_FALSE(parse_document(nested(34)));
    CHECK_FALSE(parse_document(nested(5000)));
    std::string flat = "[0";
    for (int i = 1; i < 19'999; ++i) flat += ",0";
    CHECK(parse_document(flat + "]"));
    CHECK_FALSE(parse_document(flat + ",0]"));
    CHECK_FALSE(parse_document("\"" + std::string(1U << 20U, 'x') + "\""));
    // Nine aliases of nine aliases of …: small to write, large to read.
    std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 9; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
        for (int j = 0; j < 8; ++j) laughs += "," + last;
        laughs += "]\n";
    }
    CHECK_FALSE(parse_document(laughs));
}
