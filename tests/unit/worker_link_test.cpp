// What changes below and beside a connection while it lives: the MACs of its ends, the clock.
#include "tests/support/lab.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

struct Known {
    Known() {
        lab.use(index_of_contents({known_content()}));
        lab.connect();
    }
    // All but the last bytes, which are the decision.
    void begin() { lab.send(request.substr(0, request.size() - 500)); }
    void end() {
        lab.send(request.substr(request.size() - 500));
        for (int n = 0; n < 10; ++n)
            lab.step(1000);
        lab.send_ack();
        lab.step(1000);
    }
    bool refused() const { return lab.answer.starts_with("HTTP/1.1 403") && lab.client_fin; }

    Lab lab;
    std::string request = put("/known", known_content());
};

void the_answer_finds_a_client_that_has_another_mac(void**) {
    Known it;
    it.begin();
    it.lab.client_mac[5] = 77;  // a gratuitous ARP told the storage
    it.end();
    assert_true(it.refused());
    assert_true(it.lab.storage_reset);
    assert_int_equal(it.lab.misled, 0);
}

// It is silent after the reset: only the client's own segments tell where it is now.
void an_answer_that_is_repeated_finds_it_as_well(void**) {
    Known it;
    it.begin();
    it.end();
    assert_true(it.refused());
    it.lab.client_mac[5] = 77;
    it.lab.segment(it.request.size() - 500, std::string_view(it.request).substr(0, 10));
    it.lab.step(300'000);
    assert_int_equal(it.lab.misled, 0);
}

void a_reset_finds_a_storage_that_has_another_mac(void**) {
    Known it;
    it.begin();
    it.lab.storage_mac[5] = 88;
    it.lab.acknowledge();
    it.lab.step(1000);
    it.lab.misled = 0;  // the held tail went where the client had sent it
    it.end();
    assert_true(it.refused());
    assert_true(it.lab.storage_reset);
    assert_int_equal(it.lab.misled, 0);
}

// The clients' router sends from its own MAC and is reached at a virtual one: when another router
// takes that over, the way back stays.
void a_virtual_mac_stays_where_frames_are_sent_to(void**) {
    Known it;
    const std::uint8_t router[6] = {2, 0, 0, 0, 1, 1};
    const std::uint8_t other_router[6] = {2, 0, 0, 0, 1, 2};
    it.begin();
    for (const auto& mac : {router, other_router}) {
        it.lab.port.push(Side::client, it.lab.client_packet()
                                           .macs(it.lab.storage_mac,
                                                 *reinterpret_cast<const std::uint8_t(*)[6]>(mac))
                                           .sequence(it.lab.client_next)
                                           .acknowledgement(it.lab.client_acked)
                                           .flags(tcp_flag::ack)
                                           .frame());
        it.lab.step();
    }
    it.lab.misled = 0;
    it.end();
    assert_true(it.refused());
    assert_int_equal(it.lab.misled, 0);
}

// The whole process stood still, and the kernel bridged what came again: the record of the decision
// was not on the disk, the deny map did not know yet. (Found by the storm of kills: the file was
// whole on the storage, and recorded as enforced.)
void a_decision_that_was_bridged_is_not_called_enforced(void**) {
    for (const bool durable_first : {false, true}) {
        Known it;
        it.lab.recorder.at_once = RecordState::pending;
        it.begin();
        it.lab.segment(it.lab.client_next - it.lab.isn - 1,
                       std::string_view(it.request).substr(it.request.size() - 500));
        it.lab.step(1000);
        assert_int_equal(it.lab.recorder.decided_records.size(), 1);
        it.lab.recorder.complete(durable_first ? RecordState::durable : RecordState::pending);
        if (durable_first) {
            it.lab.port.accept_at_most(Side::client, 0);  // late: the port drops it
            it.lab.port.accept_at_most(Side::storage, 0);
            it.lab.step(1000);
            it.lab.port.accept_at_most(Side::client, SIZE_MAX);
            it.lab.port.accept_at_most(Side::storage, SIZE_MAX);
        }
        it.lab.worker->bypassed(0);
        it.lab.recorder.complete(RecordState::durable);
        for (int n = 0; n < 100; ++n)
            it.lab.step(1'000'000);
        assert_string_equal(it.lab.answer.c_str(), "");
        assert_int_equal(it.lab.recorder.enforced_records.size(), 0);
        assert_int_equal(it.lab.recorder.over_keys.size(), 1);
    }
}

void a_block_that_stood_before_stays_enforced(void**) {
    Known it;
    it.begin();
    it.end();
    it.lab.worker->bypassed(0);
    for (int n = 0; n < 100; ++n)
        it.lab.step(1'000'000);
    assert_true(it.refused());
    assert_int_equal(it.lab.recorder.enforced_records.size(), 1);
    assert_int_equal(it.lab.recorder.enforced_records[0].storage_reset, 1);
}

// Timers live on the monotonic clock: one that somebody sets does not disturb them.
void a_clock_that_is_set_changes_no_decision(void**) {
    for (const std::int64_t days : {-400, 400}) {
        Known it;
        it.begin();
        it.lab.unix_zero_ns += static_cast<std::uint64_t>(days) * 86400 * ns_per_s;
        it.end();
        assert_true(it.refused());
        assert_true(it.lab.storage_reset);
        assert_int_equal(it.lab.recorder.decided_records.size(), 1);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_finds_a_client_that_has_another_mac),
        cmocka_unit_test(an_answer_that_is_repeated_finds_it_as_well),
        cmocka_unit_test(a_reset_finds_a_storage_that_has_another_mac),
        cmocka_unit_test(a_virtual_mac_stays_where_frames_are_sent_to),
        cmocka_unit_test(a_decision_that_was_bridged_is_not_called_enforced),
        cmocka_unit_test(a_block_that_stood_before_stays_enforced),
        cmocka_unit_test(a_clock_that_is_set_changes_no_decision),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
