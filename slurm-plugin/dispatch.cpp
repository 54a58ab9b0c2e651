/**
 * @file
 * What Slurm calls: one short function a hook, which asks the layer and tells Slurm. No exception leaves, and no hook
 * on a node ever fails, since that would drain the node for a user's mistake (R13, I39).
 *
 * Facts about Slurm that are not in spank(8), each seen in the tests of tests/cluster:
 * - a value from the environment is presented first, by the pointer that getenv(3) gives; the command line follows;
 * - on the node each option arrives twice, first as it was typed, then as the submission rewrote it;
 * - init_post_opt runs once for each component of a heterogeneous job, in one process.
 */
#include "slurm-plugin/hooks.hpp"

#include "base/error.hpp"
#include "base/installed_paths.hpp"
#include "base/log.hpp"

#include <cstdlib>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
// A const object has internal linkage in C++; Slurm looks these up.
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;
SPANK_PLUGIN(shifter, 1)
}

namespace shifter::slurm_plugin {

State & state() {
    static State instance;
    return instance;
}

void say_error(const std::string & sentence) { ::slurm_error("shifter: %s", log::one_line(sentence).c_str()); }

const char * written_name(const OptionName & entry) {
    return state().config.long_options ? entry.long_name : entry.name;
}

std::string option_variable(Option option) {
    for (const OptionName & entry : option_names) {
        if (entry.option != option || written_name(entry) == nullptr) continue;
        std::string name = std::string{"_SLURM_SPANK_OPTION_shifter_"} + written_name(entry);
        for (char & c : name)
            if (c == '.' || c == '-') c = '_';
        return name;
    }
    return {};
}

const SiteConfig & client_site() {
    State & s = state();
    if (!s.off.empty()) throw Error{"the plugin is off: " + s.off};
    if (!s.site)
        s.site = with_context("the plugin is off", [&] { return load_site_config_as_user(s.config.site_config); });
    return *s.site;
}

namespace {

/** The programs that build roots read the installed configuration alone (I8), so another one would not be theirs. */
std::optional<std::string> refuse_configuration(const std::string & path) {
    struct stat named {};
    struct stat installed_one {};
    if (path == installed::site_config || ::stat(path.c_str(), &named) != 0)
        return std::nullopt; // if missing, reading tells
    if (::stat(installed::site_config, &installed_one) == 0 && named.st_dev == installed_one.st_dev &&
        named.st_ino == installed_one.st_ino)
        return std::nullopt;
    return "plugstack.conf: shifter_config=" + path + " is another file than " + installed::site_config +
           ", which shifter and setupRoot read; leave the argument out";
}

} // namespace

void read_arguments(int count, char * arguments[]) {
    State & s = state();
    auto config =
        parse_plugin_arguments({const_cast<const char * const *>(arguments), static_cast<std::size_t>(count)});
    if (config) {
        s.config = std::move(*config);
        s.off = refuse_configuration(s.config.site_config).value_or("");
    } else {
        s.off = "plugstack.conf: " + config.error().what;
    }
}

} // namespace shifter::slurm_plugin

