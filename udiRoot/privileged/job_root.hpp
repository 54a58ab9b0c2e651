/**
 * @file
 * One root for a job on a node: prepared once, by setupRoot, and entered by every launch of the job that asks for the
 * same. Contract 1.8, with H1-15 to H1-19 and H10-7, H10-10 done right.
 *
 * A prepared root is a mount namespace that nobody can see from outside: it exists as long as a process holds it (the
 * job's extern step, a keeper of setupRoot's, or a command inside it), and ends by itself, whatever ends those. What
 * stands in /run/shifter/jobs is a note of root's that says who holds it; the kernel is asked whether that is still so.
 */
#pragma once

#include "privileged/rootfs.hpp"
#include "request/run_request.hpp"
#include "site/image_record.hpp"
#include "site/site_config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shifter::privileged {

/** A job on a node, as the batch system names both. A name is no permission: roots are matched by their owner. */
class JobOnNode {
public:
    /** Letters, digits and "._-", at most 64 of each; `node` may be empty. */
    [[nodiscard]] static Expected<JobOnNode> make(const std::string & job, const std::string & node);
    /** SLURM_JOB_ID and SLURMD_NODENAME; nothing where they are no names. Outside of Slurm's jobs: the job "node". */
    [[nodiscard]] static std::optional<JobOnNode> from_environment(const std::vector<std::string> & environment);
    [[nodiscard]] const std::string & folder() const noexcept { return folder_; }
    [[nodiscard]] const std::string & job() const noexcept { return job_; }
    [[nodiscard]] const std::string & node() const noexcept { return node_; }

private:
    JobOnNode(std::string job, std::string node)
        : job_{std::move(job)}, node_{std::move(node)}, folder_{node_.empty() ? job_ : job_ + "@" + node_} {}
    std::string job_;
    std::string node_;
    std::string folder_;
};

/** The notes about one job: small files of root's, in a folder of root's that nobody else may enter. */
class JobNotes {
public:
    /** @throws Error when /run/shifter is not root's alone, or cannot be made. */
    [[nodiscard]] static JobNotes make(const JobOnNode & job);
    /** Nothing, when there are none. @throws Error */
    [[nodiscard]] static std::optional<JobNotes> find(const JobOnNode & job);
    /** Removes all notes of a job, if there are any. @throws Error */
    static void remove(const JobOnNode & job);

    /** Whole or not at all. @throws Error */
    void write(const std::string & name, const std::string & text) const;
    [[nodiscard]] std::optional<std::string> read(const std::string & name) const;
    [[nodiscard]] bool has(const std::string & name) const;
    void remove(const std::string & name) const noexcept;

private:
    explicit JobNotes(UniqueFd folder) : folder_{std::move(folder)} {}
    UniqueFd folder_;
};

/** Files in a job's root that tell whose it is. The first is Shifter's. */
inline constexpr const char * job_file = "/var/shifterSlurm.jobid";
inline constexpr const char * node_file = "/var/shifterSlurm.node";

/** Names of notes. */
inline constexpr const char * root_note = "root";           ///< the job's root is ready
inline constexpr const char * preparing_note = "preparing"; ///< somebody prepares it, and launches may wait a little

/**
 * What two launches must have in common to see the same root, as one line: user, groups, image, volumes, modules, and
 * the configuration as it is now (by its files' identity and times). @throws Error for volumes or modules that are
 * refused
 */
[[nodiscard]] std::string job_root_key(const Identity & user, const RunRequest & request, const SiteConfig & site);

/** The text of the root note: `handle` is where, below /proc/PID of this process, `mount_namespace` can be had. */
[[nodiscard]] std::string job_root_note(const std::string & handle, int mount_namespace, const std::string & key,
                                        const ImageRecord & record);

struct JobRoot {
    UniqueFd mount_namespace;
    ImageRecord record; ///< as it was when the root was prepared: a job keeps its image (R14)
};

/**
 * The job's prepared root, if it is there and was made for the same (job_root_key()). Waits for one that is being
 * prepared, at most three seconds; never for anything that a user can hold up. @throws Error
 */
[[nodiscard]] std::optional<JobRoot> find_job_root(const JobOnNode & job, const Identity & user,
                                                   const RunRequest & request, const SiteConfig & site);

/** The process that a root note names, while it lives and is the one that wrote it: a pidfd. For unsetupRoot. */
[[nodiscard]] UniqueFd open_holder(const std::string & note);

/** Ends processes of `uid` that are still in the root of a job that is over. @return how many */
std::size_t end_processes_in_root(const JobOnNode & job, uid_t uid);

/** Moves this process into the root; H1-19: its "/" is that of the namespace, as after pivot_root. @throws Error */
[[nodiscard]] Rootfs enter_job_root(const Privileged & root, const JobRoot & job_root);
/** The same for a task of a batch system, which is root still; and nothing that it executes later gets privileges. */
void move_task_into(int mount_namespace);

} // namespace shifter::privileged
