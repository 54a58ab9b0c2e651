#include "frontend/frontend.hpp"

#include "base/installed_paths.hpp"
#include "frontend/check_config.hpp"
#include "frontend/lookup.hpp"
#include "frontend/platform_images.hpp"

namespace shifter::frontend {
namespace {

constexpr std::chrono::seconds default_lookup_limit{60};

int mistake(Output & output, const std::string & sentence, bool with_usage) {
    output.err += "shifter: " + sentence + "\n";
    if (with_usage) output.out += usage();
    return static_cast<int>(ExitStatus::failed);
}

RequestedImage resolve(const Selection & selection, const SiteConfig & site) {
    const ImageRequest & image = selection.image;
    if (image.type == ImageType::id) {
        const auto id = ImageId::parse(image.tag);
        if (!id)
            throw Error{"cannot use the image " + quoted(image.to_string()) + " of " + selection.named_by + ": " +
                        id.error().what + "; an image that has a name is docker:NAME"};
        const auto images = parse_platform_images(selection.platform_images);
        if (!images)
            throw Error{std::string{"cannot use the images of this job ("} + platform_images_variable +
                        "): " + images.error().what};
        return image_for(Platform::of_this_machine(), *images, *id,
                         selection.image_request.empty() ? image.to_string() : selection.image_request);
    }
    if (image.type == ImageType::local) {
        if (image.tag.front() != '/')
            throw Error{"cannot use the image " + quoted(image.to_string()) + ": local: needs an absolute path"};
        return LocalImage{image.tag};
    }
    const auto limit =
        site.gateway_timeout.count() > 0 ? site.gateway_timeout + std::chrono::seconds{5} : default_lookup_limit;
    try {
        return look_up(site.udi_root_path + "/bin/shifterimg", image, limit);
    } catch (const Error & error) {
        throw Error{std::string{error.what()} +
                    (selection.named_by == "--image" ? "" : " (it was named by " + selection.named_by + ")")};
    }
}

} // namespace

std::variant<RunRequest, int> run_frontend(const std::vector<std::string> & arguments, const Host & host,
                                           Output & output) {
    const auto options = parse_options(arguments);
    if (!options) return mistake(output, options.error().what, true);
    if (options->help) return output.out += help(), 0;
    if (options->version) return output.out += std::string{"shifter "} + installed::version + "\n", 0;
    if (options->check_config) return check_config(*options->check_config, host, output);
    if (host.uid == 0 || host.gid == 0)
        return mistake(output,
                       host.uid == 0 ? "it is not for root: run it as an ordinary user"
                                     : "your primary group is 0, the group of root, which no container may have; "
                                       "change it with newgrp(1) or sg(1)",
                       false);
    std::optional<SiteConfig> own;
    if (host.site == nullptr) own = load_site_config_as_user(host.config_path);
    const SiteConfig & site = own ? *own : *host.site;
    auto selection = select(*options, host.variables, site.default_image_type);
    if (!selection) return mistake(output, selection.error().what, !options->image.has_value());

    RunRequest request{.image = resolve(*selection, site)};
    request.image_request = selection->image_request;
    request.volumes = selection->volumes;
    request.modules = selection->modules;
    request.command = options->command;
    request.entrypoint = options->entrypoint;
    request.workdir = options->workdir;
    request.writable = options->writable;
    request.current_directory = host.current_directory;
    request.environment = options->environment;
    request.environment_file = options->environment_file;
    request.clear_environment = options->clear_environment;
    request.verbose = options->verbose;
    request.dry_run = options->dry_run;
    request.timing = options->timing;
    return request;
}

} // namespace shifter::frontend
