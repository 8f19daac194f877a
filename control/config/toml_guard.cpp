#include "control/config/toml_guard.h"

#include <algorithm>

namespace cordon {

namespace {

bool begins_key(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '"' || c == '\'';
}

// "[", "[[" and then no name.
bool nameless_header(std::string_view line) {
    constexpr std::string_view blank = " \t";
    line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
    if (!line.starts_with('[')) return false;
    line.remove_prefix(line.starts_with("[[") ? 2 : 1);
    line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
    return line.empty() || !begins_key(line.front());
}

// Where the text that begins at `at` ends, npos when it does not.
std::size_t end_of_text(std::string_view line, std::size_t at) {
    const char quote = line[at];
    for (++at; at < line.size(); ++at) {
        if (quote == '"' && line[at] == '\\') {
            ++at;
        } else if (line[at] == quote) {
            return at;
        }
    }
    return std::string_view::npos;
}

// Behind anything else the parser does not see the quote as the beginning of a text.
bool may_begin_text(std::string_view before) {
    return before.empty() ||
           std::string_view(" \t=,[{.").find(before.back()) != std::string_view::npos;
}

// What is wrong with the signs of a line, empty when nothing is.
std::string_view wrong_signs(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    for (std::size_t at = 0; at < line.size(); ++at) {
        const char c = line[at];
        if (c == '#') return "";
        if (c == '"' || c == '\'') {
            if (!may_begin_text(line.substr(0, at))) {
                return "not TOML: a quote stands behind = , [ or a blank";
            }
            if (line.substr(at, 3) == std::string(3, c)) {
                return "not TOML of a configuration: texts over several lines have no use here";
            }
            at = end_of_text(line, at);
            if (at == std::string_view::npos) return "not TOML: the closing quote is missing";
        } else if (c != '\t' && (c < 0x20 || c > 0x7e)) {
            return "not TOML: outside of quotes and comments only plain letters can stand";
        }
    }
    return "";
}

}  // namespace

bool parser_may_see(std::string_view text, Problems* problems) {
    for (std::uint32_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        const std::string_view why =
            end > config_line_bytes_max ? "the line is longer than 4096 bytes"
            : nameless_header(line) ? "not TOML: behind [ stands the name of a table, like [limits]"
                                    : wrong_signs(line);
        if (!why.empty()) {
            problems->add(number, std::string(why));
            return false;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

}  // namespace cordon
