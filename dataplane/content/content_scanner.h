// What an object holds, beside its digests: its type, and the patterns in it when it is a text.
//
//   open ─► name ─► name … ─► feed ─► feed … ─► end, or drop
//
// The first type_head_bytes decide the type. They are gathered in the object only as long as there
// are fewer; a text is searched from its first byte on.
//
// Owns:       the type scanner. The pattern scanner belongs to the index in force.
// Invariants: type and hits depend on the bytes only, not on how they were cut. An object holds a
//             stream only between the decision that it is a text and end() or drop().
// Worker:     used by one worker only; no allocation after construction.
// Limits:     type_head_bytes; the streams of the pattern scanner.
#pragma once

#include <array>

#include "dataplane/content/pattern_scanner.h"
#include "dataplane/content/type_scanner.h"

namespace cordon {

// Of one object. Usable after open() only.
struct ObjectContent {
    ContentType type = ContentType::unknown;  // until it is decided
    bool decided = false;
    std::uint16_t head_bytes = 0;
    PatternScanner::Stream stream = PatternScanner::no_stream;
    PatternHits hits{};
    std::array<std::uint8_t, limits::type_head_bytes> head;
};

// How far a text was searched that cannot hold a stream, because it goes from worker to worker: its
// last bytes, so that no literal of a pattern is missed between two runs.
struct TextTail {
    std::uint64_t generation = 0;  // of the index whose patterns were found
    std::uint16_t count = 0;
    std::array<std::uint8_t, limits::pattern_bytes_max> bytes;
};

class ContentScanner {
  public:
    enum class Search : std::uint8_t {
        none,   // nothing began with these bytes
        begun,  // the object is a text, and is searched
        full,   // … and would be, but no stream was free
    };

    explicit ContentScanner(const TypeDatabases* types) : types_(types) {}

    // Null: no patterns. The streams of the scanner before must have been moved or dropped.
    void use(PatternScanner* patterns) { patterns_ = patterns; }
    const PatternScanner* patterns() const { return patterns_; }

    void open(ObjectContent* object) const;
    // A file name or the path of a member: searched whatever the object is.
    void name(ObjectContent* object, std::string_view text);
    Search feed(ObjectContent* object, Bytes bytes);
    // Without a stream. `generation`: of the index in force. True: patterns of another one that
    // were found before are forgotten.
    bool feed_apart(ObjectContent* object, TextTail* tail, Bytes bytes, std::uint64_t generation);
    // Its type only: for what is not searched here.
    void feed_type(ObjectContent* object, Bytes bytes);
    Search end(ObjectContent* object);
    void drop(ObjectContent* object);

    // The type by what has come so far, and by it the patterns too, without ending anything: for an
    // object that is looked at before its type is decided.
    ContentType type_so_far(const ObjectContent& object);
    void search_so_far(const ObjectContent& object, PatternHits* hits);

    // The object goes on under another index: what was found and still stands is kept, and the rest
    // is searched for its patterns. True when those have not seen the text from its beginning.
    bool move(ObjectContent* object, PatternScanner* to);

  private:
    void search_apart(TextTail* tail, Bytes bytes, PatternHits* hits);
    Search decide(ObjectContent* object, Bytes head);
    Search begin_search(ObjectContent* object, PatternScanner* patterns);

    TypeScanner types_;
    PatternScanner* patterns_ = nullptr;
};

}  // namespace cordon
