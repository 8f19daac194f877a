#include "dataplane/object/transfer_coding.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

constexpr std::uint8_t no_digit = 64;
constexpr std::uint8_t padding = 65;

constexpr std::array<std::uint8_t, 256> base64_digits = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(no_digit);
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    table['-'] = 62;
    table['_'] = 63;
    table['='] = padding;
    return table;
}();

// The bytes of `count` digits that no further one follows: 2 give one byte, 3 give two.
std::size_t write_partial(std::uint32_t bits, std::uint8_t count, MutableBytes out) {
    if (count < 2) return 0;
    bits <<= 6 * (4 - count);
    out[0] = static_cast<std::uint8_t>(bits >> 16);
    if (count == 2) return 1;
    out[1] = static_cast<std::uint8_t>(bits >> 8);
    return 2;
}

}  // namespace

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
    std::size_t at = 0;
    for (; at < input->size() && out.size() - used >= room_min; ++at) {
        const std::uint8_t digit = base64_digits[(*input)[at]];
        if (digit < no_digit) {
            bits_ = bits_ << 6 | digit;
            if (++count_ < 4) continue;
            out[used] = static_cast<std::uint8_t>(bits_ >> 16);
            out[used + 1] = static_cast<std::uint8_t>(bits_ >> 8);
            out[used + 2] = static_cast<std::uint8_t>(bits_);
            used += 3;
            bits_ = count_ = 0;
        } else if (digit == padding) {
            used += write_partial(bits_, count_, out.subspan(used));
            bits_ = count_ = 0;
        }
    }
    *input = input->subspan(at);
    return used;
}

std::size_t TransferDecoder::next_quoted(Bytes* input, MutableBytes out) {
    std::size_t used = 0;
    while (!input->empty() && out.size() - used >= room_min) {
        if (count_ == 0) {
            const std::size_t most = std::min(input->size(), out.size() - used - room_min + 1);
            const void* found = std::memchr(input->data(), '=', most);
            const std::size_t plain =
                found == nullptr ? most
                                 : static_cast<std::size_t>(
                                       static_cast<const std::uint8_t*>(found) - input->data());
            std::memcpy(out.data() + used, input->data(), plain);
            used += plain;
            *input = input->subspan(plain);
            if (found == nullptr) continue;
        }
        const char c = static_cast<char>(input->front());
        *input = input->subspan(1);
        used += take_escape(c, out.subspan(used));
    }
    return used;
}

// "=XX" is a byte, "=" before a line end is nothing (a soft line break).
std::size_t TransferDecoder::take_escape(char c, MutableBytes out) {
    if (count_ == 1 && c == '\n') {
        count_ = 0;
        return 0;
    }
    escape_[count_++] = static_cast<std::uint8_t>(c);
    const auto second = static_cast<char>(escape_[1]);
    if (count_ == 1) return 0;
    if (count_ == 2 && (http::hex_digit(second) >= 0 || second == '\r')) return 0;
    if (count_ == 3 && second == '\r' && c == '\n') {
        count_ = 0;
        return 0;
    }
    if (count_ == 3 && second != '\r' && http::hex_digit(c) >= 0) {
        out[0] = static_cast<std::uint8_t>(http::hex_digit(second) << 4 | http::hex_digit(c));
        count_ = 0;
        return 1;
    }
    // No escape. Its last character may begin the next one.
    const std::size_t literal = c == '=' ? count_ - 1U : count_;
    std::memcpy(out.data(), escape_.data(), literal);
    escape_[0] = '=';
    count_ = c == '=' ? 1 : 0;
    return literal;
}

std::size_t TransferDecoder::rest(MutableBytes out) const {
    if (coding_ == TransferCoding::base64) return write_partial(bits_, count_, out);
    std::memcpy(out.data(), escape_.data(), count_);
    return count_;
}

}  // namespace cordon
