/**
 * @file
 * Starts a job's sshd: a child of the extern step's daemon, the job's user in the job's container before it executes
 * anything. Contract 5.9, H10-14: nobody ever looks for it; Slurm ends it with the step, the kernel with its daemon,
 * and the epilog with what is left in the job's root.
 */
#pragma once

#include "base/identity.hpp"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace shifter::slurm_plugin {

struct SshDaemon {
    int mount_namespace; ///< of the job's root
    const Identity & user;
    unsigned port;
    std::string address;                          ///< empty: everywhere
    const std::string & keys;                     ///< of open_ssh_keys()
    const std::vector<std::string> & environment; ///< NAME=VALUE, of the sessions
};

/** The port of a job: with a range, the job's number decides, so that all its nodes agree. */
[[nodiscard]] unsigned port_of_job(unsigned long job, unsigned first, unsigned last);

/**
 * @param contain  called with the new process before it is the user's: makes it a part of the step
 * @throws Error   when it cannot be started, in the words of shifter-sshd, or ends at once; it is gone then
 */
void start_ssh_daemon(const SshDaemon & daemon, const std::function<void(pid_t)> & contain);

} // namespace shifter::slurm_plugin
