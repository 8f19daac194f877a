// Whether an audit trail is whole: every record behind the one before, over all its files, none of
// them missing or in another's place.
//
// Owns:       the open files of the trail, until it is done.
// Invariants: it stops at the first thing that is wrong, and names the file. What comes after the
//             moment at which the trail was opened is not looked at.
// Thread:     any; one at a time.
// Limits:     step_bytes of a file at once, or one piece that a crash left, if that is longer.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/audit/audit_record.h"
#include "control/audit/audit_segments.h"

namespace cordon {

// What a look at all of a trail found.
struct AuditCheck {
    std::uint64_t files = 0;  // looked at, to their end
    std::uint64_t records = 0;
    AuditHead head;
    std::uint64_t torn = 0;            // pieces that a crash left, told by a record
    std::uint64_t open_end_bytes = 0;  // left by a crash, or changed; nobody has told of it yet
    std::string broken;                // where and how; empty: the chain is whole
    bool has_wanted = true;            // the head that was asked for is in it
};

class AuditChecker {
  public:
    static constexpr std::uint64_t step_bytes = 256 * 1024;  // ten milliseconds
    using See = std::function<void(const AuditRecord&)>;

    // `wanted`: a head that was kept elsewhere, its hash; empty: none. `see` gets each record.
    AuditChecker(AuditTrail trail, std::string wanted, See see = {});

    // Looks at some more. False: it is done.
    bool step();

    const AuditCheck& found() const { return found_; }
    std::uint64_t bytes_done() const { return done_ + at_; }
    std::uint64_t bytes() const { return trail_.bytes(); }

  private:
    const AuditFile& file() const { return trail_.files[index_]; }
    bool stop(const std::string& why);
    bool follows();
    bool end_file();

    AuditTrail trail_;
    std::string wanted_;
    See see_;
    AuditCheck found_;
    std::size_t index_ = 0;   // of the file
    std::uint64_t at_ = 0;    // up to there it is read
    std::uint64_t done_ = 0;  // bytes of the files before
    std::uint64_t line_ = 0;
    std::uint64_t ahead_ = step_bytes;
};

// Of a whole trail, or of one file of it. Errors: of the files, not of what is in them.
Result<AuditCheck> check_audit(const std::string& path, std::string_view wanted,
                               const AuditChecker::See& see = {});

}  // namespace cordon
