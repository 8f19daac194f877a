// The reader: what it takes, deletes, puts aside, and that killed processes lose nothing.
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>

#include "control/link/journal_reader.h"
#include "control/store/store.h"
#include "dataplane/shell/journal_writer.h"
#include "tests/support/memory_sink.h"
#include "tests/support/recording_files.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr const char* directory = "state/journal";
constexpr JournalId first_id = {1, 2, 3};
constexpr std::size_t large = 200;  // two of these fill a segment

std::string name_of(std::uint64_t first) {
    return std::string(directory) + "/" + segment_name(incident_prefix, first);
}

struct Fixture {
    RecordingFiles files;
    MemorySink sink;
    std::unique_ptr<Journal> journal;
    std::unique_ptr<JournalReader> reader;

    Fixture() {
        restart(first_id);
        read_anew();
    }
    void restart(const JournalId& id) {
        journal = std::make_unique<Journal>(files, JournalOptions{directory, id, 512, 2, 512});
        assert_int_equal(journal->open(), 0);
        tend();
    }
    void read_anew() {
        reader = std::make_unique<JournalReader>(files, sink, JournalReaderOptions{directory, 3});
    }
    void tend() {
        while (journal->tend() == TendResult::more) {}
    }
    std::uint64_t append(std::size_t bytes = large) {
        std::uint64_t sequence = 0;
        const std::vector<std::uint8_t> payload(bytes, 7);
        assert_int_equal(journal->append(RecordType::decided, payload, &sequence),
                         JournalResult::ok);
        assert_int_equal(journal->sync(), JournalResult::ok);
        tend();
        return sequence;
    }
    JournalProgress poll() {
        auto polled = reader->poll();
        assert_true(polled.has_value());
        return *polled;
    }
    std::size_t stored(const JournalId& id = first_id) { return sink.records[id].size(); }
};

int setup(void** state) {
    *state = new Fixture;
    return 0;
}
int teardown(void** state) {
    delete static_cast<Fixture*>(*state);
    return 0;
}
Fixture& of(void** state) {
    return *static_cast<Fixture*>(*state);
}

void a_directory_that_is_not_there_is_an_empty_journal(void**) {
    PosixFiles files;
    MemorySink sink;
    JournalReader reader(files, sink, {"/nonexistent/journal"});
    const auto polled = reader.poll();
    assert_true(polled.has_value());
    assert_int_equal(polled->records, 0);
}

void stores_in_batches_and_each_record_once(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 7; ++n)
        fixture.append(8);
    assert_int_equal(fixture.poll().records, 7);
    assert_int_equal(fixture.sink.applied, 3);
    assert_int_equal(fixture.sink.positions[first_id], 8);
    assert_int_equal(fixture.reader->next_sequence(), 8);
    assert_int_equal(fixture.poll().records, 0);
    fixture.append(8);
    assert_int_equal(fixture.poll().records, 1);
    assert_int_equal(fixture.sink.repeated, 0);
    assert_int_equal(fixture.reader->total().records, 8);
}

void an_idle_journal_costs_one_small_read_and_no_sync(void** state) {
    Fixture& fixture = of(state);
    fixture.append(8);
    fixture.poll();
    const std::size_t before = fixture.files.attempts();
    for (int n = 0; n < 10; ++n)
        fixture.poll();
    assert_int_equal(fixture.files.attempts(), before);  // no sync either
}

void a_segment_goes_only_when_the_writer_has_left_it_and_all_is_stored(void** state) {
    Fixture& fixture = of(state);
    fixture.append();
    fixture.append();
    fixture.poll();
    assert_true(fixture.files.exists(name_of(1)));
    fixture.append();
    assert_int_equal(fixture.poll().segments_deleted, 1);
    assert_false(fixture.files.exists(name_of(1)));
    assert_true(fixture.files.exists(name_of(3)));
    assert_int_equal(fixture.stored(), 3);
}

void nothing_goes_while_the_store_fails(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 5; ++n)
        fixture.append();
    fixture.sink.broken = true;
    assert_false(fixture.reader->poll().has_value());
    assert_false(fixture.reader->poll().has_value());
    assert_true(fixture.files.exists(name_of(1)));
    fixture.sink.broken = false;
    assert_int_equal(fixture.poll().records, 5);
    assert_int_equal(fixture.stored(), 5);
}

