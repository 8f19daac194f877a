// NCMEC's hash sharing, version 2: a page of its XML, as GET /v2/entries answers.
//
// Owns:       nothing.
// Invariants: those of rows.h. An entry is named by its member and id, for good: a deleted one has
//             nothing else. Entries with nothing but perceptual fingerprints are passed over and
//             counted. A document type is refused, and with it every entity of somebody's own.
// Thread:     any.
// Limits:     those of rows.h; ncmec_depth_max.
#pragma once

#include "control/publisher/rows.h"

namespace cordon::feed {

inline constexpr std::size_t ncmec_depth_max = 16;

// Its classes A1, A2, B1 and B2 have our names unless the map says otherwise.
ReadRows read_ncmec(std::string_view text, const CategoryMap& categories,
                    const Progress& progress = {});

}  // namespace cordon::feed
