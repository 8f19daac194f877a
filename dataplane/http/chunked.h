// Takes the chunk framing off a body (RFC 9112 §7.1) and checks the trailer section.
//
//   "5;name=value" CRLF  5 bytes CRLF  …  "0" CRLF  [field-line CRLF]…  CRLF
//
// Strict, for requests: sizes of 1 to 16 hex digits; extensions only as ;token[=token|quoted];
// no blanks; CRLF only; framing fields in the trailer are refused. Lenient, for answers: blanks
// after the size and any extension pass, and trailer fields are not judged; a bare LF is still
// refused, because clients differ on it.
//
// Owns:       no bytes: views point into the fed bytes.
// Invariants: a run of data never spans two calls; after `end` or `bad` nothing more is taken.
// Limits:     chunk_line_bytes_max for a size line, trailer_bytes_max for the trailer section.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/counters.h"

namespace cordon {

enum class ChunkStrictness : std::uint8_t { strict, lenient };

class ChunkedDecoder {
  public:
    enum class Result : std::uint8_t { more, data, end, bad };

    void open(ChunkStrictness strictness);

    // Takes what it can from the front of *input. On `data`, *data is the next run of body bytes.
    Result next(Bytes* input, Bytes* data);

    Outcome outcome() const { return outcome_; }  // after `bad`
    std::uint64_t run_remaining() const;          // coming bytes that are surely data
    void pass_over(std::uint64_t bytes);          // as if they had been fed and returned
    bool last_seen() const { return in_trailer() || state_ == State::done; }
    bool size_seen() const { return state_ >= State::data && state_ != State::failed; }

  private:
    enum class State : std::uint8_t {
        size_first,   // at the first digit
        size,         //
        size_blank,   // lenient: blanks after the size
        name_first,   // after ';'
        name,         //
        value_first,  // after '='
        value,        //
        quoted,       // in a quoted string
        quoted_pair,  // after its backslash
        quoted_end,   // after its closing quote
        anything,     // lenient: extension
        size_lf,      // after CR of the size line
        data,         //
        data_cr,      // after the data
        data_lf,      //
        line_first,   // at the start of a trailer line
        field_name,   //
        field_value,  //
        field_lf,     // after CR of a trailer line
        final_lf,     // after CR of the empty line
        done,
        failed,
    };

    void take(char c);
    void take_size(char c);
    void take_extension(char c);
    void take_trailer(char c);
    void end_size_line();
    void end_field_name();
    void fail(Outcome outcome);
    void fail_at(char c);
    bool in_trailer() const { return state_ >= State::line_first && state_ <= State::final_lf; }

    State state_ = State::size_first;
    ChunkStrictness strictness_ = ChunkStrictness::strict;
    Outcome outcome_ = Outcome::http_bad_chunk;
    std::uint8_t digits_ = 0;
    std::uint8_t name_bytes_ = 0;      // of the trailer field; at most name_.size() + 1
    std::uint16_t line_bytes_ = 0;     // of the size line
    std::uint32_t trailer_bytes_ = 0;  // of the trailer section
    std::uint64_t remaining_ = 0;      // of the chunk
    std::array<char, 20> name_{};      // long enough for every name that is refused
};

}  // namespace cordon
