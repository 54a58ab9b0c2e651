/** @file shifterimg with a gateway, a clock, a munged and a person made up for the test. */
#pragma once

#include "client/shifterimg.hpp"
#include "unit/catalog/samples.hpp"

#include <deque>
#include <sstream>
#include <stdexcept>

namespace shifter::client::testing {

/** Answers from a list, in order; the last one again and again. */
class FakeTransport : public Transport {
public:
    struct Step {
        int status = 200; ///< 0: no answer
        std::string body;
    };
    Answer exchange(const Exchange & exchange) override {
        exchanges.push_back(exchange);
        if (steps.empty()) throw std::logic_error{"the test expected no exchange"};
        const Step step = steps.front();
        if (steps.size() > 1) steps.pop_front();
        if (step.status == 0) throw NoAnswer{"Connection refused"};
        return {step.status, step.body};
    }
    std::deque<Step> steps;
    std::vector<Exchange> exchanges;
};

class Client {
public:
    Client() {
        site.image_gateways = {"http://gw1:5000"};
        site.system = "alpha";
        site.default_image_type = ImageType::docker;
    }

    int run(std::vector<std::string> words) {
        words.insert(words.begin(), "shifterimg");
        std::vector<char *> args;
        for (std::string & word : words) args.push_back(word.data());
        Surroundings around{
            .site = [this] { return site; },
            .transport = transport,
            .make_credential =
                [this](const auth::AuthorizedLocations & locations) {
                    sent_locations.push_back(locations);
                    return "credential" + std::to_string(sent_locations.size());
                },
            .seal = [](std::string_view text) { return "sealed(" + std::string{text} + ")"; },
            .unseal = [](std::string_view text) -> std::optional<std::string> {
                if (text.substr(0, 7) != "sealed(") return std::nullopt;
                return std::string{text.substr(7, text.size() - 8)};
            },
            .home = home.path(),
            .ask =
                [this](const std::string & prompt, bool secret) {
                    prompts.push_back(prompt + (secret ? "(hidden)" : ""));
                    std::string answer = answers.empty() ? "" : answers.front();
                    if (!answers.empty()) answers.pop_front();
                    return answer;
                },
            .now = [this] { return now; },
            .sleep =
                [this](std::chrono::milliseconds time) {
                    now += time;
                    if (is_watched && interrupt_after != 0 && --interrupt_after == 0) is_interrupted = true;
                },
            .io = {.in = in, .out = out, .err = err, .out_is_terminal = is_terminal, .columns = columns, .rows = rows},
            .watch_interrupts = [this] { is_watched = true; },
            .interrupted = [this] { return is_interrupted; },
            .machine = "x86_64",
            .user_name = [](std::uint32_t uid) { return "user" + std::to_string(uid); }};
        return shifterimg_main(args, around);
    }

    SiteConfig site;
    FakeTransport transport;
    catalog::samples::Folder home;
    std::vector<auth::AuthorizedLocations> sent_locations;
    std::deque<std::string> answers;
    std::vector<std::string> prompts;
    std::chrono::system_clock::time_point now{std::chrono::seconds{1'733'047'200}}; ///< 2024-12-01T10:00:00 UTC
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    bool is_terminal = false;
    unsigned columns = 80;
    unsigned rows = 24;
    unsigned interrupt_after = 0; ///< so many waits of a pull; 0: never
    bool is_watched = false;
    bool is_interrupted = false;
};

inline std::string record(const std::string & status, const std::string & more = "") {
    return R"({"id":"8d1f0c6b1e22","system":"alpha","itype":"docker","tag":["ubuntu:22.04"],"status":")" + status +
           R"(","last_pull":1733047200.5)" + more + "}";
}

/** Times are local: the tests are in UTC. */
struct InUtc {
    InUtc() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
};
inline const InUtc in_utc;

} // namespace shifter::client::testing
