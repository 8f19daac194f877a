// Foreign lists, read into rows: one file of theirs each, with its digests and what the source says
// of it. Plain lists and CSV with a map of columns here; other formats in vics.h, ncmec.h, stix.h
// and folder.h.
//
// Owns:       nothing.
// Invariants: pure. A list with one malformed row, or a category that is not mapped, gives no rows
//             but the reasons: half a list would be published as if it were whole.
// Thread:     any. Does not throw, but for memory that runs out.
// Limits:     rows_max, row_bytes_max; row_reports_max reasons in full, the rest counted.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/feed/records.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon::feed {

inline constexpr std::size_t rows_max = 50'000'000;
inline constexpr std::size_t row_bytes_max = 64 * 1024;
inline constexpr std::size_t reports_max = 20;

// What of an item is known to be CSAM, and how that is said (docs/feed-format.md, "Categories").
struct CategoryInfo {
    std::uint8_t code;
    const char* name;
    const char* help;
};
// Its records are tests: their matches are nobody's case.
inline constexpr std::uint8_t category_test = 250;
std::span<const CategoryInfo> category_table();
const char* category_name(std::uint8_t code);

struct RowDigest {
    IndicatorKind kind = IndicatorKind::sha256;
    std::array<std::uint8_t, 32> digest = {};  // the first digest_length(kind) bytes

    // None of a pattern: that is no digest of anything that can be compared.
    Bytes bytes() const { return Bytes(digest).first(digest_length(kind)); }
};

struct Row {
    std::uint64_t line = 0;  // from 1; of lists without lines the number of the item; 0: none
    std::uint32_t file = 0;  // which of the files of one import
    std::array<RowDigest, 5> digests = {};
    std::uint8_t digest_count = 0;
    // Of a row whose only digest is of kind pattern, and SHA-256 of this: see sealed_part.h.
    std::string pattern = {};
    std::uint8_t distance = pdq_distance_max;  // of its digest of kind pdq
    std::uint8_t category = 0;
    bool withdrawn = false;  // a tombstone, or a category that is mapped to "drop"
    std::optional<std::uint64_t> size = {};
    // XXH3-128 of the first bytes (keyed_tag.h); only where the file itself was read.
    std::optional<std::array<std::uint8_t, head_digest_bytes>> head = {};
    // The source's own name of the item, if that is for good. What the source said of it before is
    // replaced; with it a tombstone needs no digest.
    std::string item = {};
};

// Which column holds what; from 1, or by the name in the first line.
struct ColumnMap {
    std::map<std::string, std::string> columns;  // "sha256" → "3" or "SHA-256"
    char separator = ',';
};

struct CategoryMap {
    std::map<std::string, std::string> names;  // theirs → ours, or "drop"
    std::optional<std::string> all;            // for lists without a column of it
};

struct RowProblem {
    std::uint64_t line;
    std::string why;
    std::uint32_t file = 0;
};

struct ReadRows {
    std::vector<Row> rows;
    std::vector<RowProblem> problems;  // the first reports_max
    std::uint64_t problem_count = 0;
    std::uint64_t passed_over = 0;  // items with nothing in them that a feed can hold
    bool more_follows = false;      // the list says that it goes on in another file
};

// "md5=1,sha256=SHA-256" → the map. Names: md5 sha1 sha256 sha256-tree pdq distance category size
// deleted.
Result<ColumnMap> parse_columns(const std::string& text, char separator);
// "A1=prepubescent-act" or "X=drop".
Result<void> add_category(const std::string& text, CategoryMap* map);

using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

ReadRows read_csv(std::string_view text, const ColumnMap& columns, const CategoryMap& categories,
                  const Progress& progress = {});
// One digest or pattern a line, '#' comments: control/index/list_parser.h.
ReadRows read_plain(std::string_view text, const CategoryMap& categories,
                    const Progress& progress = {});

}  // namespace cordon::feed
