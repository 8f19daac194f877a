#include "control/audit/audit_check.h"

#include <utility>

namespace cordon {

AuditChecker::AuditChecker(AuditTrail trail, std::string wanted, See see)
    : trail_(std::move(trail)), wanted_(std::move(wanted)), see_(std::move(see)) {
    found_.has_wanted = wanted_.empty();
}

bool AuditChecker::step() {
    if (index_ == trail_.files.size()) return false;
    if (at_ == 0 && !follows()) return false;
    const Result<std::string> more = file().read(at_, ahead_);
    if (!more) return stop(more.error().message());
    AuditReader reader(*more, found_.head, line_);
    AuditRecord record;
    while (reader.next(&record)) {
        ++found_.records;
        found_.has_wanted = found_.has_wanted || record.hash == wanted_;
        if (see_) see_(record);
    }
    found_.head = reader.head();
    found_.torn += reader.torn();
    line_ = reader.line();
    if (reader.broken()) return stop(reader.why());
    at_ += reader.whole_bytes();
    if (at_ - reader.whole_bytes() + more->size() == file().bytes) return end_file();
    // A piece that a crash left goes on behind what was read.
    ahead_ = reader.whole_bytes() == 0 ? ahead_ * 2 : step_bytes;
    return true;
}

bool AuditChecker::stop(const std::string& why) {
    found_.broken = file().name() + ": " + why;
    index_ = trail_.files.size();
    return false;
}

// By the name of a closed file; what its records say is looked at next.
bool AuditChecker::follows() {
    const std::uint64_t first = file().first, last = found_.head.sequence;
    if (first == 0 || first == last + 1) return true;
    if (first <= last)
        return stop("it begins with record " + std::to_string(first) +
                    " by its name, and the file before ends with record " + std::to_string(last));
    return stop("the records " + std::to_string(last + 1) + " to " + std::to_string(first - 1) +
                " before it are missing: a file is gone");
}

bool AuditChecker::end_file() {
    const std::uint64_t rest = file().bytes - at_;
    const bool is_last = index_ + 1 == trail_.files.size();
    if (!is_last && rest != 0)
        return stop(std::to_string(rest) + " bytes at its end are no record, and it was closed");
    found_.open_end_bytes = rest;
    ++found_.files;
    done_ += std::exchange(at_, 0) + rest;
    ++index_;
    line_ = 0;
    ahead_ = step_bytes;
    return !is_last;
}

Result<AuditCheck> check_audit(const std::string& path, std::string_view wanted,
                               const AuditChecker::See& see) {
    Result<AuditTrail> trail = open_audit_trail(path);
    if (!trail) return Failure(trail.error());
    AuditChecker checker(std::move(*trail), std::string(wanted), see);
    while (checker.step()) {}
    return checker.found();
}

}  // namespace cordon
