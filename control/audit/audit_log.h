// The audit trail of this box, state_dir/audit.jsonl and the files that it filled before
// (audit_segments.h): who changed what, when and why, one record behind the other (audit_record.h).
//
// Lines of JSON and not a database: a record is one write and one fsync, any two programs of ours
// may append (a lock for each record), nothing is ever removed or rewritten; and anybody can check
// the chain with twenty lines of his own.
//
// Owns:       the open file, and how far it has been read.
// Invariants: append() has the record on the disk when it succeeds, and a caller does what it tells
//             of only then. A crash at any point leaves whole records and at most one open end,
//             which the next append() tells of; and an audit.jsonl at any point. A trail that is
//             broken takes no records: who broke it is not helped to go on. Of files that are
//             closed, open() looks at the last record only: audit_check.h looks at all of them.
// Thread:     one. Other processes append in between, and close the file; what they wrote is read
//             first.
// Limits:     audit_segment_bytes_max of a file; where it cannot be closed (an append-only one has
//             no second name) it goes on to audit_file_bytes_max.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/audit/audit_record.h"
#include "control/audit/audit_segments.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

// Of a record, what may be told to whoever reads the event log: no person, no text.
struct AuditMark {
    std::uint64_t sequence;
    std::string time;
    std::string action;
    std::string hash;
};

class AuditLog {
  public:
    static constexpr std::size_t recent_max = 256;

    // A test has smaller files.
    explicit AuditLog(std::string path, std::uint64_t segment_bytes_max = audit_segment_bytes_max)
        : path_(std::move(path)), segment_bytes_max_(segment_bytes_max) {}

    // Makes the file, or reads all of it. Errors: io, and integrity when the chain is broken.
    Result<void> open();
    Result<void> append(const AuditEntry& entry, std::uint64_t now_s);

    const std::string& path() const { return path_; }
    const AuditHead& head() const { return head_; }
    std::uint64_t torn() const { return torn_; }  // of the file that is written to
    std::uint64_t closed() const { return closed_; }
    // Why a file that has grown could not be closed; it is tried again. Empty: all is well.
    const std::string& segment_problem() const { return segment_problem_; }
    // The newest records, oldest first.
    const std::vector<AuditMark>& recent() const { return recent_; }
    // The newest value of a ref; nothing was recorded of it: empty.
    std::string newest(const std::string& ref_key) const;

  private:
    Result<void> read_closed(const AuditTrail& trail);
    Result<void> use(Descriptor file);
    Result<void> follow();
    Result<void> catch_up();
    Result<void> append_locked(const AuditEntry& entry, std::uint64_t now_s);
    Result<void> close_segment(std::uint64_t now_s);
    Result<void> write_record(const AuditEntry& entry, std::uint64_t now_s);
    Result<void> write_bytes(const std::string& bytes);
    void remember(const AuditRecord& record);

    std::string path_;
    std::uint64_t segment_bytes_max_;
    Descriptor file_;
    AuditHead head_;
    std::uint64_t first_ = 1;  // number of the first record of the file
    std::uint64_t closed_ = 0;
    std::uint64_t line_ = 0;
    std::uint64_t torn_ = 0;
    std::uint64_t bytes_ = 0;  // up to the end of the last record
    std::string open_end_;
    std::string segment_problem_;
    std::map<std::string, std::string> refs_;
    std::vector<AuditMark> recent_;
};

}  // namespace cordon
