#include "dataplane/object/base64.h"

#include <algorithm>
#include <array>

namespace cordon {

namespace {

constexpr std::uint32_t no_digit = 1u << 31;

// By place in a quantum: the bits of a digit where they end up, or no_digit.
using Places = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr Places places = [] {
    Places table{};
    for (auto& place : table)
        place.fill(no_digit);
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t n = 0; n < 4; ++n) {
        const auto shift = 6 * (3 - n);
        for (std::uint32_t digit = 0; digit < 64; ++digit)
            table[n][static_cast<std::uint8_t>(alphabet[digit])] = digit << shift;
        table[n]['-'] = 62u << shift;
        table[n]['_'] = 63u << shift;
    }
    return table;
}();

void write_quantum(std::uint32_t bits, std::uint8_t* out) {
    out[0] = static_cast<std::uint8_t>(bits >> 16);
    out[1] = static_cast<std::uint8_t>(bits >> 8);
    out[2] = static_cast<std::uint8_t>(bits);
}

}  // namespace

bool Base64Digits::is_digit(std::uint8_t c) {
    return places[3][c] != no_digit;
}

std::size_t Base64Digits::next(Bytes* input, MutableBytes out) {
    std::size_t used = 0;
    while (!input->empty() && out.size() - used >= quantum_bytes) {
        if (count_ == 0) used += next_quanta(input, out.subspan(used));
        if (input->empty() || out.size() - used < quantum_bytes) break;
        const std::uint32_t digit = places[3][input->front()];
        if (digit == no_digit) break;
        *input = input->subspan(1);
        bits_ = bits_ << 6 | digit;
        if (++count_ < 4) continue;
        write_quantum(bits_, out.data() + used);
        used += quantum_bytes;
        drop_rest();
    }
    return used;
}

// Whole quanta without anything between their digits: nearly all of every text.
std::size_t Base64Digits::next_quanta(Bytes* input, MutableBytes out) const {
    const std::size_t most = std::min(input->size() / 4, out.size() / quantum_bytes);
    const std::uint8_t* from = input->data();
    std::uint8_t* to = out.data();
    for (std::size_t n = 0; n < most; ++n, from += 4, to += quantum_bytes) {
        const std::uint32_t bits =
            places[0][from[0]] | places[1][from[1]] | places[2][from[2]] | places[3][from[3]];
        if (bits >= no_digit) break;
        write_quantum(bits, to);
    }
    *input = input->subspan(static_cast<std::size_t>(from - input->data()));
    return static_cast<std::size_t>(to - out.data());
}

bool Base64Padding::goes_on(std::uint8_t digits) {
    const bool ends_more = completes(digits) && !ended_more_;
    const bool ends = !ended_some_ || ends_more;
    ended_some_ = true;
    ended_more_ = ended_more_ || ends_more;
    pads_ = 0;
    return ends;
}

std::size_t Base64Digits::rest(MutableBytes out) const {
    if (count_ < 2) return 0;
    const std::uint32_t bits = bits_ << 6 * (4 - count_);
    out[0] = static_cast<std::uint8_t>(bits >> 16);
    if (count_ == 2) return 1;
    out[1] = static_cast<std::uint8_t>(bits >> 8);
    return 2;
}

}  // namespace cordon
