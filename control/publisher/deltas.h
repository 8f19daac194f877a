// The target files of a generation: which ones there are, how they are made, which stay listed.
//
// Owns:       nothing; the store is the caller's.
// Invariants: a delta leads from one published generation to this one and crosses no epoch. Its
//             changes are those of the generations between, folded: a record that came and went is
//             not in it. From the newest full set listed deltas lead to the newest generation,
//             however many of them a day has.
// Thread:     one.
// Limits:     those of staging.h.
#pragma once

#include "control/feed/records.h"
#include "control/publisher/documents.h"

namespace cordon::feed {

class TargetWriter {
  public:
    // `change` leads from the published generation to the new one, whose set is `next`.
    TargetWriter(FeedStore& store, const SecretKey& key, const RecordFile& change,
                 const RecordSet& next, std::uint64_t now_s);

    // Names of what was written.
    Result<std::vector<std::string>> write_targets(bool same_epoch, bool full);

  private:
    bool full_is_due();
    void remember_change();
    Result<void> write_full();
    Result<void> write_delta(std::uint64_t base, const char* span);
    Result<RecordFile> folded(std::uint64_t base);
    Result<void> write(const std::string& name, const char* span, const RecordFile& file);

    FeedStore& store_;
    const SecretKey& key_;
    const RecordFile& change_;
    const RecordSet& next_;
    std::uint64_t now_s_;
    std::vector<std::string> names_;
};

void put_target(FeedStore& store, const std::string& name, const char* span, const TargetFile& file,
                std::uint64_t at_s);

// What the document of releases names now: the newest of each span, and those of the generation
// that is staged.
Result<std::map<std::string, TargetFile>> listed_targets(FeedStore& store);

}  // namespace cordon::feed
