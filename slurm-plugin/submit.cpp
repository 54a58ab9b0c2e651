#include "slurm-plugin/submit.hpp"

#include "base/error.hpp"
#include "base/image_id.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "slurm-plugin/child.hpp"

#include <sys/wait.h>

namespace shifter::slurm_plugin {
namespace {

/** The lines with something in them, without the program's name in front, fit for a terminal. */
std::vector<std::string> lines_of(std::string_view text) {
    constexpr std::size_t max_lines = 20;
    constexpr std::string_view program = "shifterimg: ";
    std::vector<std::string> lines;
    for (std::string_view line : text::split(text, '\n')) {
        line = text::trim(line);
        if (line.substr(0, program.size()) == program) line.remove_prefix(program.size());
        if (!line.empty() && lines.size() < max_lines) lines.push_back(log::one_line(line));
    }
    return lines;
}

std::string describe_end(int status) {
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

std::string FixedImage::option_text() const { return std::string{to_string(type)} + ":" + identifier; }

Lookup look_up(const ImageRequest & request, const SiteConfig & site) {
    using std::chrono::seconds;
    const seconds limit = site.gateway_timeout > seconds{0} ? site.gateway_timeout + seconds{5} : seconds{30};
    const std::string program = site.udi_root_path + "/bin/shifterimg";
    const ChildResult result = run_child({program, "lookup", request.to_string()}, limit);
    std::vector<std::string> remarks = lines_of(result.err);
    if (result.wait_status != 0)
        throw Error{remarks.empty() ? program + " ended with " + describe_end(result.wait_status)
                                    : text::join(remarks, "; ")};
    // Contract 2.4: the first line without a colon; lines of historic formats have one.
    for (const std::string_view line : text::split(result.out, '\n')) {
        if (line.empty() || line.find(':') != std::string_view::npos) continue;
        const auto id = ImageId::parse(text::trim(line));
        if (!id) throw Error{program + " answered " + quoted(line) + ", which is no image identifier"};
        return {id->to_string(), std::move(remarks)};
    }
    throw Error{program + " answered without an image identifier"};
}

FixedImage fix_image(const ImageRequest & request, const Environment & environment,
                     const std::function<std::string(const ImageRequest &)> & look_up) {
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
    return {ImageType::id, look_up(request), request.tag};
}

std::vector<Variable> image_variables(const FixedImage & image) {
    return {{"SHIFTER_IMAGE", image.identifier},
            {"SHIFTER_IMAGETYPE", std::string{to_string(image.type)}},
            {"SHIFTER_IMAGEREQUEST", image.request}};
}

} // namespace shifter::slurm_plugin
