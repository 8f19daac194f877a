// ask_verify DIRECTORY SERVICE HOST TARGET…: writes the records by which a dataplane asks for these
// objects to be verified; TARGET with "block:" in front is a block that nothing confirmed.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "dataplane/base/files.h"
#include "dataplane/base/time.h"
#include "dataplane/shell/journal_writer.h"

namespace {

using namespace cordon;

std::uint64_t now_ns() {
    timespec now;
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
           static_cast<std::uint64_t>(now.tv_nsec);
}

template <std::size_t N>
void put(char (&out)[N], const char* text) {
    std::strncpy(out, text, N - 1);
}

template <typename Record>
bool append(Journal* journal, RecordType type, const Record& record) {
    while (journal->tend() == TendResult::more) {}
    std::uint64_t sequence = 0;
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(&record), sizeof record);
    return journal->append(type, bytes, &sequence) == JournalResult::ok;
}

bool append_block(Journal* journal, char** words, const char* target) {
    IncidentRecord record{};
    std::snprintf(record.case_number, sizeof record.case_number, "TEST-%lx",
                  static_cast<unsigned long>(now_ns()));
    put(record.service, words[2]);
    put(record.host, words[3]);
    put(record.target, target);
    put(record.method, "PUT");
    record.client.present = 1;
    record.time_ns = now_ns();
    record.action = MatchAction::block;
    return append(journal, RecordType::decided, record);
}

bool append_request(Journal* journal, char** words, const char* target) {
    VerifyRecord record{};
    record.time_ns = now_ns();
    record.reason = VerifyReason::gap;
    put(record.service, words[2]);
    put(record.host, words[3]);
    put(record.method, "PUT");
    put(record.account, "alice");
    put(record.target, target);
    record.client.present = 1;
    const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9};
    std::memcpy(record.client.address, address, sizeof address);
    return append(journal, RecordType::verify, record);
}

}  // namespace

int main(int count, char** words) {
    if (count < 5) return 2;
    PosixFiles files;
    JournalOptions options;
    options.directory = words[1];
    options.fresh_id = {4, 7, 1, 2};
    options.segment_bytes = 1u << 20;
    Journal journal(files, options);
    if (journal.open() != 0) return 1;
    for (int n = 4; n < count; ++n) {
        const char* target = words[n];
        const bool is_block = std::strncmp(target, "block:", 6) == 0;
        if (!(is_block ? append_block(&journal, words, target + 6)
                       : append_request(&journal, words, target)))
            return 1;
    }
    return journal.sync() == JournalResult::ok ? 0 : 1;
}
