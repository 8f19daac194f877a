// fill_journal DIRECTORY RECORDS SEGMENT_BYTES: a journal as a dataplane leaves it, with that many
// decided blocks in small segments, so that a test need not upload for minutes.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dataplane/base/files.h"
#include "dataplane/shell/journal_writer.h"

int main(int count, char** words) {
    using namespace cordon;
    if (count != 4) return 2;
    PosixFiles files;
    JournalOptions options;
    options.directory = words[1];
    options.fresh_id = {4, 7, 1, 1};
    options.segment_bytes = std::strtoull(words[3], nullptr, 10);
    Journal journal(files, options);
    if (journal.open() != 0) return 1;
    const int records = std::atoi(words[2]);
    for (int n = 0; n < records; ++n) {
        while (journal.tend() == TendResult::more) {}
        IncidentRecord record{};
        std::snprintf(record.case_number, sizeof record.case_number, "TEST-FILL-%d", n);
        std::snprintf(record.target, sizeof record.target, "/filled-%d", n);
        std::strcpy(record.service, "photos");
        record.client.present = 1;
        record.time_ns = 1'700'000'000'000'000'000;
        record.action = MatchAction::block;
        std::uint64_t sequence = 0;
        const Bytes bytes(reinterpret_cast<const std::uint8_t*>(&record), sizeof record);
        if (journal.append(RecordType::decided, bytes, &sequence) != JournalResult::ok) return 1;
    }
    return journal.sync() == JournalResult::ok ? 0 : 1;
}
