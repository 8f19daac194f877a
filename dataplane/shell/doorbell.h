// Wakes a thread that sleeps for something no socket shows: a worker, for frames that another
// worker hands over, and the thread of the journal, for records.
//
//   ringer:   put it there ─► ring()                    asleep? one write to the descriptor
//   sleeper:  look ─► … ─► lie_down() ─► wait on descriptor() ─► get_up() ─► look
//
// Owns:       one eventfd.
// Invariants: what was there before ring() is seen by a look after the next get_up(), or after a
//             lie_down() that said no: no ring is lost between the last look and the sleep. A
//             sleeper that is awake costs its ringers no system call.
// Thread:     ring() from any; the others from the thread that sleeps.
// Limits:     rings are not counted, and a get_up() may come without one.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "dataplane/base/descriptor.h"

namespace cordon {

class Doorbell {
  public:
    Doorbell() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

    void ring() {
        if (state_.exchange(State::rung, std::memory_order_acq_rel) == State::asleep)
            eventfd_write(event_.get(), 1);
    }

    // False: it was rung since the last look; look again instead of sleeping.
    bool lie_down() {
        State found = State::awake;
        if (state_.compare_exchange_strong(found, State::asleep, std::memory_order_acq_rel))
            return true;
        state_.store(State::awake, std::memory_order_release);
        return false;
    }
    void get_up() {
        if (state_.exchange(State::awake, std::memory_order_acq_rel) != State::rung) return;
        eventfd_t rings = 0;
        eventfd_read(event_.get(), &rings);
    }

    int descriptor() const { return event_.get(); }

  private:
    enum class State : std::uint8_t { awake, asleep, rung };

    Descriptor event_;
    alignas(64) std::atomic<State> state_{State::awake};  // ringers write, the sleeper as well
};

}  // namespace cordon
