// What sources assert → the next generation: records, target files, the document of releases.
//
// Owns:       nothing; the store is the caller's.
// Invariants: the set of a generation follows from the assertions alone. Target files lie in
//             public/ before a document names them; nothing serves them until it is published. Caps
//             hold here as they hold in the clients. Nothing new in the assertions: the document is
//             renewed, the generation stays.
// Thread:     one.
// Limits:     records_max. Listed are 2 full sets, 24 hourly, 7 daily and 4 weekly deltas.
#pragma once

#include "control/feed/records.h"
#include "control/publisher/documents.h"

namespace cordon::feed {

inline constexpr std::size_t full_sets_listed = 2;
inline constexpr std::size_t hourly_listed = 24;
inline constexpr std::size_t daily_listed = 7;
inline constexpr std::size_t weekly_listed = 4;

// Additions and removals of one source and category, of digests, patterns or perceptual hashes.
struct DifferenceLine {
    std::uint16_t source;
    std::string source_name;
    std::uint8_t category;
    std::string what;
    std::uint64_t added = 0;
    std::uint64_t removed = 0;
};

struct Difference {
    std::uint64_t from = 0;  // generations; 0: nothing
    std::uint64_t to = 0;
    std::uint64_t count = 0;  // of records afterwards
    std::uint64_t added = 0;
    std::uint64_t removed = 0;
    std::vector<DifferenceLine> lines;
};

struct Staged {
    Difference difference;
    bool new_generation = false;
    bool full = false;
    std::vector<std::string> targets;  // new ones
};

// The set that the assertions make under the key of the epoch in force.
Result<RecordSet> asserted_set(FeedStore& store);
// The set of a generation that was staged or published last.
Result<RecordSet> set_of(FeedStore& store, std::uint64_t generation);
// Keeps it as the base of the next one.
Result<void> write_set(FeedStore& store, const RecordSet& set, std::uint64_t generation,
                       std::uint32_t epoch);
std::uint64_t published_generation(FeedStore& store);
std::uint32_t published_epoch(FeedStore& store);
Result<SecretKey> epoch_key(FeedStore& store, std::uint32_t epoch);

// An epoch has a key of its own. The next one's is made first, goes out with the grants beside the
// one in force, and is taken by a release when every node has it.
std::uint32_t epoch_in_force(FeedStore& store);
std::uint32_t newest_epoch(FeedStore& store);
Result<std::uint32_t> make_next_epoch(FeedStore& store, std::uint64_t now_s);

struct StageOptions {
    bool full = false;        // a full set even if one is younger than a day
    bool urgent = false;      // though the last generation is younger than an hour
    bool next_epoch = false;  // under the key of the next epoch, from now on
    std::uint64_t now_s = 0;
};
Result<Staged> stage_release(FeedStore& store, const StageOptions& options);

// What publishing would change, from the files and not from what stage() said: the set that is
// staged is opened as a client would, and compared with the one in force.
Result<Difference> staged_difference(FeedStore& store);
// What the assertions would change in the generation in force.
Result<Difference> asserted_difference(FeedStore& store);

}  // namespace cordon::feed
