// The one thread that writes the journal for all workers: takes records from their rings, puts
// blocked flows into the deny map, appends, syncs once for all, answers.
//
//   worker 0 ─ring─┐
//   worker 1 ─ring─┼─► deny map ─► append … append ─► one fdatasync ─► answers to the rings
//   main     ─ring─┘
//
// Owns:       the thread, the rings, the journal.
// Invariants: deny() for a block is called before its record is written. A ticket is answered
//             `durable` only after the sync that covers it; every ticket is answered, also with a
//             broken disk and at stop(). The journal is tried again while the disk is bad.
// Worker:     recorder(n) is for worker n only, main() for the thread that made this object. The
//             first record after a pause costs its worker the system call that wakes the thread.
// Limits:     RecordRing::ring_slots records a ring; enforced_backlog records wait for a bad disk.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/shell/doorbell.h"
#include "dataplane/shell/journal_writer.h"
#include "dataplane/worker/recorder.h"

namespace cordon {

class DenyHook {
  public:
    virtual ~DenyHook() = default;
    // Called by the journal thread. False: not in the map, and the worker is the flow's only guard.
    virtual bool deny(const DenyKey& key) = 0;
    virtual void undeny(const DenyKey& key) = 0;
};

// Gaps and modes come from the main thread, rarely. When one is answered `failed` post it again.
class EventRecorder {
  public:
    virtual ~EventRecorder() = default;
    virtual bool gap(const GapRecord& record, RecordTicket* ticket) = 0;
    virtual bool mode(const ModeRecord& record, RecordTicket* ticket) = 0;
    virtual RecordState state(RecordTicket ticket, std::uint64_t* sequence) = 0;
};

struct JournalStatus {
    std::uint64_t durable_sequence = 0;
    std::uint64_t errors = 0;         // file operations that failed
    std::uint64_t unrecorded = 0;     // records that were answered `failed`
    std::uint64_t enforced_lost = 0;  // `enforced` records given up: the backlog was full
    std::uint64_t deny_failed = 0;    // flows that deny() did not take
    std::uint32_t spares = 0;         // fewer than two: the disk is full or bad
    bool usable = false;
    int last_error = 0;  // errno of the last failure, 0: none so far
};

class JournalThread {
  public:
    // What goes by a clock (a bad disk, an old segment) is looked at this often while nobody rings.
    static constexpr int idle_ms_max = 200;

    JournalThread(Files& files, JournalOptions options, DenyHook& deny, std::uint32_t workers,
                  int idle_ms = idle_ms_max);
    ~JournalThread();
    JournalThread(const JournalThread&) = delete;
    JournalThread& operator=(const JournalThread&) = delete;

    // Recovers the journal and makes the spares before it returns. When the disk is bad the thread
    // does not start; when only a spare could not be made it does, status() tells.
    Result<void> start();
    // Writes what waits in the rings, then ends the thread.
    void stop();

    Recorder& recorder(std::uint32_t worker);
    EventRecorder& main();
    JournalStatus status() const;  // from any thread

  private:
    struct Source;
    static constexpr std::size_t enforced_backlog = 1024;

    void run();
    bool round();
    void take(Source* source);
    void deny(const DenyKey& key);
    std::uint64_t write(RecordType type, Bytes payload);
    bool write_backlog();
    void keep(const EnforcedRecord& record);
    bool ready();
    bool make_room();
    void back_off();
    void leave_old_segment();
    void publish_status();
    void wait(bool worked);

    Journal journal_;
    DenyHook& deny_;
    int idle_ms_;
    Doorbell bell_;                                 // rung by who posts a record
    std::vector<std::unique_ptr<Source>> sources_;  // one a worker, then main's
    std::vector<EnforcedRecord> backlog_;           // not yet durable, and its ticket is answered
    std::vector<EnforcedRecord> unsynced_;          // appended in this round
    std::uint64_t retry_ns_ = 0;                    // not before: after an error
    std::uint64_t active_ns_ = 0;                   // last time there was work
    std::uint64_t segment_ns_ = 0;                  // since when the segment holds records; 0: none
    std::thread thread_;
    std::atomic<bool> stop_{false};
    // The journal thread writes, others read.
    std::atomic<std::uint64_t> durable_sequence_{0};
    std::atomic<std::uint64_t> errors_{0};
    std::atomic<std::uint64_t> unrecorded_{0};
    std::atomic<std::uint64_t> enforced_lost_{0};
    std::atomic<std::uint64_t> deny_failed_{0};
    std::atomic<std::uint32_t> spares_{0};
    std::atomic<bool> usable_{false};
    std::atomic<int> last_error_{0};
};

}  // namespace cordon
