// What was found in a piece, or an object, by itself, when nothing but leaves may stay of it.
//
// Owns:       nothing; a plain value.
// Worker:     any.
#pragma once

#include <array>
#include <cstdint>

namespace cordon {

struct PieceMarks {
    bool is_searched = false;  // it has no mark of a zip in it
    bool is_plain = false;     // an object that begins like it is no archive, nor a text with files
    // Where one may stand across two pieces. (A shorter one is the last.)
    std::array<std::uint8_t, 3> first = {};
    std::array<std::uint8_t, 3> last = {};
    std::uint8_t ends = 0;  // how many bytes those have
};

}  // namespace cordon
