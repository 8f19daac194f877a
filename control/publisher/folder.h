// A folder of files as a list: of every file all digests, its size and its head.
//
// Owns:       nothing.
// Invariants: those of rows.h. A file that cannot be read is a problem, not a gap.
// Thread:     any.
// Limits:     rows_max files.
#pragma once

#include "control/publisher/rows.h"

namespace cordon::feed {

// The path of every file goes behind `*files`, and Row::file says which it is.
ReadRows read_folder(const std::string& directory, const CategoryMap& categories,
                     std::vector<std::string>* files, const Progress& progress = {});

}  // namespace cordon::feed
