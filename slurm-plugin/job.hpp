/**
 * @file
 * A job on a node: what it asked for is noted when it arrives, its root is prepared once, every step finds it, and all
 * is forgotten when it leaves. Contract 10.5 to 10.8, with H10-5 to H10-12 done right. Nothing is mounted here.
 *
 * What a user wrote is parsed, and refused in words that go to his job (R13); identity comes from Slurm (I38).
 */
#pragma once

#include "privileged/job_root.hpp"
#include "request/run_request.hpp"
#include "site/site_config.hpp"
#include "slurm-plugin/submit.hpp"

#include <optional>
#include <string>

namespace shifter::slurm_plugin {

/**
 * What `variables` name as SHIFTER_IMAGETYPE, SHIFTER_IMAGE, SHIFTER_IMAGEREQUEST, SHIFTER_VOLUME and SHIFTER_MODULE;
 * nothing where they name no image; with what `own` has of --workdir and --env. Of a job's images it is that of this
 * node's platform. @throws Error for text that is refused, for a tag, which no node looks up, and where the job has no
 * image for this node
 */
[[nodiscard]] std::optional<RunRequest> container_request(const Environment & variables, const Environment & own);

/** Where the job's nodes have several architectures: the variable that names this node's image in a step, as it should
 * be here. Nothing where there is nothing to change, and where the job has no image for this node. */
[[nodiscard]] std::optional<Variable> image_of_this_node(const Environment & environment);

/** Whether what a step's variables tell is the image of the job's first component, on whatever platform.
 * @param first  "id:8f3a…" */
[[nodiscard]] bool is_image_of_first_component(const std::string & first, const ImageRequest & told,
                                               const Environment & environment);

/** What a job asked for, as it is noted for its steps. */
struct JobRequest {
    RunRequest request;
    bool run = false;                         ///< tasks run in the container directly
    std::optional<std::string> first_image{}; ///< "id:8f3a…": what variables tell, of another component of the job
    std::string hosts{};                      ///< "n1/4 n2/2": nodes and processors; empty: not known
    std::string ssh_keys{};                   ///< the credential of ssh_keys.hpp; empty: no ssh into this job
};

/** What the variables of a job name, where this node cannot do with it: whoever wants to be in it is told the same. */
struct UnusableImage {
    std::vector<std::string> variables{}; ///< "NAME=value"
    bool run = false;                     ///< as in JobRequest
    std::optional<std::string> first_image{};
};

/** The variables that name this container's image. */
[[nodiscard]] std::vector<Variable> image_variables(const RunRequest & request);

/** When the job arrives, before any step of it: notes of an earlier job of that name are gone (H10-7). */
void note_job(const privileged::JobOnNode & job, const std::optional<JobRequest> & request);
[[nodiscard]] std::optional<JobRequest> noted_request(const privileged::JobOnNode & job);
/** In place of note_job(). */
void note_unusable(const privileged::JobOnNode & job, const UnusableImage & image);
[[nodiscard]] std::optional<UnusableImage> noted_unusable(const privileged::JobOnNode & job);
/** Why the job's root could not be prepared, if so. */
[[nodiscard]] std::optional<std::string> noted_failure(const privileged::JobOnNode & job);

/**
 * Runs setupRoot for `user`, and takes over what it built: the namespace exists while somebody holds the descriptor.
 * @param with_ssh  with a place for the keys of an sshd
 * @throws Error in setupRoot's words
 */
[[nodiscard]] privileged::JobRoot make_job_root(const privileged::JobOnNode & job, const Identity & user,
                                                const RunRequest & request, const SiteConfig & site,
                                                bool with_ssh = false);

/**
 * In the job's extern step: prepares what was noted, and notes that this process holds it, or why it could not be.
 * @return the root, whose descriptor is to be kept open until the step's end; nothing, when there is none
 */
[[nodiscard]] std::optional<privileged::JobRoot> prepare_noted_root(const privileged::JobOnNode & job,
                                                                    const Identity & user, const SiteConfig & site);

/** Writes the image into a field of the job's record, by scontrol(1): "Comment" or "AdminComment". @throws Error */
void write_comment(const privileged::JobOnNode & job, const std::string & field, const RunRequest & request);

/** A step makes a root of its own: in a job that has noted nothing, this tells its end that there was one. */
void note_root_of_step(const privileged::JobOnNode & job) noexcept;

/**
 * When the job has left: ends what it left in its roots, and forgets it. A job that neither had an image nor noted
 * anything had none, and nobody looks through the node's processes for it.
 * @return how many processes were ended
 */
std::size_t forget_job(const privileged::JobOnNode & job, uid_t uid, bool had_image);

} // namespace shifter::slurm_plugin
