// Case numbers: what an uploader is given to complain with, and an operator to look the case up.
//
//   PREFIX-XXXX-XXXX-XXXX-C     60 random bits in Crockford's base 32, and his check sign (mod 37),
//                               so that one misread character is noticed
//
// Owns:       a secret seed and a counter; a number is SHA-256(seed ‖ counter) cut to 60 bits, so
//             that nobody can tell the next one.
// Worker:     used by one worker only; no allocation.
// Limits:     case_number_bytes with the closing NUL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cordon {

inline constexpr std::size_t case_number_bytes = 32;

class CaseNumbers {
  public:
    CaseNumbers(std::string_view prefix, std::uint64_t seed);
    void next(char (*out)[case_number_bytes]);

  private:
    char prefix_[8] = {};
    std::uint64_t state_[2];
};

// Whether the last sign fits the others.
bool is_case_number(std::string_view text);

}  // namespace cordon
