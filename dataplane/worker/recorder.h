// How a worker hands over what must be recorded durably, and learns that it is.
//
// Owns:       nothing; JournalThread (shell) gives one Recorder to each worker, tests have
//             tests/support/memory_recorder.h.
// Invariants: for an incident with action block the flow is in the deny map before its record is
//             written (DESIGN §7). A ticket's answer never changes once it is not `pending`.
// Worker:     called by one worker only; no call allocates, blocks or makes a system call.
// Limits:     a ticket is answered until recorder_results further incidents were handed over, after
//             that it says `failed`: ask at every burst.
#pragma once

#include <cstdint>

#include "dataplane/contract/journal_format.h"

namespace cordon {

inline constexpr std::uint64_t recorder_results = 4096;

// The flow for the deny map: client address, storage address (16 bytes each), client port, storage
// port (as on the wire), zeros.
struct DenyKey {
    std::uint8_t bytes[40];
};

struct RecordTicket {
    std::uint64_t number = 0;
};

enum class RecordState : std::uint8_t {
    pending,  // not yet known
    durable,  // on the disk: the block may be answered
    failed,   // there is no durable record: 503, never released, `match_unrecorded`
};

class Recorder {
  public:
    virtual ~Recorder() = default;
    // False: no room, which means the same as `failed`.
    virtual bool decided(const IncidentRecord& record, const DenyKey& key,
                         RecordTicket* ticket) = 0;
    // With `durable`, *sequence is the record's sequence: EnforcedRecord::decided_sequence.
    virtual RecordState state(RecordTicket ticket, std::uint64_t* sequence) = 0;
    // An object that has to be judged on the storage; its ticket like that of decided().
    virtual bool verify(const VerifyRecord& record, RecordTicket* ticket) = 0;
    // False: no room now, try again at a later burst.
    virtual bool enforced(const EnforcedRecord& record) = 0;
    // A connection that was handed over by decided() is over: its flow leaves the deny map, so that
    // a later connection with the same ports is not taken for it. False as above.
    virtual bool over(const DenyKey& key) = 0;
};

}  // namespace cordon
