// The IP layer of a worker: fragments, tunnels, TTLs, frames of every size. What leaves for the
// storage of a protected service is inspected and whole; what is none of ours leaves as it came.
#include <algorithm>
#include <array>

#include "tests/support/fragments.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/allocation_watch.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

Options options_of_both() {
    Options options = lab_options();
    ServiceOptions& second = options.services[options.service_count++];
    second = options.services[0];
    std::strcpy(second.name, "files-v6");
    ::inet_pton(AF_INET6, "fd00::2", second.prefix.address);
    return options;
}

struct FragmentLab : Lab {
    explicit FragmentLab(Options the_options = options_of_both(), std::size_t buffer_bytes = 4096)
        : Lab(the_options, 4096, buffer_bytes) {
        use(index_of_contents({known_content()}));
    }

    FrameBytes frame_at(std::uint64_t offset, std::string_view bytes,
                        std::uint8_t flags = tcp_flag::ack | tcp_flag::psh) const {
        return client_packet()
            .sequence(isn + 1 + static_cast<std::uint32_t>(offset))
            .acknowledgement(client_acked)
            .flags(flags)
            .payload(bytes)
            .frame();
    }
    void push(const std::vector<FrameBytes>& frames, Side side = Side::client) {
        for (const FrameBytes& frame : frames)
            port.push(side, frame);
        step();
    }
    // The whole of it, every segment in fragments of `size` that come in the order of `order`.
    void send_in_fragments(std::string_view bytes, std::size_t size,
                           const std::array<std::size_t, 4>& order) {
        while (!bytes.empty()) {
            const std::string_view part = bytes.substr(0, 1000);
            const std::vector<FrameBytes> pieces =
                fragments_of(frame_at(client_next - isn - 1, part), size, ++id);
            std::vector<FrameBytes> shuffled;
            for (const std::size_t n : order)
                if (n < pieces.size()) shuffled.push_back(pieces[n]);
            assert_true(pieces.size() <= order.size());
            push(shuffled);
            client_next += static_cast<std::uint32_t>(part.size());
            bytes.remove_prefix(part.size());
            acknowledge();
        }
    }
    void expect_balance() const {
        const Counters& counters = worker->counters();
        std::uint64_t received = 0;
        std::uint64_t frames = 0;
        for (const Tally& side : counters.received) {
            received += side.bytes.read();
            frames += side.count.read();
        }
        for (const Tally& tally : counters.frames) {
            received -= tally.bytes.read();
            frames -= tally.count.read();
        }
        assert_int_equal(received, 0);
        assert_int_equal(frames, 0);
    }
    std::uint64_t class_bytes(std::size_t which) const {
        return worker->counters().frames[which].bytes.read();
    }
    // What the worker sends when the frames of one burst have come, without the models of the ends.
    std::vector<FrameBytes> pass(const std::vector<FrameBytes>& frames, Side side = Side::client) {
        for (const FrameBytes& frame : frames)
            port.push(side, frame);
        worker->poll({now_ns += 1000, index_now_s * ns_per_s + now_ns});
        return port.take(opposite(side));
    }

    std::uint32_t id = 0;
};

int setup(void** state) {
    auto* lab = new FragmentLab;
    lab->connect();
    *state = lab;
    return 0;
}

int teardown(void** state) {
    delete static_cast<FragmentLab*>(*state);
    return 0;
}

FragmentLab& lab_of(void** state) {
    return *static_cast<FragmentLab*>(*state);
}

void a_known_file_in_fragments_is_blocked_in_every_order(void**) {
    for (const bool ipv6 : {false, true}) {
        std::array<std::size_t, 4> order{0, 1, 2, 3};
        do {
            FragmentLab lab;
            lab.ipv6 = ipv6;
            lab.connect();
            const std::string request = put("/known", known_content());
            lab.send_in_fragments(request, 272, order);
            lab.step(2000);
            assert_true(lab.storage_reset);
            assert_true(lab.stored.size() < request.size());
            assert_true(request.starts_with(lab.stored));
            assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
            assert_int_equal(lab.count(Outcome::match_blocked), 1);
            assert_true(lab.count(Outcome::fragment_reassembled) >= 3);
            lab.expect_balance();
        } while (std::next_permutation(order.begin(), order.end()));
    }
}

