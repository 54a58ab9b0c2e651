/**
 * @file
 * The command shifterimg(1) as a function.
 */
#pragma once

#include "client/surroundings.hpp"

#include <span>

namespace shifter::client {

/** @param args  with the program's name in front. @return the exit status; what went wrong is one line on `err` */
[[nodiscard]] int shifterimg_main(std::span<char * const> args, Surroundings & around);

} // namespace shifter::client
