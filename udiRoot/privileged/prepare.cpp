#include "privileged/prepare.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "plan/user_namespace.hpp"
#include "privileged/user_namespace.hpp"
#include "privileged/watchdog.hpp"
#include "site/image_store.hpp"

#include <variant>

namespace shifter::privileged {
namespace {

ChosenImage choose_image(const RunRequest & request, const SiteConfig & site, const Identity & caller) {
    if (const auto * const local = std::get_if<LocalImage>(&request.image)) {
        if (!site.allow_local_chroot)
            throw Error{"cannot use local:" + local->path +
                        ": this site does not allow directories as images (allowLocalChroot)"}; // H2-5
        return {{}, request.dry_run ? MountedImage{} : mount_local_image(local->path, caller)};
    }
    const ImageId & id = std::get<ImageId>(request.image);
    set_stage("opening the image");
    OpenImage image = ImageStore{site}.open(id, caller);
    if (image.record.format != ImageFormat::squashfs)
        throw Error{"cannot mount the image " + id.to_string() + ": its format is " +
                    std::string{to_string(image.record.format)} + ", and this version mounts squashfs"};
    if (request.dry_run) return {std::move(image.record), {}};
    MountedImage mounted =
        mount_image(image.file.get(), id.to_string(), site.image_mount, caller, request.writable.given);
    return {std::move(image.record), std::move(mounted)};
}

/** --writable: how many bytes of memory, 0 where no size was named. */
std::optional<std::uint64_t> writable_bytes(const OptionalChoice & writable) {
    if (!writable.given) return std::nullopt;
    if (!writable.value) return 0;
    const auto size = text::parse_size(*writable.value);
    if (!size || *size == 0)
        throw Error{"cannot use --writable=" + *writable.value + ": it is not a size above 0; write for example 1G"};
    return size;
}

/** For --verbose: the commands that would do the same. */
void show(const MountPlan & plan) {
    if (!log::enabled(log::Level::info)) return;
    const std::string commands = describe(plan);
    for (const std::string_view line : text::split(text::trim(commands), '\n')) log::info(line);
}

} // namespace

std::vector<const Module *> choose_modules(const RunRequest & request, const SiteConfig & site) {
    const std::string selection = request.modules ? *request.modules : text::join(site.default_modules, ",");
    return select_modules(site, selection).value_or_throw("cannot use the modules " + quoted(selection));
}

Prepared prepare(const Privileged & root, const RunRequest & request, const SiteConfig & site,
                 const std::function<Account()> & ask_account) {
    const auto map = parse_volume_map(request.volumes, VolumeOwner::user);
    if (!map) throw Error{"cannot use " + map.error().what};
    const std::vector<Volume> & volumes = *map;
    auto modules = choose_modules(request, site);
    ChosenImage image = choose_image(request, site, root.caller());
    set_stage("asking for your account");
    const Account account = ask_account();
    MountPlan plan =
        make_plan({site, request.image, image.record, volumes, modules, account, writable_bytes(request.writable)});
    if (in_user_namespace()) adapt_to_user_namespace(plan);
    if (!request.dry_run) show(plan);
    return {std::move(image), std::move(modules), account.name, std::move(plan)};
}

} // namespace shifter::privileged
