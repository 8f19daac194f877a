// The journal: its frames, the writer on files that fail, and the thread that serves the workers.
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "dataplane/shell/journal_thread.h"
#include "dataplane/shell/record_ring.h"
#include "tests/support/guard_page.h"
#include "tests/support/recording_files.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr JournalId fresh_id = {1, 2, 3};
constexpr const char* directory = "state/journal";

std::vector<std::uint8_t> payload_of(std::size_t bytes, std::uint8_t fill) {
    return std::vector<std::uint8_t>(bytes, fill);
}

std::vector<std::uint8_t> segment_of(std::size_t records) {
    std::vector<std::uint8_t> segment(4096);
    const SegmentHeader header = make_segment_header(fresh_id, 10);
    std::memcpy(segment.data(), &header, sizeof header);
    std::size_t at = sizeof header;
    for (std::size_t n = 0; n < records; ++n) {
        const auto payload = payload_of(n * 5, static_cast<std::uint8_t>(n + 1));
        at += write_record(RecordType::decided, 10 + n, payload, MutableBytes(segment).subspan(at));
    }
    segment.resize(at);
    return segment;
}

std::size_t count_records(Bytes segment) {
    SegmentHeader header;
    if (!read_segment_header(segment, &header)) return 0;
    RecordCursor cursor(segment, header.first_sequence);
    std::size_t count = 0;
    for (RecordView record; cursor.next(&record);)
        ++count;
    return count;
}

// --- frames --------------------------------------------------------------------------------------

void reads_back_what_was_written(void**) {
    const auto segment = segment_of(4);
    SegmentHeader header;
    assert_true(read_segment_header(segment, &header));
    assert_memory_equal(header.journal_id, fresh_id.data(), fresh_id.size());
    RecordCursor cursor(segment, header.first_sequence);
    RecordView record;
    for (std::size_t n = 0; n < 4; ++n) {
        assert_true(cursor.next(&record));
        assert_int_equal(record.sequence, 10 + n);
        assert_int_equal(record.payload.size(), n * 5);
        for (std::uint8_t byte : record.payload)
            assert_int_equal(byte, n + 1);
    }
    assert_false(cursor.next(&record));
    assert_int_equal(cursor.offset(), segment.size());
    assert_int_equal(cursor.sequence(), 14);
}

void a_segment_cut_anywhere_gives_its_whole_records_and_is_not_read_past(void**) {
    const auto segment = segment_of(4);
    std::size_t before = 0;
    for (std::size_t size = 0; size <= segment.size(); ++size) {
        const GuardedBytes cut(Bytes(segment).first(size));
        const std::size_t count = count_records(cut.bytes());
        assert_true(count == before || count == before + 1);
        before = count;
    }
    assert_int_equal(before, 4);
}

void any_changed_bit_of_a_record_ends_the_segment_before_it(void**) {
    const auto segment = segment_of(2);
    const std::size_t second = sizeof(SegmentHeader) + sizeof(RecordHeader);  // first is empty
    for (std::size_t bit = second * 8; bit < (second + sizeof(RecordHeader) + 5) * 8; ++bit) {
        auto changed = segment;
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1u << bit % 8);
        assert_int_equal(count_records(changed), 1);
    }
    for (std::size_t bit = 0; bit < sizeof(SegmentHeader) * 8; ++bit) {
        auto changed = segment;
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1u << bit % 8);
        assert_int_equal(count_records(changed), 0);
    }
}

void a_record_of_an_earlier_life_behind_the_end_is_not_taken(void**) {
    auto segment = segment_of(1);
    std::vector<std::uint8_t> stale(64);
    stale.resize(write_record(RecordType::decided, 12, payload_of(8, 1), stale));
    segment.insert(segment.end(), stale.begin(), stale.end());
    assert_int_equal(count_records(segment), 1);
}

