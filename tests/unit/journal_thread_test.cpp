// The thread that writes the journal for the workers, and the rings between them.
#include "dataplane/shell/journal_thread.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <thread>

#include "dataplane/shell/record_ring.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr JournalId fresh_id = {1, 2, 3};

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
    int is_at(FileHandle file, const std::string& path) override { return real_.is_at(file, path); }
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
    bool deny(const DenyKey& key) override {
        writes_before = files_.writes.load();
        last_key = key.bytes[0];
        ++denied;
        return !full;
    }
    void undeny(const DenyKey& key) override {
        last_undenied = key.bytes[0];
        ++undenied;
    }
    std::atomic<bool> full{false};
    std::atomic<std::uint64_t> undenied{0};
    std::atomic<std::uint8_t> last_undenied{0};
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

    std::uint64_t segment_age_max_ns = UINT64_MAX;

    JournalOptions options(std::uint64_t segment_bytes = 64 * 1024) {
        return {state_dir + "/journal", fresh_id, segment_bytes, 2, 256 * 1024, segment_age_max_ns};
    }
    bool exists(const std::string& name) const {
        return std::filesystem::exists(state_dir + "/journal/" + name);
    }
    int idle_ms = JournalThread::idle_ms_max;

    void start(std::uint32_t workers, std::uint64_t segment_bytes = 64 * 1024) {
        thread =
            std::make_unique<JournalThread>(files, options(segment_bytes), hook, workers, idle_ms);
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

template <typename Condition>
bool eventually(Condition&& condition) {
    for (int n = 0; n < 20000; ++n) {
        if (condition()) return true;
        ::usleep(500);
    }
    return false;
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

// What a quiet appliance recorded does not lie in the open segment until that is full.
void an_old_segment_is_left_for_its_reader(void** state) {
    Fixture& fixture = of(state);
    fixture.segment_age_max_ns = 1;
    fixture.start(1);
    for (std::uint64_t n = 1; n <= 3; ++n) {
        std::uint64_t sequence = 0;
        assert_int_equal(record_one(fixture.thread->recorder(0), n, &sequence),
                         RecordState::durable);
        assert_int_equal(sequence, n);
        assert_true(
            eventually([&] { return fixture.exists(segment_name(incident_prefix, n + 1)); }));
        // The spares are made again before another one is left.
        assert_true(eventually([&] { return fixture.thread->status().spares == 2; }));
    }
    fixture.thread->stop();
    assert_int_equal(fixture.records(RecordType::decided).size(), 3);
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

void a_flow_leaves_the_deny_map_when_its_connection_is_over(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    Recorder& recorder = fixture.thread->recorder(0);
    std::uint64_t sequence = 0;
    assert_int_equal(record_one(recorder, 7, &sequence), RecordState::durable);
    assert_int_equal(fixture.hook.undenied, 0);
    DenyKey key{};
    key.bytes[0] = 7;
    fixture.files.sync_fails = EIO;  // it is no record, and needs no disk
    assert_true(recorder.over(key));
    fixture.thread->stop();
    assert_int_equal(fixture.hook.undenied, 1);
    assert_int_equal(fixture.hook.last_undenied, 7);
    assert_int_equal(fixture.records(RecordType::decided).size(), 1);
    assert_int_equal(fixture.thread->status().unrecorded, 0);
}

void a_flow_that_could_not_be_denied_is_counted_and_recorded(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    Recorder& recorder = fixture.thread->recorder(0);
    std::uint64_t sequence = 0;
    assert_int_equal(record_one(recorder, 1, &sequence), RecordState::durable);
    assert_int_equal(fixture.thread->status().deny_failed, 0);
    fixture.hook.full = true;
    assert_int_equal(record_one(recorder, 2, &sequence), RecordState::durable);
    assert_int_equal(fixture.thread->status().deny_failed, 1);
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
    fixture.start(1, 31 * sizeof(IncidentRecord));  // 30 incidents each
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

// The flow goes on, so it is in no deny map, and who holds it back learns when it is durable.
void what_has_to_be_verified_is_recorded(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    VerifyRecord record{};
    record.reason = VerifyReason::gap;
    std::strcpy(record.target, "/one");
    RecordTicket ticket;
    std::uint64_t sequence = 0;
    assert_true(fixture.thread->recorder(0).verify(record, &ticket));
    fixture.thread->stop();
    assert_int_equal(fixture.thread->recorder(0).state(ticket, &sequence), RecordState::durable);
    const auto records = fixture.records(RecordType::verify);
    assert_int_equal(records.size(), 1);
    assert_int_equal(fixture.records(RecordType::decided).size(), 0);
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

// How often the thread has gone to sleep so far; −1: there is none.
long sleeps_of_the_thread() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string word;
        if (!(std::ifstream(task.path() / "comm") >> word) || word != "cordon-journal") continue;
        std::ifstream status(task.path() / "status");
        while (status >> word) {
            long count = 0;
            if (word == "voluntary_ctxt_switches:" && status >> count) return count;
        }
    }
    return -1;
}

// It was woken five hundred times a second to look at empty rings: half of what a quiet appliance
// cost.
void sleeps_while_nothing_is_to_be_recorded(void** state) {
    Fixture& fixture = of(state);
    fixture.start(1);
    assert_true(eventually([] {
        const long before = sleeps_of_the_thread();
        ::usleep(100'000);
        return before > 0 && sleeps_of_the_thread() <= before + 2;
    }));
}

// Nothing but the bell ends such a sleep: a ring that is lost is a record that is never answered.
void a_record_wakes_the_thread_and_so_does_its_end(void** state) {
    Fixture& fixture = of(state);
    fixture.idle_ms = -1;
    fixture.start(2);
    for (std::uint64_t n = 1; n <= 4; ++n) {
        ::usleep(n % 2 * 120'000);  // asleep, or not
        std::uint64_t sequence = 0;
        assert_int_equal(record_one(fixture.thread->recorder(n % 2), n, &sequence),
                         RecordState::durable);
    }
    ::usleep(120'000);
    RecordTicket ticket;
    std::uint64_t sequence = 0;
    assert_true(fixture.thread->main().mode(ModeRecord{}, &ticket));
    assert_true(eventually(
        [&] { return fixture.thread->main().state(ticket, &sequence) == RecordState::durable; }));
    ::usleep(120'000);
    fixture.thread->stop();
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
        return ring->post(&ticket, [](RecordSlot& slot) { slot.type = SlotType::enforced; });
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

}  // namespace

int main() {
#define WITH_FILES(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_says_no_and_an_old_ticket_is_failed),
        WITH_FILES(a_ticket_becomes_durable_with_the_sequence_of_its_record),
        WITH_FILES(an_old_segment_is_left_for_its_reader),
        WITH_FILES(the_flow_is_denied_before_its_record_is_written),
        WITH_FILES(only_blocks_are_denied),
        WITH_FILES(four_workers_get_their_own_answers_and_share_syncs),
        WITH_FILES(a_flow_leaves_the_deny_map_when_its_connection_is_over),
        WITH_FILES(a_flow_that_could_not_be_denied_is_counted_and_recorded),
        WITH_FILES(a_bad_disk_is_told_and_tried_again),
        WITH_FILES(a_full_disk_is_told_when_the_segments_ahead_are_used_up),
        WITH_FILES(gaps_and_modes_of_the_main_thread_are_recorded),
        WITH_FILES(what_has_to_be_verified_is_recorded),
        WITH_FILES(stop_answers_everything_that_waits),
        WITH_FILES(sleeps_while_nothing_is_to_be_recorded),
        WITH_FILES(a_record_wakes_the_thread_and_so_does_its_end),
        WITH_FILES(start_says_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
