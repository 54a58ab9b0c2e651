/**
 * @file
 * The containers of a node as /proc shows them to who asks: a user sees his own, root sees all. Nothing is noted for
 * this anywhere: a container tells itself, by the file var/shifterConfig.json of root's in its root (contract 1.8).
 */
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace shifter::processes {

struct Process {
    pid_t pid = -1;
    std::string command; ///< the name of what it executes, as proc(5) has it
    std::chrono::system_clock::time_point since;
};

/** One root with the processes in it: of a whole job on the node, or of one launch. */
struct Container {
    std::uint64_t mount_namespace = 0;
    std::string job; ///< empty: none
    std::string user;
    std::string image;                           ///< as the user named it; empty: not known
    std::string id;                              ///< the image's identifier, or the directory of a local image
    std::chrono::system_clock::time_point since; ///< of the oldest process
    std::vector<Process> processes;              ///< by pid
};

/** Identifier and user of the line in shifterConfig.json; nothing when it is none. */
[[nodiscard]] std::optional<std::pair<std::string, std::string>> parse_state_line(std::string_view text);

/** The start of a process in clock ticks since boot, from the text of /proc/PID/stat; nothing when that is none. */
[[nodiscard]] std::optional<std::uint64_t> parse_start_ticks(std::string_view stat);

/** Sorted by job and age. What ends while it is looked at is left out. @throws Error when /proc cannot be read */
[[nodiscard]] std::vector<Container> find_containers();

} // namespace shifter::processes
