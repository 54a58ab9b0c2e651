/**
 * @file
 * Accounts of the host by number or by name, without name services: a privileged process loads no modules (I3).
 */
#pragma once

#include <string>
#include <sys/types.h>

namespace shifter {

/**
 * The uid that `account` means: a decimal number, or a name that stands in `passwd`. Names that only a name service
 * knows are not found; write the number for them.
 * @throws Error
 */
[[nodiscard]] uid_t uid_of_account(const std::string & account, const std::string & passwd = "/etc/passwd");

} // namespace shifter
