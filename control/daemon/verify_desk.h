// Hands the work of the verify queue, and self-tests, to cordon-verifier and writes down what comes
// of it, over the socket of contract/verify_link.h.
//
// Owns:       its thread, the socket, its own connection to the store.
// Invariants: one verifier at a time, with a connection for each job: another process takes the
//             place of the one before, and a connection too many that of the oldest, whose job
//             waits again. Only the configured user and root are served (peer credentials). A
//             match is durable before the answer that lets it be deleted. Names of objects pass
//             here, content never.
// Limits:     VerifierOptions::hands() connections, one of them for self-tests; no storage has all
//             others while another one has none.
// Thread:     made, told and stopped by the event loop; what both touch is behind a mutex.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "control/config/config.h"
#include "control/daemon/hit_tap.h"
#include "control/daemon/selftests.h"
#include "control/daemon/verify_grounds.h"
#include "control/store/verify_queue.h"
#include "dataplane/base/descriptor.h"

namespace cordon {

// What to do with a result.
struct VerifyDecision {
    bool is_final;
    VerifyOutcome outcome;  // when final
    std::uint64_t next_ns;  // else
};
VerifyDecision decide_verification(const VerifyRequest& request, const VerifyDone& done,
                                   const VerifierOptions& options, std::uint64_t now_ns);

struct VerifyDeskStatus {
    bool connected = false;
    std::uint64_t since_s = 0;  // of either
    std::string program_version;
    std::string error;  // of the store, empty: none
};

class VerifyDesk {
  public:
    // `active` is the configuration with the modes in force. The board outlives the desk. `tell`:
    // what is matched that the journal did not tell of, when it is stored; on the desk's thread.
    static Result<std::unique_ptr<VerifyDesk>> start(const StoreOptions& store,
                                                     const Config& config, const Options& active,
                                                     SelftestBoard* board, HitTap::Tell tell = {});
    ~VerifyDesk();
    VerifyDesk(const VerifyDesk&) = delete;
    VerifyDesk& operator=(const VerifyDesk&) = delete;

    void use(const Config& config, const Options& active);
    VerifyDeskStatus status() const;
    void stop();

  private:
    struct Settings {
        VerifierOptions verifier;
        Options options;
    };
    VerifyDesk(std::unique_ptr<VerifyQueue> queue, Descriptor listener, Descriptor wake,
               std::uint32_t uid, SelftestBoard* board, HitTap::Tell tell);

    void run();
    // A connection of the verifier.
    struct Seat {
        Descriptor socket;
        pid_t process;
        std::optional<VerifyRequest> job;  // handed to it
        std::uint64_t probe = 0;           // the same of a self-test; 0: none
    };
    using Seats = std::list<Seat>;

    void accept_one();
    void serve(Seats::iterator seat);
    void lose(Seats::iterator seat, const char* why);
    void lose_all(const char* why);
    void release();
    bool handle(Seat* seat, Bytes frame);
    bool on_next(Seat* seat, const VerifyNext& ask);
    bool on_match(Seat* seat, const VerifyMatch& match);
    bool on_done(Seat* seat, const VerifyDone& done);
    bool on_probed(Seat* seat, const VerifyProbed& probed);
    bool find_probe(Seat* seat, const Settings& settings);
    void fail_probe(Seat* seat);
    bool find_job(Seat* seat, const Settings& settings, std::uint64_t now_ns);
    VerifyGrounds open_checked(const Settings& settings, const VerifyNext& ask);
    bool send_job(const Seat& seat, const Settings& settings, const VerifiedService& service,
                  const VerifyNext& ask);
    bool send_idle(const Seat& seat, const Settings& settings, const VerifyNext& ask);
    void end(const VerifyRequest& request, const VerifyDone& done, VerifyOutcome outcome);
    void housekeeping();
    template <typename T>
    bool checked(const Result<T>& result);
    template <typename Body>
    bool send(const Seat& seat, VerifyType type, const Body& body,
              std::span<const Descriptor> files = {});
    std::shared_ptr<const Settings> settings() const;

    std::unique_ptr<VerifyQueue> queue_;
    Descriptor listener_;
    Descriptor wake_;
    std::uint32_t uid_;
    SelftestBoard& board_;
    HitTap::Tell tell_;
    Seats seats_;  // oldest first
    std::uint64_t housekeeping_ms_ = 0;
    std::string told_fault_;  // why it was given nothing to judge by

    mutable std::mutex mutex_;
    std::shared_ptr<const Settings> settings_;
    VerifyDeskStatus status_;
    std::uint64_t failed_ms_ = 0;  // when the store failed last
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace cordon
