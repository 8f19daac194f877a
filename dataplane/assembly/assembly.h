// Puts the pieces of uploads together, for all workers of the process: pieces of one upload may
// come on any of them. It keeps what is known of each upload; the hashing is done by the workers.
//
//   piece     begin() ─► first: its own digests are those of the prefix that ends with it
//                        next:  goes on from the state of what is before it
//                        spooled: keep(bytes)…, until what is before it is there
//             end() or abort()              look() for objects that need no commit: may its end go?
//   lease     take() ─► advance through what is spooled: read, hash, passed() … give_back()
//   commit    find(), take() …, statuses of the pieces it names, give_back(), close()
//
// The chain of an upload is the digest state of its pieces in their order, as far as they are
// there. It is moved by one lease at a time: that of a piece which comes in its order, or that of
// whoever hashes what is spooled. In what order pieces were chained is kept as a tag, so that a
// commit that names others, or in another order, is noticed without keeping a list.
//
// What a client may do, and what comes of it:
//   the same piece again (an answer was lost)      told by its digest: nothing changes; that the
//                                                  storage refused one of both says nothing
//   other bytes in a place, accepted afterwards    replaced; the chain goes back by one piece, else
//                                                  what was hashed behind it is lost
//   other bytes, accepted or not, or at once       conflict: the upload cannot be judged
//   appended, or in place, and the storage         taken out of the chain again
//   refused it
//   appended behind what the storage did not       refused before its first byte
//   accept
//   the same piece again, in place                 compared with what is retained, byte for byte:
//                                                  an object that is finished comes once more
//   a piece across others                          refused before its first byte
//   a gap before a piece, in place                 zeros, that are hashed
//   a piece into a gap, or while others of an      goes in steps: each is hashed with all that the
//   object in place are under way                  storage has of the object, and waits for that
//   on in the middle of one that was cut           what is there is compared, the rest goes on
//   out of order                                   spooled; without room lost: judged by the leaves
//                                                  of its tree fingerprint, or not at all
//   names whose order only the list tells          chained as they come, and retained in the spool:
//                                                  the list may name them in another order
//   objects that a list may name, with a number    the same, in the order of their numbers; without
//                                                  room they are objects like others
//   a whole object, and pieces written into it     the object is the first piece, when the storage
//                                                  took it; afterwards its key is remembered
//   a copied or moved object, and pieces           the same, with the state of its source; one
//                                                  that is not known is not written into
//   a deleted object                               its name is free, when the storage took that
//   one key under several spellings                may be several objects: not written into
//   an upload older than we, or forgotten          gap (may_be_older(), and a memory of keys)
// What cannot be judged is said so, and policy decides.
//
// Owns:       uploads, pieces, spool, leaves: all taken at construction.
// Invariants: a state given out or taken in belongs to pieces in the order of the chain, and to no
//             other bytes; a match that was found is kept (freeze()) until it is judged again.
// Worker:     any. A shard's lock is held for a constant number of steps: a look-up in two hash
//             tables, a state of 2 KiB copied, reap_step pieces freed; never per packet, and never
//             while bytes are hashed or copied.
// Limits:     assemblies_max, spool_bytes_max, assembly_seconds (options.h); pieces: limits.h.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "dataplane/assembly/chain_content.h"
#include "dataplane/assembly/recipe.h"
#include "dataplane/assembly/source_shelf.h"
#include "dataplane/assembly/spin_lock.h"
#include "dataplane/assembly/spool.h"
#include "dataplane/base/limits.h"
#include "dataplane/base/time.h"
#include "dataplane/contract/options.h"
#include "dataplane/fingerprint/digest_state.h"

