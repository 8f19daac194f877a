// Project VIC's exchange model, VICS 1.x and 2.0, in JSON (OData): a set of media, or cases with
// media in them.
//
// Owns:       nothing.
// Invariants: those of rows.h. Categories differ from country to country, so each must be mapped.
//             An item that is only suspected, or has no category yet, is not asserted. PhotoDNA is
//             never taken over.
// Thread:     any.
// Limits:     those of rows.h and json_items.h.
#pragma once

#include "control/publisher/rows.h"

namespace cordon::feed {

// Row::line is the number of the item.
ReadRows read_vics(std::string_view text, const CategoryMap& categories,
                   const Progress& progress = {});

}  // namespace cordon::feed
