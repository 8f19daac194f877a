// One immutable thing that every worker reads: replaced as a whole, freed when no worker can still
// be reading it.
//
//   control:  make ► publish ─────────────────┐            ┌── all acknowledged ► free the old
//   worker:              … burst │ sees it │ uses it │ acknowledge │ burst …
//
// Owns:       the newest and the one before it.
// Invariants: at most two are alive: publish() is called only when settled().
// Thread:     publish() and settled() from one control thread at a time; current() and
//             acknowledge() from each worker for itself.
// Limits:     none of its own.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/base/invariant.h"

namespace cordon {

template <typename T>
class Published {
  public:
    explicit Published(std::uint32_t workers) : slots_(workers) {}

    std::uint32_t workers() const { return static_cast<std::uint32_t>(slots_.size()); }

    void publish(std::unique_ptr<T> next) {
        INVARIANT(settled());
        previous_ = std::exchange(newest_, std::move(next));
        published_.store(newest_.get(), std::memory_order_release);
    }

    // True when every worker uses what was published last; frees what came before it.
    bool settled() {
        for (const Slot& slot : slots_) {
            if (slot.in_use.load(std::memory_order_acquire) != newest_.get()) return false;
        }
        previous_.reset();
        return true;
    }

    // Null: nothing was published yet.
    const T* current() const { return published_.load(std::memory_order_acquire); }
    void acknowledge(std::uint32_t worker, const T* taken) {
        slots_[worker].in_use.store(taken, std::memory_order_release);
    }

  private:
    struct alignas(64) Slot {
        std::atomic<const T*> in_use{nullptr};  // worker writes, control reads
    };

    std::vector<Slot> slots_;
    std::atomic<const T*> published_{nullptr};  // control writes, workers read
    std::unique_ptr<T> newest_;
    std::unique_ptr<T> previous_;
};

}  // namespace cordon
