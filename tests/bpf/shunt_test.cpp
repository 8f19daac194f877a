// The fast layer (XDP) and shunted ranges, on single frames: what of such a flow is bridged, what
// the worker gets all the same, and what is noted for its return.
#include <linux/bpf.h>

#include "tests/bpf/shunted_flow.h"
#include "tests/support/cmocka_cpp.h"

namespace {

using namespace cordon::test;

Programs* programs = nullptr;

constexpr std::uint32_t from = shunt_from;
constexpr std::uint32_t to = shunt_to;

#define REQUIRE_PROGRAMS() \
    if (programs == nullptr) skip()

void configure(bool timestamps = false) {
    configure_shunt(programs, timestamps);
}

FrameSpec with_flags(FrameSpec spec, std::uint8_t flags) {
    spec.flags = flags;
    return spec;
}

struct Case {
    const char* what;
    FrameSpec in;
    int expected;
    steer_role port = steer_role_client;
};

void run_table(const std::vector<Case>& table) {
    for (const Case& c : table) {
        const Frame in = build(c.in);
        const Ran ran = programs->run(steer_layer_xdp, c.port, in);
        if (ran.frame_class != c.expected || ran.result != XDP_REDIRECT)
            fail_msg("%s: class %d, returned %d; expected class %d", c.what, ran.frame_class,
                     ran.result, c.expected);
        if (ran.out != in) fail_msg("%s: the frame was changed", c.what);
    }
}

void bridges_what_lies_wholly_inside(void**) {
    REQUIRE_PROGRAMS();
    configure();
    run_table({
        {"the first bytes", data(from, 1000), steer_shunted},
        {"one byte", data(from + 5, 1), steer_shunted},
        {"across the wrap", data(0xffffff00, 1000), steer_shunted},
        {"the last bytes", data(to - 1000, 1000), steer_shunted},
        {"pushed", with_flags(data(from, 10), tcp_ack | tcp_psh), steer_shunted},
        {"congestion marks", with_flags(data(from, 10), tcp_ack | tcp_ece | tcp_cwr),
         steer_shunted},
        {"padded", {.payload = 3, .padding = 9, .sequence = from}, steer_shunted},
        {"in two tags", {.payload = 3, .tags = {100, 7}, .sequence = from}, steer_shunted},
    });
}

void gives_the_worker_what_touches_a_byte_outside(void**) {
    REQUIRE_PROGRAMS();
    configure();
    run_table({
        {"before", data(from - 1000, 1000), steer_to_worker},
        {"across the begin", data(from - 1, 2), steer_to_worker},
        {"across the end", data(to - 1, 2), steer_to_worker},
        {"behind", data(to, 1), steer_to_worker},
        {"half the numbers away", data(from + 0x80000000, 10), steer_to_worker},
        {"the number before the wrap", data(from - 0x10000, 1400), steer_to_worker},
    });
}

void gives_the_worker_what_is_more_than_bytes(void**) {
    REQUIRE_PROGRAMS();
    configure();
    const auto flags = [](std::uint8_t f) { return with_flags(data(from, 10), f); };
    run_table({
        {"FIN", flags(tcp_ack | tcp_fin), steer_to_worker},
        {"SYN", flags(tcp_ack | tcp_syn), steer_to_worker},
        {"RST", flags(tcp_ack | tcp_rst), steer_to_worker},
        {"URG", flags(tcp_ack | tcp_urg), steer_to_worker},
        {"no ACK", flags(tcp_psh), steer_to_worker},
        {"no flag", flags(0), steer_to_worker},
        {"no bytes", data(from, 0), steer_to_worker},
        {"an option", {.payload = 10, .tcp_words = 6, .sequence = from}, steer_to_worker},
        {"a timestamp that was not negotiated", stamped(data(from, 10)), steer_to_worker},
        {"a low hop limit", {.payload = 10, .sequence = from, .hop_limit = 3}, steer_to_worker},
        {"the least hop limit", {.payload = 10, .sequence = from, .hop_limit = 4}, steer_shunted},
        {"a fragment", {.payload = 10, .fragment = 0x2000, .sequence = from}, steer_to_worker},
        {"an IP option", {.payload = 10, .ip_options = 4, .sequence = from}, steer_to_worker},
        {"three tags", {.payload = 10, .tags = {1, 2, 3}, .sequence = from}, steer_to_worker},
        {"another port", {.src_port = 40001, .payload = 10, .sequence = from}, steer_to_worker},
        {"from the storage's side", data(from, 10), steer_to_worker, steer_role_storage},
    });
}

void wants_the_timestamp_that_was_negotiated(void**) {
    REQUIRE_PROGRAMS();
    configure(true);
    FrameSpec sack = stamped(data(from, 10));
    sack.tcp_words = 11;
    FrameSpec odd = data(from, 10);
    odd.tcp_words = 8;  // NOPs
    FrameSpec bare = from_storage(from + 10);
    FrameSpec selective = stamped(from_storage(from + 10));
    selective.tcp_words = 11;
    run_table({
        {"with one", stamped(data(from, 10)), steer_shunted},
        {"without", data(from, 10), steer_to_worker},
        {"NOPs in its place", odd, steer_to_worker},
        {"and more options", sack, steer_to_worker},
        {"an ACK without", bare, steer_to_worker, steer_role_storage},
        {"an ACK with SACK", selective, steer_shunted_ack, steer_role_storage},
    });
}

void bridges_bare_acknowledgements_of_the_range(void**) {
    REQUIRE_PROGRAMS();
    configure();
    constexpr steer_role storage = steer_role_storage;
    run_table({
        {"of its first byte", from_storage(from + 1), steer_shunted_ack, storage},
        {"of its last byte", from_storage(to), steer_shunted_ack, storage},
        {"of what is before it", from_storage(from), steer_to_worker, storage},
        {"of what is behind it", from_storage(to + 1), steer_to_worker, storage},
        {"with bytes", from_storage(from + 1, 5), steer_to_worker, storage},
        {"FIN", with_flags(from_storage(from + 1), tcp_ack | tcp_fin), steer_to_worker, storage},
        {"RST", with_flags(from_storage(from + 1), tcp_ack | tcp_rst), steer_to_worker, storage},
        {"from the client's side", from_storage(from + 1), steer_to_worker, steer_role_client},
    });
}

void bridges_ipv6_as_well(void**) {
    REQUIRE_PROGRAMS();
    configure();
    programs->shunt(flow_of("2001:db8:1::9", 40000, "2001:db8::1"), from, to, false);
    FrameSpec plain = data(from, 10);
    plain.src = "2001:db8:1::9";
    plain.dst = "2001:db8::1";
    FrameSpec low = plain;
    low.hop_limit = 3;
    FrameSpec extended = plain;
    extended.extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}};
    run_table({
        {"plain", plain, steer_shunted},
        {"low hop limit", low, steer_to_worker},
        {"an extension header", extended, steer_to_worker},
    });
}

