// Requests: events do not depend on how the bytes are cut, and whatever we and http_parser both
// accept has the same bodies for both.
#include <http_parser.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/http/message.h"

namespace cordon {
namespace {

using Kind = RequestEvent::Kind;

#define REQUIRE(x) \
    if (!(x)) std::abort()

struct Seen {
    std::string trace;                // every event but the cuts of a body
    std::vector<std::string> bodies;  // of each message; the last may be unfinished
    std::size_t ended = 0;
    std::size_t comparable = ~std::size_t{0};  // messages before the first upgrade
};

void note(Seen& seen, const RequestParser& parser, const RequestEvent& event) {
    if (event.kind == Kind::body) {
        seen.bodies.back() += as_text(event.body);
        return;
    }
    if (event.kind == Kind::head) {
        const Head& head = parser.head();
        if (head.upgrade || head.connect) seen.comparable = std::min(seen.comparable, seen.ended);
        seen.bodies.emplace_back();
        for (std::size_t i = 0; i < head.field_count(); ++i)
            seen.trace += head.field(i).value;
        seen.trace += std::string(head.method) + " " + std::string(head.target);
    }
    if (event.kind == Kind::end) ++seen.ended;
    seen.trace += static_cast<char>('0' + static_cast<int>(event.kind));
    seen.trace += static_cast<char>(event.outcome);
    seen.trace += std::to_string(parser.consumed());
}

// `step`: bytes of each feed, 0 for irregular ones.
Seen parse(Bytes bytes, std::size_t step) {
    static std::array<std::uint8_t, limits::head_bytes_max> storage;
    RequestParser parser;
    RequestEvent event;
    Seen seen;
    parser.open(storage);
    std::uint32_t random = static_cast<std::uint32_t>(bytes.size());
    std::uint64_t last = 0;
    while (!bytes.empty()) {
        random = random * 1664525 + 1013904223;
        const std::size_t want = step != 0 ? step : 1 + (random >> 27);
        // A heap copy of exactly this size, so that the sanitizer sees a read past its end.
        const std::vector<std::uint8_t> piece(
            bytes.begin(),
            bytes.begin() + static_cast<std::ptrdiff_t>(std::min(want, bytes.size())));
        bytes = bytes.subspan(piece.size());
        parser.feed(piece);
        while (parser.next(&event)) {
            note(seen, parser, event);
            REQUIRE(parser.consumed() >= last);
            last = parser.consumed();
        }
        REQUIRE(parser.in_body() || parser.skippable() == 0);
    }
    return seen;
}

struct Theirs {
    std::vector<std::string> bodies;
    std::size_t ended = 0;
};

int on_begin(http_parser* p) {
    static_cast<Theirs*>(p->data)->bodies.emplace_back();
    return 0;
}
int on_body(http_parser* p, const char* at, size_t length) {
    static_cast<Theirs*>(p->data)->bodies.back().append(at, length);
    return 0;
}
int on_complete(http_parser* p) {
    ++static_cast<Theirs*>(p->data)->ended;
    return 0;
}

void compare(const Seen& ours, Bytes bytes) {
    Theirs theirs;
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &theirs;
    http_parser_execute(&parser, &settings, reinterpret_cast<const char*>(bytes.data()),
                        bytes.size());
    const std::size_t ended = std::min({ours.ended, theirs.ended, ours.comparable});
    for (std::size_t i = 0; i < ended; ++i)
        REQUIRE(ours.bodies[i] == theirs.bodies[i]);
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    const Bytes bytes(data, size);
    const Seen whole = parse(bytes, size + 1);
    for (const std::size_t step : {std::size_t{1}, std::size_t{0}}) {
        const Seen cut = parse(bytes, step);
        REQUIRE(cut.trace == whole.trace && cut.bodies == whole.bodies);
    }
    compare(whole, bytes);
    return 0;
}
