// Between the journal and its store: tells whoever watches lists (sync/newcomers.h) what they hit.
//
// Owns:       nothing.
// Invariants: what is told is stored. A record that is read twice, after a crash, is told twice.
// Thread:     the journal's; `tell` is called there.
#pragma once

#include <functional>

#include "control/store/record_sink.h"
#include "control/sync/newcomers.h"
#include "dataplane/contract/journal_format.h"

namespace cordon {

// One for each of its matches.
std::vector<sync::Hit> hits_of(const IncidentRecord& incident);

class HitTap final : public RecordSink {
  public:
    using Tell = std::function<void(const std::vector<sync::Hit>&)>;

    HitTap(RecordSink& sink, Tell tell) : sink_(sink), tell_(std::move(tell)) {}

    Result<std::uint64_t> next_sequence(const JournalId& journal) override {
        return sink_.next_sequence(journal);
    }
    Result<void> apply(const RecordBatch& batch) override;

  private:
    RecordSink& sink_;
    Tell tell_;
};

}  // namespace cordon
