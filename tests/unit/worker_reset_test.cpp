// A connection that Cordon ended stays ended: no part of it comes back as one met in mid-life.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

// The storage's kernel drops the second of two segments (it does not want an option of it, say), so
// that it stands before what we sent.
struct Behind {
    Lab lab;
    std::string request = put("/known", known_content());
    std::size_t stands = 1000;

    Behind() {
        lab.use(index_of_contents({known_content()}));
        lab.connect();
        lab.send(std::string_view(request).substr(0, stands));
        lab.segment(stands, std::string_view(request).substr(stands, 1000));
        lab.segment(2000, std::string_view(request).substr(2000, 10));
        assert_int_equal(lab.stored.size(), 2000);
        lab.stored.resize(stands);  // it dropped that
        lab.acknowledge();
        assert_false(lab.storage_reset);
    }
};

void a_reset_of_the_client_reaches_a_storage_that_is_behind(void**) {
    Behind it;
    it.lab.segment(2010, {}, tcp_flag::rst);
    assert_true(it.lab.storage_reset);
}

void a_cut_reaches_a_storage_that_is_behind(void**) {
    Behind it;
    it.lab.segment(it.stands, "other bytes than before");
    assert_true(it.lab.client_reset);
    assert_true(it.lab.storage_reset);
}

void a_challenge_ack_after_a_cut_is_answered_by_a_reset(void**) {
    Behind it;
    it.lab.segment(it.stands, "other bytes than before");
    it.lab.storage_reset = false;  // it was lost
    it.lab.stored.resize(500);
    it.lab.acknowledge();
    assert_true(it.lab.storage_reset);
}

void a_client_that_goes_on_after_its_reset_resets_the_storage(void**) {
    Behind it;
    it.lab.segment(2010, {}, tcp_flag::rst);
    it.lab.storage_reset = false;
    it.lab.segment(it.stands, std::string_view(it.request).substr(it.stands));
    assert_true(it.lab.storage_reset);
    assert_int_equal(it.lab.stored.size(), it.stands);
}

