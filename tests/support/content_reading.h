// What a ContentReader finds in an object that it is given in pieces: the objects that ended, with
// their digests.
//
// Owns:       the reader, and copies of what it told.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "dataplane/assembly/content_reader.h"
#include "dataplane/base/invariant.h"

namespace cordon::test {

class ContentReading {
  public:
    // How the runs of an object were cut is no part of it.
    struct Seen {
        std::string ended;
        std::size_t notes = 0;
        bool by_cut = false;  // where a damaged stream ends depends on how it is fed
        bool fault = false;
        bool operator==(const Seen&) const = default;
    };

    ContentReading() : reader_(&windows()) { reader_.open("key", 3); }
    ~ContentReading() { reader_.close(); }
    ContentReading(const ContentReading&) = delete;
    ContentReading& operator=(const ContentReading&) = delete;

    void feed(Bytes bytes) {
        if (bytes.empty() || seen.fault) return;
        reader_.decoder().feed(bytes, 0);
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
    bool go_back() {
        seen = marked_;
        return reader_.go_back();
    }

    Seen seen;

  private:
    static WindowBlocks& windows() {
        static WindowBlocks blocks(2);
        return blocks;
    }
    // The room is written anew by every call: nothing that is marked may point there.
    void take_events() {
        std::vector<std::uint8_t> room(limits::decode_run_bytes);
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
            case ObjectEvent::Kind::may_end:
                if (reader_.has_object(event.object)) note_may_end(event);
                return;
            case ObjectEvent::Kind::drop:
            case ObjectEvent::Kind::field:
                return;
        }
    }
    void note_end(const ObjectEvent& event) {
        seen.ended += name_of(event.object) + digest_of(reader_.digests(event.object)) +
                      (event.is_cut ? "|cut\n" : "|\n");
        reader_.close_object(event.object);
    }
    void note_may_end(const ObjectEvent& event) {
        DigestState state = reader_.digests(event.object);
        state.take(event.bytes);
        seen.ended += "may end " + name_of(event.object) + digest_of(state) + "\n";
    }
    static std::string digest_of(const DigestState& state) {
        Digests digests;
        state.finish(&digests);
        return std::to_string(digests.size) + "|" +
               std::string(reinterpret_cast<const char*>(digests.md5), sizeof digests.md5);
    }
    std::string name_of(std::uint8_t object) {
        const BodyDecoder::Name name = reader_.decoder().name(object);
        return std::string(name.container) + "|" + std::string(name.member) + "|" +
               std::string(name.field) + "|";
    }

    ContentReader reader_;
    Seen marked_;
};

}  // namespace cordon::test
