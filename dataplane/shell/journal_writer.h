// The journal: an ordered list of records in segment files that survives any crash.
//
//   spare-….tmp ──zeros, sync, rename──► spare-….cdj ──header, sync, rename──► incident-….cdj
//                                        (always two)                          (records)
//
// Owns:       the segment it appends to, the spares and the one being made.
// Invariants: what sync() reported is found again, whole, in order, after every crash. A sequence
//             is never given to two records with different content, also where a reader has seen
//             one that a crash then took back. Nothing is appended behind bytes that are not
//             durable: recovery writes the valid part of the last segment again and clears the
//             rest, because after a failed sync the page cache may hold what the disk does not.
//             After an error nothing is appended until open() has succeeded again. A record in a
//             file that somebody has removed or moved away is not durable: nobody will read it.
// Thread:     one thread (JournalThread). One process a directory.
// Limits:     a record is at most journal_payload_max; spare_segments are kept allocated, so that a
//             full disk still takes that many segments. append() and sync() only use them; tend()
//             makes new ones in small steps, so that no record waits for a whole segment of zeros.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/files.h"
#include "dataplane/base/time.h"
#include "dataplane/contract/journal_codec.h"

namespace cordon {

enum class JournalResult : std::uint8_t {
    ok,
    full,    // no room, and no spare; the record is not written
    broken,  // a file failed: open() again. Records since the last sync() may be lost
};

enum class TendResult : std::uint8_t { idle, more, failed };

struct JournalOptions {
    std::string directory;
    JournalId fresh_id{};  // random; for a directory that has no journal yet
    std::uint64_t segment_bytes = journal_segment_bytes;
    std::uint32_t spare_segments = 2;
    std::size_t step_bytes = 256 * 1024;  // zeros written by one tend()
    // A segment with records is left after this time, full or not.
    std::uint64_t segment_age_max_ns = 24 * 3600 * ns_per_s;
};

class Journal {
  public:
    Journal(Files& files, JournalOptions options);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // Recovers. 0 or an errno; may be called again after an error.
    int open();
    JournalResult append(RecordType type, Bytes payload, std::uint64_t* sequence);
    JournalResult sync();
    // Begins another segment when this one holds records and all spares are there: what has been
    // left is deleted by its reader.
    JournalResult leave();
    std::uint64_t segment_age_max_ns() const { return options_.segment_age_max_ns; }
    bool holds_records() const { return offset_ > sizeof(SegmentHeader); }
    // One step towards the spares; `more`: call again. `failed`: last_error() says why, the
    // journal goes on with what it has.
    TendResult tend();

    bool usable() const { return usable_; }
    int last_error() const { return last_error_; }
    std::uint64_t next_sequence() const { return next_; }
    std::uint64_t durable_sequence() const { return durable_; }  // 0: none
    std::size_t spare_count() const { return spares_.size(); }
    const JournalId& id() const { return id_; }

  private:
    struct Tail;
    std::string path(const std::string& name) const { return options_.directory + "/" + name; }
    int recover();
    int sort_out(std::vector<std::uint64_t>* segments);
    bool spare_fits(const std::string& name);
    int find_tail(const std::vector<std::uint64_t>& segments, Tail* tail);
    int read_tail(std::uint64_t number, Tail* tail);
    int adopt(Tail* tail, std::uint64_t floor);
    int mend(const Tail& tail);
    JournalResult roll();
    int promote(const std::string& spare, FileHandle* file);
    int begin_spare();
    int finish_spare();
    TendResult give_up_spare(int failed);
    JournalResult broken(int failed);
    void close_all();

    Files& files_;
    JournalOptions options_;
    JournalId id_{};
    bool has_id_ = false;
    bool usable_ = false;
    bool dirty_ = false;
    int last_error_ = 0;
    FileHandle active_ = no_file;
    std::string active_path_;
    std::uint64_t active_bytes_ = 0;  // size of the file
    std::uint64_t offset_ = 0;        // where the next record goes
    std::uint64_t next_ = 1;
    std::uint64_t durable_ = 0;
    std::vector<std::uint64_t> spares_;
    std::uint64_t spare_number_ = 0;  // of the spare being made
    FileHandle making_ = no_file;
    std::uint64_t made_bytes_ = 0;
    std::vector<std::uint8_t> record_;
    std::vector<std::uint8_t> zeros_;
};

}  // namespace cordon
