// One table of the configuration, read key by key; and the list of what is wrong with the file.
//
// Owns:       the list of problems; the parsed text belongs to the caller.
// Invariants: a getter that finds a problem leaves its target alone, so targets hold their defaults
//             beforehand; every key asked for is a known key, and finish() reports all others.
// Limits:     problems_max problems are kept; a file with more has been shown enough of them.
#pragma once

// The parser asserts what the text should look like and then checks it all the same. A wrong text
// is an outcome here, so the checks decide.
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/names.h"
#include "dataplane/base/result.h"

namespace cordon {

struct Problem {
    std::uint32_t line;
    std::string text;
};

class Problems {
  public:
    static constexpr std::size_t problems_max = 20;

    explicit Problems(std::string file) : file_(std::move(file)) {}

    void add(std::uint32_t line, std::string text);
    bool none() const { return list_.empty(); }
    // "FILE:LINE: what", a line each, in the order of the file.
    Error error() const;

    // Every key that was asked for, as "limits.workers".
    std::vector<std::string> known_keys;

  private:
    std::string file_;
    std::vector<Problem> list_;
};

// What a text must look like: a check, and the words for it ("must be …").
struct TextRule {
    bool (*fits)(std::string_view text);
    std::string_view must_be;
};

class TomlSection {
  public:
    // `name` is "" for the top of the file; a null table is one the file does not have.
    TomlSection(Problems* problems, std::string name, const toml::table* table,
                std::uint32_t line = 1);

    bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
    std::uint32_t line_of(std::string_view key) const;
    // Reports a problem with the value of a key.
    void refuse(std::string_view key, std::string_view why);

    // Every getter says whether the file has the key with a usable value.
    bool text(std::string_view key, std::string* value, std::size_t bytes_max,
              const TextRule& rule);
    bool boolean(std::string_view key, bool* value);
    bool number(std::string_view key, std::uint64_t* value, std::uint64_t min, std::uint64_t max);
    bool texts(std::string_view key, std::vector<std::string>* values);
    const toml::node* any(std::string_view key);

    template <std::size_t N>
    bool text(std::string_view key, char (&value)[N], const TextRule& rule) {
        std::string found;
        if (!text(key, &found, N - 1, rule)) return false;
        std::memset(value, 0, N);
        std::memcpy(value, found.data(), found.size());
        return true;
    }

    template <typename Integer>
    bool number(std::string_view key, Integer* value, std::uint64_t min, std::uint64_t max) {
        std::uint64_t found;
        if (!number(key, &found, min, max)) return false;
        *value = static_cast<Integer>(found);
        return true;
    }

    bool flag(std::string_view key, std::uint8_t* value) {
        bool found;
        if (!boolean(key, &found)) return false;
        *value = found ? 1 : 0;
        return true;
    }

    template <typename Enum>
    bool choice(std::string_view key, Enum* value) {
        std::string word;
        if (!word_of(key, names_of(Enum{}), &word)) return false;
        return from_name(word, value);
    }

    // A table inside this one.
    TomlSection section(std::string_view key);

    // Reports every key that nobody asked for.
    void finish();

  private:
    const toml::node* find(std::string_view key);
    bool word_of(std::string_view key, std::span<const std::string_view> allowed,
                 std::string* word);
    std::string full_name(std::string_view key) const;

    Problems* problems_;
    std::string name_;
    const toml::table* table_;
    std::uint32_t line_;
    std::vector<std::string> known_;
};

// The number of single-letter edits between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that was probably meant, empty when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// "a, b or c".
std::string one_of(std::span<const std::string_view> words);

// Text from a file as it may be shown: control characters become \xNN, long text is cut.
std::string shown(std::string_view text);

}  // namespace cordon
