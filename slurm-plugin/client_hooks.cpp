// In srun, sbatch and salloc: what the user asked for is decided once, and written into the job. Contract 10.3, 10.4.
#include "slurm-plugin/hooks.hpp"

#include "base/error.hpp"
#include "frontend/platform_images.hpp"

#include <cstdlib>

namespace shifter::slurm_plugin {
namespace {

std::optional<std::string> own_variable(const std::string & name) {
    const char * const value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): Slurm calls from one thread
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

void give_to_prolog(spank_t spank, const Variable & variable) {
    if (const auto result = ::spank_job_control_setenv(spank, variable.name.c_str(), variable.value.c_str(), 1);
        result != ESPANK_SUCCESS)
        throw Error{"Slurm does not take " + variable.name + " for the job: " + ::spank_strerror(result)};
}

/** A value for prolog, epilog, the batch script and the shell of salloc, and for the steps of srun. */
void give_to_job(spank_t spank, const Variable & variable, Origin origin) {
    give_to_prolog(spank, variable);
    // The environment of the client command becomes the job's; names that begin with SLURM_ pass --export=NONE as well.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    if (::setenv(("SLURM_SPANK_" + variable.name).c_str(), variable.value.c_str(), 1) != 0)
        throw SysError{errno, "cannot pass on " + variable.name};
    // What this command was told itself also wins over SHIFTER_* variables that are around.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    if (origin == Origin::command && ::setenv(variable.name.c_str(), variable.value.c_str(), 1) != 0)
        throw SysError{errno, "cannot pass on " + variable.name};
}

/** Steps inherit options by this variable: with what was decided in place of what was typed. */
void rewrite_option(spank_t spank, Option option, const std::string & value) {
    const std::string name = option_variable(option);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    if (::setenv(name.c_str(), value.c_str(), 1) != 0) throw SysError{errno, "cannot pass on " + name};
    give_to_prolog(spank, {name, value});
}

Lookup find_identifier(const ImageRequest & request) {
    return with_context("cannot use image " + request.to_string(), [&] {
        Lookup lookup = look_up(request, client_site());
        for (const std::string & remark : lookup.remarks) ::slurm_info("shifter: %s", remark.c_str());
        return lookup;
    });
}

/** An identifier that is named here is meant, whatever it is one of several in the job around. */
void forget_images_of_job_around() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    ::unsetenv(frontend::platform_images_variable);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    ::unsetenv((std::string{"SLURM_SPANK_"} + frontend::platform_images_variable).c_str());
}

/**
 * The environment of a heterogeneous job is the first component's, in all its steps; the prolog of each component has
 * variables of its own. So the others' images are told there, with the one in whose place they stand.
 */
void give_image(spank_t spank, const Given<ImageRequest> & image) {
    std::optional<FixedImage> & first = state().first_image;
    if (!first) {
        state().first_request = image.value;
        first = fix_image(*image.value, own_variable, find_identifier);
        if (image.origin == Origin::command) forget_images_of_job_around();
        for (const Variable & variable : image_variables(*first)) give_to_job(spank, variable, image.origin);
        rewrite_option(spank, Option::image, first->option_text());
        return;
    }
    const FixedImage own =
        image.value == state().first_request ? *first : fix_image(*image.value, own_variable, find_identifier);
    for (const Variable & variable : image_variables(own)) give_to_prolog(spank, variable);
    if (own.option_text() != first->option_text()) give_to_prolog(spank, {first_image_variable, first->option_text()});
}

/** Whether srun begins a step in the job around it, and no job of its own. */
// NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
bool begins_step() { return ::spank_context() == S_CTX_LOCAL && std::getenv("SLURM_JOB_ID") != nullptr; }

/** Keys of the job's own, which its nodes alone can open. Without them the job runs all the same. */
void give_ssh_keys(spank_t spank) {
    try {
        const SshKeys keys = make_ssh_keys();
        give_to_prolog(spank, {ssh_keys_variable, keys.credential});
        give_to_prolog(spank, {ssh_public_key_variable, keys.public_key});
    } catch (const Error & error) {
        ::slurm_info("shifter: no ssh into the containers of this job: %s", error.what());
    }
}

/** A step's own image is not what its component has. Of a new job, nothing of the job around it says so. */
void mark_image_of_step(bool in_job, Origin origin) {
    const std::string name = std::string{"SLURM_SPANK_"} + step_image_variable;
    if (!in_job) ::unsetenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): Slurm calls from one thread
    // NOLINTNEXTLINE(concurrency-mt-unsafe): Slurm calls from one thread
    else if (origin == Origin::command && ::setenv(name.c_str(), "yes", 1) != 0)
        throw SysError{errno, "cannot pass on " + name};
}

} // namespace

int submit(spank_t spank) {
    Options & options = state().options;
    const bool in_job = begins_step();
    if (const auto why = options.refuse_combination(in_job)) throw Error{*why};
    if (const auto & image = options.image(); image.value) {
        give_image(spank, image);
        mark_image_of_step(in_job, image.origin);
        if (state().config.sshd && !in_job) give_ssh_keys(spank);
    }
    if (const auto & volumes = options.volumes(); volumes.value) {
        give_to_job(spank, {volume_variable, *volumes.value}, volumes.origin);
        rewrite_option(spank, Option::volume, *volumes.value);
    }
    if (const auto & modules = options.modules(); modules.value)
        give_to_job(spank, {module_variable, *modules.value}, modules.origin);
    // Not under their own names: `shifter` does not read them, it has options for all of this.
    if (const auto & run = options.run(); run.value) {
        give_to_job(spank, {run_variable, *run.value ? "yes" : "no"}, Origin::environment);
        rewrite_option(spank, Option::run, *run.value ? "yes" : "no");
    }
    if (const auto & workdir = options.workdir(); workdir.value)
        give_to_job(spank, {workdir_variable, *workdir.value}, Origin::environment);
    if (const auto & entrypoint = options.entrypoint(); entrypoint.value)
        give_to_job(spank, {entrypoint_variable, *entrypoint.value}, Origin::environment);
    if (const auto & env = options.env(); env.value) {
        give_to_job(spank, {env_variable, *env.value}, Origin::environment);
        rewrite_option(spank, Option::env, *env.value);
    }
    options.end_component();
    return ESPANK_SUCCESS;
}

} // namespace shifter::slurm_plugin
