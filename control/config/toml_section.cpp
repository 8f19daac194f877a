#include "control/config/toml_section.h"

#include <algorithm>
#include <numeric>

namespace cordon {

namespace {

std::string_view kind_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::none:
            return "nothing";
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "a list";
        case toml::node_type::string:
            return "text";
        case toml::node_type::integer:
            return "a whole number";
        case toml::node_type::floating_point:
            return "a number with a fraction";
        case toml::node_type::boolean:
            return "true or false";
        case toml::node_type::date:
            return "a date";
        case toml::node_type::time:
            return "a time without a date";
        case toml::node_type::date_time:
            return "a date and time";
    }
    return "nothing";
}

std::string wrong_kind(const toml::node& node, std::string_view wanted) {
    return "must be " + std::string(wanted) + ", but is " + std::string(kind_of(node));
}

bool control_character(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

void Problems::add(std::uint32_t line, std::string text) {
    if (list_.size() < problems_max) list_.push_back({line, std::move(text)});
}

Error Problems::error() const {
    std::vector<Problem> sorted = list_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Problem& a, const Problem& b) { return a.line < b.line; });
    std::string text;
    for (const Problem& problem : sorted) {
        if (!text.empty()) text += '\n';
        text += file_ + ":" + std::to_string(problem.line) + ": " + problem.text;
    }
    return Error{ErrorCode::config, text};
}

TomlSection::TomlSection(Problems* problems, std::string name, const toml::table* table,
                         std::uint32_t line)
    : problems_(problems), name_(std::move(name)), table_(table), line_(line) {
    if (table_ != nullptr && table_->source().begin.line > 0) line_ = table_->source().begin.line;
}

std::string TomlSection::full_name(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

std::uint32_t TomlSection::line_of(std::string_view key) const {
    const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
    return node == nullptr || node->source().begin.line == 0 ? line_ : node->source().begin.line;
}

void TomlSection::refuse(std::string_view key, std::string_view why) {
    problems_->add(line_of(key), full_name(key) + ": " + std::string(why));
}

const toml::node* TomlSection::find(std::string_view key) {
    known_.emplace_back(key);
    problems_->known_keys.push_back(full_name(key));
    return table_ == nullptr ? nullptr : table_->get(key);
}

const toml::node* TomlSection::any(std::string_view key) {
    return find(key);
}

bool TomlSection::text(std::string_view key, std::string* value, std::size_t bytes_max,
                       const TextRule& rule) {
    const toml::node* node = find(key);
    if (node == nullptr) return false;
    const auto* found = node->as_string();
    if (found == nullptr) {
        refuse(key, wrong_kind(*node, "text in quotes"));
        return false;
    }
    const std::string& text = found->get();
    if (text.size() > bytes_max) {
        refuse(key, "is " + std::to_string(text.size()) + " bytes long; at most " +
                        std::to_string(bytes_max) + " fit");
        return false;
    }
    // These texts end up in answers, logs and paths, where a line feed or NUL would start
    // something.
    if (std::any_of(text.begin(), text.end(), control_character)) {
        refuse(key, "must not hold control characters");
        return false;
    }
    if (!rule.fits(text)) {
        refuse(key, "\"" + shown(text) + "\" does not fit: must be " + std::string(rule.must_be));
        return false;
    }
    *value = text;
    return true;
}

bool TomlSection::boolean(std::string_view key, bool* value) {
    const toml::node* node = find(key);
    if (node == nullptr) return false;
    if (!node->is_boolean()) {
        refuse(key, wrong_kind(*node, "true or false"));
        return false;
    }
    *value = node->as_boolean()->get();
    return true;
}

bool TomlSection::number(std::string_view key, std::uint64_t* value, std::uint64_t min,
                         std::uint64_t max) {
    const toml::node* node = find(key);
    if (node == nullptr) return false;
    if (!node->is_integer()) {
        refuse(key, wrong_kind(*node, "a whole number"));
        return false;
    }
    const std::int64_t found = node->as_integer()->get();
    if (found < 0 || static_cast<std::uint64_t>(found) < min ||
        static_cast<std::uint64_t>(found) > max) {
        refuse(key, std::to_string(found) + " is out of range; allowed is " + std::to_string(min) +
                        " to " + std::to_string(max));
        return false;
    }
    *value = static_cast<std::uint64_t>(found);
    return true;
}

bool TomlSection::texts(std::string_view key, std::vector<std::string>* values) {
    const toml::node* node = find(key);
    if (node == nullptr) return false;
    const toml::array* list = node->as_array();
    if (list == nullptr) {
        refuse(key, wrong_kind(*node, "a list of texts, like [\"a\", \"b\"]"));
        return false;
    }
    for (const toml::node& item : *list) {
        if (!item.is_string()) {
            refuse(key, "every item " + wrong_kind(item, "text in quotes"));
            return false;
        }
        values->push_back(item.as_string()->get());
    }
    return true;
}

bool TomlSection::word_of(std::string_view key, std::span<const std::string_view> allowed,
                          std::string* word) {
    const toml::node* node = find(key);
    if (node == nullptr) return false;
    if (!node->is_string()) {
        refuse(key, wrong_kind(*node, "text in quotes: " + one_of(allowed)));
        return false;
    }
    *word = node->as_string()->get();
    if (std::find(allowed.begin(), allowed.end(), *word) != allowed.end()) return true;
    const std::vector<std::string> candidates(allowed.begin(), allowed.end());
    const std::string near = nearest(*word, candidates);
    const std::string hint = near.empty() ? "" : " (did you mean \"" + near + "\"?)";
    refuse(key, "\"" + shown(*word) + "\" is not one of " + one_of(allowed) + hint);
    return false;
}

TomlSection TomlSection::section(std::string_view key) {
    const toml::node* node = find(key);
    if (node != nullptr && !node->is_table()) {
        refuse(key, wrong_kind(*node, "a table: write [" + full_name(key) + "] on a line"));
        node = nullptr;
    }
    return {problems_, full_name(key), node == nullptr ? nullptr : node->as_table(), line_};
}

void TomlSection::finish() {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
        const std::string word(key.str());
        if (std::find(known_.begin(), known_.end(), word) != known_.end()) continue;
        const std::string where = name_.empty() ? "at the top of the file" : "in [" + name_ + "]";
        const std::string near = nearest(word, known_);
        std::vector<std::string_view> allowed(known_.begin(), known_.end());
        problems_->add(key.source().begin.line,
                       "unknown key \"" + shown(word) + "\" " + where +
                           (near.empty() ? "; allowed are " + one_of(allowed)
                                         : "; did you mean \"" + near + "\"?"));
    }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
        }
    }
    return row.back();
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
    constexpr std::size_t word_bytes_max = 64;  // longer is no slip of the pen
    if (word.size() > word_bytes_max) return "";
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        // What the reader has begun to write ("photo" for "photos") is nearest too.
        const bool prefix = word.size() >= 3 && candidate.starts_with(word);
        if (distance >= best_distance && !(prefix && best.empty())) continue;
        best = candidate;
        best_distance = std::min(distance, best_distance);
    }
    return best;
}

std::string one_of(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

std::string shown(std::string_view text) {
    constexpr std::size_t shown_max = 80;
    constexpr char hex[] = "0123456789abcdef";
    std::string result;
    for (const char c : text.substr(0, shown_max)) {
        const auto byte = static_cast<unsigned char>(c);
        if (!control_character(c)) {
            result += c;
        } else {
            result += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        }
    }
    return text.size() > shown_max ? result + "…" : result;
}

}  // namespace cordon
