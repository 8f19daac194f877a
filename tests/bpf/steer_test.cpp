// The fast layer (XDP) on single frames: what goes to the worker, what is bridged, what is dropped,
// with a worker that is alive, gone or hung.
#include <linux/bpf.h>

#include "tests/bpf/program_fixture.h"
#include "tests/support/cmocka_cpp.h"

namespace {

using namespace cordon::test;

Programs* programs = nullptr;

constexpr steer_layer xdp = steer_layer_xdp;
constexpr steer_role client = steer_role_client;
constexpr steer_role storage = steer_role_storage;

#define REQUIRE_PROGRAMS() \
    if (programs == nullptr) skip()

void configure(steer_fail fail) {
    const auto f = static_cast<std::uint8_t>(fail);
    const steer_service web{80, steer_vlan_any, 0, f, 0};
    const steer_service tagged{8080, 100, 2, f, 0};
    const steer_service nested{9000, steer_vlan_any, 3, f, 0};
    programs->write_services("10.0.0.0", 24, {web, tagged});
    programs->write_services("10.0.0.7", 32, {nested, web, tagged});
    programs->write_services("2001:db8::", 64, {{80, steer_vlan_any, 1, f, 0}});
    programs->write_services("10.9.0.0", 24, {{80, 200, 4, f, 0}});
    programs->write_settings(true, fail == steer_fail_closed);
}

// What must become of a frame: with a worker, and without one when its service fails open, closed.
struct Case {
    const char* what;
    Frame in;
    steer_role port;
    int alive;
    int open;
    int closed;
};

int return_code(int frame_class) {
    switch (frame_class) {
        case steer_denied_dropped:
        case steer_refused:
        case steer_unclear_refused:
            return XDP_DROP;
        case steer_untaken:
            return XDP_PASS;
        default:
            return XDP_REDIRECT;
    }
}

void expect(const Case& c, const char* state, int frame_class) {
    const Ran ran = programs->run(xdp, c.port, c.in);
    if (ran.frame_class != frame_class || ran.result != return_code(frame_class)) {
        fail_msg("%s, %s: class %d, returned %d; expected class %d, %d", c.what, state,
                 ran.frame_class, ran.result, frame_class, return_code(frame_class));
    }
    if (ran.out != c.in) fail_msg("%s, %s: the frame was changed", c.what, state);
}

void run_table(const std::vector<Case>& table) {
    configure(steer_fail_open);
    for (const Case& c : table) {
        programs->set_worker(Worker::alive);
        expect(c, "alive", c.alive);
        programs->set_worker(Worker::no_socket);
        expect(c, "dead, open", c.open);
        programs->set_worker(Worker::stale);
        expect(c, "hung, open", c.open);
    }
    configure(steer_fail_closed);
    for (const Case& c : table) {
        programs->set_worker(Worker::alive);
        expect(c, "alive, closed", c.alive);
        programs->set_worker(Worker::no_socket);
        expect(c, "dead, closed", c.closed);
        programs->set_worker(Worker::stale);
        expect(c, "hung, closed", c.closed);
    }
}

Case bridged(const char* what, Frame in, steer_role port = client) {
    return {what, std::move(in), port, steer_bridged, steer_bridged, steer_bridged};
}
Case payload(const char* what, Frame in, steer_role port = client) {
    return {what, std::move(in), port, steer_to_worker, steer_bypassed, steer_refused};
}
Case control(const char* what, Frame in, steer_role port = client) {
    return {what, std::move(in), port, steer_to_worker, steer_bypassed, steer_closed_control};
}
Case unclear(const char* what, Frame in, steer_role port = client) {
    return {
        what, std::move(in), port, steer_to_worker, steer_unclear_bridged, steer_unclear_refused};
}

void bridges_what_is_no_ip(void**) {
    REQUIRE_PROGRAMS();
    run_table({
        bridged("ARP", build_other(0x0806)),
        bridged("ARP from the storage", build_other(0x0806), storage),
        bridged("LLDP", build_other(0x88cc)),
        bridged("LACP", build_other(0x8809)),
        bridged("EAPOL", build_other(0x888e)),
        bridged("STP (802.2)", build_other(38, {0x42, 0x42, 3, 0, 0, 0, 0, 0})),
        bridged("CDP (SNAP of a vendor)", build_other(60, {0xaa, 0xaa, 3, 0, 0, 12, 0x20, 0})),
        bridged("short 802.2", Frame(ethernet(3))),
        unclear("IP in SNAP", build_other(60, {0xaa, 0xaa, 3, 0, 0, 0, 8, 0})),
        unclear("MPLS", build_other(0x8847)),
        unclear("PPPoE session", build_other(0x8864)),
        unclear("MACsec", build_other(0x88e5)),
    });
}

void bridges_ip_that_cannot_be_a_service(void**) {
    REQUIRE_PROGRAMS();
    run_table({
        bridged("UDP to the port of a service", build({.protocol = 17})),
        bridged("ICMP", build({.protocol = 1})),
        bridged("IGMP with router alert", build({.protocol = 2, .ip_options = 4})),
        bridged("a fragment of UDP", build({.protocol = 17, .fragment = 0x2000})),
        bridged("a later fragment of UDP that looks like VXLAN",
                build({.dst_port = 4789, .protocol = 17, .fragment = 0x0010})),
        bridged("from the port of VXLAN", build({.src_port = 4789, .protocol = 17})),
        bridged("VXLAN between others",
                build({.dst = "10.0.1.1", .dst_port = 4789, .protocol = 17})),
        bridged("neighbour discovery",
                build({.src = "2001:db8::5", .dst = "2001:db8::1", .protocol = 58})),
        bridged("MLD behind a hop-by-hop header",
                build({.src = "2001:db8::5",
                       .dst = "ff02::16",
                       .protocol = 58,
                       .extensions = {{0, {0, 5, 2, 0, 0, 1, 0}}}})),
        bridged("another address", build({.dst = "10.0.1.1", .payload = 5})),
        bridged("another address, v6", build({.src = "2001:db8:1::1", .dst = "2001:db8:1::2"})),
        bridged("another port", build({.dst_port = 81, .payload = 5})),
        bridged("another port from the storage",
                build({.src = "10.0.0.1", .dst = "192.0.2.1", .src_port = 22}), storage),
        bridged("GRE between others", build({.dst = "10.0.1.1", .protocol = 47})),
        bridged("a fragment between others", build({.dst = "10.0.1.1", .fragment = 0x2000})),
        bridged("IP options between others", build({.dst = "10.0.1.1", .ip_options = 8})),
    });
}

void steers_a_service_in_both_directions(void**) {
    REQUIRE_PROGRAMS();
    run_table({
        payload("to the service", build({.payload = 100})),
        control("SYN to the service", build({.flags = tcp_syn})),
        control("FIN to the service", build({.flags = tcp_fin | tcp_ack})),
        control("RST to the service", build({.flags = tcp_rst})),
        control("ACK with options", build({.tcp_words = 8})),
        control("padding is no payload", build({.padding = 6})),
        payload("SYN with data", build({.payload = 1, .flags = tcp_syn})),
        payload("from the service",
                build({.src = "10.0.0.1",
                       .dst = "192.0.2.1",
                       .src_port = 80,
                       .dst_port = 40000,
                       .payload = 9}),
                storage),
        control("SYN-ACK from the service",
                build({.src = "10.0.0.1",
                       .dst = "192.0.2.1",
                       .src_port = 80,
                       .dst_port = 40000,
                       .flags = tcp_syn | tcp_ack}),
                storage),
        payload("to the service, v6",
                build({.src = "2001:db8:f::1", .dst = "2001:db8::1", .payload = 3})),
        payload("from the service, v6",
                build({.src = "2001:db8::1",
                       .dst = "2001:db8:f::1",
                       .src_port = 80,
                       .dst_port = 40000,
                       .payload = 3}),
                storage),
        payload("to a service that stands on the client's side", build({.payload = 3}), storage),
        payload("the port of a longer prefix",
                build({.dst = "10.0.0.7", .dst_port = 9000, .payload = 3})),
        payload("the port of the prefix around it", build({.dst = "10.0.0.7", .payload = 3})),
        bridged("the port of a longer prefix at another address",
                build({.dst = "10.0.0.8", .dst_port = 9000, .payload = 3})),
    });
}

void knows_services_behind_vlan_tags(void**) {
    REQUIRE_PROGRAMS();
    run_table({
        payload("one tag, any VLAN", build({.payload = 3, .tags = {5}})),
        payload("two tags", build({.payload = 3, .tags = {5, 6}, .tag_type = 0x88a8})),
        payload("priority tag", build({.payload = 3, .tags = {0}})),
        payload("tagged service", build({.dst_port = 8080, .payload = 3, .tags = {100}})),
        payload("the outermost tag counts",
                build({.dst_port = 8080, .payload = 3, .tags = {100, 7}})),
        bridged("tagged service in another VLAN",
                build({.dst_port = 8080, .payload = 3, .tags = {101}})),
        bridged("the inner tag does not count",
                build({.dst_port = 8080, .payload = 3, .tags = {7, 100}})),
        bridged("tagged service without a tag", build({.dst_port = 8080, .payload = 3})),
        payload("three tags", build({.payload = 3, .tags = {5, 6, 7}})),
        payload("three tags and no payload", build({.tags = {5, 6, 7}})),
        payload("three tags, another port", build({.dst_port = 81, .tags = {5, 6, 7}})),
        bridged("three tags to others", build({.dst = "10.0.1.1", .tags = {5, 6, 7}})),
        bridged("ARP behind three tags",
                [] {
                    Frame f = ethernet(0x8100);
                    for (unsigned v : {5u, 0x8100u, 6u, 0x8100u, 7u, 0x0806u})
                        put16(&f, v);
                    f.resize(60);
                    return f;
                }()),
        unclear("five tags", build({.payload = 3, .tags = {5, 6, 7, 8, 9}})),
        payload("a fragment in the VLAN of a service",
                build({.dst = "10.9.0.1", .tags = {200}, .fragment = 0x2000})),
        bridged("a fragment in another VLAN",
                build({.dst = "10.9.0.1", .tags = {201}, .fragment = 0x2000})),
    });
}

void gives_the_worker_whatever_could_hide_tcp(void**) {
    REQUIRE_PROGRAMS();
    const Extension hop_by_hop{0, {0, 1, 4, 0, 0, 0, 0}};
    const Extension routing{43, {0, 4, 0, 0, 0, 0, 0}};
    const Extension destination{60, {0, 1, 4, 0, 0, 0, 0}};
    const Extension first_fragment{44, {0, 0, 1, 0, 0, 0, 9}};
    const Extension later_fragment{44, {0, 1, 0, 0, 0, 0, 9}};
    const Extension authentication{51, {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}};
    const auto v6 = [](std::vector<Extension> extensions, std::uint8_t protocol = 6) {
        return build({.src = "2001:db8:f::1",
                      .dst = "2001:db8::1",
                      .protocol = protocol,
                      .extensions = std::move(extensions)});
    };
    run_table({
        payload("first fragment", build({.fragment = 0x2000})),
        payload("later fragment", build({.fragment = 0x0003})),
        payload("last fragment to another port", build({.dst_port = 81, .fragment = 0x0001})),
        payload("IP options", build({.ip_options = 4})),
        payload("IP options to another port", build({.dst_port = 81, .ip_options = 40})),
        payload("IP in IP", build({.protocol = 4})),
        payload("IPv6 in IP", build({.protocol = 41})),
        payload("GRE", build({.protocol = 47})),
        payload("ESP", build({.protocol = 50})),
        payload("an unknown protocol", build({.protocol = 253})),
        payload("GRE from the storage",
                build({.src = "10.0.0.1", .dst = "192.0.2.1", .protocol = 47}), storage),
        payload("hop-by-hop header", v6({hop_by_hop})),
        payload("routing header", v6({routing})),
        payload("destination options", v6({destination})),
        payload("authentication header", v6({authentication})),
        payload("three headers", v6({hop_by_hop, routing, destination})),
        payload("more headers than are walked",
                v6({destination, destination, destination, destination, destination, destination,
                    destination})),
        payload("first fragment, v6", v6({first_fragment})),
        payload("later fragment, v6", v6({later_fragment})),
        payload("a fragment that says UDP, v6", v6({later_fragment}, 17)),
        payload("first fragment that says UDP, v6", v6({first_fragment}, 17)),
        payload("unknown extension header", v6({{253, {0, 0, 0, 0, 0, 0, 0}}})),
        payload("IP in IPv6", v6({}, 4)),
        payload("VXLAN", build({.dst_port = 4789, .protocol = 17})),
        payload("a first fragment of VXLAN",
                build({.dst_port = 4789, .protocol = 17, .fragment = 0x2000})),
        payload("Geneve", build({.dst_port = 6081, .protocol = 17})),
        payload(
            "VXLAN, v6",
            build(
                {.src = "2001:db8:f::1", .dst = "2001:db8::1", .dst_port = 8472, .protocol = 17})),
        payload("AH in IPv4", build({.protocol = 51})),
    });
}

void trusts_no_malformed_header(void**) {
    REQUIRE_PROGRAMS();
    run_table({
        payload("length beyond the frame", build({.length_error = 1})),
        payload("length beyond the frame, another port",
                build({.dst_port = 81, .length_error = 1})),
        payload("length below the header", build({.length_error = -30})),
        payload("header length 4", build({.version_and_length = 0x44})),
        payload("header length 15 in a short packet", build({.version_and_length = 0x4f})),
        payload("version 5", build({.version_and_length = 0x55})),
        payload("TCP header length 4", build({.tcp_words = 4})),
        payload("TCP header length 4, another port", build({.dst_port = 81, .tcp_words = 4})),
        payload("TCP header longer than the packet", build({.payload = 3, .length_error = -4})),
        payload("TCP header cut by the IP length", build({.length_error = -1})),
        payload("v6 length beyond the frame",
                build({.src = "2001:db8:f::1", .dst = "2001:db8::1", .length_error = 1})),
        payload(
            "v6 length beyond the frame, another port",
            build(
                {.src = "2001:db8:f::1", .dst = "2001:db8::1", .dst_port = 81, .length_error = 1})),
        payload("v6 length below the TCP header",
                build({.src = "2001:db8:f::1", .dst = "2001:db8::1", .length_error = -1})),
    });
}

// At every length the frame is unclear (addresses not whole) or odd (the rest missing), never
// bridged as something else.
void never_bridges_a_truncated_frame_as_not_protected(void**) {
    REQUIRE_PROGRAMS();
    const FrameSpec specs[] = {
        {.payload = 4},
        {.payload = 4, .tags = {5, 6}},
        {.src = "2001:db8:f::1", .dst = "2001:db8::1", .payload = 4},
        {.src = "2001:db8:f::1",
         .dst = "2001:db8::1",
         .payload = 4,
         .extensions = {{0, {0, 1, 4, 0, 0, 0, 0}}}},
    };
    for (const FrameSpec& spec : specs) {
        const Frame whole = build(spec);
        const std::size_t ip = 14 + 4 * spec.tags.size();
        const std::size_t addresses = ip + (spec.dst[0] == '2' ? 40 : 20);
        for (std::size_t length = 14; length < whole.size(); ++length) {
            Frame cut = whole;
            cut.resize(length);
            run_table({length < addresses ? unclear("cut", cut) : payload("cut", cut)});
        }
    }
}

void drops_the_payload_of_a_denied_flow_without_a_worker(void**) {
    REQUIRE_PROGRAMS();
    programs->deny(flow_of("192.0.2.1", 41000, "10.0.0.1"), 1, 60'000'000'000);
    programs->deny(flow_of("2001:db8:f::1", 41000, "2001:db8::1"), 1, 60'000'000'000);
    const auto denied = [](const char* what, Frame in) {
        return Case{what,
                    std::move(in),
                    client,
                    steer_to_worker,
                    steer_denied_dropped,
                    steer_denied_dropped};
    };
    run_table({
        denied("payload", build({.src_port = 41000, .payload = 1})),
        denied("payload in a VLAN", build({.src_port = 41000, .payload = 1, .tags = {9}})),
        denied("payload behind IP options",
               build({.src_port = 41000, .payload = 1, .ip_options = 4})),
        denied("first fragment", build({.src_port = 41000, .payload = 8, .fragment = 0x2000})),
        denied(
            "payload, v6",
            build({.src = "2001:db8:f::1", .dst = "2001:db8::1", .src_port = 41000, .payload = 1})),
        denied("payload behind destination options, v6",
               build({.src = "2001:db8:f::1",
                      .dst = "2001:db8::1",
                      .src_port = 41000,
                      .payload = 1,
                      .extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}}})),
        denied("payload behind an authentication header, v6",
               build({.src = "2001:db8:f::1",
                      .dst = "2001:db8::1",
                      .src_port = 41000,
                      .payload = 1,
                      .extensions = {{51, std::vector<std::uint8_t>(23, 4)}}})),
        control("no payload", build({.src_port = 41000})),
        payload("another flow", build({.src_port = 41001, .payload = 1})),
        payload("the answer of the storage",
                build({.src = "10.0.0.1",
                       .dst = "192.0.2.1",
                       .src_port = 80,
                       .dst_port = 41000,
                       .payload = 9}),
                storage),
    });
}

// The worker that blocked a flow absorbs it. Its successor knows nothing of it and would take it
// for a flow in mid-life, which may pass.
void keeps_a_flow_denied_by_an_earlier_process_from_the_worker(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    programs->set_worker(Worker::alive);
    programs->deny(flow_of("192.0.2.1", 42000, "10.0.0.1"), 1, 60'000'000'000);
    const Frame frame = build({.src_port = 42000, .payload = 1});
    assert_int_equal(programs->run(xdp, client, frame).frame_class, steer_to_worker);
    programs->write_settings(true, false, 2);
    assert_int_equal(programs->run(xdp, client, frame).frame_class, steer_denied_dropped);
    const Frame control_frame = build({.src_port = 42000});
    assert_int_equal(programs->run(xdp, client, control_frame).frame_class, steer_to_worker);
}

void forgets_a_denied_flow_at_its_expiry(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    programs->set_worker(Worker::no_socket);
    programs->deny(flow_of("192.0.2.1", 43000, "10.0.0.1"), 1, -1'000'000'000);
    const Frame frame = build({.src_port = 43000, .payload = 1});
    assert_int_equal(programs->run(xdp, client, frame).frame_class, steer_bypassed);
}

// A dataplane that died before its connection was over left the port denied for 20 minutes.
void forgets_a_denied_flow_when_the_storage_answers_a_syn(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    programs->set_worker(Worker::no_socket);
    programs->deny(flow_of("192.0.2.1", 44000, "10.0.0.1"), 1, 60'000'000'000);
    const auto from_client = [](std::uint8_t flags, std::size_t bytes) {
        return build({.src_port = 44000, .payload = bytes, .flags = flags});
    };
    const auto from_storage = [](std::uint8_t flags, std::uint16_t port) {
        return build({.src = "10.0.0.1",
                      .dst = "192.0.2.1",
                      .src_port = 80,
                      .dst_port = port,
                      .flags = flags});
    };
    const auto still_denied = [&] {
        return programs->run(xdp, client, from_client(tcp_ack, 1)).frame_class ==
               steer_denied_dropped;
    };
    assert_true(still_denied());
    programs->run(xdp, client, from_client(tcp_syn, 0));
    assert_true(still_denied());  // anybody can send a SYN
    programs->run(xdp, client, from_client(tcp_syn | tcp_ack, 0));
    assert_true(still_denied());  // and this, from that side
    programs->run(xdp, storage, from_storage(tcp_ack, 44000));
    assert_true(still_denied());  // the old connection lives, and says so
    programs->run(xdp, storage, from_storage(tcp_rst, 44000));
    assert_true(still_denied());
    programs->run(xdp, storage, from_storage(tcp_syn | tcp_ack, 44001));
    assert_true(still_denied());  // of another connection
    programs->run(xdp, storage, from_storage(tcp_syn | tcp_ack, 44000));
    assert_false(still_denied());
}

void counts_what_passed_without_the_dataplane(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    programs->set_worker(Worker::stale);
    const steer_gap before = programs->read_gap(0);
    const std::uint64_t epoch = programs->read_epoch(0);
    const Frame up = build({.payload = 100});
    const Frame down = build(
        {.src = "10.0.0.1", .dst = "192.0.2.1", .src_port = 80, .dst_port = 40000, .payload = 7});
    programs->run(xdp, client, up);
    programs->run(xdp, storage, down);
    const steer_gap after = programs->read_gap(0);
    assert_int_equal(after.packets - before.packets, 2);
    assert_int_equal(after.bytes - before.bytes, up.size() + down.size());
    assert_int_equal(after.payload_bytes - before.payload_bytes, 100);
    assert_int_equal(after.total_packets - before.total_packets, 2);
    assert_true(after.first_ns != 0 && after.last_ns >= after.first_ns);
    assert_int_equal(programs->read_epoch(0) - epoch, 2);
}

void moves_no_epoch_and_no_gap_while_closed_or_inspected(void**) {
    REQUIRE_PROGRAMS();
    const Frame up = build({.payload = 100});
    const Frame ack = build({});
    const std::uint64_t epoch = programs->read_epoch(0);
    const std::uint64_t packets = programs->read_gap(0).packets;
    configure(steer_fail_closed);
    programs->set_worker(Worker::no_socket);
    programs->run(xdp, client, up);
    programs->run(xdp, client, ack);
    configure(steer_fail_open);
    programs->set_worker(Worker::alive);
    programs->run(xdp, client, up);
    assert_int_equal(programs->read_epoch(0), epoch);
    assert_int_equal(programs->read_gap(0).packets, packets);
}

void an_odd_frame_answers_to_the_strictest_service_of_its_prefix(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    programs->set_worker(Worker::no_socket);
    programs->write_services("10.8.0.0", 24,
                             {{80, steer_vlan_any, 5, steer_fail_open, 0},
                              {443, steer_vlan_any, 6, steer_fail_closed, 0}});
    const Frame open = build({.dst = "10.8.0.1", .payload = 1});
    assert_int_equal(programs->run(xdp, client, open).frame_class, steer_bypassed);
    const Frame fragment = build({.dst = "10.8.0.1", .fragment = 0x0001});
    assert_int_equal(programs->run(xdp, client, fragment).frame_class, steer_refused);
}

void counts_frames_and_bytes_by_direction(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    const Frame arp = build_other(0x0806);
    const steer_tally before = programs->read_counter(xdp, steer_bridged, steer_from_storage);
    const steer_tally other = programs->read_counter(xdp, steer_bridged, steer_from_client);
    programs->run(xdp, storage, arp);
    const steer_tally after = programs->read_counter(xdp, steer_bridged, steer_from_storage);
    assert_int_equal(after.frames - before.frames, 1);
    assert_int_equal(after.bytes - before.bytes, arp.size());
    assert_int_equal(programs->read_counter(xdp, steer_bridged, steer_from_client).frames,
                     other.frames);
}

void says_why_no_worker_took_a_frame(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    const Frame up = build({.payload = 1});
    const auto socket = programs->read_counter(xdp, steer_why_no_socket, steer_from_client).frames;
    const auto stale = programs->read_counter(xdp, steer_why_stale, steer_from_client).frames;
    programs->set_worker(Worker::no_socket);
    programs->run(xdp, client, up);
    programs->set_worker(Worker::stale);
    programs->run(xdp, client, up);
    assert_int_equal(programs->read_counter(xdp, steer_why_no_socket, steer_from_client).frames,
                     socket + 1);
    assert_int_equal(programs->read_counter(xdp, steer_why_stale, steer_from_client).frames,
                     stale + 1);
}

void lists_destinations_that_nobody_listed_as_services(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    steer_destination key{};
    key.address[10] = key.address[11] = 0xff;
    ::inet_pton(AF_INET, "10.0.0.1", key.address + 12);
    key.port = 8443;
    steer_tally tally{};
    const Frame data = build({.dst_port = 8443, .payload = 50});
    programs->run(xdp, client, data);
    assert_int_not_equal(::bpf_map_lookup_elem(programs->map("unlisted"), &key, &tally), 0);
    const Frame syn = build({.dst_port = 8443, .flags = tcp_syn});
    programs->run(xdp, client, syn);
    programs->run(xdp, client, data);
    programs->run(xdp, storage, data);
    assert_int_equal(::bpf_map_lookup_elem(programs->map("unlisted"), &key, &tally), 0);
    assert_int_equal(tally.frames, 2);
    assert_int_equal(tally.bytes, syn.size() + data.size());
}

void takes_nothing_before_it_is_configured(void**) {
    REQUIRE_PROGRAMS();
    configure(steer_fail_open);
    programs->write_settings(false, false);
    const Ran ran = programs->run(xdp, client, build({.payload = 1}));
    assert_int_equal(ran.result, XDP_PASS);
    assert_int_equal(ran.frame_class, steer_untaken);
}

int load_programs(void**) {
    static Programs loaded;
    if (!loaded.load()) {
        std::puts("steer_test: skipped, loading BPF programs needs CAP_BPF and CAP_NET_ADMIN");
        return 0;
    }
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
        cmocka_unit_test(bridges_what_is_no_ip),
        cmocka_unit_test(bridges_ip_that_cannot_be_a_service),
        cmocka_unit_test(steers_a_service_in_both_directions),
        cmocka_unit_test(knows_services_behind_vlan_tags),
        cmocka_unit_test(gives_the_worker_whatever_could_hide_tcp),
        cmocka_unit_test(trusts_no_malformed_header),
        cmocka_unit_test(never_bridges_a_truncated_frame_as_not_protected),
        cmocka_unit_test(drops_the_payload_of_a_denied_flow_without_a_worker),
        cmocka_unit_test(keeps_a_flow_denied_by_an_earlier_process_from_the_worker),
        cmocka_unit_test(forgets_a_denied_flow_at_its_expiry),
        cmocka_unit_test(forgets_a_denied_flow_when_the_storage_answers_a_syn),
        cmocka_unit_test(counts_what_passed_without_the_dataplane),
        cmocka_unit_test(moves_no_epoch_and_no_gap_while_closed_or_inspected),
        cmocka_unit_test(an_odd_frame_answers_to_the_strictest_service_of_its_prefix),
        cmocka_unit_test(counts_frames_and_bytes_by_direction),
        cmocka_unit_test(says_why_no_worker_took_a_frame),
        cmocka_unit_test(lists_destinations_that_nobody_listed_as_services),
        cmocka_unit_test(takes_nothing_before_it_is_configured),
    };
    return cmocka_run_group_tests(tests, load_programs, close_programs);
}
