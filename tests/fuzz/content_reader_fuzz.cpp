// An object read in pieces, some of which break off and come again, or come with other bytes first:
// what is found in it is the same as if it had been read in one.
//
//   input:  eight bytes of schedule | the object
#include <vector>

#include "tests/support/content_reading.h"
#include "tests/support/fuzz_input.h"

namespace {

using namespace cordon;
using namespace cordon::test;
using Seen = ContentReading::Seen;

// A heap copy of exactly this size, so that the sanitizer sees a read past its end.
void feed(ContentReading* reading, Bytes bytes) {
    reading->feed(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

Seen in_one(Bytes object) {
    ContentReading reading;
    feed(&reading, object);
    reading.finish();
    return reading.seen;
}

// Before a piece goes in, and after it broke off or was another one, the reader is where it was.
// False: it could not go back.
bool in_pieces(FuzzInput schedule, Bytes object, Seen* seen) {
    ContentReading reading;
    for (std::size_t at = 0; at < object.size();) {
        const Bytes left = object.subspan(at);
        // A mark is a copy of everything: behind the schedule the rest comes in one.
        const std::size_t want =
            schedule.empty() ? left.size() : 1 + schedule.byte() * (1 + left.size() / 700);
        const Bytes piece = left.first(std::min(want, left.size()));
        if (!reading.mark()) return false;
        const std::uint8_t before = schedule.byte();
        if (before % 4 == 1) feed(&reading, piece.first(before / 4 * piece.size() / 64));
        if (before % 4 == 2) feed(&reading, object.first(std::min(piece.size(), object.size())));
        if (before % 4 == 3) reading.finish();
        if (before % 4 != 0) check(reading.go_back(), "there is a mark");
        feed(&reading, piece);
        at += piece.size();
    }
    reading.finish();
    *seen = reading.seen;
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t schedule_bytes = 8;
    if (size <= schedule_bytes) return 0;
    const Bytes object(data + schedule_bytes, size - schedule_bytes);
    const Seen whole = in_one(object);
    Seen pieces;
    if (!in_pieces(FuzzInput({data, schedule_bytes}), object, &pieces)) return 0;
    if (whole.by_cut || pieces.by_cut) return 0;
    check(whole.fault == pieces.fault, "a fault is one in pieces");
    check(whole.fault || whole.ended == pieces.ended, "the same objects are found");
    check(whole.fault || whole.notes == pieces.notes, "the same is noted");
    return 0;
}
