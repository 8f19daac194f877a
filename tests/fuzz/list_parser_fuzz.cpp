// A hash list as anyone may hand it over: every line is an entry, blank or refused by name; what
// was understood, written down again, is understood as the same.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "control/index/list_parser.h"

namespace {

using namespace cordon;

void require(bool condition) {
    if (!condition) std::abort();
}

std::string written(const ListEntry& entry) {
    if (entry.kind == IndicatorKind::pattern) {
        const bool literal = entry.syntax == PatternSyntax::literal;
        return (literal ? " pattern:\t" : "expression: ") + std::string(entry.pattern) + " \r";
    }
    std::string text;
    char two[3];
    for (const std::uint8_t byte : entry.digest_bytes()) {
        std::snprintf(two, sizeof two, "%02X", byte);
        text += two;
    }
    if (entry.size) text += " , " + std::to_string(*entry.size) + "\t# again\r";
    return text;
}

void check_line(std::string_view line) {
    ListEntry entry{};
    const ListLineStatus status = parse_list_line(line, &entry);
    require(*list_line_text(status) != '\0');
    if (status != ListLineStatus::entry) return;
    require(entry.digest_bytes().size() == digest_length(entry.kind));
    ListEntry again{};
    const std::string copy = written(entry);
    require(parse_list_line(copy, &again) == ListLineStatus::entry);
    require(again.kind == entry.kind && again.digest == entry.digest && again.size == entry.size);
    require(again.pattern == entry.pattern && again.syntax == entry.syntax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    std::string_view line;
    std::size_t seen = 0;
    while (next_line(&rest, &line)) {
        check_line(line);
        seen += line.size() + 1;
    }
    require(size == 0 ? seen == 0 : (seen == size || seen == size + 1));
    return 0;
}
