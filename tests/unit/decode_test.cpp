#include "dataplane/decode/decode.h"

#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"
#include "tests/support/packet_builder.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t ip_at = 14;

struct Decoded {
    DecodeResult result;
    Outcome why;
    Segment segment;
};

Decoded decode_bytes(Bytes frame, ChecksumRule rule = ChecksumRule::strict) {
    Decoded d{};
    d.result = decode(frame, rule, &d.segment, &d.why);
    return d;
}

void expect_malformed(const FrameBytes& frame, Outcome why) {
    const Decoded d = decode_bytes(frame);
    assert_int_equal(d.result, DecodeResult::malformed);
    assert_int_equal(d.why, why);
}

void expect_result(const FrameBytes& frame, DecodeResult result) {
    assert_int_equal(decode_bytes(frame).result, result);
}

Packet ipv6() {
    return Packet().ipv6("2001:db8::1", "2001:db8::2");
}

const FrameBytes options8{0, 0, 1, 4, 0, 0, 0, 0};  // an extension header that is only padding

void reads_a_plain_ipv4_segment(void**) {
    const FrameBytes frame = Packet()
                                 .ipv4("192.0.2.1", "198.51.100.7")
                                 .ports(4242, 8001)
                                 .sequence(0xfffffff0)
                                 .acknowledgement(77)
                                 .flags(tcp_flag::ack | tcp_flag::psh)
                                 .window(1234)
                                 .payload("hello")
                                 .frame();
    const Decoded d = decode_bytes(frame);
    assert_int_equal(d.result, DecodeResult::tcp);
    const std::uint8_t source[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    assert_memory_equal(d.segment.source.address.bytes, source, 16);
    assert_int_equal(d.segment.source.port, 4242);
    assert_int_equal(d.segment.destination.address.bytes[12], 198);
    assert_int_equal(d.segment.destination.port, 8001);
    assert_int_equal(d.segment.vlan, -1);
    assert_int_equal(d.segment.ip_version, 4);
    assert_int_equal(d.segment.sequence, 0xfffffff0);
    assert_int_equal(d.segment.acknowledgement, 77);
    assert_int_equal(d.segment.flags, tcp_flag::ack | tcp_flag::psh);
    assert_int_equal(d.segment.window, 1234);
    assert_int_equal(d.segment.network_offset, 14);
    assert_int_equal(d.segment.transport_offset, 34);
    assert_int_equal(d.segment.payload_offset, 54);
    assert_int_equal(d.segment.payload.size(), 5);
    assert_memory_equal(d.segment.payload.data(), "hello", 5);
    assert_false(d.segment.has_timestamp);
}

void reads_a_plain_ipv6_segment(void**) {
    const FrameBytes frame = ipv6().ports(1, 65535).payload("body").frame();
    const Decoded d = decode_bytes(frame);
    assert_int_equal(d.result, DecodeResult::tcp);
    assert_int_equal(d.segment.ip_version, 6);
    assert_int_equal(d.segment.source.address.bytes[15], 1);
    assert_int_equal(d.segment.destination.address.bytes[0], 0x20);
    assert_int_equal(d.segment.destination.port, 65535);
    assert_int_equal(d.segment.transport_offset, 54);
    assert_int_equal(d.segment.payload.size(), 4);
}

void leaves_ethernet_padding_out_of_the_payload(void**) {
    const Decoded v4 = decode_bytes(Packet().payload("x").padding(5).frame());
    assert_int_equal(v4.result, DecodeResult::tcp);
    assert_int_equal(v4.segment.payload.size(), 1);
    const Decoded v6 = decode_bytes(ipv6().padding(9).frame());
    assert_int_equal(v6.result, DecodeResult::tcp);
    assert_int_equal(v6.segment.payload.size(), 0);
}

void reads_up_to_two_vlan_tags(void**) {
    const Decoded one = decode_bytes(Packet().vlan(7).payload("x").frame());
    assert_int_equal(one.result, DecodeResult::tcp);
    assert_int_equal(one.segment.vlan, 7);
    assert_int_equal(one.segment.network_offset, 18);
    const Decoded two = decode_bytes(Packet().vlan(0xe064, 0x88a8).vlan(5).payload("x").frame());
    assert_int_equal(two.result, DecodeResult::tcp);
    assert_int_equal(two.segment.vlan, 100);
    assert_int_equal(two.segment.network_offset, 22);
    expect_malformed(Packet().vlan(1).vlan(2).vlan(3).frame(), Outcome::vlan_too_deep);
}

void a_priority_tag_names_no_vlan(void**) {
    assert_int_equal(decode_bytes(Packet().vlan(0xe000).frame()).segment.vlan, -1);
    assert_int_equal(decode_bytes(Packet().vlan(0).vlan(9).frame()).segment.vlan, 9);
}

void a_truncated_vlan_tag_is_named(void**) {
    FrameBytes frame = Packet().vlan(7).frame();
    frame.resize(16);
    expect_malformed(frame, Outcome::frame_truncated);
}

void what_is_not_tcp_is_other(void**) {
    expect_result(Packet().ethertype(0x0806).frame(), DecodeResult::other);
    expect_result(Packet().ethertype(0x0026).frame(), DecodeResult::other);
    const Decoded udp = decode_bytes(Packet().ipv4("10.0.0.3", "10.0.0.4").protocol(17).frame());
    assert_int_equal(udp.result, DecodeResult::other);
    assert_int_equal(udp.segment.ip_version, 4);
    assert_int_equal(udp.segment.destination.address.bytes[15], 4);
    expect_result(ipv6().protocol(58).frame(), DecodeResult::other);
    expect_result(ipv6().protocol(59).frame(), DecodeResult::other);
    expect_result(ipv6().extension(0, options8).protocol(58).frame(), DecodeResult::other);
    assert_int_equal(decode_bytes(Packet().ethertype(0x0806).frame()).segment.ip_version, 0);
}

void fragments_are_reported_with_their_addresses(void**) {
    const std::uint16_t fields[] = {0x2000, 0x0001, 0x1fff, 0x6000, 0x3000};
    for (const std::uint16_t field : fields) {
        const Decoded d =
            decode_bytes(Packet().ipv4("10.0.0.3", "10.0.0.4").vlan(3).fragment(field).frame());
        assert_int_equal(d.result, DecodeResult::fragment);
        assert_int_equal(d.segment.vlan, 3);
        assert_int_equal(d.segment.source.address.bytes[15], 3);
    }
    expect_result(Packet().fragment(0).frame(), DecodeResult::tcp);
    expect_result(Packet().fragment(0x8000).frame(), DecodeResult::tcp);
    const Decoded v6 = decode_bytes(ipv6().extension(44, {0, 0, 0, 1, 0, 0, 0, 9}).frame());
    assert_int_equal(v6.result, DecodeResult::fragment);
    assert_int_equal(v6.segment.destination.address.bytes[15], 2);
}

// Where the part that a fragment carries begins and ends.
void a_fragment_s_part_is_found(void**) {
    const Decoded v4 = decode_bytes(
        Packet().ipv4_options({1, 1, 1, 0}).fragment(0x2003).payload("part").padding(3).frame());
    assert_int_equal(v4.segment.transport_offset, ip_at + 24);
    assert_int_equal(v4.segment.payload_offset, ip_at + 24);
    assert_int_equal(v4.segment.payload.size(), 24);
    const Decoded v6 = decode_bytes(ipv6()
                                        .extension(0, options8)
                                        .extension(44, {0, 0, 0, 9, 0, 0, 0, 9})
                                        .payload("part")
                                        .padding(3)
                                        .frame());
    assert_int_equal(v6.segment.transport_offset, ip_at + 48);
    assert_int_equal(v6.segment.payload_offset, ip_at + 56);
    assert_int_equal(v6.segment.payload.size(), 24);
    // Each fragment of IPv4 tells its protocol.
    expect_result(Packet().protocol(17).fragment(0x2000).frame(), DecodeResult::other);
    expect_result(Packet().protocol(47).fragment(0x0007).frame(), DecodeResult::tunnel);
    expect_result(Packet().protocol(51).fragment(0x0007).frame(), DecodeResult::fragment);
    FrameBytes cut = ipv6().extension(44, {0, 0, 0, 9, 0, 0, 0, 9}).frame();
    store_be16(cut.data() + ip_at + 4, 7);  // the fragment header itself is cut
    expect_malformed(cut, Outcome::ipv6_bad_header);
}

FrameBytes authentication(std::size_t words) {
    FrameBytes header(words * 4);
    header[1] = static_cast<std::uint8_t>(words - 2);
    return header;
}

// The header of IPv4 is the same one; only there it is a protocol.
FrameBytes behind_authentication(std::uint8_t next, std::size_t words = 6) {
    FrameBytes frame = Packet().protocol(51).payload("inner").frame();
    FrameBytes header = authentication(words);
    header[0] = next;
    frame.insert(frame.begin() + ip_at + 20, header.begin(), header.end());
    store_be16(frame.data() + ip_at + 2, static_cast<std::uint16_t>(frame.size() - ip_at));
    store_be16(frame.data() + ip_at + 10, 0);
    store_be16(frame.data() + ip_at + 10, plain_checksum({frame.data() + ip_at, 20}));
    return frame;
}

void tcp_behind_an_authentication_header_is_tcp(void**) {
    for (const std::size_t words : {3u, 4u, 6u, 11u}) {
        const Decoded d = decode_bytes(behind_authentication(6, words));
        assert_int_equal(d.result, DecodeResult::tcp);
        assert_int_equal(d.segment.transport_offset, ip_at + 20 + words * 4);
        assert_int_equal(d.segment.payload.size(), 5);
    }
    expect_result(behind_authentication(17), DecodeResult::other);
    expect_result(behind_authentication(4), DecodeResult::tunnel);   // tunnel mode
    expect_result(behind_authentication(50), DecodeResult::tunnel);  // ESP
    expect_result(behind_authentication(0), DecodeResult::tunnel);   // no header of IPv4
    FrameBytes longer = behind_authentication(6);
    longer[ip_at + 21] = 200;
    expect_malformed(longer, Outcome::ipv4_bad_header);
    // Another one, whose length is what TCP has for its port.
    expect_malformed(behind_authentication(51, 3), Outcome::ipv4_bad_header);
}

void what_may_carry_tcp_unseen_is_a_tunnel(void**) {
    for (const int protocol : {4, 41, 47, 50, 94, 97, 98, 108, 115, 137, 253, 254, 255}) {
        const auto number = static_cast<std::uint8_t>(protocol);
        const Decoded v4 =
            decode_bytes(Packet().ipv4("10.0.0.3", "10.0.0.4").protocol(number).frame());
        assert_int_equal(v4.result, DecodeResult::tunnel);
        assert_int_equal(v4.segment.destination.address.bytes[15], 4);
        expect_result(ipv6().protocol(number).frame(), DecodeResult::tunnel);
    }
    for (const int port : {1701, 2152, 3544, 4754, 4789, 4790, 6080, 6081, 6635, 8472}) {
        const auto number = static_cast<std::uint16_t>(port);
        expect_result(Packet().ports(40000, number).protocol(17).frame(), DecodeResult::tunnel);
        expect_result(ipv6().ports(40000, number).protocol(17).frame(), DecodeResult::tunnel);
        expect_result(Packet().ports(number, 40000).protocol(17).frame(), DecodeResult::other);
        expect_result(Packet().ports(0, number).protocol(17).fragment(1).frame(),
                      DecodeResult::other);  // no ports there
    }
}

FrameBytes wrapped(const FrameBytes& frame, const FrameBytes& between) {
    FrameBytes out = frame;
    out.erase(out.begin() + 12, out.begin() + 14);
    out.insert(out.begin() + 12, between.begin(), between.end());
    return out;
}

void addresses_are_read_behind_other_link_headers(void**) {
    const FrameBytes plain = Packet().ipv4("10.0.0.3", "10.0.0.4").payload("x").frame();
    const FrameBytes plain6 = ipv6().payload("x").frame();
    const FrameBytes headers[] = {
        {0x88, 0x47, 0, 1, 1, 64},                            // MPLS
        {0x88, 0x48, 0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 1, 64},  // three labels
        {0x81, 0, 0, 5, 0x88, 0x47, 0, 1, 1, 64},             // behind a tag
        {0x88, 0x64, 0x11, 0, 0, 1, 0, 43, 0, 0x21},          // PPPoE
        {0x88, 0x64, 0x11, 0, 0, 1, 0, 43, 0x21},             // with a short protocol
        {0, 49, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0},                // SNAP
    };
    for (const FrameBytes& header : headers) {
        const Decoded v4 = decode_bytes(wrapped(plain, header));
        assert_int_equal(v4.result, DecodeResult::tunnel);
        assert_int_equal(v4.segment.ip_version, 4);
        assert_int_equal(v4.segment.destination.address.bytes[15], 4);
        const Decoded v6 = decode_bytes(wrapped(plain6, header));
        assert_int_equal(v6.segment.ip_version, 6);
        assert_int_equal(v6.segment.destination.address.bytes[0], 0x20);
        const FrameBytes whole = wrapped(plain, header);
        for (std::size_t length = 14; length < whole.size(); ++length) {
            GuardedBytes guarded(Bytes(whole).first(length));
            assert_int_not_equal(decode_bytes(guarded.bytes()).result, DecodeResult::tcp);
        }
    }
    // No IP in them, or none that can be seen.
    expect_result(wrapped(plain, {0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0xc0, 0x21}),
                  DecodeResult::other);
    expect_result(wrapped(plain, {0, 49, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6}), DecodeResult::other);
    expect_result(wrapped(plain, {0, 38, 0x42, 0x42, 3}), DecodeResult::other);
    for (const std::uint16_t type :
         std::initializer_list<std::uint16_t>{0x22f3, 0x88e5, 0x88e7, 0x894f}) {
        const Decoded hidden = decode_bytes(Packet().ethertype(type).frame());
        assert_int_equal(hidden.result, DecodeResult::tunnel);
        assert_int_equal(hidden.segment.ip_version, 0);
    }
}

void tags_of_old_switches_are_tags(void**) {
    for (const std::uint16_t type :
         std::initializer_list<std::uint16_t>{0x8100, 0x88a8, 0x9100, 0x9200, 0x9300}) {
        const Decoded d = decode_bytes(Packet().vlan(7, type).vlan(8).frame());
        assert_int_equal(d.result, DecodeResult::tcp);
        assert_int_equal(d.segment.vlan, 7);
    }
}

// So that what is not ours can pass: up to four, as the kernel's program reads them.
void addresses_are_read_behind_tags_that_are_too_deep(void**) {
    Packet packet = Packet().ipv4("10.0.0.3", "10.0.0.4").vlan(1).vlan(2).vlan(3);
    for (const int tags : {3, 4}) {
        const Decoded d = decode_bytes(packet.frame());
        assert_int_equal(d.result, DecodeResult::malformed);
        assert_int_equal(d.why, Outcome::vlan_too_deep);
        assert_int_equal(d.segment.ip_version, 4);
        assert_int_equal(d.segment.destination.address.bytes[15], 4);
        packet.vlan(static_cast<std::uint16_t>(tags + 1));
    }
    const Decoded five = decode_bytes(packet.frame());
    assert_int_equal(five.why, Outcome::vlan_too_deep);
    assert_int_equal(five.segment.ip_version, 0);
    // Three tags before something that is not IP harm nobody.
    expect_result(Packet().ethertype(0x0806).vlan(1).vlan(2).vlan(3).frame(), DecodeResult::other);
}

// RFC 2675: a length that 16 bits cannot say.
void a_jumbogram_is_refused(void**) {
    FrameBytes frame = ipv6().extension(0, {0, 0, 0xc2, 4, 0, 1, 0, 0}).payload("x").frame();
    store_be16(frame.data() + ip_at + 4, 0);
    expect_malformed(frame, Outcome::ipv6_bad_header);
    FrameBytes without = ipv6().payload("x").frame();
    store_be16(without.data() + ip_at + 4, 0);
    expect_malformed(without, Outcome::tcp_bad_header);
}

void datagrams_of_every_size_are_read(void**) {
    for (const std::size_t payload : {std::size_t{8960}, std::size_t{65495}}) {
        const FrameBytes bytes(payload, 'x');
        const Decoded v4 = decode_bytes(Packet().vlan(1).vlan(2).payload(Bytes(bytes)).frame());
        assert_int_equal(v4.result, DecodeResult::tcp);
        assert_int_equal(v4.segment.payload.size(), payload);
        const Decoded v6 = decode_bytes(ipv6().vlan(1).vlan(2).payload(Bytes(bytes)).frame());
        assert_int_equal(v6.result, DecodeResult::tcp);
        assert_int_equal(v6.segment.payload.size(), payload);
    }
}

void the_hop_limit_is_read(void**) {
    assert_int_equal(decode_bytes(Packet().hop_limit(3).frame()).segment.hop_limit, 3);
    assert_int_equal(decode_bytes(ipv6().hop_limit(200).frame()).segment.hop_limit, 200);
}

// Who reads a malformed frame between others must know that it is.
void the_addresses_of_a_malformed_frame_are_known(void**) {
    const Decoded v4 =
        decode_bytes(Packet().ipv4("10.0.0.3", "10.0.0.4").bad_ip_checksum().frame());
    assert_int_equal(v4.result, DecodeResult::malformed);
    assert_int_equal(v4.segment.ip_version, 4);
    assert_int_equal(v4.segment.source.address.bytes[15], 3);
    const Decoded v6 = decode_bytes(ipv6().extension(43, {0, 0, 4, 1, 0, 0, 0, 0}).frame());
    assert_int_equal(v6.result, DecodeResult::malformed);
    assert_int_equal(v6.segment.ip_version, 6);
    assert_int_equal(v6.segment.destination.address.bytes[15], 2);
}

void ipv4_header_faults_are_named(void**) {
    expect_malformed(Packet().bad_ip_checksum().frame(), Outcome::ipv4_bad_header);
    const FrameBytes good = Packet().payload("x").frame();
    FrameBytes frame = good;
    frame[ip_at] = 0x44;  // header of 16 bytes
    expect_malformed(frame, Outcome::ipv4_bad_header);
    frame[ip_at] = 0x65;  // version 6 under the ethertype of IPv4
    expect_malformed(frame, Outcome::ipv4_bad_header);
    frame = good;
    store_be16(frame.data() + ip_at + 2, 19);  // shorter than its own header
    expect_malformed(frame, Outcome::ipv4_bad_header);
    store_be16(frame.data() + ip_at + 2, static_cast<std::uint16_t>(good.size() - ip_at + 1));
    expect_malformed(frame, Outcome::frame_truncated);
}

void ipv4_options_are_allowed_and_checked(void**) {
    const Decoded d = decode_bytes(
        Packet().ipv4_options({1, 7, 3, 4, 0, 0xff, 0xff, 0xff}).payload("data").frame());
    assert_int_equal(d.result, DecodeResult::tcp);
    assert_int_equal(d.segment.transport_offset, 42);
    assert_int_equal(d.segment.payload.size(), 4);
    expect_malformed(Packet().ipv4_options({7, 1, 0, 0}).frame(), Outcome::ipv4_bad_header);
    expect_malformed(Packet().ipv4_options({7, 5, 0, 0}).frame(), Outcome::ipv4_bad_header);
    expect_malformed(Packet().ipv4_options({1, 1, 1, 7}).frame(), Outcome::ipv4_bad_header);
}

void a_source_route_that_goes_on_is_refused(void**) {
    const FrameBytes going_on{131, 7, 4, 10, 0, 0, 9, 0};
    const FrameBytes ended{131, 7, 8, 10, 0, 0, 9, 0};
    expect_malformed(Packet().ipv4_options(going_on).frame(), Outcome::ipv4_bad_header);
    expect_result(Packet().ipv4_options(ended).frame(), DecodeResult::tcp);
    expect_malformed(ipv6().extension(43, {0, 0, 4, 1, 0, 0, 0, 0}).frame(),
                     Outcome::ipv6_bad_header);
    expect_result(ipv6().extension(43, {0, 0, 4, 0, 0, 0, 0, 0}).frame(), DecodeResult::tcp);
}

void walks_ipv6_extension_chains(void**) {
    FrameBytes options16(16, 0);
    options16[1] = 1;
    FrameBytes authentication(24, 0);
    authentication[1] = 4;
    const Decoded d = decode_bytes(ipv6()
                                       .extension(0, options8)
                                       .extension(60, options16)
                                       .extension(43, {0, 0, 4, 0, 0, 0, 0, 0})
                                       .extension(51, authentication)
                                       .extension(60, options8)
                                       .payload("hidden")
                                       .frame());
    assert_int_equal(d.result, DecodeResult::tcp);
    assert_int_equal(d.segment.transport_offset, ip_at + 40 + 8 + 16 + 8 + 24 + 8);
    assert_int_equal(d.segment.payload.size(), 6);
}

void ipv6_chain_faults_are_named(void**) {
    expect_malformed(ipv6().extension(60, options8).extension(0, options8).frame(),
                     Outcome::ipv6_bad_header);
    expect_malformed(ipv6().extension(60, {0, 200, 1, 4, 0, 0, 0, 0}).frame(),
                     Outcome::ipv6_bad_header);
    Packet deep = ipv6();
    for (int n = 0; n < 7; ++n)
        deep.extension(60, options8);
    expect_result(deep.frame(), DecodeResult::tcp);
    expect_malformed(deep.extension(60, options8).frame(), Outcome::ipv6_bad_header);
}

void mapped_addresses_on_the_wire_are_refused(void**) {
    expect_malformed(Packet().ipv6("::ffff:10.0.0.1", "2001:db8::2").frame(),
                     Outcome::ipv6_bad_header);
    expect_malformed(Packet().ipv6("2001:db8::2", "::ffff:10.0.0.1").frame(),
                     Outcome::ipv6_bad_header);
}

void ipv6_length_beyond_the_frame_is_truncation(void**) {
    FrameBytes frame = ipv6().payload("abc").frame();
    frame.pop_back();
    expect_malformed(frame, Outcome::frame_truncated);
    frame[ip_at] = 0x45;
    expect_malformed(frame, Outcome::ipv6_bad_header);
}

void tcp_header_faults_are_named(void**) {
    FrameBytes frame = Packet().frame();
    frame[ip_at + 20 + 12] = 0x40;  // shorter than the fixed header
    expect_malformed(frame, Outcome::tcp_bad_header);
    frame[ip_at + 20 + 12] = 0x60;  // longer than the datagram
    expect_malformed(frame, Outcome::tcp_bad_header);
    expect_malformed(Packet().bad_tcp_checksum().frame(), Outcome::tcp_bad_checksum);
    expect_malformed(ipv6().bad_tcp_checksum().frame(), Outcome::tcp_bad_checksum);
}

void without_the_rule_checksums_are_not_looked_at(void**) {
    const FrameBytes frame = Packet().bad_ip_checksum().bad_tcp_checksum().payload("x").frame();
    assert_int_equal(decode_bytes(frame, ChecksumRule::off).result, DecodeResult::tcp);
}

void checksums_hold_for_every_payload_length(void**) {
    FrameBytes payload;
    for (int length = 0; length < 200; ++length) {
        expect_result(Packet().payload(Bytes(payload)).frame(), DecodeResult::tcp);
        expect_result(ipv6().payload(Bytes(payload)).frame(), DecodeResult::tcp);
        payload.push_back(static_cast<std::uint8_t>(0xff - length * 7));
    }
}

void the_fast_sum_is_the_plain_sum(void**) {
    FrameBytes bytes(9000, 0xff);
    const std::size_t lengths[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 1447, 1448, 1449, 9000};
    for (const std::size_t length : lengths) {
        const Bytes part = Bytes(bytes).first(length);
        assert_int_equal(checksum_fold(checksum_add(part, 0)), plain_checksum(part));
    }
    std::uint32_t random = 1;
    for (std::uint8_t& byte : bytes)
        byte = static_cast<std::uint8_t>((random = random * 1664525 + 1013904223) >> 24);
    for (std::size_t length = 0; length < 300; ++length) {
        const Bytes part = Bytes(bytes).subspan(length % 7, length);
        assert_int_equal(checksum_fold(checksum_add(part, 0)), plain_checksum(part));
        // In two pieces, the first of even length.
        const std::size_t cut = length / 4 * 2;
        const std::uint32_t first = checksum_add(part.first(cut), 0);
        assert_int_equal(checksum_fold(checksum_add(part.subspan(cut), first)),
                         plain_checksum(part));
    }
}

void one_flipped_bit_anywhere_is_noticed(void**) {
    const FrameBytes good = Packet().timestamps(1, 2).nop().nop().payload("some payload").frame();
    for (std::size_t bit = ip_at * 8; bit < good.size() * 8; ++bit) {
        FrameBytes frame = good;
        frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ 1u << bit % 8);
        assert_int_not_equal(decode_bytes(frame).result, DecodeResult::tcp);
    }
}

