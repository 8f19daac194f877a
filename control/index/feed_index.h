// The index of an appliance that follows feeds: a section for each epoch of each feed, as its
// records stand in the feed, and one for the operator's own list.
//
// Owns:       nothing.
// Invariants: no key of a feed is needed, and none comes into the file: what a feed seals is opened
//             by the caller. A feed's section is named after its list, and two epochs of one list
//             are two sections of that name. Tags of one indicator share a record. Records that an
//             index has no place for (perceptual hashes) are passed over.
// Thread:     any. Does not throw, but for memory that runs out.
// Limits:     those of IndexBuilder. Beside it, 16 bytes for each record of the largest section,
//             before the image is made.
#pragma once

#include "control/feed/records.h"
#include "control/index/index_files.h"

namespace cordon {

struct FeedSection {
    SectionInfo info;  // of kind `feed`
    KeyCheck check = {};
    std::span<const feed::FeedRecord> records;
    // By record: the generation that added it, as far as it is known. Empty: of none it is.
    std::span<const std::uint64_t> added_in = {};
    // Its records of patterns, opened. Only an index for a lab takes them.
    std::vector<PatternIndicator> patterns = {};
};

// The operator's own list. It reports only.
struct LocalSection {
    SectionInfo info;  // of kind `local`
    KeyCheck check = {};
    std::span<const KeyedIndicator> entries;
};

struct FeedIndexOptions {
    IndexOptions index;
    std::vector<FeedSection> feeds;
    const LocalSection* local = nullptr;  // null: none
};

// A feed's record that cannot stand in an index refuses the whole: its publisher is at fault.
Result<BuildReport> build_feed_index(const FeedIndexOptions& options, const std::string& path);
Result<BuildReport> build_feed_index(const FeedIndexOptions& options, AlignedBytes* image);

}  // namespace cordon