void damage_is_skipped_to_the_next_record_that_verifies(void**) {
    auto segment = segment_of(4);
    segment[sizeof(SegmentHeader) + sizeof(RecordHeader) + 20] ^= 1;  // record 11
    RecordCursor cursor(segment, 10);
    RecordView record;
    assert_true(cursor.next(&record));
    assert_false(cursor.next(&record));
    RecordCursor at_end = cursor;
    assert_false(at_end.skip_damage(12));  // 12 belongs to somebody else
    assert_true(cursor.skip_damage(14));
    assert_true(cursor.next(&record));
    assert_int_equal(record.sequence, 12);
    assert_true(cursor.next(&record));
    assert_false(cursor.skip_damage(14));
}

void names_of_segments_are_exact(void**) {
    assert_string_equal(segment_name(incident_prefix, 0x1f).c_str(),
                        "incident-000000000000001f.cdj");
    std::uint64_t number = 0;
    assert_true(parse_segment_name("incident-ffffffffffffffff.cdj", incident_prefix, &number));
    assert_true(number == UINT64_MAX);
    for (const char* name : {"incident-1.cdj", "incident-000000000000001F.cdj",
                             "incident-000000000000001f.cdj.damaged", "spare-000000000000001f.cdj",
                             "incident-000000000000001g.cdj", "incident--00000000000001f.cdj"}) {
        assert_false(parse_segment_name(name, incident_prefix, &number));
    }
}

// --- writer --------------------------------------------------------------------------------------

JournalOptions small(const JournalId& id = fresh_id) {
    return {directory, id, 512, 2, 256};
}

void tend_all(Journal& journal) {
    while (journal.tend() == TendResult::more) {}
}

std::uint64_t must_append(Journal& journal, std::size_t bytes, std::uint8_t fill) {
    std::uint64_t sequence = 0;
    assert_int_equal(journal.append(RecordType::decided, payload_of(bytes, fill), &sequence),
                     JournalResult::ok);
    return sequence;
}

void keeps_two_segments_allocated_ahead(void**) {
    RecordingFiles files;
    Journal journal(files, small());
    assert_int_equal(journal.open(), 0);
    tend_all(journal);
    assert_int_equal(journal.spare_count(), 2);
    must_append(journal, 100, 1);
    assert_int_equal(journal.spare_count(), 1);
    tend_all(journal);
    assert_int_equal(journal.spare_count(), 2);
    assert_int_equal(files.names().size(), 3);
    assert_int_equal(
        files.content(std::string(directory) + "/incident-0000000000000001.cdj").size(), 512);
}

void one_sync_covers_all_that_was_appended(void**) {
    RecordingFiles files;
    Journal journal(files, small());
    assert_int_equal(journal.open(), 0);
    tend_all(journal);
    must_append(journal, 10, 1);
    assert_int_equal(journal.sync(), JournalResult::ok);
    const std::size_t before = files.operation_count();
    for (std::uint8_t n = 0; n < 4; ++n)
        must_append(journal, 10, n);
    assert_int_equal(journal.durable_sequence(), 1);
    assert_int_equal(journal.sync(), JournalResult::ok);
    assert_int_equal(journal.durable_sequence(), 5);
    assert_int_equal(files.operation_count() - before, 4 + 1);
    assert_int_equal(journal.sync(), JournalResult::ok);
    assert_int_equal(files.operation_count() - before, 4 + 1);
}

void sequences_and_id_go_on_after_a_restart(void**) {
    RecordingFiles files;
    for (std::uint64_t life = 0; life < 5; ++life) {
        Journal journal(files, small({static_cast<std::uint8_t>(life + 50)}));
        assert_int_equal(journal.open(), 0);
        tend_all(journal);
        assert_int_equal(journal.next_sequence(), life * 3 + 1);
        for (std::uint64_t n = 1; n <= 3; ++n) {
            assert_int_equal(must_append(journal, 60, 1), life * 3 + n);
        }
        assert_int_equal(journal.sync(), JournalResult::ok);
        assert_int_equal(journal.id()[0], 50);
        tend_all(journal);
    }
    assert_int_equal(files.open_handles, 0);
}

