// What incidents tell of persons: sealed from the first byte on the disk, shown, held, and gone.
#include <sodium.h>

#include <csignal>

#include "control/store/verify_queue.h"
#include "tests/support/stored_incidents.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr std::uint64_t day_ns = 86400 * 1000000000ull;

// Now, because keys are as old as the clock says.
std::uint64_t now_ns() {
    timespec now;
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

std::unique_ptr<PersonalData> data_of(StoreFixture& f) {
    auto data = PersonalData::open(f.options);
    assert_true(data.has_value());
    return std::move(*data);
}

// Everything in incident() that tells of a person.
constexpr const char* told[] = {"192.0.2.7", "files.example", "/bucket/a.jpg", "AKIAEXAMPLE",
                                "a.zip",     "x/a.jpg",       "y.zip"};

void nothing_personal_stands_open_in_any_file(void** state) {
    StoreFixture& f = store_of(state);
    f.add_incident(1, incident("AB-0001"));
    for (const char* text : told)
        assert_false(f.holds(text));
    // The test finds what is there.
    assert_true(f.holds("AB-0001"));
    assert_true(f.holds("uploads"));
}

void a_record_that_comes_again_makes_no_second_key(void** state) {
    StoreFixture& f = store_of(state);
    for (int n = 0; n < 3; ++n)
        f.add_incident(1, incident("AB-0001"));
    CaseKeys keys;
    assert_true(keys.open(case_keys_path(f.path)).has_value());
    assert_int_equal(*keys.destroy_before(now_ns() + day_ns, now_ns()), 1);
}

// As the line writes it of a match of the operator's own list.
void a_record_that_tells_of_nobody_has_no_key(void** state) {
    StoreFixture& f = store_of(state);
    IncidentRecord record{};
    fill(record.case_number, "AB-0001");
    record.action = MatchAction::report;
    record.match_count = 1;
    f.add_incident(1, record);
    auto data = data_of(f);
    assert_false(data->standing("AB-0001")->has_value());
    assert_false(data->reveal("AB-0001")->has_value());
    CaseKeys keys;
    assert_true(keys.open(case_keys_path(f.path)).has_value());
    assert_int_equal(*keys.destroy_before(now_ns() + day_ns, now_ns()), 0);
    assert_int_equal(f.store->statistics()->reported, 1);
}

void what_is_too_old_is_gone_for_ever(void** state) {
    StoreFixture& f = store_of(state);
    f.add_incident(1, incident("AB-0001"));
    auto data = data_of(f);
    const std::uint64_t now = now_ns();
    assert_int_equal(*data->destroy_before(now - day_ns, now), 0);
    assert_true(data->reveal("AB-0001")->has_value());
    assert_int_equal(*data->destroy_before(now + day_ns, now), 1);
    assert_false(data->reveal("AB-0001")->has_value());
    assert_false(data->standing("AB-0001")->has_value());
    // The incident stays, and counts.
    assert_true(f.store->get_incident("AB-0001")->has_value());
    assert_int_equal(f.store->statistics()->incidents, 1);
    assert_int_equal(*data->destroy_before(now + day_ns, now), 0);
}

// Neither in the files of the store nor in those of the keys, their logs included.
void of_a_destroyed_key_no_byte_is_left(void** state) {
    StoreFixture& f = store_of(state);
    f.add_incident(1, incident("AB-0001"));
    std::string id, key;
    {
        Database database;
        assert_true(database.open(case_keys_path(f.path)).has_value());
        Statement row(database, "SELECT id, key FROM case_key");
        assert_true(row.row());
        id = std::string(as_text(row.blob(0)));
        key = std::string(as_text(row.blob(1)));
    }
    assert_true(f.holds(id));
    assert_true(f.holds(key));
    auto data = data_of(f);
    assert_int_equal(*data->destroy_before(now_ns() + day_ns, now_ns()), 1);
    assert_false(f.holds(key));
    // A server keeps what was deleted for a while; the number of a key opens nothing.
    if (f.options.server.empty()) assert_false(f.holds(id));
}

void a_hold_keeps_a_case_until_its_day(void** state) {
    StoreFixture& f = store_of(state);
    f.add_incident(1, incident("AB-0001"));
    f.add_incident(2, incident("AB-0002"));
    auto data = data_of(f);
    const std::uint64_t now = now_ns();
    assert_true(data->hold("AB-0001", now + 10 * day_ns, "complaint 7").has_value());
    assert_int_equal(*data->destroy_before(now + day_ns, now), 1);
    assert_true(data->reveal("AB-0001")->has_value());
    assert_false(data->reveal("AB-0002")->has_value());
    const auto standing = *data->standing("AB-0001");
    assert_true(standing.has_value());
    assert_true(standing->held_until_ns == now + 10 * day_ns);
    assert_string_equal(standing->held_for.c_str(), "complaint 7");
    // Released, and its day has come.
    assert_true(data->hold("AB-0001", 0, "").has_value());
    assert_int_equal(*data->destroy_before(now + day_ns, now), 1);
    assert_int_equal(data->hold("AB-0001", now, "again").error().code, ErrorCode::refused);
    assert_int_equal(data->hold("AB-9999", now, "none").error().code, ErrorCode::refused);
    assert_int_equal(data->reveal("AB-9999").error().code, ErrorCode::refused);
}

// A crash between the two files: the sealed text nobody can open goes with the next run.
void a_run_that_was_cut_off_is_ended_by_the_next(void** state) {
    StoreFixture& f = store_of(state);
    f.add_incident(1, incident("AB-0001"));
    CaseKeys keys;
    assert_true(keys.open(case_keys_path(f.path)).has_value());
    assert_int_equal(*keys.destroy_before(now_ns() + day_ns, now_ns()), 1);
    auto data = data_of(f);
    assert_false(data->reveal("AB-0001")->has_value());
    assert_int_equal(*data->destroy_before(now_ns() + day_ns, now_ns()), 0);
    f.run(
        "INSERT INTO fault (node, journal, time_ns, kind, segment, first_sequence, count)"
        " SELECT 'node-1', '', 0, 1, 'of personal', 0, count(*) FROM personal");
    assert_int_equal(f.store->statistics()->missing, 0);
}

// What was asked for, and what was not understood, is sealed as well, and goes as well.
void odd_records_and_requests_are_sealed_and_emptied(void** state) {
    StoreFixture& f = store_of(state);
    f.add(static_cast<RecordType>(77), 1, incident("AB-0001"));
    assert_true(f.apply(journal_id).has_value());
    VerifyRecord record{};
    record.time_ns = noon;
    record.reason = VerifyReason::gap;
    record.client = v4(99, 1);
    fill(record.service, "uploads");
    fill(record.host, "HOST-OF-A-PERSON");
    fill(record.target, "/OF-A-PERSON");
    fill(record.account, "OF-AN-ACCOUNT");
    f.add(RecordType::verify, 2, record);
    assert_true(f.apply(journal_id).has_value());
    auto queue = std::move(*open_verify_queue(f.options));
    assert_string_equal((*queue->list({}, 1))[0].target.c_str(), "/OF-A-PERSON");
    constexpr const char* of_persons[] = {"OF-A-PERSON", "OF-AN-ACCOUNT", "AKIAEXAMPLE",
                                          "/bucket/a.jpg", "192.0.2.99"};
    for (const char* text : of_persons)
        assert_false(f.holds(text));
    auto data = data_of(f);
    assert_int_equal(*data->destroy_before(now_ns() + day_ns, now_ns()), 2);
    const VerifyRequest left = (*queue->list({}, 1))[0];
    assert_true(left.target.empty() && left.account.empty() && left.client.present == 0);
    assert_int_equal(f.store->statistics()->odd_records, 1);
    queue.reset();
    f.store.reset();
    for (const char* text : of_persons)
        assert_false(f.holds(text));
}

void a_sealed_text_opens_only_for_its_case_and_key(void**) {
    assert_true(sodium_init() >= 0);
    Personal personal;
    personal.client = {"192.0.2.7", 40000};
    personal.target = "/a";
    CaseKey key, other;
    randombytes_buf(key.data(), key.size());
    randombytes_buf(other.data(), other.size());
    std::vector<std::uint8_t> sealed = seal_personal(personal, key, "AB-0001");
    assert_true(open_personal(Bytes(sealed), key, "AB-0001") == personal);
    assert_false(open_personal(Bytes(sealed), key, "AB-0002").has_value());
    assert_false(open_personal(Bytes(sealed), other, "AB-0001").has_value());
    for (std::size_t n = 0; n <= sealed.size(); ++n)
        if (n != sealed.size())
            assert_false(open_personal(Bytes(sealed.data(), n), key, "AB-0001").has_value());
    for (std::size_t n = 0; n < sealed.size(); n += 7) {
        sealed[n] ^= 1;
        assert_false(open_personal(Bytes(sealed), key, "AB-0001").has_value());
        sealed[n] ^= 1;
    }
}

// How long a name is shows in steps only.
void lengths_are_rounded(void**) {
    Personal personal;
    CaseKey key = {};
    const std::size_t little = seal_personal(personal, key, "A").size();
    personal.target = std::string(100, 'x');
    assert_int_equal(seal_personal(personal, key, "A").size(), little);
    personal.target = std::string(300, 'x');
    assert_int_equal(seal_personal(personal, key, "A").size(), little + 256);
    // Also where the text fills a step.
    for (std::size_t n = 200; n < 300; ++n) {
        personal.target = std::string(n, 'x');
        const std::vector<std::uint8_t> sealed = seal_personal(personal, key, "A");
        assert_true(open_personal(Bytes(sealed), key, "A") == personal);
    }
}

void a_file_of_keys_that_is_none_is_refused(void** state) {
    StoreFixture& f = store_of(state);
    CaseKeys keys;
    const std::string other = f.directory + "/other.db";
    assert_true(open_store({other, "node-1"}).has_value());
    assert_int_equal(keys.open(other).error().code, ErrorCode::integrity);
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, remove_store)
    const CMUnitTest tests[] = {
        TEST(nothing_personal_stands_open_in_any_file),
        TEST(a_record_that_comes_again_makes_no_second_key),
        TEST(a_record_that_tells_of_nobody_has_no_key),
        TEST(what_is_too_old_is_gone_for_ever),
        TEST(of_a_destroyed_key_no_byte_is_left),
        TEST(a_hold_keeps_a_case_until_its_day),
        TEST(a_run_that_was_cut_off_is_ended_by_the_next),
        TEST(odd_records_and_requests_are_sealed_and_emptied),
        cmocka_unit_test(a_sealed_text_opens_only_for_its_case_and_key),
        cmocka_unit_test(lengths_are_rounded),
        TEST(a_file_of_keys_that_is_none_is_refused),
    };
    return run_on_both_stores(tests);
}
