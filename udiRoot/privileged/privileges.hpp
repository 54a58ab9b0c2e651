/**
 * @file
 * Holding root, and giving it up. I1 to I7; contract 6 with H6-1 to H6-9 done right.
 */
#pragma once

#include "base/identity.hpp"
#include "command/caller_state.hpp"
#include "command/dropped.hpp"

#include <utility>

namespace shifter::privileged {

/** Who started this process, as the kernel states it: real ids, and the process's own groups without group 0 (H6-3). */
[[nodiscard]] Identity identity_of_caller();

/** Whether this process may become root at all: effective uid 0, as an installed set-id program has it. */
[[nodiscard]] bool holds_root() noexcept;

/** Proof that this process still holds root. There is one; drop() consumes it. */
class Privileged {
public:
    /**
     * The process's first act: not traceable, and safe as CallerState::take() says. Where the program is not set-id, what
     * is held is root of the namespace that enter_user_namespace() makes, and until then nothing. @throws Error
     */
    [[nodiscard]] static Privileged take();

    /**
     * For a program that root itself starts for somebody else: `identity` is then the caller. No group 0, and sorted, as
     * identity_of_caller() has them. @throws Error, also when root did not start it
     */
    [[nodiscard]] static Privileged take_for(Identity identity);

    [[nodiscard]] const Identity & caller() const noexcept { return caller_; }
    [[nodiscard]] const command::CallerState & caller_state() const noexcept { return state_; }

    Privileged(Privileged &&) noexcept = default;
    Privileged & operator=(Privileged &&) = delete;
    Privileged(const Privileged &) = delete;
    Privileged & operator=(const Privileged &) = delete;
    ~Privileged() = default;

private:
    Privileged(Identity caller, command::CallerState state) : caller_{std::move(caller)}, state_{std::move(state)} {}
    friend command::Dropped drop(Privileged && root, const Rootfs & rootfs);
    Identity caller_;
    command::CallerState state_;
};

/** Refuses uid 0 and gid 0 (contract 6.2), in words. @throws Error */
void refuse_root_caller(const Identity & caller);

/** For a helper that stays root by name alone: no capability, now and after execve(2), and no_new_privs. @throws Error */
void give_up_capabilities();

/**
 * This process becomes `identity` for good: groups, all gids, all uids, five empty capability sets, locked securebits,
 * no_new_privs, not dumpable; then tries to become root again, and reads everything back (I1, I7).
 * @throws Error when any of it failed; the process must end then
 */
void give_up_root(const Identity & identity);

/**
 * The two halves of give_up_root() for a task of a batch system, whose daemon changes the ids itself, in between. First,
 * as root: what no later exec may give back. Then, as the user: everything is as give_up_root() leaves it, or an Error.
 */
void forbid_new_privileges();
void verify_given_up(const Identity & identity);

} // namespace shifter::privileged
