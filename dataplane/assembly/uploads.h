// The inside of Assembly: what is kept of an upload and of its pieces, and their shards.
//
// Owns:       see assembly.h.
// Worker:     under the shard's lock, but for what is said to be otherwise.
#pragma once

#include "dataplane/assembly/assembly.h"

namespace cordon {

inline std::uint64_t mix(std::uint64_t value) {  // the finalizer of MurmurHash3
    value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdull;
    value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ull;
    return value ^ (value >> 33);
}

enum class PieceState : std::uint8_t {
    in_flight,
    whole,
    cut,  // ended early; its bytes may be on the storage (order offset): in the chain
};
inline constexpr std::uint64_t nowhere = UINT64_MAX - 1;
enum class PieceContent : std::uint8_t { lost, spooled, chained };

struct Assembly::Piece {
    std::uint64_t position;  // index, offset, or of the name
    std::uint64_t length;
    std::uint64_t end;  // with order offset: of the place that it claims
    std::uint64_t begun;
    std::uint64_t ended;  // the later one, of twins
    std::uint64_t since;  // when it began, or the earlier of twins did
    SpoolRun run;         // of the ticket's holder until end()
    SpoolRun leaves;      // the same
    std::array<std::uint8_t, 16> digest;
    std::array<std::uint8_t, 16> md5;
    PieceMarks marks;
    SourceSlice slice;  // that the storage copied
    std::uint32_t upload;
    std::uint32_t upload_next;  // of its upload's pieces
    std::uint32_t upload_previous;
    std::uint32_t bucket_next;
    std::uint32_t ahead_next;
    std::uint32_t epoch;  // of the chain that it is in
    bool is_ahead;
    PieceState state;
    PieceContent content;
    bool accepted;   // 2xx of the storage
    bool refused;    // it is not there
    bool has_twin;   // the same bytes came once more: an answer is of one of them only
    bool begins;     // it is in place of whatever was there
    bool atomic;     // a storage takes all of it or nothing
    bool retained;   // `run` has its bytes although it is in the chain
    bool trails;     // only the last of them
    bool pending;    // ended, in an upload that takes turns, and its end did not go yet
    SpoolRun shown;  // what the storage was given of it: in flight, or pending
};

struct Assembly::Upload {
    AssemblyKey key;
    std::uint64_t spelling;  // of the name that it was begun under
    std::uint64_t changed;   // when (clock_) a piece of it began, ended, or was taken out
    std::uint64_t touched_ns;
    std::uint32_t service;
    std::uint32_t bucket_next;
    std::uint32_t idle_next;  // oldest first; of unpinned ones
    std::uint32_t idle_previous;
    std::uint32_t first_piece;
    std::uint32_t pieces;
    std::uint32_t whole;
    std::uint32_t in_flight;
    std::uint32_t ahead;  // with order offset: those that are not in the chain
    std::uint32_t ahead_count;
    std::uint32_t pins;
    std::uint32_t unsettled;              // a COPY, MOVE or DELETE of the name that is not answered
    std::atomic<std::uint32_t> blocks;    // of the spool; by all holders of tickets
    std::atomic<std::uint32_t> leaves;    // blocks of theirs; by the same
    std::atomic<std::uint32_t> progress;  // of its pieces under way: changes; by the same
    std::uint32_t turn;  // piece that is judged with all that is there, until its bytes go
    Recipe recipe;
    PieceOrder order;
    Visibility visibility;
    bool used;
    bool is_object;     // came whole, and nothing was written into it yet
    bool is_component;  // see PieceRequest
    bool lost;          // an upload of this key was forgotten with pieces in it
    bool mixed;         // its key came under several spellings: they may be several objects
    bool tainted;       // by a conflict, a copy, or a piece without room
    bool copied;
    bool crowded;
    bool matched;  // see freeze()
    bool leased;
    bool lease_is_live;  // by a piece in flight, else by whoever advances
    // the chain
    std::uint32_t epoch;
    std::uint32_t lease_piece;
    std::uint32_t last;        // its last piece
    std::uint32_t before;      // the one before that, when has_before
    std::uint64_t next;        // position of what comes next
    std::uint64_t begin_next;  // position where its last piece stands
    std::uint64_t bytes;
    std::uint64_t before_bytes;
    std::uint64_t count;
    std::uint64_t tag;
    std::uint64_t before_tag;
    std::uint64_t id;  // of this state of the chain, 0 when it is empty
    std::uint64_t before_id;
    std::uint64_t appended;  // pieces of order append so far
    std::uint64_t total;
    std::uint64_t lowest;  // with order number: of the piece that may be the first
    std::uint64_t
        ragged;  // position of a piece that is judged by its leaves, and has no whole number
    bool has_before;
    // With gaps, that the storage fills with zeros: before_of() is the state before the first one.
    bool sparse;
    bool solid_known;
    std::uint64_t solid_bytes;
    std::uint64_t solid_count;
    std::uint64_t solid_tag;
    std::uint32_t solid_last;
    std::uint64_t solid_id;
};

// Keys of uploads that were forgotten with pieces in them, in two Bloom filters: the older one goes
// when the newer is full or a week old.
template <std::size_t bits, std::uint32_t keys_max>
struct ForgottenKeys {
    std::array<std::uint64_t, bits / 64> words[2];
    std::uint32_t count;
    std::uint64_t begun_ns;
    std::uint64_t overflowed_ns;  // when a filter had to go before its time
    bool has_overflowed;

