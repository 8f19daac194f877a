// Indicators that are younger than a day here are on probation: a list that suddenly names what
// many people have is noticed by what it hits. What is noticed is doubted, and reports only until
// somebody confirms it.
//
//   one newcomer matches from clients_doubt clients within client_window_s    ► it is doubted
//   newcomers together hit more within an hour than usual_factor usual hours  ► all of them are
//
// Owns:       the hits of the last hour, which its caller keeps over a restart; what usual is, in
//             `hours` of the caller.
// Invariants: a pair of client and indicator counts once in a window. An IPv6 client is its /64:
//             a household has more addresses than it takes to doubt. What is settled is never
//             doubted. No address is remembered: a pair is known again by its mark, which nobody
//             can try addresses against once its key is gone. A key lives as long as a hit that is
//             marked with it, less than two hours.
// Thread:     one; pure, time is an argument and keys are made by a function that is one.
// Limits:     recent_max hits are remembered, the oldest are forgotten first; hours_max hours;
//             marking_keys_max keys.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/feed/crypto.h"

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

// Hits of newcomers within the last hour, as they are kept on a disk.
struct HitWindow {
    static constexpr std::size_t recent_max = 4096;
    // That of the hour before, and this one's.
    static constexpr std::size_t marking_keys_max = 2;
    using Mark = std::array<std::uint8_t, 16>;  // of indicator and client, keyed

    struct Key {
        std::uint64_t hour = 0;  // of the epoch, from which on it marked
        feed::SecretKey key;
    };
    struct Recent {
        std::uint64_t reference = 0;
        Mark mark = {};
        std::uint64_t key_hour = 0;  // which key marked it
        std::uint64_t time_s = 0;
    };
    std::vector<Key> keys;  // oldest first
    std::deque<Recent> recent;
};

class Newcomers {
  public:
    static constexpr std::size_t recent_max = HitWindow::recent_max;
    using MakeKey = feed::SecretKey (*)();
    enum class Doubt : std::uint8_t { none, indicator, together };

    explicit Newcomers(MakeKey make_key = feed::SecretKey::random) : make_key_(make_key) {}

    // `hours`: oldest first, of this list; it is kept up to date here.
    Doubt hit(const Hit& hit, bool is_new, std::vector<HitsOfHour>* hours);
    // What was said to be right is not what to judge by any more.
    void forget();

    const HitWindow& window() const { return window_; }
    // Goes on with what was kept.
    void resume(HitWindow window) { window_ = std::move(window); }
    // What is over by this clock goes, with its keys; so does what a clock that was ahead has left.
    void expire(std::uint64_t now_s, std::vector<HitsOfHour>* hours);
    // Whether there is more to keep, or less, than when it was kept.
    bool has_changed() const { return changed_; }
    void kept() { changed_ = false; }

  private:
    void remember(const Hit& hit);
    std::size_t clients_of(const Hit& hit) const;
    bool drop_keys();

    MakeKey make_key_;
    HitWindow window_;
    bool changed_ = false;
};

}  // namespace cordon::sync
