// What the operator's four policies do with connections that cannot be inspected: each case with
// each action, what the client hears, what the storage gets, and what is counted.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

Options options_with(UninspectedAction action) {
    Options options = lab_options();
    ServiceOptions& service = options.services[0];
    service.on_tls = service.on_unparsable = service.on_limit = action;
    return options;
}

Options options_with(MidstreamAction action) {
    Options options = lab_options();
    options.services[0].on_midstream = action;
    return options;
}

std::uint64_t decided(const Lab& lab, PolicyCase about, PolicyResult result) {
    const auto& counts = lab.worker->counters().services[0].policies;
    return counts[static_cast<std::size_t>(about)][static_cast<std::size_t>(result)].read();
}

std::uint64_t uninspected(const Lab& lab, UninspectedReason reason) {
    return lab.worker->counters().objects[object_class(reason)].bytes.read();
}

std::string request_with(std::string_view fields, std::string_view body) {
    return "PUT /known HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view extension, std::string_view trailer) {
    return request_with("Transfer-Encoding: chunked\r\n", "bb8" + std::string(extension) + "\r\n" +
                                                              known_content() + "\r\n0\r\n" +
                                                              std::string(trailer) + "\r\n");
}

struct Case {
    const char* name;
    std::string bytes;  // the known file in it, where HTTP can carry it
    PolicyCase about;
    UninspectedReason reason;
    Outcome outcome;
    const char* status;
};

std::vector<Case> cases() {
    const std::string known = known_content();
    const std::string length = "Content-Length: 3000\r\n";
    std::string many_fields;
    for (std::size_t n = 0; n <= limits::headers_max; ++n)
        many_fields += "X: y\r\n";
    const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    const auto foreign = PolicyCase::unparsable;
    const auto protocol = UninspectedReason::protocol;
    return {
        {"TLS", hello + known, PolicyCase::tls, UninspectedReason::tls, Outcome::protocol_refused,
         "503"},
        {"SSH", "SSH-2.0-x\r\n" + known, foreign, protocol, Outcome::protocol_refused, "503"},
        {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + known, foreign, protocol,
         Outcome::protocol_refused, "503"},
        {"both lengths", request_with(length + "Transfer-Encoding: chunked\r\n", known), foreign,
         protocol, Outcome::http_both_lengths, "400"},
        {"bare LF", "PUT /known HTTP/1.1\nHost: a\n" + length + "\n" + known, foreign, protocol,
         Outcome::http_bare_lf, "400"},
        {"long head", request_with("X: " + std::string(20000, 'x') + "\r\n" + length, known),
         PolicyCase::limit, UninspectedReason::limit, Outcome::http_head_too_long, "431"},
        {"many fields", request_with(many_fields + length, known), PolicyCase::limit,
         UninspectedReason::limit, Outcome::http_head_too_long, "431"},
        {"chunk line", chunked(";x=" + std::string(2000, 'x'), ""), PolicyCase::limit,
         UninspectedReason::limit, Outcome::http_chunk_too_long, "400"},
    };
}

void check(bool holds, const Case& one, const char* what) {
    if (!holds) fail_msg("%s: %s", one.name, what);
}

void pass_lets_the_connection_go_on_and_counts_it(void**) {
    for (const Case& one : cases()) {
        Lab lab(options_with(UninspectedAction::pass));
        lab.use(index_of_contents({known_content()}));
        lab.connect();
        lab.send(one.bytes, 1400);
        check(lab.stored == one.bytes, one, "stored");
        check(decided(lab, one.about, PolicyResult::passed) == 1, one, "passed");
        check(uninspected(lab, one.reason) > 0, one, "counted as uninspected");
        check(!lab.client_reset && !lab.client_fin && !lab.storage_reset, one, "goes on");
    }
}

void reset_ends_both_directions(void**) {
    for (const Case& one : cases()) {
        Lab lab(options_with(UninspectedAction::reset));
        lab.connect();
        lab.send(one.bytes, 1400);
        check(lab.client_reset && lab.storage_reset, one, "both are reset");
        check(lab.answer.empty(), one, "without an answer");
        check(lab.stored.find(known_content()) == std::string::npos, one, "never whole");
        check(decided(lab, one.about, PolicyResult::reset) == 1, one, "reset");
        check(lab.count(one.outcome) == 1, one, "outcome");
    }
}