void a_revoked_range_bridges_nothing(void**) {
    REQUIRE_PROGRAMS();
    configure();
    programs->revoke();
    run_table({
        {"bytes", data(from, 10), steer_to_worker},
        {"an ACK", from_storage(from + 1), steer_to_worker, steer_role_storage},
    });
    assert_int_equal(programs->passed().client.frames, 0);
    assert_int_equal(programs->passed().storage.frames, 0);
}

void a_range_beyond_its_limit_bridges_nothing(void**) {
    REQUIRE_PROGRAMS();
    configure();
    programs->shunt(the_shunted_flow, 1000, 1000 + steer_shunt_bytes_max, false);
    run_table({{"a GiB", data(1000, 10), steer_shunted}});
    programs->shunt(the_shunted_flow, 1000, 1001 + steer_shunt_bytes_max, false);
    run_table({{"one more", data(1000, 10), steer_to_worker},
               {"its ACK", from_storage(1001), steer_to_worker, steer_role_storage}});
    programs->shunt(the_shunted_flow, 1000, 1000, false);
    run_table({{"an empty range", data(1000, 1), steer_to_worker},
               {"its ACK", from_storage(1001), steer_to_worker, steer_role_storage}});
}

void without_a_worker_a_range_is_like_any_bytes(void**) {
    REQUIRE_PROGRAMS();
    configure();
    for (const Worker state : {Worker::no_socket, Worker::stale}) {
        programs->set_worker(state);
        run_table({{"bytes", data(from, 10), steer_bypassed},
                   {"an ACK", from_storage(from + 1), steer_bypassed, steer_role_storage}});
    }
    programs->set_worker(Worker::alive);
}