void nothing_is_stored_that_could_not_be_synced(void** state) {
    Fixture& fixture = of(state);
    fixture.append();
    fixture.files.fail_from = fixture.files.attempts();
    assert_false(fixture.reader->poll().has_value());
    assert_int_equal(fixture.stored(), 0);
    fixture.files.fail_from = SIZE_MAX;
    assert_int_equal(fixture.poll().records, 1);
}

void a_new_reader_offers_what_is_there_and_misses_nothing(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 3; ++n)
        fixture.append();
    fixture.poll();
    fixture.append();
    fixture.read_anew();
    fixture.poll();
    assert_int_equal(fixture.stored(), 4);
    assert_int_equal(fixture.sink.contradictions, 0);
    assert_true(fixture.sink.faults.empty());
}

void a_garbage_segment_is_put_aside_and_told(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 5; ++n)
        fixture.append();
    std::ranges::fill(fixture.files.content(name_of(3)), 0x5a);
    const JournalProgress progress = fixture.poll();
    assert_int_equal(progress.segments_damaged, 1);
    assert_int_equal(progress.missing, 2);
    assert_int_equal(fixture.stored(), 3);
    assert_true(fixture.files.exists(name_of(3) + ".damaged"));
    assert_int_equal(fixture.sink.faults.size(), 2);
    assert_int_equal(fixture.sink.faults[0].kind, FaultKind::damaged);
    assert_int_equal(fixture.sink.faults[1].kind, FaultKind::missing);
    assert_int_equal(fixture.sink.faults[1].first_sequence, 3);
    assert_int_equal(fixture.sink.faults[1].count, 2);
    assert_int_equal(fixture.poll().segments_damaged, 0);
}

void records_behind_damage_are_saved(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 5; ++n)
        fixture.append(80);  // four to a segment
    fixture.files.content(name_of(1))[sizeof(SegmentHeader) + record_bytes(80) + 50] ^= 1;
    const JournalProgress progress = fixture.poll();
    assert_int_equal(progress.missing, 1);
    assert_int_equal(progress.segments_damaged, 1);
    assert_int_equal(fixture.stored(), 4);
    assert_false(fixture.sink.records[first_id].contains(2));
    assert_true(fixture.files.exists(name_of(1) + ".damaged"));
}

void a_newest_segment_that_does_not_verify_stays_where_it_is(void** state) {
    Fixture& fixture = of(state);
    fixture.append();
    fixture.files.content(name_of(1))[3] ^= 1;
    const auto polled = fixture.reader->poll();
    assert_false(polled.has_value());
    assert_int_equal(polled.error().code, ErrorCode::integrity);
    assert_true(fixture.files.exists(name_of(1)));
    fixture.restart({9});
    fixture.append();
    assert_int_equal(fixture.poll().segments_damaged, 1);
    assert_int_equal(fixture.stored({9}), 1);
}

void a_segment_that_somebody_deleted_is_missed(void** state) {
    Fixture& fixture = of(state);
    fixture.append();
    fixture.poll();
    for (int n = 0; n < 5; ++n)
        fixture.append();
    assert_int_equal(fixture.files.remove(name_of(3)), 0);
    assert_int_equal(fixture.poll().missing, 2);
    assert_int_equal(fixture.stored(), 4);
}

void a_journal_that_began_anew_is_read_beside_the_old_one(void** state) {
    Fixture& fixture = of(state);
    fixture.append();
    fixture.poll();
    fixture.append();
    for (const std::string& name : fixture.files.names()) {
        if (name != name_of(1)) fixture.files.remove(name);
    }
    // As if somebody had put another journal behind the first.
    auto& old = fixture.files.content(name_of(1));
    const std::vector<std::uint8_t> kept = old;
    fixture.files.remove(name_of(1));
    fixture.restart({5});
    fixture.append();
    FileHandle file = no_file;
    fixture.files.rename(name_of(1), name_of(1) + ".moved");
    assert_int_equal(fixture.files.create(name_of(1), &file), 0);
    fixture.files.write(file, 0, kept);
    std::vector<std::uint8_t> other(512);
    const SegmentHeader header = make_segment_header({5}, 900);
    std::memcpy(other.data(), &header, sizeof header);
    write_record(RecordType::decided, 900, as_bytes("x"),
                 MutableBytes(other).subspan(sizeof header));
    assert_int_equal(fixture.files.create(name_of(900), &file), 0);
    fixture.files.write(file, 0, other);
    fixture.poll();
    assert_int_equal(fixture.stored(), 2);
    assert_int_equal(fixture.stored({5}), 1);
    assert_true(fixture.sink.faults.empty());
    assert_false(fixture.files.exists(name_of(1)));
}