void refuse_answers_the_client_and_resets_the_storage(void**) {
    for (const Case& one : cases()) {
        Lab lab(options_with(UninspectedAction::refuse));
        lab.connect();
        lab.send(one.bytes, 1400);
        const std::string start = std::string("HTTP/1.1 ") + one.status + " ";
        check(lab.answer.starts_with(start), one, "status");
        check(lab.answer.find("Connection: close\r\n") != std::string::npos, one, "closing");
        check(lab.client_fin && !lab.client_reset && lab.storage_reset, one, "ends");
        check(lab.stored.find(known_content()) == std::string::npos, one, "never whole");
        check(decided(lab, one.about, PolicyResult::refused) == 1, one, "refused");
        check(lab.count(one.outcome) == 1, one, "outcome");
    }
}

void observe_lets_all_of_them_pass_whatever_is_set(void**) {
    for (const Case& one : cases()) {
        Options options = options_with(UninspectedAction::reset);
        options.services[0].mode = ServiceMode::observe;
        Lab lab(options);
        lab.connect();
        lab.send(one.bytes, 1400);
        check(lab.stored == one.bytes, one, "stored");
        check(decided(lab, one.about, PolicyResult::passed) == 1, one, "passed");
    }
}

// The file is there already when the trailer turns out too long: it was looked up before that, and
// no policy lets a match pass.
void a_match_before_the_limit_is_blocked_even_with_pass(void**) {
    Lab lab(options_with(UninspectedAction::pass));
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(chunked("", "X: " + std::string(limits::trailer_bytes_max, 'x') + "\r\n"), 1400);
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
    assert_true(lab.stored.find(known_content()) == std::string::npos);
    assert_int_equal(lab.count(Outcome::http_chunk_too_long), 1);
    assert_int_equal(decided(lab, PolicyCase::limit, PolicyResult::passed), 0);
}

