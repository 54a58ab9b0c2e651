/**
 * @file
 * The proof that root is gone. What takes a `const Dropped &` runs as the caller, in the container.
 */
#pragma once

#include "base/identity.hpp"
#include "command/caller_state.hpp"

#include <utility>

namespace shifter::privileged {
class Privileged;
class Rootfs;
} // namespace shifter::privileged

namespace shifter::command {
class Dropped;
} // namespace shifter::command

namespace shifter::privileged {
[[nodiscard]] command::Dropped drop(Privileged && root, const Rootfs & rootfs);
} // namespace shifter::privileged

namespace shifter::command {

/** Ids, groups, all five capability sets and no_new_privs are the caller's for good. Only drop() makes one. */
class Dropped {
public:
    [[nodiscard]] const CallerState & caller_state() const noexcept { return state_; }

private:
    friend Dropped privileged::drop(privileged::Privileged && root, const privileged::Rootfs & rootfs);
    explicit Dropped(CallerState state) : state_{std::move(state)} {}
    CallerState state_;
};

} // namespace shifter::command