namespace cordon {

struct AssemblyLimits {
    std::uint32_t uploads_max;
    std::uint32_t pieces_max;
    std::uint64_t spool_bytes_max;
    std::uint64_t idle_ns;
    std::uint32_t leaves_max = limits::assembly_leaves_max;
};

AssemblyLimits assembly_limits(const Options& options);

// An upload, for as long as somebody who holds this has it pinned.
struct UploadRef {
    std::uint32_t number = UINT32_MAX;
    explicit operator bool() const { return number != UINT32_MAX; }
};

enum class PiecePlace : std::uint8_t {
    none,
    first,
    next,
    spooled,
    again,  // in the place of one that is there and whole: the same bytes, or none
};

struct PieceTicket {
    UploadRef upload;
    std::uint32_t piece = UINT32_MAX;
    std::uint32_t epoch = 0;
    std::uint64_t begun = 0;
    PiecePlace place = PiecePlace::none;
    // It goes on in the middle of one that was cut: so many bytes are there (repeats_cut()).
    std::uint64_t overlap = 0;
    std::uint32_t cut = UINT32_MAX;
    std::uint64_t zeros = 0;  // that the storage puts before it, with place next
    bool held = false;        // it goes in steps, each judged with all that is there (survey)
    bool in_turn = false;     // its end does
    explicit operator bool() const { return piece != UINT32_MAX; }
};

struct PieceBegun {
    enum class Result : std::uint8_t {
        begun,
        full,
        bad,
        crossing,  // it would write into what is there, or is not known
    };
    Result result;
    bool opened;  // a new upload
    // With full: the upload knows that it cannot be judged.
    bool noted = false;
};

// What is known of a piece at its end.
struct PieceSum {
    std::uint64_t length;
    std::array<std::uint8_t, 16> digest;    // of sha256: tells equal pieces
    std::array<std::uint8_t, 16> md5 = {};  // of components: as lists tell them
    PieceMarks marks = {};
    SourceSlice slice = {};  // that it is a copy of
};

// What the storage says of a piece. By a 3xx or 4xx it refused it before it wrote (but for 400 and
// 408, which may come in the middle of it); by 5xx nobody knows.
enum class PieceAnswer : std::uint8_t { accepted, refused, unknown };

inline PieceAnswer piece_answer(std::uint16_t status) {
    if (status / 100 == 2) return PieceAnswer::accepted;
    const bool refuses = status / 100 == 3 || status / 100 == 4;
    return refuses && status != 400 && status != 408 ? PieceAnswer::refused : PieceAnswer::unknown;
}

// Whether the end of a piece may go to the storage. (Objects that need no commit.)
enum class Standing : std::uint8_t {
    clear,    // nothing that is judged by now becomes complete with it
    advance,  // take() gives the lease: pieces behind it wait in the spool
    busy,     // somebody else is at it: look again
    matched,  // what is complete with it matched before: judge again (found(), or state given)
    gap,      // cannot be judged: a piece before it was not seen
    lost,     // cannot be judged: bytes before it, or a piece, were seen and are forgotten
    conflict,
};

// A COPY, MOVE or DELETE on its way, or the creation of an object that has no byte yet. What became
// of it the storage's answer tells.
struct NameChange {
    enum class Kind : std::uint8_t { none, remove, copy, move, create };
    enum class Outcome : std::uint8_t { done, refused, unknown };
    AssemblyKey key;
    AssemblyKey source;
    std::uint64_t spelling = 0;
    std::uint64_t source_spelling = 0;
    std::uint64_t changed = 0;         // as the target stood when the request went
    std::uint64_t source_changed = 0;  // 0: nothing was known of it
    UploadRef target;                  // pinned
    std::uint32_t service = 0;
    Kind kind = Kind::none;
    bool elsewhere = false;
    explicit operator bool() const { return kind != Kind::none; }
};

// A piece in the chain's way that is to be hashed.
struct SpooledPiece {
    std::uint32_t piece = UINT32_MAX;
    SpoolRun run;
    SpoolCursor cursor;
    std::uint64_t zeros = 0;  // of the gap before it, still to be read
    explicit operator bool() const { return piece != UINT32_MAX; }
};

// How far an object was read as the storage would have it (in_place.cpp).
struct Survey {
    std::uint64_t at = 0;
    std::uint64_t zeros = 0;  // of them, in gaps
};

// How much of the upload the chain is, for commits.
struct ChainView {
    std::uint64_t count;  // pieces in it
    std::uint64_t tag;    // of their order
    bool has_before;      // the state without the last one is there
    std::uint64_t before_tag;
    std::uint64_t pieces_whole;
    std::uint32_t in_flight;
    bool tainted;  // conflict, no room for a piece, or a piece copied by the storage
    bool copied;
    bool crowded;  // no room
    bool matched;
    std::uint64_t bytes;
    std::uint64_t total;  // piece_unknown: nobody said it
    bool lost;            // an upload of this key was forgotten with pieces in it
};

// Where the leaves of an object are read, piece after piece (leaves.cpp).
struct LeafCursor {
    std::uint64_t begun = 0;  // which piece; 0: none yet
    SpoolCursor at;
    bool is_over = false;  // behind a piece that was no whole number of leaves
};

enum class LeafStep : std::uint8_t {
    leaves,
    end,  // of the piece
    in_flight,
    missing,
    none,  // it has none, or is not where a leaf begins
    conflict,
};

enum class PieceStatus : std::uint8_t { missing, in_flight, chained, spooled, lost, conflict };

class Assembly {
  public:
    Assembly(const AssemblyLimits& limits, std::uint64_t seed);
    ~Assembly();
    Assembly(const Assembly&) = delete;
    Assembly& operator=(const Assembly&) = delete;

