// A text in pieces, searched for patterns: what is found is what a search of the whole text finds
// that knows nothing of streams. The first byte says where another index comes into force.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "dataplane/content/content_scanner.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

const std::vector<std::string> patterns = {"aabbab",    "ababab",     "bbbbbbb",
                                           "a.b*c?[d]", "http://a/b", "abcabcabd"};

void require(bool condition) {
    if (!condition) std::abort();
}

struct Loaded {
    AlignedBytes image = index_of_patterns(patterns);
    IndexView view;
    PatternView patterns_of;
    std::unique_ptr<PatternScanner> scanner;
    Loaded() {
        const char* why = "";
        require(IndexView::open(image.bytes(), true, &view, &why) == IndexStatus::ok);
        require(PatternView::open(view, &patterns_of).has_value());
        scanner = PatternScanner::make(patterns_of, 2);
    }
};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool holds(std::string_view text, std::string_view pattern) {
    return std::search(text.begin(), text.end(), pattern.begin(), pattern.end(),
                       [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

// By entry, in both: the streams of every piece against the whole.
void compare(const PatternHits& hits, std::string_view text) {
    for (std::size_t entry = 0; entry < patterns.size(); ++entry) {
        const auto found = hits.found();
        const bool told = std::any_of(found.begin(), found.end(),
                                      [&](const PatternHit& hit) { return hit.entry == entry; });
        require(told == holds(text, patterns[entry]));
    }
}

void search(std::string_view text, std::size_t step) {
    static Loaded index;
    PatternHits hits{};
    const PatternScanner::Stream stream = index.scanner->open();
    require(stream != PatternScanner::no_stream);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length =
            std::min<std::size_t>(1 + static_cast<unsigned char>(rest[0]) % step, rest.size());
        index.scanner->scan(stream, as_bytes(rest.substr(0, length)), &hits);
        rest.remove_prefix(length);
    }
    index.scanner->end(stream, &hits);
    compare(hits, text);
    PatternHits name{};
    index.scanner->scan_name(text.substr(0, 4096), &name);
    compare(name, text.substr(0, 4096));
    require(index.scanner->used() == 0);
}

// Moved to another index of the same patterns: what stood before and behind is found, but nothing
// that lies across.
void search_across(std::string_view text, std::size_t at) {
    static Loaded before;
    static Loaded after;
    static const TypeDatabases types;
    static ContentScanner contents(&types);
    contents.use(before.scanner.get());
    ObjectContent object;
    contents.open(&object);
    contents.feed(&object, as_bytes(text.substr(0, at)));
    contents.move(&object, after.scanner.get());
    contents.use(after.scanner.get());
    require(before.scanner->used() == 0);
    contents.feed(&object, as_bytes(text.substr(at)));
    contents.end(&object);
    require(after.scanner->used() == 0);
    if (!is_text(object.type)) return require(object.hits.count == 0);
    if (at < limits::type_head_bytes) return compare(object.hits, text);
    for (std::size_t entry = 0; entry < patterns.size(); ++entry) {
        const auto found = object.hits.found();
        const bool told = std::any_of(found.begin(), found.end(),
                                      [&](const PatternHit& hit) { return hit.entry == entry; });
        require(told == (holds(text.substr(0, at), patterns[entry]) ||
                         holds(text.substr(at), patterns[entry])));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
    search(text, 1 + data[0]);
    search_across(text, std::min<std::size_t>(data[1] * 8u, text.size()));
    return 0;
}
