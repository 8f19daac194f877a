// One of several hands of the verifier, which work at the same time: it asks cordond for a job,
// does it, and says what came of it.
//
//   main ── makes, watches ──► hand 0 … hand n ──► each a connection to cordond, one to a storage
//                                └── the index: one for all (IndexShelf)
//
// Owns:       its thread, its connections, and the object in hand.
// Invariants: it holds one job at most. A job of which the end cannot be told goes back as the
//             connection ends.
// Thread:     made, watched and stopped by the main thread; the rest is its own.
// Limits:     verify_jobs_max of them; those above the number that cordond wants rest.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "dataplane/base/time.h"
#include "dataplane/verifier/desk_link.h"
#include "dataplane/verifier/http_storage.h"
#include "dataplane/verifier/prober.h"

namespace cordon::verifier {

// What all hands know.
struct Workshop {
    std::string socket;
    std::uint64_t seed = 0;  // of case numbers
    IndexShelf shelf;
    std::atomic<std::uint32_t> jobs{1};  // hands that cordond wants; hands write, all read
    std::atomic<bool> stopping{false};   // main writes, hands read
};

Now clock_now();
// <3> is what the journal of systemd reads as an error.
void complain(const std::string& text);

class Hand {
  public:
    Hand(Workshop* workshop, std::uint32_t number);
    ~Hand();
    Hand(const Hand&) = delete;
    Hand& operator=(const Hand&) = delete;

    // When it last showed that it goes on; of the monotonic clock.
    std::uint64_t alive_ns() const { return alive_ns_.load(std::memory_order_relaxed); }

  private:
    void run();
    bool connect();
    void turn();
    void work(const VerifyJob& job);
    void work(const VerifyProbe& probe);
    bool show_life();
    void rest(std::uint32_t ms);

    Workshop& workshop_;
    std::uint32_t number_;
    DeskLink link_;
    HttpStorage storage_;
    JobRunner runner_;
    Prober prober_;
    bool told_open_ = false;
    std::string told_index_error_;
    std::atomic<std::uint64_t> alive_ns_;
    std::thread thread_;
};

}  // namespace cordon::verifier
