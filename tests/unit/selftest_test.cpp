// What a self-test means, and what a canary makes of it.

#include "control/daemon/selftests.h"

#include <cstring>

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr char a_case[] = "TEST-0000-0000-0000-0";
using Way = ProbeWay;
using Verdict = SelftestResult;

std::size_t at(Way way) {
    return static_cast<std::size_t>(way);
}

// All is well: every upload was tried, and is on record.
struct Scene {
    SelftestFacts facts;
    LinkStatus dataplane{};

    Scene() {
        facts.service = "photos";
        facts.dataplane = &dataplane;
        dataplane.service_count = 1;
        std::strcpy(dataplane.services[0].name, "photos");
        dataplane.services[0].mode = ServiceMode::enforce;
        dataplane.vector = VectorStanding::blocks;
        for (std::size_t way = 0; way < probe_way_count; ++way) {
            ProbeFinding& finding = facts.probed.findings[way];
            finding.tried = 1;
            finding.answer = way == 0 ? ProbeAnswer::stored : ProbeAnswer::refused;
            finding.http_status = way == 0 ? 201 : 403;
            finding.left = way == 0                    ? ProbeLeft::all
                           : way == at(Way::replacing) ? ProbeLeft::before
                                                       : ProbeLeft::nothing;
            finding.left_bytes = way == 0 ? 64778 : 0;
            if (way == 0) continue;
            std::strcpy(finding.case_number, a_case);
            facts.records[way] = RecordedVector{"photos", true, MatchAction::block};
        }
    }
    ProbeFinding& of(Way way) { return facts.probed.findings[at(way)]; }
    // As where nothing is inspected.
    void vectors_are_stored() {
        for (std::size_t way = 1; way < probe_way_count; ++way) {
            ProbeFinding& finding = facts.probed.findings[way];
            finding.answer = ProbeAnswer::stored;
            finding.http_status = 201;
            finding.left = ProbeLeft::all;
            finding.case_number[0] = '\0';
            facts.records[way].reset();
        }
    }
    void expect(Verdict wanted, int code) const {
        const SelftestVerdict verdict = judge_selftest(facts);
        assert_string_equal(std::string(name_of(verdict.result)).c_str(),
                            std::string(name_of(wanted)).c_str());
        assert_int_equal(exit_code_of(verdict.result), code);
        assert_true(verdict.text.size() > 20);
    }
};

void all_is_well(void**) {
    const Scene scene;
    scene.expect(Verdict::ok, 0);
    assert_string_equal(judge_selftest(scene.facts).storage.c_str(), "abandons cut writes");
}

void a_storage_that_keeps_cut_writes_is_told(void**) {
    Scene scene;
    scene.of(Way::chunked).left = ProbeLeft::part;
    scene.of(Way::chunked).left_bytes = 63000;
    scene.expect(Verdict::kept, 4);
    assert_string_equal(judge_selftest(scene.facts).storage.c_str(),
                        "keeps what it got of a cut write: 63000 of 64778 bytes");
    Scene destroyed;
    destroyed.of(Way::replacing).left = ProbeLeft::nothing;
    destroyed.expect(Verdict::kept, 4);
    assert_non_null(
        std::strstr(judge_selftest(destroyed.facts).storage.c_str(), "the file that was there"));
    Scene whole;
    whole.of(Way::sized).left = ProbeLeft::all;
    whole.expect(Verdict::kept_whole, 1);
    Scene unlooked;
    unlooked.of(Way::sized).left = ProbeLeft::unknown;
    unlooked.expect(Verdict::unlooked, 4);
}

// The answer of somebody else's filter, or of another appliance, proves nothing of this one.
void only_our_own_record_proves_the_way(void**) {
    Scene none;
    none.facts.records[at(Way::sized)].reset();
    none.expect(Verdict::around, 1);
    Scene other;
    other.facts.records[at(Way::sized)]->service = "videos";
    other.expect(Verdict::around, 1);
    Scene real;
    real.facts.records[at(Way::sized)]->is_test = false;
    real.expect(Verdict::around, 1);
    Scene released;
    released.facts.records[at(Way::sized)]->action = MatchAction::observe;
    released.expect(Verdict::around, 1);
    Scene unnumbered;
    unnumbered.of(Way::sized).case_number[0] = '\0';
    unnumbered.expect(Verdict::unproven, 4);
}

