// A place where bytes lie while Hyperscan reads them.
//
// Version 5.4.0 reads up to 64 bytes before its input and one behind it where the processor has
// AVX512-VBMI (fat Teddy), as a test at a guard page showed. It makes nothing of them, but behind
// the last byte of a packet buffer there may be no memory. The copy costs little beside the scan.
//
// Owns:       the copy.
// Worker:     used by one worker only.
// Limits:     `bytes` at once.
#pragma once

#include <array>
#include <cstring>

#include "dataplane/base/bytes.h"
#include "dataplane/base/invariant.h"

namespace cordon {

template <std::size_t bytes>
class ScanRoom {
  public:
    static constexpr std::size_t bytes_max = bytes;

    const char* take(Bytes input) {
        INVARIANT(input.size() <= bytes);
        if (!input.empty()) std::memcpy(room_.data() + margin, input.data(), input.size());
        return room_.data() + margin;
    }

  private:
    static constexpr std::size_t margin = 64;
    std::array<char, bytes + 2 * margin> room_{};
};

}  // namespace cordon
