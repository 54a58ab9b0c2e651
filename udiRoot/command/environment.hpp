/**
 * @file
 * The command's environment: contract 1.6, with H1-5 to H1-9 done right. Data in, data out.
 */
#pragma once

#include "base/expected.hpp"
#include "request/run_request.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shifter::command {

/** An ordered list of NAME=VALUE without duplicate names. */
class Environment {
public:
    /** Sets or replaces; the variable keeps its place. */
    void set(std::string_view name, std::string_view value);
    /** `entry` is NAME=VALUE with a name; others are left out. */
    void set_entry(std::string_view entry);
    void unset(std::string_view name);
    [[nodiscard]] const std::string * find(std::string_view name) const; ///< the value, while the list is unchanged
    [[nodiscard]] std::vector<std::string> entries() const;

private:
    struct Variable {
        std::string name;
        std::string value;
    };
    std::vector<Variable> variables_;
};

/** Variables that steer the loader or the C library of whoever reads them; they never pass from the host (H1-5). */
[[nodiscard]] bool is_unsafe_variable(std::string_view name) noexcept;

/** Applies set, append, prepend, unset, in that order (H1-8). */
void apply(const EnvironmentEdit & edit, Environment & environment);

/** The lines of an env file (1.6), or the line that is wrong; empty values are allowed (H1-6). */
[[nodiscard]] Expected<std::vector<std::string>> parse_environment_file(std::string_view text);

struct EnvironmentSources {
    const std::vector<std::string> & host; ///< as received
    const ImageRecord & image;
    const RunRequest & request;
    const std::vector<std::string> & file;       ///< of --env-file
    const std::vector<const Module *> & modules; ///< in the order of selection
    const SiteConfig & site;
};

/** The seven steps of 1.6. Only the host's variables are filtered: --env, the image and the site may set any name. */
[[nodiscard]] Environment compose_environment(const EnvironmentSources & sources);

} // namespace shifter::command