void a_denied_flow_is_not_shunted(void**) {
    REQUIRE_PROGRAMS();
    configure();
    programs->deny(the_shunted_flow, 99, 1'000'000'000'000u);
    const Ran ran = programs->run(steer_layer_xdp, steer_role_client, build(data(from, 10)));
    assert_int_equal(ran.frame_class, steer_denied_dropped);
    ::bpf_map_delete_elem(programs->map("deny"), &the_shunted_flow);
}

void notes_what_the_flow_needs_at_its_return(void**) {
    REQUIRE_PROGRAMS();
    configure(true);
    const auto client = [](std::uint32_t sequence, std::size_t bytes, std::uint32_t ack,
                           std::uint32_t stamp) {
        FrameSpec spec = stamped(data(sequence, bytes));
        spec.acknowledgement = ack;
        spec.stamp = stamp;
        programs->run(steer_layer_xdp, steer_role_client, build(spec));
    };
    const auto storage = [](std::uint32_t ack, std::uint32_t stamp) {
        FrameSpec spec = stamped(from_storage(ack));
        spec.stamp = stamp;
        programs->run(steer_layer_xdp, steer_role_storage, build(spec));
    };
    client(from, 1000, 2001, 501);
    client(0x100, 100, 2005, 502);
    client(from + 1000, 100, 2003, 499);  // late: it turns nothing back
    storage(from + 1000, 900);
    storage(0x164, 903);
    storage(from + 500, 901);
    const steer_passed passed = programs->passed();
    assert_int_equal(passed.client.reach, 0x164);
    assert_int_equal(passed.client.answer >> 32, 2005);
    assert_int_equal(passed.client.answer & 0xffff, 65535);
    assert_int_equal(passed.client.timestamp, 502);
    assert_int_equal(passed.client.frames, 3);
    assert_int_equal(passed.client.bytes, 1200 + 3 * (14 + 20 + 32));
    assert_int_equal(passed.storage.answer >> 32, 0x164);
    assert_int_equal(passed.storage.timestamp, 903);
    assert_int_equal(passed.storage.frames, 3);
}

int load_programs(void**) {
    static Programs loaded;
    if (!loaded.load()) return 0;  // no privilege: the tests skip
    programs = &loaded;
    return loaded.broken() ? -1 : 0;
}

int close_programs(void**) {
    if (programs != nullptr) programs->close();
    return 0;
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bridges_what_lies_wholly_inside),
        cmocka_unit_test(gives_the_worker_what_touches_a_byte_outside),
        cmocka_unit_test(gives_the_worker_what_is_more_than_bytes),
        cmocka_unit_test(wants_the_timestamp_that_was_negotiated),
        cmocka_unit_test(bridges_bare_acknowledgements_of_the_range),
        cmocka_unit_test(bridges_ipv6_as_well),
        cmocka_unit_test(a_revoked_range_bridges_nothing),
        cmocka_unit_test(a_range_beyond_its_limit_bridges_nothing),
        cmocka_unit_test(without_a_worker_a_range_is_like_any_bytes),
        cmocka_unit_test(a_denied_flow_is_not_shunted),
        cmocka_unit_test(notes_what_the_flow_needs_at_its_return),
    };
    return cmocka_run_group_tests(tests, load_programs, close_programs);
}
