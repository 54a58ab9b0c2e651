// The service in numbers: GET /metrics.
#include "api/metrics.hpp"

#include "api/api.hpp"
#include "base/installed_paths.hpp"
#include "catalog/counters.hpp"

#include <array>
#include <cstdio>

namespace shifter::api {
namespace {

/** A label's value: backslash, quote and newline are escaped, as the format says. */
std::string escaped(std::string_view value) {
    std::string text;
    for (const char c : value) {
        if (c == '\\' || c == '"') text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text;
}

double number(std::uint64_t value) { return static_cast<double>(value); }

void write_counters(MetricsText & text) {
    const catalog::Counters & counted = catalog::counters();
    text.family("shifter_pulls_ended_total", "counter", "Pulls that came to their end, by outcome.");
    text.sample({{"outcome", "ready"}}, number(counted.pulls_ready));
    text.sample({{"outcome", "failure"}}, number(counted.pulls_failed));
    text.family("shifter_pulled_bytes_total", "counter", "Bytes of layers that arrived from registries.");
    text.sample(number(counted.bytes_pulled));
    text.family("shifter_conversions_total", "counter", "Images that were downloaded and converted.");
    text.sample(number(counted.conversions));
    text.family("shifter_conversion_seconds_total", "counter", "Time that these took, download included.");
    text.sample(number(counted.conversion_milliseconds) / 1000);
    text.family("shifter_layers_reused_total", "counter", "Layers of these that had been converted before.");
    text.sample(number(counted.layers_reused));
    text.family("shifter_catalog_errors_total", "counter", "Times that the catalog did not do what it was asked to.");
    text.sample(number(counted.catalog_errors));
}

} // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + " " + std::string{help} + "\n# TYPE " + name_ + " " + std::string{type} + "\n";
}

void MetricsText::sample(const Labels & labels, double value) {
    text_ += name_;
    for (std::size_t i = 0; i < labels.size(); ++i)
        text_ += (i == 0 ? "{" : ",") + std::string{labels[i].first} + "=\"" + escaped(labels[i].second) + "\"";
    std::array<char, 40> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%s %.15g\n", labels.empty() ? "" : "}", value);
    text_ += digits.data();
}

void RequestCounts::add(std::string_view route, int status) {
    const std::lock_guard lock{mutex_};
    ++counts_[{route, status}];
}

void RequestCounts::write(MetricsText & text) const {
    text.family("shifter_requests_total", "counter", "Requests that were answered, by route and status.");
    const std::lock_guard lock{mutex_};
    for (const auto & [which, count] : counts_)
        text.sample({{"route", which.first.empty() ? "none" : std::string{which.first}},
                     {"status", std::to_string(which.second)}},
                    number(count));
}

Response Api::report_metrics(Call & /*call*/) {
    // Who asks is unknown here: names of images are in no label, and the work is done once for all who ask.
    std::string body = metrics_text_.get(parts_.shared_answer_age, [&] {
        MetricsText text;
        text.family("shifter_gateway_info", "gauge", "The release that runs.");
        text.sample({{"version", installed::version}}, 1);
        request_counts_.write(text);
        text.family("shifter_pulls", "gauge", "Pulls on their way, by state.");
        std::map<std::string, std::size_t> waiting;
        for (const auto & [name, system] : parts_.settings.systems) {
            std::map<catalog::State, std::size_t> states;
            for (const catalog::Pull & pull : parts_.catalog.queue(name)) ++states[pull.state];
            using enum catalog::State;
            for (const catalog::State state : {pending, pulling, examination, conversion, transfer, hashing})
                text.sample({{"system", name}, {"state", std::string{to_string(state)}}}, number(states[state]));
            waiting[name] = states[pending] + states[init];
        }
        text.family("shifter_queue_length", "gauge", "Pulls that nobody works on yet.");
        for (const auto & [name, count] : waiting) text.sample({{"system", name}}, number(count));
        write_counters(text);
        write_storage(text);
        return std::move(text).finish();
    });
    return {.body = std::move(body), .content_type = metrics_type};
}

void Api::write_storage(MetricsText & text) {
    if (!parts_.storage) return;
    const auto uses = parts_.storage();
    text.family("shifter_storage_bytes", "gauge", "What published images take of the storage.");
    for (const auto & [name, use] : uses) text.sample({{"system", name}}, number(use.image_bytes));
    text.family("shifter_storage_images", "gauge", "Image files in the storage.");
    for (const auto & [name, use] : uses) text.sample({{"system", name}}, number(use.images));
    text.family("shifter_storage_free_bytes", "gauge", "What the file system of the images has left.");
    for (const auto & [name, use] : uses) text.sample({{"system", name}}, number(use.free_bytes));
    text.family("shifter_storage_size_bytes", "gauge", "How large the file system of the images is.");
    for (const auto & [name, use] : uses) text.sample({{"system", name}}, number(use.size_bytes));
}

} // namespace shifter::api
