// Pattern texts → a Hyperscan database for scanning in streams. Used when an index is built, and by
// a reader for which the compiled one in the index is not fit, so both sides cannot drift apart.
//
// Literals are found in upper and lower case. Nothing is decoded before: a URL that is written in
// another way (percent-encoded, with &amp;) is another text. Each pattern is told once in a stream.
//
// Owns:       nothing; a PatternDatabase is freed with its pointer.
// Invariants: the id of a pattern in the database is its place among the texts. A database that is
//             handed out takes at most pattern_state_bytes_max for a stream.
// Thread:     start-up and control threads: it allocates, and compiling takes time.
// Limits:     patterns_max, pattern_bytes_max, pattern_database_bytes_max in base/limits.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/index_format.h"

struct hs_database;

namespace cordon {

struct PatternText {
    std::string_view text;
    PatternSyntax syntax;
};

struct DatabaseRelease {
    void operator()(hs_database* database) const;
};
using PatternDatabase = std::unique_ptr<hs_database, DatabaseRelease>;

// Hyperscan needs SSSE3; without it nothing of it may be called.
Result<void> check_pattern_platform();

// What is wrong with a pattern, as the end of a sentence; empty when it may be listed. It is
// compiled by itself for that.
std::string pattern_fault(const PatternText& pattern);

Result<PatternDatabase> compile_patterns(std::span<const PatternText> patterns);

Result<std::vector<std::uint8_t>> serialise_patterns(const hs_database* database);

// The same backwards. An empty pointer: made by another release or for another processor.
Result<PatternDatabase> read_patterns(Bytes serialised);

// What one stream takes.
std::size_t pattern_state_bytes(const hs_database* database);

}  // namespace cordon