void what_a_torn_write_left_behind_the_end_is_cleared(void**) {
    RecordingFiles files;
    const std::string name = std::string(directory) + "/incident-0000000000000001.cdj";
    {
        Journal journal(files, small());
        assert_int_equal(journal.open(), 0);
        tend_all(journal);
        for (std::uint8_t n = 1; n <= 3; ++n)
            must_append(journal, 16, n);
        journal.sync();
    }
    // The second record is torn, the third is whole: its number will be given to another one.
    files.content(name)[sizeof(SegmentHeader) + record_bytes(16) + sizeof(RecordHeader)] ^= 1;
    Journal journal(files, small());
    assert_int_equal(journal.open(), 0);
    assert_int_equal(must_append(journal, 16, 9), 2);
    assert_int_equal(count_records(files.content(name)), 2);
}

void a_full_disk_still_takes_what_was_allocated_ahead(void**) {
    RecordingFiles files;
    Journal journal(files, small());
    assert_int_equal(journal.open(), 0);
    tend_all(journal);
    must_append(journal, 440, 1);
    tend_all(journal);
    files.room_bytes = 0;
    must_append(journal, 440, 2);
    assert_int_equal(journal.tend(), TendResult::failed);
    assert_int_equal(journal.last_error(), ENOSPC);
    must_append(journal, 440, 3);
    std::uint64_t sequence = 0;
    const auto payload = payload_of(440, 4);
    assert_int_equal(journal.append(RecordType::decided, payload, &sequence), JournalResult::full);
    assert_int_equal(journal.append(RecordType::decided, payload, &sequence), JournalResult::full);
    assert_int_equal(journal.sync(), JournalResult::ok);
    assert_int_equal(journal.durable_sequence(), 3);
    files.room_bytes = UINT64_MAX;
    tend_all(journal);
    assert_int_equal(must_append(journal, 440, 4), 4);
}

void numbers_are_not_given_again_when_the_last_segment_is_damaged(void**) {
    RecordingFiles files;
    {
        Journal journal(files, small());
        assert_int_equal(journal.open(), 0);
        tend_all(journal);
        must_append(journal, 440, 1);
        must_append(journal, 16, 2);
        must_append(journal, 16, 3);
        journal.sync();
    }
    files.content(std::string(directory) + "/incident-0000000000000002.cdj")[0] = 0;
    {
        Journal journal(files, small({77}));
        assert_int_equal(journal.open(), 0);
        tend_all(journal);
        assert_true(journal.id() == fresh_id);
        assert_true(must_append(journal, 16, 4) > 3);
        journal.sync();
    }
    for (const std::string& name : files.names())
        files.content(name)[0] = 0;
    Journal journal(files, small({77}));
    assert_int_equal(journal.open(), 0);
    tend_all(journal);
    assert_int_equal(journal.id()[0], 77);
    assert_true(must_append(journal, 16, 5) > 4);
}

// The page cache may drop what a failed sync did not write, after a reader has seen it.
void numbers_are_not_given_again_when_the_disk_lost_what_was_read(void**) {
    RecordingFiles files;
    Journal journal(files, small());
    assert_int_equal(journal.open(), 0);
    tend_all(journal);
    must_append(journal, 16, 1);
    journal.sync();
    auto& content = files.content(std::string(directory) + "/incident-0000000000000001.cdj");
    const auto on_disk = content;
    must_append(journal, 16, 2);
    must_append(journal, 16, 3);
    files.fail_from = files.attempts();
    assert_int_equal(journal.sync(), JournalResult::broken);
    files.fail_from = SIZE_MAX;
    files.content(std::string(directory) + "/incident-0000000000000001.cdj") = on_disk;
    assert_int_equal(journal.open(), 0);
    assert_int_equal(must_append(journal, 16, 4), 4);
    assert_true(files.exists(std::string(directory) + "/incident-0000000000000004.cdj"));
}

void a_spare_in_the_making_is_removed_at_the_next_start(void**) {
    RecordingFiles files;
    for (int life = 0; life < 3; ++life) {
        Journal journal(files, small());
        assert_int_equal(journal.open(), 0);
        for (int step = 0; step < 2; ++step)
            assert_int_equal(journal.tend(), TendResult::more);
        assert_int_equal(files.names().size(), 1);
        assert_true(files.names()[0].ends_with(".tmp"));
    }
}

