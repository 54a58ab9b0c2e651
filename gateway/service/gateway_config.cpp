#include "service/gateway_config.hpp"

#include "base/io.hpp"
#include "postgres/postgres.hpp"
#include "service/config_keys.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::service {
namespace {

/** Letters that differ, at most 3: enough to find the key that a person meant. */
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j < row.size(); ++j) {
            const std::size_t changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
        }
    }
    return row.back();
}

class Reader {
public:
    explicit Reader(std::string name) : name_{std::move(name)} {}

    ParsedGatewayConfig read(const Value & root) && {
        GatewayConfig & config = result_.config;
        if (root.kind != Value::Kind::object) {
            report(true, root, "", "must be an object");
            return std::move(result_);
        }
        read_object(root, "", global_keys(), config);
        if (const Value * squashfs = object(root, "", "Squashfs"))
            read_object(*squashfs, "Squashfs.", squashfs_keys(), config.settings.squash);
        if (const Value * cache = object(root, "", "LayerCache"))
            read_object(*cache, "LayerCache.", layer_cache_keys(), config.settings.layer_cache);
        if (const Value * limits = object(root, "", "Limits")) read_object(*limits, "Limits.", limit_keys(), config);
        if (const Value * locations = object(root, "", "Locations"))
            for (const auto & [name, value] : locations->members) read_location(name, value);
        else if (root.member("Locations") == nullptr)
            read_location("docker.io", Value{.kind = Value::Kind::object, .scalar = {}, .items = {}, .members = {}});
        if (const Value * platforms = object(root, "", "Platforms")) {
            for (const auto & [name, value] : platforms->members) read_platform(name, value);
            if (platforms->members.empty()) report(true, *platforms, "Platforms", "names no system");
        }
        check(root);
        return std::move(result_);
    }

private:
    static std::string default_url(const std::string & name) {
        return "https://" + (name == "docker.io" || name == "index.docker.io" ? "registry-1.docker.io" : name);
    }

    void report(bool is_error, const Value & where, const std::string & key, const std::string & what) {
        std::string line = name_;
        if (where.line != 0) line += ":" + std::to_string(where.line);
        line += ": ";
        if (!key.empty()) line += key + ": ";
        result_.problems.push_back({is_error, line + what});
    }

    /** The member, when it is an object; reported when it is anything else. */
    const Value * object(const Value & parent, const std::string & prefix, std::string_view key) {
        const Value * value = parent.member(key);
        if (value == nullptr || value->kind == Value::Kind::object) return value;
        report(true, *value, prefix + std::string{key}, "must be an object");
        return nullptr;
    }

    template <class Target>
    void read_object(const Value & value, const std::string & prefix, const std::vector<Key<Target>> & keys,
                     Target & target) {
        for (const auto & [name, member] : value.members) {
            const auto key =
                std::find_if(keys.begin(), keys.end(), [&n = name](const auto & each) { return each.name == n; });
            if (key == keys.end()) {
                report_unknown(member, prefix, name, keys);
            } else if (key->read) {
                if (const auto refusal = key->read(member, target)) report(true, member, prefix + name, *refusal);
            } else if (key->takes == "ignored") {
                report(false, member, prefix + name, "ignored: " + std::string{key->summary});
            }
        }
        for (const auto & key : keys)
            if (key.default_text == "required" && value.member(key.name) == nullptr)
                report(true, value, prefix + std::string{key.name}, "is missing");
    }

    template <class Target>
    void report_unknown(const Value & where, const std::string & prefix, const std::string & name,
                        const std::vector<Key<Target>> & keys) {
        std::string meant;
        std::size_t best = 3;
        for (const auto & key : keys) {
            if (name.size() > 64) break;
            const std::size_t differs = distance(text::to_lower(name), text::to_lower(key.name));
            if (differs < best) {
                best = differs;
                meant = key.name;
            }
        }
        report(false, where, prefix + name.substr(0, 200),
               "is no key, and is ignored" + (meant.empty() ? "" : "; is " + meant + " meant?"));
    }

    void read_location(const std::string & name, const Value & value) {
        const std::string prefix = "Locations." + name + ".";
        if (value.kind != Value::Kind::object) return report(true, value, "Locations." + name, "must be an object");
        if (name.empty() || name.find_first_of("/@ ") != std::string::npos)
            report(true, value, "Locations." + name, "is not a registry's name");
        registry::Location location;
        location.name = name;
        location.url = default_url(name);
        read_object(value, prefix, location_keys(), location);
        result_.config.settings.locations[name] = std::move(location);
    }

