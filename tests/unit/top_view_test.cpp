// `cordonctl top`: what two looks at the appliance become.
#include <cmath>
#include <cstring>

#include "control/cli/top_view.h"
#include "control/link/link_json.h"
#include "dataplane/base/time.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using nlohmann::json;

namespace {

constexpr auto inspected = object_class(ObjectClass::inspected);
constexpr auto of_tls = object_class(UninspectedReason::tls);
constexpr auto blocked = static_cast<std::size_t>(ServiceVerdict::blocked);
constexpr auto clean = static_cast<std::size_t>(ServiceVerdict::clean);

struct Appliance {
    Appliance() {
        status.service_count = counters.service_count = 2;
        for (std::size_t i = 0; i < 2; ++i) {
            std::strcpy(status.services[i].name, i == 0 ? "videos" : "photos");
            std::strcpy(counters.services[i].name, status.services[i].name);
        }
        status.services[1].mode = ServiceMode::observe;
        status.flows = 1234;
        status.flows_max = 131072;
    }
    TopSample sample(std::uint64_t now_s) const {
        TopSample made;
        made.now_ns = now_s * ns_per_s;
        made.status = {{"dataplane", status_json(status)},
                       {"control", {{"reachable", true}}},
                       {"lab", false},
                       {"problems", json::array()}};
        made.coverage = coverage_json(counters);
        return made;
    }
    LinkStatus status = {};
    LinkCounters counters = {};
};

void rates_are_of_the_time_between(void**) {
    Appliance box;
    box.counters.services[0].objects[inspected] = {100, 5000};
    const TopSample before = box.sample(10);
    box.counters.services[0].objects[inspected] = {150, 8000};
    box.counters.services[0].objects[of_tls] = {0, 1000};
    box.counters.services[0].verdicts[clean] = {40, 1};
    box.counters.services[0].verdicts[blocked] = {2, 1};
    const auto services = top_services(before, box.sample(15), {});
    assert_int_equal(services.size(), 2);
    const TopService& videos = services[1];  // by name
    assert_string_equal(videos.name.c_str(), "videos");
    assert_string_equal(videos.mode.c_str(), "enforce");
    assert_true(videos.objects_per_s == 10 && videos.bytes_per_s == 800);
    assert_true(videos.inspected == 0.75);
    assert_int_equal(videos.verdicts[clean], 40);
    assert_int_equal(videos.verdicts[blocked], 2);
    assert_true(services[0].objects_per_s == 0 && services[0].inspected < 0);
    assert_string_equal(services[0].mode.c_str(), "observe");
}

void a_dataplane_started_anew_begins_at_zero(void**) {
    Appliance box;
    box.counters.services[0].objects[inspected] = {1000, 50000};
    box.counters.services[0].latency[3] = 900;
    const TopSample before = box.sample(10);
    box.counters.services[0].objects[inspected] = {6, 60};
    box.counters.services[0].latency[3] = 6;
    const auto services = top_services(before, box.sample(12), {});
    assert_true(services[1].objects_per_s == 3 && services[1].bytes_per_s == 30);
}

void verdicts_may_be_those_of_all_time(void**) {
    Appliance box;
    box.counters.services[0].verdicts[clean] = {1000, 1};
    const TopSample before = box.sample(10);
    box.counters.services[0].verdicts[clean] = {1001, 1};
    const TopSample now = box.sample(12);
    assert_int_equal(top_services(before, now, {})[1].verdicts[clean], 1);
    assert_int_equal(top_services(before, now, {.totals = true})[1].verdicts[clean], 1001);
}

void the_order_is_as_asked(void**) {
    Appliance box;
    box.counters.services[0].objects[inspected] = {5, 10};
    box.counters.services[1].objects[inspected] = {1, 1000};
    box.counters.services[0].verdicts[blocked] = {3, 1};
    const TopSample before;
    const TopSample now = box.sample(1);
    const auto first = [&](TopOrder order) {
        return top_services(before, now, {.order = order})[0].name;
    };
    assert_string_equal(first(TopOrder::name).c_str(), "photos");
    assert_string_equal(first(TopOrder::objects).c_str(), "videos");
    assert_string_equal(first(TopOrder::bytes).c_str(), "photos");
    assert_string_equal(first(TopOrder::blocked).c_str(), "videos");
}

void latency_is_the_end_of_its_class(void**) {
    LinkCounters c = {};
    c.service_count = 1;
    const auto latency = [&] { return coverage_json(c)["service_objects"][0]["latency"]; };
    assert_true(latency_of({}, latency(), 0.5) < 0);
    c.services[0].latency[0] = 98;
    c.services[0].latency[5] = 2;
    assert_true(latency_of({}, latency(), 0.5) == 20e-6);
    assert_true(latency_of({}, latency(), 0.98) == 20e-6);
    assert_true(latency_of({}, latency(), 0.99) == 1e-3);
    const json before = latency();
    c.services[0].latency[latency_class_count - 1] = 1;
    assert_true(std::isinf(latency_of(before, latency(), 0.5)));
}

void the_table_shows_what_is_known(void**) {
    Appliance box;
    box.counters.services[0].objects[inspected] = {4, 999999};
    box.counters.services[0].objects[of_tls] = {0, 1};
    box.counters.services[0].latency[0] = 4;
    const std::string text = top_table(top_services(TopSample{}, box.sample(1), {})).text(Screen{});
    assert_non_null(std::strstr(text.c_str(), "20 µs"));
    assert_non_null(std::strstr(text.c_str(), "99.9 %"));  // not 100
    assert_non_null(std::strstr(text.c_str(), "photos"));
    const std::vector<std::string> head = top_head(TopSample{}, box.sample(1));
    assert_non_null(std::strstr(head[0].c_str(), "all is well"));
    assert_non_null(std::strstr(head[1].c_str(), "flows 1,234 of 131,072"));
}

void one_that_does_not_answer_is_said_to(void**) {
    TopSample away;
    away.problem = "the dataplane does not answer";
    const std::vector<std::string> head = top_head(Appliance().sample(1), away);
    assert_int_equal(head.size(), 1);
    assert_non_null(std::strstr(head[0].c_str(), "does not answer"));
    const json line = top_json(Appliance().sample(1), away);
    assert_true(line["services"].empty() && line["problem"] == away.problem);
    // And when it is there again, what it counted meanwhile is since its start.
    assert_int_equal(top_services(away, Appliance().sample(3), {}).size(), 2);
    assert_int_equal(top_head(away, Appliance().sample(3)).size(), 3);
}

void json_has_null_where_nothing_is_known(void**) {
    const json line = top_json(Appliance().sample(1), Appliance().sample(3));
    assert_true(line["seconds"] == 2 && line["problem"].is_null());
    const json& photos = line["services"][0];
    assert_true(photos["service"] == "photos" && photos["mode"] == "observe");
    assert_true(photos["seen_ratio"].is_null() && photos["median_seconds"].is_null());
    assert_int_equal(photos["verdicts"].size(), service_verdict_count);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_of_the_time_between),
        cmocka_unit_test(a_dataplane_started_anew_begins_at_zero),
        cmocka_unit_test(verdicts_may_be_those_of_all_time),
        cmocka_unit_test(the_order_is_as_asked),
        cmocka_unit_test(latency_is_the_end_of_its_class),
        cmocka_unit_test(the_table_shows_what_is_known),
        cmocka_unit_test(one_that_does_not_answer_is_said_to),
        cmocka_unit_test(json_has_null_where_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
