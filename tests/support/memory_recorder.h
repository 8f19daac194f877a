// A Recorder in memory for tests of the worker: the test says when a record is durable or failed.
#pragma once

#include <vector>

#include "dataplane/worker/recorder.h"

namespace cordon::test {

class MemoryRecorder final : public Recorder {
  public:
    struct Decided {
        IncidentRecord record;
        DenyKey key;
        RecordState state;
        std::uint64_t sequence;
    };

    explicit MemoryRecorder(std::size_t capacity = 1024) : capacity_(capacity) {
        decided_records.reserve(capacity);
        verify_records.reserve(capacity);
        enforced_records.reserve(capacity);
        over_keys.reserve(capacity);
    }

    // What new records become at once; `pending`: complete() decides later.
    RecordState at_once = RecordState::durable;
    bool full = false;

    std::vector<Decided> decided_records;
    std::vector<VerifyRecord> verify_records;
    std::vector<EnforcedRecord> enforced_records;
    std::vector<DenyKey> over_keys;

    bool decided(const IncidentRecord& record, const DenyKey& key, RecordTicket* ticket) override {
        if (full || decided_records.size() == capacity_) return false;
        ticket->number = decided_records.size();
        decided_records.push_back({record, key, at_once, ++sequence_});
        return true;
    }
    RecordState state(RecordTicket ticket, std::uint64_t* sequence) override {
        if (ticket.number >= capacity_) return at_once;
        const Decided& decided = decided_records[ticket.number];
        if (decided.state == RecordState::durable) *sequence = decided.sequence;
        return decided.state;
    }
    // Its tickets are behind those of decided(); what complete() does is not for them.
    bool verify(const VerifyRecord& record, RecordTicket* ticket) override {
        if (full || verify_records.size() == capacity_) return false;
        ticket->number = capacity_ + verify_records.size();
        verify_records.push_back(record);
        return true;
    }
    bool enforced(const EnforcedRecord& record) override {
        if (full || enforced_records.size() == capacity_) return false;
        enforced_records.push_back(record);
        return true;
    }
    bool over(const DenyKey& key) override {
        if (full || over_keys.size() == capacity_) return false;
        over_keys.push_back(key);
        return true;
    }

    // All that are pending.
    void complete(RecordState state) {
        for (Decided& decided : decided_records) {
            if (decided.state == RecordState::pending) decided.state = state;
        }
    }

  private:
    std::size_t capacity_;
    std::uint64_t sequence_ = 0;
};

}  // namespace cordon::test