FrameBytes random_bytes(std::size_t size, std::uint32_t random = 1) {
    FrameBytes bytes(size);
    for (std::uint8_t& byte : bytes)
        byte = static_cast<std::uint8_t>((random = random * 1664525 + 1013904223) >> 24);
    return bytes;
}

void expect_same(const Segment& a, const Segment& b, std::size_t further) {
    assert_true(a.source == b.source && a.destination == b.destination);
    assert_int_equal(a.vlan, b.vlan);
    assert_int_equal(a.ip_version, b.ip_version);
    assert_int_equal(a.hop_limit, b.hop_limit);
    assert_int_equal(a.flags, b.flags);
    assert_int_equal(a.sequence, b.sequence);
    assert_int_equal(a.acknowledgement, b.acknowledgement);
    assert_int_equal(a.window, b.window);
    assert_int_equal(a.urgent, b.urgent);
    assert_int_equal(a.network_offset + further, b.network_offset);
    assert_int_equal(a.transport_offset + further, b.transport_offset);
    assert_int_equal(a.payload_offset + further, b.payload_offset);
    assert_int_equal(a.has_timestamp, b.has_timestamp);
    assert_int_equal(a.timestamp_value, b.timestamp_value);
    assert_int_equal(a.timestamp_echo, b.timestamp_echo);
    assert_int_equal(a.foreign_option, b.foreign_option);
    assert_int_equal(a.checksum_due, b.checksum_due);
    if (a.checksum_due) assert_int_equal(a.checksum_so_far, b.checksum_so_far);
    assert_int_equal(a.has_mss, b.has_mss);
    assert_int_equal(a.mss, b.mss);
    assert_int_equal(a.has_window_scale, b.has_window_scale);
    assert_int_equal(a.window_scale, b.window_scale);
    assert_int_equal(a.sack_permitted, b.sack_permitted);
    assert_int_equal(a.payload.size(), b.payload.size());
    assert_memory_equal(a.payload.data(), b.payload.data(), a.payload.size());
}

