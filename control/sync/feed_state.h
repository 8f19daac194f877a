// What an appliance keeps of a feed on its disk: what it believes, what is in force, and why not
// more.
//
//   FOLDER/state.json            FeedState, replaced as a whole
//   FOLDER/set-<generation>.rec  the set in force, and the one before it
//   FOLDER/set-<generation>.in   beside each: by record the generation with which it came here
//   FOLDER/newcomers.json        what newcomers hit within the last hour, and a usual hour
//   FOLDER/partial/              targets that broke off
//
// Owns:       the files.
// Invariants: state.json names only sets that are durable. At every moment, and after a crash at
//             any moment, the folder holds the old state or the new one. Sets hold keyed tags and
//             no key; newcomers.json holds no address (newcomers.h). Neither `trust.issued_s` nor
//             `grant_serial` ever goes back.
// Thread:     one.
// Limits:     state_bytes_max; history_max lines; doubted_max doubts; accepted_max steps, of
//             accepted_life_s; newcomers_bytes_max.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/feed/client.h"
#include "control/sync/newcomers.h"
#include "control/sync/rights.h"

namespace cordon::sync {

inline constexpr std::uint64_t state_bytes_max = 16u << 20;
inline constexpr std::uint64_t newcomers_bytes_max = 1u << 20;
inline constexpr std::size_t history_max = 200;
// Releases come hourly at most.
inline constexpr std::uint64_t accepted_life_s = 30 * feed::day_s;
inline constexpr std::size_t accepted_max = 1000;
inline constexpr std::size_t doubted_max = 256;
inline constexpr std::size_t own_suspensions_max = 256;
inline constexpr std::uint64_t own_suspension_s_max = 30 * feed::day_s;

// A suspension that was believed. It outlives its entry until a later release shows that its record
// is still meant: `lapsed_at` is the generation in force when the entry ended, 0 while it stands.
struct HeldSuspension {
    feed::Suspension what;
    std::uint64_t lapsed_at = 0;
};

// What somebody said is right: an indicator, or all that came with a generation.
struct Confirmed {
    feed::SuspensionOf what = feed::SuspensionOf::reference;
    std::uint64_t value = 0;
    std::uint64_t time_s = 0;
};

// A step from one generation to another that was taken.
struct Accepted {
    std::uint64_t time_s = 0;
    std::uint64_t base = 0;
    std::uint64_t generation = 0;
    std::uint64_t added = 0;
    std::uint64_t removed = 0;
    bool new_epoch = false;
};

struct HistoryLine {
    std::uint64_t time_s = 0;
    std::string text;
};

// Releases are held back; suspensions are not.
struct Hold {
    std::uint64_t until_s = 0;
    bool pinned = false;  // to the generation in force
    std::string reason;
    std::uint32_t uid = 0;

    bool holds(std::uint64_t now_s) const { return now_s < until_s; }
};

struct Generation {
    std::uint64_t number = 0;  // 0: none
    std::uint32_t epoch = 0;
    std::uint64_t accepted_s = 0;
    std::uint64_t count = 0;
    std::uint64_t patterns = 0;    // of them: matched in a lab only, where they may lie in clear
    std::uint64_t perceptual = 0;  // and: hashes of pictures, which nothing here computes
};

// The records of a generation, and by record the generation with which it came here: for those that
// came in a set of many generations, the last of them.
struct FeedSet {
    feed::RecordSet records;
    std::vector<std::uint64_t> came_in;

    // What becomes of it by a step to `next`.
    FeedSet follow(feed::RecordSet next, std::uint64_t generation) const;
};

struct FeedState {
    feed::TrustState trust;
    std::string begun_sha256;  // of the root it began with, hex; empty: from before this was kept
    std::optional<Consent> consent;
    std::string grant;  // the file, sealed as it came
    std::uint64_t grant_serial = 0;
    Generation in_force;
    Generation previous;
    std::vector<HeldSuspension> suspensions;
    std::vector<HeldSuspension> lifted;  // by the step from `previous` to `in_force`
    std::vector<Accepted> accepted;      // oldest first
    // By newcomers.h: indicators, or all that came with a generation. Without an end.
    std::vector<feed::Suspension> doubted;
    // Of indicators, by two persons here: a complaint that is looked into. Each has its end.
    std::vector<feed::Suspension> own_suspensions;
    std::vector<Confirmed> confirmed;
    std::vector<HitsOfHour> hours;  // oldest first; in newcomers.json
    std::vector<HistoryLine> history;
    Hold hold;
    bool imported = false;  // the last news came by `feed import`

    void note(std::uint64_t now_s, std::string text);
};

class FeedFolder {
  public:
    explicit FeedFolder(std::string directory) : directory_(std::move(directory)) {}

    Result<void> make() const;  // the folder
    std::string partial_dir() const { return directory_ + "/partial"; }

    // Nothing: this feed was never followed. A damaged file is an error, never an empty state.
    Result<std::optional<FeedState>> load() const;
    Result<void> save(const FeedState& state) const;

    struct KeptNewcomers {
        HitWindow window;
        std::vector<HitsOfHour> hours;
    };
    // Nothing: none were kept. A damaged file is an error, and what is in it is no more known.
    Result<std::optional<KeptNewcomers>> load_newcomers() const;
    Result<void> save_newcomers(const HitWindow& window,
                                const std::vector<HitsOfHour>& hours) const;

    Result<FeedSet> load_set(const Generation& generation) const;
    Result<void> save_set(const FeedSet& set, const Generation& generation) const;
    // Removes the sets and beginnings that the state does not need.
    void sweep(const FeedState& state) const;

  private:
    std::string set_path(const Generation& generation) const;

    std::string directory_;
};

// The key to which grants of this appliance are sealed; made when it is not there.
Result<feed::SecretKey> node_key(const std::string& path);
// The same, where it has to be there.
Result<feed::SecretKey> read_node_key(const std::string& path);
// A credential of the service manager, which a TPM may protect; else a file beside the state.
std::string node_key_path(const std::string& state_dir);

}  // namespace cordon::sync
