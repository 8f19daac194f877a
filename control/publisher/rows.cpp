#include "control/publisher/rows.h"

#include <algorithm>
#include <charconv>

#include "control/index/list_parser.h"

namespace cordon::feed {
namespace {

// Codes are part of the format: they never change meaning. 1 to 4 are the classes that industry and
// CyberTipline share (FORMATS), 5 and 6 those of hotlines.
constexpr CategoryInfo categories[] = {
    {1, "prepubescent-act", "A1: prepubescent, sex act"},
    {2, "prepubescent-exhibition", "A2: prepubescent, lascivious exhibition"},
    {3, "pubescent-act", "B1: pubescent, sex act"},
    {4, "pubescent-exhibition", "B2: pubescent, lascivious exhibition"},
    {5, "baseline", "INTERPOL's baseline criteria"},
    {6, "national", "illegal by national law"},
    {7, "known-csam", "known CSAM without a class"},
    {250, "test", "a harmless file to see the system work"},
};

constexpr const char* column_names[] = {"md5",      "sha1", "sha256", "sha256-tree",
                                        "category", "size", "deleted"};

constexpr std::uint64_t progress_every = 65536;

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

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool parse_digest(std::string_view text, IndicatorKind kind, RowDigest* digest) {
    digest->kind = kind;
    if (text.size() != 2 * digest_length(kind)) return false;
    for (std::size_t i = 0; i < text.size() / 2; ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        digest->digest[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

const CategoryInfo* category_named(const std::string& name) {
    const auto found = std::find_if(std::begin(categories), std::end(categories),
                                    [&](const CategoryInfo& info) { return name == info.name; });
    return found == std::end(categories) ? nullptr : found;
}

// What is quoted of a foreign file in a message: short, and nothing that steers a terminal.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 40))
        out += c >= 0x20 && c < 0x7f ? c : '?';
    return out + (text.size() > 40 ? "…\"" : "\"");
}

void report(std::uint64_t line, std::string why, ReadRows* out) {
    if (out->problems.size() < reports_max) out->problems.push_back({line, std::move(why)});
    ++out->problem_count;
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
                return failure(ErrorCode::refused, "line 1: no column " + quoted(where));
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

// "" when the category is right.
std::string put_category(const std::string* text, const CategoryMap& map, Row* row) {
    std::string ours;
    if (text == nullptr) {
        if (!map.all) return "no category: name one for the whole list, or a column of it";
        ours = *map.all;
    } else {
        const auto mapped = map.names.find(*text);
        if (mapped == map.names.end()) return "category " + quoted(*text) + " is not mapped";
        ours = mapped->second;
    }
    row->withdrawn |= ours == "drop";
    if (ours != "drop") row->category = category_named(ours)->code;
    return "";
}

std::string put_digests(const Columns& columns, const std::vector<std::string>& record, Row* row) {
    for (const IndicatorKind kind : {IndicatorKind::sha256, IndicatorKind::sha1, IndicatorKind::md5,
                                     IndicatorKind::sha256_tree}) {
        const std::string* text = columns.field(indicator_kind_name(kind), record);
        if (text == nullptr || text->empty()) continue;
        if (!parse_digest(*text, kind, &row->digests[row->digest_count]))
            return std::string(indicator_kind_name(kind)) + " " + quoted(*text) + " is not " +
                   std::to_string(2 * digest_length(kind)) + " hex digits";
        ++row->digest_count;
    }
    return row->digest_count == 0 ? "no digest" : "";
}

std::string put_size(const std::string* text, Row* row) {
    if (text == nullptr || text->empty()) return "";
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), size);
    if (error != std::errc() || end != text->data() + text->size() || size >> 63 != 0)
        return "size " + quoted(*text) + " is no number of bytes";
    row->size = size;
    return "";
}

std::string put_deleted(const std::string* text, Row* row) {
    if (text == nullptr) return "";
    for (const char* yes : {"1", "true", "yes", "deleted", "withdrawn"})
        row->withdrawn |= *text == yes;
    if (row->withdrawn) return "";
    for (const char* no : {"", "0", "false", "no", "active"}) {
        if (*text == no) return "";
    }
    return "deleted " + quoted(*text) + " is neither true nor false";
}

std::string put_record(const Columns& columns, const std::vector<std::string>& record,
                       const CategoryMap& categories_map, Row* row) {
    std::string why = put_digests(columns, record, row);
    if (why.empty()) why = put_size(columns.field("size", record), row);
    if (why.empty()) why = put_deleted(columns.field("deleted", record), row);
    // The category of something that is gone may be anything.
    if (!why.empty() || row->withdrawn) return why;
    if (columns.has("category") && columns.field("category", record) == nullptr)
        return "no category";
    return put_category(columns.field("category", record), categories_map, row);
}

}  // namespace

std::span<const CategoryInfo> category_table() {
    return categories;
}

const char* category_name(std::uint8_t code) {
    for (const CategoryInfo& info : categories) {
        if (info.code == code) return info.name;
    }
    return "unknown";
}

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
                           "--columns takes md5=, sha1=, sha256=, sha256-tree=, category=, size=, "
                           "deleted= with a number or name: " +
                               quoted(part));
        map.columns[what] = part.substr(equal + 1);
    }
    return map;
}

Result<void> add_category(const std::string& text, CategoryMap* map) {
    const std::size_t equal = text.rfind('=');
    const std::string ours = text.substr(equal == std::string::npos ? 0 : equal + 1);
    if (ours != "drop" && category_named(ours) == nullptr) {
        std::string known;
        for (const CategoryInfo& info : categories)
            known += std::string(info.name) + ", ";
        return failure(ErrorCode::usage,
                       "category " + quoted(ours) + " is unknown; there are " + known + "drop");
    }
    if (equal == std::string::npos) {
        map->all = ours;
    } else {
        map->names[text.substr(0, equal)] = ours;
    }
    return {};
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
    if (out.problem_count != 0) out.rows.clear();
    return out;
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
        } else if (entry.kind == IndicatorKind::pattern) {
            why = "patterns are no part of a feed";
        } else if (out.rows.size() == rows_max) {
            why = "more rows than fit";
        } else {
            why = put_category(nullptr, categories_map, &row);
        }
        if (!why.empty()) {
            report(number, why, &out);
            continue;
        }
        row.digests[0] = {entry.kind, entry.digest};
        row.digest_count = 1;
        row.size = entry.size;
        out.rows.push_back(row);
    }
    if (out.problem_count != 0) out.rows.clear();
    return out;
}

}  // namespace cordon::feed