// What nearly every frame is has a way of its own; a tag that names no VLAN takes the same segment
// the way of all others.
void a_plain_frame_is_read_like_any_other(void**) {
    const FrameBytes bytes = random_bytes(1460);
    for (const std::size_t size : {0u, 1u, 2u, 3u, 511u, 512u, 513u, 1459u, 1460u}) {
        for (const bool timestamps : {false, true}) {
            for (const ChecksumRule rule :
                 {ChecksumRule::strict, ChecksumRule::due, ChecksumRule::off}) {
                const auto packet = [&] {
                    Packet made;
                    made.flags(tcp_flag::ack | tcp_flag::psh).payload(Bytes(bytes).first(size));
                    if (timestamps) made.nop().nop().timestamps(0x01020304, 0xf5f6f7f8);
                    return made;
                };
                const FrameBytes plain = packet().frame(), tagged = packet().vlan(0).frame();
                const GuardedBytes guarded{Bytes(plain)};
                const Decoded one = decode_bytes(guarded.bytes(), rule);
                const Decoded other = decode_bytes(tagged, rule);
                assert_int_equal(one.result, DecodeResult::tcp);
                assert_int_equal(other.result, DecodeResult::tcp);
                expect_same(one.segment, other.segment, 4);
                const bool due = rule == ChecksumRule::due && size >= checksum_due_bytes_least;
                assert_int_equal(one.segment.checksum_due, due);
            }
        }
    }
}

