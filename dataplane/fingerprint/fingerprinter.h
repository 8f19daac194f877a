// Digests of many objects at once, while they pass by in pieces.
//
//   open(kinds) → slot      submit(slot, bytes)…  flush()      close(slot) → Digests
//
// Pieces of all objects of a burst are submitted, then hashed together by flush(), which fills the
// lanes of the widest kernel that pays from all of them (batch.h). CORDON_ISA=name in the
// environment forces a set of kernels (kernels.h) at start.
//
// Owns:       a fixed pool of object states and a fixed queue of submitted pieces.
// Invariants: submitted bytes must stay valid and unchanged until the next flush(), peek() or
//             close() of their slot, or drop() of it; a full queue flushes itself. Pieces of an
//             object are taken in the order of their submission. peek() does not disturb: the
//             states are copied and the copies finished.
// Worker:     one worker only: no lock, no clock, no allocation after construction.
// Limits:     objects_max objects open at once, pieces_max pieces between two flushes.
#pragma once

#include <memory>
#include <new>

#include "dataplane/base/invariant.h"
#include "dataplane/fingerprint/batch.h"
#include "dataplane/fingerprint/digest_state.h"

namespace cordon {

// A number into the pool; no_object when the pool is full.
using ObjectSlot = std::uint32_t;
inline constexpr ObjectSlot no_object = UINT32_MAX;

class Fingerprinter {
  public:
    explicit Fingerprinter(std::uint32_t objects_max, std::uint32_t pieces_max = 256,
                           const kernels::KernelSet* set = kernels::at_start());
    ~Fingerprinter();
    Fingerprinter(const Fingerprinter&) = delete;
    Fingerprinter& operator=(const Fingerprinter&) = delete;

    ObjectSlot open(KindSet kinds);
    // Goes on where that object was: its size and its digests count from its first byte.
    ObjectSlot resume(const DigestState& state);
    void submit(ObjectSlot slot, Bytes bytes);
    void flush();

    // The head as soon as so many bytes were submitted that more do not change it, when it is among
    // the kinds. Null before.
    const std::uint8_t (*head(ObjectSlot slot) const)[head_digest_bytes];
    // No indicator can be of this object by these kinds: they are left out from now on, and of what
    // waits as well.
    void dismiss(ObjectSlot slot, KindSet kinds);
    // All of them were: what is submitted counts for its size alone.
    bool is_dismissed(ObjectSlot slot) const;
    // Of a dismissed one, behind its head: as if so many bytes had been submitted.
    void pass_over(ObjectSlot slot, std::uint64_t bytes);

    // Digests of all bytes submitted so far.
    void peek(ObjectSlot slot, Digests* out);
    // The same as if `more` had been submitted as well.
    void peek_with(ObjectSlot slot, Bytes more, Digests* out);
    // The digests, and gives the slot back.
    void close(ObjectSlot slot, Digests* out);
    // Gives the slot back; pieces of it that wait are forgotten.
    void drop(ObjectSlot slot);

    // All submitted so far, to go on with elsewhere or later. The slot stays open.
    void save(ObjectSlot slot, DigestState* out);
    // From here on the full leaves of this object go to the list, and with close() the last one.
    // The object's kinds must have sha256_tree, and the list must live as long as the slot.
    void collect_leaves(ObjectSlot slot, LeafList* list);

    std::uint64_t size(ObjectSlot slot) const;  // bytes submitted so far
    std::uint32_t open_count() const { return open_count_; }
    // How many objects have pieces that wait for flush(): it has as many lanes to fill.
    std::uint32_t waiting() const { return waiting_; }

    // Bytes of memory one object takes: for the budget printed at start.
    static std::size_t object_bytes();

  private:
    // What every piece of it asks for stands together.
    struct Object {
        std::uint64_t submitted;  // bytes, those that wait included
        LeafList* leaves;         // or null
        ChainNumber chain;        // in the batch that is being made
        ObjectSlot next_free;
        bool in_use;
        bool waits;         // it has pieces in the queue
        DigestState state;  // what was flushed
    };
    struct alignas(64) Place {
        unsigned char bytes[sizeof(Object)];
    };
    struct Piece {
        ObjectSlot slot;
        Bytes bytes;
    };

    void forget_pieces(ObjectSlot slot);
    ObjectSlot take_slot();
    Object& at(ObjectSlot slot) const {
        INVARIANT(slot < untouched_ && object(slot).in_use);
        return object(slot);
    }
    Object& object(ObjectSlot slot) const {
        return *std::launder(reinterpret_cast<Object*>(&places_[slot]));
    }
    void release(ObjectSlot slot);

    std::unique_ptr<Place[]> places_;  // untouched ones cost no memory
    std::unique_ptr<Piece[]> queue_;
    Batch batch_;
    const kernels::KernelSet* kernels_;
    std::uint32_t objects_max_;
    std::uint32_t untouched_ = 0;  // places from here on
    std::uint32_t pieces_max_;
    std::uint32_t queued_ = 0;
    std::uint32_t waiting_ = 0;
    std::uint32_t open_count_ = 0;
    ObjectSlot free_ = no_object;  // head of the list of free slots
};

// Of each segment of an upload, so they stand here.
inline void Fingerprinter::submit(ObjectSlot slot, Bytes bytes) {
    Object& target = at(slot);
    if (bytes.empty()) return;
    if (target.submitted < head_bytes) target.state.take_head(bytes, target.submitted);
    target.submitted += bytes.size();
    if (target.state.is_idle()) {
        target.state.size = target.submitted;
        return;
    }
    if (queued_ == pieces_max_) flush();
    queue_[queued_++] = {slot, bytes};
    if (!target.waits) ++waiting_;
    target.waits = true;
}

inline bool Fingerprinter::is_dismissed(ObjectSlot slot) const {
    const DigestState& state = at(slot).state;
    return state.is_idle() && !state.dismissed.empty();
}

inline std::uint64_t Fingerprinter::size(ObjectSlot slot) const {
    return at(slot).submitted;
}

}  // namespace cordon
