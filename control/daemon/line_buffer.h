// Cuts a byte stream into lines. Push bytes, pull lines.
//
// Owns:       the bytes of the line that has no end yet, and of lines not yet taken.
// Invariants: a line is given out once, without its LF; after `overflow` nothing more is.
// Limits:     request_line_bytes_max for one line.
#pragma once

#include <string>

#include "dataplane/base/bytes.h"

namespace cordon {

inline constexpr std::size_t request_line_bytes_max = 16 * 1024;

class LineBuffer {
  public:
    // False when a line is longer than the limit: the peer is to be cut.
    bool feed(Bytes bytes) {
        if (overflow_) return false;
        buffer_.append(as_text(bytes));
        // Only what has no end yet may grow; whole lines wait within what one read brings.
        const std::size_t last = buffer_.rfind('\n');
        const std::size_t open = buffer_.size() - (last == std::string::npos ? 0 : last + 1);
        overflow_ = open > request_line_bytes_max;
        return !overflow_;
    }

    bool next(std::string* line) {
        if (overflow_) return false;
        const std::size_t end = buffer_.find('\n');
        if (end == std::string::npos) return false;
        if (end > request_line_bytes_max) {
            overflow_ = true;
            return false;
        }
        line->assign(buffer_, 0, end);
        buffer_.erase(0, end + 1);
        return true;
    }

    bool overflow() const { return overflow_; }
    std::size_t waiting() const { return buffer_.size(); }

  private:
    std::string buffer_;
    bool overflow_ = false;
};

}  // namespace cordon
