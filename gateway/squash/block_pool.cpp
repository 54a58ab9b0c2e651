#include "squash/block_pool.hpp"

#include "squash/output.hpp"

#include <cstring>
#include <span>

namespace shifter::squash {
namespace {

bool is_all_zero(std::span<const std::byte> bytes) {
    return bytes.front() == std::byte{} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

} // namespace

BlockPool::BlockPool(const Options & options, const oci::KeyedHasher::Key & key, Retire retire)
    : options_{options}, backlog_{options.backlog()}, key_{key}, retire_{std::move(retire)} {
    for (unsigned i = 0; i < options.compressors(); ++i)
        threads_.emplace_back([this](const std::stop_token & stop) { work(stop); });
}

BlockPool::~BlockPool() = default;

std::unique_ptr<Block> BlockPool::take() {
    if (spare_.empty()) {
        auto made = std::make_unique<Block>();
        made->bytes.resize(options_.block_bytes);
        return made;
    }
    auto block = std::move(spare_.back());
    spare_.pop_back();
    std::vector<std::byte> bytes = std::move(block->bytes);
    *block = Block{};
    block->bytes = std::move(bytes);
    return block;
}

void BlockPool::submit(std::unique_ptr<Block> block) {
    Block * const raw = block.get();
    const bool is_piece = raw->kind == Block::Kind::piece || raw->kind == Block::Kind::last_piece;
    if (raw->size == 0 || (is_piece && is_all_zero(std::span{raw->bytes}.first(raw->size)))) {
        raw->size = 0;
        raw->is_done = true;
        queue_.push_back(std::move(block));
    } else {
        queue_.push_back(std::move(block));
        {
            const std::lock_guard lock{mutex_};
            waiting_.push_back(raw);
        }
        work_came_.notify_one();
    }
    if (queue_.size() <= backlog_) return;
    // One wait for many blocks; the compressors have the others meanwhile.
    const std::size_t many = 1 + backlog_ / 4;
    wait_for(*queue_[many - 1]);
    for (std::size_t i = 0; i < many; ++i) retire_oldest();
}

void BlockPool::drain() {
    while (!queue_.empty()) retire_oldest();
}

void BlockPool::wait_for(const Block & block) {
    std::unique_lock lock{mutex_};
    awaited_ = &block;
    awaited_done_.wait(lock, [&] { return block.is_done; });
    awaited_ = nullptr;
}

void BlockPool::retire_oldest() {
    wait_for(*queue_.front());
    auto block = std::move(queue_.front());
    queue_.pop_front();
    if (block->error != 0) check_sqfs(block->error, "compress a file");
    retire_(*block);
    give_back(std::move(block));
}

void BlockPool::give_back(std::unique_ptr<Block> block) {
    block->layer.reset();
    spare_.push_back(std::move(block));
}

void BlockPool::work(const std::stop_token & stop) {
    SqfsPtr<sqfs_compressor_t> compressor;
    oci::KeyedHasher hasher{key_};
    std::vector<std::byte> scratch(options_.block_bytes);
    for (;;) {
        Block * block = nullptr;
        {
            std::unique_lock lock{mutex_};
            if (!work_came_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
            if (stop.stop_requested()) return;
            block = waiting_.front();
            waiting_.pop_front();
        }
        int error = 0;
        try {
            if (!compressor) compressor = make_compressor(options_);
            const auto count =
                compressor->do_block(compressor.get(), reinterpret_cast<const sqfs_u8 *>(block->bytes.data()),
                                     static_cast<sqfs_u32>(block->size), reinterpret_cast<sqfs_u8 *>(scratch.data()),
                                     static_cast<sqfs_u32>(scratch.size()));
            if (count > 0 && static_cast<std::size_t>(count) < block->size) {
                block->bytes.swap(scratch);
                block->size = static_cast<std::size_t>(count);
                block->size_word = static_cast<std::uint32_t>(count);
            } else {
                error = count < 0 ? count : 0;
                block->size_word = static_cast<std::uint32_t>(block->size) | stored_plain;
            }
            block->fingerprint = hasher.of(std::span{block->bytes}.first(block->size));
        } catch (const std::exception &) {
            error = SQFS_ERROR_COMPRESSOR;
        }
        bool is_awaited = false;
        {
            const std::lock_guard lock{mutex_};
            block->error = error;
            block->is_done = true; // from here on it may be gone
            is_awaited = block == awaited_;
        }
        if (is_awaited) awaited_done_.notify_one();
    }
}

} // namespace shifter::squash
