#include "slurm-plugin/options.hpp"

#include "base/error.hpp"
#include "base/image_id.hpp"
#include "frontend/mount_option.hpp"

namespace shifter::slurm_plugin {
namespace {

std::string_view name_of(Option option) {
    switch (option) {
    case Option::image:
        return "image";
    case Option::volume:
        return "volume";
    case Option::mount:
        return "mount";
    case Option::module:
        return "module";
    case Option::run:
        return "shifter-run";
    case Option::workdir:
        return "workdir";
    case Option::entrypoint:
        return "entrypoint";
    case Option::env:
        return "env";
    case Option::ccm:
        return "ccm";
    }
    return "";
}

/** Types that need no gateway are checked whole, here; of the others the gateway knows. */
std::optional<std::string> refuse_image(const ImageRequest & request, const SiteConfig & site) {
    if (request.type == ImageType::id) {
        const auto id = ImageId::parse(request.tag);
        if (!id) return id.error().what;
    }
    if (request.type == ImageType::local) {
        if (!site.allow_local_chroot) return "this site does not offer images of type local";
        if (request.tag.front() != '/') return "an image of type local is an absolute path";
    }
    return std::nullopt;
}

} // namespace

std::optional<bool> parse_run_option(std::string_view word) {
    if (word.empty() || word == left_out || word == "yes" || word == "1") return true;
    if (word == "no" || word == "0") return false;
    return std::nullopt;
}

std::optional<std::string> Options::take(Option option, std::string_view value, Origin origin,
                                         const SiteConfig & site) {
    // The environment is then what the first component left there, and what a component does not name stays.
    if (first_component_ && origin == Origin::environment) return std::nullopt;
    const std::string option_text = "--" + std::string{name_of(option)};
    if (option == Option::ccm)
        return option_text + " is not offered here: this release has no cluster compatibility mode";
    if (option == Option::run || option == Option::workdir || option == Option::entrypoint || option == Option::env)
        return take_run_option(option, value, origin);
    // getopt takes the next word for a value that was forgotten: `srun --image -n1 hostname`.
    if (value.empty() || value.front() == '-') return option_text + " needs a value, as in " + option_text + "=VALUE";
    switch (option) {
    case Option::image: {
        auto request = ImageRequest::parse(value, site.default_image_type);
        const auto why = request ? refuse_image(*request, site) : std::optional{request.error().what};
        if (why) return "cannot use image " + quoted(value) + ": " + *why;
        image_ = {std::move(*request), origin};
        break;
    }
    case Option::volume: {
        const bool adds = origin == Origin::command && volumes_.value && volumes_.origin == Origin::command;
        std::string joined = adds ? *volumes_.value + ";" + std::string{value} : std::string{value};
        const auto volumes = parse_volume_map(joined, VolumeOwner::user);
        if (!volumes) return "cannot use " + volumes.error().what;
        volumes_ = {std::move(joined), origin};
        break;
    }
    case Option::mount: {
        const auto entry = frontend::volume_of_mount_option(value);
        if (!entry) return "cannot use --mount=" + std::string{value} + ": " + entry.error().what;
        return take(Option::volume, *entry, origin, site);
    }
    case Option::module: {
        const auto modules = select_modules(site, value);
        if (!modules) return "cannot use " + option_text + ": " + modules.error().what;
        modules_ = {std::string{value}, origin};
        break;
    }
    case Option::run:
    case Option::workdir:
    case Option::entrypoint:
    case Option::env:
    case Option::ccm:
        break;
    }
    return std::nullopt;
}

std::optional<std::string> Options::take_run_option(Option option, std::string_view value, Origin origin) {
    if (option == Option::run) {
        const auto run = parse_run_option(value);
        if (!run) return "--shifter-run takes yes or no, not " + quoted(value);
        run_ = {*run, origin};
    } else if (option == Option::workdir) {
        if (value == left_out) value = {};
        if (!value.empty() && value.front() != '/') return "--workdir needs an absolute path, not " + quoted(value);
        workdir_ = {std::string{value}, origin};
    } else if (option == Option::entrypoint) {
        entrypoint_ = {value == left_out ? std::string{} : std::string{value}, origin};
    } else if (origin == Origin::environment) {
        env_ = {std::string{value}, origin}; // lines that were joined here
    } else {
        const std::size_t equals = value.find('=');
        if (equals == 0 || equals == std::string_view::npos) return "--env needs NAME=VALUE, not " + quoted(value);
        if (value.find('\n') != std::string_view::npos)
            return "--env takes no value of several lines: " + quoted(value.substr(0, equals));
        const bool adds = env_.value && env_.origin == Origin::command;
        env_ = {adds ? *env_.value + "\n" + std::string{value} : std::string{value}, origin};
    }
    return std::nullopt;
}

std::optional<std::string> Options::refuse_combination(bool in_job) const {
    if (volumes_.value && !image_.value) return "--volume needs an image: add --image=NAME";
    if (run_.value && *run_.value && run_.origin == Origin::command && !image_.value)
        return "--shifter-run needs an image: add --image=NAME";
    if ((workdir_.value || entrypoint_.value || env_.value) && !image_.value)
        return "--workdir, --entrypoint and --env need an image: add --image=NAME";
    if (!first_component_) return std::nullopt;
    // Slurm brings the options of one component to all steps, whatever the others said; the image alone finds its way
    // through each component's prolog.
    Component now = component();
    if (in_job && now.image != first_component_->image)
        return "the components of one srun in a job have one --image; begin a step for each image: "
               "srun --het-group=N --image=NAME";
    now.image = first_component_->image;
    if (now != *first_component_)
        return "the components of a heterogeneous job differ in --image alone; what else they need is an option of "
               "their steps: srun --het-group=N";
    return std::nullopt;
}

void Options::end_component() {
    if (!first_component_) first_component_ = component();
    volumes_.origin = Origin::environment;
    env_.origin = Origin::environment;
}

Options::Component Options::component() const {
    return {image_.value, volumes_.value, modules_.value, run_.value, workdir_.value, entrypoint_.value, env_.value};
}

} // namespace shifter::slurm_plugin