void spares_of_another_size_are_made_anew(void**) {
    RecordingFiles files;
    {
        Journal journal(files, small());
        assert_int_equal(journal.open(), 0);
        tend_all(journal);
    }
    JournalOptions larger = small();
    larger.segment_bytes = 1024;
    Journal journal(files, larger);
    assert_int_equal(journal.open(), 0);
    assert_int_equal(journal.spare_count(), 0);
    tend_all(journal);
    must_append(journal, 900, 1);
}

void after_a_failed_sync_nothing_is_appended_until_it_is_open_again(void**) {
    RecordingFiles files;
    Journal journal(files, small());
    assert_int_equal(journal.open(), 0);
    tend_all(journal);
    must_append(journal, 16, 1);
    files.fail_from = files.attempts();
    files.fail_until = files.attempts() + 1;
    assert_int_equal(journal.sync(), JournalResult::broken);
    std::uint64_t sequence = 0;
    assert_int_equal(journal.append(RecordType::decided, payload_of(8, 2), &sequence),
                     JournalResult::broken);
    assert_int_equal(journal.sync(), JournalResult::broken);
    assert_int_equal(journal.durable_sequence(), 0);
    assert_int_equal(journal.open(), 0);
    assert_int_equal(must_append(journal, 8, 2), 2);
    assert_int_equal(journal.sync(), JournalResult::ok);
}

// --- thread --------------------------------------------------------------------------------------

// Real files that fail when told to.
class SwitchedFiles final : public Files {
  public:
    std::atomic<int> sync_fails{0};
    std::atomic<int> allocate_fails{0};
    std::atomic<std::uint64_t> writes{0};
    std::atomic<std::uint64_t> syncs{0};

    int make_directory(const std::string& path) override { return real_.make_directory(path); }
    int sync_directory(const std::string& path) override { return real_.sync_directory(path); }
    int list(const std::string& path, std::vector<std::string>* names) override {
        return real_.list(path, names);
    }
    int create(const std::string& path, FileHandle* file) override {
        return real_.create(path, file);
    }
    int open(const std::string& path, FileHandle* file) override { return real_.open(path, file); }
    int open_to_read(const std::string& path, FileHandle* file) override {
        return real_.open_to_read(path, file);
    }
    void close(FileHandle file) override { real_.close(file); }
    int allocate(FileHandle file, std::uint64_t bytes) override {
        if (allocate_fails != 0) return allocate_fails;
        return real_.allocate(file, bytes);
    }
    int size(FileHandle file, std::uint64_t* bytes) override { return real_.size(file, bytes); }
    int read(FileHandle file, std::uint64_t offset, MutableBytes into, std::size_t* got) override {
        return real_.read(file, offset, into, got);
    }
    int write(FileHandle file, std::uint64_t offset, Bytes bytes) override {
        ++writes;
        return real_.write(file, offset, bytes);
    }
    int sync(FileHandle file) override {
        ++syncs;
        return sync_fails != 0 ? sync_fails.load() : real_.sync(file);
    }
    int rename(const std::string& from, const std::string& to) override {
        return real_.rename(from, to);
    }
    int remove(const std::string& path) override { return real_.remove(path); }

  private:
    PosixFiles real_;
};

class NotingHook final : public DenyHook {
  public:
    explicit NotingHook(SwitchedFiles& files) : files_(files) {}
    void deny(const DenyKey& key) override {
        writes_before = files_.writes.load();
        last_key = key.bytes[0];
        ++denied;
    }
    std::atomic<std::uint64_t> denied{0};
    std::atomic<std::uint64_t> writes_before{0};
    std::atomic<std::uint8_t> last_key{0};

  private:
    SwitchedFiles& files_;
};

struct Fixture {
    std::string state_dir;
    SwitchedFiles files;
    NotingHook hook{files};
    std::unique_ptr<JournalThread> thread;

