// A lock for a few dozen memory accesses: the one thing that workers share. Nobody waits for work
// to be done, hashed or sent under it.
//
// Owns:       one flag.
// Invariants: held for no longer than the bounds that Assembly names.
// Worker:     any; a worker that loses its core while it holds one makes the others of that shard
//             wait until it has it back.
#pragma once

#include <atomic>

namespace cordon {

class SpinLock {
  public:
    void lock() {
        while (taken_.test_and_set(std::memory_order_acquire)) {
            while (taken_.test(std::memory_order_relaxed))
                pause();
        }
    }
    void unlock() { taken_.clear(std::memory_order_release); }

  private:
    static void pause() {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    std::atomic_flag taken_;
};

class Locked {
  public:
    explicit Locked(SpinLock& lock) : lock_(lock) { lock_.lock(); }
    ~Locked() { lock_.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    SpinLock& lock_;
};

}  // namespace cordon
