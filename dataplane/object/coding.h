// Undoes a content coding of a request body (RFC 9110 §8.4.1): gzip, deflate (with and without its
// zlib frame), zstd, br. The libraries do the work; their memory comes from blocks taken at start.
//
// A coding that hides much in little is a weapon: what comes out is bounded by what went in
// (coding_ratio_max), windows by the block a decoder works in. Both ends are `limit`.
//
// How much a library gives of a damaged stream before it says so depends on how it is fed. The
// first bytes are fed one by one, so that a plain body is told from a coded one that is damaged.
//
// Owns:       CodingPool: the blocks; windows may belong to several pools (WindowBlocks).
//             CodingDecoder: one of them while open.
// Invariants: what comes out of a sound stream, and whether one is bogus, does not depend on how
//             the input is cut; no allocation after the pool's construction.
// Worker:     used by one worker at a time, WindowBlocks by any: no lock.
// Limits:     coding_small_blocks decoders with a window of 32 KiB, coding_large_blocks others.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

enum class ContentCoding : std::uint8_t {
    none,
    gzip,
    deflate,
    raw_deflate,  // without a frame, as in a zip: no coding of HTTP
    zstd,
    brotli,
};

// `none` for what is not undone here.
ContentCoding content_coding_of(std::string_view name);

// The large blocks.
class WindowBlocks {
  public:
    static constexpr std::uint32_t count_max = 64;  // bits of a word

    explicit WindowBlocks(std::uint32_t count);

    std::uint8_t* take();  // null when none is left
    void give_back(const std::uint8_t* block);

  private:
    std::unique_ptr<std::uint8_t[]> memory_;  // untouched ones cost none
    std::atomic<std::uint64_t> free_;
};

class CodingPool {
  public:
    CodingPool(std::uint32_t small_blocks, std::uint32_t large_blocks);
    // `windows` outlives it.
    CodingPool(std::uint32_t small_blocks, WindowBlocks* windows);

    // Empty when none is left.
    MutableBytes take(ContentCoding coding);
    void give_back(MutableBytes block);

    // What is in use here becomes what `other` had in use; windows are given back. Of no use to
    // decoders but those that had the blocks of this pool when it was copied to `other`, which had
    // no windows then.
    void copy_from(const CodingPool& other);
    bool has_windows() const { return window_count_ != 0; }

    static std::uint64_t small_bytes() { return limits::coding_small_bytes; }
    static std::uint64_t large_bytes() { return limits::coding_large_bytes; }

  private:
    std::unique_ptr<std::uint8_t[]> memory_;  // untouched blocks cost none
    std::vector<std::uint32_t> free_;
    std::uint32_t small_blocks_;
    std::unique_ptr<WindowBlocks> own_windows_;
    WindowBlocks* windows_;
    std::array<const std::uint8_t*, WindowBlocks::count_max> windows_taken_;
    std::uint32_t window_count_ = 0;
};

class CodingDecoder {
  public:
    enum class Result : std::uint8_t {
        more,   // the input is used up
        data,   // something was written
        end,    // the coded content is complete; what follows it is none
        bad,    // this is not the coding
        limit,  // too much for too little, or a window that is too large
    };

    // False: no block is left.
    bool open(ContentCoding coding, CodingPool* pool);
    Result next(Bytes* input, MutableBytes out, std::size_t* written);
    void close();

    // After `bad`: already the first bytes were no such coding.
    bool is_bogus() const { return taken_ < limits::coding_probe_bytes && !is_disputed_; }
    // After `bad`: a head of gzip of which some readers (Python) do not check the sum.
    bool is_disputed() const { return is_disputed_; }
    // What came so far could be all of it.
    bool is_complete() const { return ended_ || is_complete_ || taken_ == 0; }
    // It is all of it to readers that take one piece (a member of gzip, a frame of zstd) for it.
    bool between_pieces() const { return is_complete_ && !ended_; }
    bool is_open() const { return pool_ != nullptr; }
    // More may come out without further input.
    bool has_more() const { return has_more_; }

  private:
    bool start(std::uint8_t first);
    Result step(Bytes* input, MutableBytes out, std::size_t* written);
    std::uint8_t next_of_head(Bytes* input);
    Result next_deflate(Bytes* input, MutableBytes out, std::size_t* written);
    Result next_zstd(Bytes* input, MutableBytes out, std::size_t* written);
    Result next_brotli(Bytes* input, MutableBytes out, std::size_t* written);

    ContentCoding coding_ = ContentCoding::none;
    CodingPool* pool_ = nullptr;
    MutableBytes block_;
    bool started_ = false;
    bool between_ = false;  // after a member of gzip
    bool ended_ = false;
    bool has_more_ = false;
    bool is_complete_ = false;
    bool is_disputed_ = false;
    std::uint8_t head_bytes_ = 0;  // of a member of gzip, up to its flags
    std::uint64_t taken_ = 0;
    std::uint64_t given_ = 0;
    void* state_ = nullptr;  // of the library, in the block
};

}  // namespace cordon
