#include "service/gateway_main.hpp"

#include "api/api.hpp"
#include "api/server.hpp"
#include "auth/account_cache.hpp"
#include "base/installed_paths.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "catalog/catalog.hpp"
#include "catalog/whole_images.hpp"
#include "postgres/postgres.hpp"
#include "pull/caretaker.hpp"
#include "pull/image_archive.hpp"
#include "pull/login_check.hpp"
#include "pull/platforms.hpp"
#include "pull/pull_queue.hpp"
#include "pull/squashfs_file.hpp"
#include "service/gateway_config.hpp"
#include "service/one_use.hpp"
#include "service/prepare.hpp"
#include "service/transfer.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <ostream>

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::service {
namespace {

constexpr const char * usage =
    "usage: shifter-gateway [--config FILE] [--port-file FILE] [--role=api|worker|both]\n"
    "       shifter-gateway --check-config [FILE]\n"
    "       shifter-gateway [--config FILE] --import-mongo FILE [--dry-run]\n"
    "       shifter-gateway [--config FILE] --copy-database FROM\n"
    "  --config FILE     configuration, unless GWCONFIG names one\n"
    "  --check-config    say everything that is wrong with it, or with FILE, and end\n"
    "  --port-file FILE  write the addresses that are listened on, one a line, when requests are served\n"
    "  --role ROLE       api: answer requests, and leave pulls to others; worker: pull, and listen to nobody;\n"
    "                    both, without it. All but both needs Database: postgresql://\n"
    "  --import-mongo FILE   take over the images of a deployed gateway (mongoexport), and end\n"
    "  --dry-run             with it: only say what would be taken over\n"
    "  --copy-database FROM  copy the catalog FROM, a file of SQLite's or postgresql://…, into the empty Database of\n"
    "                        the configuration, and end; no gateway runs meanwhile\n"
    "  --version, --help\n"
    "See shifter-gateway(8).\n";

/** What this process does for the gateways that share a catalog. */
enum class Role { both, api, worker };

struct Options {
    Role role = Role::both;
    std::string config = installed::gateway_config;
    std::string port_file;
    bool check_only = false;
    std::string mongo_export; ///< import this file instead of serving
    bool dry_run = false;
    std::string copied_database;  ///< copy this one instead of serving
    const char * print = nullptr; ///< what to print instead of serving
};

Role role_named(const std::string & name) {
    if (name == "both") return Role::both;
    if (name == "api") return Role::api;
    if (name == "worker") return Role::worker;
    throw Error{"--role is api, worker or both, not " + quoted(name) + "; see --help"};
}

Options parse_options(std::span<char * const> args) {
    enum : int { config = 256, check, port_file, role, import_mongo, dry_run, copy_database, version, help };
    static const std::array<option, 10> known = {{{"config", required_argument, nullptr, config},
                                                  {"check-config", no_argument, nullptr, check},
                                                  {"port-file", required_argument, nullptr, port_file},
                                                  {"role", required_argument, nullptr, role},
                                                  {"import-mongo", required_argument, nullptr, import_mongo},
                                                  {"dry-run", no_argument, nullptr, dry_run},
                                                  {"copy-database", required_argument, nullptr, copy_database},
                                                  {"version", no_argument, nullptr, version},
                                                  {"help", no_argument, nullptr, help},
                                                  {nullptr, 0, nullptr, 0}}};
    Options options;
    ::optind = 0; // glibc: begin anew
    ::opterr = 0;
    const int count = static_cast<int>(args.size());
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    for (int word = 0; (word = ::getopt_long(count, args.data(), "+:h", known.data(), nullptr)) != -1;) {
        switch (word) {
        case config:
            options.config = ::optarg;
            break;
        case check:
            options.check_only = true;
            break;
        case port_file:
            options.port_file = ::optarg;
            break;
        case role:
            options.role = role_named(::optarg);
            break;
        case import_mongo:
            options.mongo_export = ::optarg;
            break;
        case dry_run:
            options.dry_run = true;
            break;
        case copy_database:
            options.copied_database = ::optarg;
            break;
        case version:
            options.print = "version";
            return options;
        case 'h':
        case help:
            options.print = usage;
            return options;
        case ':':
            throw Error{std::string{args[static_cast<std::size_t>(::optind) - 1]} + " needs an argument; see --help"};
        default:
            throw Error{"no option " + quoted(args[static_cast<std::size_t>(::optind) - 1]) + "; see --help"};
        }
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    if (const char * file = std::getenv("GWCONFIG"); file != nullptr && *file != '\0') options.config = file;
    if (options.check_only && ::optind < count) options.config = args[static_cast<std::size_t>(::optind++)];
    if (options.dry_run && options.mongo_export.empty()) throw Error{"--dry-run goes with --import-mongo; see --help"};
    if (::optind < count)
        throw Error{quoted(args[static_cast<std::size_t>(::optind)]) + " is one word too many; see --help"};
    return options;
}

/** Lines for the journal: priority as in sd-daemon(3), fields as the callers wrote them. */
void log_for_journal(log::Level level, std::string_view message) {
    static constexpr std::array<std::string_view, 4> words = {"<3>error ", "<4>warning ", "<6>info ", "<7>debug "};
    // Without a journal behind it, a person reads the line, or a file that has no times of its own.
    static const bool journal =
        std::getenv("JOURNAL_STREAM") != nullptr; // NOLINT(concurrency-mt-unsafe): first call is before any thread
    std::string line{words.at(static_cast<std::size_t>(level))};
    if (!journal) {
        line.erase(0, 3);
        const std::time_t now = std::time(nullptr);
        std::tm parts{};
        std::array<char, 32> text{};
        (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z ", ::localtime_r(&now, &parts));
        line.insert(0, text.data());
    }
    line += message;
    line += '\n';
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

std::map<std::string, std::unique_ptr<auth::Authenticator>> make_authenticators(const GatewayConfig & config,
                                                                                catalog::Catalog & catalog) {
    std::map<std::string, std::unique_ptr<auth::Authenticator>> authenticators;
    const auto accounts = std::make_shared<auth::AccountCache>(config.account_age); // of this host, for all systems
    for (const auto & [name, system] : config.settings.systems) {
        auto & authenticator = authenticators[name];
        if (config.authentication == Authentication::mock) {
            authenticator = auth::mock_authenticator();
            continue;
        }
        authenticator = auth::munge_authenticator(system.munge_socket, accounts);
        if (config.settings.shares_catalog) authenticator = one_use_authenticator(std::move(authenticator), catalog);
    }
    return authenticators;
}

/** Whole or not at all: whoever waits for the file reads it as soon as it is there. */
void write_port_file(const std::string & path, const std::vector<api::ListenAddress> & addresses) {
    std::string text;
    for (const api::ListenAddress & address : addresses) text += address.to_string() + "\n";
    const std::string temporary = path + ".new";
    const UniqueFd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!fd) throw SysError{errno, "cannot write " + quoted(path)};
    io::write_all(fd.get(), text, quoted(path));
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw SysError{errno, "cannot write " + quoted(path)};
}

/** From here to the end, signals that end the service are waited for, in every thread that will ever start. */
sigset_t block_ending_signals() {
    sigset_t ending;
    ::sigemptyset(&ending);
    ::sigaddset(&ending, SIGTERM);
    ::sigaddset(&ending, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);
    (void)std::signal(SIGHUP, SIG_IGN);
    return ending;
}

void wait_for(const sigset_t & ending) {
    int signal_number = 0;
    (void)::sigwait(&ending, &signal_number);
    log::info("event=stopping signal=" + std::to_string(signal_number));
}

/** --role=worker: pulls what others were asked for. */
void work(const Options & options, const GatewayConfig & config) {
    const sigset_t ending = block_ending_signals();
    prepare_directories(config);
    const auto claims = claim_storage(config);
    const auto catalog = open_catalog(config);
    const pull::PullQueue queue{config.settings, *catalog};
    const pull::Caretaker caretaker{config.settings, *catalog};
    if (!options.port_file.empty()) write_port_file(options.port_file, {});
    log::info(std::string{"event=working version="} + installed::version);
    wait_for(ending);
}

/** What a pull has held goes back to the node: in the allocator's pools its peak would stay. */
void return_memory_at_once() {
    // Smaller buffers, those of connections (32 KiB), come and go too often for a mapping each; the server gives them
    // back after a storm. NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    (void)::mallopt(M_MMAP_THRESHOLD, 64 << 10);
}

void serve(const Options & options, const GatewayConfig & config) {
    return_memory_at_once();
    const sigset_t ending = block_ending_signals();
    prepare_directories(config);
    // First of all: a second gateway, started by mistake, ends here, before it takes up the pulls of the first.
    auto sockets = api::listen_on(config.listen);
    const auto claims = claim_storage(config);
    const auto catalog = open_catalog(config);
    pull::PullQueue queue{config.settings, *catalog};
    const api::StorageWatch storage{config.settings};
    std::optional<pull::Caretaker> caretaker;
    if (config.settings.converts) caretaker.emplace(config.settings, *catalog);
    catalog::WholeImages whole_images;
    pull::UploadStore uploads{config.settings};
    api::Api api{{.settings = config.settings,
                  .catalog = *catalog,
                  .submit = [&queue](const catalog::ImageKey & key, const auth::Caller & caller,
                                     const Acl & readers) { return queue.submit(key, caller, readers); },
                  .authenticators = make_authenticators(config, *catalog),
                  .now = wall_clock,
                  .anonymous_read = config.anonymous_read,
                  .status_page = config.status_page,
                  .ui_directory = std::string{installed::prefix} + "/share/shifter/ui",
                  .storage = [&storage] { return storage.latest(); },
                  .is_whole = [&whole_images](const pull::System & system,
                                              const ImageId & id) { return whole_images.is_whole(system.storage, id); },
                  .check_login =
                      [&config](const std::string & location, const auth::Caller & caller) {
                          return pull::check_login(config.settings, location, caller.locations);
                      },
                  .uploads = &uploads,
                  .piece_bytes = config.server.max_body_bytes,
                  .submit_archive =
                      [&queue, &config](const catalog::ImageKey & key, const auth::Caller & caller, const Acl & readers,
                                        std::shared_ptr<const pull::SharedFile> file) {
                          return queue.submit_content(
                              key, caller, readers,
                              pull::archive_origin(config.settings, pull::name_of(key.tag), std::move(file)));
                      },
                  .submit_squashfs =
                      [&queue, &config](const catalog::ImageKey & key, const auth::Caller & caller, const Acl & readers,
                                        std::shared_ptr<const pull::SharedFile> file, bool is_copied) {
                          return queue.submit_content(key, caller, readers,
                                                      pull::squashfs_origin(config.settings, pull::name_of(key.tag),
                                                                            std::move(file), is_copied));
                      }}};
    const api::HttpServer server{std::move(sockets), config.server,
                                 [&api](const api::Request & request) { return api.handle(request); }};
    if (!options.port_file.empty()) write_port_file(options.port_file, server.addresses());
    for (const api::ListenAddress & address : server.addresses())
        log::info(std::string{"event=listening version="} + installed::version + " address=" + address.to_string());
    if (config.authentication == Authentication::mock)
        log::warning("event=mock Authentication is mock: every caller is believed");
    wait_for(ending);
}

/** A note is a problem here: who checks wants to know that a key has no effect. */
int check_config(const std::string & path, std::ostream & out, std::ostream & err) {
    const ParsedGatewayConfig parsed = read_gateway_config(path);
    for (const ConfigProblem & problem : parsed.problems)
        err << "shifter-gateway: " << (problem.is_error ? "" : "warning: ") << problem.what << '\n';
    if (!parsed.problems.empty()) return static_cast<int>(ExitStatus::failed);
    out << path << ": usable\n";
    return static_cast<int>(ExitStatus::success);
}

} // namespace

int gateway_main(std::span<char * const> args, std::ostream & out, std::ostream & err) {
    log::set_program("shifter-gateway");
    try {
        const Options options = parse_options(args);
        if (options.print != nullptr) {
            if (options.print == usage)
                out << usage;
            else
                out << "shifter-gateway " << installed::version << '\n';
            return static_cast<int>(ExitStatus::success);
        }
        if (options.check_only) return check_config(options.config, out, err);
        GatewayConfig config = load_gateway_config(options.config);
        config.settings.shares_catalog = postgres::is_address(config.database);
        config.settings.converts = options.role != Role::api;
        if (options.role != Role::both && !config.settings.shares_catalog)
            throw Error{"--role=api and --role=worker need a catalog that gateways can share; set Database to "
                        "postgresql://… in " +
                        quoted(options.config)};
        config.settings.suppress_acl_in_meta =
            std::getenv("DISABLE_ACL_METADATA") != nullptr; // NOLINT(concurrency-mt-unsafe)
        if (::geteuid() == 0)
            throw Error{"cannot run as root: what comes from registries is handled without privilege (I25); start it "
                        "by its own account, "
                        "for example User=shifter in the systemd unit"};
        if (!options.mongo_export.empty()) return take_over(config, options.mongo_export, options.dry_run, out);
        if (!options.copied_database.empty()) return copy_database(config, options.copied_database, out);
        (void)::umask(077); // files are opened to others on purpose, by the publisher alone (I33)
        // Registry logins pass through memory: no core file, and no look from other processes of this account (I36).
        (void)::prctl(PR_SET_DUMPABLE, 0);
        log::set_level(config.log_level);
        log::set_sink(log_for_journal);
        options.role == Role::worker ? work(options, config) : serve(options, config);
        return static_cast<int>(ExitStatus::success);
    } catch (const std::exception & error) {
        err << "shifter-gateway: " << error.what() << std::endl;
        return static_cast<int>(ExitStatus::failed);
    }
}

} // namespace shifter::service