void a_vector_that_passes_has_its_reason(void**) {
    Scene scene;
    scene.vectors_are_stored();
    scene.expect(Verdict::passed, 1);
    scene.dataplane.vector = VectorStanding::unlisted;
    scene.expect(Verdict::unlisted, 4);
    assert_non_null(std::strstr(judge_selftest(scene.facts).text.c_str(), "cordon-feed vector"));
    scene.dataplane.vector = VectorStanding::suspended;
    scene.expect(Verdict::unlisted, 4);
    scene.dataplane.services[0].mode = ServiceMode::bypass;
    scene.expect(Verdict::not_inspected, 1);
    scene.dataplane.services[0].mode = ServiceMode::observe;
    scene.dataplane.vector = VectorStanding::blocks;
    scene.expect(Verdict::around, 1);  // to be recorded, and was not
    scene.facts.released = true;
    scene.expect(Verdict::observed, 4);
    scene.dataplane.services[0].mode = ServiceMode::enforce;
    scene.dataplane.vector = VectorStanding::reports;
    scene.expect(Verdict::observed, 4);
    scene.facts.dataplane = nullptr;
    scene.expect(Verdict::not_inspected, 1);
}

void that_everything_is_refused_is_no_success(void**) {
    Scene scene;
    scene.of(Way::control).answer = ProbeAnswer::refused;
    scene.of(Way::control).http_status = 403;
    scene.expect(Verdict::not_stored, 1);
    Scene lost;
    lost.of(Way::control).left = ProbeLeft::nothing;
    lost.expect(Verdict::not_stored, 1);
}

void nobody_there_is_no_verdict_about_the_appliance(void**) {
    Scene scene;
    scene.facts.probed = {};
    scene.of(Way::control).tried = 1;
    std::strcpy(scene.of(Way::control).detail, "the storage: Connection refused");
    scene.expect(Verdict::unreachable, 3);
    Scene broken;
    broken.of(Way::sized).answer = ProbeAnswer::failed;
    broken.of(Way::sized).http_status = 503;
    broken.expect(Verdict::unreachable, 3);
    Scene setup;
    setup.facts.probed = {};
    std::strcpy(setup.facts.probed.error, "the credentials /x are open to others; chmod 600");
    setup.expect(Verdict::wrong_setup, 8);
}

// --- runs ----------------------------------------------------------------------------------------

struct Bench {
    Selftests tests;
    Scene scene;  // what comes of each run
    SelftestSeen seen;
    bool on_record = true;

    explicit Bench(std::uint32_t canary_seconds = 0, bool trips = false) {
        TestedService service;
        service.name = "photos";
        service.canary_seconds = canary_seconds;
        service.trips_watchdog = trips;
        seen.now_ms = 1000;
        seen.now_ns = 1'700'000'000'000'000'000;
        seen.dataplane = &scene.dataplane;
        seen.verifier = true;
        tests.use(std::span(&service, 1), seen.now_ms);
    }
    // As the store does.
    void answer() {
        seen.answers = {};
        for (const std::string& number : tests.questions().cases) {
            assert_string_equal(number.c_str(), a_case);
            if (on_record) seen.answers.records[number] = {"photos", true, MatchAction::block};
        }
    }
    std::string turn(std::uint64_t ms = 500) {
        answer();
        seen.now_ms += ms;
        seen.now_ns += ms * 1'000'000;
        return tests.turn(seen);
    }
    // The verifier does what waits; how many that were.
    int verify() {
        int done = 0;
        while (const auto order = tests.board().take()) {
            VerifyProbed probed = scene.facts.probed;
            probed.id = order->id;
            for (std::size_t way = 0; way < probe_way_count; ++way)
                if ((order->ways >> way & 1) == 0) probed.findings[way] = {};
            tests.board().put(probed);
            ++done;
        }
        return done;
    }
    // One canary, to its verdict.
    std::string canary() {
        for (int n = 0; n < 400; ++n) {
            std::string why = turn();
            if (verify() == 0) continue;
            for (int wait = 0; wait < 12 && why.empty(); ++wait)
                why = turn();
            return why;
        }
        fail_msg("no canary came");
        return "";
    }
    nlohmann::json status() const { return tests.status_json().at(0); }
};

