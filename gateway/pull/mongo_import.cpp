#include "pull/mongo_import.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "catalog/publisher.hpp"
#include "oci/json_limits.hpp"
#include "pull/source.hpp"

#include <algorithm>
#include <cstdlib>
#include <istream>

#include <nlohmann/json.hpp>

namespace shifter::pull {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_line_bytes = 16U << 20U;

/** Why a document is not taken; the line is added by the caller. */
class Skipped : public Error {
public:
    using Error::Error;
};

/** Absent, null and the deployed gateway's "MISSING" are the same. */
const Json * member(const Json & document, const char * key) {
    const auto found = document.find(key);
    const bool is_there = found != document.end() && !found->is_null() && *found != "MISSING";
    return is_there ? &*found : nullptr;
}

std::string text_of(const Json & document, const char * key) {
    const Json * value = member(document, key);
    if (value == nullptr) return {};
    if (!value->is_string()) throw Skipped{std::string{key} + " is no text"};
    return value->get<std::string>();
}

std::vector<std::string> texts_of(const Json & document, const char * key) {
    const Json * value = member(document, key);
    if (value == nullptr) return {};
    if (value->is_string()) return {value->get<std::string>()};
    std::vector<std::string> texts;
    if (!value->is_array()) throw Skipped{std::string{key} + " is no list"};
    for (const Json & each : *value) {
        if (!each.is_string()) throw Skipped{std::string{key} + " holds something else than texts"};
        texts.push_back(each.get<std::string>());
    }
    return texts;
}

/** A number, also in the forms of MongoDB's Extended JSON: {"$numberLong":"5"}. */
std::optional<double> number_of(const Json & value) {
    if (value.is_number()) return value.get<double>();
    if (!value.is_object() || value.size() != 1) return std::nullopt;
    const std::string name = value.begin().key();
    if (name != "$numberInt" && name != "$numberLong" && name != "$numberDouble") return std::nullopt;
    if (!value.begin()->is_string()) return std::nullopt;
    const std::string text = value.begin()->get<std::string>();
    char * end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0') return std::nullopt;
    return number;
}

std::optional<catalog::Time> time_of(const Json & document, const char * key) {
    const Json * value = member(document, key);
    if (value == nullptr) return std::nullopt;
    const auto seconds = number_of(*value);
    if (!seconds || *seconds < 0 || *seconds > 1e11) throw Skipped{std::string{key} + " is no time"};
    return catalog::Time{std::chrono::milliseconds{static_cast<std::int64_t>(*seconds * 1000)}};
}

/** All of it, or the image is not taken: half a list of readers is another list (I34). */
std::vector<std::uint32_t> ids_of(const Json & document, const char * key) {
    std::vector<std::uint32_t> ids;
    const Json * value = member(document, key);
    if (value == nullptr) return ids;
    if (!value->is_array()) throw Skipped{std::string{key} + " is no list"};
    for (const Json & each : *value) {
        const auto id = number_of(each);
        if (!id || *id < 0 || *id >= 4294967295.0 || *id != static_cast<double>(static_cast<std::uint32_t>(*id)))
            throw Skipped{std::string{key} + " holds something else than ids"};
        ids.push_back(static_cast<std::uint32_t>(*id));
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

catalog::Image image_of(const Json & document, const GatewaySettings & settings, catalog::Time now) {
    const std::string system = text_of(document, "system");
    const auto found = settings.systems.find(system);
    if (found == settings.systems.end()) throw Skipped{"this gateway has no system " + shifter::quoted(system)};
    const std::string status = text_of(document, "status");
    if (status != "READY" && status != "SUCCESS") throw Skipped{"it is not READY but " + shifter::quoted(status)};
    if (const std::string format = text_of(document, "format"); !format.empty() && format != "squashfs")
        throw Skipped{"its format is " + shifter::quoted(format) + ", and only squashfs is taken over"};
    const auto id = ImageId::parse(text_of(document, "id"));
    if (!id) throw Skipped{"its identifier is none"};
    const auto type = image_type_named(text_of(document, "itype"));
    if (!type || (*type != ImageType::docker && *type != ImageType::custom)) throw Skipped{"its type is unknown"};
    catalog::Image image{system, *type, *id};
    const auto size = catalog::Publisher{found->second.storage}.whole_size(*id);
    if (!size) throw Skipped{"its file or record is not whole in " + found->second.storage.directory};
    image.size_bytes = *size;
    const std::string os = text_of(document, "os");
    const std::string architecture = text_of(document, "arch");
    if (!os.empty() && !architecture.empty()) image.platform = os + "/" + architecture;
    image.config.env = texts_of(document, "ENV");
    if (member(document, "ENTRY") != nullptr) image.config.entrypoint = texts_of(document, "ENTRY");
    if (const std::string workdir = text_of(document, "WORKDIR"); !workdir.empty()) image.config.workdir = workdir;
    const Json * is_private = member(document, "private");
    const Acl readers{ids_of(document, "userACL"), ids_of(document, "groupACL")};
    image.is_private =
        !readers.is_public() || (is_private != nullptr && is_private->is_boolean() && is_private->get<bool>());
    if (image.is_private && readers.is_public()) throw Skipped{"it is private and names no reader; pull it again"};
    if (image.is_private) image.grants = {{0, readers}}; // root's: admins alone decide until somebody has pulled it
    image.last_pull = time_of(document, "last_pull").value_or(now);
    image.expiration = std::max(time_of(document, "expiration").value_or(now + settings.image_expiration),
                                now + std::chrono::hours{24}); // nothing ends on the day of the move
    return image;
}

void adopt(const Json & document, const GatewaySettings & settings, catalog::Catalog & catalog, bool dry_run,
           catalog::Time now, MongoReport & report) {
    const catalog::Image image = image_of(document, settings, now);
    const auto tags = texts_of(document, "tag");
    if (tags.empty()) throw Skipped{"it has no tag"};
    for (const std::string & tag : tags) {
        const auto request = ImageRequest::from_parts(to_string(image.type), tag);
        if (!request) throw Skipped{"its tag " + shifter::quoted(tag) + ": " + request.error().what};
        const catalog::ImageKey key{image.system, image.type, canonical_tag(image.type, request->tag)};
        const bool is_new = dry_run ? !catalog.find(key).has_value() : catalog.adopt(image, key, now);
        ++(is_new ? report.adopted : report.known);
    }
}

} // namespace

MongoReport import_mongo(std::istream & lines, const GatewaySettings & settings, catalog::Catalog & catalog,
                         bool dry_run, catalog::Time now) {
    MongoReport report;
    oci::DocumentLimits limits;
    limits.max_bytes = most_line_bytes;
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        const auto skip = [&](const std::string & why) {
            report.skipped.push_back("line " + std::to_string(number) + ": " + log::one_line(why));
        };
        if (const auto refused = oci::refuse_json(line, limits)) {
            skip("it is no JSON document: " + refused->what);
            continue;
        }
        const Json document = Json::parse(line, nullptr, false);
        if (!document.is_object()) {
            skip("it is no JSON object; export with mongoexport without --jsonArray");
            continue;
        }
        try {
            adopt(document, settings, catalog, dry_run, now, report);
        } catch (const Skipped & why) {
            skip(why.what());
        }
    }
    if (lines.bad()) throw Error{"cannot read the export"};
    return report;
}

} // namespace shifter::pull
