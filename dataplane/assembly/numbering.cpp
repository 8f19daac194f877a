#include "dataplane/assembly/numbering.h"

#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

constexpr std::size_t digits_max = 15;
constexpr unsigned width_at = 52;  // above the number: how many digits it has
constexpr std::uint64_t number_mask = (std::uint64_t{1} << width_at) - 1;

constexpr std::uint64_t power_of_ten(std::uint64_t digits) {
    std::uint64_t power = 1;
    for (; digits != 0; --digits)
        power *= 10;
    return power;
}

static_assert(power_of_ten(digits_max) <= number_mask);

}  // namespace

NumberedName numbered_name(std::string_view folded) {
    std::size_t digits = 0;
    while (digits < std::min(folded.size(), digits_max) &&
           http::is_digit(folded[folded.size() - 1 - digits]))
        ++digits;
    if (digits == 0) return {folded, piece_unknown};
    std::uint64_t number = 0;
    for (const char c : folded.substr(folded.size() - digits))
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    folded.remove_suffix(digits);
    return {folded, std::uint64_t{digits} << width_at | number};
}

std::uint64_t position_behind(std::uint64_t position) {
    const std::uint64_t width = position >> width_at;
    const std::uint64_t number = (position & number_mask) + 1;
    if (number != power_of_ten(width)) return width << width_at | number;
    return width == digits_max ? piece_unknown : (width + 1) << width_at | number;
}

bool is_first_position(std::uint64_t position) {
    return (position & number_mask) <= 1;
}

}  // namespace cordon
