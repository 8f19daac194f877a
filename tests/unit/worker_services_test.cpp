// What is counted of each service: its objects, their verdicts, and how long these took.
#include "dataplane/worker/verdict_clock.h"
#include "tests/support/pieces_lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

// Service 1 is the one that is used, behind one that nobody uses.
Options two_services(ServiceMode mode) {
    Options options = lab_options();
    options.service_count = 2;
    options.services[1] = options.services[0];
    options.services[1].mode = mode;
    options.services[0].port = 81;
    return options;
}

std::uint64_t verdicts(const Lab& lab, std::size_t service, ServiceVerdict verdict) {
    return lab.worker->counters()
        .services[service]
        .verdicts[static_cast<std::size_t>(verdict)]
        .count.read();
}

std::uint64_t verdicts_of_others(const Lab& lab, std::size_t service, ServiceVerdict verdict) {
    std::uint64_t all = 0;
    for (std::size_t s = 0; s < services_max; ++s)
        for (std::size_t v = 0; v < service_verdict_count; ++v)
            all += verdicts(lab, s, ServiceVerdict{static_cast<std::uint8_t>(v)});
    return all - verdicts(lab, service, verdict);
}

std::uint64_t timed(const Lab& lab, std::size_t service) {
    std::uint64_t all = 0;
    for (const Counter& one : lab.worker->counters().services[service].verdict_latency.classes)
        all += one.read();
    return all;
}

void verdicts_are_those_of_their_service(void**) {
    const struct {
        ServiceMode mode;
        std::string body;
        ServiceVerdict verdict;
    } cases[] = {
        {ServiceMode::enforce, "clean", ServiceVerdict::clean},
        {ServiceMode::enforce, known(), ServiceVerdict::blocked},
        {ServiceMode::observe, known(), ServiceVerdict::observed},
    };
    for (const auto& one : cases) {
        Lab lab(two_services(one.mode));
        lab.use(index_of_contents({known()}));
        lab.connect();
        lab.send(put("/up", one.body));
        assert_int_equal(verdicts(lab, 1, one.verdict), 1);
        assert_int_equal(verdicts_of_others(lab, 1, one.verdict), 0);
        const auto& bytes = lab.worker->counters().services[1].objects;
        assert_int_equal(bytes[object_class(ObjectClass::inspected)].bytes.read(), one.body.size());
        assert_int_equal(bytes[object_class(ObjectClass::inspected)].count.read(), 1);
    }
}

void what_is_not_inspected_is_so_of_its_service(void**) {
    Lab lab(two_services(ServiceMode::enforce));
    lab.connect();
    lab.send(put("/up", "no index is there to compare it with"));
    assert_int_equal(verdicts(lab, 1, ServiceVerdict::uninspected), 1);
    const auto& objects = lab.worker->counters().services[1].objects;
    assert_int_equal(objects[object_class(UninspectedReason::no_index)].count.read(), 1);
}

void a_verdict_in_one_turn_takes_the_turn(void**) {
    Lab lab(two_services(ServiceMode::enforce));
    lab.use(index_of_contents({known()}));
    lab.connect();
    const Latency& latency = lab.worker->counters().services[1].verdict_latency;
    lab.segment(0, put("/up", "clean"));
    assert_int_equal(timed(lab, 1), 0);
    lab.worker->turn_ended(lab.now_ns + 70 * ns_per_us);
    assert_int_equal(timed(lab, 1), 1);
    assert_int_equal(latency.sum_ns.read(), 70 * ns_per_us);
    assert_int_equal(latency.classes[2].read(), 1);  // above 50 µs, at most 100
    lab.worker->turn_ended(lab.now_ns + 90 * ns_per_us);
    assert_int_equal(timed(lab, 1), 1);
    assert_int_equal(timed(lab, 0), 0);
}

void a_refusal_is_timed_as_well(void**) {
    Lab lab(two_services(ServiceMode::enforce));
    lab.use(index_of_contents({known()}));
    lab.connect();
    lab.send(put("/up", known()));
    lab.worker->turn_ended(lab.now_ns + 1);
    assert_int_equal(timed(lab, 1), 1);
}

// It is judged when a part comes that another connection was still sending.
void a_verdict_that_waits_takes_that_long(void**) {
    Pair pair;
    send(&pair.one, part_of(1, "clean"));
    const std::string last = part_of(2, "clean as well");
    pair.two.send(std::string_view(last).substr(0, last.size() - 4));
    pair.one.worker->turn_ended(pair.one.now_ns);
    const std::uint64_t before = timed(pair.one, 0);
    const Latency& latency = pair.one.worker->counters().services[0].verdict_latency;
    const std::uint64_t sum_before = latency.sum_ns.read();
    const std::uint64_t from_ns = pair.one.now_ns;
    pair.one.send(complete({1, 2}));
    pair.turn(50);
    assert_int_equal(timed(pair.one, 0), before);
    pair.two.send(std::string_view(last).substr(last.size() - 4));
    pair.turn(50);
    assert_true(pair.one.stored.find("</CompleteMultipartUpload>") != std::string::npos);
    pair.one.worker->turn_ended(pair.one.now_ns);
    assert_int_equal(timed(pair.one, 0), before + 1);
    const std::uint64_t took = latency.sum_ns.read() - sum_before;
    assert_true(took >= 50 * 10 * ns_per_us && took <= pair.one.now_ns - from_ns);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
}

void every_time_has_its_class(void**) {
    Latency latency;
    for (const std::uint64_t end : latency_ends_ns) {
        latency.add(end);
        latency.add(end + 1);
    }
    assert_int_equal(latency.classes[0].read(), 1);
    for (std::size_t c = 1; c + 1 < latency_class_count; ++c)
        assert_int_equal(latency.classes[c].read(), 2);
    assert_int_equal(latency.classes[latency_class_count - 1].read(), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_of_their_service),
        cmocka_unit_test(what_is_not_inspected_is_so_of_its_service),
        cmocka_unit_test(a_verdict_in_one_turn_takes_the_turn),
        cmocka_unit_test(a_refusal_is_timed_as_well),
        cmocka_unit_test(a_verdict_that_waits_takes_that_long),
        cmocka_unit_test(every_time_has_its_class),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