void what_is_due_tells_right_from_wrong(void**) {
    const FrameBytes bytes = random_bytes(checksum_due_bytes_least + 1);
    for (const bool is_ipv6 : {false, true}) {
        const FrameBytes good = (is_ipv6 ? ipv6() : Packet()).payload(Bytes(bytes)).frame();
        const std::size_t tcp_at = ip_at + (is_ipv6 ? 40 : 20);
        for (std::size_t bit = tcp_at * 8; bit < good.size() * 8; ++bit) {
            FrameBytes frame = good;
            frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ 1u << bit % 8);
            const Decoded d = decode_bytes(frame, ChecksumRule::due);
            // Of the length of the header's own making, it may be no header, or the rest too short
            // to be due.
            if (d.result != DecodeResult::tcp || !d.segment.checksum_due) {
                assert_int_equal(bit / 8, tcp_at + 12);
                continue;
            }
            assert_false(checksum_is_right(d.segment, payload_sum(d.segment.payload)));
        }
        const Decoded d = decode_bytes(good, ChecksumRule::due);
        assert_true(d.segment.checksum_due);
        assert_true(checksum_is_right(d.segment, payload_sum(d.segment.payload)));
    }
    // What is not due is checked at once.
    const FrameBytes small = Packet()
                                 .payload(Bytes(bytes).first(checksum_due_bytes_least - 1))
                                 .bad_tcp_checksum()
                                 .frame();
    assert_int_equal(decode_bytes(small, ChecksumRule::due).why, Outcome::tcp_bad_checksum);
}

