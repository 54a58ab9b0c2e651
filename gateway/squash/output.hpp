/**
 * @file
 * The squashfs that is being written: file, compressor, fragment table and superblock. Only for the .cpp files of this
 * layer.
 */
#pragma once

#include "squash/options.hpp"
#include "squash/output_file.hpp"

#include <sqfs/compressor.h>
#include <sqfs/frag_table.h>
#include <sqfs/super.h>

namespace shifter::squash {

/** A compressor by the site's settings, for one thread. */
[[nodiscard]] SqfsPtr<sqfs_compressor_t> make_compressor(const Options & options);

class Output {
public:
    /** Writes the superblock's place and the compressor's options. */
    Output(int fd, std::uint32_t created, const Options & options);

    OutputFile file;
    SqfsPtr<sqfs_compressor_t> compressor;
    SqfsPtr<sqfs_frag_table_t> fragments;
    sqfs_super_t super{};
};

} // namespace shifter::squash
