// What becomes of one port when the other one loses its link.
#include "dataplane/shell/link_pair.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr LinkState works{true, true};
constexpr LinkState no_carrier{true, false};
constexpr LinkState down{false, false};

// The two ports, and a pair that looks at them five times a second and is obeyed.
struct Ports {
    void look(int times = 1) {
        for (; times > 0; --times) {
            now_ns += 200 * ns_per_ms;
            const auto step = pair.look(client, storage, now_ns);
            if (!step) continue;
            ++steps;
            (step->port == Side::client ? client : storage) = step->up ? works : down;
        }
    }
    bool both_work() const { return client.works() && storage.works(); }

    LinkPair pair;
    LinkState client = works;
    LinkState storage = works;
    std::uint64_t now_ns = 1;
    int steps = 0;
};

constexpr int settled = LinkPair::settle_ns / (200 * ns_per_ms) + 1;

void takes_the_other_port_down_and_brings_it_back(void**) {
    for (const LinkState lost : {no_carrier, down}) {
        Ports ports;
        ports.look(3);
        assert_int_equal(ports.steps, 0);
        ports.storage = lost;
        ports.look();
        assert_false(ports.client.up);
        assert_true(ports.pair.held() == Side::client);
        ports.look(100);
        assert_int_equal(ports.steps, 1);
        ports.storage = works;
        ports.look();
        assert_true(ports.both_work());
        assert_false(ports.pair.held().has_value());
        ports.client = no_carrier;
        ports.look(settled);
        assert_false(ports.storage.up);
    }
}

void a_port_that_was_brought_up_may_negotiate_first(void**) {
    Ports ports;
    ports.look();
    ports.storage = no_carrier;
    ports.look();
    ports.storage = works;
    ports.look();
    assert_true(ports.client.up);
    ports.client = no_carrier;  // not yet
    ports.look(settled / 2);
    assert_true(ports.storage.up);
    ports.client = works;
    ports.look();
    ports.client = no_carrier;  // it had settled
    ports.look();
    assert_false(ports.storage.up);
}

void waits_for_both_links_at_the_start(void**) {
    Ports ports;
    ports.client = no_carrier;
    ports.look(settled / 2);
    assert_int_equal(ports.steps, 0);
    ports.look(settled);
    assert_false(ports.storage.up);  // it has none, and the storage's side shall know
    ports.client = works;
    ports.look();
    assert_true(ports.storage.up);
}

void does_nothing_when_both_links_are_lost(void**) {
    Ports ports;
    ports.look();
    ports.client = ports.storage = no_carrier;
    ports.look(1000);
    assert_int_equal(ports.steps, 0);
    ports.client = works;  // the storage's comes a little later
    ports.look(5);
    ports.storage = works;
    ports.look(5);
    assert_int_equal(ports.steps, 0);
}

void never_brings_up_what_the_operator_took_down(void**) {
    Ports ports;
    ports.look();
    ports.client = ports.storage = down;
    ports.look(1000);
    assert_int_equal(ports.steps, 0);
    ports.client = works;
    ports.look(settled);
    assert_false(ports.client.up);  // held: the storage port is still down
    assert_false(ports.storage.up);
    ports.look(1000);
    assert_false(ports.storage.up);
}

void yields_to_an_operator_who_brings_it_up(void**) {
    Ports ports;
    ports.look();
    ports.storage = no_carrier;
    ports.look();
    ports.client = works;
    ports.look(1000);
    assert_true(ports.client.up);
    assert_int_equal(ports.steps, 1);
    ports.storage = works;
    ports.look();
    ports.storage = no_carrier;  // another loss
    ports.look();
    assert_false(ports.client.up);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_other_port_down_and_brings_it_back),
        cmocka_unit_test(a_port_that_was_brought_up_may_negotiate_first),
        cmocka_unit_test(waits_for_both_links_at_the_start),
        cmocka_unit_test(does_nothing_when_both_links_are_lost),
        cmocka_unit_test(never_brings_up_what_the_operator_took_down),
        cmocka_unit_test(yields_to_an_operator_who_brings_it_up),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