    std::uint64_t seed() const { return seed_; }

    // --- pieces ---
    // With place next, *state is what it goes on from.
    PieceBegun begin(const PieceRequest& request, std::uint32_t service, Now now,
                     PieceTicket* ticket, DigestState* state);
    // Only with place spooled. False: no room; what was kept is gone.
    bool keep(const PieceTicket& ticket, Bytes bytes, Now now);
    // The bytes of a piece that came before its place was known; what is not needed is dropped.
    void adopt(const PieceTicket& ticket, SpoolRun* run);
    // With place first and next: as long as there is room, for a commit in another order.
    void retain(const PieceTicket& ticket, Bytes bytes);
    // Only with place again. False: these are other bytes than those that are there.
    bool repeats(const PieceTicket& ticket, SpoolCursor* cursor, Bytes bytes) const;
    // Of a ticket with an overlap: its first bytes, that are there. False: they are others.
    bool repeats_cut(const PieceTicket& ticket, SpoolCursor* cursor, Bytes bytes) const;
    // `state`: of the prefix with place first and next, else of the piece alone.
    // Gives the pin up, unless the caller goes on with look(); then by close().
    void end(const PieceTicket& ticket, const PieceSum& sum, const DigestState& state, Now now);
    // The upload of the piece ended before its end. `state`: of the prefix so far, when chained.
    void abort(const PieceTicket& ticket, const DigestState* state, Now now);
    Standing look(const PieceTicket& ticket, DigestState* state);
    // An end that was looked at goes to the storage, or never will.
    void leave(const PieceTicket& ticket, bool goes);
    // The same when the storage refused it before its end: nothing of it is there.
    void abort_refused(const PieceTicket& ticket, Now now);
    // What the storage answered to it.
    void answered(const PieceTicket& ticket, PieceAnswer answer);
    // A piece that the storage copies from elsewhere: the upload cannot be judged any more.
    PieceBegun copy(const PieceRequest& request, std::uint32_t service, Now now);
    // The same from what is known. Without *ticket it is there already, or as with copy().
    PieceBegun begin_copy(const PieceRequest& request, std::uint32_t service,
                          const SourceSlice& slice, Now now, PieceTicket* ticket);
    // `is_known`: its source stands as it stood.
    void end_copy(const PieceTicket& ticket, PieceAnswer answer, bool is_known, Now now);
    void forget(const PieceRequest& request, std::uint32_t service);  // Abort
    // What was refused with `crossing` passes after all.
    void taint(const PieceRequest& request, std::uint32_t service);

    // --- in place, several at once (in_place.cpp) ---
    // Clear: the lease is here, *state is what the object begins with, and *survey where that ends.
    Standing begin_survey(const PieceTicket& ticket, DigestState* state, Survey* survey);
    // What is behind that. Advance: *piece is to be read; clear: there is no more.
    Standing survey_next(const PieceTicket& ticket, Survey* survey, SpooledPiece* piece);
    // `goes`: what is kept of the piece goes to the storage now. Gives the lease back.
    void end_survey(const PieceTicket& ticket, bool goes);
    // Another value: a piece of the upload has come on.
    std::uint32_t progress(UploadRef upload) const;

    // --- names (renamed.cpp) ---
    // Until it has ended nothing is written into the target.
    NameChange begin_change(const PieceRequest& request, std::uint32_t service, Now now);
    // `empty`: the state of an object that was created.
    void end_change(const NameChange& change, NameChange::Outcome outcome, const DigestState& empty,
                    Now now);
    // Whether folders were copied or moved: then is_moved() is to be asked of those above.
    bool has_moved() const { return has_moved_.load(std::memory_order_relaxed); }
    bool is_moved(std::span<const AssemblyKey> folders, Now now);
    // An upload without a piece so far: what its creation says of it. False: no place.
    bool open(const PieceRequest& request, std::uint32_t service, Now now);

