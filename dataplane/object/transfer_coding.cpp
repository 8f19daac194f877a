#include "dataplane/object/transfer_coding.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

void TransferDecoder::open(TransferCoding coding) {
    *this = TransferDecoder();
    coding_ = coding;
}

std::size_t TransferDecoder::next(Bytes* input, MutableBytes out) {
    INVARIANT(out.size() >= room_min);
    return coding_ == TransferCoding::base64 ? next_base64(input, out) : next_quoted(input, out);
}

std::size_t TransferDecoder::next_base64(Bytes* input, MutableBytes out) {
    std::size_t used = 0;
    while (!input->empty() && out.size() - used >= room_min) {
        if (padding_.seen() && Base64Digits::is_digit(input->front())) {
            quantum_over_ = padding_.completes(digits_.pending());
            may_end_due_ = padding_.goes_on(digits_.pending());
            if (may_end_due_) break;
        }
        if (quantum_over_) used += end_quantum(out.subspan(used));
        used += digits_.next(input, out.subspan(used));
        if (input->empty() || Base64Digits::is_digit(input->front())) break;
        if (input->front() == '=') padding_.take();
        *input = input->subspan(1);
    }
    return used;
}

std::size_t TransferDecoder::end_quantum(MutableBytes out) {
    const std::size_t written = digits_.rest(out);
    digits_.drop_rest();
    quantum_over_ = false;
    return written;
}

bool TransferDecoder::take_may_end(MutableBytes out, std::size_t* written) {
    if (!may_end_due_) return false;
    may_end_due_ = false;
    *written = digits_.rest(out);
    return true;
}

std::size_t TransferDecoder::next_quoted(Bytes* input, MutableBytes out) {
    std::size_t used = 0;
    while (!is_odd_ && !input->empty() && out.size() - used >= room_min) {
        if (count_ == 0) {
            const std::size_t most = std::min(input->size(), out.size() - used - room_min + 1);
            const void* found = std::memchr(input->data(), '=', most);
            const std::size_t plain =
                found == nullptr ? most
                                 : static_cast<std::size_t>(
                                       static_cast<const std::uint8_t*>(found) - input->data());
            used += take_plain(input->first(plain), out.subspan(used));
            *input = input->subspan(plain);
            if (found == nullptr || is_odd_) continue;
        }
        const char c = static_cast<char>(input->front());
        *input = input->subspan(1);
        used += take_escape(c, out.subspan(used));
    }
    return used;
}

// Up to a line end behind a blank: the standard wants such blanks to be taken away, few readers do.
std::size_t TransferDecoder::take_plain(Bytes run, MutableBytes out) {
    std::size_t used = 0;
    for (const std::uint8_t byte : run) {
        is_odd_ = is_behind_blank_ && (byte == '\r' || byte == '\n');
        if (is_odd_) break;
        is_behind_blank_ = byte == ' ' || byte == '\t';
        out[used++] = byte;
    }
    return used;
}

// "=XX" is a byte, "=" before a line end is nothing (a soft line break).
std::size_t TransferDecoder::take_escape(char c, MutableBytes out) {
    is_behind_blank_ = false;
    escape_[count_++] = static_cast<std::uint8_t>(c);
    const auto second = static_cast<char>(escape_[1]);
    if (count_ == 1) return 0;
    if (c == '\n' && (count_ == 2 || second == '\r')) {
        count_ = 0;
        return 0;
    }
    const bool is_digit = http::hex_digit(c) >= 0;
    if (count_ == 2 && (is_digit || c == '\r')) return 0;
    is_odd_ = count_ == 2 || second == '\r' || !is_digit;
    count_ = 0;
    if (is_odd_) return 0;
    out[0] = static_cast<std::uint8_t>(http::hex_digit(second) << 4 | http::hex_digit(c));
    return 1;
}

std::size_t TransferDecoder::rest(MutableBytes out) const {
    if (coding_ == TransferCoding::base64) return digits_.rest(out);
    std::memcpy(out.data(), escape_.data(), count_);
    return count_;
}

}  // namespace cordon