// --- kill -9 -------------------------------------------------------------------------------------

struct Shared {  // the writer writes, the test reads
    std::atomic<std::uint64_t> durable;
    std::atomic<std::uint64_t> lost;  // by the child's own judgement
};

[[noreturn]] void write_until_killed(const std::string& place, Shared* shared) {
    PosixFiles files;
    Journal journal(files, {place + "/journal", first_id, 16 * 1024, 2, 16 * 1024});
    if (journal.open() != 0) ++shared->lost;
    for (;;) {
        while (journal.tend() == TendResult::more) {}
        IncidentRecord record{};
        record.action = MatchAction::block;
        std::uint64_t sequence = 0;
        for (int n = 0; n < 3; ++n) {
            record.object_bytes = journal.next_sequence();
            const Bytes bytes{reinterpret_cast<const std::uint8_t*>(&record), sizeof record};
            if (journal.append(RecordType::decided, bytes, &sequence) != JournalResult::ok) break;
        }
        if (journal.sync() == JournalResult::ok) shared->durable = journal.durable_sequence();
    }
}

[[noreturn]] void read_until_killed(const std::string& place) {
    PosixFiles files;
    auto store = open_store({place + "/store.db", "node"});
    if (!store) ::_exit(1);
    JournalReader reader(files, **store, {place + "/journal", 4});
    for (;;) {
        if (!reader.poll()) ::_exit(1);
    }
}

void killed_processes_lose_and_repeat_nothing(void**) {
    constexpr unsigned seed = 7;
    std::mt19937 random(seed);
    char made[] = "/tmp/cordon-kill-XXXXXX";
    assert_non_null(::mkdtemp(made));
    const std::string place = made;
    void* map =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto* shared = new (map) Shared{};
    for (int round = 0; round < 12; ++round) {
        const pid_t writer = ::fork();
        if (writer == 0) write_until_killed(place, shared);
        const pid_t reader = ::fork();
        if (reader == 0) read_until_killed(place);
        const std::uint64_t before = shared->durable;
        for (int n = 0; n < 10000 && shared->durable < before + 4; ++n)
            ::usleep(1000);
        ::usleep(static_cast<useconds_t>(random() % 15000));
        for (pid_t child : {writer, reader}) {
            int status = 0;
            ::kill(child, SIGKILL);
            assert_int_equal(::waitpid(child, &status, 0), child);
            assert_true(WIFSIGNALED(status));  // not by an error of its own
        }
    }
    PosixFiles files;
    auto store = open_store({place + "/store.db", "node"});
    assert_true(store.has_value());
    JournalReader reader(files, **store, {place + "/journal"});
    assert_true(reader.poll().has_value());
    const StoreStatistics statistics = *(*store)->statistics();
    const auto all = *(*store)->incidents_after({}, UINT32_MAX, 0);
    std::uint64_t expected = 1;
    for (const Incident& incident : all) {
        assert_int_equal(incident.sequence, expected);  // each once, in order, none left out
        assert_int_equal(incident.size, expected);
        ++expected;
    }
    print_message("seed %u: %zu incidents, %llu durable\n", seed, all.size(),
                  static_cast<unsigned long long>(shared->durable.load()));
    assert_true(shared->durable >= 12 * 4);
    assert_true(all.size() >= shared->durable);
    assert_int_equal(shared->lost, 0);
    assert_int_equal(statistics.odd_records + statistics.missing + statistics.damaged, 0);
    store->reset();
    std::filesystem::remove_all(place);
    ::munmap(map, sizeof(Shared));
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_that_is_not_there_is_an_empty_journal),
        TEST(stores_in_batches_and_each_record_once),
        TEST(an_idle_journal_costs_one_small_read_and_no_sync),
        TEST(a_segment_goes_only_when_the_writer_has_left_it_and_all_is_stored),
        TEST(nothing_goes_while_the_store_fails),
        TEST(nothing_is_stored_that_could_not_be_synced),
        TEST(a_new_reader_offers_what_is_there_and_misses_nothing),
        TEST(a_garbage_segment_is_put_aside_and_told),
        TEST(records_behind_damage_are_saved),
        TEST(a_newest_segment_that_does_not_verify_stays_where_it_is),
        TEST(a_segment_that_somebody_deleted_is_missed),
        TEST(a_journal_that_began_anew_is_read_beside_the_old_one),
        cmocka_unit_test(killed_processes_lose_and_repeat_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
