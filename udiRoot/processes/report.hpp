/**
 * @file
 * Containers as a table for people, and as JSON for programs.
 */
#pragma once

#include "processes/containers.hpp"

#include <string>
#include <vector>

namespace shifter::processes {

/** A heading and one line for each container. Control characters, which an image's name may not have, are escaped. */
[[nodiscard]] std::string to_table(const std::vector<Container> & containers);

/** An array of {"job", "user", "image", "id", "since", "processes": [{"pid", "command", "since"}]}; times in UTC. */
[[nodiscard]] std::string to_json(const std::vector<Container> & containers);

} // namespace shifter::processes
