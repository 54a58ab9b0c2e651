/**
 * @file
 * What a process that reads hostile bytes gives up before it reads the first: everything but reading what is open,
 * writing to what is open, and a bounded memory.
 */
#pragma once

#include <cstdint>

namespace shifter::squash {

/** For good. `memory_bytes` is of the whole address space, and refuses growth alone: what the process has mapped when
 * it comes here, its text and a little heap, stays usable also under a smaller limit. A system call that is not on the
 * list ends the process at once. @throws SysError */
void enter_sandbox(std::uint64_t memory_bytes);

} // namespace shifter::squash