    JournalOptions options(std::uint64_t segment_bytes = 64 * 1024) {
        return {state_dir + "/journal", fresh_id, segment_bytes, 2, 256 * 1024};
    }
    void start(std::uint32_t workers, std::uint64_t segment_bytes = 64 * 1024) {
        thread = std::make_unique<JournalThread>(files, options(segment_bytes), hook, workers);
        assert_true(thread->start().has_value());
    }
    // By sequence, from the files.
    std::map<std::uint64_t, std::vector<std::uint8_t>> records(RecordType type) {
        std::map<std::uint64_t, std::vector<std::uint8_t>> found;
        std::vector<std::string> names;
        files.list(state_dir + "/journal", &names);
        for (const std::string& name : names) {
            std::uint64_t first = 0;
            if (!parse_segment_name(name, incident_prefix, &first)) continue;
            FileHandle file = no_file;
            std::uint64_t size = 0;
            std::size_t got = 0;
            assert_int_equal(files.open_to_read(state_dir + "/journal/" + name, &file), 0);
            files.size(file, &size);
            std::vector<std::uint8_t> content(size);
            files.read(file, 0, content, &got);
            files.close(file);
            RecordCursor cursor(content, first);
            for (RecordView record; cursor.next(&record);) {
                if (record.type != type) continue;
                assert_true(
                    found
                        .emplace(record.sequence, std::vector<std::uint8_t>(record.payload.begin(),
                                                                            record.payload.end()))
                        .second);
            }
        }
        return found;
    }
};

int setup(void** state) {
    auto* fixture = new Fixture;
    char made[] = "/tmp/cordon-journal-XXXXXX";
    if (::mkdtemp(made) == nullptr) return -1;
    fixture->state_dir = made;
    *state = fixture;
    return 0;
}

int teardown(void** state) {
    auto* fixture = static_cast<Fixture*>(*state);
    fixture->thread.reset();
    std::filesystem::remove_all(fixture->state_dir);
    delete fixture;
    return 0;
}

Fixture& of(void** state) {
    return *static_cast<Fixture*>(*state);
}

IncidentRecord incident(std::uint64_t number, MatchAction action = MatchAction::block) {
    IncidentRecord record{};
    record.object_bytes = number;
    record.action = action;
    return record;
}

RecordState wait_for(Recorder& recorder, RecordTicket ticket, std::uint64_t* sequence) {
    for (int n = 0; n < 20000; ++n) {
        const RecordState state = recorder.state(ticket, sequence);
        if (state != RecordState::pending) return state;
        ::usleep(500);
    }
    return RecordState::pending;
}

RecordState record_one(Recorder& recorder, std::uint64_t number, std::uint64_t* sequence) {
    RecordTicket ticket;
    DenyKey key{};
    key.bytes[0] = static_cast<std::uint8_t>(number);
    assert_true(recorder.decided(incident(number), key, &ticket));
    return wait_for(recorder, ticket, sequence);
}

void a_ticket_becomes_durable_with_the_sequence_of_its_record(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    assert_int_equal(fixture.thread->status().spares, 2);
    for (std::uint64_t n = 1; n <= 5; ++n) {
        std::uint64_t sequence = 0;
        assert_int_equal(record_one(fixture.thread->recorder(0), n, &sequence),
                         RecordState::durable);
        assert_int_equal(sequence, n);
        assert_true(fixture.thread->status().durable_sequence >= n);
    }
    fixture.thread->stop();
    assert_int_equal(fixture.records(RecordType::decided).size(), 5);
}

void the_flow_is_denied_before_its_record_is_written(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    const std::uint64_t writes = fixture.files.writes;
    std::uint64_t sequence = 0;
    record_one(fixture.thread->recorder(0), 42, &sequence);
    assert_int_equal(fixture.hook.denied, 1);
    assert_int_equal(fixture.hook.last_key, 42);
    assert_int_equal(fixture.hook.writes_before, writes);
    assert_true(fixture.files.writes > writes);
}