    // --- lease ---
    // False: it is taken, or nothing waits (`anyway`: also then).
    bool take(UploadRef upload, bool anyway, DigestState* state, SpooledPiece* next);
    Bytes read(SpooledPiece* piece, std::size_t most) const {
        if (piece->zeros == 0) return spool_.read(piece->run, &piece->cursor, most);
        const Bytes part = zero_bytes(std::min<std::uint64_t>(piece->zeros, most));
        piece->zeros -= part.size();
        return part;
    }
    // As many zeros, or fewer; never none for some.
    static Bytes zero_bytes(std::uint64_t most);
    // The piece is in `state`: the chain moves over it. False: nothing more waits, and the lease is
    // given back.
    bool passed(UploadRef upload, SpooledPiece* piece, const DigestState& state);
    void give_back(UploadRef upload);
    // What the chain holds: of whoever has the lease, or a piece with place first or next.
    ChainContent* content(UploadRef upload) { return &content_of(upload.number); }
    ContentReaders& readers() { return readers_; }
    // The content without the last piece, and of an empty chain: for a list that names others.
    void content_before(UploadRef upload);
    void content_anew(UploadRef upload);
    // What is complete in the chain's order with `state` matched: it stays so until unfreeze().
    void freeze(UploadRef upload, const DigestState& state);
    void unfreeze(UploadRef upload);
    // The same for an object that is in it.
    void freeze(UploadRef upload, const FoundMember& found);
    bool found(UploadRef upload, FoundMember* found);

    // --- commits ---
    UploadRef find(const AssemblyKey& key, std::uint32_t service, Now now);
    ChainView chain(UploadRef upload);
    void before_last(UploadRef upload, DigestState* state);
    void state(UploadRef upload, DigestState* state);
    // Of the only whole piece in that place. *piece is set when its bytes are there: with status
    // spooled, and with chained when they were retained.
    PieceStatus status(UploadRef upload, std::uint64_t position, SpooledPiece* piece,
                       PieceSum* sum = nullptr);
    void close(UploadRef upload, Now now);

    // --- leaves, of pieces in any order (leaves.cpp) ---
    // Of a piece on its way, in their order. False: no room, and those before are gone as well.
    bool keep_leaves(const PieceTicket& ticket, std::span<const TreeDigest> leaves);
    // Of the only whole piece in that place, from *cursor on. `end`: *sum is of the piece, and
    // *cursor stands before the piece behind it.
    LeafStep read_leaves(UploadRef upload, std::uint64_t position, LeafCursor* cursor,
                         LeafList* list, PieceSum* sum);
    // Whether a piece of that length, of which nothing else stays, leaves the object one that its
    // leaves tell: of such pieces one may be no whole number of them, the last.
    bool may_go_by_leaves(const PieceTicket& ticket, std::uint64_t length);
    // With order number: of the piece that may be the first.
    std::uint64_t lowest(UploadRef upload);
    LeafSpool& leaf_spool() { return leaves_; }
    // Objects of which a storage may be told to copy ranges.
    SourceShelf& sources() { return sources_; }

    // Bytes whose place is not known yet. False: there is no room, and *run is empty again.
    bool set_aside(SpoolRun* run, Bytes bytes);
    Spool& spool() { return spool_; }
    // Positions that a commit names.
    ListSpool& lists() { return lists_; }
    static std::uint64_t position_of(const AssemblyKey& name) { return name.low ^ name.high; }
    // The tag of an order: begins with 0.
    std::uint64_t tag_with(std::uint64_t tag, std::uint64_t position) const;

    // --- time ---
    // Forgets a few uploads that have been idle for too long; returns how many.
    std::uint32_t expire(Now now);
    // From now on uploads may go on that began while nobody looked.
    void reopen(Now now);
    bool may_be_older(Now now) const;

    std::uint32_t uploads() const { return uploads_live_.load(std::memory_order_relaxed); }
    std::uint32_t pieces() const { return piece_list_.count() - piece_list_.available(); }
    std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

