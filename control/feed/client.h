// What a client of a feed believes, and how it comes to believe more: the client workflow of TUF
// 1.0 (§5) over a function that fetches, with the one departure that docs/feed-format.md describes.
//
// Owns:       nothing across calls; TrustState is what the caller keeps on disk.
// Invariants: steps come in the order of the specification. Nothing is believed that fewer keys
//             than the threshold signed, that is older than what was believed, that is not what the
//             document above it announced, or (but for revocations) that rests on something
//             expired. A refusal changes nothing but the parts before it, each of which is valid.
// Thread:     one.
// Limits:     root_steps_max new roots in one refresh; bytes of every fetch are bounded before it.
#pragma once

#include "control/feed/metadata.h"
#include "control/feed/records.h"

namespace cordon::feed {

inline constexpr std::uint64_t root_steps_max = 64;
// A clock that runs a little behind the Centre's is no attack.
inline constexpr std::uint64_t clock_slack_s = 600;
// What is carried over an air gap is late; so late it may be, where an operator says that he knows.
inline constexpr std::uint64_t late_max_s = 7 * day_s;

// Why something of a feed was refused: the first word of the error, and of the alarm.
enum class Refusal : std::uint8_t {
    unreachable,   // the mirror does not answer, or lacks a file that was announced
    endless,       // longer than announced or allowed
    truncated,     // shorter than announced
    malformed,     // no document of this format
    forged,        // fewer valid signatures than the threshold
    rolled_back,   // older than what was believed before
    mixed,         // not what the document above it announced
    frozen,        // expired
    backdated,     // issued before what was believed before, or in the future
    over_caps,     // more than targets allows
    wrong_purpose  // for something else than known CSAM
};
const char* refusal_name(Refusal refusal);
Failure refuse(Refusal refusal, const std::string& why);

class Fetch {
  public:
    virtual ~Fetch() = default;
    // Nothing when the file is not there; `endless` when it is longer than bytes_max.
    virtual Result<std::optional<std::string>> get(const std::string& path,
                                                   std::uint64_t bytes_max) = 0;
};

// The bytes of the newest document of each role that was believed; empty: none yet.
struct TrustState {
    std::string root, timestamp, snapshot, targets, releases, revocations;
    std::uint64_t issued_s = 0;  // the newest that was believed, and never less
};

struct Refreshed {
    TrustState state;
    RootMetadata root;
    TimestampMetadata timestamp;
    TargetsMetadata targets;
    // Each by itself: a feed whose releases cannot be believed can still suspend.
    Result<ReleasesMetadata> releases = ReleasesMetadata{};
    Result<RevocationsMetadata> revocations = RevocationsMetadata{};
};

// `now_s` is fixed for the whole refresh (§5.1). `state.root` must be there: it is where trust
// begins. On an error nothing of the old state is lost; `*kept`, if asked for, is what may be kept
// of the new one (a chain of roots). `late_s`: for how long behind its end a timestamp, a snapshot
// and revocations still count, which live for a day at most; of the others none does.
Result<Refreshed> refresh(const TrustState& state, Fetch& fetch, std::uint64_t now_s,
                          TrustState* kept = nullptr, std::uint64_t late_s = 0);

// The cheapest way from generation `own` (0: nothing) to the newest one, by bytes to download.
// Empty when there is none, or nothing to do.
std::vector<std::string> cheapest_path(const ReleasesMetadata& releases, std::uint64_t own,
                                       std::uint32_t own_epoch);

// Fetches one target, checks it against what was announced, opens it and applies it.
Result<RecordSet> fetch_and_apply(const std::string& name, const TargetFile& file, const Caps& caps,
                                  const SecretKey& epoch_key, const RecordSet& set, Fetch& fetch,
                                  RecordFile* changes);

}  // namespace cordon::feed