void a_copy_is_the_payload_and_its_sum(void**) {
    const FrameBytes bytes = random_bytes(2200, 7);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const GuardedBytes from{Bytes(bytes).first(size)};
        GuardedBytes to{Bytes(bytes).last(size)};
        const std::uint16_t sum =
            copy_payload(to.mutable_bytes().data(), from.bytes(), {'P', 'K'}).sum;
        assert_memory_equal(to.bytes().data(), bytes.data(), size);
        assert_int_equal(sum, payload_sum(from.bytes()));
        const auto as_header = static_cast<std::uint16_t>(~__builtin_bswap16(sum));
        const std::uint16_t plain = plain_checksum(from.bytes());
        // Zero has two forms in this sum.
        assert_int_equal(as_header % 0xffff, plain % 0xffff);
    }
}

// It may say too often that it stands there, but where it tells at all only when it does.
void a_copy_tells_of_a_pair_of_bytes(void**) {
    const bool tells = __builtin_cpu_supports("avx512bw") != 0;
    std::uint8_t room[200];
    for (std::size_t size = 0; size <= sizeof room; ++size) {
        FrameBytes bytes(size, 'P');
        const auto has_pair = [&] {
            const GuardedBytes from{bytes};
            return copy_payload(room, from.bytes(), {'P', 'K'}).may_have_pair;
        };
        assert_int_equal(has_pair(), !tells);
        for (std::size_t at = 1; at < size; ++at) {
            bytes[at] = 'K';
            assert_true(has_pair());
            bytes[at - 1] = 'K';
            assert_int_equal(has_pair(), !tells || at >= 2);
            bytes[at] = bytes[at - 1] = 'P';
        }
        if (size != 0) bytes[0] = 'K';
        assert_int_equal(has_pair(), !tells);
    }
}

