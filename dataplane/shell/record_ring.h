// A ring of records from one producer to the journal thread, and their answers back.
//
// Owns:       its slots and answers, allocated once.
// Invariants: records are taken in the order they were posted. An answer is written before the
//             tail passes its record, and overwritten only recorder_results posts later.
// Worker:     post(), state(): the producer only; front(), finish(): the journal thread only.
//             head_ the producer writes, tail_ and answers_ the journal thread.
// Limits:     ring_slots records under way; then post() says no.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <memory>

#include "dataplane/worker/recorder.h"

namespace cordon {

// What the journal thread is asked for; all but `over` end in a record of that name.
enum class SlotType : std::uint8_t { decided, enforced, gap, mode, verify, over };

struct RecordSlot {
    SlotType type;
    DenyKey key;
    union {
        IncidentRecord decided;
        EnforcedRecord enforced;
        GapRecord gap;
        ModeRecord mode;
        VerifyRecord verify;
    };
};

class RecordRing {
  public:
    static constexpr std::uint64_t ring_slots = 256;
    static_assert(recorder_results >= 2 * ring_slots);
    static_assert((ring_slots & (ring_slots - 1)) == 0);
    static_assert((recorder_results & (recorder_results - 1)) == 0);

    // fill(slot) writes the record in place.
    template <typename Fill>
    bool post(RecordTicket* ticket, Fill&& fill) {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head - tail_.load(std::memory_order_acquire) == ring_slots) return false;
        fill(slots_[head % ring_slots]);
        ticket->number = head;
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

    RecordState state(RecordTicket ticket, std::uint64_t* sequence) const {
        if (ticket.number >= tail_.load(std::memory_order_acquire)) return RecordState::pending;
        // Only posts of this very thread can have the answer overwritten, so this cannot change
        // while we look.
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head - ticket.number > recorder_results) return RecordState::failed;
        const std::uint64_t answer =
            answers_[ticket.number % recorder_results].load(std::memory_order_relaxed);
        if (answer == 0) return RecordState::failed;
        *sequence = answer;
        return RecordState::durable;
    }

    std::uint64_t waiting() const {
        return head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_relaxed);
    }
    const RecordSlot& front(std::uint64_t n) const {
        return slots_[(tail_.load(std::memory_order_relaxed) + n) % ring_slots];
    }
    // The first `count` waiting are done; sequences[n] is 0 where there is no durable record.
    void finish(const std::uint64_t* sequences, std::uint64_t count) {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        for (std::uint64_t n = 0; n < count; ++n) {
            answers_[(tail + n) % recorder_results].store(sequences[n], std::memory_order_relaxed);
        }
        tail_.store(tail + count, std::memory_order_release);
    }

  private:
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::array<std::atomic<std::uint64_t>, recorder_results> answers_{};
    std::unique_ptr<RecordSlot[]> slots_ = std::make_unique<RecordSlot[]>(ring_slots);
};

}  // namespace cordon