namespace {

using namespace shifter;
using namespace shifter::slurm_plugin;

/** From init_post_opt: only a negative value stops a submission; Slurm goes on after its own ESPANK_ERROR. */
constexpr int stop_submission = -1;

int take_option(int which, const char * value, int remote) noexcept {
    return guarded(remote != 0 ? ESPANK_SUCCESS : ESPANK_ERROR, [&]() -> int {
        State & s = state();
        const auto option = static_cast<Option>(which);
        const std::string text = value == nullptr ? std::string{} : std::string{value};
        if (remote != 0) {
            if (option == Option::image) s.step.image = text;
            if (option == Option::volume) s.step.volumes = text;
            if (option == Option::module) s.step.modules = text;
            if (option == Option::run) s.step.run = text;
            return ESPANK_SUCCESS;
        }
        const std::string variable = "SLURM_SPANK_" + option_variable(option);
        // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
        const bool inherited = value != nullptr && value == std::getenv(variable.c_str());
        const Origin origin = inherited ? Origin::environment : Origin::command;
        if (const auto why = s.options.take(option, text, origin, client_site())) {
            say_error(*why);
            return ESPANK_ERROR;
        }
        return ESPANK_SUCCESS;
    });
}

void register_options(spank_t spank) {
    for (const OptionName & entry : option_names) {
        const char * const name = written_name(entry);
        if (name == nullptr) continue; // H10-2: --ccm has no long form
        std::string usage = entry.usage;
        spank_option option{};
        option.name = const_cast<char *>(name); // Slurm copies what it gets
        option.arginfo = const_cast<char *>(entry.argument);
        option.usage = usage.data();
        option.has_arg = entry.argument == nullptr ? 0 : entry.argument_optional ? 2 : 1;
        option.val = static_cast<int>(entry.option);
        option.cb = take_option;
        if (const auto result = ::spank_option_register(spank, &option); result != ESPANK_SUCCESS)
            say_error("Slurm does not take the option --" + std::string{name} + ": " + ::spank_strerror(result));
    }
}

/** In slurmd, at its start: the one place where the admin hears of a broken configuration that no job has met yet. */
void check_configuration() {
    State & s = state();
    for (const std::string & note : s.config.notes) ::slurm_info("shifter: plugstack.conf: %s", note.c_str());
    if (s.off.empty()) (void)load_site_config(s.config.site_config);
}

/** A task that cannot be as it should ends here, also where plugstack.conf says "optional": never outside. */
template <class Action> int or_end(const Action & action) noexcept {
    if (guarded(ESPANK_ERROR, [&]() -> int { return action(), ESPANK_SUCCESS; }) != ESPANK_SUCCESS) ::_exit(1);
    return ESPANK_SUCCESS;
}

} // namespace

extern "C" int slurm_spank_init(spank_t spank, int count, char * arguments[]) {
    return guarded(ESPANK_SUCCESS, [&]() -> int {
        State & s = state();
        // Warnings of the configuration are the admin's, and go to the log of slurmd alone.
        log::set_sink([](log::Level, std::string_view message) {
            if (::spank_context() == S_CTX_SLURMD)
                ::slurm_info("shifter: %.*s", static_cast<int>(message.size()), message.data());
        });
        read_arguments(count, arguments);
        if (::spank_context() == S_CTX_SLURMD) {
            if (!s.off.empty()) throw Error{"the plugin is off: " + s.off};
            with_context("the plugin is off", check_configuration);
            return ESPANK_SUCCESS;
        }
        register_options(spank);
        return ESPANK_SUCCESS;
    });
}

extern "C" int slurm_spank_init_post_opt(spank_t spank, int, char *[]) {
    switch (::spank_context()) {
    case S_CTX_LOCAL:
    case S_CTX_ALLOCATOR:
        return guarded(stop_submission, [&] { return submit(spank); });
    case S_CTX_REMOTE:
        return guarded(ESPANK_SUCCESS, [&]() -> int { return step_begins(spank), ESPANK_SUCCESS; });
    case S_CTX_ERROR:
    case S_CTX_SLURMD:
    case S_CTX_JOB_SCRIPT:
        break;
    }
    return ESPANK_SUCCESS;
}

// Slurm calls neither init nor the options' functions before these two, which have a process of their own.
extern "C" int slurm_spank_job_prolog(spank_t spank, int count, char * arguments[]) {
    return guarded(ESPANK_SUCCESS, [&]() -> int {
        read_arguments(count, arguments);
        if (state().off.empty()) job_arrives(spank);
        return ESPANK_SUCCESS;
    });
}

extern "C" int slurm_spank_job_epilog(spank_t spank, int, char *[]) {
    return guarded(ESPANK_SUCCESS, [&]() -> int { return job_leaves(spank), ESPANK_SUCCESS; });
}

extern "C" int slurm_spank_task_post_fork(spank_t spank, int, char *[]) {
    return guarded(ESPANK_SUCCESS, [&]() -> int { return extern_step_runs(spank), ESPANK_SUCCESS; });
}

extern "C" int slurm_spank_task_init_privileged(spank_t spank, int, char *[]) {
    return or_end([&] { task_enters(spank); });
}

extern "C" int slurm_spank_task_init(spank_t spank, int, char *[]) {
    return or_end([&] { task_starts(spank); });
}