    static std::uint32_t readers_for(std::uint32_t uploads);
    static std::uint64_t upload_bytes();
    static std::uint64_t piece_bytes();

  private:
    struct Piece;
    struct Upload;
    struct Shard;
    struct Moved;
    enum class UploadKind : std::uint8_t { pieces, object, group };
    static UploadKind kind_of(const Upload& upload);
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t shards_max = 16;

    std::uint32_t hash_of(const AssemblyKey& key, std::uint32_t service) const;
    Shard& shard_of(std::uint32_t upload) const;
    std::uint32_t find_upload(Shard& shard, const AssemblyKey& key, std::uint32_t service) const;
    std::uint32_t open_upload(Shard& shard, const PieceRequest& request, std::uint32_t service,
                              Now now);
    bool evict(Shard& shard, UploadKind kind, Now now);
    void unlink(Shard& shard, std::uint32_t number);
    void leave_idle(Shard& shard, std::uint32_t number);
    void give_up(Shard& shard, std::uint32_t number);
    void reap(Shard& shard);
    void pin(Shard& shard, std::uint32_t number);
    void unpin(Shard& shard, std::uint32_t number, Now now);
    void remember(Shard& shard, const Upload& upload, Now now);
    void remember_object(Shard& shard, const AssemblyKey& key, std::uint64_t spelling, bool mixed,
                         Now now);
    bool remembers(Shard& shard, const PieceRequest& request, Now now) const;
    bool remembers_several(Shard& shard, const PieceRequest& request, Now now) const;
    std::uint64_t hash_forgotten(const AssemblyKey& key, std::uint64_t about = 0) const;
    Shard& shard_for(const AssemblyKey& key, std::uint32_t service) const;
    static bool is_unknown(const Upload& upload, const PieceRequest& request);
    struct Whole;
    bool copy_state(const NameChange& change, Whole* whole);
    void put_whole(Shard& shard, const NameChange& change, const Whole* whole, bool mixed, Now now);
    void free_name(Shard& shard, std::uint32_t number, Now now);
    void note_moved(const AssemblyKey& key, Now now);
    void free_source(const NameChange& change, Now now);
    bool reclaim(Now now);
    bool has_room(const Upload& upload) const;
    bool retains_room(const Upload& upload) const;
    bool reclaim(Shard& shard, UploadKind kind, Now now);
    static bool retains_chained(const Upload& upload);
    bool drop_retained(std::uint32_t number);
    bool repeats_run(const SpoolRun& run, SpoolCursor* cursor, Bytes bytes) const;
    static bool trails_chained(const Upload& upload);
    void drop_front(std::uint32_t piece);
    bool goes_on_in_cut(const Upload& upload, const PieceRequest& request) const;
    std::uint32_t repeated(Shard& shard, std::uint32_t number, const PieceRequest& request) const;

