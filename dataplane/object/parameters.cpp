#include "dataplane/object/parameters.h"

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

// A folded line leaves its line end before the blank.
std::string_view trim_folded(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(white);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::string_view take_quoted(std::string_view* rest) {
    std::size_t at = 1;
    while (at < rest->size() && (*rest)[at] != '"')
        at += (*rest)[at] == '\\' && at + 1 < rest->size() ? 2U : 1U;
    const std::string_view value = rest->substr(1, at - 1);
    rest->remove_prefix(at < rest->size() ? at + 1 : rest->size());
    return value;
}

}  // namespace

std::string_view take_main_value(std::string_view* rest) {
    return take_piece(rest, ';');
}

bool take_parameter(std::string_view* rest, Parameter* parameter) {
    while (!rest->empty()) {
        const std::size_t end = rest->find_first_of("=;");
        if (end == std::string_view::npos || (*rest)[end] == ';') {
            take_piece(rest, ';');
            continue;
        }
        parameter->name = trim_folded(rest->substr(0, end));
        rest->remove_prefix(end + 1);
        *rest = trim_folded(*rest);
        parameter->quoted = !rest->empty() && rest->front() == '"';
        parameter->value = parameter->quoted ? take_quoted(rest) : std::string_view{};
        const std::string_view plain = take_piece(rest, ';');
        if (!parameter->quoted) parameter->value = trim_folded(plain);
        return true;
    }
    return false;
}

std::size_t copy_value(std::string_view value, bool quoted, std::span<char> out) {
    std::size_t used = 0;
    for (std::size_t at = 0; at < value.size() && used < out.size(); ++at) {
        const bool escape = quoted && value[at] == '\\' && at + 1 < value.size() &&
                            (value[at + 1] == '"' || value[at + 1] == '\\');
        if (escape) ++at;
        out[used++] = value[at];
    }
    return used;
}

std::size_t copy_extended_value(std::string_view value, std::span<char> out) {
    for (int quotes = 0; quotes < 2; ++quotes) {
        const std::size_t at = value.find('\'');
        if (at == std::string_view::npos) break;
        value.remove_prefix(at + 1);
    }
    std::size_t used = 0;
    while (!value.empty() && used < out.size())
        out[used++] = take_percent_decoded(&value);
    return used;
}

}  // namespace cordon
