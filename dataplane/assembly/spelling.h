// One key for all spellings of a path or a name that some server takes for the same, so that nobody
// can spread the pieces of one object over several keys. To fold too much costs little: two names
// meet only when both are uploaded at the same time.
//
//   path     percent-decoded once, scheme and authority off, "//", "." and ".." resolved; a decoded
//            slash is a slash
//   text     percent-decoded once, "+" is a blank
//
// Owns:       the text of one key under way.
// Invariants: different sequences of different folded items give different texts: each has its
//             length before it.
// Worker:     pure; on the stack.
// Limits:     room for all of a head; what does not fit is left out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/assembly/recipe.h"
#include "dataplane/base/limits.h"

namespace cordon {

// What kind of name a key is made of: names of different kinds never meet.
enum class KeyKind : char {
    path = 'p',
    session = 's',
    block = 'b',
    file = 'f',
    prefix = 'd',
    source = 'o',
};

// The path as servers resolve it, each segment with a slash before it ("" for the root). Returns
// its bytes; what does not fit is left out.
enum class PathText : std::uint8_t { encoded, plain };
std::size_t fold_path(std::string_view text, PathText how, std::span<char> out);

class KeyWriter {
  public:
    KeyWriter(KeyKind kind, std::uint64_t seed) : seed_(seed) { put(static_cast<char>(kind)); }

    KeyWriter& path(std::string_view encoded) { return add_path(encoded, PathText::encoded); }
    KeyWriter& plain_path(std::string_view text) { return add_path(text, PathText::plain); }
    KeyWriter& text(std::string_view encoded);  // of a query
    KeyWriter& plain(std::string_view text);    // of a header, a field, a document
    KeyWriter& lowered(std::string_view text);  // any case of ASCII letters
    KeyWriter& key(const AssemblyKey& key);

    AssemblyKey get() const;

  private:
    KeyWriter& add_path(std::string_view text, PathText how);
    void put(char c);
    std::size_t begin_item();
    void end_item(std::size_t at);

    std::uint64_t seed_;
    std::size_t used_ = 0;
    std::array<char, limits::head_bytes_max + 256> text_;
};

// A request target or the value of Destination, Location …: its path, its query without '?'.
struct TargetParts {
    std::string_view path;
    std::string_view query;
};
TargetParts split_target(std::string_view target);

// A parameter of a query, any case; `ambiguous` when it comes twice with different values.
struct QueryValue {
    std::string_view encoded;
    bool present = false;
    bool ambiguous = false;
};
QueryValue find_query(std::string_view query, std::string_view name);

// Decimal digits, percent-encoded or not, blanks around; at most 18 of them after leading zeros.
std::optional<std::uint64_t> number_in(std::string_view encoded);

// Whether the percent-decoded text is `plain`, any case.
bool spells(std::string_view encoded, std::string_view plain);

// Takes the first segment off a folded path.
std::string_view take_segment(std::string_view* folded);

}  // namespace cordon
