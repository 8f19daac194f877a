#include "control/link/journal_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cordon {

// One segment while it is read.
struct JournalReader::Reading {
    std::string name;
    FileHandle file = no_file;
    Bytes content;
    JournalId journal{};
    std::uint64_t next = 0;  // the read position, as it will be in the store
    std::vector<JournalRecord> records;
    std::vector<JournalFault> faults;
};

JournalReader::JournalReader(Files& files, RecordSink& sink, JournalReaderOptions options)
    : files_(files), sink_(sink), options_(std::move(options)) {}

Result<JournalProgress> JournalReader::poll() {
    JournalProgress progress;
    auto found = segments();
    if (!found) return Failure(found.error());
    // The list is older than everything read below: a segment that has a later one in it is
    // complete, the writer has left it.
    for (std::size_t n = 0; n < found->size(); ++n) {
        const Segment* later = n + 1 < found->size() ? &(*found)[n + 1] : nullptr;
        auto consumed = consume((*found)[n], later, &progress);
        if (!consumed) return Failure(consumed.error());
    }
    return progress;
}

Result<std::vector<JournalReader::Segment>> JournalReader::segments() {
    std::vector<std::string> names;
    const int failed = files_.list(options_.directory, &names);
    if (failed == ENOENT) return std::vector<Segment>{};
    if (failed != 0) return error("cannot list the journal", options_.directory, failed);
    std::vector<Segment> found;
    for (std::string& name : names) {
        std::uint64_t number = 0;
        if (parse_segment_name(name, incident_prefix, &number)) {
            found.push_back({std::move(name), number});
        }
    }
    return found;  // sorted, since names are and their numbers have one length
}

Result<void> JournalReader::consume(const Segment& segment, const Segment* later,
                                    JournalProgress* progress) {
    Reading reading;
    reading.name = segment.name;
    const int failed = files_.open_to_read(path(segment.name), &reading.file);
    if (failed == ENOENT) return {};  // somebody removed it; its records are found missing later
    if (failed != 0) return error("cannot open journal segment", segment.name, failed);
    if (later == nullptr && nothing_new(reading)) {
        files_.close(reading.file);
        return {};
    }
    auto done = read(segment, later, &reading, progress);
    files_.close(reading.file);
    return done;
}

// The short cut of an idle journal: where the last poll ended there is still no record.
bool JournalReader::nothing_new(const Reading& reading) {
    if (reading.name != newest_.name) return false;
    std::uint8_t bytes[sizeof(RecordHeader)] = {};
    std::size_t got = 0;
    if (files_.read(reading.file, newest_.end, bytes, &got) != 0) return false;
    return std::all_of(std::begin(bytes), std::end(bytes), [](std::uint8_t b) { return b == 0; });
}

Result<void> JournalReader::read(const Segment& segment, const Segment* later, Reading* reading,
                                 JournalProgress* progress) {
    if (auto loaded = load(reading); !loaded) return loaded;
    SegmentHeader header;
    if (!read_segment_header(reading->content, &header) ||
        header.first_sequence != segment.first_sequence) {
        if (later != nullptr) return put_aside(segment, reading, progress);
        // The writer may still have it open; its next start leaves it alone and begins another.
        return failure(ErrorCode::integrity,
                       "the newest journal segment does not verify; restart "
                       "the dataplane to begin a new one: " +
                           segment.name);
    }
    std::copy(std::begin(header.journal_id), std::end(header.journal_id), reading->journal.begin());
    auto position = sink_.next_sequence(reading->journal);
    if (!position) return Failure(position.error());
    // A journal that the store has never seen begins where it begins.
    reading->next = *position == 0 ? segment.first_sequence : *position;

    RecordCursor cursor(reading->content, segment.first_sequence);
    if (auto taken = take(&cursor, reading, progress); !taken) return taken;
    next_sequence_ = reading->next;
    newest_ = {reading->name, cursor.offset()};
    if (later == nullptr) return {};
    return finish(segment, *later, &cursor, reading, progress);
}

Result<void> JournalReader::load(Reading* reading) {
    std::uint64_t bytes = 0;
    if (int failed = files_.size(reading->file, &bytes)) {
        return error("cannot read journal segment", reading->name, failed);
    }
    // What is too large is looked at no further than its header would tell.
    content_.resize(bytes > options_.segment_bytes_max ? 0 : bytes);
    std::size_t got = 0;
    if (int failed = files_.read(reading->file, 0, content_, &got)) {
        return error("cannot read journal segment", reading->name, failed);
    }
    reading->content = Bytes(content_).first(got);
    return {};
}

