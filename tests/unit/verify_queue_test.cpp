// Requests for verification in the store: each once, through every end, whoever is killed.
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "control/store/verify_queue.h"
#include "dataplane/base/time.h"
#include "tests/support/stored_incidents.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr JournalId journal = {1, 2, 3};

struct Fixture {
    std::string directory;
    StoreOptions options;
    std::unique_ptr<Store> store;
    std::unique_ptr<VerifyQueue> queue;
    std::uint64_t sequence = 0;

    void open() {
        store = std::move(*open_store(options));
        queue = std::move(*open_verify_queue(options));
    }
    template <typename T>
    void add(RecordType type, const T& record, std::uint64_t at) {
        const JournalRecord entry = {
            type, at, at * 3, Bytes(reinterpret_cast<const std::uint8_t*>(&record), sizeof record)};
        assert_true(store->apply({journal, std::span(&entry, 1), at + 1, {}}).has_value());
    }
    void ask(const char* target, std::uint64_t time_ns = noon) {
        VerifyRecord record{};
        record.time_ns = time_ns;
        record.reason = VerifyReason::gap;
        record.client.present = 1;
        record.client.port = 4000;
        std::strcpy(record.service, "photos");
        std::strcpy(record.method, "PUT");
        std::strcpy(record.host, "files.example");
        std::strcpy(record.account, "alice");
        std::strcpy(record.target, target);
        add(RecordType::verify, record, ++sequence);
    }
    VerifyRequest take(std::uint64_t now = noon) {
        auto taken = queue->take(now);
        assert_true(taken.has_value() && taken->has_value());
        return **taken;
    }
    bool none(std::uint64_t now = noon) {
        auto taken = queue->take(now);
        assert_true(taken.has_value());
        return !taken->has_value();
    }
    std::string match(std::uint64_t id, const char* case_number,
                      MatchAction action = MatchAction::block, bool of_person = true) {
        VerifyMatch found{};
        found.id = id;
        found.object_bytes = 77;
        std::strcpy(found.etag, "\"abc\"");
        IncidentRecord incident{};
        std::strcpy(incident.case_number, case_number);
        std::strcpy(incident.service, "photos");
        if (of_person) std::strcpy(incident.target, "/one");
        incident.client.present = of_person ? 1 : 0;
        incident.time_ns = noon + ns_per_s;
        incident.action = action;
        incident.complete = 1;
        incident.match_count = 1;
        incident.matches[0].reference = 4711;
        auto recorded = queue->record_match(found, incident);
        assert_true(recorded.has_value());
        return *recorded;
    }
    VerifyDone done(std::uint64_t id, std::uint64_t after_s = 0) {
        VerifyDone result{};
        result.id = id;
        result.time_ns = noon + after_s * ns_per_s;
        return result;
    }
    void run(const std::string& sql) {
        if (!options.server.empty()) {
            assert_true(PostgresServer::run_sql(options.server, sql));
            return;
        }
        sqlite3* database = nullptr;
        assert_int_equal(sqlite3_open(options.path.c_str(), &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(database);
    }
    std::uint64_t incidents() { return store->statistics()->incidents; }
};

int setup(void** state) {
    auto* fixture = new Fixture;
    char directory[] = "/tmp/cordon-verify-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return -1;
    fixture->directory = directory;
    fixture->options = {fixture->directory + "/store.db", "node-1",
                        test_server ? test_server->fresh_url() : ""};
    fixture->open();
    *state = fixture;
    return 0;
}

int teardown(void** state) {
    auto* fixture = static_cast<Fixture*>(*state);
    fixture->queue.reset();
    fixture->store.reset();
    std::filesystem::remove_all(fixture->directory);
    delete fixture;
    return 0;
}

Fixture& of(void** state) {
    return *static_cast<Fixture*>(*state);
}

void hands_out_what_the_journal_asked_for(void** state) {
    Fixture& f = of(state);
    f.ask("/a\\b\xff");
    const VerifyRequest request = f.take();
    assert_string_equal(request.service.c_str(), "photos");
    assert_string_equal(request.target.c_str(), "/a\\b\xff");
    assert_string_equal(request.shown_target().c_str(), "/a\\x5cb\\xff");
    assert_string_equal(request.account.c_str(), "alice");
    assert_int_equal(request.reason, VerifyReason::gap);
    assert_int_equal(request.client.port, 4000);
    assert_int_equal(request.requested_ns, noon);
    assert_int_equal(request.tries, 1);
    assert_true(f.none());
}

void takes_a_record_that_comes_again_once(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    --f.sequence;
    f.ask("/one");
    f.take();
    assert_true(f.none());
    assert_int_equal(f.store->statistics()->odd_records, 0);
}

void keeps_a_record_that_is_none_aside(void** state) {
    Fixture& f = of(state);
    VerifyRecord record{};
    record.reason = static_cast<VerifyReason>(99);
    f.add(RecordType::verify, record, 1);
    assert_int_equal(f.store->statistics()->odd_records, 1);
    assert_true(f.none());
}

void what_a_dead_verifier_had_waits_again(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    f.take();
    f.queue.reset();
    f.store.reset();
    f.open();
    assert_true(f.none());
    assert_true(f.queue->release().has_value());
    assert_int_equal(f.take().tries, 2);
}

void releases_all_but_those_that_are_kept(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    f.ask("/two");
    const std::uint64_t first = f.take().id;
    const std::uint64_t kept[] = {f.take().id, 99};
    assert_true(f.queue->release(kept).has_value());
    assert_int_equal(f.take().id, first);
    assert_true(f.none());
}

void passes_over_services_that_have_enough(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    f.ask("/two");
    f.run("UPDATE verify_request SET service = 'videos' WHERE id = 2");
    const std::vector<std::string> enough = {"photos", "others"};
    const auto taken = f.queue->take(noon, enough);
    assert_true(taken.has_value() && taken->has_value());
    assert_string_equal((**taken).target.c_str(), "/two");
    assert_false((*f.queue->take(noon, enough)).has_value());
    assert_string_equal(f.take().target.c_str(), "/one");
}

void a_clean_object_is_done(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    VerifyDone result = f.done(f.take().id, 3);
    result.object_bytes = 5;
    assert_true(f.queue->finish(result, VerifyOutcome::clean).has_value());
    assert_true(f.queue->release().has_value());
    assert_true(f.none());
    const VerifyRequest request = **f.queue->get(1);
    assert_int_equal(request.outcome, VerifyOutcome::clean);
    assert_int_equal(request.object_bytes, 5);
    assert_int_equal(request.visible_ns, 0);
    assert_int_equal(f.incidents(), 0);
    assert_int_equal(f.queue->statistics()->outcomes[1], 1);
}

void a_match_is_recorded_once_and_deleted_once(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    const VerifyRequest first = f.take();
    assert_string_equal(f.match(first.id, "AB-0001").c_str(), "AB-0001");
    assert_int_equal(f.queue->statistics()->undeleted, 1);
    // The verifier was killed between the deletion and its word; the next try finds the case.
    assert_true(f.queue->release().has_value());
    const VerifyRequest again = f.take();
    assert_true(again.deleting);
    assert_string_equal(again.incident.c_str(), "AB-0001");
    assert_string_equal(again.etag.c_str(), "\"abc\"");
    assert_string_equal(f.match(again.id, "AB-0002").c_str(), "AB-0001");
    assert_true(f.queue->finish(f.done(again.id, 9), VerifyOutcome::deleted).has_value());
    assert_true(f.queue->finish(f.done(again.id, 20), VerifyOutcome::gone).has_value());

    assert_int_equal(f.incidents(), 1);
    const Incident incident = **f.store->get_incident("AB-0001");
    assert_true(incident.verified_after_write);
    assert_int_equal(incident.visible_ns, 9 * ns_per_s);
    assert_int_equal(incident.status, IncidentStatus::enforced);
    assert_int_equal(incident.matches.size(), 1);
    assert_int_equal((**f.queue->get(first.id)).visible_ns, 9 * ns_per_s);
    assert_int_equal(f.queue->statistics()->undeleted, 0);
    assert_int_equal(f.store->statistics()->odd_records, 0);
}

void a_failed_try_waits_for_its_time(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    VerifyDone result = f.done(f.take().id);
    result.http_status = 503;
    std::strcpy(result.detail, "the storage answered 503\n");
    assert_true(f.queue->put_off(result, noon + 5 * ns_per_s).has_value());
    assert_true(f.none(noon + 4 * ns_per_s));
    const VerifyStatistics waiting = *f.queue->statistics();
    assert_int_equal(waiting.postponed, 1);
    assert_string_equal(waiting.last_detail.c_str(), "the storage answered 503\\x0a");
    assert_int_equal(f.take(noon + 5 * ns_per_s).http_status, 503);
}

// A case of the operator's own list must not lead to the object by way of its request.
void what_tells_of_nobody_leaves_no_name_behind(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    f.ask("/two");
    f.ask("/clean");
    const std::uint64_t of_nobody = f.take().id, of_person = f.take().id, clean = f.take().id;
    f.match(of_nobody, "AB-1", MatchAction::report, false);
    f.match(of_person, "AB-2", MatchAction::report);
    assert_true(f.queue->finish(f.done(of_nobody, 4), VerifyOutcome::reported).has_value());
    assert_true(f.queue->finish(f.done(of_person, 4), VerifyOutcome::reported).has_value());
    assert_true(f.queue->finish(f.done(clean, 4), VerifyOutcome::clean).has_value());
    const VerifyRequest forgotten = **f.queue->get(of_nobody);
    assert_string_equal(forgotten.incident.c_str(), "AB-1");
    assert_string_equal(forgotten.target.c_str(), "");
    assert_string_equal(forgotten.host.c_str(), "");
    assert_string_equal(forgotten.account.c_str(), "");
    assert_int_equal(forgotten.client.present, 0);
    assert_string_equal((**f.queue->get(of_person)).target.c_str(), "/two");
    assert_string_equal((**f.queue->get(clean)).target.c_str(), "/clean");
}

void a_newer_version_is_asked_for_once(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    VerifyDone result = f.done(f.take().id, 4);
    result.newer = 1;
    assert_true(f.queue->finish(result, VerifyOutcome::replaced).has_value());
    assert_true(f.queue->finish(result, VerifyOutcome::replaced).has_value());
    const VerifyRequest child = f.take(noon + 4 * ns_per_s);
    assert_int_equal(child.reason, VerifyReason::newer);
    assert_string_equal(child.target.c_str(), "/one");
    assert_int_equal(child.requested_ns, noon + 4 * ns_per_s);
    assert_true(f.none(noon + 9 * ns_per_s));
}

void adopts_blocks_that_nobody_confirmed(void** state) {
    Fixture& f = of(state);
    const auto block = [&](const char* number, const char* method, std::uint64_t at) {
        IncidentRecord incident{};
        std::strcpy(incident.case_number, number);
        std::strcpy(incident.service, "photos");
        std::strcpy(incident.method, method);
        std::strcpy(incident.target, "/a\\b");
        incident.client.present = 1;
        incident.client.address[10] = incident.client.address[11] = 0xff;
        incident.client.address[12] = 9;
        incident.action = MatchAction::block;
        incident.time_ns = noon;
        f.add(RecordType::decided, incident, at);
    };
    block("AB-1", "PUT", 1);
    block("AB-2", "PUT", 2);
    block("AB-3", "POST", 3);  // a form: its target is no object
    EnforcedRecord enforced{};
    enforced.decided_sequence = 2;
    enforced.storage_reset = 1;
    std::strcpy(enforced.case_number, "AB-2");
    f.add(RecordType::enforced, enforced, 4);

    assert_int_equal(*f.queue->adopt_unconfirmed("photos", noon, noon), 0);
    assert_int_equal(*f.queue->adopt_unconfirmed("others", noon + 1, noon), 0);
    assert_int_equal(*f.queue->adopt_unconfirmed("photos", noon + 1, noon), 1);
    assert_int_equal(*f.queue->adopt_unconfirmed("photos", noon + 1, noon), 0);
    const VerifyRequest request = f.take();
    assert_string_equal(request.case_number.c_str(), "AB-1");
    assert_string_equal(request.target.c_str(), "/a\\b");
    assert_int_equal(request.client.address[12], 9);
    assert_int_equal(request.reason, VerifyReason::unconfirmed);
    // What the verifier itself finds is none of them.
    f.match(request.id, "AB-9");
    assert_int_equal(*f.queue->adopt_unconfirmed("photos", noon + 9 * ns_per_s, noon), 0);
}

void tries_again_when_asked(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    f.ask("/two");
    for (int n = 0; n < 2; ++n)
        assert_true(f.queue->finish(f.done(f.take().id), VerifyOutcome::error).has_value());
    assert_int_equal(*f.queue->retry(1, noon), 1);
    assert_int_equal(f.take().id, 1);
    assert_true(f.none());
    assert_int_equal(*f.queue->retry(0, noon), 1);
    assert_int_equal(f.take().id, 2);
}

void lists_newest_first_and_by_outcome(void** state) {
    Fixture& f = of(state);
    for (const char* target : {"/one", "/two", "/three"})
        f.ask(target);
    assert_true(f.queue->finish(f.done(f.take().id), VerifyOutcome::gone).has_value());
    assert_int_equal(f.queue->list({}, 10)->size(), 3);
    assert_string_equal(f.queue->list({}, 1)->front().target.c_str(), "/three");
    const auto gone = *f.queue->list({{}, VerifyOutcome::gone}, 10);
    assert_int_equal(gone.size(), 1);
    assert_string_equal(gone[0].target.c_str(), "/one");
    assert_int_equal(f.queue->list({"nothing", {}}, 10)->size(), 0);
    assert_false(f.queue->get(99)->has_value());
}

void no_more_wait_than_there_is_room_for(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    f.ask("/two");
    f.run("UPDATE verify_waiting SET n = n + " + std::to_string(verify_waiting_max - 2));
    f.ask("/three");
    const VerifyStatistics s = *f.queue->statistics();
    assert_int_equal(s.waiting, 2);
    assert_int_equal(s.outcomes[static_cast<std::size_t>(VerifyOutcome::overflow)], 1);
    // One that is done makes room, one that is tried again takes it.
    assert_true(f.queue->finish(f.done(f.take().id), VerifyOutcome::clean).has_value());
    f.ask("/four");
    assert_int_equal(f.queue->statistics()->waiting, 2);
    f.ask("/five");
    assert_int_equal(f.queue->statistics()->waiting, 2);
    assert_int_equal(*f.queue->retry(0, noon), 2);
    assert_int_equal(f.queue->statistics()->waiting, 4);
}

// Boxes that share a server: each has its own requests, and only its own.
void one_node_never_takes_what_another_asked_for(void** state) {
    Fixture& f = of(state);
    if (f.options.server.empty()) return;  // a file is one box's
    f.ask("/one");
    Fixture other;
    other.options = {f.directory + "/other.db", "node-2", f.options.server};
    other.open();
    assert_true(other.none());
    assert_true(other.queue->list({}, 10)->empty());
    assert_false(other.queue->get(1)->has_value());
    assert_int_equal(other.queue->statistics()->waiting, 0);
    assert_int_equal(*other.queue->retry(0, noon), 0);
    other.ask("/two");
    f.take();
    assert_true(other.queue->release().has_value());
    assert_true(f.none());
    assert_string_equal(other.take().target.c_str(), "/two");
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        TEST(hands_out_what_the_journal_asked_for),
        TEST(takes_a_record_that_comes_again_once),
        TEST(keeps_a_record_that_is_none_aside),
        TEST(what_a_dead_verifier_had_waits_again),
        TEST(releases_all_but_those_that_are_kept),
        TEST(passes_over_services_that_have_enough),
        TEST(a_clean_object_is_done),
        TEST(a_match_is_recorded_once_and_deleted_once),
        TEST(a_failed_try_waits_for_its_time),
        TEST(what_tells_of_nobody_leaves_no_name_behind),
        TEST(a_newer_version_is_asked_for_once),
        TEST(adopts_blocks_that_nobody_confirmed),
        TEST(tries_again_when_asked),
        TEST(lists_newest_first_and_by_outcome),
        TEST(no_more_wait_than_there_is_room_for),
        TEST(one_node_never_takes_what_another_asked_for),
    };
    return run_on_both_stores(tests);
}