void a_clean_file_in_fragments_arrives_byte_for_byte(void**) {
    for (const bool ipv6 : {false, true}) {
        std::array<std::size_t, 4> order{0, 1, 2, 3};
        do {
            FragmentLab lab;
            lab.ipv6 = ipv6;
            lab.connect();
            const std::string request = put("/clean", std::string(5000, '.'));
            lab.send_in_fragments(request, 272, order);
            lab.step(2000);
            lab.respond(created);
            assert_true(lab.stored == request);
            assert_string_equal(lab.answer.c_str(), std::string(created).c_str());
            assert_int_equal(lab.count(Outcome::object_clean), 1);
            lab.expect_balance();
        } while (std::next_permutation(order.begin(), order.end()));
    }
}

// One segment of 20,000 bytes: what leaves is cut as the two ends agreed.
void a_large_datagram_leaves_in_segments_of_the_mss(void** state) {
    for (const std::uint16_t mss : {std::uint16_t{536}, std::uint16_t{1460}}) {
        FragmentLab lab;
        lab.mss = mss;
        lab.connect();
        const std::string request = put("/clean", std::string(20000, 'c'));
        lab.push(fragments_of(lab.frame_at(0, request), 1480));
        lab.step(2000);
        assert_true(lab.stored == request);
        assert_true(lab.longest <= mss);
        lab.expect_balance();
    }
    FragmentLab& lab = lab_of(state);
    const std::string request = put("/known", known_content() + std::string(10000, '?'));
    lab.push(fragments_of(lab.frame_at(0, request.substr(0, request.size() - 10000)), 1480));
    lab.step(2000);
    assert_true(lab.stored.size() < request.size());
    lab.expect_balance();
}

void options_of_tcp_count_against_the_mss(void**) {
    FragmentLab lab;
    lab.mss = 536;
    lab.client_clock = lab.storage_clock = 1000;
    lab.connect();
    const std::string request = put("/clean", std::string(4000, 'c'));
    lab.push(fragments_of(lab.frame_at(0, request), 1480));
    lab.step(2000);
    assert_true(lab.stored == request);
    assert_int_equal(lab.longest, 524);
}

void syn_fin_and_answers_work_in_fragments(void** state) {
    FragmentLab& lab = lab_of(state);
    ++lab.client_port;
    lab.stored.clear();
    const FrameBytes syn = lab.client_packet()
                               .sequence(lab.isn)
                               .flags(tcp_flag::syn)
                               .mss(1460)
                               .payload(std::string(60, 'd'))
                               .frame();
    const std::vector<FrameBytes> forwarded = lab.pass(fragments_of(syn, 40));
    assert_int_equal(forwarded.size(), 1);
    assert_int_equal(lab.count(Outcome::syn_data_removed), 1);
    assert_int_equal(lab.count(Outcome::flow_opened), 2);
    lab.client_next = lab.isn + 1;
    lab.client_acked = storage_isn + 1;
    lab.port.push(Side::storage, lab.storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(lab.isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .mss(1460)
                                     .frame());
    lab.step();
    const std::string request = put("/clean", std::string(500, 'c'));
    lab.push(fragments_of(lab.frame_at(0, request, tcp_flag::fin | tcp_flag::ack), 200));
    lab.step(2000);
    assert_true(lab.stored == request);
    assert_true(lab.storage_fin);
    lab.client_next += static_cast<std::uint32_t>(request.size()) + 1;
    lab.acknowledge();
    // The answer, from the other side.
    lab.push(fragments_of(lab.storage_packet()
                              .sequence(storage_isn + 1)
                              .acknowledgement(lab.client_next)
                              .payload(created)
                              .frame(),
                          32),
             Side::storage);
    assert_string_equal(lab.answer.c_str(), std::string(created).c_str());
    lab.expect_balance();
}

// A first fragment alone could be anything: its RST, SYN and ports count when the datagram is
// whole.
void a_part_of_a_segment_decides_nothing(void** state) {
    FragmentLab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(1000, 'c'));
    lab.send(request.substr(0, 500));
    const FrameBytes reset = lab.frame_at(500, std::string(100, 'r'), tcp_flag::rst);
    lab.push({fragment(reset, {0, 40})});
    const FrameBytes syn = lab.frame_at(5000, std::string(100, 's'), tcp_flag::syn);
    lab.push({fragment(syn, {0, 40}, 78)});
    assert_false(lab.storage_reset);
    lab.send(request.substr(500));
    lab.step(2000);
    assert_true(lab.stored == request);
    lab.expect_balance();
    // Whole, it is a reset.
    const FrameBytes second = lab.frame_at(request.size(), std::string(100, 'r'), tcp_flag::rst);
    lab.push({fragment(second, {40, 0}, 79), fragment(second, {0, 40}, 79)});
    assert_true(lab.storage_reset);
    lab.expect_balance();
}

