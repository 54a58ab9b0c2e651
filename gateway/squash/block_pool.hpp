/**
 * @file
 * Compresses blocks on all cores, and gives them back in the order in which they came. Only for the .cpp files of this
 * layer.
 */
#pragma once

#include "layers/tree.hpp"
#include "squash/layer_blocks.hpp"
#include "squash/options.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace shifter::squash {

struct LayerState;

/** One block of a file, or one fragment block, on its way through a compressor. */
struct Block {
    std::vector<std::byte> bytes; ///< content, then what is stored
    std::size_t size = 0;         ///< of it that counts
    std::uint32_t size_word = 0;  ///< as squashfs writes it, once it is done; 0: all zeros, nothing is stored
    Fingerprint fingerprint{};    ///< of what is stored

    std::shared_ptr<LayerState> layer;
    std::uint32_t number = nowhere;             ///< of the file, or of the fragment block in the layer
    std::uint32_t piece = 0;                    ///< which block of the file
    layers::InodeIndex inode = layers::none;    ///< none: nobody sees the file
    std::uint32_t image_fragment = nowhere;     ///< of a fragment block that somebody sees
    enum class Kind { piece, last_piece, fragment, end_of_layer } kind = Kind::piece;

    bool is_done = false; ///< under the pool's mutex
    int error = 0;
};

class BlockPool {
public:
    using Retire = std::function<void(Block &)>;

    /** Starts the threads. `retire` gets each block, in order, in the thread that calls submit() or drain(). */
    BlockPool(const Options & options, const oci::KeyedHasher::Key & key, Retire retire);
    ~BlockPool();
    BlockPool(const BlockPool &) = delete;
    BlockPool & operator=(const BlockPool &) = delete;

    /** An empty block with room for block_bytes. */
    [[nodiscard]] std::unique_ptr<Block> take();
    void give_back(std::unique_ptr<Block> block);
    void submit(std::unique_ptr<Block> block);
    /** Waits until all have been retired. */
    void drain();

private:
    void work(const std::stop_token & stop);
    void wait_for(const Block & block);
    void retire_oldest();

    Options options_;
    const std::size_t backlog_; ///< asked once: the number of cores is a file in /sys
    oci::KeyedHasher::Key key_;
    Retire retire_;
    std::mutex mutex_;
    std::condition_variable_any work_came_;
    std::condition_variable awaited_done_;
    const Block * awaited_ = nullptr;          ///< by the submitting thread
    std::deque<std::unique_ptr<Block>> queue_; ///< in order; only the submitting thread adds and removes
    std::deque<Block *> waiting_;              ///< for a thread
    std::vector<std::unique_ptr<Block>> spare_;
    std::vector<std::jthread> threads_;
};

} // namespace shifter::squash
