// Indicators that are younger than a day here are on probation: a list that suddenly names what
// many people have is noticed by what it hits. What is noticed is doubted, and reports only until
// somebody confirms it.
//
//   one newcomer matches from clients_doubt clients within client_window_s    ► it is doubted
//   newcomers together hit more within an hour than usual_factor usual hours  ► all of them are
//
// Owns:       the hits of the last hour, in memory; what usual is, in `hours` of the caller.
// Invariants: a pair of client and indicator counts once in a window. An IPv6 client is its /64:
//             a household has more addresses than it takes to doubt. What is settled is never
//             doubted.
// Thread:     one; pure, time is an argument.
// Limits:     recent_max hits are remembered, the oldest are forgotten first; hours_max hours.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace cordon::sync {

inline constexpr std::uint64_t newcomer_s = 24 * 3600;
inline constexpr std::size_t clients_doubt = 3;
inline constexpr std::uint64_t client_window_s = 600;
inline constexpr std::uint64_t usual_factor = 10;
// Where hardly anything is ever hit, ten times that is still nothing.
inline constexpr std::uint64_t together_least = 30;
inline constexpr std::size_t hours_max = 7 * 24;

// A match, as the journal tells it.
struct Hit {
    std::string list;
    std::uint64_t reference = 0;
    std::uint32_t added = 0;  // as in IndexRecord
    std::array<std::uint8_t, 16> client = {};
    std::uint64_t time_s = 0;
};

// Hits of an hour of the epoch.
struct HitsOfHour {
    std::uint64_t hour = 0;
    std::uint64_t hits = 0;
};

class Newcomers {
  public:
    static constexpr std::size_t recent_max = 4096;
    enum class Doubt : std::uint8_t { none, indicator, together };

    // `hours`: oldest first, of this list; it is kept up to date here.
    Doubt hit(const Hit& hit, bool is_new, std::vector<HitsOfHour>* hours);
    // What was said to be right is not what to judge by any more.
    void forget() { recent_.clear(); }

  private:
    struct Recent {
        std::uint64_t reference;
        std::array<std::uint8_t, 16> client;
        std::uint64_t time_s;
    };

    void remember(const Hit& hit);
    std::size_t clients_of(const Hit& hit) const;

    std::deque<Recent> recent_;  // of newcomers
};

}  // namespace cordon::sync