    std::uint32_t& bucket(Shard& shard, std::uint32_t upload, std::uint64_t position) const;
    bool has_place(const Upload& upload) const;
    std::uint32_t open_piece(Shard& shard, std::uint32_t upload, std::uint64_t position);
    std::uint32_t piece_at(Shard& shard, std::uint32_t upload, std::uint64_t position) const;
    void remove_piece(Shard& shard, std::uint32_t number);
    void leave_place(Shard& shard, std::uint32_t number);
    std::uint32_t whole_at(Shard& shard, std::uint32_t upload, std::uint64_t position,
                           std::uint32_t but) const;
    bool is_chained(const Upload& upload, const Piece& piece) const;
    struct PieceStanding {
        PieceBegun::Result result;
        PiecePlace place;
        std::uint64_t zeros;  // that the storage puts before it
        bool held;            // to its end: what is there of it could complete the object
    };
    PieceStanding standing_of(Shard& shard, std::uint32_t number, const PieceRequest& request,
                              std::uint64_t position) const;
    std::uint32_t upload_for(Shard& shard, const PieceRequest& request, std::uint32_t service,
                             Now now, PieceBegun* begun);
    bool appends_in_place(const Upload& upload, const PieceRequest& request) const;
    static bool is_atomic(const PieceRequest& request);
    std::uint64_t position_for(std::uint32_t number, const PieceRequest& request, bool appends);
    void move_chain(std::uint32_t number, std::uint32_t piece, PiecePlace place,
                    DigestState* state);
    PiecePlace place_of(Shard& shard, std::uint32_t number, const PieceRequest& request,
                        std::uint64_t position) const;
    static std::uint64_t position_after(const Upload& upload, const Piece& piece);
    void append_to_chain(std::uint32_t number, std::uint32_t piece, const DigestState& state);
    void break_chain(std::uint32_t number);
    void step_back(std::uint32_t number);
    void withdraw(Shard& shard, std::uint32_t number, std::uint32_t piece);
    bool is_certain(const Upload& upload) const;
    void append_live(const PieceTicket& ticket, const DigestState& state);
    void begin_gap(std::uint32_t number);
    bool undo_gaps(std::uint32_t number);
    std::uint32_t behind_gap(std::uint32_t number) const;
    std::uint64_t gaps_before(std::uint32_t number, std::uint64_t position) const;
    static bool takes_turns(const Upload& upload);
    bool has_ended(const Upload& upload, std::uint32_t piece) const;
    SpoolRun shown_of(std::uint32_t piece, std::uint32_t own) const;
    bool shows_in_gap(std::uint32_t number, std::uint32_t own) const;
    void cut_to_shown(Shard& shard, std::uint32_t piece);
    bool crosses_in_gaps(std::uint32_t number, std::uint64_t position, std::uint64_t end) const;
    void settle_rivals(Shard& shard, std::uint32_t number, std::uint32_t piece, bool is_new);
    static void take_for_twin(Piece* kept, const Piece& twin);
    void replace(Shard& shard, std::uint32_t number, std::uint32_t piece, bool is_new);
    bool crosses(Shard& shard, std::uint32_t number, std::uint64_t position,
                 std::uint64_t end) const;
    void put_ahead(std::uint32_t number, std::uint32_t piece);
    void take_from_ahead(std::uint32_t number, std::uint32_t piece);
    bool is_current(const PieceTicket& ticket) const;
    bool waits_for_earlier(const Upload& upload) const;
    void begin_chain_alone(std::uint32_t number, std::uint32_t piece, const DigestState& state);
    void step_off(std::uint32_t number);
    bool gives_way_to_first(Shard& shard, std::uint32_t number, std::uint32_t piece) const;
    void drop_run(std::uint32_t piece);
    void drop_leaves(std::uint32_t piece);
    std::uint32_t next_in_chain(Shard& shard, std::uint32_t number) const;
    void start_content(std::uint32_t number);
    bool is_unread_alone(std::uint32_t number) const;
    bool next_waits(Shard& shard, std::uint32_t number, SpooledPiece* out) const;
    struct alignas(ChainContent) ContentPlace {
        unsigned char bytes[sizeof(ChainContent)];
    };
    ChainContent& content_of(std::uint32_t number) const {
        return *std::launder(reinterpret_cast<ChainContent*>(&contents_[number]));
    }
    DigestState& state_of(std::uint32_t number) { return states_[2 * std::size_t{number}]; }
    DigestState& before_of(std::uint32_t number) { return states_[2 * std::size_t{number} + 1]; }

    const AssemblyLimits limits_;
    const std::uint64_t seed_;
    std::uint32_t shard_count_;
    std::uint32_t per_shard_;
    std::unique_ptr<Shard[]> shards_;
    std::unique_ptr<Upload[]> uploads_;
    std::unique_ptr<DigestState[]> states_;
    std::unique_ptr<ContentPlace[]> contents_;  // made when an upload first takes its place
    ContentReaders readers_;
    std::unique_ptr<Piece[]> pieces_;
    std::unique_ptr<std::uint32_t[]> upload_buckets_;
    std::unique_ptr<std::uint32_t[]> piece_buckets_;
    std::uint32_t upload_buckets_each_;
    std::uint32_t piece_buckets_each_;
    FreeList piece_list_;
    Spool spool_;
    LeafSpool leaves_;
    SourceShelf sources_;
    ListSpool lists_;
    std::atomic<std::uint32_t> uploads_live_{0};
    std::atomic<std::uint64_t> evicted_{0};
    std::atomic<std::uint64_t> older_until_ns_{0};
    std::atomic<std::uint32_t> expire_at_{0};
    std::atomic<bool> has_moved_{false};
    std::unique_ptr<Moved> moved_;
    std::atomic<std::uint64_t> clock_{0};  // in which order pieces began and ended
};

}  // namespace cordon
