#include "pull/image_facts.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

#include <chrono>
#include <limits>
#include <optional>

namespace shifter::pull {

namespace {

/** Throws when `record`, which holds nothing but `what`, cannot be written. */
void check(const ImageRecord & record, const std::string & what) {
    const auto text = format_image_record(record);
    if (!text)
        throw Error{"cannot publish the image: " + what +
                    " cannot be written down for the nodes: " + text.error().what};
}

void check_variable(const std::string & entry) {
    const std::string name = entry.substr(0, entry.find('='));
    if (name.size() == entry.size())
        throw Error{"cannot publish the image: its variable " + quoted(name) + " has no value"};
    ImageRecord record;
    record.env = {entry};
    check(record, "its variable " + quoted(name));
}

/** Fixed digits at the front of `text`, which then moves on. */
std::optional<int> take_digits(std::string_view & text, std::size_t count) noexcept {
    const auto value = text::parse_unsigned<unsigned>(text.substr(0, count));
    if (!value || text.size() < count) return std::nullopt;
    text.remove_prefix(count);
    return static_cast<int>(*value);
}

bool take(std::string_view & text, char wanted) noexcept {
    const bool is_there = !text.empty() && (text.front() | 0x20) == (wanted | 0x20);
    if (is_there) text.remove_prefix(1);
    return is_there;
}

/** Minutes east of Greenwich: "Z", "+02:00". */
std::optional<std::chrono::minutes> take_zone(std::string_view & text) noexcept {
    if (take(text, 'Z')) return std::chrono::minutes{0};
    const int sign = !text.empty() && text.front() == '-' ? -1 : 1;
    if (text.empty() || (text.front() != '-' && text.front() != '+')) return std::nullopt;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2);
    if (!hours || *hours > 23 || text.empty() || text.front() != ':') return std::nullopt;
    text.remove_prefix(1);
    const auto minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    return sign * std::chrono::minutes{*hours * 60 + *minutes};
}

} // namespace

ImageRecord record_of(const oci::ImageConfig & config) {
    for (const std::string & entry : config.env) check_variable(entry);
    ImageRecord record;
    record.entrypoint = config.entrypoint;
    check(record, "its entry point");
    record.cmd = config.cmd;
    check(record, "its command");
    // Docker and podman write "" for "not set".
    if (config.workdir && !config.workdir->empty()) record.workdir = config.workdir;
    check(record, "its working directory");
    record.env = config.env;
    record.platform = config.platform.to_string();
    check(record, "its configuration");
    return record;
}

std::uint32_t created_seconds(std::string_view text) noexcept {
    using namespace std::chrono;
    const auto year_part = take_digits(text, 4);
    if (!year_part || !take(text, '-')) return 0;
    const auto month_part = take_digits(text, 2);
    if (!month_part || !take(text, '-')) return 0;
    const auto day_part = take_digits(text, 2);
    if (!day_part || !take(text, 'T')) return 0;
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return 0;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59 || !take(text, ':')) return 0;
    const auto second = take_digits(text, 2);
    if (!second || *second > 60) return 0;
    if (!text.empty() && text.front() == '.') {
        const std::size_t end = text.find_first_not_of("0123456789", 1);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
    }
    const auto zone = take_zone(text);
    const year_month_day date{year{*year_part}, month{static_cast<unsigned>(*month_part)},
                              day{static_cast<unsigned>(*day_part)}};
    if (!zone || !text.empty() || !date.ok()) return 0;
    const auto moment = sys_days{date} + hours{*hour} + minutes{*minute} + seconds{*second} - *zone;
    const auto count = duration_cast<seconds>(moment.time_since_epoch()).count();
    if (count < 0 || count > std::numeric_limits<std::uint32_t>::max()) return 0;
    return static_cast<std::uint32_t>(count);
}

} // namespace shifter::pull
