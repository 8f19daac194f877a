// Characters and small comparisons of HTTP/1 (RFC 9110 §5.6, RFC 9112 §2), shared by the parsers.
//
// Owns:       nothing; tables are compile-time constants.
// Invariants: ASCII only, independent of locale.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cordon::http {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// 0…15, or −1.
constexpr int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    const char low = to_lower(c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// The next character of a percent-encoded text (RFC 3986 §2.1); a "%" without two hex digits behind
// it is itself. REQUIRES: *text is not empty.
inline char take_percent_decoded(std::string_view* text) {
    char c = text->front();
    std::size_t used = 1;
    if (c == '%' && text->size() > 2 && hex_digit((*text)[1]) >= 0 && hex_digit((*text)[2]) >= 0) {
        c = static_cast<char>(hex_digit((*text)[1]) << 4 | hex_digit((*text)[2]));
        used = 3;
    }
    text->remove_prefix(used);
    return c;
}

inline constexpr std::array<bool, 256> token_table = [] {
    std::array<bool, 256> table{};
    for (int c = 0; c < 256; ++c) {
        const char letter = static_cast<char>(c);
        table[static_cast<std::size_t>(c)] = c < 128 && (is_alpha(letter) || is_digit(letter));
    }
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        table[static_cast<std::size_t>(c)] = true;
    return table;
}();

constexpr bool is_token_char(char c) {
    return token_table[static_cast<std::uint8_t>(c)];
}

constexpr bool is_token(std::string_view text) {
    for (const char c : text) {
        if (!is_token_char(c)) return false;
    }
    return !text.empty();
}

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// Controls are never part of a field value, a target or a log line; TAB is judged by the caller.
constexpr bool is_control(char c) {
    return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    }
    return true;
}

// The same with any mark for any other ("Content_Length", "Content.Length").
constexpr char mark_folded(char c) {
    return is_alpha(c) || is_digit(c) ? to_lower(c) : '-';
}

constexpr bool equal_but_for_marks(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (mark_folded(a[i]) != mark_folded(b[i])) return false;
    }
    return true;
}

constexpr bool starts_ignoring_case(std::string_view text, std::string_view start) {
    return text.size() >= start.size() && equal_ignoring_case(text.substr(0, start.size()), start);
}

constexpr bool contains_ignoring_case(std::string_view text, std::string_view part) {
    for (std::size_t at = 0; at + part.size() <= text.size(); ++at) {
        if (equal_ignoring_case(text.substr(at, part.size()), part)) return true;
    }
    return false;
}

constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

// Takes the piece up to `separator` from the front of *rest, trimmed; *rest loses it.
constexpr std::string_view take_piece(std::string_view* rest, char separator) {
    const std::size_t at = rest->find(separator);
    const std::string_view piece = trim(rest->substr(0, at));
    rest->remove_prefix(at == std::string_view::npos ? rest->size() : at + 1);
    return piece;
}

// Whether a comma-separated list of tokens has `token` (Connection, Expect).
constexpr bool list_has(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        if (equal_ignoring_case(take_piece(&list, ','), token)) return true;
    }
    return false;
}

}  // namespace cordon::http
