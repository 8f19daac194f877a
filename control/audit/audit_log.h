// The audit trail of this box, state_dir/audit.jsonl: who changed what, when and why, one record
// behind the other (audit_record.h).
//
// Lines of JSON and not a database: a record is one write and one fsync, any two programs of ours
// may append (a lock for each record), nothing is ever removed or rewritten, so that the file may
// be made append-only (chattr +a); and anybody can check the chain with twenty lines of his own.
//
// Owns:       the open file, and how far it has been read.
// Invariants: append() has the record on the disk when it succeeds, and a caller does what it tells
//             of only then. A crash at any point leaves whole records and at most one open end,
//             which the next append() tells of. A trail that is broken takes no records: who broke
//             it is not helped to go on.
// Thread:     one. Other processes append in between; what they wrote is read first.
// Limits:     audit_file_bytes_max, some hundred thousand records.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "control/audit/audit_record.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

inline constexpr std::size_t audit_file_bytes_max = 256u << 20;

std::string audit_path(std::string_view state_dir);

// What a look at all of a trail found.
struct AuditCheck {
    std::uint64_t records = 0;
    AuditHead head;
    std::uint64_t torn = 0;          // pieces that a crash left, told by a record
    std::size_t open_end_bytes = 0;  // left by a crash, or changed; nobody has told of it yet
    std::string broken;              // where and how; empty: the chain is whole
    bool has_wanted = true;          // the head that was asked for is in it
};
// `wanted`: a head that was kept elsewhere, its hash; empty: none. `see` gets each record.
AuditCheck check_audit(std::string_view file, std::string_view wanted,
                       const std::function<void(const AuditRecord&)>& see = {});
Result<std::string> read_audit_file(const std::string& path);

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

    explicit AuditLog(std::string path) : path_(std::move(path)) {}

    // Makes the file, or reads all of it. Errors: io, and integrity when the chain is broken.
    Result<void> open();
    Result<void> append(const AuditEntry& entry, std::uint64_t now_s);

    const std::string& path() const { return path_; }
    const AuditHead& head() const { return head_; }
    std::uint64_t torn() const { return torn_; }
    // The newest records, oldest first.
    const std::vector<AuditMark>& recent() const { return recent_; }
    // The newest value of a ref; nothing was recorded of it: empty.
    std::string newest(const std::string& ref_key) const;

  private:
    Result<void> catch_up();
    Result<void> write_record(const AuditEntry& entry, std::uint64_t now_s);
    Result<void> write_bytes(const std::string& bytes);

    std::string path_;
    Descriptor file_;
    AuditHead head_;
    std::uint64_t line_ = 0;
    std::uint64_t torn_ = 0;
    std::uint64_t bytes_ = 0;  // up to the end of the last record
    std::string open_end_;
    std::map<std::string, std::string> refs_;
    std::vector<AuditMark> recent_;
};

}  // namespace cordon
