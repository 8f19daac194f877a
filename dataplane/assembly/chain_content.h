// What is known of the content of an upload in pieces, as far as its chain goes: the type by its
// first bytes, and what takes it apart once it may be an archive, or a text with files in it.
//
// It moves with the chain: whoever has the lease reads the bytes that he hashes. Each state of the
// chain has a number (id); the content stands at one, and is marked at the one before, so that it
// goes back when a piece breaks off or is replaced. Where it cannot follow it is flawed, and what
// is in the object cannot be judged: policy decides at its end.
//
// Owns:       a place in ContentReaders, only when there is something to be taken apart.
// Invariants: read from its beginning on, without a gap, or flawed.
// Worker:     whoever has the lease; start(), settle() and close() under the lock of the shard.
// Limits:     none of its own.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/assembly/content_reader.h"
#include "dataplane/contract/counters.h"
#include "dataplane/fingerprint/digests.h"

namespace cordon {

// An object in the upload that matched before anybody was there to be refused.
struct FoundMember {
    Digests digests;
    ContentType type;
    ObjectForm form;
    std::array<char, limits::assembly_name_bytes> member;
    std::array<char, limits::assembly_name_bytes> container;
    PatternHits hits;          // in its text
    std::uint64_t generation;  // of the index that has them
    std::uint16_t member_bytes;
    std::uint16_t container_bytes;

    void take_names(const BodyDecoder::Name& name);
    BodyDecoder::Name name() const;
};

struct ChainContent {
    // What it goes back to. The reader goes beside it.
    struct Point {
        ObjectContent head{};  // its type, and the patterns in it
        TextTail tail{};
        ZipSearch search;
        std::uint64_t bytes = 0;
        Outcome flaw = Outcome::assembly_unread;
        bool is_flawed = false;
        bool is_told = false;   // the flaw was counted
        bool begun = false;     // the first bytes were looked at
        bool reads = false;     // in the reader
        bool finished = false;  // the reader was told that no more comes
    };
    enum class Due : std::uint8_t { none, mark, go_back };
    // The object before its first gap, when nothing in it was being taken apart.
    struct Solid {
        ZipSearch search;
        std::uint64_t id = 0;
        bool is_plain = false;
    };

    Point now;
    Point marked;
    Solid solid;
    std::uint64_t at_id = 0;
    std::uint64_t marked_id = 0;
    Due due = Due::none;
    bool moving = false;  // away from at_id
    bool has_mark = false;
    bool has_found = false;
    ReaderTicket reader;
    std::array<char, limits::assembly_name_bytes> name;
    std::uint16_t name_bytes = 0;
    FoundMember found;

    std::string_view called() const { return {name.data(), name_bytes}; }
    void call(std::string_view target);

    // The lease begins where the chain is `id`, `bytes` long; 0: it is empty.
    void start(std::uint64_t id, std::uint64_t bytes, ContentReaders* readers);
    // The chain, which was `id`, goes on over a gap: it may come back to where it was.
    void stand_before_gap(std::uint64_t id);
    // Before the first byte is read.
    void prepare(ContentReaders* readers, Now time);
    // What was read is in the chain now, which was `before`.
    void settle(std::uint64_t before, std::uint64_t id, std::uint64_t bytes);
    // What was read of another upload, without a reader, holds for its copy, which stands at `id`.
    bool can_be_copied(std::uint64_t id) const { return at_id == id && !moving && !now.reads; }
    void copy(const Point& source, std::uint64_t id);
    void close(ContentReaders* readers);

    void note_flaw(Outcome why);
    void stop_reading(ContentReaders* readers);
    // All of it was judged. Where it stands it is so for the next commit of the same.
    void finish(ContentReaders* readers);
};

}  // namespace cordon
