// A request in progress on a connection, and what of its answer is outstanding. A flow has one
// while a request is parsed or its answer awaited; between two requests it has none.
//
// When all are taken, those that move slower than any honest client make room (message_patience).
//
// Owns:       the head storage, the parser, the tracker; while a body with objects is read, their
//             digest slots and, when it has a form to take apart, a decoder.
// Invariants: slots and a decoder only while object_open.
// Worker:     used by one worker only; pooled, no allocation after construction.
// Limits:     messages_max of them in a worker.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/base/limits.h"
#include "dataplane/content/content_scanner.h"
#include "dataplane/contract/counters.h"
#include "dataplane/fingerprint/fingerprinter.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/http/message.h"
#include "dataplane/http/response.h"
#include "dataplane/object/body.h"
#include "dataplane/worker/assembling.h"

namespace cordon {

inline constexpr std::uint32_t no_decoder = UINT32_MAX;

// An object of the message that is open.
struct OpenObject {
    ObjectSlot slot;        // no_object: none
    std::uint64_t tail_at;  // where the chunk with its last bytes begins
    // When it has so many bytes, the index may tell that it is none of the listed objects.
    std::uint64_t look_at;
    std::uint32_t index_number;  // of the index that told
    ObjectClass dismissed_as;
    ObjectContent content;  // valid until another object takes the place
};

// No digest is computed of it any more, its type is known, nothing is searched for in it, and
// nothing was found in its name that would stop it at its end.
inline bool needs_nothing(const OpenObject& object, const Fingerprinter& fingerprinter) {
    return object.slot != no_object && fingerprinter.is_dismissed(object.slot) &&
           object.content.decided && object.content.stream == PatternScanner::no_stream &&
           object.content.hits.count == 0;
}

struct DecoderPlace {
    BodyDecoder decoder;
    std::uint32_t next_free;
};

// A range of the body that passes beside the worker; offsets of the client's stream.
struct Shunt {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t reach;   // behind the farthest byte that passed
    std::uint64_t frames;  // seen of it by the port, of both directions
    std::uint32_t place;   // its name at the port
    std::uint32_t listed;  // in the worker's list of shunted flows
};

// What the request does to an object that the storage may be told to copy, or such a copy, until it
// is answered.
struct Following {
    SourceWrite write;
    SourceObject object;  // what comes of it
    PieceTicket copied;   // a part that is copied,
    SourceRange range;    // of this
    SourceSlice slice;
    std::string_view result;  // in the body of the answer says that it was done; empty: none is due
    std::size_t matched = 0;  // of that
    std::uint16_t status = 0;
    bool is_told = false;    // the object is what comes
    bool is_unseen = false;  // the request was not looked at

    void read(Bytes bytes);  // of the answer
};

// What every segment of a body asks for stands together, at the beginning and around the parser's
// own state, and then the objects, of which nearly all messages have one.
struct Exchange {
    std::uint64_t begun_ns;     // since when it takes its place
    std::uint64_t earned_ns;    // by the bytes it moved, see slow_bytes_per_s
    std::uint64_t moved;        // bytes of both directions that are in earned_ns
    std::uint64_t chunk_begin;  // stream offset of the chunk the parser works on
    std::uint64_t body_bytes;   // read of the body, and in no class of the ledger yet
    std::uint64_t end_ns;       // when its end was read, and it has no verdict yet; else 0
    std::uint64_t unneeded_at;  // where it was found that nobody needs the rest; UINT64_MAX: not
    FlowNumber flow;            // no_flow: given back
    std::uint32_t assembling;   // what it has to do with an upload in pieces, or no_assembling
    std::uint32_t decoder;      // no_decoder: the body is one plain object, number 0, no archive
    ObjectForm form;            // of that
    bool object_open;           // between head and end of a message with a body
    bool body_ended;            // the decoder was told so
    bool undecoded;             // a form that was given up
    bool sniff_due;             // a plain body that may be an archive
    bool left_alone;            // a plain body that is read as a piece
    bool expect_waiting;        // Expect: 100-continue, and no body byte yet
    ZipSearch search;           // of a plain body
    RequestParser parser;
    ResponseTracker tracker;
    std::array<OpenObject, limits::objects_per_message_max> objects;
    // Of the piece that the message carries, as they become full; and what is found in it.
    LeafList leaves;
    std::array<TreeDigest, 4> leaf_room;  // a flush hashes less than two of them
    bool has_leaves;                      // it was seen whether it gets any
    ZipSearch leaf_search;
    PieceMarks marks;
    PieceTicket answered;        // a piece that ended: the storage's answer to it is awaited
    std::uint16_t early_status;  // of the final answer, when it is there; else 0
    NameChange change;           // the same of a COPY, MOVE or DELETE
    Following following;
    std::uint32_t creation;     // the same of one without a key yet: a FormPlace, or no_assembling
    bool has_unjudged;          // it passes without a verdict, for this reason
    VerifyReason unjudged;      //
    Shunt shunt;                // while the flow is shunted
    std::uint16_t proxy_bytes;  // of a PROXY header gathered in head_storage
    std::uint32_t next_free;
    std::uint8_t head_storage[limits::head_bytes_max];
};

// Fixed pool with a free list; untouched entries cost no physical memory.
template <typename T>
class SlotPool {
  public:
    explicit SlotPool(std::uint32_t count)
        : count_(count), memory_(std::make_unique_for_overwrite<Storage[]>(count)) {}

    // UINT32_MAX when the pool is empty. The entry is value-initialised but for big arrays the
    // caller fills.
    std::uint32_t allocate() {
        std::uint32_t number = free_;
        if (number != UINT32_MAX) {
            free_ = (*this)[number].next_free;
        } else if (untouched_ < count_) {
            number = untouched_++;
        } else {
            return UINT32_MAX;
        }
        ++used_;
        new (&memory_[number]) T;
        return number;
    }
    void release(std::uint32_t number) {
        (*this)[number].next_free = free_;
        free_ = number;
        --used_;
    }
    T& operator[](std::uint32_t number) {
        return *std::launder(reinterpret_cast<T*>(&memory_[number]));
    }
    std::uint32_t used() const { return used_; }
    std::uint32_t count() const { return count_; }

  private:
    struct alignas(T) Storage {
        unsigned char bytes[sizeof(T)];
    };
    std::uint32_t count_;
    std::uint32_t used_ = 0;
    std::uint32_t untouched_ = 0;
    std::uint32_t free_ = UINT32_MAX;
    std::unique_ptr<Storage[]> memory_;
};

}  // namespace cordon
