#include "oci/manifest.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shifter::oci;
using Texts = std::vector<std::string>;

namespace {

const std::string digest_a = "sha256:" + std::string(64, 'a');

/** A configuration whose "config" is `settings`. */
std::string with_settings(const std::string & settings) {
    return R"({"os":"linux","architecture":"amd64","config":)" + settings +
           R"(,"rootfs":{"type":"layers","diff_ids":[")" + digest_a + R"("]}})";
}

ImageConfig parsed(const std::string & json) {
    auto config = parse_image_config(json);
    if (!config) FAIL(config.error().what);
    return *std::move(config);
}

std::string refusal(const std::string & json) {
    const auto config = parse_image_config(json);
    return config ? "accepted" : config.error().what;
}

} // namespace

TEST_CASE("the OCI specification's example configuration is read (image-spec v1.1, config.md)") {
    const ImageConfig config = parsed(R"({
      "created": "2015-10-31T22:22:56.015925234Z", "author": "Alyssa P. Hacker <alyspdev@example.com>",
      "architecture": "amd64", "os": "linux",
      "config": {"User": "alice", "ExposedPorts": {"8080/tcp": {}},
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FOO=oci_is_a", "BAR=well_written_spec"],
        "Entrypoint": ["/bin/my-app-binary"], "Cmd": ["--foreground", "--config", "/etc/my-app.d/default.cfg"],
        "Volumes": {"/var/job-result-data": {}, "/var/log/my-app-logs": {}}, "WorkingDir": "/home/alice",
        "Labels": {"com.example.project.git.url": "https://example.com/project.git",
                   "com.example.project.git.commit": "45a939b2999782a3f005621a8d0f29aa387e1d6b"}},
      "rootfs": {"diff_ids": ["sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1",
                              "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"], "type": "layers"},
      "history": [{"created": "2015-10-31T22:22:54.690851953Z", "created_by": "/bin/sh -c #(nop) ADD file in /"},
                  {"created": "2015-10-31T22:22:55.613815829Z", "created_by": "/bin/sh -c #(nop) CMD", "empty_layer": true}]})");
    CHECK(config.platform.to_string() == "linux/amd64");
    CHECK(config.created == "2015-10-31T22:22:56.015925234Z");
    CHECK(config.env.size() == 3);
    CHECK(config.env.at(1) == "FOO=oci_is_a");
    CHECK(config.entrypoint == Texts{"/bin/my-app-binary"});
    CHECK(config.cmd == Texts{"--foreground", "--config", "/etc/my-app.d/default.cfg"});
    CHECK(config.workdir == "/home/alice");
    CHECK(config.user == "alice");
    CHECK(config.volumes == Texts{"/var/job-result-data", "/var/log/my-app-logs"});
    REQUIRE(config.labels.size() == 2);
    CHECK(config.labels.at(0).second == "45a939b2999782a3f005621a8d0f29aa387e1d6b");
    CHECK(config.diff_ids.size() == 2);
}

TEST_CASE("absent, null and empty settings are told apart where it matters") {
    const std::string nothing = GENERATE(
        as<std::string>{}, "null", "{}",
        R"({"Env":null,"Entrypoint":null,"Cmd":null,"Labels":null,"Volumes":null,"User":null,"WorkingDir":null})");
    const ImageConfig config = parsed(with_settings(nothing));
    CHECK(config.env.empty());
    CHECK(config.labels.empty());
    CHECK(config.volumes.empty());
    CHECK_FALSE(config.entrypoint.has_value());
    CHECK_FALSE(config.cmd.has_value());
    CHECK_FALSE(config.user.has_value());
    CHECK_FALSE(config.workdir.has_value());

    const ImageConfig empty = parsed(with_settings(R"({"Entrypoint":[],"Cmd":[],"User":"","WorkingDir":""})"));
    CHECK(empty.entrypoint == Texts{});
    CHECK(empty.cmd == Texts{});
    CHECK(empty.user == "");
    CHECK(empty.workdir == "");
}

