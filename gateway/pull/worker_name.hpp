/**
 * @file
 * Under which name this process works on pulls.
 */
#pragma once

#include <string>

namespace shifter::pull {

/** The configured name, or that of the host: what a restart finds its own pulls by. @throws SysError */
[[nodiscard]] std::string worker_name(const std::string & configured);

/** The name with something of this process: one that has the same name by mistake does not keep our pulls alive. */
[[nodiscard]] std::string name_of_process(const std::string & worker);

} // namespace shifter::pull
