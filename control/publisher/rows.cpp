#include "control/publisher/row_parts.h"

#include <algorithm>
#include <charconv>

#include "control/feed/sealed_part.h"
#include "control/index/list_parser.h"

namespace cordon::feed {
namespace {

constexpr const char* column_names[] = {"md5",      "sha1",     "sha256", "sha256-tree", "pdq",
                                        "distance", "category", "size",   "deleted"};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Cuts one record off `*rest`: fields as RFC 4180 has them. False when a quote is left open or
// stands where none may.
bool next_record(std::string_view* rest, char separator, std::vector<std::string>* fields,
                 std::uint64_t* lines) {
    fields->clear();
    *lines = 1;
    std::string field;
    bool quoted = false;
    bool was_quoted = false;
    std::size_t i = 0;
    for (; i < rest->size() && i < row_bytes_max; ++i) {
        const char c = (*rest)[i];
        if (quoted) {
            if (c == '\n') ++*lines;
            if (c != '"') {
                field += c;
            } else if (i + 1 < rest->size() && (*rest)[i + 1] == '"') {
                field += '"';
                ++i;
            } else {
                quoted = false;
            }
        } else if (c == '"' && trimmed(field).empty() && !was_quoted) {
            field.clear();
            quoted = was_quoted = true;
        } else if (c == separator || c == '\n') {
            fields->emplace_back(was_quoted ? std::string_view(field) : trimmed(field));
            field.clear();
            was_quoted = false;
            if (c == '\n') {
                rest->remove_prefix(i + 1);
                return true;
            }
        } else if (was_quoted && c != '\r' && c != ' ') {
            return false;
        } else if (!was_quoted) {
            field += c;
        }
    }
    if (quoted || i == row_bytes_max) return false;
    fields->emplace_back(was_quoted ? std::string_view(field) : trimmed(field));
    rest->remove_prefix(rest->size());
    return true;
}

// Fields of a record by what they hold.
class Columns {
  public:
    // Takes the names from the first record where the map has names.
    static Result<Columns> of(const ColumnMap& map, const std::vector<std::string>& head,
                              bool* head_is_used) {
        Columns columns;
        for (const auto& [what, where] : map.columns) {
            std::size_t number = 0;
            const auto [end, error] =
                std::from_chars(where.data(), where.data() + where.size(), number);
            if (error == std::errc() && end == where.data() + where.size() && number > 0) {
                columns.places_[what] = number - 1;
                continue;
            }
            const auto named = std::find(head.begin(), head.end(), where);
            if (named == head.end())
                return failure(ErrorCode::refused, "line 1: no column " + quote(where));
            *head_is_used = true;
            columns.places_[what] = static_cast<std::size_t>(named - head.begin());
        }
        return columns;
    }
    bool has(const char* what) const { return places_.contains(what); }
    // Null when the record is too short.
    const std::string* field(const char* what, const std::vector<std::string>& record) const {
        const auto place = places_.find(what);
        if (place == places_.end() || place->second >= record.size()) return nullptr;
        return &record[place->second];
    }

