#include "frontend/selection.hpp"

namespace shifter::frontend {
namespace {

struct Variable {
    std::string name;
    std::string value;
};

/** SHIFTER_<name>, else SLURM_SPANK_SHIFTER_<name>. */
std::optional<Variable> find(const Variables & variables, const std::string & name) {
    for (const std::string & full : {"SHIFTER_" + name, "SLURM_SPANK_SHIFTER_" + name})
        if (auto value = variables(full)) return Variable{full, *std::move(value)};
    return std::nullopt;
}

ParseError refusal(const std::string & named_by, const std::string & text, const std::string & why) {
    return {0, "cannot use the image " + quoted(text) + " of " + named_by + ": " + why};
}

} // namespace

Expected<Selection> select(const Options & options, const Variables & variables,
                           std::optional<ImageType> default_type) {
    std::optional<Selection> result;
    const auto type = find(variables, "IMAGETYPE");
    const auto tag = find(variables, "IMAGE");
    const auto request = find(variables, "IMAGEREQUEST");
    const std::string request_text = request ? request->value : "";
    if (options.image) {
        auto image = ImageRequest::parse(*options.image, default_type);
        if (!image) return refusal("--image", *options.image, image.error().what);
        result = Selection{*std::move(image), *options.image, "--image", {}, {}, {}};
    } else if (type && tag && !type->value.empty() && !tag->value.empty()) {
        const std::string named_by = type->name + " and " + tag->name;
        auto image = ImageRequest::from_parts(type->value, tag->value);
        if (!image) return refusal(named_by, type->value + ":" + tag->value, image.error().what);
        result = Selection{*std::move(image), request_text, named_by, {}, {}, {}};
        if (auto images = find(variables, "PLATFORM_IMAGES")) result->platform_images = std::move(images->value);
    } else if (request) {
        auto image = ImageRequest::parse(request_text, default_type); // a failure here is silent (1.2)
        if (image) result = Selection{*std::move(image), request_text, request->name, {}, {}, {}};
    }
    if (!result)
        return ParseError{0, "no image specified or specified incorrectly; name one with --image=docker:name:tag"};

    const auto volumes = find(variables, "VOLUME");
    const auto modules = find(variables, "MODULE");
    result->volumes = options.volumes ? *options.volumes : volumes ? volumes->value : "";
    if (options.modules)
        result->modules = options.modules;
    else if (modules)
        result->modules = modules->value;
    return *std::move(result);
}

} // namespace shifter::frontend
