// One core's whole line: frames in, rooms in order, frames out. Runs to completion for one burst
// and shares nothing with other workers but the store of uploads in pieces.
//
// Owns:       all state of its flows: the table, streams, kept bytes, messages, digests, timers.
// Invariants: bytes above a flow's cleared offset never become contiguous at the storage; every
//             received frame is counted in exactly one frame class.
// Worker:     every call comes from the worker's own thread; counters() may be read from others.
//             No system call, log or allocation after construction; no lock but the short ones
//             of Assembly, at the begin and end of a piece.
// Limits:     Options and base/limits.h; each "full" has a named outcome.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/base/time.h"
#include "dataplane/contract/counters.h"
#include "dataplane/contract/options.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/decode/decode.h"
#include "dataplane/fingerprint/digests.h"
#include "dataplane/index/index_view.h"
#include "dataplane/worker/port.h"
#include "dataplane/worker/recorder.h"

namespace cordon {

class PatternScanner;
class TypeDatabases;

enum class ObjectVerdict : std::uint8_t { clean, dismissed, match, uninspected };

// What became of one object; for replay and the ledger.
struct ObjectReport {
    SegmentEnd client;
    SegmentEnd server;
    ObjectVerdict verdict;
    UninspectedReason reason;  // with verdict uninspected
    bool complete;             // its end was seen
    bool matched;
    std::uint64_t indicator;  // reference, when matched
    std::uint64_t size;
    Digests digests;
    char method[24];
    char host[256];
    char target[1024];
    char form[16];
    char field[limits::form_field_name_bytes_max + 1];  // of a form part
    char name[limits::form_file_name_bytes_max + 1];    // its file name
    char member[1024];                                  // path of an archive member
    char container[512];                                // what the member was in
    ContentType content_type;                           // by the object's first bytes
};

class Assembly;
struct FlowKey;

// Where the bytes of a connection's client stand; for a replay.
struct Forwarded {
    std::uint32_t sent;  // sequence number behind the last byte, or FIN, that left for the storage
    bool holds;          // more came than has left
    std::uint64_t room;  // bytes behind `sent` that the storage's window takes
};

struct WorkerOptions {
    const Options* options;        // lives as long as the worker
    Assembly* assembly = nullptr;  // that all workers of the process share; null: one of its own
    ChecksumRule checksums = ChecksumRule::strict;
    bool midstream_inspect = false;  // replay: take up connections without their SYN
    bool report_objects = false;     // fill the report queue
    std::uint8_t digests = 0;        // kinds to compute beside those in the index, bit by kind
    // Lives as long as the worker, and may be that of all workers; null: the worker makes its own.
    const TypeDatabases* types = nullptr;
    std::uint64_t seed = 0;  // for the flow hash and case numbers: random in production
};

class Worker {
  public:
    Worker(const WorkerOptions& options, Port* port, Recorder* recorder);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // One turn: receives at most one burst from each side, works it off, runs due timers. Returns
    // the number of frames received.
    std::size_t poll(Now now);

    // After poll(), with the time then: how long its verdicts took. Only counters depend on it.
    void turn_ended(std::uint64_t now_ns);

    // When the next timer is due, in ns of Now::ns; UINT64_MAX when none is.
    std::uint64_t next_deadline_ns() const;

    // Puts an index in force from the next burst on; null: none. The caller keeps the old one until
    // this returns.
    // Texts are searched for `patterns`, which are those of this index; null: for none.
    void use_index(const IndexView* index, PatternScanner* patterns = nullptr);

    // What is not to be acted upon, and how old the lists are; null: nothing is known. As with
    // use_index(); what is open or held is judged by it.
    void use_suspensions(const Suspensions* suspensions);

    void set_mode(std::size_t service, ServiceMode mode, std::uint64_t bypass_until_s);

    // The kernel bridged traffic of this service without us: its flows are uninspected from now on,
    // what was held or queued of them is discarded.
    void bypassed(std::size_t service);

    // Of a connection that is inspected; false when this one is not, so that nothing of it is held.
    bool forwarded(const FlowKey& key, Forwarded* where) const;

    // For a replay, whose capture waited for no tail: the one held in this connection, or those in
    // all, are due in the next turn.
    void expire_tail(const FlowKey& key);
    void expire_tails();

    // The next finished object, oldest first; false when there is none.
    bool next_report(ObjectReport* report);

    const Counters& counters() const;
    std::uint32_t flows() const;
    std::uint32_t flows_midstream() const;
    std::uint64_t kept_bytes() const;
    std::uint64_t object_bytes_open() const;  // of objects under way: in no class yet

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace cordon
