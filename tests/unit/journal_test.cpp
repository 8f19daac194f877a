// The journal: its frames, and the writer on files that fail and on a disk that is full.
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "dataplane/shell/journal_writer.h"
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

int make_place(void** state) {
    static char place[32];
    std::strcpy(place, "/tmp/cordon-journal-XXXXXX");
    *state = ::mkdtemp(place);
    return *state == nullptr ? -1 : 0;
}

int remove_place(void** state) {
    std::filesystem::remove_all(static_cast<const char*>(*state));
    return 0;
}

// What was synced into a file that is gone was answered as durable, and nobody ever read it.
void a_record_in_a_file_that_was_taken_away_is_not_durable(void** state) {
    const std::string place = static_cast<const char*>(*state);
    const std::string home = place + "/journal";
    PosixFiles files;
    Journal journal(files, {home, fresh_id, 32 * 1024, 2, 8 * 1024});
    for (int round = 0; round < 3; ++round) {
        assert_int_equal(journal.open(), 0);
        tend_all(journal);
        const std::uint64_t before = must_append(journal, 8, 1);
        assert_int_equal(journal.sync(), JournalResult::ok);
        if (round == 0) std::filesystem::remove_all(home);
        if (round == 1) std::filesystem::rename(home, place + "/away");
        if (round == 2) break;
        must_append(journal, 8, 2);
        assert_int_equal(journal.sync(), JournalResult::broken);
        assert_int_equal(journal.durable_sequence(), before);
    }
    // One numbering, so that a reader sees what it did not get.
    assert_true(journal.id() == fresh_id);
    assert_int_equal(journal.durable_sequence(), 5);
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
    const auto* place = static_cast<const char*>(*state);
    const pid_t child = ::fork();
    assert_true(child >= 0);
    if (child == 0) ::_exit(on_a_small_disk(place));
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
        cmocka_unit_test_setup_teardown(a_record_in_a_file_that_was_taken_away_is_not_durable,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(
            a_real_full_disk_takes_what_was_allocated_ahead_and_recovers, make_place, remove_place),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
