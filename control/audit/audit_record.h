// One record of the audit trail, as it stands in state_dir/audit.jsonl: a line of JSON.
//
//   {"seq":3,"time":"2026-11-22T15:04:05Z","uid":1000,"name":"anna","role":"operator",
//    "action":"mode.set","what":"service photos: enforce to observe","reason":"trial","ref":"",
//    "prev":"<hash of record 2>","hash":"<SHA-256 of all before `,"hash"`>"}
//
// Every record carries the hash of the one before, so none can be changed, removed or put elsewhere
// without all that follow. The last one is held by its hash alone (the *head*), which status and
// the event log tell to whoever keeps it elsewhere.
//
// A line that a crash cut short stays: nothing is ever removed from the file. The next record is
// then "audit.torn", which quotes the length and SHA-256 of what it found, and the chain goes on
// from the last whole record. A file that has grown is closed (audit_segments.h): the first record
// of the next one is "audit.segment".
//
// Owns:       nothing.
// Invariants: render() and AuditReader agree: what is read as a record renders to the same bytes.
// Thread:     any.
// Limits:     record_bytes_max of a line; longer texts are cut, and end in "…".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/audit/person.h"
#include "dataplane/base/bytes.h"

namespace cordon {

inline constexpr std::size_t audit_record_bytes_max = 16 * 1024;
inline constexpr std::size_t audit_hash_digits = 64;

// What is to be recorded.
struct AuditEntry {
    Person actor;
    std::string action;  // "mode.set": what kind of change
    std::string what;    // of what, from what to what
    std::string reason;  // of the actor, as he gave it
    // "key=value": the newest value of a key is remembered (AuditLog::newest), so that what was
    // noticed once is not recorded again. Empty: none.
    std::string ref;
};

struct AuditRecord {
    std::uint64_t sequence = 0;  // 1, 2, 3 …
    std::string time;
    AuditEntry entry;
    std::string previous;  // hash of the record before, 64 zeros in front of the first
    std::string hash;
};

// The newest record: what somebody keeps elsewhere to see later that nothing is missing.
struct AuditHead {
    std::uint64_t sequence = 0;  // 0: there is none
    std::string hash = std::string(audit_hash_digits, '0');
    bool operator==(const AuditHead&) const = default;
};

// The line without its end; `record.hash` is ignored, and given out in *hash.
std::string render(const AuditRecord& record, std::string* hash);

// One line without its end: false, it is not exactly what render() gives.
bool read_audit_record(std::string_view line, AuditRecord* record);

// Reads a file record by record and stops at the first thing that is wrong.
class AuditReader {
  public:
    explicit AuditReader(std::string_view file) : file_(file) {}
    // Goes on behind what was read before, in bytes that follow it.
    AuditReader(std::string_view more, AuditHead head, std::uint64_t line)
        : file_(more), head_(std::move(head)), line_(line) {}

    // False at the end, or where the chain is broken.
    bool next(AuditRecord* record);

    bool broken() const { return !why_.empty(); }
    // "line 7: …", for people.
    const std::string& why() const { return why_; }
    const AuditHead& head() const { return head_; }
    std::uint64_t torn() const { return torn_; }     // pieces that a crash left, told by a record
    std::uint64_t line() const { return line_; }     // lines read
    std::size_t whole_bytes() const { return at_; }  // up to the end of the last record
    // What stands behind the last record: left by a crash, and not told by anybody yet.
    std::string_view open_end() const { return file_.substr(at_); }

  private:
    bool fail(const std::string& why);
    bool take_torn(const AuditRecord& record, std::size_t from, std::size_t to);

    std::string_view file_;
    AuditHead head_;
    std::uint64_t line_ = 0;
    std::uint64_t torn_ = 0;
    std::size_t at_ = 0;
    std::string why_;
};

// The entry that tells of `bytes`, which a crash left.
AuditEntry torn_entry(std::string_view bytes);

}  // namespace cordon
