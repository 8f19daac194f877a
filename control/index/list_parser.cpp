#include "control/index/list_parser.h"

#include <algorithm>
#include <charconv>

namespace cordon {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// −1 when it is none.
int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void parse_hex(std::string_view digits, std::uint8_t* bytes) {
    for (std::size_t i = 0; i < digits.size() / 2; ++i) {
        bytes[i] =
            static_cast<std::uint8_t>(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
    }
}

ListLineStatus parse_digest(std::string_view text, ListEntry* entry) {
    for (const char c : text) {
        if (hex_digit(c) < 0) return ListLineStatus::bad_digit;
    }
    switch (text.size()) {
        case 32:
            entry->kind = IndicatorKind::md5;
            break;
        case 40:
            entry->kind = IndicatorKind::sha1;
            break;
        case 64:
            entry->kind = IndicatorKind::sha256;
            break;
        default:
            return ListLineStatus::bad_length;
    }
    parse_hex(text, entry->digest.data());
    return ListLineStatus::entry;
}

ListLineStatus parse_size(std::string_view text, ListEntry* entry) {
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || end != text.data() + text.size() || text.front() == '-')
        return ListLineStatus::bad_size;
    entry->size = static_cast<std::uint64_t>(size);
    return ListLineStatus::entry;
}

ListLineStatus parse_head(std::string_view text, ListEntry* entry) {
    const bool is_hex =
        std::all_of(text.begin(), text.end(), [](char c) { return hex_digit(c) >= 0; });
    if (text.size() != 2 * head_digest_bytes || !is_hex) return ListLineStatus::bad_head;
    parse_hex(text, entry->head.emplace().data());
    return ListLineStatus::entry;
}

// What stands behind the first comma.
ListLineStatus parse_extent(std::string_view text, ListEntry* entry) {
    const std::size_t comma = text.find(',');
    const bool has_head = comma != std::string_view::npos;
    const std::string_view size = trimmed(text.substr(0, comma));
    ListLineStatus status = ListLineStatus::entry;
    if (!has_head || !size.empty()) status = parse_size(size, entry);
    if (status == ListLineStatus::entry && has_head)
        status = parse_head(trimmed(text.substr(comma + 1)), entry);
    return status;
}

// Whether the line is a pattern behind this word.
bool takes_pattern(std::string_view line, std::string_view word, PatternSyntax syntax,
                   ListEntry* entry) {
    if (!line.starts_with(word)) return false;
    entry->kind = IndicatorKind::pattern;
    entry->syntax = syntax;
    entry->pattern = trimmed(line.substr(word.size()));
    return true;
}

}  // namespace

const char* list_line_text(ListLineStatus status) {
    switch (status) {
        case ListLineStatus::entry:
            return "a digest";
        case ListLineStatus::blank:
            return "blank";
        case ListLineStatus::bad_digit:
            return "expected a digest in hex digits, optionally ',' and a size, ',' and a head";
        case ListLineStatus::bad_length:
            return "a digest has 32 (md5), 40 (sha1) or 64 (sha256) hex digits";
        case ListLineStatus::bad_size:
            return "the size after ',' is not a decimal number of bytes";
        case ListLineStatus::bad_head:
            return "the head after the second ',' has 32 hex digits";
        case ListLineStatus::no_pattern:
            return "expected a text after ':'";
    }
    return "";
}

ListLineStatus parse_list_line(std::string_view line, ListEntry* entry) {
    ListEntry pattern{};
    if (takes_pattern(trimmed(line), "pattern:", PatternSyntax::literal, &pattern) ||
        takes_pattern(trimmed(line), "expression:", PatternSyntax::expression, &pattern)) {
        if (pattern.pattern.empty()) return ListLineStatus::no_pattern;
        *entry = pattern;
        return ListLineStatus::entry;
    }
    const std::string_view text = trimmed(line.substr(0, line.find('#')));
    if (text.empty()) return ListLineStatus::blank;
    const std::size_t comma = text.find(',');
    ListEntry parsed{};
    ListLineStatus status = parse_digest(trimmed(text.substr(0, comma)), &parsed);
    if (status == ListLineStatus::entry && comma != std::string_view::npos)
        status = parse_extent(text.substr(comma + 1), &parsed);
    if (status == ListLineStatus::entry) *entry = parsed;
    return status;
}

bool next_line(std::string_view* rest, std::string_view* line) {
    if (rest->empty()) return false;
    const std::size_t end = rest->find('\n');
    *line = rest->substr(0, end);
    rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
    return true;
}

}  // namespace cordon
