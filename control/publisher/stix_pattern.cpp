#include "control/publisher/row_parts.h"
#include "control/publisher/stix.h"

namespace cordon::feed {
namespace {

constexpr const char* not_ours = "the pattern is no list of hashes of files";

// One comparison: `file:hashes.'SHA-256' = 'aa…'`.
struct Comparison {
    std::string object;  // "file"
    std::string path;    // "hashes.SHA-256", "size"
    std::string value;
};

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

// The part of STIX's pattern grammar (§9) that such patterns use.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool at_end() {
        skip_blanks();
        return rest_.empty();
    }
    bool take(char c) {
        skip_blanks();
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take_word(std::string_view word) {
        skip_blanks();
        if (!rest_.starts_with(word)) return false;
        if (rest_.size() > word.size() && is_name_character(rest_[word.size()])) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool comparison(Comparison* out) {
        *out = {};
        return name(&out->object) && take(':') && path(&out->path) && take('=') &&
               value(&out->value);
    }

  private:
    void skip_blanks() {
        const std::size_t first = rest_.find_first_not_of(" \t\r\n");
        rest_.remove_prefix(std::min(first, rest_.size()));
    }
    bool name(std::string* out) {
        skip_blanks();
        while (!rest_.empty() && is_name_character(rest_[0])) {
            *out += rest_[0];
            rest_.remove_prefix(1);
        }
        return !out->empty();
    }
    bool path(std::string* out) {
        if (!name(out)) return false;
        while (take('.')) {
            *out += '.';
            std::string part;
            if (!text(&part) && !name(&part)) return false;
            *out += part;
        }
        return true;
    }
    bool value(std::string* out) { return text(out) || name(out); }
    // In single quotes, with \' and \\; some writers use double ones in paths.
    bool text(std::string* out) {
        skip_blanks();
        if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return false;
        const char quote = rest_[0];
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == quote) {
                rest_.remove_prefix(i + 1);
                return true;
            }
            if (rest_[i] == '\\' && ++i == rest_.size()) return false;
            *out += rest_[i];
        }
        return false;
    }

    std::string_view rest_;
};

bool names_files(std::string_view pattern) {
    return pattern.find("file:") != std::string_view::npos;
}

std::string put_comparison(const Comparison& comparison, Row* row) {
    constexpr std::string_view hashes = "hashes.";
    if (comparison.object != "file") return not_ours;
    if (comparison.path == "size") return put_size(comparison.value, row);
    if (!comparison.path.starts_with(hashes)) return not_ours;
    const auto kind = kind_named(std::string_view(comparison.path).substr(hashes.size()));
    return kind ? put_digest(*kind, comparison.value, row) : "";
}

// Alternatives that can be one file are taken for one: its digests share a reference then. A size
// goes with the digests beside it only, because a wrong one would dismiss the file.
bool can_be_one(const Row& row, const Row& next) {
    if (row.size != next.size) return false;
    for (std::size_t i = 0; i < next.digest_count; ++i) {
        if (has_kind(row, next.digests[i].kind)) return false;
    }
    return true;
}

void add_file(const Row& file, std::vector<Row>* rows) {
    if (file.digest_count == 0) return;
    if (rows->empty() || !can_be_one(rows->back(), file)) {
        rows->push_back(file);
        return;
    }
    Row& row = rows->back();
    for (std::size_t i = 0; i < file.digest_count; ++i)
        row.digests[row.digest_count++] = file.digests[i];
}

}  // namespace

std::string read_stix_pattern(std::string_view pattern, std::vector<Row>* rows) {
    if (!names_files(pattern)) return "";
    if (pattern.size() > stix_pattern_bytes_max) return "the pattern is too long";
    Scanner scanner(pattern);
    if (!scanner.take('[')) return not_ours;
    Row file;
    for (;;) {
        Comparison comparison;
        if (!scanner.comparison(&comparison)) return not_ours;
        if (std::string why = put_comparison(comparison, &file); !why.empty()) return why;
        if (scanner.take_word("AND")) continue;
        add_file(file, rows);
        file = {};
        if (!scanner.take_word("OR")) break;
    }
    return scanner.take(']') && scanner.at_end() ? "" : not_ours;
}

}  // namespace cordon::feed
