/**
 * @file
 * The tables at the end of a squashfs: inodes, directories, fragments, ids, extended attributes, and the superblock.
 */
#pragma once

#include "layers/tree.hpp"
#include "squash/data_writer.hpp"

#include <cstdint>

namespace shifter::squash {

/** What directories that no layer describes get as their time. Returns the number of paths. */
[[nodiscard]] std::uint64_t write_tables(Output & output, const layers::Tree & tree, const DataWriter & data,
                                         std::uint32_t created);

} // namespace shifter::squash
