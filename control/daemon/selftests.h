// Self-tests: who asked for one, what cordon-verifier does of it, and what came of it; and the
// canary, which asks by itself.
//
//   operator, canary ─► waiting ─► desk ─► cordon-verifier ─► desk ─► facts ─► records ─► verdict
//                       └───────── SelftestBoard (two threads) ──────────┘    └ event loop ┘
//
// Owns:       what is under way, the last verdicts, and how each canary stands.
// Invariants: a test ends: with a verdict, or after run_ms_max as `unreachable`. A watchdog is
//             tripped for `passed` alone, in a row, by a canary that this process saw refused
//             before: else its way may never have led through the wire.
// Thread:     SelftestBoard any; Selftests the event loop's.
// Limits:     runs_max under way or remembered.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "control/config/verifier_config.h"
#include "control/daemon/selftest_verdict.h"

namespace cordon {

struct SelftestOrder {
    std::uint64_t id = 0;
    std::string service;
    std::uint8_t ways = 0;  // bit n: ProbeWay n
};

// Between the event loop and the desk.
class SelftestBoard {
  public:
    void order(SelftestOrder order);
    void withdraw(std::uint64_t id);
    std::vector<VerifyProbed> take_results();

    std::optional<SelftestOrder> take();
    void put(const VerifyProbed& result);

  private:
    std::mutex mutex_;
    std::deque<SelftestOrder> orders_;
    std::vector<VerifyProbed> results_;
};

// What the store is to be asked for what is under way, and what it had.
struct SelftestQuestions {
    std::vector<std::string> cases;
    std::vector<std::pair<std::string, std::uint64_t>> released;  // of a service, since Unix ns
};
struct SelftestAnswers {
    std::map<std::string, RecordedVector> records;             // by case number
    std::set<std::pair<std::string, std::uint64_t>> released;  // of those asked
};

// What there is to judge by at the moment.
struct SelftestSeen {
    std::uint64_t now_ms = 0;
    std::uint64_t now_ns = 0;  // Unix
    const LinkStatus* dataplane = nullptr;
    bool verifier = false;  // it is there
    SelftestAnswers answers;
};

// How a canary stands, for alarms.
struct CanaryStanding {
    std::string service;
    std::uint32_t every_seconds = 0;  // 0: it is off
    std::uint64_t time_ns = 0;        // of the last verdict, of whoever asked; 0: none
    std::uint64_t proven_ns = 0;      // when a vector was last refused and on record
    SelftestResult result = SelftestResult::ok;
    std::string text;
    std::string storage;
    std::uint32_t failures = 0;  // of the canary, in a row, of the result above
};

class Selftests {
  public:
    static constexpr std::size_t runs_max = 256;
    static constexpr std::uint64_t run_ms_max = 180'000;
    static constexpr std::uint64_t record_ms_max = 5'000;
    static constexpr std::uint64_t verifier_ms_max = 3'000;
    static constexpr std::uint32_t trip_after = 3;  // canaries in a row

    SelftestBoard& board() { return board_; }
    void use(std::span<const TestedService> services, std::uint64_t now_ms);

    Result<std::uint64_t> start(const std::string& service, bool canary, const SelftestSeen& seen);
    // For the next turn.
    SelftestQuestions questions() const;
    // Why the dataplane's watchdog is to be tripped now; empty: it is not.
    std::string turn(const SelftestSeen& seen);

    // Null: no such run.
    nlohmann::json run_json(std::uint64_t id) const;
    nlohmann::json status_json() const;

  private:
    struct Run {
        std::uint64_t id;
        bool canary;
        std::uint64_t started_ms;
        std::uint64_t started_ns;
        std::uint64_t probed_ms = 0;  // 0: nothing came yet
        bool ordered = true;          // and not taken by the verifier, as far as is known
        bool done = false;
        SelftestFacts facts;
        SelftestVerdict verdict;
    };
    struct Canary {
        TestedService settings;
        CanaryStanding standing;
        std::uint64_t next_ms = 0;
        bool under_way = false;
        bool tripped = false;
    };

    void begin_canaries(const SelftestSeen& seen);
    bool gather(Run* run, const SelftestSeen& seen) const;
    void end(Run* run, const SelftestSeen& seen);
    void give_up(Run* run, const char* why);
    std::string note(const Run& run, const SelftestSeen& seen);

    SelftestBoard board_;
    std::uint64_t next_id_ = 1;
    std::deque<Run> runs_;
    std::map<std::string, Canary> canaries_;
};

}  // namespace cordon
