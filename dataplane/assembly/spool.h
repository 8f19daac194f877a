// Bytes of pieces that came before their predecessor, until it is there (Spool); the leaves of
// pieces for the tree fingerprint (LeafSpool); and the lists of commits (ListSpool), which need
// room also when content has none. In memory only: content never reaches a disk.
//
//   SpoolRun run;  spool.append(&run, bytes)…  spool.read(run, &cursor, most)…  spool.drop(&run)
//
// Owns:       blocks of block_bytes; untouched ones cost no memory.
// Invariants: a run has one owner at a time. Its blocks are linked in the order of its bytes.
// Worker:     any; blocks are taken and given back without a lock, once for each block.
// Limits:     bytes_max in all; a run ends where append() says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "dataplane/assembly/free_list.h"
#include "dataplane/base/bytes.h"
#include "dataplane/fingerprint/tree.h"

namespace cordon {

struct SpoolRun {
    std::uint32_t first = FreeList::none;
    std::uint32_t last = FreeList::none;
    std::uint32_t blocks = 0;
    std::uint64_t bytes = 0;
};

// A place in a run, to read on from.
struct SpoolCursor {
    std::uint32_t block = FreeList::none;
    std::uint64_t at = 0;
};

template <std::size_t bytes_of_block>
class BlockSpool {
  public:
    static constexpr std::size_t block_bytes = bytes_of_block;

    explicit BlockSpool(std::uint64_t bytes_max)
        : free_(static_cast<std::uint32_t>(bytes_max / block_bytes)),
          blocks_(std::make_unique_for_overwrite<Block[]>(free_.count())) {}

    // False: no block is free; what came before stays in the run.
    bool append(SpoolRun* run, Bytes bytes) {
        while (!bytes.empty()) {
            const std::size_t used = run->bytes % block_bytes;
            if (used == 0 && run->bytes == std::uint64_t{run->blocks} * block_bytes && !grow(run))
                return false;
            const std::size_t part = std::min(bytes.size(), block_bytes - used);
            std::memcpy(blocks_[run->last].bytes + used, bytes.data(), part);
            run->bytes += part;
            bytes = bytes.subspan(part);
        }
        return true;
    }

    // The next bytes of the run, at most one block and `most`; empty at its end.
    Bytes read(const SpoolRun& run, SpoolCursor* cursor, std::size_t most) const {
        if (cursor->at == run.bytes) return {};
        const std::size_t begin = cursor->at % block_bytes;
        if (cursor->at == 0)
            cursor->block = run.first;
        else if (begin == 0)
            cursor->block = blocks_[cursor->block].next;
        const std::size_t left =
            static_cast<std::size_t>(std::min<std::uint64_t>(run.bytes - cursor->at, most));
        const std::size_t length = std::min(left, block_bytes - begin);
        cursor->at += length;
        return {blocks_[cursor->block].bytes + begin, length};
    }

    // Where to read on from byte `at` of the run.
    SpoolCursor seek(const SpoolRun& run, std::uint64_t at) const {
        SpoolCursor cursor{run.first, at};
        // Of the block with the byte before it: read() goes on to the next one by itself.
        for (std::uint64_t n = at == 0 ? 0 : (at - 1) / block_bytes; n != 0; --n)
            cursor.block = blocks_[cursor.block].next;
        return cursor;
    }

    // The first block of the run; all its bytes are there.
    void drop_front(SpoolRun* run) {
        const std::uint32_t block = run->first;
        run->first = blocks_[block].next;
        --run->blocks;
        run->bytes -= block_bytes;
        free_.give(block);
    }

    void drop(SpoolRun* run) {
        for (std::uint32_t n = 0; n < run->blocks; ++n) {
            const std::uint32_t block = run->first;
            run->first = blocks_[block].next;
            free_.give(block);
        }
        *run = SpoolRun{};
    }

    std::uint64_t bytes_max() const { return std::uint64_t{free_.count()} * block_bytes; }
    std::uint32_t blocks_free() const { return free_.available(); }
    std::uint64_t bytes_used() const {
        return std::uint64_t{free_.count() - free_.available()} * block_bytes;
    }

  private:
    struct Block {
        std::uint32_t next;
        std::uint8_t bytes[block_bytes];
    };

    bool grow(SpoolRun* run) {
        const std::uint32_t block = free_.take();
        if (block == FreeList::none) return false;
        (run->blocks == 0 ? run->first : blocks_[run->last].next) = block;
        run->last = block;
        ++run->blocks;
        return true;
    }

    FreeList free_;
    std::unique_ptr<Block[]> blocks_;
};

// A run wastes half a block on average: 32 KiB beside the 5 MiB that most pieces have.
using Spool = BlockSpool<64 * 1024>;
// Eight leaves: those of the 8 MiB that the SDKs and tools cut into.
using LeafSpool = BlockSpool<8 * sizeof(TreeDigest)>;
// What commits name: most have less than a hundred pieces, of 8 bytes.
using ListSpool = BlockSpool<1024>;

}  // namespace cordon
