// shifter (4755 root): the table of contents of a launch. What runs as root is in this folder, and nowhere else.
#include "base/installed_paths.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "command/choice.hpp"
#include "command/run.hpp"
#include "plan/mount_plan.hpp"
#include "privileged/accounts.hpp"
#include "privileged/frontend_process.hpp"
#include "privileged/privileges.hpp"
#include "privileged/rootfs.hpp"
#include "privileged/watchdog.hpp"
#include "request/run_request.hpp"
#include "site/image_store.hpp"
#include "site/site_config.hpp"

#include <optional>
#include <variant>

namespace shifter::privileged {
namespace {

/** An image that the caller may use, opened and mounted, not attached yet. */
struct ChosenImage {
    ImageRecord record;
    MountedImage mounted;
};

ChosenImage choose_image(const RequestedImage & requested, const SiteConfig & site, const Identity & caller) {
    if (const auto * const local = std::get_if<LocalImage>(&requested)) {
        if (!site.allow_local_chroot)
            throw Error{"cannot use local:" + local->path + ": this site does not allow directories as images"}; // H2-5
        return {{}, mount_local_image(local->path, caller)};
    }
    const ImageId & id = std::get<ImageId>(requested);
    set_stage("opening the image");
    OpenImage image = ImageStore{site}.open(id, caller);
    if (image.record.format != ImageFormat::squashfs)
        throw Error{"cannot mount the image " + id.to_string() + ": its format is " +
                    std::string{to_string(image.record.format)} + ", and this version mounts squashfs"};
    MountedImage mounted = mount_image(image.file.get(), id.to_string(), site.image_mount, caller);
    return {std::move(image.record), std::move(mounted)};
}

std::vector<const Module *> choose_modules(const RunRequest & request, const SiteConfig & site) {
    std::string selection;
    if (request.modules)
        selection = *request.modules;
    else
        for (const std::string & name : site.default_modules) selection += (selection.empty() ? "" : ",") + name;
    return select_modules(site, selection).value_or_throw("cannot use the modules " + quoted(selection));
}

/** For --verbose: the commands that would do the same. */
void show(const MountPlan & plan) {
    if (!log::enabled(log::Level::info)) return;
    const std::string commands = describe(plan);
    for (const std::string_view line : text::split(text::trim(commands), '\n')) log::info(line);
}

int launch(Privileged && root, const RunRequest & request, const char * program) {
    const SiteConfig site = load_site_config(installed::site_config);
    std::optional<Deadline> deadline{std::in_place};
    Child watchdog = start_account_child(root.caller(), site);
    const auto volumes = parse_volume_map(request.volumes, VolumeOwner::user)
                             .value_or_throw("cannot use the volumes " + quoted(request.volumes));
    const auto modules = choose_modules(request, site);
    ChosenImage image = choose_image(request.image, site, root.caller());
    const auto words = command::choose_command(request, image.record);
    const auto workdir = command::choose_workdir(request, image.record);
    set_stage("asking for your account");
    const Account account = receive_account(watchdog);

    const MountPlan plan = make_plan({site, request.image, image.record, volumes, modules, account});
    show(plan);
    const Rootfs rootfs = build(root, plan, std::move(image.mounted));
    const command::Dropped user = drop(std::move(root), rootfs);
    watchdog.finish();
    deadline.reset();
    return command::run_command(user, {request, image.record, modules, site, words, workdir}, program);
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
