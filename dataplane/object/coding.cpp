#include "dataplane/object/coding.h"

#include <brotli/decode.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY  // a decoder in memory of ours
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

constexpr std::size_t alignment = 16;

// First fit in one block, for the few pieces a library asks for. What it gives back is used again:
// brotli takes new tables for every metablock.
class Arena {
  public:
    explicit Arena(MutableBytes block) : begin_(block.data()), end_(block.data() + block.size()) {
        new (begin_) Piece{block.size(), true};
    }

    void* take(std::size_t bytes) {
        if (bytes > static_cast<std::size_t>(end_ - begin_)) return nullptr;
        const std::size_t wanted = sizeof(Piece) + (bytes + alignment - 1) / alignment * alignment;
        for (std::uint8_t* at = begin_; at < end_; at += piece(at)->bytes) {
            if (!piece(at)->is_free) continue;
            join_following(at);
            if (piece(at)->bytes < wanted) continue;
            split(at, wanted);
            piece(at)->is_free = false;
            return at + sizeof(Piece);
        }
        return nullptr;
    }

    static void give_back(void* address) {
        if (address != nullptr)
            piece(static_cast<std::uint8_t*>(address) - sizeof(Piece))->is_free = true;
    }

  private:
    struct alignas(alignment) Piece {
        std::size_t bytes;  // with this head
        bool is_free;
    };

    static Piece* piece(std::uint8_t* at) { return std::launder(reinterpret_cast<Piece*>(at)); }

    void join_following(std::uint8_t* at) {
        for (std::uint8_t* next = at + piece(at)->bytes; next < end_ && piece(next)->is_free;
             next = at + piece(at)->bytes)
            piece(at)->bytes += piece(next)->bytes;
    }

    void split(std::uint8_t* at, std::size_t wanted) {
        const std::size_t rest = piece(at)->bytes - wanted;
        if (rest < 2 * sizeof(Piece)) return;
        new (at + wanted) Piece{rest, true};
        piece(at)->bytes = wanted;
    }

    std::uint8_t* begin_;
    std::uint8_t* end_;
};

// What stands at the beginning of a block: the arena over the rest of it, and the library's handle.
struct Inside {
    Arena arena;
    z_stream zlib;
    explicit Inside(MutableBytes rest) : arena(rest), zlib{} {}
};

constexpr std::size_t inside_bytes = (sizeof(Inside) + alignment - 1) / alignment * alignment;

Inside& inside_of(MutableBytes block) {
    return *std::launder(reinterpret_cast<Inside*>(block.data()));
}

voidpf zlib_take(voidpf opaque, uInt items, uInt bytes) {
    return static_cast<Arena*>(opaque)->take(std::size_t{items} * bytes);
}
void zlib_give_back(voidpf, voidpf address) {
    Arena::give_back(address);
}
void* brotli_take(void* opaque, std::size_t bytes) {
    return static_cast<Arena*>(opaque)->take(bytes);
}
void brotli_give_back(void*, void* address) {
    Arena::give_back(address);
}

}  // namespace

ContentCoding content_coding_of(std::string_view name) {
    using http::equal_ignoring_case;
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip"))
        return ContentCoding::gzip;
    if (equal_ignoring_case(name, "deflate")) return ContentCoding::deflate;
    if (equal_ignoring_case(name, "zstd")) return ContentCoding::zstd;
    if (equal_ignoring_case(name, "br")) return ContentCoding::brotli;
    return ContentCoding::none;
}

WindowBlocks::WindowBlocks(std::uint32_t count)
    : memory_(std::make_unique_for_overwrite<std::uint8_t[]>(count * limits::coding_large_bytes)),
      free_(count == count_max ? ~0ull : (1ull << count) - 1) {
    INVARIANT(count <= count_max);
}

std::uint8_t* WindowBlocks::take() {
    std::uint64_t free = free_.load(std::memory_order_acquire);
    while (free != 0) {
        if (free_.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire))
            return memory_.get() +
                   static_cast<std::size_t>(std::countr_zero(free)) * limits::coding_large_bytes;
    }
    return nullptr;
}

void WindowBlocks::give_back(const std::uint8_t* block) {
    const auto number =
        static_cast<std::size_t>(block - memory_.get()) / limits::coding_large_bytes;
    free_.fetch_or(1ull << number, std::memory_order_release);
}

CodingPool::CodingPool(std::uint32_t small_blocks, WindowBlocks* windows)
    : memory_(std::make_unique_for_overwrite<std::uint8_t[]>(small_blocks *
                                                             limits::coding_small_bytes)),
      small_blocks_(small_blocks),
      windows_(windows) {
    free_.reserve(small_blocks);
    for (std::uint32_t n = small_blocks; n-- > 0;)
        free_.push_back(n);
}

CodingPool::CodingPool(std::uint32_t small_blocks, std::uint32_t large_blocks)
    : CodingPool(small_blocks, nullptr) {
    own_windows_ = std::make_unique<WindowBlocks>(large_blocks);
    windows_ = own_windows_.get();
}