    void read_platform(const std::string & name, const Value & value) {
        const std::string prefix = "Platforms." + name + ".";
        if (value.kind != Value::Kind::object) return report(true, value, "Platforms." + name, "must be an object");
        if (name.empty() ||
            name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
                std::string::npos)
            report(true, value, "Platforms." + name, "is not a system's name (letters, digits, '.', '_', '-')");
        pull::System system;
        system.name = name;
        read_object(value, prefix, platform_keys(), system);
        if (const Value * local = object(value, prefix, "local"))
            read_object(*local, prefix + "local.", local_keys(), system);
        result_.config.settings.systems[name] = std::move(system);
    }

    /** What no single key can say. */
    void check(const Value & root) {
        GatewayConfig & config = result_.config;
        if (config.database.empty()) config.database = config.settings.cache_directory + "/catalog.sqlite";
        if (config.settings.layer_cache.directory.empty())
            config.settings.layer_cache.directory = config.settings.cache_directory + "/layers";
        const auto at = [&](std::string_view key) -> const Value & {
            const Value * value = root.member(key);
            return value == nullptr ? root : *value;
        };
        if (!config.settings.locations.contains(config.settings.default_location))
            report(true, at("DefaultImageLocation"), "DefaultImageLocation",
                   quoted(config.settings.default_location) + " is none of Locations");
        if (config.authentication == Authentication::mock &&
            !std::all_of(config.listen.begin(), config.listen.end(),
                         [](const auto & address) { return address.is_loopback(); }))
            report(true, at("Authentication"), "Authentication",
                   "mock lets anybody be anybody; it needs Listen on loopback alone");
        for (const auto & [name, system] : config.settings.systems)
            if (system.low_water_bytes > system.high_water_bytes)
                report(true, at("Platforms"), "Platforms." + name + ".LowWater", "is higher than HighWater");
        std::set<std::string> directories;
        for (const auto & [name, system] : config.settings.systems)
            if (!system.storage.directory.empty() && !directories.insert(system.storage.directory).second)
                report(true, at("Platforms"), "Platforms." + name + ".local.imageDir",
                       quoted(system.storage.directory) + " is another system's; each has its own");
    }

    std::string name_;
    ParsedGatewayConfig result_;
};

std::string join_lines(const std::vector<ConfigProblem> & problems) {
    std::string text;
    for (const ConfigProblem & problem : problems)
        if (problem.is_error) text += (text.empty() ? "" : "\n") + problem.what;
    return text;
}

/** Whoever can write the file decides what nodes mount: by its descriptor, and by the folder that could give the name
 * to another. */
void check_owner(const struct stat & facts, const std::string & path, bool sticky_will_do) {
    if (facts.st_uid != 0 && facts.st_uid != ::geteuid())
        throw Error{"cannot use " + quoted(path) + ": it belongs to uid " + std::to_string(facts.st_uid) +
                    ", so others decide what is in it; run: chown root " + path};
    if ((facts.st_mode & 022U) != 0 && !(sticky_will_do && (facts.st_mode & S_ISVTX) != 0))
        throw Error{"cannot use " + quoted(path) + ": others can write it; run: chmod go-w " + path};
}

} // namespace

bool ParsedGatewayConfig::usable() const noexcept {
    return std::none_of(problems.begin(), problems.end(), [](const auto & problem) { return problem.is_error; });
}

ParsedGatewayConfig parse_gateway_config(std::string_view text, const std::string & name) {
    const auto document = parse_document(text);
    if (!document) return {.config = {}, .problems = {{true, name + ": " + document.error().what}}};
    return Reader{name}.read(document->root);
}

ParsedGatewayConfig read_gateway_config(const std::string & path) {
    constexpr std::size_t max_bytes = 1U << 20U;
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!fd) throw SysError{errno, "cannot open the configuration " + quoted(path)};
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) throw SysError{errno, "cannot look at " + quoted(path)};
    if (!S_ISREG(facts.st_mode)) throw Error{"cannot use " + quoted(path) + ": it is not a regular file"};
    check_owner(facts, path, false);
    const bool is_for_everybody = (facts.st_mode & 04U) != 0;
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
    if (::stat(folder.c_str(), &facts) != 0) throw SysError{errno, "cannot look at " + quoted(folder)};
    check_owner(facts, folder, true);

    ParsedGatewayConfig parsed = parse_gateway_config(io::read_all(fd.get(), max_bytes, quoted(path)), path);
    if (is_for_everybody && postgres::is_address(parsed.config.database) &&
        postgres::has_password(parsed.config.database))
        throw Error{"cannot use " + quoted(path) +
                    ": it has the password of the database, and everybody can read it; " + "run: chmod o= " + path +
                    ", or keep the password in ~/.pgpass of the service's account"};
    return parsed;
}

GatewayConfig load_gateway_config(const std::string & path) {
    ParsedGatewayConfig parsed = read_gateway_config(path);
    if (!parsed.usable()) throw Error{join_lines(parsed.problems)};
    for (const ConfigProblem & problem : parsed.problems) log::warning("event=configuration " + problem.what);
    return std::move(parsed.config);
}

} // namespace shifter::service
