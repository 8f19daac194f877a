#include "dataplane/assembly/spelling.h"

#define XXH_NO_STREAM
#include <xxhash.h>

#include <algorithm>

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

char folded(char c) {
    return c == '+' ? ' ' : c;
}

struct FoldedPath {
    std::span<char> out;
    std::size_t used = 0;
    std::size_t segment = 0;

    void put(char c) {
        if (used < out.size()) out[used++] = c;
    }
    void begin_segment() {
        segment = used;
        put('/');
    }
    // An empty one and "." are none, ".." takes the one before along.
    void end_segment() {
        const std::string_view name(out.data() + segment, used - segment);
        if (name == "/" || name == "/.") {
            used = segment;
        } else if (name == "/..") {
            used = segment;
            while (used > 0 && out[--used] != '/')
                ;
        }
    }
};

}  // namespace

void KeyWriter::put(char c) {
    if (used_ < text_.size()) text_[used_++] = c;
}

// Room for the length, which is known at the end of the item.
std::size_t KeyWriter::begin_item() {
    put(0);
    put(0);
    return used_;
}

void KeyWriter::end_item(std::size_t at) {
    const std::size_t bytes = used_ - at;
    text_[at - 2] = static_cast<char>(bytes & 0xff);
    text_[at - 1] = static_cast<char>(bytes >> 8);
}

KeyWriter& KeyWriter::text(std::string_view encoded) {
    const std::size_t at = begin_item();
    while (!encoded.empty())
        put(folded(take_percent_decoded(&encoded)));
    end_item(at);
    return *this;
}

KeyWriter& KeyWriter::plain(std::string_view text) {
    const std::size_t at = begin_item();
    for (const char c : text)
        put(folded(c));
    end_item(at);
    return *this;
}

KeyWriter& KeyWriter::lowered(std::string_view text) {
    const std::size_t at = begin_item();
    for (const char c : text)
        put(folded(to_lower(c)));
    end_item(at);
    return *this;
}

KeyWriter& KeyWriter::key(const AssemblyKey& key) {
    for (unsigned byte = 0; byte < 8; ++byte) {
        put(static_cast<char>(key.high >> 8 * byte & 0xff));
        put(static_cast<char>(key.low >> 8 * byte & 0xff));
    }
    return *this;
}

KeyWriter& KeyWriter::add_path(std::string_view text, PathText how) {
    const std::size_t at = begin_item();
    used_ += fold_path(text, how, std::span(text_).subspan(used_));
    end_item(at);
    return *this;
}

std::size_t fold_path(std::string_view text, PathText how, std::span<char> out) {
    FoldedPath path{out};
    path.begin_segment();
    while (!text.empty()) {
        char c = text.front();
        if (how == PathText::encoded) {
            c = take_percent_decoded(&text);
        } else {
            text.remove_prefix(1);
        }
        if (c != '/') {
            path.put(c);
            continue;
        }
        path.end_segment();
        path.begin_segment();
    }
    path.end_segment();
    return path.used;
}

AssemblyKey KeyWriter::get() const {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(text_.data(), used_, seed_);
    return {hash.high64, hash.low64};
}

TargetParts split_target(std::string_view target) {
    const std::size_t scheme = target.find("://");
    if (scheme != std::string_view::npos && scheme < target.find_first_of("/?#")) {
        target.remove_prefix(scheme + 3);
        target.remove_prefix(std::min(target.find_first_of("/?#"), target.size()));
    }
    target = target.substr(0, target.find('#'));
    const std::size_t mark = target.find('?');
    if (mark == std::string_view::npos) return {target, {}};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

QueryValue find_query(std::string_view query, std::string_view name) {
    QueryValue found;
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        const std::size_t equals = pair.find('=');
        if (!spells(pair.substr(0, equals), name)) continue;
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
        if (found.present && found.encoded != value) found.ambiguous = true;
        if (!found.present) found.encoded = value;
        found.present = true;
    }
    return found;
}

std::optional<std::uint64_t> number_in(std::string_view encoded) {
    std::uint64_t value = 0;
    std::size_t digits = 0;
    std::size_t significant = 0;
    bool ended = false;
    while (!encoded.empty()) {
        const char c = folded(take_percent_decoded(&encoded));
        if (is_blank(c)) {
            ended = digits != 0;
            continue;
        }
        if (!is_digit(c) || ended) return {};
        ++digits;
        if (significant != 0 || c != '0') ++significant;
        if (significant > 18) return {};
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (digits == 0) return {};
    return value;
}

bool spells(std::string_view encoded, std::string_view plain) {
    for (const char wanted : plain) {
        if (encoded.empty() || to_lower(take_percent_decoded(&encoded)) != to_lower(wanted))
            return false;
    }
    return encoded.empty();
}

std::string_view take_segment(std::string_view* folded) {
    if (!folded->empty()) folded->remove_prefix(1);
    const std::string_view segment = folded->substr(0, folded->find('/'));
    folded->remove_prefix(segment.size());
    return segment;
}

}  // namespace cordon