// Everything that verifies from where the cursor stands.
Result<void> JournalReader::take(RecordCursor* cursor, Reading* reading,
                                 JournalProgress* progress) {
    for (RecordView record; cursor->next(&record);) {
        if (record.sequence < offered_[reading->journal]) continue;
        if (record.sequence > reading->next) miss(reading, record.sequence, progress);
        reading->records.push_back({record.type, record.sequence, record.checksum, record.payload});
        reading->next = std::max(reading->next, record.sequence + 1);
        if (reading->records.size() < options_.records_per_batch) continue;
        if (auto stored = store(reading, progress); !stored) return stored;
    }
    return store(reading, progress);
}

void JournalReader::miss(Reading* reading, std::uint64_t found, JournalProgress* progress) {
    const std::uint64_t count = found - reading->next;
    reading->faults.push_back({FaultKind::missing, reading->name, reading->next, count});
    progress->missing += count;
    total_.missing += count;
    reading->next = found;
}

Result<void> JournalReader::store(Reading* reading, JournalProgress* progress) {
    if (reading->records.empty() && reading->faults.empty()) return {};
    // What the page cache shows may not be on the disk yet. Were it stored and then lost by the
    // disk, the writer would give its sequence to another record, and that one would be ignored.
    if (int failed = files_.sync(reading->file)) {
        return error("cannot sync journal segment", reading->name, failed);
    }
    auto applied =
        sink_.apply({reading->journal, reading->records, reading->next, reading->faults});
    if (!applied) return applied;
    progress->records += reading->records.size();
    total_.records += reading->records.size();
    if (!reading->records.empty()) {
        offered_[reading->journal] = reading->records.back().sequence + 1;
    }
    reading->records.clear();
    reading->faults.clear();
    return {};
}

// The writer has left this segment. Either all up to the later one is stored, or it is damaged.
Result<void> JournalReader::finish(const Segment& segment, const Segment& later,
                                   RecordCursor* cursor, Reading* reading,
                                   JournalProgress* progress) {
    const bool same = journal_of(later) == reading->journal;
    const Bytes rest = reading->content.subspan(cursor->offset());
    const bool clear = std::all_of(rest.begin(), rest.end(), [](std::uint8_t b) { return b == 0; });
    const std::uint64_t below = later.first_sequence;
    // The store may be ahead of this segment: a crash can bring back one that was deleted, without
    // those behind it.
    if (same ? reading->next >= below : clear) return drop(segment, progress);
    while (cursor->skip_damage(below)) {
        if (auto taken = take(cursor, reading, progress); !taken) return taken;
    }
    if (same && reading->next < below) miss(reading, below, progress);
    return put_aside(segment, reading, progress);
}

std::optional<JournalId> JournalReader::journal_of(const Segment& segment) {
    FileHandle file = no_file;
    if (files_.open_to_read(path(segment.name), &file) != 0) return std::nullopt;
    std::uint8_t bytes[sizeof(SegmentHeader)];
    std::size_t got = 0;
    const int failed = files_.read(file, 0, bytes, &got);
    files_.close(file);
    SegmentHeader header;
    if (failed != 0 || !read_segment_header(Bytes(bytes).first(got), &header)) return std::nullopt;
    JournalId journal;
    std::copy(std::begin(header.journal_id), std::end(header.journal_id), journal.begin());
    return journal;
}

// Told first: after a crash in between it is told once more, and the store knows it already.
Result<void> JournalReader::put_aside(const Segment& segment, Reading* reading,
                                      JournalProgress* progress) {
    reading->faults.push_back({FaultKind::damaged, segment.name, segment.first_sequence, 0});
    if (auto stored = store(reading, progress); !stored) return stored;
    const std::string aside = path(segment.name) + ".damaged";
    if (int failed = files_.rename(path(segment.name), aside)) {
        return error("cannot put aside journal segment", segment.name, failed);
    }
    if (int failed = files_.sync_directory(options_.directory)) {
        return error("cannot sync the journal", options_.directory, failed);
    }
    ++progress->segments_damaged;
    ++total_.segments_damaged;
    return {};
}

Result<void> JournalReader::drop(const Segment& segment, JournalProgress* progress) {
    // The name of the later segment may not be durable yet. Were that lost and this one gone, the
    // journal would have forgotten its id and how far it had counted.
    if (int failed = files_.sync_directory(options_.directory)) {
        return error("cannot sync the journal", options_.directory, failed);
    }
    const int failed = files_.remove(path(segment.name));
    if (failed != 0 && failed != ENOENT) {
        return error("cannot delete journal segment", segment.name, failed);
    }
    // Not synced afterwards: should the name come back after a crash, its records are already
    // stored.
    ++progress->segments_deleted;
    ++total_.segments_deleted;
    return {};
}

Failure JournalReader::error(const char* what, const std::string& name, int system_error) const {
    return failure(ErrorCode::io, std::string(what) + " " + name, system_error);
}

}  // namespace cordon