void only_blocks_are_denied(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    for (MatchAction action : {MatchAction::report, MatchAction::observe, MatchAction::suspended}) {
        RecordTicket ticket;
        std::uint64_t sequence = 0;
        assert_true(fixture.thread->recorder(0).decided(incident(1, action), {}, &ticket));
        assert_int_equal(wait_for(fixture.thread->recorder(0), ticket, &sequence),
                         RecordState::durable);
    }
    assert_int_equal(fixture.hook.denied, 0);
}

void four_workers_get_their_own_answers_and_share_syncs(void** state) {
    Fixture& fixture = of(state);
    fixture.start(4, 1024 * 1024);
    constexpr std::uint64_t each = 300;
    std::map<std::uint64_t, std::uint64_t> answers[4];  // number → sequence
    std::atomic<int> failures{0};
    std::vector<std::thread> workers;
    for (std::uint64_t w = 0; w < 4; ++w) {
        workers.emplace_back([&, w] {
            Recorder& recorder = fixture.thread->recorder(static_cast<std::uint32_t>(w));
            std::vector<std::pair<std::uint64_t, RecordTicket>> open;
            std::uint64_t posted = 0;
            while (posted < each || !open.empty()) {
                RecordTicket ticket;
                const std::uint64_t number = w * 1000 + posted;
                if (posted < each && open.size() < 40 &&
                    recorder.decided(incident(number), {}, &ticket)) {
                    open.emplace_back(number, ticket);
                    ++posted;
                    continue;
                }
                std::uint64_t sequence = 0;
                const RecordState got = wait_for(recorder, open.front().second, &sequence);
                if (got != RecordState::durable) ++failures;
                answers[w][open.front().first] = sequence;
                open.erase(open.begin());
            }
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    fixture.thread->stop();
    assert_int_equal(failures, 0);
    const auto records = fixture.records(RecordType::decided);
    assert_int_equal(records.size(), 4 * each);
    for (const auto& of_worker : answers) {
        assert_int_equal(of_worker.size(), each);
        for (const auto& [number, sequence] : of_worker) {
            IncidentRecord stored;
            std::memcpy(&stored, records.at(sequence).data(), sizeof stored);
            assert_int_equal(stored.object_bytes, number);
        }
    }
    assert_true(fixture.files.syncs < 4 * each);
}

void a_bad_disk_is_told_and_tried_again(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    Recorder& recorder = fixture.thread->recorder(0);
    std::uint64_t sequence = 0;
    assert_int_equal(record_one(recorder, 1, &sequence), RecordState::durable);
    fixture.files.sync_fails = EIO;
    assert_int_equal(record_one(recorder, 2, &sequence), RecordState::failed);
    assert_int_equal(record_one(recorder, 3, &sequence), RecordState::failed);
    assert_int_equal(fixture.hook.denied, 3);
    EnforcedRecord enforced{};
    enforced.decided_sequence = 1;
    assert_true(recorder.enforced(enforced));
    const JournalStatus bad = fixture.thread->status();
    assert_true(bad.errors >= 1 && bad.unrecorded >= 2 && !bad.usable);
    assert_int_equal(bad.last_error, EIO);
    fixture.files.sync_fails = 0;
    for (int n = 0; n < 5000 && !fixture.thread->status().usable; ++n)
        ::usleep(1000);
    assert_int_equal(record_one(recorder, 4, &sequence), RecordState::durable);
    fixture.thread->stop();
    // The word of enforcement waited for the disk.
    assert_int_equal(fixture.records(RecordType::enforced).size(), 1);
    assert_int_equal(fixture.thread->status().enforced_lost, 0);
}

void a_full_disk_is_told_when_the_segments_ahead_are_used_up(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1, 68 * 1024);  // 30 incidents each
    fixture.files.allocate_fails = ENOSPC;
    Recorder& recorder = fixture.thread->recorder(0);
    std::uint64_t sequence = 0;
    std::uint64_t durable = 0;
    while (record_one(recorder, durable, &sequence) == RecordState::durable)
        ++durable;
    assert_true(durable >= 50 && durable < 100);
    assert_int_equal(fixture.thread->status().last_error, ENOSPC);
    fixture.files.allocate_fails = 0;
    for (int n = 0; n < 5000 && fixture.thread->status().spares < 2; ++n) {
        ::usleep(1000);
        record_one(recorder, 0, &sequence);
    }
    assert_int_equal(record_one(recorder, 0, &sequence), RecordState::durable);
    assert_true(sequence > durable);
}

void gaps_and_modes_of_the_main_thread_are_recorded(void** state) {
    Fixture& fixture = of(state);
    fixture.start(2);
    RecordTicket ticket;
    std::uint64_t sequence = 0;
    assert_true(fixture.thread->main().gap(GapRecord{}, &ticket));
    RecordState got = RecordState::pending;
    for (int n = 0; n < 5000 && got == RecordState::pending; ++n) {
        got = fixture.thread->main().state(ticket, &sequence);
        ::usleep(500);
    }
    assert_int_equal(got, RecordState::durable);
    assert_true(fixture.thread->main().mode(ModeRecord{}, &ticket));
    fixture.thread->stop();
    assert_int_equal(fixture.thread->main().state(ticket, &sequence), RecordState::durable);
    assert_int_equal(fixture.records(RecordType::gap).size(), 1);
    assert_int_equal(fixture.records(RecordType::mode).size(), 1);
}

void stop_answers_everything_that_waits(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1, 1024 * 1024);
    RecordTicket tickets[200];
    for (std::uint64_t n = 0; n < 200; ++n) {
        assert_true(fixture.thread->recorder(0).decided(incident(n), {}, &tickets[n]));
    }
    fixture.thread->stop();
    for (const RecordTicket& ticket : tickets) {
        std::uint64_t sequence = 0;
        assert_int_equal(fixture.thread->recorder(0).state(ticket, &sequence),
                         RecordState::durable);
    }
}

void start_says_why_it_cannot(void** state) {
    Fixture& fixture = of(state);
    fixture.state_dir += "/not/there";
    JournalThread thread(fixture.files, fixture.options(), fixture.hook, 1);
    const auto started = thread.start();
    assert_false(started.has_value());
    assert_int_equal(started.error().code, ErrorCode::io);
    assert_int_equal(started.error().system_error, ENOENT);
    fixture.state_dir.resize(fixture.state_dir.size() - std::strlen("/not/there"));
}

// --- ring ----------------------------------------------------------------------------------------

void a_full_ring_says_no_and_an_old_ticket_is_failed(void**) {
    auto ring = std::make_unique<RecordRing>();
    RecordTicket ticket;
    const auto post = [&] {
        return ring->post(&ticket, [](RecordSlot& slot) { slot.type = RecordType::enforced; });
    };
    for (std::uint64_t n = 0; n < RecordRing::ring_slots; ++n)
        assert_true(post());
    assert_false(post());
    std::uint64_t sequences[2] = {7, 0};
    ring->finish(sequences, 2);
    std::uint64_t sequence = 0;
    assert_int_equal(ring->state({0}, &sequence), RecordState::durable);
    assert_int_equal(sequence, 7);
    assert_int_equal(ring->state({1}, &sequence), RecordState::failed);
    assert_int_equal(ring->state({2}, &sequence), RecordState::pending);
    std::uint64_t done[1] = {9};
    while (ticket.number < recorder_results) {
        ring->finish(done, 1);
        assert_true(post());
    }
    assert_int_equal(ring->state({0}, &sequence), RecordState::failed);  // forgotten
    assert_int_equal(ring->state({2}, &sequence), RecordState::durable);
}

// --- a real full disk ----------------------------------------------------------------------------

constexpr std::size_t disk_bytes = 256 * 1024;

// In a mount namespace of its own. 0, 125 where that is not allowed, else the line that failed.
int on_a_small_disk(const std::string& place) {
#define CHECK(x) \
    if (!(x)) return __LINE__ % 120 + 1
    if (::unshare(CLONE_NEWNS) != 0) return 125;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 125;
    const std::string size = "size=" + std::to_string(disk_bytes);
    if (::mount("none", place.c_str(), "tmpfs", 0, size.c_str()) != 0) return 125;
    PosixFiles files;
    Journal journal(files, {place + "/journal", fresh_id, 32 * 1024, 2, 8 * 1024});
    CHECK(journal.open() == 0);
    tend_all(journal);
    CHECK(journal.spare_count() == 2);
    FileHandle filler = no_file;
    CHECK(files.create(place + "/filler", &filler) == 0);
    const std::vector<std::uint8_t> page(4096, 1);
    std::uint64_t filled = 0;
    while (files.write(filler, filled, page) == 0)
        filled += page.size();
    std::uint64_t sequence = 0;
    const std::vector<std::uint8_t> payload(2000, 3);
    while (journal.append(RecordType::decided, payload, &sequence) == JournalResult::ok) {
        CHECK(journal.sync() == JournalResult::ok);
        journal.tend();
    }
    CHECK(journal.usable() && journal.last_error() == ENOSPC);
    CHECK(sequence == 32);  // two segments of 16
    files.close(filler);
    CHECK(files.remove(place + "/filler") == 0);
    tend_all(journal);
    CHECK(journal.append(RecordType::decided, payload, &sequence) == JournalResult::ok);
    CHECK(journal.sync() == JournalResult::ok && sequence == 33);
    return 0;
#undef CHECK
}

void a_real_full_disk_takes_what_was_allocated_ahead_and_recovers(void** state) {
    Fixture& fixture = of(state);
    const pid_t child = ::fork();
    assert_true(child >= 0);
    if (child == 0) ::_exit(on_a_small_disk(fixture.state_dir));
    int status = 0;
    assert_int_equal(::waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 125) {
        print_message("skipped: needs root, to mount a small disk\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

}  // namespace

int main() {
#define WITH_FILES(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(a_segment_cut_anywhere_gives_its_whole_records_and_is_not_read_past),
        cmocka_unit_test(any_changed_bit_of_a_record_ends_the_segment_before_it),
        cmocka_unit_test(a_record_of_an_earlier_life_behind_the_end_is_not_taken),
        cmocka_unit_test(damage_is_skipped_to_the_next_record_that_verifies),
        cmocka_unit_test(names_of_segments_are_exact),
        cmocka_unit_test(keeps_two_segments_allocated_ahead),
        cmocka_unit_test(one_sync_covers_all_that_was_appended),
        cmocka_unit_test(sequences_and_id_go_on_after_a_restart),
        cmocka_unit_test(what_a_torn_write_left_behind_the_end_is_cleared),
        cmocka_unit_test(a_full_disk_still_takes_what_was_allocated_ahead),
        cmocka_unit_test(numbers_are_not_given_again_when_the_last_segment_is_damaged),
        cmocka_unit_test(numbers_are_not_given_again_when_the_disk_lost_what_was_read),
        cmocka_unit_test(a_spare_in_the_making_is_removed_at_the_next_start),
        cmocka_unit_test(spares_of_another_size_are_made_anew),
        cmocka_unit_test(after_a_failed_sync_nothing_is_appended_until_it_is_open_again),
        cmocka_unit_test(a_full_ring_says_no_and_an_old_ticket_is_failed),
        WITH_FILES(a_ticket_becomes_durable_with_the_sequence_of_its_record),
        WITH_FILES(the_flow_is_denied_before_its_record_is_written),
        WITH_FILES(only_blocks_are_denied),
        WITH_FILES(four_workers_get_their_own_answers_and_share_syncs),
        WITH_FILES(a_bad_disk_is_told_and_tried_again),
        WITH_FILES(a_full_disk_is_told_when_the_segments_ahead_are_used_up),
        WITH_FILES(gaps_and_modes_of_the_main_thread_are_recorded),
        WITH_FILES(stop_answers_everything_that_waits),
        WITH_FILES(start_says_why_it_cannot),
        WITH_FILES(a_real_full_disk_takes_what_was_allocated_ahead_and_recovers),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
