// Two bytes one behind the other, as they are looked for.
//
// Owns:       nothing.
#pragma once

#include <cstdint>

namespace cordon {

struct BytePair {
    std::uint8_t first;
    std::uint8_t second;
};

}  // namespace cordon
