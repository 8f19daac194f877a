#include "control/cli/text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace cordon {

namespace {

// The character at the front of `text` and its length; length 0 when it is no valid UTF-8.
struct Character {
    std::uint32_t code;
    std::size_t length;
};

Character first_character(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (length == 0 || lead > 0xf4 || text.size() < length) return {0, 0};
    std::uint32_t code = lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {0, 0};
        code = code << 6 | (byte(i) & 0x3fu);
    }
    constexpr std::uint32_t shortest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < shortest[length] || code > 0x10ffff || surrogate) return {0, 0};
    return {code, length};
}

// C0 and C1 controls steer terminals; line and paragraph separators break lines; directional marks
// make a line read as something else.
bool steers(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff;
}

// Cuts `text` before the character number `count`.
std::size_t bytes_of(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    while (count > 0 && at < text.size()) {
        at += std::max<std::size_t>(first_character(text.substr(at)).length, 1);
        --count;
    }
    return std::min(at, text.size());
}

std::string padded(const std::string& text, std::size_t width, bool right) {
    const std::size_t have = width_of(text);
    const std::string blanks(width > have ? width - have : 0, ' ');
    return right ? blanks + text : text + blanks;
}

bool parse_iso(const std::string& iso, tm* parts, std::size_t* rest) {
    int used = 0;
    *parts = {};
    if (std::sscanf(iso.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts->tm_year, &parts->tm_mon,
                    &parts->tm_mday, &parts->tm_hour, &parts->tm_min, &parts->tm_sec, &used) != 6) {
        return false;
    }
    const bool in_range = parts->tm_year >= 1970 && parts->tm_mon >= 1 && parts->tm_mon <= 12 &&
                          parts->tm_mday >= 1 && parts->tm_mday <= 31 && parts->tm_hour <= 23 &&
                          parts->tm_min <= 59 && parts->tm_sec <= 60 && parts->tm_hour >= 0 &&
                          parts->tm_min >= 0 && parts->tm_sec >= 0;
    parts->tm_year -= 1900;
    parts->tm_mon -= 1;
    *rest = static_cast<std::size_t>(used);
    return in_range;
}

// "Z" or "+01:00" in seconds.
bool parse_zone(const std::string& zone, std::int64_t* offset) {
    *offset = 0;
    if (zone == "Z" || zone == "z") return true;
    int hours = 0, minutes = 0, used = 0;
    char sign = 0;
    if (std::sscanf(zone.c_str(), "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3) return false;
    if (static_cast<std::size_t>(used) != zone.size() || (sign != '+' && sign != '-')) return false;
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return false;
    *offset = (hours * 3600 + minutes * 60) * (sign == '+' ? 1 : -1);
    return true;
}

bool parse_span(std::string_view text, std::uint64_t* seconds) {
    if (text.starts_with('+')) text.remove_prefix(1);
    if (text.size() < 2) return false;
    const std::uint64_t unit = text.back() == 's'   ? 1
                               : text.back() == 'm' ? 60
                               : text.back() == 'h' ? 3600
                               : text.back() == 'd' ? 86400
                                                    : 0;
    std::uint64_t count = 0;
    const char* end = text.data() + text.size() - 1;
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    constexpr std::uint64_t count_max = 1000000;
    if (unit == 0 || error != std::errc() || stop != end || count == 0 || count > count_max) {
        return false;
    }
    *seconds = count * unit;
    return true;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const Character c = first_character(text);
        const std::size_t length = std::max<std::size_t>(c.length, 1);
        if (c.length != 0 && !steers(c.code)) {
            result.append(text.substr(0, length));
        } else {
            for (const char byte : text.substr(0, length)) {
                result += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
            }
        }
        text.remove_prefix(length);
    }
    return result;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string shortened(const std::string& text, std::size_t width) {
    const std::size_t have = width_of(text);
    if (have <= width) return text;
    if (width == 0) return "";
    const std::size_t head = (width - 1) / 2;
    const std::size_t tail = width - 1 - head;
    return text.substr(0, bytes_of(text, head)) + "…" + text.substr(bytes_of(text, have - tail));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width, std::size_t lines) {
    std::vector<std::string> rows;
    while (!text.empty() && rows.size() < lines) {
        const std::string rest(text);
        std::size_t taken = rest.size();
        if (width_of(rest) > width) {
            const std::size_t space = rest.rfind(' ', bytes_of(rest, width));
            taken = space == std::string::npos || space == 0 ? bytes_of(rest, width) : space;
        }
        rows.emplace_back(text.substr(0, taken));
        text.remove_prefix(taken);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    }
    if (!text.empty() && !rows.empty()) {
        std::string& last = rows.back();
        if (width_of(last) >= width) last.resize(bytes_of(last, width - 1));
        last += "…";
    }
    return rows;
}

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;)
        text.insert(at -= 3, ",");
    return text;
}

