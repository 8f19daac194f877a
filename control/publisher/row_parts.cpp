#include "control/publisher/row_parts.h"

#include <algorithm>
#include <charconv>

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
    {category_test, "test", "a harmless file to see the system work"},
};

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool read_digest(std::string_view text, std::uint8_t* digest) {
    for (std::size_t i = 0; i < text.size() / 2; ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        digest[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

const CategoryInfo* category_named(const std::string& name) {
    const auto found = std::find_if(std::begin(categories), std::end(categories),
                                    [&](const CategoryInfo& info) { return name == info.name; });
    return found == std::end(categories) ? nullptr : found;
}

std::string put_ours(const std::string& ours, Row* row) {
    row->withdrawn |= ours == "drop";
    if (ours != "drop") row->category = category_named(ours)->code;
    return "";
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

Result<void> add_category(const std::string& text, CategoryMap* map) {
    const std::size_t equal = text.rfind('=');
    const std::string ours = text.substr(equal == std::string::npos ? 0 : equal + 1);
    if (ours != "drop" && category_named(ours) == nullptr) {
        std::string known;
        for (const CategoryInfo& info : categories)
            known += std::string(info.name) + ", ";
        return failure(ErrorCode::usage,
                       "category " + quote(ours) + " is unknown; there are " + known + "drop");
    }
    if (equal == std::string::npos) {
        map->all = ours;
    } else {
        map->names[text.substr(0, equal)] = ours;
    }
    return {};
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 40))
        out += c >= 0x20 && c < 0x7f ? c : '?';
    return out + (text.size() > 40 ? "…\"" : "\"");
}

void report(std::uint64_t line, std::string why, ReadRows* out) {
    if (out->problems.size() < reports_max) out->problems.push_back({line, std::move(why)});
    ++out->problem_count;
}

std::string put_digest(IndicatorKind kind, std::string_view text, Row* row) {
    RowDigest digest{kind, {}};
    if (text.size() != 2 * digest_length(kind) || !read_digest(text, digest.digest.data()))
        return std::string(indicator_kind_name(kind)) + " " + quote(text) + " is not " +
               std::to_string(2 * digest_length(kind)) + " hex digits";
    for (std::size_t i = 0; i < row->digest_count; ++i) {
        if (row->digests[i].kind != kind) continue;
        if (row->digests[i].digest == digest.digest) return "";
        return std::string("two different digests ") + indicator_kind_name(kind);
    }
    row->digests[row->digest_count++] = digest;
    return "";
}

std::string put_size(std::string_view text, Row* row) {
    if (text.empty()) return "";
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || end != text.data() + text.size() || size >> 63 != 0)
        return "size " + quote(text) + " is no number of bytes";
    row->size = size;
    return "";
}

std::string put_distance(std::string_view text, Row* row) {
    if (text.empty()) return "";
    unsigned distance = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), distance);
    if (error != std::errc() || end != text.data() + text.size() || distance > pdq_distance_max)
        return "distance " + quote(text) + " is no number up to " +
               std::to_string(pdq_distance_max);
    row->distance = static_cast<std::uint8_t>(distance);
    return "";
}

std::string put_category(const std::string& theirs, const CategoryMap& map, Row* row) {
    const auto mapped = map.names.find(theirs);
    if (mapped == map.names.end()) return "category " + quote(theirs) + " is not mapped";
    return put_ours(mapped->second, row);
}

std::string put_category_of_list(const CategoryMap& map, Row* row) {
    if (!map.all) return "no category: name one for the whole list, or a column of it";
    return put_ours(*map.all, row);
}

std::optional<IndicatorKind> kind_named(std::string_view theirs) {
    std::string name;
    for (const char c : theirs) {
        if (c == '-' || c == '_' || c == ' ') continue;
        name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (name == "md5") return IndicatorKind::md5;
    if (name == "sha1") return IndicatorKind::sha1;
    if (name == "sha256") return IndicatorKind::sha256;
    return std::nullopt;
}

bool has_kind(const Row& row, IndicatorKind kind) {
    const auto first = row.digests.begin();
    return std::any_of(first, first + row.digest_count,
                       [&](const RowDigest& digest) { return digest.kind == kind; });
}

ReadRows finished(ReadRows out) {
    if (out.problem_count != 0) out.rows.clear();
    return out;
}

}  // namespace cordon::feed
