// The parts of a row that all readers of foreign lists take over in the same way.
//
// Owns:       nothing.
// Invariants: pure. What is wrong is told in words that can be shown: short, and nothing of the
//             foreign text that steers a terminal.
// Thread:     any.
// Limits:     those of rows.h.
#pragma once

#include "control/publisher/rows.h"

namespace cordon::feed {

inline constexpr std::uint64_t progress_every = 65536;

// What is quoted of a foreign file in a message.
std::string quote(std::string_view text);
void report(std::uint64_t line, std::string why, ReadRows* out);

// Each gives "" or what is wrong. A digest is hexadecimal, in either case.
std::string put_digest(IndicatorKind kind, std::string_view text, Row* row);
std::string put_size(std::string_view text, Row* row);
// The most bits in which a picture may differ; empty: as many as PDQ's authors recommend.
std::string put_distance(std::string_view text, Row* row);
// A category of theirs, which must be mapped.
std::string put_category(const std::string& theirs, const CategoryMap& map, Row* row);
// That of the whole list.
std::string put_category_of_list(const CategoryMap& map, Row* row);

// "SHA-256", "sha256", "Sha_1" …: nothing for a digest that no feed holds.
std::optional<IndicatorKind> kind_named(std::string_view theirs);
bool has_kind(const Row& row, IndicatorKind kind);

// Ends a list: half of one is none.
ReadRows finished(ReadRows out);

}  // namespace cordon::feed
