// The file of the audit trail as an enemy or a crash would leave it: any bytes; and bytes behind a
// chain that is right.

#include <cstdlib>

#include "control/audit/audit_record.h"

using namespace cordon;

namespace {

// What was read as a record is what would be written for it, each behind the one before.
AuditHead insist(std::string_view file) {
    AuditReader reader(file);
    AuditRecord record;
    AuditHead last;
    while (reader.next(&record)) {
        std::string hash;
        const std::string line = render(record, &hash);
        if (hash != record.hash || record.previous != last.hash) std::abort();
        if (record.sequence != last.sequence + 1) std::abort();
        const std::size_t end = reader.whole_bytes();
        if (end > file.size() || file.substr(0, end).substr(end - line.size() - 1) != line + "\n")
            std::abort();
        last = reader.head();
    }
    if (reader.broken() == reader.why().empty()) std::abort();
    if (reader.whole_bytes() + reader.open_end().size() != file.size()) std::abort();
    return last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(bytes), size);
    insist(input);
    // A record with the input for its texts, the input behind it as a crash might leave it, and the
    // record that tells of that.
    std::string hash;
    AuditRecord record = {1, "2026-11-22T12:00:00Z", {}, std::string(audit_hash_digits, '0'), ""};
    record.entry.what = input.substr(0, size / 2);
    record.entry.reason = input.substr(size / 2);
    std::string file = render(record, &hash) + "\n";
    if (insist(file).sequence != 1) std::abort();
    if (size == 0) return 0;
    const std::string torn = std::string(input) + "\n";
    // A whole record, wherever it comes from, is nothing that a crash leaves.
    const std::string with_torn = file + torn;
    AuditReader left(with_torn);
    while (left.next(&record)) {}
    if (left.broken() || left.head().sequence != 1) return 0;
    record = {2, "2026-11-22T12:00:00Z", torn_entry(torn), hash, ""};
    file += torn + render(record, &hash) + "\n";
    if (insist(file).sequence != 2) std::abort();
    return 0;
}
