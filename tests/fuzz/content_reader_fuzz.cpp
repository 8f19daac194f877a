// An object read in pieces, some of which break off and come again, or come with other bytes first:
// what is found in it is the same as if it had been read in one.
//
//   input:  eight bytes of schedule | the object
#include <array>
#include <memory>
#include <string>

#include "dataplane/assembly/content_reader.h"
#include "tests/support/fuzz_input.h"

namespace {

using namespace cordon;
using namespace cordon::test;

// What was told of the objects that ended; how their runs were cut is no part of it.
struct Seen {
    std::string ended;
    std::size_t notes = 0;
    bool by_cut = false;  // where a damaged stream ends depends on how it is fed
    bool fault = false;
};

class Reading {
  public:
    Reading() : reader_(&windows()) { reader_.open("key", 3); }
    ~Reading() { reader_.close(); }

    void feed(Bytes bytes) {
        // A heap copy of exactly this size, so that the sanitizer sees a read past its end.
        const std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
        if (copy.empty() || seen.fault) return;
        reader_.decoder().feed(copy, 0);
        take_events();
    }
    void finish() {
        if (seen.fault) return;
        reader_.decoder().finish();
        take_events();
    }
    bool mark() {
        marked_ = seen;
        return reader_.mark();
    }
    void go_back() {
        check(reader_.go_back(), "there is a mark");
        seen = marked_;
    }
    Seen seen;

  private:
    static WindowBlocks& windows() {
        static WindowBlocks blocks(2);
        return blocks;
    }
    void take_events() {
        static std::array<std::uint8_t, limits::decode_run_bytes> room;
        reader_.decoder().write_to(room);
        ObjectEvent event;
        while (reader_.decoder().next(&event))
            take(event);
    }
    void take(const ObjectEvent& event) {
        switch (event.kind) {
            case ObjectEvent::Kind::open:
                return reader_.open_object(event.object, KindSet{IndicatorKind::md5});
            case ObjectEvent::Kind::bytes:
                if (reader_.has_object(event.object))
                    reader_.digests(event.object).take(event.bytes);
                return;
            case ObjectEvent::Kind::end:
                if (reader_.has_object(event.object)) note_end(event);
                return;
            case ObjectEvent::Kind::note:
                ++seen.notes;
                seen.by_cut = seen.by_cut || event.outcome == Outcome::archive_bad;
                return;
            case ObjectEvent::Kind::fault:
                seen.fault = true;
                // Which one is first may differ, and a limit goes by what came.
                seen.by_cut = seen.by_cut || event.outcome == Outcome::archive_limit;
                return;
            case ObjectEvent::Kind::unread:
                seen.ended += "unread " + name_of(event.object);
                return;
            case ObjectEvent::Kind::drop:
            case ObjectEvent::Kind::may_end:
            case ObjectEvent::Kind::field:
                return;
        }
    }
    void note_end(const ObjectEvent& event) {
        Digests digests;
        reader_.digests(event.object).finish(&digests);
        seen.ended += name_of(event.object) + std::to_string(digests.size) + "|" +
                      std::string(reinterpret_cast<const char*>(digests.md5), 16) +
                      (event.is_cut ? "|cut\n" : "|\n");
        reader_.close_object(event.object);
    }
    std::string name_of(std::uint8_t object) {
        const BodyDecoder::Name name = reader_.decoder().name(object);
        return std::string(name.container) + "|" + std::string(name.member) + "|";
    }

    ContentReader reader_;
    Seen marked_;
};

Seen in_one(Bytes object) {
    Reading reading;
    reading.feed(object);
    reading.finish();
    return reading.seen;
}

// Before a piece goes in, and after it broke off or was another one, the reader is where it was.
// False: it could not go back.
bool in_pieces(FuzzInput schedule, Bytes object, Seen* seen) {
    Reading reading;
    for (std::size_t at = 0; at < object.size();) {
        const Bytes left = object.subspan(at);
        const std::size_t want = 1 + schedule.byte() * (1 + left.size() / 700);
        const Bytes piece = left.first(std::min(want, left.size()));
        if (!reading.mark()) return false;
        const std::uint8_t before = schedule.byte();
        if (before % 4 == 1) reading.feed(piece.first(before / 4 * piece.size() / 64));
        if (before % 4 == 2) reading.feed(object.first(std::min(piece.size(), object.size())));
        if (before % 4 == 3) reading.finish();
        if (before % 4 != 0) reading.go_back();
        reading.feed(piece);
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
