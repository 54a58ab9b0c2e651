// libcurl against a real server on loopback.
#include "client/transport.hpp"
#include "api/server.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace shifter;
using namespace shifter::client;

namespace {
const std::vector<api::ListenAddress> loopback = {{.host = "127.0.0.1", .port = 0}};
}

TEST_CASE("requests reach a gateway as they were meant, and its answers come back whole") {
    const std::string large(3'000'000, 'x');
    const api::HttpServer server{loopback, {}, [&](const api::Request & request) -> api::Response {
                                     if (request.target == "/large") return {.body = large};
                                     if (request.target == "/missing") return {.status = 404, .body = "{}"};
                                     return {.body = (request.method == api::Method::post ? "POST " : "GET ") +
                                                     std::string{request.header("authentication").value_or("")} + " " +
                                                     std::string{request.header("content-type").value_or("-")} + " " +
                                                     std::string{request.header("shifter-machine").value_or("")} +
                                                     request.body};
                                 }};
    const std::string url = "http://" + server.addresses().front().to_string();
    const auto transport = curl_transport();
    const Answer get = transport->exchange({.is_post = false,
                                            .url = url + "/a%2Fb/",
                                            .credential = "MUNGE:x:",
                                            .body = "",
                                            .timeout = std::chrono::seconds{10}});
    CHECK(get.status == 200);
    CHECK(get.body == "GET MUNGE:x: - ");
    CHECK(transport
              ->exchange({.url = url + "/",
                          .credential = "c",
                          .machine = "aarch64",
                          .body = {},
                          .timeout = std::chrono::seconds{10}})
              .body == "GET c - aarch64");
    CHECK(
        transport
            ->exchange(
                {.is_post = true, .url = url + "/", .credential = "c", .body = "", .timeout = std::chrono::seconds{10}})
            .body == "POST c application/json ");
    CHECK(transport
              ->exchange({.is_post = true,
                          .url = url + "/",
                          .credential = "c",
                          .body = "{}",
                          .timeout = std::chrono::seconds{10}})
              .body == "POST c application/json {}");
    CHECK(transport
              ->exchange({.is_post = false,
                          .url = url + "/large",
                          .credential = "c",
                          .body = "",
                          .timeout = std::chrono::seconds{10}})
              .body == large);
    CHECK(transport
              ->exchange({.is_post = false,
                          .url = url + "/missing",
                          .credential = "c",
                          .body = "",
                          .timeout = std::chrono::seconds{10}})
              .status == 404);
}

TEST_CASE("a gateway that is not there, or does not answer in time, is no answer") {
    const auto transport = curl_transport();
    std::string gone;
    {
        const api::HttpServer server{loopback, {}, [](const api::Request &) -> api::Response { return {}; }};
        gone = "http://" + server.addresses().front().to_string() + "/";
    }
    CHECK_THROWS_AS(
        transport->exchange(
            {.is_post = false, .url = gone, .credential = "c", .body = "", .timeout = std::chrono::seconds{5}}),
        NoAnswer);
    const api::HttpServer slow{loopback, {}, [](const api::Request &) -> api::Response {
                                   std::this_thread::sleep_for(std::chrono::seconds{2});
                                   return {};
                               }};
    const std::string url = "http://" + slow.addresses().front().to_string() + "/";
    CHECK_THROWS_AS(
        transport->exchange(
            {.is_post = false, .url = url, .credential = "c", .body = "", .timeout = std::chrono::seconds{1}}),
        NoAnswer);
    CHECK_THROWS_AS(transport->exchange({.is_post = false,
                                         .url = "file:///etc/passwd",
                                         .credential = "c",
                                         .body = "",
                                         .timeout = std::chrono::seconds{1}}),
                    NoAnswer);
}

TEST_CASE("I28: a credential does not follow a redirect") {
    int asked = 0;
    const api::HttpServer other{loopback, {}, [&](const api::Request &) -> api::Response {
                                    ++asked;
                                    return {};
                                }};
    const std::string there = "http://" + other.addresses().front().to_string() + "/";
    const api::HttpServer first{loopback, {}, [&](const api::Request &) -> api::Response {
                                    return {.status = 302, .body = "{}", .headers = {{"Location", there}}};
                                }};
    const auto transport = curl_transport();
    const Answer answer = transport->exchange({.is_post = false,
                                               .url = "http://" + first.addresses().front().to_string() + "/",
                                               .credential = "c",
                                               .body = "",
                                               .timeout = std::chrono::seconds{5}});
    CHECK(answer.status == 302);
    CHECK(asked == 0);
}