void waits_for_the_record_of_the_journal(void**) {
    Bench bench;
    bench.on_record = false;
    const std::uint64_t id = *bench.tests.start("photos", false, bench.seen);
    assert_int_equal(bench.verify(), 1);
    bench.turn();
    assert_false(bench.tests.run_json(id).at("done").get<bool>());
    bench.on_record = true;
    bench.turn();
    const nlohmann::json run = bench.tests.run_json(id);
    assert_true(run.at("done").get<bool>());
    assert_string_equal(run.at("verdict").at("result").get<std::string>().c_str(), "ok");
    assert_int_equal(run.at("verdict").at("ways").size(), probe_way_count);
    assert_true(bench.tests.run_json(id + 1).is_null());
}

void a_record_that_does_not_come_is_none(void**) {
    Bench bench;
    bench.on_record = false;
    const std::uint64_t id = *bench.tests.start("photos", false, bench.seen);
    bench.verify();
    bench.turn();
    bench.turn(Selftests::record_ms_max);
    const nlohmann::json run = bench.tests.run_json(id);
    assert_string_equal(run.at("verdict").at("result").get<std::string>().c_str(), "around");
}

void ends_without_a_verifier(void**) {
    Bench bench;
    bench.seen.verifier = false;
    const std::uint64_t id = *bench.tests.start("photos", false, bench.seen);
    bench.turn(Selftests::verifier_ms_max);
    const nlohmann::json run = bench.tests.run_json(id);
    assert_string_equal(run.at("verdict").at("result").get<std::string>().c_str(), "unreachable");
    assert_false(bench.tests.board().take().has_value());  // nobody does it later
    Bench slow;
    const std::uint64_t lost = *slow.tests.start("photos", false, slow.seen);
    slow.turn(Selftests::run_ms_max);
    assert_true(slow.tests.run_json(lost).at("done").get<bool>());
}

void refuses_a_service_that_has_no_selftest(void**) {
    Bench bench;
    assert_int_equal(bench.tests.start("videos", false, bench.seen).error().code,
                     ErrorCode::config);
}

void forgets_the_oldest_and_takes_no_more_than_it_may(void**) {
    Bench bench;
    for (std::size_t n = 0; n < Selftests::runs_max; ++n)
        assert_true(bench.tests.start("photos", false, bench.seen).has_value());
    assert_int_equal(bench.tests.start("photos", false, bench.seen).error().code,
                     ErrorCode::refused);
    bench.verify();
    bench.turn();
    bench.turn();  // the store has been asked
    assert_true(bench.tests.start("photos", false, bench.seen).has_value());
    assert_true(bench.tests.run_json(1).is_null());
}