void reads_the_options_of_a_syn(void**) {
    const Decoded d = decode_bytes(Packet()
                                       .flags(tcp_flag::syn)
                                       .mss(1460)
                                       .sack_permitted()
                                       .timestamps(0x01020304, 0x05060708)
                                       .nop()
                                       .window_scale(9)
                                       .frame());
    assert_int_equal(d.result, DecodeResult::tcp);
    assert_true(d.segment.has_mss && d.segment.mss == 1460);
    assert_true(d.segment.has_window_scale && d.segment.window_scale == 9);
    assert_true(d.segment.sack_permitted);
    assert_true(d.segment.has_timestamp);
    assert_int_equal(d.segment.timestamp_value, 0x01020304);
    assert_int_equal(d.segment.timestamp_echo, 0x05060708);
    assert_false(d.segment.foreign_option);
}

void notices_foreign_options(void**) {
    const FrameBytes fast_open{34, 4, 0xaa, 0xbb};
    const FrameBytes multipath{30, 4, 0, 1};
    for (const FrameBytes& option : {fast_open, multipath}) {
        assert_true(decode_bytes(Packet().flags(tcp_flag::syn).option(option).frame())
                        .segment.foreign_option);
        assert_true(decode_bytes(Packet().option(option).frame()).segment.foreign_option);
    }
    const FrameBytes sack{5, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    assert_false(decode_bytes(Packet().option(sack).frame()).segment.foreign_option);
    assert_false(
        decode_bytes(Packet().timestamps(1, 2).option(sack).frame()).segment.foreign_option);
    assert_true(decode_bytes(Packet().option({0, 30, 3, 7}).frame()).segment.foreign_option);
}

void a_window_scale_beyond_14_counts_as_14(void**) {
    const Decoded d = decode_bytes(Packet().flags(tcp_flag::syn).window_scale(200).frame());
    assert_int_equal(d.segment.window_scale, 14);
}

void reads_timestamps_wherever_they_stand(void**) {
    const FrameBytes sack{5, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    const FrameBytes frames[] = {
        Packet().nop().nop().timestamps(7, 8).payload("x").frame(),
        Packet().timestamps(7, 8).nop().nop().payload("x").frame(),
        Packet().nop().nop().timestamps(7, 8).nop().nop().option(sack).frame(),
    };
    for (const FrameBytes& frame : frames) {
        const Decoded d = decode_bytes(frame);
        assert_int_equal(d.result, DecodeResult::tcp);
        assert_true(d.segment.has_timestamp);
        assert_int_equal(d.segment.timestamp_value, 7);
        assert_int_equal(d.segment.timestamp_echo, 8);
    }
}

void malformed_option_lists_are_named(void**) {
    const FrameBytes lists[] = {
        {8, 0, 0, 0},                 // length 0
        {8, 1, 0, 0},                 // length 1
        {9, 9, 0, 0},                 // beyond the header
        {1, 1, 1, 8},                 // kind without length
        {8, 9, 0, 0, 0, 0, 0, 0, 0},  // timestamps one byte short
        {8, 4, 0, 0},                 // timestamps of nothing
        {8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0},  // twice
    };
    for (const FrameBytes& list : lists)
        expect_malformed(Packet().option(list).frame(), Outcome::tcp_bad_header);
    const FrameBytes syn_lists[] = {
        {2, 3, 5, 0},              // MSS of one byte
        {3, 4, 1, 1},              // window scale of two
        {4, 3, 0, 0},              // SACK-permitted with a body
        {2, 4, 5, 0, 2, 4, 5, 0},  // MSS twice
        {3, 3, 1, 3, 3, 2, 0, 0},  // window scale twice
        {4, 2, 4, 2},              // SACK-permitted twice
    };
    for (const FrameBytes& list : syn_lists) {
        expect_malformed(Packet().flags(tcp_flag::syn).option(list).frame(),
                         Outcome::tcp_bad_header);
    }
}

void nothing_is_read_behind_the_end_of_the_options(void**) {
    const Decoded d =
        decode_bytes(Packet().flags(tcp_flag::syn).option({0, 2, 4, 5, 180, 9, 9, 9}).frame());
    assert_int_equal(d.result, DecodeResult::tcp);
    assert_false(d.segment.has_mss);
}

// Every frame of this list, cut at every length, in memory that ends at an unreadable page.
void every_truncation_is_malformed_and_reads_no_further(void**) {
    FrameBytes authentication(24, 0);
    authentication[1] = 4;
    const FrameBytes frames[] = {
        Packet().flags(tcp_flag::syn).mss(1460).timestamps(1, 2).payload("abc").frame(),
        Packet().vlan(1).vlan(2).ipv4_options({7, 4, 4, 0}).payload("abcdef").frame(),
        ipv6()
            .extension(0, options8)
            .extension(60, options8)
            .nop()
            .nop()
            .timestamps(5, 6)
            .payload("abcdef")
            .frame(),
        ipv6().extension(51, authentication).frame(),
    };
    for (const FrameBytes& frame : frames) {
        assert_int_equal(decode_bytes(frame).result, DecodeResult::tcp);
        for (std::size_t length = 0; length < frame.size(); ++length) {
            GuardedBytes guarded(Bytes(frame).first(length));
            for (const ChecksumRule rule : {ChecksumRule::strict, ChecksumRule::off}) {
                const Decoded d = decode_bytes(guarded.bytes(), rule);
                assert_int_equal(d.result, DecodeResult::malformed);
                assert_int_equal(d.why, Outcome::frame_truncated);
            }
        }
        GuardedBytes whole{Bytes(frame)};
        assert_int_equal(decode_bytes(whole.bytes()).result, DecodeResult::tcp);
    }
}

// The datagram itself says it is shorter: what is then missing is named by its own header.
void every_shorter_ipv4_datagram_reads_no_further(void**) {
    const FrameBytes frame = Packet().flags(tcp_flag::syn).mss(1).timestamps(1, 2).frame();
    for (std::size_t length = ip_at + 20; length < frame.size(); ++length) {
        FrameBytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
        store_be16(cut.data() + ip_at + 2, static_cast<std::uint16_t>(length - ip_at));
        GuardedBytes guarded{Bytes(cut)};
        const Decoded d = decode_bytes(guarded.bytes(), ChecksumRule::off);
        assert_int_equal(d.result, DecodeResult::malformed);
        assert_int_equal(d.why, Outcome::tcp_bad_header);
    }
}

void every_shorter_ipv6_datagram_reads_no_further(void**) {
    const FrameBytes frame =
        ipv6().extension(0, options8).extension(60, options8).timestamps(1, 2).frame();
    const std::size_t tcp_at = ip_at + 40 + 16;
    for (std::size_t length = ip_at + 40; length < frame.size(); ++length) {
        FrameBytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
        store_be16(cut.data() + ip_at + 4, static_cast<std::uint16_t>(length - ip_at - 40));
        GuardedBytes guarded{Bytes(cut)};
        const Decoded d = decode_bytes(guarded.bytes(), ChecksumRule::off);
        assert_int_equal(d.result, DecodeResult::malformed);
        assert_int_equal(d.why,
                         length < tcp_at ? Outcome::ipv6_bad_header : Outcome::tcp_bad_header);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_plain_ipv4_segment),
        cmocka_unit_test(reads_a_plain_ipv6_segment),
        cmocka_unit_test(leaves_ethernet_padding_out_of_the_payload),
        cmocka_unit_test(reads_up_to_two_vlan_tags),
        cmocka_unit_test(a_priority_tag_names_no_vlan),
        cmocka_unit_test(a_truncated_vlan_tag_is_named),
        cmocka_unit_test(what_is_not_tcp_is_other),
        cmocka_unit_test(fragments_are_reported_with_their_addresses),
        cmocka_unit_test(a_fragment_s_part_is_found),
        cmocka_unit_test(tcp_behind_an_authentication_header_is_tcp),
        cmocka_unit_test(what_may_carry_tcp_unseen_is_a_tunnel),
        cmocka_unit_test(addresses_are_read_behind_other_link_headers),
        cmocka_unit_test(tags_of_old_switches_are_tags),
        cmocka_unit_test(addresses_are_read_behind_tags_that_are_too_deep),
        cmocka_unit_test(a_jumbogram_is_refused),
        cmocka_unit_test(datagrams_of_every_size_are_read),
        cmocka_unit_test(the_hop_limit_is_read),
        cmocka_unit_test(the_addresses_of_a_malformed_frame_are_known),
        cmocka_unit_test(ipv4_header_faults_are_named),
        cmocka_unit_test(ipv4_options_are_allowed_and_checked),
        cmocka_unit_test(a_source_route_that_goes_on_is_refused),
        cmocka_unit_test(walks_ipv6_extension_chains),
        cmocka_unit_test(ipv6_chain_faults_are_named),
        cmocka_unit_test(mapped_addresses_on_the_wire_are_refused),
        cmocka_unit_test(ipv6_length_beyond_the_frame_is_truncation),
        cmocka_unit_test(tcp_header_faults_are_named),
        cmocka_unit_test(without_the_rule_checksums_are_not_looked_at),
        cmocka_unit_test(checksums_hold_for_every_payload_length),
        cmocka_unit_test(a_plain_frame_is_read_like_any_other),
        cmocka_unit_test(what_is_due_tells_right_from_wrong),
        cmocka_unit_test(a_copy_is_the_payload_and_its_sum),
        cmocka_unit_test(a_copy_tells_of_a_pair_of_bytes),
        cmocka_unit_test(the_fast_sum_is_the_plain_sum),
        cmocka_unit_test(one_flipped_bit_anywhere_is_noticed),
        cmocka_unit_test(reads_the_options_of_a_syn),
        cmocka_unit_test(notices_foreign_options),
        cmocka_unit_test(a_window_scale_beyond_14_counts_as_14),
        cmocka_unit_test(reads_timestamps_wherever_they_stand),
        cmocka_unit_test(malformed_option_lists_are_named),
        cmocka_unit_test(nothing_is_read_behind_the_end_of_the_options),
        cmocka_unit_test(every_truncation_is_malformed_and_reads_no_further),
        cmocka_unit_test(every_shorter_ipv4_datagram_reads_no_further),
        cmocka_unit_test(every_shorter_ipv6_datagram_reads_no_further),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
