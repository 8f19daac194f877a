// What a client, or chance, can do to a worker's view of a connection, and must gain nothing by.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

int setup(void** state) {
    auto* lab = new Lab;
    lab->use(index_of_contents({known_content()}));
    lab->connect();
    *state = lab;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Lab*>(*state);
    return 0;
}

Lab& lab_of(void** state) {
    return *static_cast<Lab*>(*state);
}

// A second SYN with another number made the storage's SYN-ACKs fit nothing. Its last repetition
// comes when the embryonic flow is forgotten; passed on as midstream it completed a connection that
// nobody inspected.
void a_syn_ack_without_a_flow_opens_no_uninspected_one(void** state) {
    Lab& lab = lab_of(state);
    ++lab.client_port;
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(client_isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .mss(1460)
                                     .frame());
    const std::size_t before = lab.port.transmitted(Side::client);
    lab.step();
    assert_int_equal(lab.port.transmitted(Side::client), before);
    assert_int_equal(lab.count(Outcome::flow_midstream), 0);
}

// The known file, one byte more that is held, and a FIN right behind the file: a server that
// commits at the end of the stream would have it whole.
void a_fin_before_the_held_tail_does_not_pass(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content() + std::string(100, '?'));
    const std::size_t file_end = request.size() - 100;
    lab.send(request.substr(0, file_end), 1400);
    lab.send(request.substr(file_end, 1));
    assert_int_equal(lab.stored.size(), file_end);
    lab.segment(file_end, {}, tcp_flag::fin | tcp_flag::ack);
    assert_false(lab.storage_fin);
}

void a_fin_in_front_of_bytes_sent_ahead_is_an_attack(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(3000, 'c'));
    lab.send(request.substr(0, 1000));
    lab.segment(2000, std::string_view(request).substr(2000));
    lab.send_fin();
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
    assert_false(lab.storage_fin);
}

// The client resets when it knows the storage elsewhere than we think, waits, and goes on: the flow
// was forgotten, and met again in mid-life.
void a_reset_of_the_client_is_made_sure_of(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    lab.send(request.substr(0, 1000));
    lab.port.accept_at_most(Side::storage, 0);  // lost: the storage stands at 1000
    lab.segment(1000, std::string_view(request).substr(1000, 500));
    lab.segment(1500, {}, tcp_flag::rst);
    lab.port.accept_at_most(Side::storage, SIZE_MAX);
    lab.storage_reset = false;
    lab.acknowledge();  // its challenge ACK
    assert_true(lab.storage_reset);
    lab.storage_reset = false;
    lab.step(600'000);
    assert_true(lab.storage_reset);
}

void a_cut_is_repeated_until_the_storage_has_heard(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/clean", std::string(4000, 'c')).substr(0, 1500));
    lab.segment(1100, std::string(100, 'X'));
    assert_int_equal(lab.count(Outcome::inconsistent), 1);
    for (int times = 0; times < 3; ++times) {
        lab.storage_reset = false;
        lab.step(600'000);
        assert_true(lab.storage_reset);
    }
    lab.connect();  // another connection, and then this one's place is free
    lab.step(10'000'000);
    assert_int_equal(lab.worker->flows(), 1);
}

}  // namespace

int main() {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        T(a_syn_ack_without_a_flow_opens_no_uninspected_one),
        T(a_fin_before_the_held_tail_does_not_pass),
        T(a_fin_in_front_of_bytes_sent_ahead_is_an_attack),
        T(a_reset_of_the_client_is_made_sure_of),
        T(a_cut_is_repeated_until_the_storage_has_heard),
    };
#undef T
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
