// Metrics: every value of the status has one, their text is what others read, and who asks slowly
// or oddly costs a connection and nothing else.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "control/link/link_json.h"
#include "control/metrics/exposition.h"
#include "control/metrics/metric_table.h"
#include "control/metrics/metrics_server.h"
#include "dataplane/base/time.h"
#include "dataplane/contract/keyed_tag.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using nlohmann::json;

namespace {

// --- what is told --------------------------------------------------------------------------------

// Another number in each place, none of which has a zero in it by chance.
std::uint64_t next_number = 1000000;

void number(std::uint64_t* place) {
    *place = ++next_number;
}
void number(LinkTally* place) {
    number(&place->count);
    number(&place->bytes);
}
template <typename Element, std::size_t N>
void number(Element (*places)[N]) {
    for (Element& place : *places)
        number(&place);
}

LinkCounters counters_of_all() {
    LinkCounters c = {};
    number(&c.outcomes);
    number(&c.frames);
    number(&c.objects);
    number(&c.types);
    for (std::uint64_t* place : {&c.body_bytes, &c.unframed_bytes, &c.open_bytes})
        number(place);
    number(&c.received);
    number(&c.transmitted);
    for (LinkPort& port : c.port)
        for (std::uint64_t* place : {&port.missed, &port.errors, &port.oversized})
            number(place);
    c.service_count = 2;
    for (std::uint32_t i = 0; i < c.service_count; ++i) {
        std::strcpy(c.services[i].name, i == 0 ? "photos" : "videos");
        number(&c.services[i].objects);
        number(&c.services[i].verdicts);
        number(&c.services[i].latency);
        c.services[i].latency_sum_ns = ++next_number * ns_per_s;
    }
    return c;
}

LinkService service_of_all(const char* name) {
    LinkService s = {};
    std::strcpy(s.name, name);
    s.mode = ServiceMode::observe;
    for (std::uint64_t* place :
         {&s.bypass_until_s, &s.bypassed_bytes, &s.bypassed_packets, &s.asymmetric_last_s})
        number(place);
    number(&s.policies);
    return s;
}

LinkSection section_of_all(const char* name) {
    LinkSection s = {};
    std::strcpy(s.name, name);
    s.epoch = static_cast<std::uint32_t>(++next_number);
    for (std::uint64_t* place :
         {&s.generation, &s.indicators, &s.terms.not_after_s, &s.terms.fresh_until_s,
          &s.terms.weak_until_s, &s.terms.block_until_s})
        number(place);
    return s;
}

LinkStatus status_of_all() {
    LinkStatus s = {};
    std::strcpy(s.version, "9.8.7");
    for (std::uint64_t* place :
         {&s.started_s, &s.pid, &s.generation, &s.indicators, &s.index_loaded_s,
          &s.policy_generation, &s.journal_sequence, &s.journal_errors, &s.kept_bytes,
          &s.suspensions, &s.suspensions_written_s, &s.suspensions_refused})
        number(place);
    for (std::uint32_t* place : {&s.workers, &s.flows, &s.flows_max, &s.flows_midstream})
        *place = static_cast<std::uint32_t>(++next_number);
    s.clock_step_s = -static_cast<std::int64_t>(++next_number);
    for (std::size_t k = 0; k < indicator_kind_count; ++k)
        for (std::uint64_t* place :
             {&s.kinds[k].indicators, &s.kinds[k].with_size, &s.kinds[k].with_head})
            number(place);
    s.service_count = 2;
    s.services[0] = service_of_all("photos");
    s.services[1] = service_of_all("videos");
    s.section_count = 2;
    s.sections[0] = section_of_all("lab");
    s.sections[1] = section_of_all("centre");
    return s;
}

json status_document(const LinkStatus& status, const LinkCounters& counters) {
    json document = {{"dataplane", status_json(status)}, {"coverage", coverage_json(counters)}};
    document["dataplane"]["reachable"] = true;
    return document;
}

std::set<double> values_of(const MetricFamilies& families) {
    std::set<double> values;
    for (const auto& family : families)
        for (const auto& metric : family.metric) {
            values.insert(metric.gauge.value);
            values.insert(metric.histogram.sample_sum);
            std::uint64_t before = 0;
            for (const auto& bucket : metric.histogram.bucket) {
                values.insert(static_cast<double>(bucket.cumulative_count - before));
                before = bucket.cumulative_count;
            }
        }
    return values;
}

void every_number_of_the_dataplane_is_a_metric(void**) {
    const std::uint64_t first = next_number + 1;
    const LinkStatus status = status_of_all();
    const json document = status_document(status, counters_of_all());
    const std::uint64_t last = next_number;
    for (const std::string& path : unnamed_values(document))
        fail_msg("no row of metric_table.cpp names %s", path.c_str());
    const std::set<double> values = values_of(metric_families(document, 0));
    for (std::uint64_t n = first; n <= last; ++n) {
        if (n == status.pid) continue;
        const auto value = static_cast<double>(n);
        if (!values.contains(value) && !values.contains(-value))
            fail_msg("the number %llu has no sample", static_cast<unsigned long long>(n));
    }
    assert_true(last - first > 600);
}

void what_no_row_names_is_found(void**) {
    json document = status_document(status_of_all(), counters_of_all());
    document["dataplane"]["new_counter"] = 3;
    document["dataplane"]["services"][1]["policies"]["new_case"] = {{"passed", "text"}};
    const std::vector<std::string> found = unnamed_values(document);
    assert_int_equal(found.size(), 2);
    assert_string_equal(found[0].c_str(), "/dataplane/new_counter");
    assert_string_equal(found[1].c_str(), "/dataplane/services/1/policies/new_case/passed");
}

void a_dead_dataplane_is_a_metric(void**) {
    const json document = {
        {"dataplane", {{"reachable", false}, {"error", {{"code", 3}}}}},
        {"control", {{"journal", {{"error", "disk"}}}, {"index", json::object()}}}};
    const std::string text = metrics_text(metric_families(document, 0), MetricsFormat::text);
    assert_non_null(std::strstr(text.c_str(), "\ncordon_up 0\n"));
    assert_non_null(std::strstr(text.c_str(), "\ncordon_journal_fault 1\n"));
    assert_non_null(std::strstr(text.c_str(), "\ncordon_index_fault 0\n"));
    assert_null(std::strstr(text.c_str(), "disk"));
}

void an_odd_name_stays_in_its_quotes(void**) {
    LinkStatus status = {};
    status.service_count = 2;
    std::strcpy(status.services[0].name, "a\"b\\c\nd \xff");
    std::strcpy(status.services[1].name, "a\"b\\c\nd \xff");  // twice: one sample
    const json document = json::parse(one_line(status_document(status, {})));
    const std::string text = metrics_text(metric_families(document, 0), MetricsFormat::text);
    const std::string mode = "\ncordon_mode{service=\"";
    const std::size_t at = text.find(mode);
    assert_true(at != std::string::npos);
    assert_true(text.find(mode, at + 1) == std::string::npos);
    const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    assert_non_null(
        std::strstr(line.c_str(), "a\\\"b\\\\c\\\\x0ad \xef\xbf\xbd\",mode=\"enforce\"} 1"));
}

void ages_are_of_now(void**) {
    const json feed = {{"name", "centre"}, {"issued", "2026-01-01T00:00:00Z"}};
    const json document = {{"control", {{"feeds", {{"feeds", {feed}}}}}}};
    const std::string text =
        metrics_text(metric_families(document, 1767225600 + 77), MetricsFormat::text);
    assert_non_null(std::strstr(text.c_str(), "\ncordon_feed_age_seconds{feed=\"centre\"} 77\n"));
    const std::string same = "cordon_feed_issued_timestamp_seconds{feed=\"centre\"} 1767225600\n";
    assert_non_null(std::strstr(text.c_str(), same.c_str()));
}

void openmetrics_names_a_counter_without_its_end(void**) {
    const json document = status_document(status_of_all(), counters_of_all());
    const MetricFamilies families = metric_families(document, 0);
    const std::string text = metrics_text(families, MetricsFormat::openmetrics);
    assert_true(text.ends_with("\n# EOF\n"));
    assert_non_null(std::strstr(text.c_str(), "\n# TYPE cordon_frames counter\n"));
    assert_non_null(std::strstr(text.c_str(), "\ncordon_frames_total{"));
    assert_null(std::strstr(text.c_str(), "# TYPE cordon_frames_total "));
    assert_null(std::strstr(text.c_str(), "# HELP cordon_frames_total "));
}

// A label has one of a few values: whoever adds one that has not says here why.
void labels_are_of_a_short_list(void**) {
    const std::set<std::string> bounded = {
        "about", "action", "ceiling", "class", "dismiss", "fail", "feed", "kind", "link", "list",
        "ledger", "mode", "origin", "outcome", "port", "protection", "reason", "result", "service",
        "state", "status", "type", "unit", "verdict", "version",
        // As few as there are lists for which two persons answer.
        "by", "curator", "legal_basis"};
    json document = status_document(status_of_all(), counters_of_all());
    const json feed = {{"name", "centre"},
                       {"ceiling", "block"},
                       {"rights", {{"by", "operators"}, {"curator", "a hotline"}}},
                       {"hold", {{"kind", "pin"}, {"reason", "why"}, {"uid", 3}}},
                       {"mirrors", {{{"address", "https://a"}, {"behind", true}}}},
                       {"grant", {{"serial", 3}, {"legal_basis", "law"}, {"order", "x"}}}};
    const json incidents = {{"service", "photos"}, {"action", "block"}, {"incidents", 3}};
    const json list = {{"list", "centre"},
                       {"curator", "a hotline"},
                       {"legal_basis", "a contract"},
                       {"matches", 3}};
    document["control"] = {
        {"version", "1"},
        {"feeds", {{"feeds", {feed}}}},
        {"local_list", {{"entries", 3}, {"hits", {{"order", 1}}}}},
        {"verify", {{"outcomes", {{"clean", 1}}}}},
        {"store", {{"services", {incidents}}, {"lists", {list}}, {"decided", 1}}}};
    for (const auto& family : metric_families(document, 0)) {
        for (const auto& metric : family.metric) {
            for (const auto& label : metric.label) {
                if (!bounded.contains(label.name))
                    fail_msg("%s has the label %s", family.name.c_str(), label.name.c_str());
            }
        }
    }
    std::set<std::string> names;
    for (const MetricRow& row : metric_table()) {
        if (row.kind == MetricKind::left_out) continue;
        const std::string name = row.name;
        assert_true(name.starts_with("cordon_"));
        assert_int_equal(name.ends_with("_total"), row.kind == MetricKind::counter);
        assert_true(names.insert(name).second);
    }
}

// --- who asks ------------------------------------------------------------------------------------

std::string directory;
std::string socket_path;
std::unique_ptr<MetricsServer> server;
std::vector<int> clients;
std::uint64_t now_ms = 1000;

int start(void**) {
    char name[] = "/tmp/metrics-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    socket_path = directory + "/metrics.sock";
    auto made = MetricsServer::listen(socket_path, now_ms);
    if (!made) return -1;
    server = std::move(*made);
    return 0;
}

int stop(void**) {
    server.reset();
    for (const int client : std::exchange(clients, {}))
        ::close(client);
    std::filesystem::remove_all(directory);
    return 0;
}

int connect_client() {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    assert_int_equal(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    clients.push_back(client);
    return client;
}

void say(int client, const std::string& text) {
    assert_int_equal(::send(client, text.data(), text.size(), MSG_NOSIGNAL), text.size());
}

MetricFamilies one_family(double value) {
    prometheus::ClientMetric metric;
    metric.gauge.value = value;
    return {{"cordon_test", "Of this test.", prometheus::MetricType::Gauge, {metric}}};
}

// Runs the server; gives what is wanted when there is anybody to have it.
void turn(double value, int times = 20) {
    for (int i = 0; i < times; ++i) {
        server->handle(now_ms);
        if (server->wanted() && value >= 0) server->answer(one_family(value), now_ms);
    }
}

// What the client has got, up to the end of the connection; `ended` says whether it has ended.
std::string heard(int client, bool* ended = nullptr) {
    std::string text;
    char bytes[4096];
    ssize_t got;
    while ((got = ::recv(client, bytes, sizeof bytes, 0)) > 0)
        text.append(bytes, static_cast<std::size_t>(got));
    if (ended != nullptr) *ended = got == 0 || errno == ECONNRESET;
    return text;
}

constexpr char get[] = "GET /metrics HTTP/1.1\r\nHost: box\r\n";

void answers_with_the_text(void**) {
    const int client = connect_client();
    say(client, std::string(get) + "\r\n");
    turn(7);
    bool ended = false;
    const std::string text = heard(client, &ended);
    assert_true(text.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_non_null(std::strstr(text.c_str(), "text/plain; version=0.0.4"));
    assert_true(text.ends_with("\ncordon_test 7\n"));
    assert_true(ended);
    assert_int_equal(server->counts().scrapes, 1);
}

void answers_in_openmetrics_who_asks_for_it(void**) {
    const int client = connect_client();
    say(client, std::string(get) + "Accept: application/openmetrics-text;version=1.0.0\r\n\r\n");
    turn(7);
    const std::string text = heard(client);
    assert_non_null(std::strstr(text.c_str(), "application/openmetrics-text; version=1.0.0"));
    assert_true(text.ends_with("\n# EOF\n"));
}

void gathers_once_for_all_who_ask_within_a_second(void**) {
    for (int i = 0; i < 3; ++i)
        say(connect_client(), std::string(get) + "\r\n");
    for (int i = 0; i < 20; ++i)
        server->handle(now_ms);
    assert_true(server->wanted());
    server->answer(one_family(1), now_ms);
    assert_false(server->wanted());
    now_ms += MetricsServer::fresh_ms - 1;
    say(connect_client(), std::string(get) + "\r\n");
    turn(-1);
    assert_false(server->wanted());
    for (const int client : clients)
        assert_true(heard(client).ends_with("\ncordon_test 1\n"));
    now_ms += 1;
    const int late = connect_client();
    say(late, std::string(get) + "\r\n");
    turn(2);
    assert_true(heard(late).ends_with("\ncordon_test 2\n"));
}

void refuses_all_but_reading_the_metrics(void**) {
    const struct {
        const char* request;
        const char* answer;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 404"},
        {"GET /metrics/../x HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 404"},
        {"POST /metrics HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405"},
        {"DELETE /metrics HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 405"},
        {"HEAD /metrics HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 200"},
        {"\x16\x03\x01 hello\r\n\r\n", "HTTP/1.1 4"},
    };
    for (const auto& one : cases) {
        const int client = connect_client();
        say(client, one.request);
        turn(5);
        bool ended = false;
        const std::string text = heard(client, &ended);
        if (!text.starts_with(one.answer))
            fail_msg("%s was answered by %s", one.request, text.substr(0, 40).c_str());
        assert_true(ended);
    }
    assert_int_equal(server->counts().refused, 4);
}

void refuses_a_head_that_does_not_end(void**) {
    const int client = connect_client();
    say(client, std::string(get) + "X: " + std::string(2 * MetricsServer::request_bytes_max, 'x'));
    turn(5, 200);
    bool ended = false;
    const std::string text = heard(client, &ended);
    assert_true(text.empty() || text.starts_with("HTTP/1.1 4"));
    now_ms += MetricsServer::connection_ms_max;
    turn(5);
    heard(client, &ended);
    assert_true(ended);
}

void cuts_who_trickles(void**) {
    const int client = connect_client();
    const std::uint64_t before = server->counts().overdue;
    say(client, get);
    turn(5);
    for (int i = 0; i < 10; ++i) {
        now_ms += MetricsServer::connection_ms_max / 10;
        say(client, "X");
        turn(5);
    }
    bool ended = false;
    assert_true(heard(client, &ended).empty());
    assert_true(ended);
    assert_int_equal(server->counts().overdue, before + 1);
}

void cuts_who_does_not_read_and_who_waits_in_vain(void**) {
    const int waiting = connect_client();
    say(waiting, std::string(get) + "\r\n");
    turn(-1);
    assert_true(server->wanted());
    now_ms += MetricsServer::connection_ms_max;
    turn(-1);
    turn(5);  // the answer comes too late
    bool ended = false;
    heard(waiting, &ended);
    assert_true(ended);

    const int deaf = connect_client();
    prometheus::ClientMetric metric;
    metric.label = {{"list", std::string(8 << 20, 'x')}};
    say(deaf, std::string(get) + "\r\n");
    now_ms += MetricsServer::fresh_ms;
    turn(-1);
    server->answer({{"cordon_test", "Large.", prometheus::MetricType::Gauge, {metric}}}, now_ms);
    turn(-1);
    now_ms += MetricsServer::connection_ms_max;
    turn(-1);
    assert_true(heard(deaf, &ended).size() < (8u << 20));
    assert_true(ended);
}

void serves_again_when_silent_ones_had_every_place(void**) {
    for (unsigned i = 0; i < MetricsServer::connections_max; ++i)
        say(connect_client(), "GET ");
    turn(5);
    const int late = connect_client();
    say(late, std::string(get) + "\r\n");
    turn(5);
    assert_true(heard(late).empty());
    now_ms += MetricsServer::connection_ms_max;
    turn(5, 100);
    assert_true(heard(late).ends_with("\ncordon_test 5\n"));
}

void the_socket_is_for_owner_and_group(void**) {
    struct stat info = {};
    assert_int_equal(::stat(socket_path.c_str(), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    server.reset();
    assert_int_not_equal(::stat(socket_path.c_str(), &info), 0);
}

void listens_at_the_loopback_only(void**) {
    for (const char* right : {"127.0.0.1:9748", "127.1.2.3:1", "[::1]:65535", "/run/x.sock"})
        assert_true(parse_listen_address(right).has_value());
    for (const char* wrong :
         {"", "9748", ":9748", "0.0.0.0:9748", "192.0.2.1:9748", "[::]:9748", "::1:9748",
          "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:9x",
          "localhost:9748", "run/x.sock", "/run/../x", "[::1]9748", "[::ffff:127.0.0.1]:9748"})
        assert_false(parse_listen_address(wrong).has_value());
    const std::string long_path = "/" + std::string(107, 'x');
    assert_false(parse_listen_address(long_path).has_value());
}

}  // namespace

int main() {
#define with_server(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_the_dataplane_is_a_metric),
        cmocka_unit_test(what_no_row_names_is_found),
        cmocka_unit_test(a_dead_dataplane_is_a_metric),
        cmocka_unit_test(an_odd_name_stays_in_its_quotes),
        cmocka_unit_test(ages_are_of_now),
        cmocka_unit_test(openmetrics_names_a_counter_without_its_end),
        cmocka_unit_test(labels_are_of_a_short_list),
        with_server(answers_with_the_text),
        with_server(answers_in_openmetrics_who_asks_for_it),
        with_server(gathers_once_for_all_who_ask_within_a_second),
        with_server(refuses_all_but_reading_the_metrics),
        with_server(refuses_a_head_that_does_not_end),
        with_server(cuts_who_trickles),
        with_server(cuts_who_does_not_read_and_who_waits_in_vain),
        with_server(serves_again_when_silent_ones_had_every_place),
        with_server(the_socket_is_for_owner_and_group),
        cmocka_unit_test(listens_at_the_loopback_only),
    };
    return cmocka_run_group_tests_name("metrics", tests, nullptr, nullptr);
}
