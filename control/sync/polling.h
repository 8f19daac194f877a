// When a feed is asked, and whom: what thousands of appliances together make of a mirror's load,
// and one of them of the time until a revocation is heard.
//
//   every poll_seconds ± 20 %  ► timestamps of two mirrors, in a random order ► the newer one
//   nobody answers             ► 30 s, doubled each time, as much again by chance; at most four
//                                minutes, or poll_seconds where that is more
//
// Owns:       PollTimes: the failures in a row, the time of the next poll. Mirrors are the
//             caller's.
// Invariants: appliances that were started together, or that a mirror let wait together, do not
//             stay together. A mirror that lies is named before one that is silent.
// Thread:     one. Time and chance are arguments; only Fetch waits.
// Limits:     mirrors_asked answers in a poll, more mirrors are asked only when those fail.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/feed/client.h"

namespace cordon::sync {

using Chance = std::function<double()>;  // 0 ≤ x < 1

inline constexpr std::uint64_t first_poll_s = 5;
inline constexpr std::uint64_t back_off_first_s = 30;
// So long a revocation waits at most for who was away. In two to four minutes a fleet asks a mirror
// that is down a third as often as one that is well, and all of it that comes back to one asks less
// in a second than it does on any day.
inline constexpr std::uint64_t back_off_most_s = 240;
inline constexpr std::size_t mirrors_asked = 2;
inline constexpr const char* timestamp_path = "metadata/timestamp.json";

class PollTimes {
  public:
    // Somewhere in the first seconds after a start.
    void begin(std::uint64_t now_s, const Chance& chance);
    // A poll has ended; `failed`: nobody gave anything that was believed.
    void polled(std::uint64_t now_s, bool failed, std::uint32_t poll_seconds, const Chance& chance);

    std::uint64_t next_s() const { return next_s_; }
    std::uint64_t failures() const { return failures_; }  // in a row

  private:
    std::uint64_t next_s_ = 0;
    std::uint64_t failures_ = 0;
};

struct Mirror {
    std::string name;
    std::unique_ptr<feed::Fetch> fetch;
    std::uint64_t version = 0;  // of the timestamp it gave last
    bool behind = false;        // another gave a newer one in the same poll
    std::string problem;        // of the last time it was asked
};

struct MirrorAnswer {
    Mirror* mirror;
    std::string timestamp;
};

// The newer timestamp first. Who does not answer has a problem; the worst one goes to `*worst`.
std::vector<MirrorAnswer> ask_mirrors(std::vector<Mirror>& mirrors, const Chance& chance,
                                      Error* worst);
void name_laggards(const std::vector<MirrorAnswer>& answers, const Mirror& followed);
void keep_worse(const Error& error, Error* worst);

}  // namespace cordon::sync