// The storage reads bad HTTP as HTTP and answers so. That contradicts nothing; an answer of HTTP to
// what claimed to be another protocol does.
void bad_http_that_passes_may_be_answered(void**) {
    Lab lab(options_with(UninspectedAction::pass));
    lab.connect();
    lab.send("GET / HTTP/1.1\nHost: a\n\n");
    lab.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(lab.count(Outcome::inconsistent), 0);
    lab.send("GET / HTTP/1.1\nHost: a\n\n");
    assert_int_equal(lab.stored.size(), 2 * std::strlen("GET / HTTP/1.1\nHost: a\n\n"));
    lab.connect();
    lab.send("SSH-2.0-x\r\n");
    lab.respond("HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
}

// --- connections that nobody saw begin ---

void meet_in_mid_life(Lab& lab) {
    lab.client_port = static_cast<std::uint16_t>(lab.client_port + 1);
    lab.stored.clear();
    lab.answer.clear();
    lab.client_next = lab.isn + 1;
    lab.client_acked = storage_isn + 1;
    lab.storage_next = storage_isn + 1;
    lab.storage_reset = lab.client_fin = lab.client_reset = false;
}

void midstream_passes_is_reset_or_refused(void**) {
    const std::string request = put("/known", known_content());
    Lab passing(options_with(MidstreamAction::pass));
    meet_in_mid_life(passing);
    passing.send(request);
    passing.respond(created);
    passing.step(400'000'000);  // later than `retire` would wait, or let begin
    passing.send(request);
    assert_int_equal(passing.stored.size(), 2 * request.size());
    assert_int_equal(decided(passing, PolicyCase::midstream, PolicyResult::passed), 1);

    Lab resetting(options_with(MidstreamAction::reset));
    meet_in_mid_life(resetting);
    resetting.send(request);
    assert_true(resetting.client_reset && resetting.storage_reset);
    assert_int_equal(resetting.stored.size(), 0);
    assert_int_equal(decided(resetting, PolicyCase::midstream, PolicyResult::reset), 1);
    assert_int_equal(resetting.count(Outcome::flow_midstream_cut), 1);

    Lab refusing(options_with(MidstreamAction::refuse));
    meet_in_mid_life(refusing);
    refusing.send(request);
    assert_true(refusing.answer.starts_with("HTTP/1.1 503 "));
    assert_true(refusing.client_fin && refusing.storage_reset);
    assert_int_equal(refusing.stored.size(), 0);
    assert_int_equal(decided(refusing, PolicyCase::midstream, PolicyResult::refused), 1);
    assert_int_equal(refusing.worker->flows_midstream(), 0);
}

// The answer under way when we came is the client's; only what it says next is refused.
void a_refused_midstream_connection_gets_its_last_answer(void**) {
    Lab lab(options_with(MidstreamAction::refuse));
    meet_in_mid_life(lab);
    lab.respond(created);
    assert_string_equal(lab.answer.c_str(), std::string(created).c_str());
    assert_false(lab.client_fin);
    lab.send(put("/known", known_content()));
    assert_true(lab.answer.starts_with(std::string(created) + "HTTP/1.1 503 "));
    assert_int_equal(lab.stored.size(), 0);
}

// From five minutes on, mid-life is what an attacker makes it look like.
void retire_resets_what_turns_up_late(void**) {
    Lab lab;
    lab.step();
    lab.step(301'000'000);
    meet_in_mid_life(lab);
    lab.send(put("/known", known_content()));
    assert_int_equal(lab.stored.size(), 0);
    assert_true(lab.client_reset && lab.storage_reset);
    assert_int_equal(decided(lab, PolicyCase::midstream, PolicyResult::reset), 1);
    lab.storage_reset = false;
    lab.step(600'000);
    assert_true(lab.storage_reset);  // made sure of
}

void retired_connections_are_counted_by_service(void**) {
    Lab lab;
    meet_in_mid_life(lab);
    lab.send("the rest of something");
    lab.respond(created);
    lab.step(150'000);
    assert_true(lab.client_fin);
    assert_int_equal(decided(lab, PolicyCase::midstream, PolicyResult::retired), 1);
}

// What the kernel bridged went by without us: the policy for mid-life holds for it as well.
void what_was_bypassed_is_reset_where_that_is_set(void**) {
    Lab lab(options_with(MidstreamAction::reset));
    lab.connect();
    lab.send(put("/clean", std::string(3000, 'c')).substr(0, 2000));
    lab.worker->bypassed(0);
    lab.segment(lab.stored.size(), "more");
    assert_true(lab.client_reset && lab.storage_reset);
    assert_int_equal(decided(lab, PolicyCase::midstream, PolicyResult::reset), 1);
}

// --- one direction only ---

void send_syn(Lab& lab) {
    meet_in_mid_life(lab);
    lab.port.push(Side::client,
                  lab.client_packet().sequence(lab.isn).flags(tcp_flag::syn).mss(1460).frame());
    lab.step();
}

void push_syn_ack(Lab& lab) {
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(lab.isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .mss(1460)
                                     .frame());
    lab.step();
}

void only_the_clients_direction_is_reset_but_where_it_may_pass(void**) {
    const std::string request = put("/known", known_content());
    for (const MidstreamAction action :
         {MidstreamAction::retire, MidstreamAction::reset, MidstreamAction::refuse}) {
        Lab lab(options_with(action));
        send_syn(lab);
        lab.send_ack();
        lab.segment(0, request);
        assert_false(lab.client_reset || lab.storage_reset);
        lab.step(1'300'000);
        lab.segment(0, request);
        assert_int_equal(lab.stored.size(), 0);
        assert_true(lab.client_reset && lab.storage_reset);
        assert_true(lab.answer.empty());
        assert_int_equal(lab.count(Outcome::flow_asymmetric), 1);
        assert_int_equal(decided(lab, PolicyCase::asymmetric, PolicyResult::reset), 1);
    }
    Lab lab(options_with(MidstreamAction::pass));
    send_syn(lab);
    lab.send_ack();
    lab.send(request);
    assert_true(lab.stored == request);
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 1);
    assert_int_equal(decided(lab, PolicyCase::asymmetric, PolicyResult::passed), 1);
    assert_int_equal(uninspected(lab, UninspectedReason::asymmetric), request.size());
}

// Whoever forges an ACK in the name of a client that is just beginning does not end its connection.
void a_forged_ack_before_the_syn_ack_resets_nothing(void**) {
    Lab lab;
    send_syn(lab);
    lab.segment(77, "forged");
    assert_false(lab.client_reset || lab.storage_reset);
    push_syn_ack(lab);
    lab.send_ack();
    const std::string request = put("/clean", "clean");
    lab.send(request);
    assert_true(lab.stored == request);
}

// It passed beside us while we started, and is repeated: the connection begins late, but it does.
void a_syn_ack_that_was_missed_once_is_waited_for(void**) {
    Lab lab;
    send_syn(lab);
    lab.send_ack();
    const std::string request = put("/clean", "clean");
    lab.segment(0, request);
    lab.step(1'000'000);
    push_syn_ack(lab);
    lab.segment(0, request);
    lab.step(2000);
    assert_true(lab.stored == request);
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 0);
}

void only_the_storages_direction_does_not_begin_but_where_it_may_pass(void**) {
    for (const MidstreamAction action :
         {MidstreamAction::retire, MidstreamAction::reset, MidstreamAction::refuse}) {
        Lab lab(options_with(action));
        meet_in_mid_life(lab);
        const std::size_t before = lab.port.transmitted(Side::client);
        push_syn_ack(lab);
        assert_int_equal(lab.port.transmitted(Side::client), before);
        assert_int_equal(lab.count(Outcome::flow_asymmetric), 1);
        assert_int_equal(lab.worker->flows(), 0);
    }
    Lab lab(options_with(MidstreamAction::pass));
    meet_in_mid_life(lab);
    push_syn_ack(lab);
    assert_int_equal(lab.port.transmitted(Side::client), 1);
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 1);
    assert_int_equal(decided(lab, PolicyCase::asymmetric, PolicyResult::passed), 1);
}

