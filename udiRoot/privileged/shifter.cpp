// shifter (4755 root): the table of contents of a launch. What runs as root is in this folder, and nowhere else.
#include "base/installed_paths.hpp"
#include "base/log.hpp"
#include "command/choice.hpp"
#include "command/run.hpp"
#include "privileged/accounts.hpp"
#include "privileged/frontend_process.hpp"
#include "privileged/job_root.hpp"
#include "privileged/prepare.hpp"
#include "privileged/privileges.hpp"
#include "privileged/rootfs.hpp"
#include "privileged/watchdog.hpp"
#include "request/run_request.hpp"
#include "site/site_config.hpp"

#include <optional>
#include <variant>

namespace shifter::privileged {
namespace {

/** As the caller, in the root: the last part of a launch, whoever built the root. */
int run_inside(Privileged && root, const Rootfs & rootfs, const command::Invocation & invocation, Child * watchdog,
               std::optional<Deadline> & deadline, const char * program) {
    const command::Dropped user = drop(std::move(root), rootfs);
    if (watchdog != nullptr) watchdog->finish();
    deadline.reset();
    return command::run_command(user, invocation, program);
}

int launch(Privileged && root, const RunRequest & request, const char * program) {
    const SiteConfig site = load_site_config(installed::site_config);
    std::optional<Deadline> deadline{std::in_place};
    const auto job = JobOnNode::from_environment(root.caller_state().environment);
    std::optional<JobRoot> job_root;
    if (job && !request.writable.given) job_root = find_job_root(*job, root.caller(), request, site);
    if (job_root) {
        const auto modules = choose_modules(request, site);
        const auto words = command::choose_command(request, job_root->record);
        const auto workdir = command::choose_workdir(request, job_root->record);
        log::info("entering the root that was prepared for the job");
        set_stage("entering the job's root");
        const Rootfs rootfs = enter_job_root(root, *job_root);
        return run_inside(std::move(root), rootfs, {request, job_root->record, modules, site, words, workdir}, nullptr,
                          deadline, program);
    }
    Child watchdog = start_account_child(root.caller(), site);
    Prepared prepared = prepare(root, request, site, watchdog);
    const auto words = command::choose_command(request, prepared.image.record);
    const auto workdir = command::choose_workdir(request, prepared.image.record);
    const Rootfs rootfs = build(root, prepared.plan, std::move(prepared.image.mounted));
    return run_inside(std::move(root), rootfs,
                      {request, prepared.image.record, prepared.modules, site, words, workdir}, &watchdog, deadline,
                      program);
}

/** Without root there is help, and mistakes are explained; the launch itself is refused in words. */
int without_root(char ** argv) {
    const command::CallerState state = command::CallerState::take();
    const auto answer = ask_frontend(identity_of_caller(), state, argv);
    if (const int * const status = std::get_if<int>(&answer)) return *status;
    throw Error{std::string{installed::prefix} +
                "/bin/shifter is not installed set-id root (mode 4755, owner root), or it is on a file system "
                "mounted nosuid, or was started with no_new_privs, as within a container"};
}

int run(char ** argv) {
    if (!holds_root()) return without_root(argv);
    Privileged root = Privileged::take();                                       // who called? the kernel knows
    const auto answer = ask_frontend(root.caller(), root.caller_state(), argv); // a child, already the caller
    if (const int * const status = std::get_if<int>(&answer)) return *status;   // it printed help, or explained
    refuse_root_caller(root.caller());
    const RunRequest request =
        decode(std::get<std::string>(answer)).value_or_throw("the front end's request is refused");
    log::set_level(request.verbose ? log::Level::info : log::Level::warning);
    return launch(std::move(root), request, argv[0] != nullptr ? argv[0] : "shifter");
}

} // namespace
} // namespace shifter::privileged

int main(int /*argc*/, char ** argv) {
    try {
        return shifter::privileged::run(argv);
    } catch (const std::exception & error) {
        shifter::log::error(error.what());
        return static_cast<int>(shifter::ExitStatus::failed);
    }
}