void a_canary_asks_by_itself_and_only_once_at_a_time(void**) {
    Bench bench(60);
    bench.turn();
    bench.turn(100'000);  // nobody has done the first
    assert_int_equal(bench.verify(), 1);
    Bench off;
    off.turn(1'000'000);
    assert_int_equal(off.verify(), 0);
    Bench regular(60);
    int all = 0;
    for (int second = 0; second < 600; ++second) {
        regular.turn(1000);
        all += regular.verify();
    }
    assert_int_equal(all, 10);
    assert_string_equal(regular.status().at("result").get<std::string>().c_str(), "ok");
    assert_int_equal(regular.status().at("failures").get<int>(), 0);
}

// At the start of a machine its parts come one after the other.
void a_canary_waits_for_the_others_but_not_for_ever(void**) {
    Bench bench(60);
    bench.seen.verifier = false;
    bench.turn(59'000);
    assert_true(bench.status().at("result").is_null());
    bench.turn(1000);
    bench.turn(5000);
    assert_string_equal(bench.status().at("result").get<std::string>().c_str(), "unreachable");
}

void trips_after_three_in_a_row_that_passed(void**) {
    Bench bench(60, true);
    assert_string_equal(bench.canary().c_str(), "");
    bench.scene.vectors_are_stored();
    assert_string_equal(bench.canary().c_str(), "");
    assert_string_equal(bench.canary().c_str(), "");
    assert_non_null(std::strstr(bench.canary().c_str(), "photos"));
    assert_string_equal(bench.canary().c_str(), "");  // once
    assert_int_equal(bench.status().at("failures").get<int>(), 4);
    // Well again, and wrong again: it trips again.
    bench.scene = Scene();
    bench.seen.dataplane = &bench.scene.dataplane;
    assert_string_equal(bench.canary().c_str(), "");
    assert_int_equal(bench.status().at("failures").get<int>(), 0);
    bench.scene.vectors_are_stored();
    bench.canary();
    bench.canary();
    assert_true(!bench.canary().empty());
}

void nothing_but_the_dataplanes_own_fault_trips(void**) {
    const auto never = [](auto&& spoil, bool trips = true, bool proven = true) {
        Bench bench(60, trips);
        if (proven) bench.canary();
        spoil(bench);
        for (int n = 0; n < 5; ++n)
            assert_string_equal(bench.canary().c_str(), "");
    };
    const auto stored = [](Bench& bench) { bench.scene.vectors_are_stored(); };
    never(stored, false);        // not wanted
    never(stored, true, false);  // its way may never have led through the wire
    never([&](Bench& bench) {
        stored(bench);
        bench.scene.dataplane.services[0].mode = ServiceMode::bypass;
    });
    never([&](Bench& bench) {
        stored(bench);
        bench.scene.dataplane.vector = VectorStanding::unlisted;
    });
    never([](Bench& bench) {
        bench.scene.facts.probed = {};
        bench.scene.of(Way::control).tried = 1;
    });
    never([](Bench& bench) { bench.scene.of(Way::control).answer = ProbeAnswer::failed; });
    never([](Bench& bench) { bench.on_record = false; });
}

void a_change_of_configuration_keeps_what_is_known(void**) {
    Bench bench(60);
    bench.canary();
    TestedService service;
    service.name = "photos";
    service.canary_seconds = 120;
    bench.tests.use(std::span(&service, 1), bench.seen.now_ms);
    assert_string_equal(bench.status().at("result").get<std::string>().c_str(), "ok");
    assert_int_equal(bench.status().at("canary_seconds").get<int>(), 120);
    bench.tests.use({}, bench.seen.now_ms);
    assert_true(bench.tests.status_json().empty());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(a_storage_that_keeps_cut_writes_is_told),
        cmocka_unit_test(only_our_own_record_proves_the_way),
        cmocka_unit_test(a_vector_that_passes_has_its_reason),
        cmocka_unit_test(that_everything_is_refused_is_no_success),
        cmocka_unit_test(nobody_there_is_no_verdict_about_the_appliance),
        cmocka_unit_test(waits_for_the_record_of_the_journal),
        cmocka_unit_test(a_record_that_does_not_come_is_none),
        cmocka_unit_test(ends_without_a_verifier),
        cmocka_unit_test(refuses_a_service_that_has_no_selftest),
        cmocka_unit_test(forgets_the_oldest_and_takes_no_more_than_it_may),
        cmocka_unit_test(a_canary_asks_by_itself_and_only_once_at_a_time),
        cmocka_unit_test(a_canary_waits_for_the_others_but_not_for_ever),
        cmocka_unit_test(trips_after_three_in_a_row_that_passed),
        cmocka_unit_test(nothing_but_the_dataplanes_own_fault_trips),
        cmocka_unit_test(a_change_of_configuration_keeps_what_is_known),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
