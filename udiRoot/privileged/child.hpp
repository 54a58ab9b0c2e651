/**
 * @file
 * A forked child that has given up root for good: it touches the caller's files and asks name services, and can be
 * killed at any time. It answers over a socket, at most once, with a text and perhaps a descriptor.
 */
#pragma once

#include "base/identity.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace shifter::privileged {

struct Answer {
    std::string text;
    UniqueFd fd{};
};

class Child {
public:
    /** Runs in the child, after the drop. It ends with the process; what it throws is sent as a refusal. */
    using Body = std::function<void(int channel)>;

    /** @throws SysError; a drop that fails in the child comes out of receive(). */
    [[nodiscard]] static Child start(const Identity & identity, const Body & body);

    /** The same in a shifter that is not set-id, before it has a user namespace: there is nothing to give up. */
    [[nodiscard]] static Child start_without_root(const Body & body);

    Child(Child && other) noexcept;
    Child(const Child &) = delete;
    Child & operator=(const Child &) = delete;
    Child & operator=(Child &&) = delete;
    /** Kills and reaps a child that was not waited for. */
    ~Child();

    /** Waits for the answer. @throws Error with the child's sentence, or when it ended without one */
    [[nodiscard]] Answer receive(std::size_t max_bytes);
    /** A sign to a body that waits for it in was_told(). */
    void tell() const noexcept;
    /** Hangs up, which the child takes as its sign to end. */
    void hang_up() noexcept { channel_.reset(); }
    /** Hangs up, and waits for the child's end. */
    void finish() noexcept;
    /** Ends it, whatever it does, without waiting for that. */
    void end() noexcept;
    /** Waits for its own end. @return its wait status. @throws SysError */
    [[nodiscard]] int wait();

    /** For those who read what a body has sent on their own. */
    [[nodiscard]] int channel() const noexcept { return channel_.get(); }
    /** The sentence of a child that sent `bytes`, up to its end, instead of what its body sends. */
    [[nodiscard]] static std::string refusal_in(std::string_view bytes);

private:
    [[nodiscard]] static Child fork(const Identity * identity, const Body & body);
    Child(pid_t pid, UniqueFd channel) : pid_{pid}, channel_{std::move(channel)} {}
    pid_t pid_;
    UniqueFd channel_;
};

/**
 * An O_PATH descriptor for `path` beneath `root`, as far as `identity` itself can reach it, links seen as if `root`
 * were "/" (I10). @throws Error
 */
[[nodiscard]] UniqueFd open_as_caller(const Identity & identity, int root, const std::string & path,
                                      std::uint64_t flags, const std::string & what);

/** The same, without flags; no descriptor where there is no such path. */
[[nodiscard]] UniqueFd open_as_caller_if_present(const Identity & identity, int root, const std::string & path,
                                                 const std::string & what);

/** For bodies. @throws SysError */
void send_answer(int channel, const Answer & answer);

/** For bodies: waits for tell(). @return false when the other side has hung up */
[[nodiscard]] bool was_told(int channel) noexcept;

/** For a child that becomes another program. */
void unblock_signals() noexcept;

/** Waits for `pid`, whatever signals come; its wait status. */
[[nodiscard]] int wait_for(pid_t pid);

} // namespace shifter::privileged
