// The two ports of an appliance in memory: a test pushes frames in at one side and takes what the
// worker sent out of a side.
//
// Owns:       all buffers, made at construction; afterwards only taken frames are copied out.
// Invariants: every buffer is free, queued for receipt, or with the worker; outstanding() counts
//             the last. A test ends with outstanding() being what the worker admits to hold.
// Limits:     `buffers` frames of up to `buffer_bytes`.
#pragma once

#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/worker/port.h"
#include "tests/support/shunt_model.h"

namespace cordon::test {

class MemoryPort : public Port {
  public:
    explicit MemoryPort(std::size_t buffers = 4096, std::size_t buffer_bytes = 2048)
        : buffer_bytes_(buffer_bytes), slots_(buffers) {
        free_.reserve(buffers);
        for (Slot& slot : slots_) {
            slot.bytes.reset(new std::uint8_t[buffer_bytes]);
            free_.push_back(&slot);
        }
    }

    // --- what the test does ---

    // A frame arrives on `side`; false when all buffers are in use.
    bool push(Side side, Bytes bytes) {
        INVARIANT(bytes.size() <= buffer_bytes_);
        if (shunts.bridges(side, bytes)) {
            ++bridged_;
            sent_[index_of(opposite(side))].emplace_back(bytes.begin(), bytes.end());
            return true;
        }
        if (free_.empty()) return false;
        Slot* slot = take_slot();
        std::memcpy(slot->bytes.get(), bytes.data(), bytes.size());
        arrived_[index_of(side)].push_back(frame_of(slot, bytes.size()));
        return true;
    }

    // All frames sent out of `side` since the last call, oldest first.
    std::vector<std::vector<std::uint8_t>> take(Side side) {
        return std::exchange(sent_[index_of(side)], {});
    }
    std::size_t waiting(Side side) const { return arrived_[index_of(side)].size(); }

    // Failures: how many frames `side` still accepts for transmission, and how many buffers may
    // still be allocated.
    void accept_at_most(Side side, std::size_t frames) { accepts_[index_of(side)] = frames; }
    void allocate_at_most(std::size_t frames) { allocates_ = frames; }

    // Buffers with the worker: received or allocated, and neither sent nor released.
    std::size_t outstanding() const {
        std::size_t count = 0;
        for (const Slot& slot : slots_)
            count += slot.with_worker;
        return count;
    }
    std::size_t allocated() const { return allocated_; }
    std::size_t transmitted(Side side) const { return transmitted_[index_of(side)]; }
    std::size_t refused() const { return refused_; }
    std::size_t bridged() const { return bridged_; }  // passed beside the worker

    ShuntModel shunts;

    // --- what the worker does ---

    std::size_t receive(Side side, Frame* frames, std::size_t count) override {
        std::deque<Frame>& queue = arrived_[index_of(side)];
        std::size_t n = 0;
        for (; n < count && !queue.empty(); ++n) {
            frames[n] = queue.front();
            queue.pop_front();
            slot_of(frames[n])->with_worker = true;
        }
        return n;
    }

    std::size_t transmit(Side side, Frame* frames, std::size_t count) override {
        std::size_t& accepts = accepts_[index_of(side)];
        std::size_t accepted = 0;
        for (std::size_t at = 0; at < count; ++at) {
            Frame& frame = frames[at];
            INVARIANT(frame.length > 0 && frame.length <= frame.capacity);
            if (accepts > 0) {
                --accepts;
                ++accepted;
                sent_[index_of(side)].emplace_back(frame.data, frame.data + frame.length);
            } else {
                ++refused_;
            }
            release(&frame);
        }
        transmitted_[index_of(side)] += accepted;
        return accepted;
    }

    bool allocate(Side, Frame* frame) override {
        if (allocates_ == 0 || free_.empty()) return false;
        --allocates_;
        ++allocated_;
        Slot* slot = take_slot();
        slot->with_worker = true;
        *frame = frame_of(slot, 0);
        return true;
    }

    void release(Frame* frame) override {
        Slot* slot = slot_of(*frame);
        INVARIANT(slot->with_worker);  // else it was given back twice
        slot->with_worker = false;
        // Whoever still reads it sees at once that it is gone.
        std::memset(slot->bytes.get(), 0xdd, buffer_bytes_);
        free_.push_back(slot);
        *frame = Frame{};
    }

    ShuntGrant shunt(const ShuntRange& range, std::uint32_t* place) override {
        return shunts.shunt(range, place);
    }
    ShuntPassed passed(std::uint32_t place) const override { return shunts.passed(place); }
    void revoke(std::uint32_t place) override { shunts.revoke(place); }
    void unshunt(const ShuntRange& range, std::uint32_t place) override {
        shunts.unshunt(range, place);
    }

  private:
    struct Slot {
        std::unique_ptr<std::uint8_t[]> bytes;
        bool with_worker = false;
    };

    Slot* take_slot() {
        Slot* slot = free_.back();
        free_.pop_back();
        return slot;
    }
    Frame frame_of(Slot* slot, std::size_t length) {
        return {slot->bytes.get(), static_cast<std::uint32_t>(length),
                static_cast<std::uint32_t>(buffer_bytes_), slot};
    }
    static Slot* slot_of(const Frame& frame) {
        INVARIANT(frame.handle != nullptr);
        return static_cast<Slot*>(frame.handle);
    }

    std::size_t buffer_bytes_;
    std::vector<Slot> slots_;
    std::vector<Slot*> free_;
    std::deque<Frame> arrived_[2];
    std::vector<std::vector<std::uint8_t>> sent_[2];
    std::size_t accepts_[2] = {SIZE_MAX, SIZE_MAX};
    std::size_t allocates_ = SIZE_MAX;
    std::size_t allocated_ = 0;
    std::size_t transmitted_[2] = {0, 0};
    std::size_t refused_ = 0;
    std::size_t bridged_ = 0;
};

}  // namespace cordon::test
