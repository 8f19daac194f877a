// Objects that came lately, by their names, with the leaves of their tree fingerprint: what a
// storage is told to copy into a part of another one (UploadPartCopy, Put Block From URL) is told
// by them when it is a whole number of leaves.
//
//   write = shelf.begin(name, service, now)   what may change the object is on its way: its head
//   shelf.end(&write, answer, object, now)    it is answered, and this came
//   slice = shelf.slice(range, service, now)  a copy is asked for; once more when it is answered:
//                                             the same one, or nothing is known of it
//   shelf.read(slice, …)                      its leaves, as long as they are there
//
// Owns:       a place for each name; the leaves of what it keeps, in the LeafSpool of all pieces.
// Invariants: what is known is what the storage was last told to store under that very name, and
//             took, while nothing else was under way that could have changed it. Of two that were
//             under way together nothing is known. What is on its way and has no place is taken for
//             a change of every object of its service (begin_any()), and so is what nobody reads.
// Worker:     any; a lock for each group of places, held for one place and one run of leaves.
// Limits:     limits::assembly_sources_max names; half of the LeafSpool; idle_ns.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/assembly/piece_marks.h"
#include "dataplane/assembly/source_names.h"
#include "dataplane/assembly/spin_lock.h"
#include "dataplane/assembly/spool.h"
#include "dataplane/base/time.h"
#include "dataplane/contract/options.h"

namespace cordon {

// What came of an object, by whoever has it under way.
struct SourceObject {
    std::uint64_t bytes = 0;
    SpoolRun leaves;
    PieceMarks marks;
    bool is_whole = false;    // all of its leaves are there
    bool is_s3_only = false;  // another storage takes other bytes of the request
};

// A change of an object on its way; with place `any`, of all objects of a service.
struct SourceWrite {
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t any = UINT32_MAX - 1;
    std::uint32_t place = none;
    std::uint32_t service = 0;
    std::uint64_t epoch = 0;  // of the service, when it began
    std::uint64_t exact = 0;  // of its name
    explicit operator bool() const { return place != none; }
};

enum class SourceAnswer : std::uint8_t { stored, refused, unknown };

// What a storage is told to copy.
struct SourceRange {
    SourceName name;
    std::uint64_t offset = 0;
    std::uint64_t length = piece_unknown;  // piece_unknown: to the end of the object
    bool is_s3 = false;
};

// A range of an object as it was: a piece that is a copy of it.
struct SourceSlice {
    std::uint64_t state = 0;  // of the object, 0: not known
    std::uint32_t place = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool ends = false;         // with the object
    bool is_doubtful = false;  // whether the name is that object, only its operator could say
    bool operator==(const SourceSlice&) const = default;
    explicit operator bool() const { return state != 0; }
};

class SourceShelf {
  public:
    SourceShelf(std::uint32_t places, std::uint64_t idle_ns, LeafSpool* leaves);
    ~SourceShelf();
    SourceShelf(const SourceShelf&) = delete;
    SourceShelf& operator=(const SourceShelf&) = delete;

    SourceWrite begin(const SourceName& name, std::uint32_t service, Now now);
    // Of objects whose names nobody knows.
    SourceWrite begin_any(std::uint32_t service);
    // True: it is known from now on. `object`: what came of it, or nullptr; its leaves are taken.
    bool end(SourceWrite* write, SourceAnswer answer, SourceObject* object, Now now);
    // More leaves of what is under way. False: no room, and those before are gone.
    bool keep(SourceObject* object, std::span<const TreeDigest> leaves);
    void drop(SourceObject* object);

    // Not known: no such object, no such range of it, or one that leaves do not tell.
    SourceSlice slice(const SourceRange& range, std::uint32_t service, Now now);
    // The leaves of the slice from *at on, as many as there is room for; none: they are all read.
    // False: they are gone.
    bool read(const SourceSlice& slice, SpoolCursor* at, LeafList* list, PieceMarks* marks);

    // Nothing is known of any service: nobody looked for a while.
    void forget_all();
    // Forgets a few that are too old.
    void expire(Now now);
    // Whether anything is known.
    bool is_empty() const { return known_.load(std::memory_order_relaxed) == 0; }
    static std::uint64_t place_bytes();

  private:
    static constexpr std::uint32_t set_places = 8;
    static constexpr std::uint32_t locks = 16;
    struct Place;
    struct Doubt {
        std::atomic<std::uint64_t> epoch{1};
        std::atomic<std::uint32_t> under_way{0};
        std::atomic<std::uint64_t> until_ns{0};
    };

    SpinLock& lock_of(std::uint32_t place) { return locks_[place / set_places % locks]; }
    std::uint32_t set_of(const SourceName& name, std::uint32_t service) const;
    std::uint32_t find(std::uint32_t set, const SourceName& name, std::uint32_t service) const;
    std::uint32_t take_place(std::uint32_t set, Now now);
    void forget(Place* place);
    bool is_trusted(std::uint32_t service, std::uint64_t epoch, Now now) const;

    const std::uint64_t idle_ns_;
    LeafSpool* leaves_;
    std::uint32_t sets_;
    std::unique_ptr<Place[]> places_;
    std::array<SpinLock, locks> locks_;
    std::array<Doubt, services_max> doubts_;
    std::atomic<std::uint64_t> clock_{0};
    std::atomic<std::uint32_t> known_{0};
    std::atomic<std::uint32_t> expire_at_{0};
};

}  // namespace cordon
