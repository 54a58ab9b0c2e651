/**
 * @file
 * What a submission writes into the job: the image as an identifier, found once, on the submit host, so that no node
 * looks it up again and a queued job keeps its image when the tag moves. Contract 10.3 and 10.4.
 */
#pragma once

#include "base/image_request.hpp"
#include "site/site_config.hpp"
#include "slurm-plugin/options.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace shifter::slurm_plugin {

struct Variable {
    std::string name;
    std::string value;
    bool operator==(const Variable &) const = default;
};

/** The value of a variable, if there is one. */
using Environment = std::function<std::optional<std::string>(const std::string & name)>;

/** An image that will not change any more: type id, or local, whose identifier is its path. */
struct FixedImage {
    ImageType type = ImageType::id;
    std::string identifier;
    std::string request;                           ///< the tag as the user wrote it, without its type
    std::string on_platforms = {};                 ///< frontend/platform_images.hpp; empty: one for all nodes
    [[nodiscard]] std::string option_text() const; ///< "id:8f3a…": what the option becomes for later steps
};

/** What `shifterimg lookup` answered. */
struct Lookup {
    std::string identifier;
    std::string on_platforms = {};         ///< the identifiers on all platforms, where the system has several
    std::vector<std::string> remarks = {}; ///< the lines of its standard error, for the user
};

/**
 * Asks `<udiRootPath>/bin/shifterimg lookup type:tag --platforms`. It gets gatewayTimeout and 5 s more, or 30 s where
 * the site sets none.
 * @throws Error  with what shifterimg said
 */
[[nodiscard]] Lookup look_up(const ImageRequest & request, const SiteConfig & site);

/** `look_up` is called for types that a gateway resolves; `environment` knows the request behind an inherited
 * identifier. */
[[nodiscard]] FixedImage fix_image(const ImageRequest & request, const Environment & environment,
                                   const std::function<Lookup(const ImageRequest &)> & look_up);

/** The variables of contract 10.4, without Slurm's prefix, and ours where the image differs between nodes. */
[[nodiscard]] std::vector<Variable> image_variables(const FixedImage & image);
inline constexpr const char * volume_variable = "SHIFTER_VOLUME";
inline constexpr const char * module_variable = "SHIFTER_MODULE";
// Ours, for tasks that run in the container directly: "yes" or "no"; a path, or nothing for the image's; lines.
inline constexpr const char * run_variable = "SHIFTER_RUN";
inline constexpr const char * workdir_variable = "SHIFTER_WORKDIR";
inline constexpr const char * entrypoint_variable = "SHIFTER_ENTRYPOINT"; // nothing for the image's
inline constexpr const char * env_variable = "SHIFTER_ENV";

// A component of a heterogeneous job has an image of its own: the first one's, which all variables tell; and whether a
// step was given an image itself.
inline constexpr const char * first_image_variable = "SHIFTER_FIRST_IMAGE";
inline constexpr const char * step_image_variable = "SHIFTER_STEP_IMAGE";

} // namespace shifter::slurm_plugin
