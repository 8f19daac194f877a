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

    // Digits of an unfinished quantum.
    std::uint8_t pending() const { return count_; }

    // The next digit begins a quantum.
    void drop_rest() { bits_ = count_ = 0; }

  private:
    std::size_t next_quanta(Bytes* input, MutableBytes out) const;

    std::uint32_t bits_ = 0;
    std::uint8_t count_ = 0;  // digits in bits_
};

// Padding with digits behind it, which readers end at differently: some at the first "=" (Node,
// Perl), some where it completes a quantum (Python), some at none (PHP).
class Base64Padding {
  public:
    void take() { pads_ = pads_ < quantum_digits ? static_cast<std::uint8_t>(pads_ + 1) : pads_; }
    bool seen() const { return pads_ != 0; }
    // With as many digits of the quantum before it.
    bool completes(std::uint8_t digits) const {
        return digits >= 2 && digits + pads_ >= quantum_digits;
    }
    // A digit comes behind it. True: some readers ended there.
    bool goes_on(std::uint8_t digits);

  private:
    static constexpr std::uint8_t quantum_digits = 4;
    std::uint8_t pads_ = 0;  // since the last digit
    bool ended_some_ = false;
    bool ended_more_ = false;
};

}  // namespace cordon
