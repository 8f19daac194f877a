// Text for people: numbers, sizes and times as they read them, tables, and nothing from the wire
// that could steer their terminal.
//
// Owns:       a Table its cells.
// Invariants: printable() gives back valid UTF-8 without control characters, and without the marks
//             that turn the direction of text around.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

std::string printable(std::string_view text);

// At most `width` characters, with … in the middle: both ends of a path say something.
std::string shortened(const std::string& text, std::size_t width);

// Lines of at most `width` characters, broken at spaces where that is possible; at most `lines` of
// them, the last one with … at its end when more is left.
std::vector<std::string> wrapped(std::string_view text, std::size_t width, std::size_t lines);

// Characters, of valid UTF-8.
std::size_t width_of(std::string_view text);

std::string grouped(std::uint64_t number);    // 1,234,567
std::string byte_size(std::uint64_t bytes);   // 1.2 MB; 512 B
std::string duration(std::uint64_t seconds);  // 3 min; 5 h; 12 days

// "2026-11-21T20:00:01.123Z" → "2026-11-21 21:00:01 CET"; what is no such time stays as it is.
std::string local_time(const std::string& iso);
// Unix seconds of such a time, 0 when it is none.
std::uint64_t seconds_of(const std::string& iso);

// When something ends: "2026-12-01T06:00:00Z", with a zone like +01:00, or from now: "+30m", "2h",
// "1d". False when the text is neither.
bool parse_until(const std::string& text, std::uint64_t now_s, std::uint64_t* seconds);

struct Screen {
    bool terminal = false;
    std::size_t width = 100;  // of the terminal

    std::string bold(const std::string& text) const;
    std::string red(const std::string& text) const;
};

struct Column {
    std::string title;
    bool right = false;    // numbers
    bool shrinks = false;  // gives way when the terminal is narrow
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    void row(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }
    // Aligned columns; on a terminal with a bold head and within its width.
    std::string text(const Screen& screen) const;

  private:
    std::vector<std::size_t> widths(const Screen& screen) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace cordon
