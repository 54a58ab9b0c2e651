/**
 * @file
 * The keys of a job that can be entered by ssh: made for it alone, when it is submitted. Contract 10.9, H10-13.
 *
 * All nodes of a job need the same two private keys, and nobody else may see them: no home that is shared, no variable
 * that a user reads. So they travel in a credential of MUNGE's, which the MUNGE of the site can open for root alone,
 * and which says who made it; its time limit is no matter, since a job may wait for days.
 */
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace shifter::slurm_plugin {

// In the job's control environment, which goes to prologs alone. The second one is Shifter's.
inline constexpr const char * ssh_keys_variable = "SHIFTER_SSH_KEYS";
inline constexpr const char * ssh_public_key_variable = "SHIFTER_SSH_PUBKEY";

struct SshKeys {
    std::string credential; ///< both pairs; for open_ssh_keys()
    std::string public_key; ///< the line of the user's
};

/** On the submit host, as the user: by ssh-keygen(1) and munge(1); nothing is left on disk. @throws Error */
[[nodiscard]] SshKeys make_ssh_keys();

/**
 * On a node, as root, by unmunge(1): the text for shifter-sshd, see sshd_main.cpp.
 * @throws Error  also for a credential that somebody else than `uid` has made: it could hold another job's keys
 */
[[nodiscard]] std::string open_ssh_keys(const std::string & credential, uid_t uid);

/** What unmunge(1) prints: a line "UID: alice (1000)" or "UID: 1000", an empty one, the text. @throws Error */
[[nodiscard]] std::string checked_payload(std::string_view answer, uid_t uid);

} // namespace shifter::slurm_plugin
