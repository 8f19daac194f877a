// Names that end in a number, as uploaders give them to the segments of one file: NAME/00000002.
// The number is a guess in what order they will be put together; the list that names them decides.
//
// Owns:       nothing.
// Invariants: prefix and position together are the name, to its last digit ("1" is not "01").
// Worker:     pure functions.
// Limits:     the last 15 digits count, those before them belong to the prefix.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/assembly/recipe.h"

namespace cordon {

struct NumberedName {
    std::string_view prefix;
    std::uint64_t position = piece_unknown;  // without a number
};

NumberedName numbered_name(std::string_view folded);

// What counting on gives: 09 is before 10, and 9 as well.
std::uint64_t position_behind(std::uint64_t position);

// 0 or 1, with as many digits as there may be.
bool is_first_position(std::uint64_t position);

}  // namespace cordon
