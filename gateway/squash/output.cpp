#include "squash/output.hpp"

namespace shifter::squash {
namespace {

SQFS_COMPRESSOR sqfs_id(Codec codec) {
    switch (codec) {
    case Codec::gzip:
        return SQFS_COMP_GZIP;
    case Codec::lz4:
        return SQFS_COMP_LZ4;
    case Codec::xz:
        return SQFS_COMP_XZ;
    case Codec::zstd:
        break;
    }
    return SQFS_COMP_ZSTD;
}

} // namespace

SqfsPtr<sqfs_compressor_t> make_compressor(const Options & options) {
    const bool lz4 = options.codec == Codec::lz4;
    const auto high = static_cast<sqfs_u16>(lz4 && options.level > 1 ? SQFS_COMP_FLAG_LZ4_HC : 0);
    sqfs_compressor_config_t config{};
    check_sqfs(sqfs_compressor_config_init(&config, sqfs_id(options.codec), options.block_bytes, high),
               "set up the compressor");
    if (!lz4) config.level = static_cast<sqfs_u32>(options.level);
    sqfs_compressor_t * made = nullptr;
    check_sqfs(sqfs_compressor_create(&config, &made), "set up the compressor");
    return owned(made);
}

Output::Output(int fd, std::uint32_t created, const Options & options)
    : file{fd}, compressor{make_compressor(options)}, fragments{owned(sqfs_frag_table_create(0))} {
    check_sqfs(sqfs_super_init(&super, options.block_bytes, created, sqfs_id(options.codec)), "set up the superblock");
    file.check(sqfs_super_write(&super, file.sqfs()), "write the superblock");
    const int written = compressor->write_options(compressor.get(), file.sqfs());
    file.check(written, "write the compressor's options");
    if (written > 0) super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
}

} // namespace shifter::squash
