#include "control/daemon/log.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace cordon {

namespace {

void write_line(LogLevel level, std::string_view text) {
    std::string line;
    if (std::getenv("JOURNAL_STREAM") != nullptr) {
        line += '<' + std::to_string(static_cast<int>(level)) + '>';
    }
    for (const char c : text) {
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        line += control ? '?' : c;
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void log_line(LogLevel level, std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        write_line(level, text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace cordon