// One end of a connection met in mid-life goes on for seconds, and no frame of the other comes.
void a_peer_that_answers_on_another_path_is_noticed(void**) {
    Lab lab;
    meet_in_mid_life(lab);
    lab.segment(0, "the middle of an upload");
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 0);
    lab.step(1'500'000);
    lab.client_acked += 5000;  // answered, but not through here
    lab.segment(lab.stored.size(), put("/known", known_content()));
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 1);
    assert_true(lab.storage_reset);
    assert_int_equal(lab.worker->flows_midstream(), 0);
    assert_true(lab.stored.find("PUT") == std::string::npos);

    Options observing = lab_options();
    observing.services[0].mode = ServiceMode::observe;
    Lab storage_only(observing);
    meet_in_mid_life(storage_only);
    const auto answer = [&] {
        storage_only.port.push(Side::storage, storage_only.storage_packet()
                                                  .sequence(storage_only.storage_next)
                                                  .acknowledgement(storage_only.client_next)
                                                  .flags(tcp_flag::ack)
                                                  .payload("part of an answer")
                                                  .frame());
        storage_only.storage_next += 17;
        storage_only.step();
    };
    answer();
    storage_only.step(1'500'000);
    storage_only.client_next += 100;  // it heard the client, but not through here
    answer();
    assert_int_equal(storage_only.count(Outcome::flow_asymmetric), 1);
    assert_int_equal(decided(storage_only, PolicyCase::asymmetric, PolicyResult::passed), 1);
    assert_int_equal(storage_only.answer.size(), 34);
}

void a_slow_peer_on_this_path_is_not_called_asymmetric(void**) {
    Lab lab;
    meet_in_mid_life(lab);
    lab.segment(0, "the middle of an upload");
    lab.step(30'000'000);
    lab.segment(0, "the middle of an upload");  // repeated: nobody heard it
    lab.respond(created);
    lab.step(2'000'000);
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 0);
}

// While the kernel bridged, each end heard what did not pass here.
void a_bypass_is_no_asymmetric_path(void**) {
    Lab lab;
    meet_in_mid_life(lab);
    lab.segment(0, "the middle of an upload");
    lab.step(1'500'000);
    lab.worker->bypassed(0);
    lab.client_acked += 5000;
    lab.segment(lab.stored.size(), "the middle of an upload");
    assert_int_equal(lab.count(Outcome::flow_asymmetric), 0);
}