// First wins, last wins, or anything between: no receiver gets a byte of it.
void overlapping_fragments_deliver_nothing(void**) {
    for (const bool ipv6 : {false, true}) {
        const std::pair<Cut, Cut> cases[] = {
            {{200, 400}, {200, 400, -1, 'X'}}, {{200, 400}, {192, 400, -1, 'X'}},
            {{200, 400}, {200, 408, -1, 'X'}}, {{200, 400}, {208, 392, -1, 'X'}},
            {{200, 400}, {392, 408, -1, 'X'}}, {{200, 400}, {192, 208, -1, 'X'}},
            {{0, 200}, {0, 200, -1, 'X'}},     {{0, 200}, {8, 200, -1, 'X'}},
        };
        for (const auto& [good, bad] : cases) {
            for (const bool bad_first : {false, true}) {
                FragmentLab lab;
                lab.ipv6 = ipv6;
                lab.connect();
                const std::string request = put("/known", known_content());
                const FrameBytes whole = lab.frame_at(0, request.substr(0, 1000));
                // A fragment that begins TCP needs its header whole: given, with other bytes.
                std::vector<FrameBytes> sent{fragment(whole, bad_first ? bad : good),
                                             fragment(whole, bad_first ? good : bad)};
                for (const Cut& rest : {Cut{0, 200}, Cut{200, 400}, Cut{400, 0}})
                    sent.push_back(fragment(whole, rest));
                lab.push(sent);
                lab.step(2000);
                assert_string_equal(lab.stored.c_str(), "");
                assert_true(
                    lab.count(Outcome::fragment_overlap) + lab.count(Outcome::fragment_tiny) == 1);
                lab.expect_balance();
                // The connection is none the worse for it.
                lab.send(request.substr(0, 1000));
                lab.step(2000);
                assert_int_equal(lab.stored.size(), 1000);
            }
        }
    }
}

// Flags and all that decides stand in the second one.
void a_header_in_pieces_is_read_whole_or_not_at_all(void**) {
    for (const bool ipv6 : {false, true}) {
        FragmentLab lab;
        lab.ipv6 = ipv6;
        lab.connect();
        const std::string request = put("/known", known_content());
        for (std::size_t at = 0; at < request.size(); at += 1000) {
            const FrameBytes whole = lab.frame_at(at, std::string_view(request).substr(at, 1000));
            lab.push(fragments(whole, {{0, 8}, {8, 16}, {16, 24}, {24, 0}}, ++lab.id));
        }
        lab.step(2000);
        assert_true(lab.stored.size() < request.size());
        assert_int_equal(lab.count(Outcome::match_blocked), ipv6 ? 0 : 1);
        assert_int_equal(lab.count(Outcome::fragment_tiny), ipv6 ? 4 : 0);
        assert_true(!ipv6 || lab.stored.empty());
        lab.expect_balance();
    }
}

void a_segment_with_a_wrong_checksum_in_fragments_is_dropped(void** state) {
    FragmentLab& lab = lab_of(state);
    const FrameBytes whole = lab.client_packet()
                                 .sequence(lab.isn + 1)
                                 .acknowledgement(lab.client_acked)
                                 .payload(std::string(500, 'c'))
                                 .bad_tcp_checksum()
                                 .frame();
    assert_int_equal(lab.pass(fragments_of(whole, 200)).size(), 0);
    assert_int_equal(lab.count(Outcome::tcp_bad_checksum), 1);
    lab.expect_balance();
}

