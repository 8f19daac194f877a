// The vector of a self-test in the line: it is refused like a known file, and is nobody's case.

#include "dataplane/contract/test_vector.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

void add(IndexBuilder* builder, std::uint32_t section, std::string_view content,
         std::uint8_t flags) {
    std::uint8_t digest[32];
    SHA256(as_bytes(content).data(), content.size(), digest);
    assert_int_equal(builder->add(section, {.kind = IndicatorKind::sha256,
                                            .digest = Bytes(digest),
                                            .reference = 77,
                                            .flags = flags}),
                     AddOutcome::added);
}

AlignedBytes index_with_vector(std::uint8_t flags = record_flag::test) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    add(&builder, *builder.add_section({.name = "centre"}, key_of(1)), test_vector(), flags);
    return built(&builder);
}

void upload(Lab* lab, std::string_view content = test_vector()) {
    lab->connect();
    lab->send(put("/alice/holiday.txt", content, "Authorization: Basic YWxpY2U6eA==\r\n"));
    lab->step();
}

Options options_with_account() {
    Options options = lab_options();
    options.services[0].account_from = AccountFrom::basic_user;
    return options;
}

bool is_without_person(const IncidentRecord& record) {
    const Endpoint nobody{};
    return std::memcmp(&record.client, &nobody, sizeof nobody) == 0 &&
           std::memcmp(&record.forwarded, &nobody, sizeof nobody) == 0 && record.host[0] == '\0' &&
           record.account[0] == '\0' && record.target[0] == '\0' && record.name[0] == '\0' &&
           record.member[0] == '\0';
}

void the_vector_never_changes(void**) {
    const std::string vector = test_vector();
    assert_int_equal(vector.size(), test_vector_bytes);
    std::uint8_t digest[32];
    SHA256(as_bytes(vector).data(), vector.size(), digest);
    assert_memory_equal(digest, test_vector_sha256.data(), sizeof digest);
}

void the_control_is_another_file_each_time(void**) {
    const std::string one = test_control(1), two = test_control(2);
    assert_int_equal(one.size(), test_vector_bytes);
    assert_true(one != two && one != test_vector());
    const std::size_t last = test_vector().rfind('\n', test_vector_bytes - 2) + 1;
    assert_true(one.substr(0, last) == test_vector().substr(0, last));
}

void refuses_the_vector_and_names_nobody(void**) {
    Lab lab(options_with_account());
    lab.use(index_with_vector());
    upload(&lab);
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
    assert_true(lab.storage_reset);
    assert_true(lab.stored.size() < test_vector_bytes);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    const IncidentRecord& record = lab.recorder.decided_records[0].record;
    assert_true(is_test(record));
    assert_true(is_without_person(record));
    assert_string_equal(record.service, "files");
    assert_non_null(std::strstr(lab.answer.c_str(), record.case_number));
    // Counted apart: alarms about matches are about cases.
    assert_int_equal(lab.count(Outcome::match_tested), 1);
    assert_int_equal(lab.count(Outcome::object_matched), 0);
    assert_int_equal(lab.count(Outcome::match_blocked), 0);
}

void a_real_case_keeps_its_person(void**) {
    Lab lab(options_with_account());
    lab.use(index_with_vector(0));
    upload(&lab);
    const IncidentRecord& record = lab.recorder.decided_records.at(0).record;
    assert_false(is_test(record));
    assert_string_equal(record.account, "alice");
    assert_string_equal(record.target, "/alice/holiday.txt");
    assert_int_equal(lab.count(Outcome::match_tested), 0);
    assert_int_equal(lab.count(Outcome::object_matched), 1);
    assert_int_equal(lab.count(Outcome::match_blocked), 1);
}

// A list that calls a file a test takes nothing from another one that lists it.
void one_list_cannot_make_a_test_of_what_another_lists(void**) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t first = *builder.add_section({.name = "centre"}, key_of(1));
    const std::uint32_t second = *builder.add_section({.name = "prank"}, key_of(50));
    add(&builder, first, known_content(), 0);
    add(&builder, second, known_content(), record_flag::test);
    Lab lab(options_with_account());
    lab.use(built(&builder));
    upload(&lab, known_content());
    const IncidentRecord& record = lab.recorder.decided_records.at(0).record;
    assert_false(is_test(record));
    assert_string_equal(record.account, "alice");
    assert_int_equal(record.match_count, 2);
}

void is_recorded_and_released_where_the_service_observes(void**) {
    Options options = lab_options();
    options.services[0].mode = ServiceMode::observe;
    Lab lab(options);
    lab.use(index_with_vector());
    upload(&lab);
    assert_int_equal(lab.recorder.decided_records.at(0).record.action, MatchAction::observe);
    assert_true(is_test(lab.recorder.decided_records.at(0).record));
    assert_true(lab.stored.ends_with("end of the vector               \n"));
}

// Anybody has the vector. Beyond the rate it is refused all the same, without a record.
void a_flood_of_vectors_is_no_flood_of_records(void**) {
    Options options = lab_options();
    options.flows_max = options.messages_max = 1024;
    Lab lab(options);
    lab.use(index_with_vector());
    constexpr std::uint32_t more = 20;
    for (std::uint32_t n = 0; n < limits::test_records_burst + more; ++n) {
        upload(&lab);
        assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
        assert_true(lab.storage_reset);
    }
    const std::uint64_t unrecorded = lab.count(Outcome::test_unrecorded);
    assert_in_range(unrecorded, more - 5, more);  // a second or so has passed
    assert_int_equal(lab.recorder.decided_records.size(),
                     limits::test_records_burst + more - unrecorded);
    assert_true(lab.answer.find("case") == std::string::npos);
    assert_int_equal(lab.count(Outcome::match_unrecorded), 0);
    // A case is recorded meanwhile as ever.
    lab.use(index_of_contents({known_content()}));
    upload(&lab, known_content());
    assert_false(is_test(lab.recorder.decided_records.back().record));
    // And a vector when time has passed.
    lab.use(index_with_vector());
    lab.step(std::uint64_t{limits::test_record_every_ms} * 2000);
    upload(&lab);
    assert_true(is_test(lab.recorder.decided_records.back().record));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_never_changes),
        cmocka_unit_test(the_control_is_another_file_each_time),
        cmocka_unit_test(refuses_the_vector_and_names_nobody),
        cmocka_unit_test(a_real_case_keeps_its_person),
        cmocka_unit_test(one_list_cannot_make_a_test_of_what_another_lists),
        cmocka_unit_test(is_recorded_and_released_where_the_service_observes),
        cmocka_unit_test(a_flood_of_vectors_is_no_flood_of_records),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
