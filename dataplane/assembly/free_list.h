// Numbers of a fixed pool that are free, for many workers without a lock: a stack whose head counts
// its changes, so that a number that went and came back meanwhile is noticed.
//
// Owns:       one link for each number. Numbers that were never handed out are not touched, so that
//             a pool costs the memory that was used of it.
// Invariants: a number is handed out once until it is given back. available() is exact when nobody
//             is in the middle of a call.
// Worker:     any.
// Limits:     below 2^32 − 1 numbers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace cordon {

class FreeList {
  public:
    static constexpr std::uint32_t none = UINT32_MAX;

    explicit FreeList(std::uint32_t count)
        : links_(std::make_unique_for_overwrite<std::atomic<std::uint32_t>[]>(count)),
          count_(count),
          available_(count) {}

    std::uint32_t take() {
        std::uint64_t head = head_.load(std::memory_order_acquire);
        while (number_of(head) != none) {
            // The link may be of a number that another worker just took: then the head has changed.
            const std::uint32_t next = links_[number_of(head)].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, changed(head, next), std::memory_order_acquire))
                return taken(number_of(head));
        }
        std::uint32_t fresh = untouched_.load(std::memory_order_relaxed);
        while (fresh < count_) {
            if (untouched_.compare_exchange_weak(fresh, fresh + 1, std::memory_order_relaxed))
                return taken(fresh);
        }
        return none;
    }

    void give(std::uint32_t number) {
        std::uint64_t head = head_.load(std::memory_order_relaxed);
        do {
            links_[number].store(number_of(head), std::memory_order_relaxed);
        } while (
            !head_.compare_exchange_weak(head, changed(head, number), std::memory_order_release));
        available_.fetch_add(1, std::memory_order_relaxed);
    }

    std::uint32_t available() const { return available_.load(std::memory_order_relaxed); }
    std::uint32_t count() const { return count_; }

  private:
    static std::uint32_t number_of(std::uint64_t head) { return static_cast<std::uint32_t>(head); }
    static std::uint64_t changed(std::uint64_t head, std::uint32_t number) {
        return (((head >> 32) + 1) << 32) | number;
    }
    std::uint32_t taken(std::uint32_t number) {
        available_.fetch_sub(1, std::memory_order_relaxed);
        return number;
    }

    std::unique_ptr<std::atomic<std::uint32_t>[]> links_;
    std::uint32_t count_;
    std::atomic<std::uint32_t> untouched_{0};
    std::atomic<std::uint32_t> available_;
    std::atomic<std::uint64_t> head_{none};
};

}  // namespace cordon
