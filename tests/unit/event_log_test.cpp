// Gaps stay until they are durable; a mode change that leaves no trace is refused.
#include "dataplane/shell/event_log.h"

#include <cstring>
#include <ios>  // before cmocka.h, which defines fail()

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

class FakeRecorder final : public EventRecorder {
  public:
    bool gap(const GapRecord& record, RecordTicket* ticket) override {
        if (full) return false;
        gaps.push_back(record);
        ticket->number = gaps.size();
        return true;
    }
    bool mode(const ModeRecord& record, RecordTicket* ticket) override {
        if (full) return false;
        modes.push_back(record);
        ticket->number = 1000;
        return true;
    }
    RecordState state(RecordTicket, std::uint64_t* sequence) override {
        *sequence = 1;
        return answer;
    }

    bool full = false;
    RecordState answer = RecordState::pending;
    std::vector<GapRecord> gaps;
    std::vector<ModeRecord> modes;
};

GapRecord gap_of(const char* service, std::uint64_t from_ns, std::uint64_t to_ns) {
    GapRecord gap{};
    gap.from_ns = from_ns;
    gap.to_ns = to_ns;
    gap.packets = 1;
    gap.bytes = 100;
    gap.reason = GapReason::hung;
    std::strcpy(gap.service, service);
    return gap;
}

void hands_a_gap_over_once_when_it_becomes_durable(void**) {
    FakeRecorder recorder;
    EventLog log(recorder, 10);
    log.add_gap(gap_of("photos", 10, 20));
    log.tend();
    log.tend();
    recorder.answer = RecordState::durable;
    log.tend();
    log.tend();
    assert_int_equal(recorder.gaps.size(), 1);
}

void hands_a_gap_over_again_until_the_disk_takes_it(void**) {
    FakeRecorder recorder;
    recorder.full = true;
    EventLog log(recorder, 10);
    log.add_gap(gap_of("photos", 10, 20));
    log.tend();
    assert_int_equal(recorder.gaps.size(), 0);
    recorder.full = false;
    log.tend();
    recorder.answer = RecordState::failed;
    log.tend();
    assert_int_equal(recorder.gaps.size(), 2);
    recorder.answer = RecordState::durable;
    log.tend();
    log.tend();
    assert_int_equal(recorder.gaps.size(), 2);
}

void joins_gaps_of_a_service_that_wait_for_the_disk(void**) {
    FakeRecorder recorder;
    EventLog log(recorder, 10);
    log.add_gap(gap_of("photos", 10, 20));
    log.add_gap(gap_of("videos", 15, 16));
    log.add_gap(gap_of("photos", 30, 40));
    log.tend();
    assert_int_equal(recorder.gaps.size(), 2);
    assert_int_equal(recorder.gaps[0].from_ns, 10);
    assert_int_equal(recorder.gaps[0].to_ns, 40);
    assert_int_equal(recorder.gaps[0].bytes, 200);
    assert_int_equal(recorder.gaps[0].packets, 2);
}

void refuses_a_mode_change_that_leaves_no_durable_trace(void**) {
    FakeRecorder recorder;
    EventLog log(recorder, 2);
    assert_false(log.record_mode(ModeRecord{}).has_value());  // pending for too long
    recorder.answer = RecordState::failed;
    assert_false(log.record_mode(ModeRecord{}).has_value());
    recorder.full = true;
    assert_false(log.record_mode(ModeRecord{}).has_value());
    recorder.full = false;
    recorder.answer = RecordState::durable;
    assert_true(log.record_mode(ModeRecord{}).has_value());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hands_a_gap_over_once_when_it_becomes_durable),
        cmocka_unit_test(hands_a_gap_over_again_until_the_disk_takes_it),
        cmocka_unit_test(joins_gaps_of_a_service_that_wait_for_the_disk),
        cmocka_unit_test(refuses_a_mode_change_that_leaves_no_durable_trace),
    };
    return cmocka_run_group_tests_name("event_log", tests, nullptr, nullptr);
}
