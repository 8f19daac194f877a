// Answers: events do not depend on how the bytes are cut, passing body bytes over gives the same as
// feeding them, and the books of outstanding requests stay right. The first byte of the input
// chooses the requests.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/http/response.h"

namespace cordon {
namespace {

#define REQUIRE(x) \
    if (!(x)) std::abort()

void note(std::string& trace, const ResponseTracker& tracker, const ResponseEvent& event) {
    trace += static_cast<char>('0' + static_cast<int>(event.kind));
    trace += std::to_string(event.status) + (event.unsolicited ? "!" : "");
    if (event.kind == ResponseEvent::Kind::interim || event.kind == ResponseEvent::Kind::final_head)
        trace += tracker.location();
    trace += (event.complete ? "@" : "~") + std::to_string(tracker.consumed());
}

std::string track(Bytes bytes, std::uint8_t choice, std::size_t step, bool pass_over) {
    ResponseTracker tracker;
    ResponseEvent event;
    std::string trace;
    std::vector<char> room((choice & 1) != 0 ? 40 : 0);
    tracker.keep_location(room);
    std::size_t ended = 0;
    const std::size_t asked = choice % 8;
    for (std::size_t i = 0; i < asked; ++i) {
        tracker.expect(static_cast<MethodKind>((choice >> 3) % 4));
        choice = static_cast<std::uint8_t>(choice * 5 + 1);
    }
    const auto pull = [&] {
        while (tracker.next(&event)) {
            note(trace, tracker, event);
            ended += event.kind == ResponseEvent::Kind::end && !event.unsolicited;
            REQUIRE(tracker.outstanding() == asked - ended);
        }
    };
    while (!bytes.empty()) {
        const std::size_t size = std::min(step, bytes.size());
        const std::uint64_t skippable = std::min<std::uint64_t>(tracker.skippable(), size);
        if (pass_over && skippable != 0) {
            tracker.pass_over(skippable);
            bytes = bytes.subspan(static_cast<std::size_t>(skippable));
            pull();
        } else {
            const std::vector<std::uint8_t> piece(
                bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            bytes = bytes.subspan(size);
            tracker.feed(piece);
            pull();
        }
    }
    tracker.finish();
    pull();
    return trace;
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    if (size == 0) return 0;
    const Bytes bytes(data + 1, size - 1);
    const std::string whole = track(bytes, data[0], size, false);
    REQUIRE(track(bytes, data[0], 1, false) == whole);
    REQUIRE(track(bytes, data[0], 7, false) == whole);
    REQUIRE(track(bytes, data[0], 3, true) == whole);
    return 0;
}