// An answer that was cut never reached the client, and the RST stood behind it: the client hung.
void a_challenge_ack_of_the_client_is_answered_by_a_reset(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    lab.respond("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_int_equal(lab.count(Outcome::http_bad_response), 1);
    assert_true(lab.client_reset && lab.answer.empty());
    lab.send_ack();
    assert_true(lab.client_believes_reset);
}

// --- the same ports again ---

// A client that was answered begins another connection from the port of the old one.
void connect_from_the_same_port(Lab& lab) {
    --lab.client_port;
    lab.isn = 0x1000;
    lab.connect();
}

// Its SYN was dropped for a minute.
void an_answered_client_may_use_its_port_again(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_true(lab.client_fin);
    lab.send_ack();
    connect_from_the_same_port(lab);
    assert_int_equal(lab.recorder.enforced_records.size(), 1);
    const std::string request = put("/clean", "passes");
    lab.send(request);
    assert_string_equal(lab.stored.c_str(), request.c_str());
    lab.send(put("/known", known_content()));
    lab.step(2000);
    assert_int_equal(lab.recorder.decided_records.size(), 2);
    lab.step(70'000'000);
    assert_int_equal(lab.recorder.enforced_records.size(), 2);
    assert_int_equal(lab.port.outstanding(), 0);
}

void a_syn_does_not_end_an_answer_that_is_under_way(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(put("/known", known_content()));
    lab.step(2000);
    const std::uint64_t before = lab.count(Outcome::segment_unexpected);
    lab.port.push(Side::client,
                  lab.client_packet().sequence(0x1000).flags(tcp_flag::syn).mss(1460).frame());
    lab.step();
    assert_int_equal(lab.count(Outcome::segment_unexpected), before + 1);
}

// The storage missed the reset of the old one and answers the new SYN by a challenge ACK.
void a_new_connection_resets_what_the_storage_has_of_the_old_one(void**) {
    Behind it;
    Lab& lab = it.lab;
    lab.segment(2010, {}, tcp_flag::rst);
    lab.storage_reset = false;
    lab.port.push(Side::client,
                  lab.client_packet().sequence(0x1000).flags(tcp_flag::syn).mss(1460).frame());
    lab.step();
    lab.acknowledge();
    assert_true(lab.storage_reset);
}

// --- floods ---

// A handshake whose last ACK never comes, as of an invented address.
void half_open(Lab& lab, std::uint16_t port) {
    const auto between = [port](bool from_client) {
        return from_client ? Packet().ipv4("10.0.0.9", "10.0.0.2").ports(port, 80)
                           : Packet().ipv4("10.0.0.2", "10.0.0.9").ports(80, port);
    };
    lab.port.push(Side::client, between(true).sequence(1).flags(tcp_flag::syn).frame());
    lab.step();
    lab.port.push(
        Side::storage,
        between(false).sequence(1).acknowledgement(2).flags(tcp_flag::syn | tcp_flag::ack).frame());
    lab.step();
}

// They stood in the table as established ones: for a minute no new connection was possible.
void half_open_connections_do_not_fill_the_table(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(put("/a", "live"));
    for (std::uint16_t port = 1; port < 500; ++port)
        half_open(lab, port);
    assert_int_equal(lab.count(Outcome::flow_table_full), 0);
    lab.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    lab.send(put("/known", known_content()));  // the live one was not given up
    lab.step(2000);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
}

void half_open_connections_go_by_themselves(void**) {
    Lab lab;
    for (std::uint16_t port = 1; port < 20; ++port)
        half_open(lab, port);
    assert_int_equal(lab.worker->flows(), 19);
    for (int second = 0; second < 40; ++second)
        lab.step(1'000'000);
    assert_int_equal(lab.worker->flows(), 0);
}

// After 1024 of them in a minute matches were cut without a record, an answer or a case.
void answers_that_were_read_make_room_for_others(void**) {
    Options options = lab_options();
    options.flows_max = 4096;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    constexpr std::size_t many = 1100;
    for (std::size_t n = 0; n < many; ++n) {
        lab.connect();
        lab.send(put("/known", known_content()));
        lab.step(2000);
        assert_true(lab.client_fin);
        lab.send_ack();
    }
    assert_int_equal(lab.count(Outcome::answers_full), 0);
    assert_int_equal(lab.recorder.decided_records.size(), many);
    assert_int_equal(lab.recorder.enforced_records.size(), many);
}

// Nor do clients that never acknowledge theirs.
void answers_that_nobody_reads_make_room_for_others(void**) {
    Options options = lab_options();
    options.flows_max = 4096;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    constexpr std::size_t many = 1100;
    for (std::size_t n = 0; n < many; ++n) {
        lab.connect();
        lab.send(put("/known", known_content()));
        lab.step(3000);
    }
    assert_int_equal(lab.count(Outcome::answers_full), 0);
    assert_int_equal(lab.recorder.decided_records.size(), many);
}

// --- connections met in mid-life ---

// In the middle of a connection that the worker never saw begin.
void go_on_in_mid_life(Lab& lab) {
    ++lab.client_port;
    lab.stored.clear();
    lab.client_next = lab.isn + 1;
    lab.storage_reset = false;
    lab.send("bytes in the middle of something");
}

void a_connection_older_than_the_start_shows_itself_soon(void**) {
    Lab lab;
    lab.step();
    lab.step(299'000'000);
    go_on_in_mid_life(lab);
    assert_string_equal(lab.stored.c_str(), "bytes in the middle of something");
    lab.step(2'000'000);
    go_on_in_mid_life(lab);
    assert_string_equal(lab.stored.c_str(), "");
    assert_true(lab.storage_reset);
    assert_true(lab.client_reset);
}

void what_the_kernel_bridged_is_met_in_mid_life_again(void**) {
    Lab lab;
    lab.step();
    lab.step(1000'000'000);
    lab.worker->bypassed(0);
    go_on_in_mid_life(lab);
    assert_string_equal(lab.stored.c_str(), "bytes in the middle of something");
}

void a_syn_ack_without_a_syn_does_not_pass(void**) {
    Lab lab;
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(client_isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .frame());
    lab.step();
    assert_int_equal(lab.count(Outcome::segment_unexpected), 1);
    assert_int_equal(lab.count(Outcome::flow_midstream), 0);
}

// Two SYNs on the same ports: the storage answers the first, we follow the second.
void ends_the_first_of_two_handshakes(void**) {
    Lab lab;
    for (const std::uint32_t isn : {client_isn, client_isn - 5000}) {
        lab.port.push(Side::client,
                      lab.client_packet().sequence(isn).flags(tcp_flag::syn).mss(1460).frame());
        lab.step();
    }
    assert_true(lab.storage_reset);
    lab.send_ack();  // as if it knew the storage's number
    assert_int_equal(lab.count(Outcome::segment_unexpected), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_of_the_client_reaches_a_storage_that_is_behind),
        cmocka_unit_test(a_cut_reaches_a_storage_that_is_behind),
        cmocka_unit_test(a_challenge_ack_after_a_cut_is_answered_by_a_reset),
        cmocka_unit_test(a_client_that_goes_on_after_its_reset_resets_the_storage),
        cmocka_unit_test(a_challenge_ack_of_the_client_is_answered_by_a_reset),
        cmocka_unit_test(an_answered_client_may_use_its_port_again),
        cmocka_unit_test(a_syn_does_not_end_an_answer_that_is_under_way),
        cmocka_unit_test(a_new_connection_resets_what_the_storage_has_of_the_old_one),
        cmocka_unit_test(half_open_connections_do_not_fill_the_table),
        cmocka_unit_test(half_open_connections_go_by_themselves),
        cmocka_unit_test(answers_that_were_read_make_room_for_others),
        cmocka_unit_test(answers_that_nobody_reads_make_room_for_others),
        cmocka_unit_test(a_connection_older_than_the_start_shows_itself_soon),
        cmocka_unit_test(what_the_kernel_bridged_is_met_in_mid_life_again),
        cmocka_unit_test(a_syn_ack_without_a_syn_does_not_pass),
        cmocka_unit_test(ends_the_first_of_two_handshakes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
