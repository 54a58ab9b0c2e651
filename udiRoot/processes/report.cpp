#include "processes/report.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace shifter::processes {
namespace {

std::string time_text(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    struct tm parts {};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> buffer{};
    const std::size_t length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {buffer.data(), length};
}

std::string json_text(const std::string & text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += std::string{'\\', c};
        } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
            std::array<char, 8> buffer{}; // bytes that may be no UTF-8 stay readable, and the document valid
            (void)std::snprintf(buffer.data(), buffer.size(), "\\u%04x",
                                static_cast<unsigned>(static_cast<unsigned char>(c)));
            result += buffer.data();
        } else {
            result += c;
        }
    }
    return result + "\"";
}

} // namespace

std::string to_table(const std::vector<Container> & containers) {
    std::vector<std::array<std::string, 6>> rows = {{"JOB", "USER", "IMAGE", "ID", "SINCE", "PROCESSES"}};
    const auto shown = [](const std::string & text) { return text.empty() ? "-" : log::one_line(text); };
    for (const Container & container : containers) {
        std::string processes = std::to_string(container.processes.size()) + ":";
        constexpr std::size_t max_shown = 3;
        for (std::size_t i = 0; i < std::min(max_shown, container.processes.size()); ++i)
            processes += " " + log::one_line(container.processes[i].command);
        if (container.processes.size() > max_shown) processes += " ...";
        rows.push_back({shown(container.job), shown(container.user), shown(container.image),
                        shown(container.id.substr(0, 12)), time_text(container.since), processes});
    }
    std::array<std::size_t, 6> widths{};
    for (const auto & row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths.at(i) = std::max(widths.at(i), row.at(i).size());
    std::string text;
    for (const auto & row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i)
            text += row.at(i) + std::string(widths.at(i) - row.at(i).size() + 2, ' ');
        text += row.back() + "\n";
    }
    return text;
}

std::string to_json(const std::vector<Container> & containers) {
    std::string text = "[";
    for (const Container & container : containers) {
        text += std::string{text.size() > 1 ? "," : ""} + "\n {\"job\": " + json_text(container.job) +
                ", \"user\": " + json_text(container.user) + ", \"image\": " + json_text(container.image) +
                ", \"id\": " + json_text(container.id) + ", \"since\": " + json_text(time_text(container.since)) +
                ", \"processes\": [";
        for (const Process & process : container.processes)
            text += std::string{&process != container.processes.data() ? ", " : ""} +
                    "{\"pid\": " + std::to_string(process.pid) + ", \"command\": " + json_text(process.command) +
                    ", \"since\": " + json_text(time_text(process.since)) + "}";
        text += "]}";
    }
    return text + (containers.empty() ? "]\n" : "\n]\n");
}

} // namespace shifter::processes