void what_is_none_of_ours_goes_on_as_it_came(void** state) {
    FragmentLab& lab = lab_of(state);
    const std::string text(3000, 'u');
    // Another port of the protected address; the storage's own connections; UDP over IPv6.
    const FrameBytes wholes[] = {
        Packet().ipv4("10.0.0.9", "10.0.0.2").ports(4000, 22).payload(text).frame(),
        Packet().ipv6("fd00::9", "fd00::2").ports(4000, 22).payload(text).frame(),
        Packet().ipv6("fd00::9", "fd00::2").ports(4000, 22).protocol(17).payload(text).frame(),
        Packet().ipv6("fd00::9", "fd00::2").ports(4000, 22).protocol(58).payload(text).frame(),
    };
    for (const FrameBytes& whole : wholes) {
        std::vector<FrameBytes> pieces = fragments_of(whole, 1000, ++lab.id);
        std::rotate(pieces.begin(), pieces.begin() + 2, pieces.end());
        const std::vector<FrameBytes> last{pieces.back()};
        pieces.pop_back();
        assert_int_equal(lab.pass(pieces).size(), 0);
        const std::vector<FrameBytes> all = lab.pass(last);
        pieces.push_back(last[0]);
        assert_true(all == pieces);
        lab.expect_balance();
    }
    // The protocol is told by every IPv4 fragment: UDP does not wait.
    const FrameBytes udp =
        Packet().ipv4("10.0.0.9", "10.0.0.2").ports(4000, 22).protocol(17).payload(text).frame();
    const FrameBytes later = fragment(udp, {1000, 2000});
    assert_true(lab.pass({later}) == std::vector<FrameBytes>{later});
    // Between others nothing waits.
    const FrameBytes other = fragment(
        Packet().ipv6("fd00::9", "fd00::7").ports(4000, 80).payload(text).frame(), {1000, 2000});
    assert_true(lab.pass({other}) == std::vector<FrameBytes>{other});
    lab.expect_balance();
}

