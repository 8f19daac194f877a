// A store that several boxes share: whose rows are whose, and what becomes of them while the server
// is away, frozen, full, newer, or somebody else's.
#include <time.h>

#include <atomic>
#include <thread>

#include "control/store/schema.h"
#include "dataplane/base/time.h"
#include "tests/support/stored_incidents.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

std::uint64_t now_ms() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

StoreOptions of_node(StoreFixture& f, const char* node) {
    return {f.directory + "/" + node + ".db", node, f.options.server};
}

// One incident of a box, until the store has it.
std::uint64_t put(Store& store, std::uint64_t sequence, const char* number, int tries = 1) {
    const IncidentRecord record = incident(number);
    const JournalRecord one = {
        RecordType::decided, sequence, sequence * 7,
        Bytes(reinterpret_cast<const std::uint8_t*>(&record), sizeof record)};
    for (int n = 1; n <= tries; ++n) {
        if (store.apply({journal_id, std::span(&one, 1), sequence + 1, {}})) return sequence;
        if (n != tries) ::usleep(100 * 1000);
    }
    return 0;
}

std::string refusal(const StoreOptions& options) {
    const auto opened = open_store(options);
    if (opened) return "";
    assert_int_equal(opened.error().code, ErrorCode::integrity);
    return opened.error().message();
}

bool tells(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

void each_box_sees_and_counts_its_own(void** state) {
    StoreFixture& f = store_of(state);
    auto other = std::move(*open_store(of_node(f, "node-2")));
    put(*f.store, 1, "AB-0001");
    put(*f.store, 2, "AB-0002");
    // The same journal number in another box is another record.
    put(*other, 1, "CD-0001");
    assert_int_equal(f.store->statistics()->incidents, 2);
    assert_int_equal(other->statistics()->incidents, 1);
    assert_int_equal(other->statistics()->records, 1);
    assert_int_equal(f.store->list_incidents({}, 10, 0)->size(), 2);
    assert_int_equal(other->incidents_after({}, 10, 0)->size(), 1);
    assert_false(f.store->get_incident("CD-0001")->has_value());
    assert_int_equal(*f.store->next_sequence(journal_id), 3);
    assert_int_equal(*other->next_sequence(journal_id), 2);
    assert_true(f.store->newest()->incident < other->newest()->incident);
    // Each with its own keys, and retention of its own.
    auto mine = std::move(*PersonalData::open(f.options));
    auto others = std::move(*PersonalData::open(of_node(f, "node-2")));
    assert_int_equal(mine->reveal("CD-0001").error().code, ErrorCode::refused);
    assert_int_equal(*others->destroy_before(UINT64_MAX >> 1, 0), 1);
    assert_true(mine->reveal("AB-0001")->has_value());
    assert_false(others->reveal("CD-0001")->has_value());
}

void another_box_of_the_same_name_is_refused(void** state) {
    StoreFixture& f = store_of(state);
    StoreOptions twin = f.options;
    twin.path = f.directory + "/twin.db";
    assert_true(tells(refusal(twin), "another box that is called node-1"));
    // Its row removed, the name is free: for the box that comes first.
    f.run("DELETE FROM node");
    assert_true(open_store(twin).has_value());
    assert_true(tells(refusal(f.options), "another box"));
}

void many_that_set_it_up_at_once_make_one(void** state) {
    StoreFixture& f = store_of(state);
    const std::string empty = test_server->fresh_url();
    std::atomic<int> opened = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 8; ++n)
        threads.emplace_back([&, n] {
            const std::string node = "n" + std::to_string(n);
            const auto store = open_store({f.directory + "/" + node, node, empty});
            if (store && (*store)->statistics()) ++opened;
        });
    for (std::thread& one : threads)
        one.join();
    assert_int_equal(opened.load(), 8);
    assert_string_equal(PostgresServer::value(empty, "SELECT count(*) FROM cordon_schema").c_str(),
                        "1");
}

void what_is_not_ours_is_left_alone(void** state) {
    StoreFixture& f = store_of(state);
    StoreOptions options = of_node(f, "other");
    options.server = test_server->fresh_url();
    PostgresServer::run_sql(options.server, "CREATE TABLE somebody_elses (a INT)");
    assert_true(tells(refusal(options), "others use"));
    assert_string_equal(PostgresServer::value(options.server,
                                              "SELECT count(*) FROM pg_tables WHERE"
                                              " schemaname = current_schema()")
                            .c_str(),
                        "1");
}

// A newer cordond of the fleet carries the schema forward while this one runs.
void is_not_written_to_when_it_becomes_newer(void** state) {
    StoreFixture& f = store_of(state);
    put(*f.store, 1, "AB-0001");
    f.run("UPDATE cordon_schema SET version = 1000");
    f.add(RecordType::decided, 2, incident("AB-0002"));
    assert_false(f.apply(journal_id).has_value());
    ::usleep(400 * 1000);
    f.add(RecordType::decided, 2, incident("AB-0002"));
    const auto refused = f.apply(journal_id);
    assert_true(tells(refused.error().message(), "install that version"));
    f.run(("UPDATE cordon_schema SET version = " + std::to_string(newest_schema())).c_str());
    assert_int_equal(put(*f.store, 2, "AB-0002", 50), 2);
    assert_int_equal(f.store->statistics()->incidents, 2);
}

