// STIX 2.1 indicators of file hashes: a bundle, or what a TAXII server answers.
//
//   [file:hashes.MD5 = '…' AND file:size = 12345]
//   [file:hashes.'SHA-256' = '…' OR file:hashes.'SHA-1' = '…']
//
// Owns:       nothing.
// Invariants: those of rows.h. Of several versions of one indicator the newest counts. One that is
//             revoked, or is valid no longer, is withdrawn under its own name. Indicators of
//             something else than files are passed over and counted; a pattern that speaks of
//             files, but in terms that are not the two above, is a problem: nobody knows what it
//             means without the rest.
// Thread:     any.
// Limits:     those of rows.h and json_items.h; stix_pattern_bytes_max.
#pragma once

#include "control/publisher/rows.h"

namespace cordon::feed {

inline constexpr std::size_t stix_pattern_bytes_max = 4096;

// Labels and indicator_types are its categories: of those that are mapped all must agree; where
// none is, that of the whole list counts. Row::line is the number of the object.
ReadRows read_stix(std::string_view text, const CategoryMap& categories, std::uint64_t now_s,
                   const Progress& progress = {});

// The files that a pattern names: "" or what is wrong. `rows` stays empty when it names none.
std::string read_stix_pattern(std::string_view pattern, std::vector<Row>* rows);

}  // namespace cordon::feed
