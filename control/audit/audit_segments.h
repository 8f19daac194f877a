// The files of an audit trail. audit.jsonl is written to; when it has grown it is closed: it gets
// the name of its first record, audit-000000000001.jsonl, and an audit.jsonl begins whose first
// record follows the last one of the closed file. The chain goes on over all of them.
//
// Owns:       nothing; an AuditTrail the file that is written to, open.
// Invariants: an AuditTrail is what there was at one moment: a file that is closed meanwhile is in
//             it once. There is an audit.jsonl at every moment. Nothing is ever removed.
// Thread:     any.
// Limits:     audit_segment_bytes_max, beyond which a file is closed; audit_file_bytes_max of one
//             that could not be (an append-only file has no second name).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

inline constexpr std::uint64_t audit_segment_bytes_max = 16u << 20;
inline constexpr std::uint64_t audit_file_bytes_max = 256u << 20;

std::string audit_path(std::string_view state_dir);
// What audit.jsonl is called when it is closed; `first`: the number of its first record.
std::string audit_segment_path(const std::string& path, std::uint64_t first);

// One writer at a time, over all processes.
class AuditFileLock {
  public:
    explicit AuditFileLock(int file);
    ~AuditFileLock();
    AuditFileLock(const AuditFileLock&) = delete;
    AuditFileLock& operator=(const AuditFileLock&) = delete;

  private:
    int file_;
};

struct AuditFile {
    std::string path;
    std::uint64_t first = 0;  // by its name; 0: the one that is written to
    Descriptor file;          // of that one only; the others keep their names
    std::uint64_t bytes = 0;

    std::string name() const { return path.substr(path.rfind('/') + 1); }
    Result<std::string> read(std::uint64_t offset, std::uint64_t length) const;
};

struct AuditTrail {
    std::vector<AuditFile> files;  // oldest first; the last one is written to

    std::uint64_t bytes() const;
};

// `path`: of audit.jsonl. Errors: io; refused, where one file is too large.
Result<AuditTrail> open_audit_trail(const std::string& path);

// Whether `file` is the one at `path`, by its number on the disk.
Result<bool> is_audit_file_at(const std::string& path, int file);

}  // namespace cordon