  private:
    std::map<std::string, std::size_t, std::less<>> places_;
};

std::string put_digests(const Columns& columns, const std::vector<std::string>& record, Row* row) {
    for (const IndicatorKind kind : {IndicatorKind::sha256, IndicatorKind::sha1, IndicatorKind::md5,
                                     IndicatorKind::sha256_tree, IndicatorKind::pdq}) {
        const std::string* text = columns.field(indicator_kind_name(kind), record);
        if (text == nullptr || text->empty()) continue;
        if (const std::string why = put_digest(kind, *text, row); !why.empty()) return why;
    }
    return row->digest_count == 0 ? "no digest" : "";
}

std::string put_deleted(const std::string* text, Row* row) {
    if (text == nullptr) return "";
    for (const char* yes : {"1", "true", "yes", "deleted", "withdrawn"})
        row->withdrawn |= *text == yes;
    if (row->withdrawn) return "";
    for (const char* no : {"", "0", "false", "no", "active"}) {
        if (*text == no) return "";
    }
    return "deleted " + quote(*text) + " is neither true nor false";
}

std::string put_record(const Columns& columns, const std::vector<std::string>& record,
                       const CategoryMap& categories_map, Row* row) {
    std::string why = put_digests(columns, record, row);
    if (const std::string* size = columns.field("size", record); why.empty() && size != nullptr)
        why = put_size(*size, row);
    if (const std::string* most = columns.field("distance", record); why.empty() && most != nullptr)
        why = put_distance(*most, row);
    if (why.empty()) why = put_deleted(columns.field("deleted", record), row);
    // The category of something that is gone may be anything.
    if (!why.empty() || row->withdrawn) return why;
    if (columns.has("category") && columns.field("category", record) == nullptr)
        return "no category";
    const std::string* category = columns.field("category", record);
    return category == nullptr ? put_category_of_list(categories_map, row)
                               : put_category(*category, categories_map, row);
}

}  // namespace

Result<ColumnMap> parse_columns(const std::string& text, char separator) {
    ColumnMap map;
    map.separator = separator;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view part = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        const std::size_t equal = part.find('=');
        const std::string what(part.substr(0, equal));
        const bool known = std::find(std::begin(column_names), std::end(column_names), what) !=
                           std::end(column_names);
        if (equal == std::string_view::npos || equal + 1 == part.size() || !known)
            return failure(ErrorCode::usage,
                           "--columns takes md5=, sha1=, sha256=, sha256-tree=, pdq=, distance=, "
                           "category=, size=, deleted= with a number or name: " +
                               quote(part));
        map.columns[what] = part.substr(equal + 1);
    }
    return map;
}

ReadRows read_csv(std::string_view text, const ColumnMap& map, const CategoryMap& categories_map,
                  const Progress& progress) {
    ReadRows out;
    const std::size_t total = text.size();
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::uint64_t line = 1;
    std::uint64_t lines = 0;
    std::vector<std::string> record;
    std::optional<Columns> columns;
    for (std::uint64_t count = 0; !text.empty(); line += lines, ++count) {
        if (progress && count % progress_every == 0) progress(total - text.size(), total);
        if (out.rows.size() == rows_max) {
            report(line, "more rows than fit", &out);
            break;
        }
        if (!next_record(&text, map.separator, &record, &lines)) {
            report(line, "a quote is left open, or a row is too long", &out);
            break;  // where the next row begins is anybody's guess
        }
        if (!columns) {
            bool is_head = false;
            const Result<Columns> found = Columns::of(map, record, &is_head);
            if (!found) {
                report(line, found.error().text.substr(8), &out);
                break;
            }
            columns = *found;
            if (is_head) continue;
        }
        if (record.size() == 1 && record[0].empty()) continue;
        Row row;
        row.line = line;
        const std::string why = put_record(*columns, record, categories_map, &row);
        if (why.empty()) {
            out.rows.push_back(row);
        } else {
            report(line, why, &out);
        }
    }
    return finished(std::move(out));
}

ReadRows read_plain(std::string_view text, const CategoryMap& categories_map,
                    const Progress& progress) {
    ReadRows out;
    const std::size_t total = text.size();
    std::string_view line;
    for (std::uint64_t number = 1; next_line(&text, &line); ++number) {
        if (progress && number % progress_every == 0) progress(total - text.size(), total);
        ListEntry entry{};
        const ListLineStatus status = parse_list_line(line, &entry);
        if (status == ListLineStatus::blank) continue;
        Row row;
        row.line = number;
        std::string why;
        if (status != ListLineStatus::entry) {
            why = list_line_text(status);
        } else if (out.rows.size() == rows_max) {
            why = "more rows than fit";
        } else {
            why = put_category_of_list(categories_map, &row);
        }
        if (!why.empty()) {
            report(number, why, &out);
            continue;
        }
        row.digests[0] = {entry.kind, entry.digest};
        row.digest_count = 1;
        row.size = entry.size;
        if (entry.kind == IndicatorKind::pattern) {
            row.pattern = pattern_part(entry.syntax, entry.pattern);
            row.digests[0].digest = sha256(as_bytes(row.pattern));
        }
        out.rows.push_back(std::move(row));
    }
    return finished(std::move(out));
}

}  // namespace cordon::feed
