// The answer to a client whose upload is refused: complete, closing the connection, in the shape
// that makes this kind of client stop and show the text (measured: an S3 client shows the message
// of an S3 error only, a WebDAV client that of a Sabre-style one, a browser a page, wget the reason
// phrase and nothing else).
//
// The text never says which indicator matched. `explain` gives the facts, that automated means were
// used for detection and decision, the legal ground and where to complain; `neutral` says that the
// upload was refused. A case number stands in both, in the reason phrase as well. Texts that would
// not fit are left out in favour of `neutral`, then of the case number alone.
//
// A browser gives an answer to a page from elsewhere only when it names that page's origin (CORS).
// Without that the page sees a broken connection, shows nothing and tries again; so it is named,
// whatever it is: the answer says nothing but what happened to this upload.
//
// Owns:       nothing; writes into a buffer of the caller.
// Invariants: what is written is at most refusal_bytes_max and whole; text from the configuration
//             is escaped for its body, and reduced to printable ASCII in the head.
// Worker:     pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/options.h"
#include "dataplane/http/head.h"

namespace cordon {

inline constexpr std::size_t refusal_bytes_max = 2048;  // two segments, within any initial window

// no_body: to HEAD, whose answer has none, whatever the request carried.
enum class RequestKind : std::uint8_t { s3, webdav, html, text, no_body };

RequestKind classify(const Head& head);

// The Origin of a request whose answer a script may want to read; empty when there is none, or it
// is no origin as browsers write them. "https://", the longest name of a host, and a port fit.
inline constexpr std::size_t origin_bytes_max = 270;
std::string_view origin_of(const Head& head);

struct RefusalText {
    AnswerText profile = AnswerText::neutral;
    bool lab = false;
    std::string_view origin;  // who may read it: origin_of()
    std::string_view case_number;
    std::string_view operator_name;
    std::string_view complaint_url;
    std::string_view contact;
    std::string_view legal_basis;
};

// 403. Returns the bytes written; `out` holds at least refusal_bytes_max.
std::size_t write_refusal(MutableBytes out, RequestKind kind, const RefusalText& text);

enum class ErrorStatus : std::uint16_t {
    bad_request = 400,
    refused = 403,  // by write_refusal() alone: a match without a record, and so a case number
    request_timeout = 408,  // RFC 9110 §15.5.9: others wait for the place it takes
    head_too_long = 431,
    unavailable = 503,  // with Retry-After; never a case number: there is no record
};

std::size_t write_error(MutableBytes out, ErrorStatus status, RequestKind kind = RequestKind::text,
                        std::string_view origin = {});

}  // namespace cordon
