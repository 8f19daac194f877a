// Takes the dataplane's journal into a store, exactly once, and deletes what is stored.
//
// Owns:       no file across calls. What it remembers is only a short cut; the store has the truth.
// Invariants: a segment is deleted only when all of it is stored durably and the writer has moved
//             on to a later one. What does not verify is put aside as <name>.damaged and told as a
//             fault, never deleted. A record is stored only after its segment was synced: a record
//             that a crash could still take back must not occupy its sequence in the store.
// Thread:     one thread; the dataplane may write, die and restart at any time.
// Limits:     one segment in memory, records_per_batch in one transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/store/record_sink.h"
#include "dataplane/base/files.h"
#include "dataplane/base/result.h"

namespace cordon {

struct JournalReaderOptions {
    std::string directory;  // state_dir + "/journal"
    std::uint32_t records_per_batch = 256;
    std::uint64_t segment_bytes_max = 64u << 20;  // larger is no segment of ours
};

struct JournalProgress {  // of one poll, or summed since start
    std::uint64_t records = 0;
    std::uint64_t segments_deleted = 0;
    std::uint64_t segments_damaged = 0;  // put aside: alarm
    std::uint64_t missing = 0;           // sequences that never came: alarm
};

class JournalReader {
  public:
    JournalReader(Files& files, RecordSink& sink, JournalReaderOptions options);

    // Stores all there is now. A directory that is not there yet is an empty journal. After an
    // error nothing is lost: the next poll goes on from what the store has.
    Result<JournalProgress> poll();

    const JournalProgress& total() const { return total_; }
    // The read position in the newest journal seen; compare with LinkStatus::journal_sequence.
    std::uint64_t next_sequence() const { return next_sequence_; }

  private:
    struct Segment {
        std::string name;
        std::uint64_t first_sequence;
    };
    struct Reading;
    struct Newest {
        std::string name;
        std::uint64_t end = 0;  // of its records
    };

    std::string path(const std::string& name) const { return options_.directory + "/" + name; }
    Result<std::vector<Segment>> segments();
    Result<void> consume(const Segment& segment, const Segment* later, JournalProgress* progress);
    Result<void> read(const Segment& segment, const Segment* later, Reading* reading,
                      JournalProgress* progress);
    bool nothing_new(const Reading& reading);
    Result<void> load(Reading* reading);
    Result<void> take(RecordCursor* cursor, Reading* reading, JournalProgress* progress);
    Result<void> store(Reading* reading, JournalProgress* progress);
    void miss(Reading* reading, std::uint64_t found, JournalProgress* progress);
    Result<void> finish(const Segment& segment, const Segment& later, RecordCursor* cursor,
                        Reading* reading, JournalProgress* progress);
    std::optional<JournalId> journal_of(const Segment& segment);
    Result<void> put_aside(const Segment& segment, Reading* reading, JournalProgress* progress);
    Result<void> drop(const Segment& segment, JournalProgress* progress);
    Failure error(const char* what, const std::string& name, int system_error) const;

    Files& files_;
    RecordSink& sink_;
    JournalReaderOptions options_;
    JournalProgress total_;
    std::uint64_t next_sequence_ = 0;
    // By journal, since this reader began. A new one offers again all that is still there: after a
    // disk that failed and a crash, the store may have seen another record of the same number.
    std::map<JournalId, std::uint64_t> offered_;
    Newest newest_;
    std::vector<std::uint8_t> content_;
};

}  // namespace cordon
