// What the journal reader hands to a store: records that verified, the place reached, and what was
// found damaged on the way.
//
// Owns:       nothing; a batch points into memory of the reader and dies with the call.
// Invariants: apply() is all or nothing, and durable when it returns without an error. A record
// that
//             is applied twice is stored once: (node, journal, sequence) is its key. So is a fault.
//             Of two that contradict each other under one key both are kept.
// Thread:     one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/journal_codec.h"

namespace cordon {

struct JournalRecord {
    RecordType type;
    std::uint64_t sequence;
    std::uint64_t checksum;  // as in its header: tells a repeated record from a contradicting one
    Bytes payload;
};

enum class FaultKind : std::uint8_t {
    missing = 1,  // sequences that never came: deleted by somebody, or lost by the disk
    damaged = 2,  // a segment that does not verify; it was put aside, not deleted
};

// Something of the journal was lost or could not be read. Stored like a record, so that it is told
// until somebody has looked, and not only in a log.
struct JournalFault {
    FaultKind kind;
    std::string segment;
    std::uint64_t first_sequence;  // of what is missing
    std::uint64_t count;
};

struct RecordBatch {
    JournalId journal{};
    std::span<const JournalRecord> records;
    // The read position: all before is in the store after apply(). 0: it stays what it is (faults
    // of a segment that does not tell its journal).
    std::uint64_t next_sequence = 0;
    std::span<const JournalFault> faults;
};

class RecordSink {
  public:
    virtual ~RecordSink() = default;
    // The read position of a journal; 0 when nothing of it was ever stored.
    virtual Result<std::uint64_t> next_sequence(const JournalId& journal) = 0;
    virtual Result<void> apply(const RecordBatch& batch) = 0;
};

}  // namespace cordon
