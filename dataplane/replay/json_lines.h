// The output of cordon-replay: one JSON object a line, whatever bytes an uploader put into a name.
//
// Owns:       nothing; appends to a string of the caller.
// Invariants: every line is valid JSON in valid UTF-8: a byte that is not part of a valid sequence
//             becomes U+FFFD.
// Thread:     any.
#pragma once

#include <string>
#include <string_view>

#include "dataplane/worker/worker.h"

namespace cordon::replay {

// `text` in quotes.
void append_json_string(std::string_view text, std::string* out);

// "192.0.2.1:80" or "[2001:db8::1]:80"
std::string end_text(const SegmentEnd& end);

// {"type":"object",…} and {"type":"summary",…}, each with its newline.
void append_object_line(const ObjectReport& report, std::string* out);
void append_summary_line(std::uint64_t packets, const Counters& counters, std::string* out);

}  // namespace cordon::replay