    void remember(std::uint64_t hash, std::uint64_t now_ns);
    bool remembers(std::uint64_t hash, std::uint64_t now_ns) const;
};
// One key in 400 is taken for another when it is full; of objects, of which there are more, one in
// 4000, and a million are remembered by all shards: each with its spelling, which counts as a key.
using ForgottenUploads = ForgottenKeys<1u << 17, 8192>;
using ForgottenObjects = ForgottenKeys<1u << 21, 65536>;

// Whether a storage writes what comes into the object that is there.
inline bool is_in_place(Recipe recipe) {
    return recipe == Recipe::content_range || recipe == Recipe::sabre_patch ||
           recipe == Recipe::azure_page || recipe == Recipe::plain_object;
}

// Whether a client chooses what the key is made of. What a storage chose means nothing to others.
inline bool is_chosen(Recipe recipe) {
    return recipe != Recipe::s3_multipart && recipe != Recipe::session_range &&
           recipe != Recipe::tus && recipe != Recipe::tus_final &&
           recipe != Recipe::ietf_resumable && recipe != Recipe::oci_blob;
}

// Names that objects were copied or moved to which nobody knew: of folders perhaps.
struct Assembly::Moved {
    SpinLock lock;
    ForgottenKeys<1u << 20, 32768> names;
};

// Objects that came whole, and groups of such with numbers at the end of their names, go first:
// most of them are no pieces of anything. Each kind has its own part of the places.
inline constexpr std::size_t upload_kinds = 3;

inline Assembly::UploadKind Assembly::kind_of(const Upload& upload) {
    if (upload.order == PieceOrder::number) return UploadKind::group;
    return upload.is_object ? UploadKind::object : UploadKind::pieces;
}

inline constexpr std::size_t at_kind(auto kind) {
    return static_cast<std::size_t>(kind);
}

// Uploads that nobody has pinned, oldest first.
struct IdleList {
    std::uint32_t first;
    std::uint32_t last;
};

struct Assembly::Shard {
    SpinLock lock;
    std::uint32_t first;      // its uploads
    std::uint32_t untouched;  // of them, from here on
    std::uint32_t free;
    IdleList idle[upload_kinds];
    std::uint32_t live[upload_kinds];  // of each kind, with pinned ones
    std::uint32_t dying;               // uploads whose pieces are freed step by step
    std::uint32_t* upload_buckets;
    std::uint32_t* piece_buckets;
    ForgottenUploads forgotten;
    ForgottenObjects forgotten_objects;
};

}  // namespace cordon
