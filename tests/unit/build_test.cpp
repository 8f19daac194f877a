#include "dataplane/decode/build.h"

#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"
#include "tests/support/packet_builder.h"

using namespace cordon;
using namespace cordon::test;

namespace {

Segment decoded(Bytes frame) {
    Segment segment;
    Outcome why;
    assert_int_equal(decode(frame, ChecksumRule::strict, &segment, &why), DecodeResult::tcp);
    return segment;
}

SegmentTemplate template_from(const FrameBytes& frame) {
    return template_of(frame, decoded(frame));
}

Packet ipv6() {
    return Packet().ipv6("2001:db8::1", "2001:db8::2");
}

// Templates of every shape a frame can have.
std::vector<FrameBytes> shapes() {
    return {
        Packet().frame(),
        Packet().vlan(0x2007).frame(),
        Packet().vlan(9, 0x88a8).vlan(8).traffic_class(0xb8).frame(),
        Packet().ipv4_options({7, 4, 4, 0}).frame(),
        ipv6().traffic_class(0x28, 0xabcde).frame(),
        ipv6().vlan(9).vlan(8).extension(60, {0, 0, 1, 4, 0, 0, 0, 0}).frame(),
    };
}

void a_built_segment_reads_as_it_was_meant(void**) {
    for (const FrameBytes& shape : shapes()) {
        const SegmentTemplate like = template_from(shape);
        const Segment model = decoded(shape);
        for (const bool stamped : {false, true}) {
            FrameBytes frame(1500, 0xaa);
            std::optional<Timestamps> stamps;
            if (stamped) stamps = Timestamps{11, 22};
            const std::size_t length =
                build_segment(frame, like, 0xfffffffe, 5, tcp_flag::ack | tcp_flag::fin, 700,
                              stamps, as_bytes("odd"));
            assert_int_equal(length, header_bytes(like, stamped) + 3);
            const Segment segment = decoded(Bytes(frame).first(length));
            assert_true(segment.source == model.source);
            assert_true(segment.destination == model.destination);
            assert_int_equal(segment.vlan, model.vlan);
            assert_int_equal(segment.ip_version, model.ip_version);
            assert_int_equal(segment.sequence, 0xfffffffe);
            assert_int_equal(segment.acknowledgement, 5);
            assert_int_equal(segment.flags, tcp_flag::ack | tcp_flag::fin);
            assert_int_equal(segment.window, 700);
            assert_int_equal(segment.has_timestamp, stamped);
            assert_int_equal(segment.timestamp_value, stamped ? 11 : 0);
            assert_int_equal(segment.timestamp_echo, stamped ? 22 : 0);
            assert_int_equal(segment.payload.size(), 3);
            assert_memory_equal(segment.payload.data(), "odd", 3);
            assert_memory_equal(frame.data(), shape.data(), model.network_offset);
        }
    }
}

void ipv4_is_built_with_id_0_and_do_not_fragment(void**) {
    const SegmentTemplate like = template_from(Packet().traffic_class(0xbb).hop_limit(33).frame());
    FrameBytes frame(100);
    assert_int_equal(build_segment(frame, like, 1, 2, tcp_flag::rst, 0, {}, {}), 54);
    assert_int_equal(frame[14], 0x45);
    assert_int_equal(frame[15], 0xb8);  // without the marks of ECN
    assert_int_equal(load_be16(frame.data() + 18), 0);
    assert_int_equal(load_be16(frame.data() + 20), 0x4000);
    assert_int_equal(frame[22], 33);
}

void ipv6_keeps_class_and_flow_label(void**) {
    const SegmentTemplate like =
        template_from(ipv6().traffic_class(0x2b, 0xabcde).hop_limit(44).frame());
    FrameBytes frame(100);
    build_segment(frame, like, 1, 2, tcp_flag::rst, 0, {}, {});
    assert_int_equal(load_be32(frame.data() + 14), 0x628abcde);
    assert_int_equal(frame[21], 44);
}

void what_does_not_fit_is_not_begun(void**) {
    const SegmentTemplate like = template_from(ipv6().vlan(1).frame());
    const std::size_t needed = header_bytes(like, true) + 4;
    for (std::size_t room = 0; room <= needed; ++room) {
        GuardedBytes guarded(FrameBytes(room, 0xcc));
        const std::size_t length = build_segment(guarded.mutable_bytes(), like, 1, 2, tcp_flag::ack,
                                                 3, Timestamps{1, 2}, as_bytes("four"));
        assert_int_equal(length, room < needed ? 0 : needed);
        if (room > 0 && room < needed) assert_int_equal(guarded.bytes()[0], 0xcc);
    }
    FrameBytes huge(70000), payload(65500);
    assert_int_equal(build_segment(huge, like, 1, 2, 0, 3, {}, payload), 0);
}

void reversed_swaps_the_ends_and_the_macs(void**) {
    const FrameBytes shape = Packet().vlan(7).ipv4("10.0.0.1", "10.0.0.9").ports(5, 80).frame();
    const SegmentTemplate back = reversed(template_from(shape));
    FrameBytes frame(100);
    const std::size_t length = build_segment(frame, back, 1, 2, tcp_flag::ack, 3, {}, {});
    const Segment segment = decoded(Bytes(frame).first(length));
    assert_int_equal(segment.source.port, 80);
    assert_int_equal(segment.source.address.bytes[15], 9);
    assert_int_equal(segment.destination.port, 5);
    assert_int_equal(segment.vlan, 7);
    assert_memory_equal(frame.data(), shape.data() + 6, 6);
    assert_memory_equal(frame.data() + 6, shape.data(), 6);
    const SegmentTemplate twice = reversed(back);
    assert_true(twice.source == template_from(shape).source);
}

void normalising_a_syn_leaves_the_four_options(void**) {
    FrameBytes frame = Packet()
                           .flags(tcp_flag::syn)
                           .mss(1400)
                           .option({30, 12, 0, 0x81, 1, 2, 3, 4, 5, 6, 7, 8})
                           .sack_permitted()
                           .timestamps(1, 0)
                           .option({34, 4, 9, 9})
                           .window_scale(7)
                           .frame();
    Segment segment = decoded(frame);
    assert_true(segment.foreign_option);
    GuardedBytes guarded{Bytes(frame)};
    assert_true(normalise_syn(guarded.mutable_bytes(), &segment));
    const Segment after = decoded(guarded.bytes());
    assert_false(after.foreign_option);
    assert_true(after.has_mss && after.mss == 1400);
    assert_true(after.has_window_scale && after.window_scale == 7);
    assert_true(after.sack_permitted && after.has_timestamp);
    assert_int_equal(guarded.bytes().size(), frame.size());
    const std::uint8_t nops[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_memory_equal(guarded.bytes().data() + 14 + 20 + 20 + 4, nops, 12);
}

void a_syn_of_only_the_four_options_is_left_alone(void**) {
    FrameBytes frame =
        Packet().flags(tcp_flag::syn).mss(1400).sack_permitted().nop().window_scale(14).frame();
    const FrameBytes before = frame;
    Segment segment = decoded(frame);
    assert_false(normalise_syn(frame, &segment));
    assert_memory_equal(frame.data(), before.data(), before.size());
}

void what_hides_behind_the_end_of_options_is_removed(void**) {
    FrameBytes frame = Packet().flags(tcp_flag::syn).option({0, 30, 3, 7}).frame();
    Segment segment = decoded(frame);
    assert_true(normalise_syn(frame, &segment));
    decoded(frame);
    assert_int_equal(load_be32(frame.data() + frame.size() - 4), 0);
}

void a_window_scale_beyond_14_becomes_14(void**) {
    FrameBytes frame = Packet().flags(tcp_flag::syn).window_scale(15).frame();
    Segment segment = decoded(frame);
    assert_true(normalise_syn(frame, &segment));
    assert_int_equal(frame[14 + 20 + 20 + 2], 14);
    decoded(frame);
}

void later_segments_keep_sack_and_what_was_negotiated(void**) {
    for (const bool timestamps : {false, true}) {
        FrameBytes frame = Packet()
                               .timestamps(7, 8)
                               .option({30, 4, 0x20, 1})
                               .option({5, 10, 0, 0, 0, 1, 0, 0, 0, 2})
                               .option({0, 19, 3, 7})
                               .payload("kept")
                               .frame();
        Segment segment = decoded(frame);
        assert_true(segment.foreign_option);
        GuardedBytes guarded{Bytes(frame)};
        normalise_options(guarded.mutable_bytes(), &segment, timestamps);
        assert_int_equal(segment.has_timestamp, timestamps);
        const Segment after = decoded(guarded.bytes());
        assert_false(after.foreign_option);
        assert_int_equal(after.has_timestamp, timestamps);
        assert_string_equal(std::string(as_text(after.payload)).c_str(), "kept");
        const std::uint8_t* options = guarded.bytes().data() + 14 + 20 + 20;
        assert_int_equal(options[0], timestamps ? 8 : 1);
        assert_int_equal(options[10], 1);
        assert_int_equal(options[14], 5);
        assert_int_equal(load_be32(options + 24), 0);
    }
}

void stripping_the_payload_shortens_the_datagram(void**) {
    for (Packet packet : {Packet().vlan(3), ipv6().extension(60, {0, 0, 1, 4, 0, 0, 0, 0})}) {
        FrameBytes frame =
            packet.flags(tcp_flag::syn).mss(1400).payload("fast open").padding(3).frame();
        Segment segment = decoded(frame);
        const std::size_t length = strip_payload(frame, &segment);
        assert_int_equal(length, frame.size() - 12);
        assert_true(segment.payload.empty());
        GuardedBytes guarded(Bytes(frame).first(length));
        const Segment after = decoded(guarded.bytes());
        assert_int_equal(after.payload.size(), 0);
        assert_true(after.has_mss);
        assert_int_equal(after.sequence, segment.sequence);
    }
}

// Of a datagram that was too long for a frame: the same bytes at the same places.
void the_parts_of_a_segment_are_the_segment(void**) {
    FrameBytes payload(5000);
    for (std::size_t at = 0; at < payload.size(); ++at)
        payload[at] = static_cast<std::uint8_t>(at * 31 >> 3);
    constexpr std::uint8_t flags =
        tcp_flag::ack | tcp_flag::psh | tcp_flag::fin | tcp_flag::urg | tcp_flag::cwr;
    const FrameBytes wholes[] = {
        Packet()
            .sequence(0xfffff000)
            .flags(flags)
            .urgent(9)
            .timestamps(5, 6)
            .payload(Bytes(payload))
            .frame(),
        Packet()
            .ipv4_options({7, 4, 4, 0})
            .traffic_class(2)
            .flags(flags)
            .payload(Bytes(payload))
            .frame(),
        ipv6()
            .extension(60, {0, 0, 1, 4, 0, 0, 0, 0})
            .traffic_class(3, 0xabcde)
            .vlan(9)
            .vlan(8)
            .flags(flags)
            .payload(Bytes(payload))
            .frame(),
    };
    for (const FrameBytes& whole : wholes) {
        const Segment model = decoded(whole);
        const std::size_t ecn_at = model.network_offset + 1U;
        for (std::size_t from = 0; from < payload.size(); from += 1400) {
            const std::size_t count = std::min<std::size_t>(1400, payload.size() - from);
            FrameBytes frame(1600, 0xaa);
            const std::size_t length = build_part(frame, whole, model, from, count);
            assert_true(length != 0);
            const Segment part = decoded(Bytes(frame).first(length));
            assert_int_equal(part.payload.size(), count);
            assert_memory_equal(part.payload.data(), payload.data() + from, count);
            assert_int_equal(part.sequence, model.sequence + static_cast<std::uint32_t>(from));
            assert_int_equal(part.acknowledgement, model.acknowledgement);
            assert_int_equal(part.window, model.window);
            assert_int_equal(part.timestamp_value, model.timestamp_value);
            assert_int_equal(part.vlan, model.vlan);
            assert_int_equal(part.hop_limit, model.hop_limit);
            assert_int_equal(frame[part.network_offset + 1U], whole[ecn_at]);
            const bool last = from + count == payload.size();
            assert_int_equal((part.flags & tcp_flag::fin) != 0, last);
            assert_int_equal((part.flags & tcp_flag::psh) != 0, last);
            assert_int_equal((part.flags & tcp_flag::urg) != 0, from == 0);
            assert_int_equal((part.flags & tcp_flag::cwr) != 0, from == 0);
        }
        FrameBytes small(1400, 0xaa);
        assert_int_equal(build_part(small, whole, model, 0, 1400), 0);
        assert_int_equal(small[0], 0xaa);
    }
    // A SYN counts for one.
    const FrameBytes syn = Packet().flags(tcp_flag::syn).mss(1460).payload("abcdef").frame();
    FrameBytes frame(200);
    const std::size_t length = build_part(frame, syn, decoded(syn), 3, 3);
    const Segment part = decoded(Bytes(frame).first(length));
    assert_int_equal(part.sequence, decoded(syn).sequence + 4);
    assert_int_equal(part.flags & tcp_flag::syn, 0);
}

void clearing_urgent_leaves_the_bytes(void**) {
    FrameBytes frame = Packet()
                           .flags(tcp_flag::ack | tcp_flag::urg | tcp_flag::psh)
                           .urgent(2)
                           .payload("abc")
                           .frame();
    Segment segment = decoded(frame);
    clear_urgent(frame, &segment);
    const Segment after = decoded(frame);
    assert_int_equal(after.flags, tcp_flag::ack | tcp_flag::psh);
    assert_int_equal(after.urgent, 0);
    assert_int_equal(segment.flags, after.flags);
    assert_memory_equal(after.payload.data(), "abc", 3);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_built_segment_reads_as_it_was_meant),
        cmocka_unit_test(ipv4_is_built_with_id_0_and_do_not_fragment),
        cmocka_unit_test(ipv6_keeps_class_and_flow_label),
        cmocka_unit_test(what_does_not_fit_is_not_begun),
        cmocka_unit_test(reversed_swaps_the_ends_and_the_macs),
        cmocka_unit_test(normalising_a_syn_leaves_the_four_options),
        cmocka_unit_test(a_syn_of_only_the_four_options_is_left_alone),
        cmocka_unit_test(what_hides_behind_the_end_of_options_is_removed),
        cmocka_unit_test(a_window_scale_beyond_14_becomes_14),
        cmocka_unit_test(later_segments_keep_sack_and_what_was_negotiated),
        cmocka_unit_test(stripping_the_payload_shortens_the_datagram),
        cmocka_unit_test(the_parts_of_a_segment_are_the_segment),
        cmocka_unit_test(clearing_urgent_leaves_the_bytes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