// --- leaving HTTP ---

void a_change_of_protocol_passes_only_where_the_service_allows_it(void**) {
    struct Change {
        const char* request;
        const char* answer;
    };
    const Change changes[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
         "HTTP2-Settings: AAMAAABk\r\n\r\n",
         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"},
        {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
         "HTTP/1.1 200 Connection established\r\n\r\n"},
    };
    for (const Change& change : changes) {
        Lab refusing;
        refusing.connect();
        refusing.send(change.request);
        refusing.respond(change.answer);
        assert_int_equal(refusing.count(Outcome::http_upgrade_refused), 1);
        assert_true(refusing.client_reset && refusing.storage_reset);
        assert_true(refusing.answer.empty());
        refusing.send(known_content());
        assert_string_equal(refusing.stored.c_str(), change.request);

        Options options = lab_options();
        options.services[0].allow_upgrade = 1;
        Lab allowing(options);
        allowing.connect();
        allowing.send(change.request);
        allowing.respond(change.answer);
        assert_string_equal(allowing.answer.c_str(), change.answer);
        allowing.send(known_content());
        assert_true(allowing.stored == change.request + known_content());
        assert_int_equal(uninspected(allowing, UninspectedReason::upgraded), 3000);
    }
}

// The upload is still under way when the storage changes the protocol: its tail is looked up first.
void a_change_of_protocol_releases_no_match(void**) {
    Options options = lab_options();
    options.services[0].allow_upgrade = 1;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    const std::string known = known_content();
    const std::string request =
        "PUT /known HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n"
        "Content-Length: 3001\r\n\r\n" +
        known;
    lab.send(request.substr(0, request.size() - 500));
    lab.segment(request.size() - 500, std::string_view(request).substr(request.size() - 500));
    lab.respond("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    lab.step(2000);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    assert_true(lab.stored.find(known) == std::string::npos);
}

void a_service_decides_for_itself(void**) {
    Options options = options_with(UninspectedAction::refuse);
    options.service_count = 2;
    options.services[1] = options.services[0];
    options.services[1].port = 80;
    options.services[0].port = 81;
    options.services[1].on_tls = UninspectedAction::pass;
    Lab lab(options);
    lab.connect();
    lab.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
    assert_int_equal(lab.stored.size(), 11);
    const auto& services = lab.worker->counters().services;
    assert_int_equal(services[0].policies[0][0].read(), 0);
    assert_int_equal(services[1].policies[0][0].read(), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(pass_lets_the_connection_go_on_and_counts_it),
        cmocka_unit_test(reset_ends_both_directions),
        cmocka_unit_test(refuse_answers_the_client_and_resets_the_storage),
        cmocka_unit_test(observe_lets_all_of_them_pass_whatever_is_set),
        cmocka_unit_test(a_match_before_the_limit_is_blocked_even_with_pass),
        cmocka_unit_test(bad_http_that_passes_may_be_answered),
        cmocka_unit_test(midstream_passes_is_reset_or_refused),
        cmocka_unit_test(a_refused_midstream_connection_gets_its_last_answer),
        cmocka_unit_test(retire_resets_what_turns_up_late),
        cmocka_unit_test(retired_connections_are_counted_by_service),
        cmocka_unit_test(what_was_bypassed_is_reset_where_that_is_set),
        cmocka_unit_test(only_the_clients_direction_is_reset_but_where_it_may_pass),
        cmocka_unit_test(a_forged_ack_before_the_syn_ack_resets_nothing),
        cmocka_unit_test(a_syn_ack_that_was_missed_once_is_waited_for),
        cmocka_unit_test(only_the_storages_direction_does_not_begin_but_where_it_may_pass),
        cmocka_unit_test(a_peer_that_answers_on_another_path_is_noticed),
        cmocka_unit_test(a_slow_peer_on_this_path_is_not_called_asymmetric),
        cmocka_unit_test(a_bypass_is_no_asymmetric_path),
        cmocka_unit_test(a_change_of_protocol_passes_only_where_the_service_allows_it),
        cmocka_unit_test(a_change_of_protocol_releases_no_match),
        cmocka_unit_test(a_service_decides_for_itself),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
