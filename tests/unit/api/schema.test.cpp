// GET /api/schema against the table of routes, and the sample values against their schemas' required members.
#include "api/schema.hpp"
#include "unit/api/gateway_under_test.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace shifter;
using namespace shifter::api;
using namespace shifter::api::testing;
using nlohmann::json;

namespace {

void collect_references(const json & value, std::set<std::string> & references) {
    if (value.is_object() && value.contains("$ref")) references.insert(value["$ref"].get<std::string>());
    if (value.is_structured())
        for (const json & each : value) collect_references(each, references);
}

std::string path_in_schema(std::string_view pattern) {
    std::string path{pattern};
    if (const auto dots = path.find("..."); dots != std::string::npos) path.erase(dots, 3);
    return path;
}

} // namespace

TEST_CASE("the schema has every route of the table with its method and access, and no other") {
    Gateway gateway;
    const json schema = json_of(gateway.get("/api/schema/", ""));
    CHECK(schema["openapi"] == "3.0.3");
    std::size_t operations = 0;
    for (const auto & [path, methods] : schema["paths"].items()) operations += methods.size();
    CHECK(operations == Api::routes().size());
    for (const Route & route : Api::routes()) {
        const std::string path = path_in_schema(route.pattern);
        INFO(path);
        REQUIRE(schema["paths"].contains(path));
        const char * method = route.method == Method::post ? "post" : "get";
        REQUIRE(schema["paths"][path].contains(method));
        const json & operation = schema["paths"][path][method];
        CHECK(operation["summary"] == route.summary);
        const json security = operation.value("security", schema["security"]);
        if (route.access == Access::open)
            CHECK(security == json::array());
        else
            CHECK(security[0] == json{{"munge", json::array()}});
        CHECK((security.size() == 2) == (route.access == Access::reader));
    }
}

TEST_CASE("operations of the schema have names of their own") {
    const json schema = json::parse(openapi_document(Api::routes()));
    std::set<std::string> names;
    for (const auto & [path, methods] : schema["paths"].items())
        for (const json & operation : methods) CHECK(names.insert(operation["operationId"].get<std::string>()).second);
    CHECK(names.contains("get_api_lookup"));
    CHECK(names.contains("post_api_pull"));
}

TEST_CASE("each parameter of a path is declared once, and nothing refers to what is not there") {
    const json schema = json::parse(openapi_document(Api::routes()));
    for (const auto & [path, methods] : schema["paths"].items()) {
        for (const json & operation : methods) {
            std::set<std::string> declared;
            for (const json & parameter : operation["parameters"])
                if (parameter["in"] == "path") {
                    CHECK(parameter["required"] == true);
                    declared.insert("{" + parameter["name"].get<std::string>() + "}");
                }
            for (const std::string & name : declared) CHECK(path.find(name) != std::string::npos);
            CHECK(static_cast<std::size_t>(std::count(path.begin(), path.end(), '{')) == declared.size());
        }
    }
    std::set<std::string> references;
    collect_references(schema, references);
    CHECK(references.size() > 5);
    for (const std::string & reference : references) {
        INFO(reference);
        CHECK(schema.contains(json::json_pointer{reference.substr(1)}));
    }
}

TEST_CASE("a route that names what the schema does not have is found by the first who asks") {
    Route route = Api::routes().front();
    route.answer = "NoSuchThing";
    CHECK_THROWS_WITH(openapi_document(std::span{&route, 1}), "the schema has no component \"NoSuchThing\"");
    route.answer = "text";
    route.query = "limit,nothing";
    CHECK_THROWS_WITH(openapi_document(std::span{&route, 1}), "the schema has no parameter \"nothing\"");
}

TEST_CASE("GET / tells people of every route, and what it is for") {
    Gateway gateway;
    const std::string text = gateway.get("/", "").body;
    for (const Route & route : Api::routes()) {
        INFO(route.pattern);
        CHECK(text.find(" " + std::string{route.pattern} + "\n     " + std::string{route.summary} + "\n") !=
              std::string::npos);
    }
}
