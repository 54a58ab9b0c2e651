// shifter (4755 root): the table of contents of a launch. What runs as root is in this folder, and nowhere else.
#include "base/io.hpp"
#include "base/log.hpp"
#include "command/choice.hpp"
#include "command/run.hpp"
#include "privileged/frontend_process.hpp"
#include "privileged/groundwork.hpp"
#include "privileged/job_root.hpp"
#include "privileged/prepare.hpp"
#include "privileged/privileges.hpp"
#include "privileged/rootfs.hpp"
#include "privileged/user_namespace.hpp"
#include "privileged/watchdog.hpp"
#include "request/run_request.hpp"
#include "site/site_config.hpp"
#include "site/trusted_file.hpp"

#include <optional>
#include <unistd.h>
#include <variant>

namespace shifter::privileged {
namespace {

/** --dry-run. Written by the caller himself: what is behind his descriptor may ask who writes. */
int print_plan(Privileged && root, const MountPlan & plan) {
    const Privileged consumed{std::move(root)};
    give_up_root(consumed.caller());
    io::write_all(STDOUT_FILENO, describe(plan), "the plan");
    return static_cast<int>(ExitStatus::success);
}

/** What goes beside a launch, and the name that it was started by. */
struct Aids {
    Groundwork & ground;
    Frontend & companion;
    const char * program;
};

/** As the caller, in the root: the last part of a launch, whoever built the root. */
int run_inside(Privileged && root, const Rootfs & rootfs, const command::Invocation & invocation, const Aids & aids) {
    aids.companion.end(); // nothing from here on can hang
    const command::Dropped user = drop(std::move(root), rootfs);
    aids.companion.finish();
    aids.ground.finish();
    if (invocation.request.timing) io::write_all(STDERR_FILENO, stage_times(), "the error output");
    return command::run_command(user, invocation, aids.program);
}

int launch(Privileged && root, const RunRequest & request, const Aids & aids) {
    Groundwork & ground = aids.ground;
    const SiteConfig & site = ground.site();
    aids.companion.watch(site.launch_timeout);
    std::optional<JobRoot> job_root;
    if (ground.job() && !request.dry_run && !in_user_namespace() && !request.writable.given)
        job_root = find_job_root(*ground.job(), root.caller(), request, site);
    if (job_root) {
        const auto modules = choose_modules(request, site);
        const auto words = command::choose_command(request, job_root->record);
        const auto workdir = command::choose_workdir(request, job_root->record);
        log::info("entering the root that was prepared for the job");
        set_stage("entering the job's root");
        const Rootfs rootfs = enter_job_root(root, *job_root);
        return run_inside(std::move(root), rootfs, {request, job_root->record, modules, site, words, workdir}, aids);
    }
    Prepared prepared = prepare(root, request, site, [&] { return ground.account(root); });
    if (request.dry_run) return print_plan(std::move(root), prepared.plan);
    const auto words = command::choose_command(request, prepared.image.record);
    const auto workdir = command::choose_workdir(request, prepared.image.record);
    const Rootfs rootfs = build(root, prepared.plan, std::move(prepared.image.mounted));
    return run_inside(std::move(root), rootfs, {request, prepared.image.record, prepared.modules, site, words, workdir},
                      aids);
}

int run(char ** argv) {
    Privileged root = Privileged::take(); // who called? the kernel knows
    TrustedFile::remember_directories();
    Groundwork ground{root}; // the site's rules
    // Only a hook of the site's is executed with privileges: where there is none, nothing can be from here on.
    if (holds_root() && !may_run_hooks(ground.site())) forbid_new_privileges();
    set_stage("starting the front end");
    Frontend frontend{root, argv, ground.site_if_known(), !ground.job()}; // a child, which is the caller for good
    set_stage("waiting for the front end");
    ground.take_account(frontend.account(), root);
    const auto answer = frontend.answer();
    if (const int * const status = std::get_if<int>(&answer)) return *status; // it printed help, or explained
    TrustedFile::remember_directories(); // anew: the caller may have kept us waiting
    refuse_root_caller(root.caller());
    const RunRequest request =
        decode(std::get<std::string>(answer)).value_or_throw("the front end's request is refused");
    log::set_level(request.verbose ? log::Level::info : log::Level::warning);
    ground.show_problems();
    if (!holds_root())
        enter_user_namespace(root.caller()); // not installed set-id: what needs no root works all the same
    return launch(std::move(root), request, {ground, frontend, argv[0] != nullptr ? argv[0] : "shifter"});
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