std::string byte_size(std::uint64_t bytes) {
    constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 999.95 would be shown as 1000.0.
    while (value >= 999.95 && unit + 1 < std::size(units)) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string duration(std::uint64_t seconds) {
    if (seconds < 120) return fmt::format("{} s", seconds);
    if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
    if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
    return fmt::format("{} days", seconds / 86400);
}

std::uint64_t seconds_of(const std::string& iso) {
    tm parts;
    std::size_t rest = 0;
    if (!parse_iso(iso, &parts, &rest)) return 0;
    if (rest < iso.size() && iso[rest] == '.') {
        rest = std::min(iso.find_first_not_of("0123456789", rest + 1), iso.size());
    }
    std::int64_t offset = 0;
    if (!parse_zone(iso.substr(rest), &offset)) return 0;
    const std::int64_t seconds = ::timegm(&parts) - offset;
    return seconds > 0 ? static_cast<std::uint64_t>(seconds) : 0;
}

std::string local_time(const std::string& iso) {
    const std::uint64_t seconds = seconds_of(iso);
    if (seconds == 0) return printable(iso);
    const auto at = static_cast<time_t>(seconds);
    tm parts;
    char text[64];
    if (::localtime_r(&at, &parts) == nullptr) return printable(iso);
    return ::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &parts) == 0 ? iso : text;
}

bool parse_until(const std::string& text, std::uint64_t now_s, std::uint64_t* seconds) {
    std::uint64_t span = 0;
    if (parse_span(text, &span)) {
        *seconds = now_s + span;
        return true;
    }
    *seconds = seconds_of(text);
    return *seconds != 0;
}

std::string Screen::bold(const std::string& text) const {
    return terminal ? "\033[1m" + text + "\033[0m" : text;
}

std::string Screen::red(const std::string& text) const {
    return terminal ? "\033[1;31m" + text + "\033[0m" : text;
}

void Table::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(const Screen& screen) const {
    constexpr std::size_t narrowest = 12;
    std::vector<std::size_t> widths;
    std::size_t total = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = width_of(columns_[i].title);
        for (const auto& row : rows_)
            width = std::max(width, width_of(row[i]));
        widths.push_back(width);
        total += width + 2;
    }
    if (!screen.terminal) return widths;
    for (std::size_t i = 0; i < columns_.size() && total > screen.width + 2; ++i) {
        if (!columns_[i].shrinks) continue;
        const std::size_t over = total - screen.width - 2;
        const std::size_t spare = widths[i] > narrowest ? widths[i] - narrowest : 0;
        widths[i] -= std::min(over, spare);
        total -= std::min(over, spare);
    }
    return widths;
}

std::string Table::text(const Screen& screen) const {
    const std::vector<std::size_t> width = widths(screen);
    const auto line = [&](const auto& cell_of) {
        std::string text;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string cell = shortened(cell_of(i), width[i]);
            text += padded(cell, width[i], columns_[i].right) + "  ";
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return text;
    };
    std::string text =
        screen.bold(line([this](std::size_t i) { return columns_[i].title; })) + "\n";
    for (const auto& row : rows_)
        text += line([&row](std::size_t i) { return row[i]; }) + "\n";
    return text;
}

}  // namespace cordon