MutableBytes CodingPool::take(ContentCoding coding) {
    const bool small = coding == ContentCoding::gzip || coding == ContentCoding::deflate ||
                       coding == ContentCoding::raw_deflate;
    if (small) {
        if (free_.empty()) return {};
        const std::uint32_t number = free_.back();
        free_.pop_back();
        return {memory_.get() + number * limits::coding_small_bytes, limits::coding_small_bytes};
    }
    std::uint8_t* block = windows_->take();
    if (block == nullptr) return {};
    windows_taken_[window_count_++] = block;
    return {block, limits::coding_large_bytes};
}

void CodingPool::give_back(MutableBytes block) {
    if (block.size() == limits::coding_small_bytes) {
        const auto at = static_cast<std::uint32_t>(block.data() - memory_.get());
        free_.push_back(static_cast<std::uint32_t>(at / limits::coding_small_bytes));
        return;
    }
    const auto taken =
        std::find(windows_taken_.begin(), windows_taken_.begin() + window_count_, block.data());
    *taken = windows_taken_[--window_count_];
    windows_->give_back(block.data());
}

void CodingPool::copy_from(const CodingPool& other) {
    INVARIANT(small_blocks_ == other.small_blocks_ && !other.has_windows());
    while (window_count_ != 0)
        windows_->give_back(windows_taken_[--window_count_]);
    free_ = other.free_;  // it has room for all
    for (std::uint32_t n = 0; n < small_blocks_; ++n) {
        if (std::find(free_.begin(), free_.end(), n) != free_.end()) continue;
        const std::size_t at = n * limits::coding_small_bytes;
        std::memcpy(memory_.get() + at, other.memory_.get() + at, limits::coding_small_bytes);
    }
}

bool CodingDecoder::open(ContentCoding coding, CodingPool* pool) {
    INVARIANT(!is_open() && coding != ContentCoding::none);
    const MutableBytes block = pool->take(coding);
    if (block.empty()) return false;
    *this = CodingDecoder();
    coding_ = coding;
    pool_ = pool;
    block_ = block;
    return true;
}

// The libraries have nothing but memory of the block: it is enough to give that back.
void CodingDecoder::close() {
    if (!is_open()) return;
    pool_->give_back(block_);
    pool_ = nullptr;
}

// Some send deflate as RFC 9110 says, with the frame of zlib, and some without: by its first byte.
bool CodingDecoder::start(std::uint8_t first) {
    started_ = true;
    const MutableBytes rest = block_.subspan(inside_bytes);
    Inside* inside = new (block_.data()) Inside(rest);
    switch (coding_) {
        case ContentCoding::none:
            return false;
        case ContentCoding::gzip:
        case ContentCoding::deflate:
        case ContentCoding::raw_deflate: {
            inside->zlib.zalloc = zlib_take;
            inside->zlib.zfree = zlib_give_back;
            inside->zlib.opaque = &inside->arena;
            const bool framed = coding_ == ContentCoding::deflate && (first & 0x0f) == Z_DEFLATED &&
                                first >> 4 <= 7;
            const int window = coding_ == ContentCoding::gzip ? 31 : framed ? 15 : -15;
            return inflateInit2(&inside->zlib, window) == Z_OK;
        }
        case ContentCoding::zstd: {
            ZSTD_DStream* stream = ZSTD_initStaticDStream(rest.data(), rest.size());
            state_ = stream;
            return stream != nullptr &&
                   !ZSTD_isError(ZSTD_DCtx_setMaxWindowSize(stream, limits::coding_window_max)) &&
                   !ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_forceIgnoreChecksum,
                                                        ZSTD_d_ignoreChecksum));
        }
        case ContentCoding::brotli:
            state_ = BrotliDecoderCreateInstance(brotli_take, brotli_give_back, &inside->arena);
            return state_ != nullptr;
    }
    return false;
}

CodingDecoder::Result CodingDecoder::next(Bytes* input, MutableBytes out, std::size_t* written) {
    *written = 0;
    if (ended_) return Result::end;
    if (input->empty() && !has_more_) return Result::more;
    if (!started_ && !start(input->front())) return Result::limit;
    // Never more than is allowed for what went in so far.
    const std::uint64_t allowed =
        limits::coding_free_bytes + limits::coding_ratio_max * (taken_ + input->size()) - given_;
    const bool at_limit = allowed < out.size();
    if (at_limit) out = out.first(static_cast<std::size_t>(allowed));
    if (out.empty()) return Result::limit;
    const bool may_be_bogus = coding_ != ContentCoding::raw_deflate;  // a header said what it is
    const bool probes = may_be_bogus && taken_ < limits::coding_probe_bytes && input->size() > 1;
    // What waits comes out before anything else goes in: an error there would swallow it.
    Bytes fed = has_more_ ? input->first(0) : probes ? input->first(1) : *input;
    const std::size_t before = fed.size();
    Result result = step(&fed, out, written);
    const std::size_t used = before - fed.size();
    *input = input->subspan(used);
    taken_ += used;
    given_ += *written;
    ended_ = result == Result::end;
    if (result == Result::more && *written != 0) result = Result::data;
    return result;
}

