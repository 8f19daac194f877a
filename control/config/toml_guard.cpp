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

bool plain(char c) {
    return c == '\t' || (c >= 0x20 && c <= 0x7e);
}

bool all_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), plain);
}

// Whether nothing but the signs of a list stands between the = and here. Behind a number, say, the
// parser does not see a quote as the beginning of a text, and reads on into it.
bool value_begins(std::string_view outside) {
    const std::size_t equals = outside.find('=');
    const std::string_view since =
        outside.substr(equals == std::string_view::npos ? 0 : equals + 1);
    return since.find_first_not_of(" \t[],") == std::string_view::npos;
}

// What is wrong with the signs of a line, empty when nothing is.
std::string_view wrong_signs(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::string outside;  // of quotes, so far
    for (std::size_t at = 0; at < line.size() && line[at] != '#'; ++at) {
        const char c = line[at];
        if (c != '"' && c != '\'') {
            if (!plain(c))
                return "not TOML: outside of quotes and comments letters are plain ASCII";
            outside += c;
            continue;
        }
        if (line.substr(at, 3) == std::string(3, c)) {
            return "not TOML of a configuration: texts over several lines have no use here";
        }
        const std::size_t end = end_of_text(line, at);
        if (end == std::string_view::npos) return "not TOML: the closing quote is missing";
        if (!all_plain(line.substr(at, end - at)) && !value_begins(outside)) {
            return "not TOML: letters beyond ASCII can stand only in a text behind =";
        }
        at = end;
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
