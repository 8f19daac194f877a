// Whoever reads the log hears of one-directional connections at once, and then once a minute.
#include "dataplane/shell/direction_alarm.h"

#include <ios>  // before cmocka.h, which defines fail()

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

void the_first_is_told_at_once(void**) {
    DirectionAlarm alarm;
    assert_true(alarm.note(0, "photos", 0, 1000).empty());
    assert_int_equal(alarm.last_s(0), 0);
    const std::string line = alarm.note(0, "photos", 3, 1001);
    assert_true(has(line, "alarm: service photos: only one direction of 3 connections"));
    assert_int_equal(alarm.last_s(0), 1001);
}

void a_flood_of_them_is_one_line_a_minute(void**) {
    DirectionAlarm alarm;
    alarm.note(0, "photos", 1, 1000);
    for (std::uint64_t s = 1; s < DirectionAlarm::line_every_s; ++s)
        assert_true(alarm.note(0, "photos", 1 + s, 1000 + s).empty());
    assert_int_equal(alarm.last_s(0), 1059);
    assert_true(has(alarm.note(0, "photos", 100, 1060), "of 99 connections"));
    assert_true(alarm.note(0, "photos", 100, 1200).empty());  // nothing new
    assert_int_equal(alarm.last_s(0), 1060);
}

void services_are_told_apart(void**) {
    DirectionAlarm alarm;
    alarm.note(0, "photos", 1, 1000);
    assert_true(has(alarm.note(1, "files", 1, 1000), "service files"));
    assert_int_equal(alarm.last_s(2), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_told_at_once),
        cmocka_unit_test(a_flood_of_them_is_one_line_a_minute),
        cmocka_unit_test(services_are_told_apart),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
