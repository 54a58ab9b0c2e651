#include "site/site_config.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "site/config_lines.hpp"
#include "site/config_names.hpp"
#include "site/site_config_keys.hpp"

#include <algorithm>
#include <set>

namespace shifter {
namespace {

constexpr std::size_t max_text_bytes = std::size_t{4} << 20U;
constexpr std::size_t max_problems = 100;
constexpr std::string_view module_prefix = "module_";

template <class Keys> auto find_key(const Keys & keys, std::string_view name) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto & key) { return key.name == name; });
    return found == keys.end() ? nullptr : &*found;
}

const ModuleKey * find_module_key(std::string_view name) {
    const auto & keys = module_keys();
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [&](const ModuleKey & key) { return key.name == name || key.alias == name; });
    return found == keys.end() ? nullptr : &*found;
}

template <class Keys> std::vector<std::string_view> names_of(const Keys & keys) {
    std::vector<std::string_view> names;
    names.reserve(keys.size());
    for (const auto & key : keys) names.push_back(key.name);
    return names;
}

class Parser {
public:
    void read(const ConfigText & text) {
        if (main_file_.empty()) main_file_ = text.name;
        file_ = text.name;
        if (text.text.size() > max_text_bytes) return report(Severity::error, 0, "", "it has more than 4 MiB");
        const ConfigLines content = read_config_lines(text.text);
        // Lines and problems are each in the order of the file; the report is so as a whole.
        auto problem = content.problems.begin();
        const auto report_before = [&](unsigned line) {
            for (; problem != content.problems.end() && problem->number < line; ++problem)
                report(problem->is_error ? Severity::error : Severity::warning, problem->number, "", problem->what);
        };
        for (const ConfigLine & line : content.lines) {
            report_before(line.number);
            assign(line);
            if (is_full()) return;
        }
        report_before(static_cast<unsigned>(-1));
    }

    ParsedSiteConfig finish() {
        check_required();
        check_mount_points();
        check_destinations();
        check_modules();
        return std::move(result_);
    }

private:
    struct Place {
        std::string file;
        unsigned line = 0;
        bool has_value = false;
    };

    [[nodiscard]] bool is_full() const noexcept { return result_.problems.size() > max_problems; }

    void report(Severity severity, unsigned line, const std::string & key, std::string what) {
        auto & problems = result_.problems;
        if (problems.size() == max_problems)
            problems.push_back(
                {Severity::error, file_, line, "", "there are more than 100 problems; the others are not shown"});
        if (!is_full()) problems.push_back({severity, file_, line, key, std::move(what)});
    }

    /** About a key that has been read, or should have been. */
    void report_at(const std::string & key, Severity severity, std::string what) {
        const auto place = places_.find(key);
        file_ = place == places_.end() ? main_file_ : place->second.file;
        report(severity, place == places_.end() ? 0 : place->second.line, key, std::move(what));
    }

    template <class Keys> void report_unknown(const ConfigLine & line, std::string_view name, const Keys & keys) {
        const bool fatal = could_grant(name);
        const std::string what =
            fatal ? "unknown key, and its name could grant something" : "unknown key, which is ignored";
        report(fatal ? Severity::error : Severity::warning, line.number, line.key,
               what + suggest_name(names_of(keys), name));
    }

    template <class Target> void set(const Setter<Target> & setter, Target & target, const ConfigLine & line) {
        places_[line.key] = {file_, line.number, !line.value.empty()};
        if (const auto why = setter(target, line.value)) report(Severity::error, line.number, line.key, *why);
    }

    void assign(const ConfigLine & line) {
        const std::string_view name = line.key;
        if (name.substr(0, module_prefix.size()) == module_prefix) {
            assign_to_module(line);
        } else if (const IgnoredKey * ignored = find_key(ignored_keys(), name)) {
            if (!ignored->note.empty()) report(Severity::warning, line.number, line.key, std::string{ignored->note});
        } else if (const ConfigKey * key = find_key(site_config_keys(), name)) {
            set(key->set, result_.config, line);
        } else {
            report_unknown(line, name, site_config_keys());
        }
    }

    /** module_<name>_<subkey>: the name may hold '_' itself (H3-7). */
    void assign_to_module(const ConfigLine & line) {
        const std::size_t last = line.key.rfind('_');
        if (last < module_prefix.size()) return report_unknown(line, line.key, site_config_keys());
        const std::string name = line.key.substr(module_prefix.size(), last - module_prefix.size());
        const std::string subkey = line.key.substr(last + 1);
        if (!is_module_name(name))
            return report(Severity::error, line.number, line.key, quoted(name) + " cannot be the name of a module");
        Module & module = result_.config.modules[name];
        module.name = name;
        if (const ModuleKey * key = subkey.empty() ? nullptr : find_module_key(subkey)) {
            set(key->set, module, line);
        } else {
            report_unknown(line, subkey, module_keys());
        }
    }

    void check_required() {
        for (const ConfigKey & key : site_config_keys()) {
            const auto place = places_.find(std::string{key.name});
            if (key.required && (place == places_.end() || !place->second.has_value))
                report_at(std::string{key.name}, Severity::error, "it is required, and has no value");
        }
    }

    void check_mount_points() {
        const auto udi = ContainerPath::parse(result_.config.udi_mount);
        const auto loop = ContainerPath::parse(result_.config.loop_mount);
        if (udi && loop && (udi->is_at_or_below(*loop) || loop->is_at_or_below(*udi)))
            report_at("loopMount", Severity::error, "it and udiMount are one directory, or one lies in the other");
    }

    void check_destinations() {
        std::set<std::string_view> seen;
        for (const Volume & volume : result_.config.site_fs)
            if (!seen.insert(volume.to.to_string()).second)
                report_at("siteFs", Severity::warning,
                          volume.to.to_string() + " is mounted twice; the later entry hides the earlier one");
    }

    void check_modules() {
        const SiteConfig & config = result_.config;
        for (const auto & [name, module] : config.modules)
            for (const std::string & other : module.conflicts)
                if (config.modules.count(other) == 0)
                    report_at("module_" + name + "_conflict", Severity::error, "there is no module " + quoted(other));
        const auto defaults = select_modules(config, text::join(config.default_modules, ","));
        if (!defaults) report_at("defaultModules", Severity::error, defaults.error().what);
    }

    ParsedSiteConfig result_;
    std::string main_file_;
    std::string file_;                    ///< that is being read
    std::map<std::string, Place> places_; ///< where each key was set last
};

} // namespace

std::string ConfigProblem::to_string() const {
    std::string text = file;
    if (line > 0) text += ":" + std::to_string(line);
    if (!key.empty()) text += ": " + key;
    return text + ": " + what;
}

bool ParsedSiteConfig::usable() const noexcept {
    return std::none_of(problems.begin(), problems.end(),
                        [](const ConfigProblem & problem) { return problem.severity == Severity::error; });
}

ParsedSiteConfig parse_site_config(const std::vector<ConfigText> & texts) {
    Parser parser;
    for (const ConfigText & text : texts) parser.read(text);
    return parser.finish();
}

} // namespace shifter