TEST_CASE("a command that is one text is a list of one, as Docker reads it") {
    CHECK(parsed(with_settings(R"({"Cmd":"/bin/sh","Entrypoint":"run"})")).cmd == Texts{"/bin/sh"});
}

TEST_CASE("I18: a setting of a wrong type is refused") {
    auto [settings, why] = GENERATE(table<std::string, std::string>({
        {"3", "\"config\" is not an object"},
        {R"({"Env":"A=1"})", "\"Env\" is not a list"},
        {R"({"Env":["A=1",2]})", "an item of \"Env\" is not a text"},
        {R"({"Env":[null]})", "an item of \"Env\" is not a text"},
        {R"({"Env":["A=1\u0000B=2"]})", "an item of \"Env\" has a zero byte"},
        {R"({"Env":["A=1"],"Env":["A=2"]})", "it has the name \"Env\" twice"},
        {R"({"Entrypoint":{}})", "\"Entrypoint\" is not a list"},
        {R"({"Cmd":[["x"]]})", "an item of \"Cmd\" is not a text"},
        {R"({"Labels":["a"]})", "\"Labels\" is not an object"},
        {R"({"Labels":{"a":1}})", "the label \"a\" is not a text"},
        {R"({"Labels":{"a\u0000":"1"}})", "a name in \"Labels\" has a zero byte"},
        {R"({"Volumes":"/data"})", "\"Volumes\" is not an object"},
        {R"({"WorkingDir":1})", "\"WorkingDir\" is not a text"},
        {R"({"User":0})", "\"User\" is not a text"},
    }));
    INFO(settings);
    CHECK(refusal(with_settings(settings)) == why);
}

TEST_CASE("a configuration without what a launch needs is refused") {
    auto [json, why] = GENERATE(table<std::string, std::string>({
        {R"({"os":"linux"})", "the configuration has no \"architecture\""},
        {R"({"os":"linux","architecture":"amd64"})", "it has no object \"rootfs\""},
        {R"({"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}})", "\"rootfs\" has no \"type\""},
        {R"({"os":"linux","architecture":"amd64","rootfs":{"type":"tar","diff_ids":[]}})",
         "its \"rootfs\" is not of type \"layers\""},
        {R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers"}})", "it has no list \"diff_ids\""},
        {R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:1"]}})",
         "diff_id 1 has the digest \"sha256:1\": a sha256 digest has 64 hexadecimal digits"},
        {"{\"os\":\"\xff\"}", "it is not JSON (byte 8)"},
    }));
    INFO(json);
    CHECK(refusal(json) == why);
}

TEST_CASE("the history says what made each layer, and what does not fit the layers says nothing") {
    const auto with_history = [](const std::string & history) {
        return R"({"os":"linux","architecture":"amd64","config":{},"history":)" + history +
               R"(,"rootfs":{"type":"layers","diff_ids":[")" + digest_a + R"(",")" + digest_a + R"("]}})";
    };
    const std::string long_text(499, 'x');
    auto [history, expected] = GENERATE_COPY(table<std::string, Texts>({
        {R"([{"created_by":"A"},{"created_by":"ENV x","empty_layer":true},{"created_by":"B"}])", Texts{"A", "B"}},
        {R"([{"created_by":"A"},{"created_by":7}])", Texts{"A", ""}},
        {R"([{},{"created_by":"B","empty_layer":false}])", Texts{"", "B"}},
        {R"([{"created_by":"A"}])", Texts{}},
        {R"([{"created_by":"A"},{"created_by":"B"},{"created_by":"C"}])", Texts{}},
        {R"([{"created_by":"A"},7])", Texts{}},
        {R"("none")", Texts{}},
        {"null", Texts{}},
        {R"([{"created_by":")" + long_text + R"(yz"},{"created_by":")" + long_text + R"(ä"}])",
         Texts{long_text + "y…", long_text + "…"}},
    }));
    INFO(history);
    CHECK(parsed(with_history(history)).created_by == expected);
}