// The one that is missing may be the very one that has the ports.
void an_incomplete_datagram_reaches_nobody(void** state) {
    FragmentLab& lab = lab_of(state);
    const FrameBytes whole = Packet()
                                 .ipv4("10.0.0.9", "10.0.0.2")
                                 .ports(4000, 22)
                                 .payload(std::string(900, 'u'))
                                 .frame();
    assert_int_equal(lab.pass({fragment(whole, {0, 200}), fragment(whole, {400, 0})}).size(), 0);
    lab.expect_balance();
    assert_true(lab.worker->next_deadline_ns() < lab.now_ns + 5'000'000'001);
    lab.step(5'000'000);
    assert_int_equal(lab.count(Outcome::fragment_expired), 1);
    assert_true(lab.class_bytes(frame_class(FrameClass::dropped)) > 700);
    lab.expect_balance();
    assert_int_equal(lab.pass({fragment(whole, {200, 400})}).size(), 0);
}

void an_ipv6_fragment_that_is_whole_is_a_segment_like_others(void**) {
    FragmentLab lab;
    lab.ipv6 = true;
    lab.connect();
    const std::string request = put("/known", known_content());
    for (std::size_t at = 0; at < request.size(); at += 1000)
        lab.push({fragment(lab.frame_at(at, std::string_view(request).substr(at, 1000)), {0, 0})});
    lab.step(2000);
    assert_int_equal(lab.count(Outcome::match_blocked), 1);
    assert_true(lab.stored.size() < request.size());
    lab.expect_balance();
    const FrameBytes other = fragment(
        Packet().ipv6("fd00::9", "fd00::2").ports(4000, 22).payload("others").frame(), {0, 0});
    assert_true(lab.pass({other}) == std::vector<FrameBytes>{other});
    lab.expect_balance();
}

void without_buffers_fragments_are_lost_and_counted(void** state) {
    FragmentLab& lab = lab_of(state);
    const FrameBytes whole = lab.frame_at(0, put("/clean", std::string(2000, 'c')));
    lab.port.allocate_at_most(0);
    assert_int_equal(lab.pass(fragments_of(whole, 1000)).size(), 0);
    const FrameBytes other = Packet()
                                 .ipv4("10.0.0.9", "10.0.0.2")
                                 .ports(4000, 22)
                                 .payload(std::string(900, 'u'))
                                 .frame();
    assert_int_equal(lab.pass(fragments_of(other, 400, 5)).size(), 0);
    assert_true(lab.count(Outcome::buffer_empty) > 1);
    lab.port.allocate_at_most(SIZE_MAX);
    assert_int_equal(lab.port.outstanding(), 0);
    lab.expect_balance();
}

// With several workers: fragments come to one, their flow may be another's.
struct PortOfAnother : MemoryPort {
    std::vector<FrameBytes> handed;
    bool hand_to_owner(Side side, Frame* frame) override {
        assert_int_equal(side, Side::client);
        handed.emplace_back(frame->data, frame->data + frame->length);
        release(frame);
        return true;
    }
};

void what_is_put_together_goes_to_the_worker_of_its_flow(void** state) {
    Options options = options_of_both();
    PortOfAnother port;
    MemoryRecorder recorder{16};
    WorkerOptions settings{};
    settings.options = &options;
    Worker worker(settings, &port, &recorder);
    const std::string payload(3000, 'p');
    for (const FrameBytes& piece : fragments_of(lab_of(state).frame_at(0, payload), 1480))
        port.push(Side::client, piece);
    worker.poll({ns_per_s, index_now_s * ns_per_s});
    std::string together;
    for (const FrameBytes& frame : port.handed) {
        Segment segment;
        Outcome why;
        assert_int_equal(decode(frame, ChecksumRule::strict, &segment, &why), DecodeResult::tcp);
        together += as_text(segment.payload);
    }
    assert_true(together == payload);
    assert_int_equal(worker.flows(), 0);
    assert_int_equal(port.outstanding(), 0);
    // The owner counts them when it receives them.
    assert_int_equal(worker.counters().received[0].bytes.read(), 0);
    for (const Tally& tally : worker.counters().frames)
        assert_int_equal(tally.bytes.read(), 0);
}

void fragments_that_wait_hold_no_buffer_of_the_port(void** state) {
    FragmentLab& lab = lab_of(state);
    const FrameBytes whole = lab.frame_at(0, std::string(1000, 'c'));
    const AllocationWatch watch;
    for (std::uint32_t id = 0; id < 50; ++id) {
        lab.port.push(Side::client, fragment(whole, {0, 400}, id));
        lab.worker->poll({lab.now_ns, index_now_s * ns_per_s});
    }
    assert_int_equal(lab.port.outstanding(), 0);
}

void the_worker_allocates_nothing_for_fragments(void** state) {
    FragmentLab& lab = lab_of(state);
    const std::vector<FrameBytes> pieces =
        fragments_of(lab.frame_at(0, put("/clean", std::string(9000, 'c'))), 1480);
    for (const FrameBytes& piece : pieces)
        lab.port.push(Side::client, piece);
    lab.port.accept_at_most(Side::storage, 0);  // the port of the test would keep what it gets
    const AllocationWatch watch;
    lab.worker->poll({lab.now_ns, index_now_s * ns_per_s});
    assert_int_equal(watch.count(), 0);
    assert_int_equal(lab.count(Outcome::fragment_reassembled), 1);
}

// --- tunnels, TTLs, odd frames -------------------------------------------------------------------

FrameBytes tunnel(std::uint8_t protocol, const char* to = "10.0.0.2") {
    return Packet().ipv4("10.0.0.9", to).protocol(protocol).payload(std::string(60, 't')).frame();
}

void a_tunnel_to_a_protected_address_is_refused(void** state) {
    FragmentLab& lab = lab_of(state);
    const FrameBytes refused[] = {
        tunnel(4),    // IP in IP
        tunnel(41),   // IPv6 in IP
        tunnel(47),   // GRE
        tunnel(50),   // ESP
        tunnel(115),  // L2TP
        tunnel(253),
        Packet().ipv6("fd00::9", "fd00::2").protocol(41).payload("t").frame(),
        Packet().ipv4("10.0.0.9", "10.0.0.2").ports(9999, 4789).protocol(17).frame(),
        Packet().ipv6("fd00::9", "fd00::2").ports(9999, 4789).protocol(17).frame(),
        Packet().ipv4("10.0.0.9", "10.0.0.2").protocol(4).fragment(0x2000).frame(),
    };
    std::uint64_t count = 0;
    for (const FrameBytes& frame : refused) {
        assert_int_equal(lab.pass({frame}).size(), 0);
        assert_int_equal(lab.count(Outcome::tunnel_refused), ++count);
    }
    // From there as well; in IPv6 the protocol of a fragment is known with the first.
    assert_int_equal(
        lab.pass({Packet().ipv4("10.0.0.2", "10.0.0.9").protocol(47).frame()}, Side::storage)
            .size(),
        0);
    const FrameBytes gre =
        Packet().ipv6("fd00::9", "fd00::2").protocol(47).payload(std::string(600, 'g')).frame();
    assert_int_equal(lab.pass(fragments_of(gre, 200)).size(), 0);
    assert_int_equal(lab.count(Outcome::tunnel_refused), count + 2);
    // Between others it is none of our business, and what cannot carry TCP is no tunnel.
    const FrameBytes bridged[] = {tunnel(47, "10.0.0.3"), tunnel(1), tunnel(2), tunnel(132),
                                  Packet().ipv4("10.0.0.9", "10.0.0.2").protocol(17).frame()};
    for (const FrameBytes& frame : bridged)
        assert_true(lab.pass({frame}) == std::vector<FrameBytes>{frame});
    lab.expect_balance();
}

void where_not_http_may_pass_a_tunnel_is_counted(void**) {
    Options options = options_of_both();
    options.services[0].on_unparsable = UninspectedAction::pass;
    options.services[1].mode = ServiceMode::observe;
    FragmentLab lab(options);
    const FrameBytes v4 = tunnel(47);
    const FrameBytes v6 =
        Packet().ipv6("fd00::9", "fd00::2").protocol(47).payload(std::string(600, 'g')).frame();
    assert_true(lab.pass({v4}) == std::vector<FrameBytes>{v4});
    assert_true(lab.pass({v6}) == std::vector<FrameBytes>{v6});
    const std::vector<FrameBytes> pieces = fragments_of(v6, 200);
    assert_true(lab.pass(pieces) == pieces);
    std::size_t bytes = v4.size() + v6.size();
    for (const FrameBytes& piece : pieces)
        bytes += piece.size();
    assert_int_equal(lab.class_bytes(frame_class(UninspectedReason::tunnel)), bytes);
    assert_int_equal(lab.count(Outcome::tunnel_refused), 0);
    lab.expect_balance();
}

// Inside another link header the addresses count as well.
void ip_in_mpls_or_pppoe_is_a_tunnel(void** state) {
    FragmentLab& lab = lab_of(state);
    const auto wrapped = [](const char* to, std::vector<std::uint8_t> between) {
        FrameBytes frame = Packet().ipv4("10.0.0.9", to).payload("x").frame();
        frame.erase(frame.begin() + 12, frame.begin() + 14);
        frame.insert(frame.begin() + 12, between.begin(), between.end());
        return frame;
    };
    const std::vector<std::uint8_t> headers[] = {
        {0x88, 0x47, 0, 1, 0, 64, 0, 1, 1, 64},
        {0x88, 0x64, 0x11, 0, 0, 1, 0, 43, 0, 0x21},
        {0, 49, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0},
    };
    for (const auto& header : headers) {
        assert_int_equal(lab.pass({wrapped("10.0.0.2", header)}).size(), 0);
        const FrameBytes others = wrapped("10.0.0.3", header);
        assert_true(lab.pass({others}) == std::vector<FrameBytes>{others});
    }
    assert_int_equal(lab.count(Outcome::tunnel_refused), 3);
    // Where no address can be seen it passes, and is on record.
    const FrameBytes macsec = Packet().ethertype(0x88e5).payload("x").frame();
    assert_true(lab.pass({macsec}) == std::vector<FrameBytes>{macsec});
    assert_int_equal(lab.class_bytes(frame_class(UninspectedReason::tunnel)), macsec.size());
    lab.expect_balance();
}

void tcp_behind_an_authentication_header_is_inspected(void** state) {
    FragmentLab& lab = lab_of(state);
    const std::string request = put("/known", known_content());
    for (std::size_t at = 0; at < request.size(); at += 1000) {
        FrameBytes frame = lab.frame_at(at, std::string_view(request).substr(at, 1000));
        const FrameBytes header{6, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1,
                                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        frame.insert(frame.begin() + 34, header.begin(), header.end());
        frame[14 + 9] = 51;
        store_be16(frame.data() + 16, static_cast<std::uint16_t>(frame.size() - 14));
        put_ipv4_checksum(frame.data() + 14);
        lab.push({frame});
    }
    lab.step(2000);
    assert_int_equal(lab.count(Outcome::match_blocked), 1);
    assert_true(lab.stored.size() < request.size());
}

// It would be inspected here and lost behind us; what takes its place there we should not know.
void a_segment_that_dies_before_the_storage_is_none(void** state) {
    FragmentLab& lab = lab_of(state);
    const std::string request = put("/clean", std::string(200, 'c'));
    Packet packet =
        lab.client_packet().sequence(lab.isn + 1).acknowledgement(lab.client_acked).payload("evil");
    for (std::uint8_t hops = 0; hops < limits::hop_limit_least; ++hops)
        assert_int_equal(lab.pass({packet.hop_limit(hops).frame()}).size(), 0);
    assert_int_equal(lab.count(Outcome::hop_limit_low), limits::hop_limit_least);
    lab.send(request);
    lab.step(2000);
    assert_true(lab.stored == request);
    assert_int_equal(lab.count(Outcome::inconsistent), 0);
    // Just enough; and from the storage whatever it is.
    lab.connect();
    Packet enough = lab.client_packet().sequence(lab.isn + 1).acknowledgement(lab.client_acked);
    lab.push({enough.payload("PUT /").hop_limit(limits::hop_limit_least).frame()});
    assert_string_equal(lab.stored.c_str(), "PUT /");
    const FrameBytes near = lab.storage_packet()
                                .sequence(storage_isn + 1)
                                .acknowledgement(lab.isn + 6)
                                .hop_limit(1)
                                .frame();
    assert_int_equal(lab.pass({near}, Side::storage).size(), 1);
    lab.expect_balance();
}

void malformed_frames_between_others_pass(void** state) {
    FragmentLab& lab = lab_of(state);
    const FrameBytes others[] = {
        Packet().ipv4("10.0.0.9", "10.0.0.3").bad_tcp_checksum().frame(),
        Packet().ipv4("10.0.0.9", "10.0.0.3").vlan(1).vlan(2).vlan(3).frame(),
        Packet().ipv6("fd00::9", "fd00::7").extension(43, {0, 0, 4, 1, 0, 0, 0, 0}).frame(),
    };
    for (const FrameBytes& frame : others)
        assert_true(lab.pass({frame}) == std::vector<FrameBytes>{frame});
    const FrameBytes ours[] = {
        Packet().ipv4("10.0.0.9", "10.0.0.2").bad_tcp_checksum().frame(),
        Packet().ipv4("10.0.0.9", "10.0.0.2").vlan(1).vlan(2).vlan(3).frame(),
        Packet().ipv6("fd00::9", "fd00::2").extension(43, {0, 0, 4, 1, 0, 0, 0, 0}).frame(),
        Packet().ipv4("10.0.0.9", "10.0.0.3").vlan(1).vlan(2).vlan(3).vlan(4).vlan(5).frame(),
    };
    for (const FrameBytes& frame : ours)
        assert_int_equal(lab.pass({frame}).size(), 0);
    assert_int_equal(lab.count(Outcome::vlan_too_deep), 2);
    lab.expect_balance();
}

// Segments of 8,960 bytes: the known file is blocked, a clean one arrives, and what is built anew
// fits any port.
void jumbo_frames_are_inspected_like_others(void**) {
    for (const bool known : {true, false}) {
        FragmentLab lab(options_of_both(), limits::frame_bytes_max);
        lab.mss = 8960;
        lab.client_room = 0xffff;
        const std::string content = known_content(60000);
        lab.use(index_of_contents({content}));
        lab.connect();
        const std::string request = put("/big", known ? content : std::string(60000, 'c'));
        lab.send(request, 8960);
        lab.step(2000);
        assert_int_equal(lab.count(Outcome::match_blocked), known ? 1 : 0);
        assert_true(known ? lab.stored.size() < request.size() : lab.stored == request);
        assert_int_equal(lab.longest, 8960);
        lab.expect_balance();
    }
}

void the_tags_of_qinq_stay_on_what_is_built(void**) {
    FragmentLab lab;
    lab.connect();
    const auto tagged = [](FrameBytes frame) {
        const std::uint8_t tags[] = {0x88, 0xa8, 0, 100, 0x81, 0, 0xe0, 5};
        frame.insert(frame.begin() + 12, std::begin(tags), std::end(tags));
        return frame;
    };
    // A connection of its own in that VLAN.
    const FrameBytes syn =
        lab.client_packet().sequence(lab.isn).flags(tcp_flag::syn).mss(1460).frame();
    const FrameBytes syn_ack = lab.storage_packet()
                                   .sequence(storage_isn)
                                   .acknowledgement(lab.isn + 1)
                                   .flags(tcp_flag::syn | tcp_flag::ack)
                                   .mss(1460)
                                   .frame();
    assert_int_equal(lab.pass({tagged(syn)}).size(), 1);
    assert_int_equal(lab.pass({tagged(syn_ack)}, Side::storage).size(), 1);
    const FrameBytes data = lab.frame_at(0, put("/clean", std::string(3000, 'c')));
    std::vector<FrameBytes> pieces = fragments_of(tagged(data), 1480);
    const std::vector<FrameBytes> out = lab.pass(pieces);
    assert_true(out.size() >= 2);
    for (const FrameBytes& frame : out)
        assert_memory_equal(frame.data(), tagged(data).data(), 22);
    assert_int_equal(lab.count(Outcome::fragment_reassembled), 1);
    lab.expect_balance();
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_file_in_fragments_is_blocked_in_every_order),
        cmocka_unit_test(a_clean_file_in_fragments_arrives_byte_for_byte),
        TEST(a_large_datagram_leaves_in_segments_of_the_mss),
        cmocka_unit_test(options_of_tcp_count_against_the_mss),
        TEST(syn_fin_and_answers_work_in_fragments),
        TEST(a_part_of_a_segment_decides_nothing),
        cmocka_unit_test(overlapping_fragments_deliver_nothing),
        cmocka_unit_test(a_header_in_pieces_is_read_whole_or_not_at_all),
        TEST(a_segment_with_a_wrong_checksum_in_fragments_is_dropped),
        TEST(what_is_none_of_ours_goes_on_as_it_came),
        TEST(an_incomplete_datagram_reaches_nobody),
        cmocka_unit_test(an_ipv6_fragment_that_is_whole_is_a_segment_like_others),
        TEST(without_buffers_fragments_are_lost_and_counted),
        TEST(what_is_put_together_goes_to_the_worker_of_its_flow),
        TEST(fragments_that_wait_hold_no_buffer_of_the_port),
        TEST(the_worker_allocates_nothing_for_fragments),
        TEST(a_tunnel_to_a_protected_address_is_refused),
        cmocka_unit_test(where_not_http_may_pass_a_tunnel_is_counted),
        TEST(ip_in_mpls_or_pppoe_is_a_tunnel),
        TEST(tcp_behind_an_authentication_header_is_inspected),
        TEST(a_segment_that_dies_before_the_storage_is_none),
        TEST(malformed_frames_between_others_pass),
        cmocka_unit_test(jumbo_frames_are_inspected_like_others),
        cmocka_unit_test(the_tags_of_qinq_stay_on_what_is_built),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
