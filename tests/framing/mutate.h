// Changes cases of the corpus a little, always the same way for the same seed.
#pragma once

#include <cstdint>

#include "tests/framing/corpus.h"

namespace cordon::test {

// `messages` and `end` of the result are empty: nobody decided them.
FramingCase mutated(const std::vector<FramingCase>& cases, std::uint64_t seed);

}  // namespace cordon::test
