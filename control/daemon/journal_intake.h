// Reads the journal into the store beside the event loop, because a transaction waits for the disk
// and the socket of cordond must not.
//
// Owns:       its thread, its own connection to the store, the journal reader.
// Invariants: what stop() returns after is stored: it polls once more.
// Thread:     made, asked and stopped by the event loop; the snapshot is behind a mutex.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control/daemon/hit_tap.h"
#include "control/link/journal_reader.h"
#include "control/store/store.h"

namespace cordon {

struct JournalSnapshot {
    JournalProgress total;
    std::uint64_t next_sequence = 0;
    std::optional<Error> error;  // of the last poll
};

class JournalIntake {
  public:
    // `tell`: what is matched, as it is stored; on the thread of the journal.
    JournalIntake(std::unique_ptr<Store> store, std::string directory, std::uint32_t poll_ms,
                  HitTap::Tell tell);
    ~JournalIntake();
    JournalIntake(const JournalIntake&) = delete;
    JournalIntake& operator=(const JournalIntake&) = delete;

    JournalSnapshot snapshot() const;
    void stop();

  private:
    void run();
    void poll_once();

    std::unique_ptr<Store> store_;
    HitTap tap_;
    PosixFiles files_;
    JournalReader reader_;
    std::uint32_t poll_ms_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    JournalSnapshot snapshot_;
    std::thread thread_;
};

}  // namespace cordon
