// Follows what the storage answers, only as far as framing needs: which answer is interim, which is
// final, where it ends, and whether the connection leaves HTTP.
//
//     tracker.expect(kind) for every forwarded request head, in order
//     tracker.feed(bytes); while (tracker.next(&event)) …
//
// Servers are sloppy, and the client is not ours to protect from that: a missing reason phrase,
// lines ended by LF, lines without colon, empty lines between answers all pass. What makes the
// *end* of an answer doubtful is http_bad_response: no "HTTP/1." where an answer must begin,
// Content-Length with Transfer-Encoding, differing or malformed lengths, a framing field that is
// folded or has a blank before its colon, Transfer-Encoding in HTTP/1.0, bad chunks, 101 to a
// request that asked for no upgrade, a head above response_head_bytes_max. So is an answer below
// 400 that no request awaits: the server took for a request what was none to us.
//
// Owns:       its state; body bytes are never stored, of a line only the first bytes.
// Invariants: events depend on the bytes only, never on how they were cut. An error without a
//             request outstanding (408 of an idle connection) is followed as any other answer.
// Worker:     used by one worker only: no lock, no clock, no allocation.
// Limits:     pipeline_max requests outstanding; response_head_bytes_max.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/http/chunked.h"
#include "dataplane/http/head.h"

namespace cordon {

// Twice what common clients accept; it bounds how long an answer can stay undecided.
inline constexpr std::uint32_t response_head_bytes_max = 256 * 1024;

// What of a request decides the framing of its answer (RFC 9112 §6.3).
enum class MethodKind : std::uint8_t { other, head, connect, upgrade };

MethodKind method_kind(const Head& head);

struct ResponseEvent {
    enum class Kind : std::uint8_t {
        interim,     // a whole 1xx head
        final_head,  // status line and fields of the answer proper
        end,         // the answer is over
        upgraded,    // 101, or 2xx to CONNECT: what follows is not HTTP
        error,       // http_bad_response
    };
    Kind kind;
    std::uint16_t status;  // of interim, final_head, upgraded
    bool unsolicited;      // no request awaited this answer
    bool complete;         // of end: false when the connection ended before the answer did
};

class ResponseTracker {
  public:
    void open() { *this = ResponseTracker(); }

    // A request head goes to the storage now. False: pipeline_max are outstanding already, and the
    // request must not be forwarded (http_pipeline_full).
    bool expect(MethodKind kind);
    bool full() const { return pending_ == kinds_.size(); }

    // Only after next() has returned false.
    void feed(Bytes bytes);
    void finish();  // FIN of the storage; then call next()

    // From the next head on; `room` stays the caller's. Empty: none is wanted.
    void keep_location(std::span<char> room) {
        room_ = room;
        location_bytes_ = 0;
    }
    // Of the head that the last event was about. Empty: it has none, or several, or a folded one,
    // or one that found no room.
    std::string_view location() const { return {room_.data(), location_bytes_}; }

    bool next(ResponseEvent* event);

    // Requests that await the end of their answer.
    std::size_t outstanding() const { return pending_; }
    bool idle() const { return pending_ == 0 && state_ == State::start; }

    // Bytes of an answer have been seen that is not over: nothing may be put in between. Also true
    // within an interim head, and from the first byte on, when its status is not known yet.
    bool final_begun() const { return state_ != State::start; }

    // The last final answer ends the connection (Connection: close, HTTP/1.0, no length).
    bool close_after() const { return close_after_; }
    bool upgraded() const { return state_ == State::tunnel; }

    // Stream bytes up to and including the last event; an error uses up nothing.
    std::uint64_t consumed() const { return consumed_; }

    // Coming bytes that are surely body, and may pass unseen; pass_over() is only for when nothing
    // fed is left; then call next().
    std::uint64_t skippable() const;
    void pass_over(std::uint64_t bytes);

  private:
    enum class State : std::uint8_t {
        start,        // between answers
        status_line,  //
        field_lines,  //
        length,       // in a body of known length
        chunked,      //
        until_close,  //
        ending,       // `end` is due
        tunnel,       // not HTTP any more
        closed,       // after FIN
        stopped,      // after an error
    };
    enum class Step : std::uint8_t { more, again, event };

    Step step(ResponseEvent* event);
    Step skip_empty_line();
    Step take_head(ResponseEvent* event);
    bool copy_line();
    bool take_status_line(std::string_view line);
    bool take_field_line(std::string_view line);
    bool take_content_length(std::string_view value);
    bool take_transfer_encoding(std::string_view value);
    void take_location(std::string_view line, std::size_t line_bytes);
    Step end_head(ResponseEvent* event);
    bool settle_framing(MethodKind kind);
    Step take_length_body();
    Step take_chunked_body(ResponseEvent* event);
    Step take_fin(ResponseEvent* event);
    Step end_answer(ResponseEvent* event, bool complete);
    Step fail(ResponseEvent* event);
    void advance(std::size_t bytes);

    Bytes input_;
    std::uint64_t position_ = 0;  // stream offset of input_
    std::uint64_t consumed_ = 0;
    std::uint64_t remaining_ = 0;   // of a body of known length, or the length as declared
    std::uint32_t head_bytes_ = 0;  // of this head so far
    std::uint32_t line_bytes_ = 0;  // of its unfinished line
    std::uint16_t status_ = 0;
    State state_ = State::start;
    std::uint8_t pending_ = 0;
    std::uint8_t oldest_ = 0;  // in kinds_
    bool finished_ = false;
    bool close_after_ = false;
    bool unsolicited_ = false;
    // of the head in progress
    bool version_1_0_ = false;
    bool has_length_ = false;
    bool has_coding_ = false;
    bool chunked_last_ = false;
    bool asked_close_ = false;
    bool asked_keep_alive_ = false;
    bool last_was_framing_ = false;  // a folded line would continue it
    ChunkedDecoder chunks_;
    std::array<MethodKind, limits::pipeline_max> kinds_{};
    std::array<char, 64> line_{};  // a framing field that is longer is refused
    std::span<char> room_;         // the line, until one is Location: then its value
    std::size_t location_bytes_ = 0;
    bool has_location_ = false;
    bool last_was_location_ = false;  // a folded line would continue it
};

// Whether bytes of a server, which no request awaits, begin an answer that can only be one to a
// request: not the 4xx or 5xx of an idle connection.
bool is_unasked_answer(Bytes first_bytes);

// Whether what a server sends first is an answer of HTTP: a flow that was classed as another
// protocol is cut when it is.
enum class Likeness : std::uint8_t { no, maybe, yes };
Likeness http_answer_likeness(Bytes first_bytes);

// For connections that are not followed: whether a segment begins with a status line of 200 or
// above, or with a request line.
bool begins_final_answer(Bytes payload);
bool looks_like_request(Bytes payload);

}  // namespace cordon
