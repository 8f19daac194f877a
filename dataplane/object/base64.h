// Digits of base64 (RFC 4648 §4) to bytes, of the URL alphabet (§5) as well, mixed or not.
//
//     written += digits.next(&input, out)    until input is empty or begins with no digit
//
// Owns:       the digits of an unfinished quantum.
// Invariants: what comes out does not depend on how the input is cut.
// Worker:     used by one worker only: no lock, no allocation.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace cordon {

class Base64Digits {
  public:
    static constexpr std::size_t quantum_bytes = 3;

    static bool is_digit(std::uint8_t c);

    // Takes digits from the front of *input as long as a quantum more has room; stops before a
    // character that is no digit. Returns the bytes written.
    std::size_t next(Bytes* input, MutableBytes out);

    // What an unfinished quantum gives when no digit follows; at most 2 bytes. Changes nothing.
    std::size_t rest(MutableBytes out) const;

    // The next digit begins a quantum.
    void drop_rest() { bits_ = count_ = 0; }

  private:
    std::size_t next_quanta(Bytes* input, MutableBytes out) const;

    std::uint32_t bits_ = 0;
    std::uint8_t count_ = 0;  // digits in bits_
};

}  // namespace cordon