CodingDecoder::Result CodingDecoder::step(Bytes* input, MutableBytes out, std::size_t* written) {
    switch (coding_) {
        case ContentCoding::none:
            return Result::bad;
        case ContentCoding::gzip:
        case ContentCoding::deflate:
        case ContentCoding::raw_deflate:
            return next_deflate(input, out, written);
        case ContentCoding::zstd:
            return next_zstd(input, out, written);
        case ContentCoding::brotli:
            return next_brotli(input, out, written);
    }
    return Result::bad;
}

namespace {

// Magic and method were right; not everybody looks at the checksum of the head.
bool head_is_disputed(const z_stream& stream) {
    return stream.msg != nullptr && std::string_view(stream.msg) == "header crc mismatch";
}

constexpr std::uint8_t gzip_flags_at = 3;
constexpr std::uint8_t gzip_known_flags = 0x1f;

}  // namespace

// Reserved flags (RFC 1952 §2.3.1.2) make zlib and gzip stop. Python, Go and Java do not look at
// them: what those get has to be seen. Up to the flags a head goes in byte by byte.
std::uint8_t CodingDecoder::next_of_head(Bytes* input) {
    const std::uint8_t byte = input->front();
    *input = input->subspan(1);
    return head_bytes_++ == gzip_flags_at ? byte & gzip_known_flags : byte;
}

CodingDecoder::Result CodingDecoder::next_deflate(Bytes* input, MutableBytes out,
                                                  std::size_t* written) {
    z_stream& stream = inside_of(block_).zlib;
    if (between_) {  // a further member of gzip, or something after the last
        while (!input->empty() && input->front() == 0)  // some readers pass over padding
            *input = input->subspan(1);
        if (input->empty()) return Result::more;
        if (input->front() != 0x1f) return Result::end;
        if (inflateReset(&stream) != Z_OK) return Result::bad;
        between_ = false;
        head_bytes_ = 0;
    }
    const bool in_head =
        coding_ == ContentCoding::gzip && head_bytes_ <= gzip_flags_at && !input->empty();
    const std::uint8_t head_byte = in_head ? next_of_head(input) : std::uint8_t{0};
    const Bytes fed = in_head ? Bytes(&head_byte, 1) : *input;
    stream.next_in = const_cast<Bytef*>(fed.data());  // zlib does not write there
    stream.avail_in = static_cast<uInt>(fed.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (!in_head) *input = input->last(stream.avail_in);
    *written = out.size() - stream.avail_out;
    has_more_ = stream.avail_out == 0;
    is_complete_ = status == Z_STREAM_END;
    if (status == Z_STREAM_END) {
        has_more_ = false;
        if (coding_ != ContentCoding::gzip) return Result::end;
        between_ = true;
        return Result::more;
    }
    if (status == Z_MEM_ERROR) return Result::limit;
    is_disputed_ = status == Z_DATA_ERROR && head_is_disputed(stream);
    return status == Z_OK || status == Z_BUF_ERROR ? Result::more : Result::bad;
}

CodingDecoder::Result CodingDecoder::next_zstd(Bytes* input, MutableBytes out,
                                               std::size_t* written) {
    ZSTD_inBuffer from{input->data(), input->size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t status =
        ZSTD_decompressStream(static_cast<ZSTD_DStream*>(state_), &to, &from);
    *input = input->subspan(from.pos);
    *written = to.pos;
    has_more_ = to.pos == to.size;
    is_complete_ = status == 0;
    if (!ZSTD_isError(status)) return Result::more;
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(status);
    const bool too_large =
        code == ZSTD_error_frameParameter_windowTooLarge || code == ZSTD_error_memory_allocation;
    return too_large ? Result::limit : Result::bad;
}

CodingDecoder::Result CodingDecoder::next_brotli(Bytes* input, MutableBytes out,
                                                 std::size_t* written) {
    std::size_t left = input->size();
    const std::uint8_t* from = input->data();
    std::size_t room = out.size();
    std::uint8_t* to = out.data();
    auto* decoder = static_cast<BrotliDecoderState*>(state_);
    const BrotliDecoderResult status =
        BrotliDecoderDecompressStream(decoder, &left, &from, &room, &to, nullptr);
    *input = input->last(left);
    *written = out.size() - room;
    has_more_ = status != BROTLI_DECODER_RESULT_ERROR && BrotliDecoderHasMoreOutput(decoder);
    if (status == BROTLI_DECODER_RESULT_SUCCESS) return Result::end;
    if (status != BROTLI_DECODER_RESULT_ERROR) return Result::more;
    const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(decoder);
    const bool no_memory = code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                           code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
    return no_memory ? Result::limit : Result::bad;
}

}  // namespace cordon
