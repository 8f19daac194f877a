// A file compressed as a whole (gzip, zstd): an archive with one member.
//
// What is compressed in several pieces one behind the other is one file to most readers, but some
// stop after the first: what came up to there is told to be one that may be all (`may_end`). Zeros
// between pieces are passed over, as some do; anything else behind a piece is no more of it.
//
// Owns:       the name that a gzip file has of its content; a block of the pool while open.
// Invariants: as those of CodingDecoder, which does the work.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     archive_name_bytes_max, and those of the decoder.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/object/archive_name.h"
#include "dataplane/object/coding.h"

namespace cordon {

// Reads the FNAME of a gzip header (RFC 1952 §2.3) as it streams by.
class GzipName {
  public:
    void open();
    void take(Bytes bytes);
    std::string_view text() const { return name_.text(); }

  private:
    enum class State : std::uint8_t { fixed, extra_length, extra, name, over };
    void take_byte(std::uint8_t byte);

    State state_ = State::over;
    std::uint8_t flags_ = 0;
    std::uint8_t fixed_bytes_ = 0;
    std::uint16_t extra_bytes_ = 0;
    ArchiveName name_;
};

class SingleDecoder {
  public:
    enum class Result : std::uint8_t {
        more,     // the input is used up
        member,   // content comes; name() says what it is called, if anything
        data,     // *data is a run of it, in `out`
        may_end,  // to some readers what came is all
        end,      // it is complete; what follows is no more of it
        bad,      // what follows cannot be read; is_complete() says if that is behind a piece
        limit,    // too much for too little, or a window that is too large
    };

    // False: no block is left.
    bool open(ContentCoding coding, CodingPool* pool);
    Result next(Bytes* input, MutableBytes out, Bytes* data);
    void close() { coding_.close(); }

    std::string_view name() const { return name_.text(); }
    // After `bad`: already the first bytes were none of it.
    bool is_bogus() const { return !opened_ && coding_.is_bogus(); }
    // After `bad`: other readers go on.
    bool is_disputed() const { return coding_.is_disputed(); }
    bool is_complete() const { return coding_.is_complete(); }
    bool has_more() const {
        return !pending_.empty() || (coding_.has_more() && !coding_.is_complete());
    }
    // After `end`: what was taken behind the last piece, as it might have begun another.
    Bytes foreign() const { return Bytes(magic_).first(magic_bytes_); }

  private:
    Result step(Bytes* input, MutableBytes out);
    Result next_piece(Bytes* input);
    bool may_begin_piece(std::uint8_t byte) const;
    std::size_t magic_size() const { return kind_ == ContentCoding::gzip ? 3 : 4; }

    ContentCoding kind_ = ContentCoding::none;
    bool started_ = false;
    bool opened_ = false;
    bool may_end_told_ = false;
    std::uint8_t magic_bytes_ = 0;  // of what may begin a further piece
    std::array<std::uint8_t, 4> magic_{};
    Bytes magic_left_;  // of them, to be decoded before the input
    CodingDecoder coding_;
    Bytes pending_;  // content that waits for `member` to be told
    GzipName name_;
};

}  // namespace cordon
