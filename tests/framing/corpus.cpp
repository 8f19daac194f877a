#include "tests/framing/corpus.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

namespace cordon::test {

namespace {

struct Line {
    std::string text;
    std::size_t times;
};

struct Variant {
    std::string label;
    std::string value;
    std::string want;
};

// A case as it stands in the file.
struct Template {
    std::string name, family, want, why;
    std::vector<Line> lines;
    std::vector<Variant> variants;
    bool answered = false;
};

std::size_t line_number = 0;

[[noreturn]] void complain(const std::string& why) {
    std::fprintf(stderr, "corpus line %zu: %s\n", line_number, why.c_str());
    std::abort();
}

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> split(const std::string& text, const std::string& by) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t at; (at = text.find(by, begin)) != std::string::npos; begin = at + by.size())
        parts.push_back(trimmed(text.substr(begin, at - begin)));
    parts.push_back(trimmed(text.substr(begin)));
    return parts;
}

using Words = std::map<std::string, std::string>;

// NAME, NAME.n, NAME.x, each with +N or -N behind n or x.
std::string value_of(const std::string& word, const Words& words) {
    const std::size_t dot = word.find('.');
    const auto found = words.find(word.substr(0, dot));
    if (found == words.end()) complain("no word {" + word + "}");
    if (dot == std::string::npos) return found->second;
    const std::string rest = word.substr(dot + 2);
    const long more = rest.empty() ? 0 : std::strtol(rest.c_str(), nullptr, 10);
    char text[24];
    std::snprintf(text, sizeof text, word[dot + 1] == 'x' ? "%lx" : "%ld",
                  static_cast<long>(found->second.size()) + more);
    return text;
}

char escaped(const std::string& text, std::size_t* at) {
    const char c = text[++*at];
    switch (c) {
        case 'r':
            return '\r';
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case '0':
            return '\0';
        case '\\':
            return '\\';
        case 'x':
            *at += 2;
            return static_cast<char>(std::strtoul(text.substr(*at - 1, 2).c_str(), nullptr, 16));
        default:
            complain(std::string("unknown escape \\") + c);
    }
}

std::string expanded(const std::string& text, const Words& words) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            out += escaped(text, &at);
        } else if (text[at] == '{') {
            const std::size_t end = text.find('}', at);
            if (end == std::string::npos) complain("{ without }");
            out += value_of(text.substr(at + 1, end - at - 1), words);
            at = end;
        } else {
            out += text[at];
        }
    }
    return out;
}

void take_want(const std::string& want, const Words& words, FramingCase* into) {
    if (want.empty()) return;
    for (const std::string& item : split(want, ";")) {
        if (!into->end.empty()) complain("something after the end: " + item);
        const std::size_t quote = item.find('"');
        const std::string word = trimmed(item.substr(0, quote));
        const bool is_end =
            word.find('_') != std::string::npos || word == "unfinished" || word == "tls";
        if (is_end) {
            into->end = word;
        } else if (quote == std::string::npos) {
            into->messages.push_back({word, {}, {}});
        } else {
            const std::string body = item.substr(quote + 1, item.size() - quote - 2);
            into->messages.push_back({word, {}, expanded(body, words)});
        }
    }
}

FramingCase made(const Template& from, const Variant& variant, std::string_view payload) {
    FramingCase out;
    out.name = variant.label.empty() ? from.name : from.name + "." + variant.label;
    out.family = from.family;
    out.why = from.why;
    out.answered = from.answered;
    Words words{{"id", out.name}, {"payload", std::string(payload)}};
    words["hidden"] = expanded(
        "PUT /{id}-hidden HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: {payload.n}\\r\\n\\r\\n"
        "{payload}",
        words);
    words["v"] = expanded(variant.value, words);
    for (const Line& line : from.lines) {
        const std::string text = expanded(line.text, words);
        for (std::size_t i = 0; i < line.times; ++i)
            out.bytes += text;
    }
    take_want(variant.want.empty() ? from.want : variant.want, words, &out);
    return out;
}

void take_bytes(const std::string& line, Template* into) {
    std::size_t times = 1;
    std::size_t at = 1;
    if (line.size() > 1 && line[1] == '*') {
        times = std::strtoul(line.c_str() + 2, nullptr, 10);
        at = line.find(' ');
    }
    if (at >= line.size() || line[at] != ' ' || times == 0) complain("wanted `> bytes`");
    into->lines.push_back({line.substr(at + 1), times});
}

void take_line(const std::string& line, Template* into) {
    if (line[0] == '>') return take_bytes(line, into);
    const std::size_t blank = line.find(' ');
    const std::string key = line.substr(0, blank);
    const std::string value = blank == std::string::npos ? "" : trimmed(line.substr(blank));
    if (key == "each") {
        std::vector<std::string> parts = split(value, "|");
        if (parts.size() < 2) complain("wanted `each label | text`");
        into->variants.push_back({parts[0], parts[1], parts.size() > 2 ? parts[2] : ""});
    } else if (key == "family") {
        into->family = value;
    } else if (key == "want") {
        into->want = value;
    } else if (key == "why") {
        into->why += (into->why.empty() ? "" : " ") + value;
    } else if (key == "answered") {
        into->answered = true;
    } else {
        complain("unknown word " + key);
    }
}

void finish(const Template& from, std::string_view payload, std::vector<FramingCase>* cases) {
    if (from.name.empty()) return;
    for (const FramingCase& before : *cases) {
        if (before.name.substr(0, before.name.find('.')) == from.name)
            complain("a second [" + from.name + "]");
    }
    if (from.family.empty() || from.why.empty()) complain(from.name + " has no family or no why");
    if (from.variants.empty()) cases->push_back(made(from, {}, payload));
    for (const Variant& variant : from.variants)
        cases->push_back(made(from, variant, payload));
}

}  // namespace

std::vector<FramingCase> read_corpus(const std::string& path, std::string_view payload) {
    std::ifstream file(path);
    if (!file) complain("cannot read " + path);
    std::vector<FramingCase> cases;
    Template current;
    line_number = 0;
    for (std::string line; std::getline(file, line);) {
        ++line_number;
        if (line.empty() || line[0] == '#') continue;
        if (line[0] == '[') {
            finish(current, payload, &cases);
            current = {};
            current.name = line.substr(1, line.find(']') - 1);
        } else {
            take_line(line, &current);
        }
    }
    finish(current, payload, &cases);
    return cases;
}

}  // namespace cordon::test
