// One line of a plain list of indicators:
//
//   line = [ digest [ "," [ size ] [ "," head ] ] ] [ "#" comment ]    spaces and tabs around each
//        | "pattern:" text | "expression:" text         are ignored; to the end of the line, "#"
//                                                       included
//   digest = 32 (md5), 40 (sha1) or 64 (sha256) hex digits; size = decimal bytes of the file
//   head = 32 hex digits: XXH3-128 of its first 4096 bytes, or of all when it has fewer
//
// A pattern is found as it stands, in upper or lower case; an expression is one of Hyperscan's.
//
// Owns:       nothing.
// Invariants: pure; reads nothing outside the line. A line ends at LF; a CR before it is ignored.
// Thread:     any.
// Limits:     a size is below 2^63.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/contract/index_format.h"

namespace cordon {

enum class ListLineStatus : std::uint8_t {
    entry,
    blank,       // empty or comment
    bad_digit,   // something else than hex digits where the digest stands
    bad_length,  // hex digits, but not 32, 40 or 64
    bad_size,    // not a decimal number below 2^63 after the comma
    bad_head,    // not 32 hex digits after the second comma
    no_pattern,  // nothing behind the colon
};
const char* list_line_text(ListLineStatus status);

struct ListEntry {
    IndicatorKind kind;
    std::array<std::uint8_t, 32> digest;  // the first digest_length(kind) bytes
    std::optional<std::uint64_t> size;
    std::optional<std::array<std::uint8_t, head_digest_bytes>> head;
    std::string_view pattern;  // in the line, with kind `pattern`
    PatternSyntax syntax;

    Bytes digest_bytes() const { return Bytes(digest).first(digest_length(kind)); }
};

// `*entry` is written on `entry` only.
ListLineStatus parse_list_line(std::string_view line, ListEntry* entry);

// Cuts the next line, without its end, off the front of `*rest`; false when nothing is left.
bool next_line(std::string_view* rest, std::string_view* line);

}  // namespace cordon
