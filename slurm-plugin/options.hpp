/**
 * @file
 * What a user asked for with --image, --volume, --mount, --module, --shifter-run, --workdir, --entrypoint, --env and
 * --ccm, on the command line, in #SBATCH lines or by what the job around it was given. Contract 10.2, H10-3. The
 * grammars are those of base and site.
 */
#pragma once

#include "base/image_request.hpp"
#include "site/site_config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace shifter::slurm_plugin {

enum class Option { image, volume, mount, module, run, workdir, entrypoint, env, ccm };

/** Where a value came from. Slurm presents what it found in the environment first, then the command line. */
enum class Origin {
    environment, ///< inherited from the job around this command, or set there by the user
    command,     ///< an argument or a #SBATCH line
};

/** One text option: its value, and whether this command gave it itself. */
template <class Value> struct Given {
    std::optional<Value> value;
    Origin origin = Origin::environment;
};

/** What Slurm puts in the place of an option's value that was left out, where it passes the option on. */
inline constexpr std::string_view left_out = "(null)";

/** --shifter-run alone is yes; nothing: the word is neither yes nor no. */
[[nodiscard]] std::optional<bool> parse_run_option(std::string_view word);

class Options {
public:
    /**
     * Takes one occurrence, in Slurm's order. Occurrences of --volume on the command line add up; of the others the
     * last one counts. What the command line says replaces what the environment says (contract 1.2).
     * @return why the value is refused, as a whole sentence; nothing if it is accepted
     */
    [[nodiscard]] std::optional<std::string> take(Option option, std::string_view value, Origin origin,
                                                  const SiteConfig & site);

    /**
     * Why the options do not fit together, as a whole sentence; nothing if they do. Asked when all are taken.
     * @param in_job  a step of a job is begun, and no job: its components have one image
     */
    [[nodiscard]] std::optional<std::string> refuse_combination(bool in_job) const;

    /** Another component of a heterogeneous job may follow: its --volume begins anew, what it does not name stays. */
    void end_component();

    [[nodiscard]] const Given<ImageRequest> & image() const noexcept { return image_; }
    [[nodiscard]] const Given<std::string> & volumes() const noexcept {
        return volumes_;
    } ///< joined with ';', as given
    [[nodiscard]] const Given<std::string> & modules() const noexcept { return modules_; } ///< as given
    [[nodiscard]] const Given<bool> & run() const noexcept { return run_; }
    [[nodiscard]] const Given<std::string> & workdir() const noexcept { return workdir_; } ///< empty: the image's own
    [[nodiscard]] const Given<std::string> & entrypoint() const noexcept {
        return entrypoint_;
    }                                                                              ///< empty: the image's own
    [[nodiscard]] const Given<std::string> & env() const noexcept { return env_; } ///< lines of NAME=VALUE

private:
    [[nodiscard]] std::optional<std::string> take_run_option(Option option, std::string_view value, Origin origin);
    struct Component {
        std::optional<ImageRequest> image;
        std::optional<std::string> volumes;
        std::optional<std::string> modules;
        std::optional<bool> run;
        std::optional<std::string> workdir;
        std::optional<std::string> entrypoint;
        std::optional<std::string> env;
        bool operator==(const Component &) const = default;
    };
    Given<ImageRequest> image_;
    Given<std::string> volumes_;
    Given<std::string> modules_;
    Given<bool> run_;
    Given<std::string> workdir_;
    Given<std::string> entrypoint_;
    Given<std::string> env_;
    [[nodiscard]] Component component() const;
    std::optional<Component> first_component_;
};

} // namespace shifter::slurm_plugin
