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

}  // namespace

int main() {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        T(a_syn_ack_without_a_flow_opens_no_uninspected_one),
        T(a_fin_before_the_held_tail_does_not_pass),
        T(a_fin_in_front_of_bytes_sent_ahead_is_an_attack),
    };
#undef T
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
