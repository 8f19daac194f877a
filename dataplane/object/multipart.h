// Takes a multipart body apart (RFC 2046 §5.1, RFC 7578): the heads of its parts and the content
// between their delimiters.
//
//   [preamble CRLF] --boundary [blanks] CRLF head CRLF content CRLF --boundary … CRLF --boundary--
//
// Servers disagree on odd bodies, and what one takes for content another takes for a delimiter. So:
// a delimiter is CRLF "--" boundary; the boundary after a bare LF or CR (a line end to Python), or
// with anything but blanks and CRLF or "--" behind it, ends the parsing (form_bad_delimiter), as
// does a bare LF or CR, or the boundary, in the head of a part (form_bad_head). After the closing
// delimiter further parts are read all the same, as some servers do.
//
//     decoder.next(&input, &data)    until `more`, then feed the next bytes
//
// Owns:       the delimiter's text and the head of the part under way. Runs of content point into
//             the input, or into the delimiter's text when what began like one was none after all.
// Invariants: what comes out does not depend on how the input is cut, but for the cuts of runs. A
//             part's end is told with the last byte of its delimiter's text, before anything after.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     form_boundary_bytes_max, form_head_bytes_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/counters.h"
#include "dataplane/object/part_head.h"

namespace cordon {

class MultipartDecoder {
  public:
    enum class Result : std::uint8_t {
        more,      // the input is used up
        part,      // the head of a part is complete: head()
        data,      // *data is a run of its content
        part_end,  // it is complete
        bad,       // outcome(); nothing more is taken
    };

    // False when the value has no boundary, or one that servers read differently.
    bool open(std::string_view content_type);
    Result next(Bytes* input, Bytes* data);

    const PartHead& head() const { return head_; }
    Outcome outcome() const { return outcome_; }

    // Bytes of the input that are content unless a delimiter goes on.
    Bytes kept_back() const;
    bool in_content() const { return state_ == State::content; }
    bool closed() const { return closed_; }

    // A delimiter has been seen; whether it was the very beginning of the body, so that the body
    // as it is cannot be the file of a part.
    bool delimited() const { return delimited_; }
    bool has_preamble() const { return has_preamble_; }

  private:
    enum class State : std::uint8_t {
        skipped,     // preamble and epilogue
        content,     //
        after,       // right behind the boundary
        padding,     // blanks behind it
        after_cr,    // CR that ends its line
        after_dash,  // "-" of the closing "--"
        head,        //
        failed,
    };

    Result step(Bytes* input, Bytes* data);
    std::size_t plain_prefix(Bytes input) const;
    std::size_t candidate_at(Bytes input, std::uint8_t line_end) const;
    Bytes line_start() const;
    bool take_candidate(Bytes* input);
    Result end_of_candidate(Bytes* data);
    void drop_candidate();
    void take_after(char c);
    bool take_head(Bytes* input);
    bool head_line_ends();
    Result fail(Outcome outcome);

    State state_ = State::failed;
    Outcome outcome_ = Outcome::form_bad_boundary;
    bool closed_ = false;
    bool delimited_ = false;
    bool has_preamble_ = false;
    bool has_cr_ = false;        // a CR is kept back
    bool is_bare_cr_ = false;    // what is kept back begins with a CR in place of the LF
    bool after_lf_ = false;      // CRLF just before, part of what came earlier
    std::uint16_t matched_ = 0;  // bytes kept back from the LF, or the bare CR, on
    std::uint16_t needle_bytes_ = 0;
    std::uint16_t head_bytes_ = 0;
    std::uint16_t line_at_ = 0;
    std::array<std::uint8_t, 4 + limits::form_boundary_bytes_max> needle_;       // CRLF -- boundary
    std::array<std::uint8_t, 3 + limits::form_boundary_bytes_max> bare_needle_;  // CR -- boundary
    std::array<char, limits::form_head_bytes_max> head_text_;
    PartHead head_;
};

}  // namespace cordon
