/**
 * @file
 * imagemanager.json: what the admin of the gateway decided. Contract 7.9, and keys of our own with defaults.
 *
 * One table of keys (config_keys.cpp) gives the parser, the sample in etc/, the reference page and the man page.
 */
#pragma once

#include "api/listen_address.hpp"
#include "api/server.hpp"
#include "base/log.hpp"
#include "pull/gateway_settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shifter::service {

enum class Authentication { munge, mock };

struct GatewayConfig {
    pull::GatewaySettings settings;
    std::vector<api::ListenAddress> listen = {{.host = "127.0.0.1", .port = 5000}};
    /** Address of a PostgreSQL server, or path of the SQLite file; set from CacheDirectory when the key is absent. */
    std::string database;
    log::Level log_level = log::Level::info;
    Authentication authentication = Authentication::munge;
    std::chrono::seconds account_age{5}; ///< for so long somebody's groups are believed
    bool anonymous_read = false;
    bool status_page = true;
    api::ServerLimits server;
};

/** One finding: a note is logged, an error keeps the service from starting. */
struct ConfigProblem {
    bool is_error = false;
    std::string what; ///< "file:line: key: sentence"
};

struct ParsedGatewayConfig {
    GatewayConfig config;
    std::vector<ConfigProblem> problems; ///< all of them, in the document's order
    [[nodiscard]] bool usable() const noexcept;
};

/** Reads a configuration; `name` stands in front of each problem. Touches no file but to see that sslcacert is there.
 */
[[nodiscard]] ParsedGatewayConfig parse_gateway_config(std::string_view text, const std::string & name);

/** The problems of the file at `path`, for people who check it. @throws Error when it cannot be read, or trusted */
[[nodiscard]] ParsedGatewayConfig read_gateway_config(const std::string & path);

/**
 * Reads the file at `path`, after its descriptor has shown that nobody but root or this account could have written it.
 * @throws Error  that says what to chmod or chown; or with every problem, one a line
 */
[[nodiscard]] GatewayConfig load_gateway_config(const std::string & path);

/** docs/reference/imagemanager.json.md, the man page imagemanager.json(5), and etc/imagemanager.json, from the table.
 */
[[nodiscard]] std::string gateway_config_reference();
[[nodiscard]] std::string gateway_config_manual();
[[nodiscard]] std::string sample_gateway_config();

} // namespace shifter::service
