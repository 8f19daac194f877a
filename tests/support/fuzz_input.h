// The bytes of a fuzzer as a schedule: taken from the front, zeros when they have ended.
//
// Owns:       nothing; a view of the fuzzer's bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace cordon::test {

// An invariant of the code under test; a fuzzer takes the abort for a finding.
inline void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

class FuzzInput {
  public:
    explicit FuzzInput(Bytes bytes) : bytes_(bytes) {}

    bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const std::uint8_t value = bytes_[0];
        bytes_ = bytes_.subspan(1);
        return value;
    }
    std::uint16_t word() {
        const auto high = static_cast<unsigned>(byte());
        return static_cast<std::uint16_t>(high << 8 | byte());
    }
    Bytes take(std::size_t most) {
        const Bytes part = bytes_.first(std::min(most, bytes_.size()));
        bytes_ = bytes_.subspan(part.size());
        return part;
    }
    std::string_view rest() const { return as_text(bytes_); }

  private:
    Bytes bytes_;
};

}  // namespace cordon::test
