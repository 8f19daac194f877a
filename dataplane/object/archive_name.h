// The name of an archive member as far as it is kept: what is longer is cut.
//
// Owns:       the text.
// Worker:     pure.
// Limits:     archive_name_bytes_max.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

class ArchiveName {
  public:
    void clear() { bytes_ = 0; }
    void append(std::string_view text) {
        const std::size_t fits = std::min(text.size(), text_.size() - bytes_);
        std::copy_n(text.begin(), fits, text_.begin() + bytes_);
        bytes_ = static_cast<std::uint16_t>(bytes_ + fits);
    }
    // As far as its first NUL.
    void end_at_nul() {
        const auto end = text_.begin() + bytes_;
        bytes_ = static_cast<std::uint16_t>(std::find(text_.begin(), end, '\0') - text_.begin());
    }
    std::string_view text() const { return {text_.data(), bytes_}; }

  private:
    std::uint16_t bytes_ = 0;
    std::array<char, limits::archive_name_bytes_max> text_;
};

}  // namespace cordon
