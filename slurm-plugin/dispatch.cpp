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
#include "base/log.hpp"
#include "slurm-plugin/options.hpp"
#include "slurm-plugin/plugin_config.hpp"
#include "slurm-plugin/step.hpp"
#include "slurm-plugin/submit.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

extern "C" {
#include <slurm/slurm_errno.h>
#include <slurm/spank.h> // its hooks have no extern "C" of their own
// A const object has internal linkage in C++; Slurm looks these up.
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;
SPANK_PLUGIN(shifter, 1)
}

namespace {

using namespace shifter;
using namespace shifter::slurm_plugin;

/** From init_post_opt: only a negative value stops a submission; Slurm goes on after its own ESPANK_ERROR. */
constexpr int stop_submission = -1;

struct OptionName {
    Option option;
    const char * name;
    const char * long_name;
    const char * argument; ///< null: the option takes none
    const char * usage;
};

constexpr std::array option_names = {
    OptionName{Option::image, "image", "shifter.image", "[TYPE:]NAME",
               "container image of the job, found once, at submission"},
    OptionName{Option::volume, "volume", "shifter.volume", "FROM:TO[:FLAG];...",
               "bind mounts in the container; may be repeated"},
    OptionName{Option::module, "module", "shifter.module", "NAME,...", "modules of the site for the container"},
    OptionName{Option::ccm, "ccm", nullptr, nullptr, "not offered by this release"},
};

/** All that lives between two hooks of one process. */
struct State {
    PluginConfig config;
    std::string off;                ///< why the plugin does nothing; empty: it works
    std::optional<SiteConfig> site; ///< read when an option needs it: other jobs do not pay for it (H10-1)
    Options options;
    std::optional<FixedImage> image; ///< of the first component: the others have the same
    StepOptions step;
};

State & state() {
    static State instance;
    return instance;
}

void say_error(const std::string & sentence) { ::slurm_error("shifter: %s", log::one_line(sentence).c_str()); }

/** Runs a hook; what it throws becomes a line. */
template <class Action> int guarded(int on_failure, Action && action) noexcept {
    try {
        return action();
    } catch (const std::exception & error) {
        try {
            say_error(error.what());
        } catch (...) {
            ::slurm_error("shifter: out of memory");
        }
    } catch (...) {
        ::slurm_error("shifter: unknown failure");
    }
    return on_failure;
}

std::optional<std::string> own_variable(const std::string & name) {
    const char * const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

const char * written_name(const OptionName & entry) {
    return state().config.long_options ? entry.long_name : entry.name;
}

/** Slurm's name for the variable in which an option travels. */
std::string option_variable(const OptionName & entry) {
    std::string name = std::string{"_SLURM_SPANK_OPTION_shifter_"} + written_name(entry);
    for (char & c : name)
        if (c == '.') c = '_';
    return name;
}

const OptionName & entry_of(Option option) {
    for (const OptionName & entry : option_names)
        if (entry.option == option) return entry;
    return option_names.front();
}

const SiteConfig & site() {
    State & s = state();
    if (!s.off.empty()) throw Error{"the plugin is off: " + s.off};
    if (!s.site)
        s.site = with_context("the plugin is off", [&] { return load_site_config_as_user(s.config.site_config); });
    return *s.site;
}

int take_option(int which, const char * value, int remote) noexcept {
    return guarded(remote != 0 ? ESPANK_SUCCESS : ESPANK_ERROR, [&]() -> int {
        State & s = state();
        const auto option = static_cast<Option>(which);
        const std::string text = value == nullptr ? std::string{} : std::string{value};
        if (remote != 0) {
            if (option == Option::image) s.step.image = text;
            if (option == Option::volume) s.step.volumes = text;
            if (option == Option::module) s.step.modules = text;
            return ESPANK_SUCCESS;
        }
        const std::string variable =
            option == Option::ccm ? std::string{} : "SLURM_SPANK_" + option_variable(entry_of(option));
        const bool inherited = value != nullptr && !variable.empty() && value == std::getenv(variable.c_str());
        if (const auto why = s.options.take(option, text, inherited ? Origin::environment : Origin::command, site())) {
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
        option.has_arg = entry.argument == nullptr ? 0 : 1;
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

/** A value for prolog, epilog, the batch script and the shell of salloc, and for the steps of srun. */
void give_to_job(spank_t spank, const Variable & variable, Origin origin) {
    if (const auto result = ::spank_job_control_setenv(spank, variable.name.c_str(), variable.value.c_str(), 1);
        result != ESPANK_SUCCESS)
        throw Error{"Slurm does not take " + variable.name + " for the job: " + ::spank_strerror(result)};
    // The environment of the client command becomes the job's; names that begin with SLURM_ pass --export=NONE as well.
    if (::setenv(("SLURM_SPANK_" + variable.name).c_str(), variable.value.c_str(), 1) != 0)
        throw SysError{errno, "cannot pass on " + variable.name};
    // What this command was told itself also wins over SHIFTER_* variables that are around.
    if (origin == Origin::command && ::setenv(variable.name.c_str(), variable.value.c_str(), 1) != 0)
        throw SysError{errno, "cannot pass on " + variable.name};
}

/** Steps inherit options by this variable: with what was decided in place of what was typed. */
void rewrite_option(spank_t spank, Option option, const std::string & value) {
    const std::string name = option_variable(entry_of(option));
    if (::setenv(name.c_str(), value.c_str(), 1) != 0) throw SysError{errno, "cannot pass on " + name};
    if (const auto result = ::spank_job_control_setenv(spank, name.c_str(), value.c_str(), 1); result != ESPANK_SUCCESS)
        throw Error{"Slurm does not take " + name + " for the job: " + ::spank_strerror(result)};
}

std::string find_identifier(const ImageRequest & request) {
    return with_context("cannot use image " + request.to_string(), [&] {
        const Lookup lookup = look_up(request, site());
        for (const std::string & remark : lookup.remarks) ::slurm_info("shifter: %s", remark.c_str());
        return lookup.identifier;
    });
}

int submit(spank_t spank) {
    Options & options = state().options;
    if (const auto why = options.refuse_combination()) throw Error{*why};
    if (const auto & image = options.image(); image.value) {
        std::optional<FixedImage> & fixed = state().image;
        if (!fixed) fixed = fix_image(*image.value, own_variable, find_identifier);
        for (const Variable & variable : image_variables(*fixed)) give_to_job(spank, variable, image.origin);
        rewrite_option(spank, Option::image, fixed->option_text());
    }
    if (const auto & volumes = options.volumes(); volumes.value) {
        give_to_job(spank, {volume_variable, *volumes.value}, volumes.origin);
        rewrite_option(spank, Option::volume, *volumes.value);
    }
    if (const auto & modules = options.modules(); modules.value)
        give_to_job(spank, {module_variable, *modules.value}, modules.origin);
    options.end_component();
    return ESPANK_SUCCESS;
}

int begin_step(spank_t spank) {
    char ** environment = nullptr;
    if (::spank_get_item(spank, S_JOB_ENV, &environment) != ESPANK_SUCCESS || environment == nullptr)
        return ESPANK_SUCCESS;
    const auto find = [&](const std::string & name) -> std::optional<std::string> {
        for (char ** entry = environment; *entry != nullptr; ++entry)
            if (std::strncmp(*entry, name.c_str(), name.size()) == 0 && (*entry)[name.size()] == '=')
                return std::string{*entry + name.size() + 1};
        return std::nullopt;
    };
    for (const Variable & variable : step_variables(find, state().step))
        (void)::spank_setenv(spank, variable.name.c_str(), variable.value.c_str(), 1); // the step does without, then
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
        auto config =
            parse_plugin_arguments({const_cast<const char * const *>(arguments), static_cast<std::size_t>(count)});
        if (config) {
            s.config = std::move(*config);
        } else {
            s.off = "plugstack.conf: " + config.error().what;
        }
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
        return guarded(ESPANK_SUCCESS, [&] { return begin_step(spank); });
    case S_CTX_ERROR:
    case S_CTX_SLURMD:
    case S_CTX_JOB_SCRIPT:
        break;
    }
    return ESPANK_SUCCESS;
}
