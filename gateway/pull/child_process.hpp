/**
 * @file
 * A program that the gateway runs: without a shell, with an environment and descriptors that we made (I4, I36), in a
 * process group of its own, which ends with the object.
 */
#pragma once

#include "base/unique_fd.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace shifter::pull {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
    /** Both close-on-exec. @throws SysError */
    Pipe();
};

class ChildProcess {
public:
    /** Descriptors 0, 1 and 2 of the program; borrowed. */
    struct Streams {
        int input;
        int output;
        int errors;
    };
    /** Starts argv[0], which is a path. @throws SysError */
    ChildProcess(const std::vector<std::string> & argv, const std::vector<std::string> & environment, Streams streams);
    /** Kills it, and all of its group, and waits for its end. */
    ~ChildProcess();
    ChildProcess(const ChildProcess &) = delete;
    ChildProcess & operator=(const ChildProcess &) = delete;

    /** Waits for its end. @return as waitpid(2) says it */
    int wait();
    /** Whether it has ended; then wait() returns at once. */
    [[nodiscard]] bool has_ended();

private:
    void end_group() const noexcept;
    pid_t pid_ = -1;
    int status_ = 0;
    bool is_reaped_ = false;
};

/** "it ended with status 3", "it was ended by signal 9 (Killed)". */
[[nodiscard]] std::string describe_end(int status);

} // namespace shifter::pull