void a_server_that_forgets_is_refused(void** state) {
    StoreFixture& f = store_of(state);
    const auto set = [&](const char* value) {
        f.run(("ALTER SYSTEM SET fsync = " + std::string(value)).c_str());
        f.run("SELECT pg_reload_conf()");
        ::usleep(300 * 1000);
    };
    set("off");
    const std::string why = refusal(of_node(f, "node-2"));
    set("on");
    assert_true(tells(why, "fsync"));
}

// Nothing of a transaction is left that a full disk ended, and it can be done again.
void a_full_disk_delays(void** state) {
    StoreFixture& f = store_of(state);
    f.run(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;"
        " CREATE TRIGGER full_disk BEFORE INSERT ON incident FOR EACH ROW"
        " EXECUTE FUNCTION full_disk()");
    f.add(RecordType::decided, 1, incident("AB-0001"));
    const auto refused = f.apply(journal_id);
    assert_int_equal(refused.error().code, ErrorCode::io);
    assert_true(tells(refused.error().message(), "no space left"));
    assert_int_equal(f.store->statistics()->records, 0);
    f.run("DROP TRIGGER full_disk ON incident");
    assert_int_equal(put(*f.store, 1, "AB-0001"), 1);
}

void goes_on_after_a_server_was_killed(void** state) {
    StoreFixture& f = store_of(state);
    put(*f.store, 1, "AB-0001");
    test_server->stop(SIGKILL);
    assert_int_equal(put(*f.store, 2, "AB-0002"), 0);
    // Known to be away, it costs nothing to ask.
    const std::uint64_t before = now_ms();
    const auto failed = f.store->statistics();
    assert_false(failed.has_value());
    assert_int_equal(failed.error().code, ErrorCode::io);
    assert_true(now_ms() - before < 1000);
    // Who starts now starts, and is told nothing until it is back.
    auto late = open_store(of_node(f, "node-2"));
    assert_true(late.has_value());
    assert_false((*late)->statistics().has_value());
    assert_true(test_server->run());
    assert_int_equal(put(*f.store, 1, "AB-0001", 100), 1);
    assert_int_equal(put(*f.store, 2, "AB-0002"), 2);
    assert_int_equal(f.store->statistics()->incidents, 2);
    assert_int_equal(f.store->statistics()->odd_records, 0);
    assert_int_equal(put(**late, 1, "CD-0001", 100), 1);
}

// Stopped where nobody notices: the server neither answers nor hangs up.
void a_frozen_server_is_given_up(void** state) {
    StoreFixture& f = store_of(state);
    std::atomic<bool> leaving = false;
    StoreOptions options = f.options;
    options.stop = &leaving;
    auto store = std::move(*open_store(options));
    test_server->freeze();
    const std::uint64_t before = now_ms();
    const std::uint64_t stored = put(*f.store, 1, "AB-0001");
    const std::uint64_t waited = now_ms() - before;
    leaving = true;
    const bool answered = store->statistics().has_value();
    const std::uint64_t waited_at_the_end = now_ms() - before - waited;
    test_server->thaw();
    assert_int_equal(stored, 0);
    assert_true(waited >= 5000 && waited < 30000);
    assert_false(answered);
    assert_true(waited_at_the_end < 5000);
    assert_int_equal(put(*f.store, 1, "AB-0001", 100), 1);
    assert_int_equal(f.store->statistics()->incidents, 1);
}

// Whenever its server is killed, a record is there once.
void kills_in_the_middle_lose_and_repeat_nothing(void** state) {
    StoreFixture& f = store_of(state);
    constexpr std::uint64_t incidents = 400;
    std::atomic<std::uint64_t> stored = 0;
    std::thread writer([&] {
        for (std::uint64_t n = 1; n <= incidents; ++n)
            if (put(*f.store, n, ("AB-" + std::to_string(n)).c_str(), 300) == n) ++stored;
    });
    for (std::uint64_t kill = 1; kill <= 4; ++kill) {
        while (stored < kill * incidents / 5)
            ::usleep(1000);
        test_server->stop(SIGKILL);
        (void)test_server->run();
    }
    writer.join();
    assert_int_equal(stored.load(), incidents);
    assert_int_equal(put(*f.store, incidents, "AB-400", 100), incidents);
    const auto statistics = f.store->statistics();
    assert_true(statistics.has_value());
    assert_int_equal(statistics->incidents, incidents);
    assert_int_equal(statistics->records, incidents);
    assert_int_equal(statistics->odd_records, 0);
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, remove_store)
    const CMUnitTest tests[] = {
        TEST(each_box_sees_and_counts_its_own),
        TEST(another_box_of_the_same_name_is_refused),
        TEST(many_that_set_it_up_at_once_make_one),
        TEST(what_is_not_ours_is_left_alone),
        TEST(is_not_written_to_when_it_becomes_newer),
        TEST(a_server_that_forgets_is_refused),
        TEST(a_full_disk_delays),
        TEST(goes_on_after_a_server_was_killed),
        TEST(a_frozen_server_is_given_up),
        TEST(kills_in_the_middle_lose_and_repeat_nothing),
    };
    test_server = PostgresServer::start();
    if (!test_server) return 0;
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
