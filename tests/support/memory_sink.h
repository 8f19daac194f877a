// A RecordSink in memory. Like a store it ignores what it has, and keeps and notes what
// contradicts.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "control/store/record_sink.h"

namespace cordon::test {

class MemorySink final : public RecordSink {
  public:
    using Payload = std::vector<std::uint8_t>;

    std::map<JournalId, std::map<std::uint64_t, std::set<Payload>>> records;
    std::map<JournalId, std::uint64_t> positions;
    std::vector<JournalFault> faults;
    std::size_t contradictions = 0;
    std::size_t repeated = 0;
    std::size_t applied = 0;
    bool broken = false;

    Result<std::uint64_t> next_sequence(const JournalId& journal) override {
        const auto found = positions.find(journal);
        return found == positions.end() ? 0 : found->second;
    }

    Result<void> apply(const RecordBatch& batch) override {
        if (broken) return failure(ErrorCode::io, "told to fail");
        ++applied;
        for (const JournalRecord& record : batch.records) {
            const Payload payload(record.payload.begin(), record.payload.end());
            std::set<Payload>& known = records[batch.journal][record.sequence];
            if (!known.insert(payload).second) ++repeated;
            if (known.size() > 1) ++contradictions;
        }
        if (batch.next_sequence != 0) positions[batch.journal] = batch.next_sequence;
        faults.insert(faults.end(), batch.faults.begin(), batch.faults.end());
        return {};
    }
};

}  // namespace cordon::test
