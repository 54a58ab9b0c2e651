#include "slurm-plugin/submit.hpp"

#include "base/error.hpp"
#include "base/image_id.hpp"
#include "base/text.hpp"
#include "frontend/platform_images.hpp"
#include "slurm-plugin/child.hpp"

namespace shifter::slurm_plugin {

std::string FixedImage::option_text() const { return std::string{to_string(type)} + ":" + identifier; }

Lookup look_up(const ImageRequest & request, const SiteConfig & site) {
    using std::chrono::seconds;
    const seconds limit = site.gateway_timeout > seconds{0} ? site.gateway_timeout + seconds{5} : seconds{30};
    const std::string program = site.udi_root_path + "/bin/shifterimg";
    const ChildResult result = run_child({program, "lookup", request.to_string(), "--platforms"}, limit);
    std::vector<std::string> remarks = lines_of(result.err, "shifterimg: ");
    if (result.wait_status != 0)
        throw Error{remarks.empty() ? program + " ended with " + describe_end(result.wait_status)
                                    : text::join(remarks, "; ")};
    // Contract 2.4: the first line without a colon; lines of historic formats have one.
    for (const std::string_view line : text::split(result.out, '\n')) {
        if (line.empty() || line.find(':') != std::string_view::npos) continue;
        const auto id = ImageId::parse(text::trim(line));
        if (!id) throw Error{program + " answered " + quoted(line) + ", which is no image identifier"};
        return {id->to_string(), frontend::to_string(frontend::platform_images_of_lookup(result.out)),
                std::move(remarks)};
    }
    throw Error{program + " answered without an image identifier"};
}

FixedImage fix_image(const ImageRequest & request, const Environment & environment,
                     const std::function<Lookup(const ImageRequest &)> & look_up) {
    switch (request.type) {
    case ImageType::local:
        return {ImageType::local, request.tag, request.tag};
    case ImageType::id: {
        // A step inherits the identifier; what the user once wrote for it stands beside it.
        const auto known = environment("SLURM_SPANK_SHIFTER_IMAGE");
        const auto written = environment("SLURM_SPANK_SHIFTER_IMAGEREQUEST");
        return {ImageType::id, request.tag, known == request.tag && written ? *written : request.tag};
    }
    case ImageType::docker:
    case ImageType::custom:
        break;
    }
    Lookup found = look_up(request);
    return {ImageType::id, std::move(found.identifier), request.tag, std::move(found.on_platforms)};
}

std::vector<Variable> image_variables(const FixedImage & image) {
    std::vector<Variable> variables = {{"SHIFTER_IMAGE", image.identifier},
                                       {"SHIFTER_IMAGETYPE", std::string{to_string(image.type)}},
                                       {"SHIFTER_IMAGEREQUEST", image.request}};
    if (!image.on_platforms.empty()) variables.push_back({frontend::platform_images_variable, image.on_platforms});
    return variables;
}

} // namespace shifter::slurm_plugin
