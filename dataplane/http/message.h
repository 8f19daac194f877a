// Takes the requests of one connection apart: push bytes, pull events. A head is copied, line by
// line, into storage of the caller; body bytes are views into what was fed.
//
//     parser.feed(bytes);
//     while (parser.next(&event)) …        then feed the next bytes
//
// What ends the parsing, and the outcome that names it (DESIGN §4). All are answered 400, but
// http_head_too_long, which gets 431:
//
//   http_bad_head         request line without two single blanks, method that is no token or longer
//                         than 32 bytes, target that is none of the four forms or has controls,
//                         control character (bare CR and NUL among them) in a value, blank before
//                         the first request line, more than empty_lines_max empty lines before it,
//                         Connection that lists a framing field, Content-Type repeated, CONNECT or
//                         TRACE with a framing field, a PROXY header that nobody asked for
//   http_bare_lf          LF without CR in a head, a chunk line, a trailer, or before a request
//   http_folded_header    field line that begins with a blank, in a head or a trailer
//   http_bad_header_name  no colon, an empty name, a name that is no token (blank before colon), a
//                         framing field with another mark for its hyphen
//   http_both_lengths     Content-Length and Transfer-Encoding in one head
//   http_bad_length       Content-Length repeated (identical or not), a list, signed, not digits,
//                         with leading zeros, above 18 digits, with a tab beside it
//   http_bad_coding       Transfer-Encoding repeated, other than "chunked", or in HTTP/1.0, or with
//                         a tab beside it
//   http_bad_chunk        size without digits, signed, "0x", blanks, 2^63 and more; extension other
//                         than ;token[=token|quoted]; no CRLF after the data; a framing field in
//                         the trailer
//   http_chunk_too_long   chunk_line_bytes_max or trailer_bytes_max reached
//   http_bad_host         Host missing in HTTP/1.1, repeated, empty or malformed
//   http_bad_version      HTTP/0.9, or any version but HTTP/1.0 and HTTP/1.1
//   http_head_too_long    head_bytes_max or headers_max reached
//
// Only the first message may turn out `tls` (a record of type 22, version 3.x) or `not_http` (a
// line that no server of HTTP/1 would take for a request, the HTTP/2 preface among them). What a
// lenient server might still accept is an error instead, so that a policy that lets other protocols
// pass lets no disguised request pass.
//
// Owns:       its state. The head storage is the caller's; the head stays valid until the first
//             byte of the next message.
// Invariants: events depend on the bytes only, never on how they were cut (a body run is cut at
//             the end of each feed, its bytes are the same); after error, tls or not_http there is
//             no further event; consumed() never goes back.
// Worker:     used by one worker only: no lock, no clock, no allocation.
// Limits:     head_bytes_max (the storage), headers_max, chunk_line_bytes_max, trailer_bytes_max.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/http/chunked.h"
#include "dataplane/http/head.h"

namespace cordon {

// Clients of the past sent one after a body (RFC 9112 §2.2).
inline constexpr std::uint8_t empty_lines_max = 4;

struct RequestEvent {
    enum class Kind : std::uint8_t { head, body, end, error, not_http, tls };
    Kind kind;
    Outcome outcome;  // of error
    Bytes body;       // of body: a view into the fed bytes, until the next feed
};

class RequestParser {
  public:
    // Begins at a message boundary. `first`: of the connection, so that other protocols are told
    // apart. `consumed` is the stream offset to count from.
    void open(MutableBytes head_storage, bool first = true, std::uint64_t consumed = 0);

    // Only after next() has returned false. The bytes must live until it does so again.
    void feed(Bytes bytes);
    bool next(RequestEvent* event);

    // In place of feed() and next(), where all of the bytes are body of a declared length and more
    // of it comes: as if they had been one event. False: it is not so simple, feed them.
    bool feed_inner(Bytes bytes);

    const Head& head() const { return head_; }

    // Stream bytes up to and including the last event. A body event's bytes are the last ones of
    // these; what lies between two events is framing. error, tls and not_http use up nothing.
    std::uint64_t consumed() const { return consumed_; }

    // No byte of a further message has been seen (whole empty lines aside): nothing of the storage
    // or the head is needed any more.
    bool between_messages() const { return state_ == State::start; }
    bool in_body() const { return state_ >= State::head_given && state_ <= State::ending; }
    bool stopped() const { return state_ == State::stopped; }

    // Body bytes still to come, of a body with a declared length; 0 for chunked.
    std::uint64_t body_remaining() const { return state_ == State::length ? remaining_ : 0; }

    const ChunkedDecoder& chunks() const { return chunks_; }  // of a chunked body

    // Coming bytes that are surely body, and may pass unseen (shunt): of the declared length, or of
    // the current chunk. pass_over() is only for when nothing fed is left; then call next().
    std::uint64_t skippable() const;
    void pass_over(std::uint64_t bytes);

  private:
    enum class State : std::uint8_t {
        start,         // between messages
        start_lf,      // after CR of an empty line before a request
        request_line,  //
        field_lines,   //
        head_given,    // the head was returned
        length,        // in a body of known length
        chunked,       //
        ending,        // `end` is due
        stopped,
    };
    enum class Step : std::uint8_t { more, again, event };

    Step step(RequestEvent* event);
    Step skip_empty_line(RequestEvent* event);
    Step take_head(RequestEvent* event);
    Step take_length_body(RequestEvent* event);
    Step take_chunked_body(RequestEvent* event);
    bool copy_line();
    Step class_first_line(RequestEvent* event);
    bool may_be_foreign() const;
    Step take_line(std::string_view line, RequestEvent* event);
    Step stop(RequestEvent* event, RequestEvent::Kind kind, Outcome outcome = {});
    void advance(std::size_t bytes);

    MutableBytes storage_;
    Bytes input_;
    std::uint64_t position_ = 0;  // stream offset of input_
    std::uint64_t consumed_ = 0;
    std::uint64_t remaining_ = 0;  // of a body of known length
    std::uint32_t stored_ = 0;     // bytes of this head in the storage
    std::uint32_t line_at_ = 0;    // where its unfinished line begins
    State state_ = State::stopped;
    bool first_ = true;     // no message has ended yet
    bool classed_ = false;  // the method of this request has been seen
    std::uint8_t empty_lines_ = 0;
    ChunkedDecoder chunks_;
    Head head_;
};

}  // namespace cordon
