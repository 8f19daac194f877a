// IP datagrams from fragments: in every order, and with everything an attacker can do to them.
#include "dataplane/fragment/reassembly.h"

#include <algorithm>
#include <array>
#include <string>

#include "tests/support/fragments.h"
#include "tests/support/guard_page.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint64_t second_ns = 1000000000;

struct Room {
    std::unique_ptr<Reassembly> reassembly = std::make_unique<Reassembly>(7);
    std::uint64_t now_ns = second_ns;
    Outcome why{};
    std::uint64_t taken = 0;  // bytes of frames that were kept
    std::uint64_t given = 0;  // and reported again

    FragmentResult add(const FrameBytes& frame, bool from_storage = false) {
        GuardedBytes guarded{Bytes(frame)};
        Segment segment;
        assert_int_equal(decode(guarded.bytes(), ChecksumRule::strict, &segment, &why),
                         DecodeResult::fragment);
        const FragmentResult result =
            reassembly->add(guarded.bytes(), segment, from_storage, now_ns, &why);
        if (result == FragmentResult::kept || result == FragmentResult::whole)
            taken += frame.size();
        take_losses();
        return result;
    }
    FragmentLosses take_losses() {
        const FragmentLosses losses = reassembly->take_losses();
        given += losses.from[0].bytes + losses.from[1].bytes;
        return losses;
    }
    void finish() { given += reassembly->finish().bytes; }

    void expect(const FrameBytes& frame, FragmentResult result) {
        assert_int_equal(add(frame), result);
    }
    void expect_refused(const FrameBytes& frame, Outcome reason) {
        assert_int_equal(add(frame), FragmentResult::refused);
        assert_int_equal(why, reason);
    }
    // The room is empty, and every frame was reported once.
    void expect_empty() {
        now_ns += 6 * second_ns;
        reassembly->expire(now_ns);
        take_losses();
        assert_int_equal(reassembly->datagrams(), 0);
        assert_int_equal(reassembly->blocks_used(), 0);
        assert_int_equal(taken, given);
        assert_true(reassembly->next_deadline_ns() == UINT64_MAX);
    }
};

FrameBytes text(std::size_t bytes) {
    FrameBytes out(bytes);
    for (std::size_t at = 0; at < bytes; ++at)
        out[at] = static_cast<std::uint8_t>('a' + at % 23);
    return out;
}

// A segment whose IP payload has `bytes`.
FrameBytes segment_v4(std::size_t bytes = 96) {
    return Packet().ipv4("192.0.2.1", "10.0.0.2").payload(Bytes(text(bytes - 20))).frame();
}
FrameBytes segment_v6(std::size_t bytes = 96) {
    return Packet().ipv6("2001:db8::1", "2001:db8::2").payload(Bytes(text(bytes - 20))).frame();
}

// What was put together is what was cut.
void expect_whole(const Room& room, const FrameBytes& original) {
    Segment was;
    Segment is;
    Outcome why;
    const Bytes datagram = room.reassembly->datagram();
    GuardedBytes guarded{datagram};
    assert_int_equal(decode(original, ChecksumRule::strict, &was, &why), DecodeResult::tcp);
    assert_int_equal(decode(guarded.bytes(), ChecksumRule::strict, &is, &why), DecodeResult::tcp);
    assert_int_equal(is.payload.size(), was.payload.size());
    assert_memory_equal(is.payload.data(), was.payload.data(), was.payload.size());
    assert_true(is.source == was.source && is.destination == was.destination);
    assert_int_equal(is.sequence, was.sequence);
    assert_int_equal(is.network_offset, was.network_offset);
    assert_int_equal(datagram.size(), original.size());
}

void puts_fragments_together_in_every_order(void**) {
    for (const FrameBytes& original : {segment_v4(), segment_v6()}) {
        const std::vector<FrameBytes> pieces =
            fragments(original, {{0, 24}, {24, 48}, {48, 56}, {56, 0}});
        std::array<std::size_t, 4> order{0, 1, 2, 3};
        do {
            Room room;
            for (std::size_t n = 0; n < 3; ++n)
                room.expect(pieces[order[n]], FragmentResult::kept);
            room.expect(pieces[order[3]], FragmentResult::whole);
            expect_whole(room, original);
            // The members, in the order of their arrival.
            Reassembly::Node member = room.reassembly->first_member();
            for (const std::size_t n : order) {
                FrameBytes copy(room.reassembly->member_bytes(member));
                room.reassembly->copy_member(member, copy.data());
                assert_true(copy == pieces[n]);
                member = room.reassembly->next_member(member);
            }
            assert_true(member == Reassembly::none);
            room.finish();
            room.expect_empty();
        } while (std::next_permutation(order.begin(), order.end()));
    }
}

void every_size_of_pieces_gives_the_same(void**) {
    const FrameBytes original = segment_v4(1480);
    for (std::size_t size = 16; size <= 1472; size += 8) {
        Room room;
        const std::vector<FrameBytes> pieces = fragments_of(original, size);
        for (std::size_t n = 0; n + 1 < pieces.size(); ++n)
            room.expect(pieces[n], FragmentResult::kept);
        room.expect(pieces.back(), FragmentResult::whole);
        expect_whole(room, original);
        room.finish();
        room.expect_empty();
    }
}

void a_fragment_that_comes_again_is_ignored(void**) {
    for (const FrameBytes& original : {segment_v4(), segment_v6()}) {
        const std::vector<FrameBytes> pieces =
            fragments(original, {{0, 24}, {24, 48}, {48, 72}, {72, 0}});
        for (std::size_t again = 0; again < 3; ++again) {
            Room room;
            for (std::size_t n = 0; n < 3; ++n)
                room.expect(pieces[n], FragmentResult::kept);
            room.expect(pieces[again], FragmentResult::repeated);
            room.expect(pieces[3], FragmentResult::whole);
            expect_whole(room, original);
            room.finish();
            room.expect_empty();
        }
        Room room;  // the last one first, and twice
        room.expect(pieces[3], FragmentResult::kept);
        room.expect(pieces[3], FragmentResult::repeated);
        room.expect_empty();
    }
}

// After it nothing of the datagram is taken, in whatever order the two come.
void expect_overlap(const FrameBytes& original, const Cut& one, const Cut& other) {
    for (const bool swapped : {false, true}) {
        Room room;
        room.expect(fragment(original, swapped ? other : one), FragmentResult::kept);
        room.expect_refused(fragment(original, swapped ? one : other), Outcome::fragment_overlap);
        for (const Cut& rest : {Cut{0, 24}, Cut{24, 48}, Cut{48, 72}, Cut{72, 0}, Cut{0, 72}})
            room.expect_refused(fragment(original, rest), Outcome::fragment_late);
        assert_int_equal(room.reassembly->blocks_used(), 0);
        room.expect_empty();
    }
}

void fragments_that_overlap_end_their_datagram(void**) {
    for (const FrameBytes& original : {segment_v4(), segment_v6()}) {
        const std::pair<Cut, Cut> cases[] = {
            {{24, 48}, {16 + 8, 48, -1, 'X'}},  // the same place, other bytes
            {{24, 48}, {24, 40}},               // the same begin, shorter
            {{24, 48}, {24, 56}},               // longer
            {{24, 48}, {32, 48}},               // the same end
            {{24, 48}, {32, 40}},               // inside
            {{24, 48}, {40, 56}},               // over the end
            {{32, 48}, {24, 40}},               // over the begin
            {{32, 48}, {24, 56}},               // around
            {{0, 48}, {40, 56}},                // of the first
            {{0, 24}, {8, 32}},                 // the flags of TCP (RFC 3128)
            {{0, 24}, {0, 24, -1, 'X'}},        // two firsts
            {{64, 0}, {56, 72}},                // of the last
            {{24, 48, 1}, {40, 0}},
        };
        for (const auto& [one, other] : cases)
            expect_overlap(original, one, other);
    }
}

// One byte more or less is still an overlap: the last may be of odd length.
void an_overlap_of_one_byte_is_one(void**) {
    Room room;
    const FrameBytes original = segment_v4();
    room.expect(fragment(original, {24, 49, 0}), FragmentResult::kept);
    room.expect_refused(fragment(original, {48, 56}), Outcome::fragment_overlap);
    room.expect_empty();
}

// The sequences by which Shankar and Paxson (2003), and Novak (2005) after them, tell systems
// apart: each system makes another datagram of them, we make none.
void no_system_s_own_policy_is_followed(void**) {
    const FrameBytes original = segment_v4(20 + 24 + 96);
    const std::vector<Cut> model = {
        // After the TCP header: the six fragments of the model, each with bytes of its own.
        {24, 48, 1, '1'}, {56, 72, 1, '2'}, {72, 96, 1, '3'},
        {32, 64, 1, '4'}, {72, 96, 1, '5'}, {96, 120, 0, '6'},
    };
    std::array<std::size_t, 6> order{0, 1, 2, 3, 4, 5};
    do {
        Room room;
        room.expect(fragment(original, {0, 24}), FragmentResult::kept);
        bool refused = false;
        for (const std::size_t n : order) {
            const FragmentResult result = room.add(fragment(original, model[n]));
            assert_true(result == FragmentResult::kept || result == FragmentResult::refused);
            assert_true(!refused || result == FragmentResult::refused);
            refused = refused || result == FragmentResult::refused;
        }
        assert_true(refused);
        room.expect_empty();
    } while (std::next_permutation(order.begin(), order.end()));
}

void ends_that_disagree_end_their_datagram(void**) {
    for (const FrameBytes& original : {segment_v4(), segment_v6()}) {
        const std::pair<Cut, Cut> cases[] = {
            {{48, 72, 0}, {72, 0}},      // two lasts
            {{72, 0}, {48, 56, 0}},      //
            {{72, 0}, {104, 112, 1}},    // behind the end
            {{48, 72, 0}, {72, 80, 1}},  //
            {{72, 96, 1}, {24, 48, 0}},  // the end before what is there
            {{0, 24}, {96, 104, 0}},     // (a hole, and then an end: nothing wrong)
        };
        for (const auto& [one, other] : cases) {
            Room room;
            room.expect(fragment(original, one), FragmentResult::kept);
            if (other.begin == 96) {
                room.expect(fragment(original, other), FragmentResult::kept);
            } else {
                room.expect_refused(fragment(original, other), Outcome::fragment_inconsistent);
                room.expect_refused(fragment(original, {24, 48}), Outcome::fragment_late);
            }
            room.expect_empty();
        }
    }
}

// It alone is dropped: the datagram may still become whole.
void impossible_fragments_are_dropped_alone(void**) {
    for (const FrameBytes& original : {segment_v4(), segment_v6()}) {
        const bool v4 = original[12] == 8;
        Room room;
        room.expect(fragment(original, {0, 24}), FragmentResult::kept);
        room.expect_refused(fragment(original, {24, 24, 1}), Outcome::fragment_malformed);
        room.expect_refused(fragment(original, {24, 24, 0}), Outcome::fragment_malformed);
        room.expect_refused(fragment(original, {24, 31, 1}), Outcome::fragment_malformed);
        room.expect_refused(fragment(original, {24, 33, 1}), Outcome::fragment_malformed);
        // Behind the largest datagram: the offset reaches 65528.
        room.expect_refused(fragment(original, {65528, v4 ? 65528U - 20 + 8 + 20 : 65528U + 8, 0}),
                            Outcome::fragment_malformed);
        room.expect(fragment(original, {24, 0}), FragmentResult::whole);
        expect_whole(room, original);
        room.finish();
        room.expect_empty();
    }
}

void the_largest_datagram_is_put_together_and_no_larger(void**) {
    for (const bool v4 : {true, false}) {
        const std::size_t most = v4 ? 65535 - 20 : 65535;
        const FrameBytes original = v4 ? segment_v4(most) : segment_v6(most);
        Room room;
        const std::vector<FrameBytes> pieces = fragments_of(original, 1480);
        for (std::size_t n = 0; n + 1 < pieces.size(); ++n)
            room.expect(pieces[n], FragmentResult::kept);
        room.expect(pieces.back(), FragmentResult::whole);
        expect_whole(room, original);
        room.finish();
        // The last fragment one byte longer.
        const std::size_t last = most / 8 * 8;
        room.expect_refused(fragment(original, {last, most + 1, 0}), Outcome::fragment_malformed);
        room.expect_empty();
    }
    // It fits by its own header, but not by the longer one of the first (ping of death).
    Room room;
    const FrameBytes short_header = segment_v4(96);
    const FrameBytes options = Packet()
                                   .ipv4("192.0.2.1", "10.0.0.2")
                                   .ipv4_options(FrameBytes(40, 1))
                                   .payload(Bytes(text(76)))
                                   .frame();
    std::size_t at = 24;
    for (; at + 1480 < 65500; at += 1480)
        room.expect(fragment(short_header, {at, at + 1480, 1, 'x'}), FragmentResult::kept);
    room.expect(fragment(short_header, {at, 65515, 0, 'x'}), FragmentResult::kept);
    room.expect_refused(fragment(options, {0, 24}), Outcome::fragment_malformed);
    room.expect_empty();
}

// In IPv6. In IPv4 eight bytes are enough for the ports, and nothing is decided by them alone.
void the_first_ipv6_fragment_holds_the_whole_tcp_header(void**) {
    for (const bool v4 : {true, false}) {
        for (std::size_t options = 0; options <= 40; options += 4) {
            Packet packet = v4 ? Packet().ipv4("192.0.2.1", "10.0.0.2")
                               : Packet().ipv6("2001:db8::1", "2001:db8::2");
            const FrameBytes original =
                packet.option(FrameBytes(options, 1)).payload(Bytes(text(60))).frame();
            for (std::size_t first = 8; first <= 64; first += 8) {
                Room room;
                room.expect(fragment(original, {first, 0}), FragmentResult::kept);
                if (v4 || first >= 20 + options) {
                    room.expect(fragment(original, {0, first}), FragmentResult::whole);
                    expect_whole(room, original);
                    room.finish();
                } else {
                    room.expect_refused(fragment(original, {0, first}), Outcome::fragment_tiny);
                    room.expect_refused(fragment(original, {0, 64}), Outcome::fragment_late);
                }
                room.expect_empty();
            }
        }
    }
}

FrameBytes segment_with_options_header() {
    FrameBytes options(16, 0);
    options[1] = 1;
    return Packet()
        .ipv6("2001:db8::1", "2001:db8::2")
        .extension(60, options)
        .payload(Bytes(text(60)))
        .frame();
}

void the_first_ipv6_fragment_holds_the_whole_chain(void**) {
    const FrameBytes original = segment_with_options_header();  // 16 and 20 bytes of headers
    for (std::size_t first = 8; first <= 64; first += 8) {
        Room room;
        room.expect(fragment(original, {first, 0}), FragmentResult::kept);
        if (first < 36) {
            room.expect_refused(fragment(original, {0, first}), Outcome::fragment_tiny);
        } else {
            room.expect(fragment(original, {0, first}), FragmentResult::whole);
            expect_whole(room, original);
            room.finish();
        }
        room.expect_empty();
    }
}

void a_second_fragment_header_is_refused(void**) {
    const FrameBytes original = Packet()
                                    .ipv6("2001:db8::1", "2001:db8::2")
                                    .extension(60, {0, 0, 1, 4, 0, 0, 0, 0})
                                    .extension(44, {0, 0, 0, 0, 0, 0, 0, 9})
                                    .payload(Bytes(text(60)))
                                    .frame();
    Room room;
    room.expect_refused(fragment(original, {0, 48}), Outcome::fragment_malformed);
    room.expect_refused(fragment(original, {48, 0}), Outcome::fragment_late);
    // And in a fragment that is whole by itself.
    room.expect_refused(fragment(original, {0, 0}, 78), Outcome::fragment_malformed);
    room.expect_empty();
}

void the_headers_before_the_fragment_header_stay(void**) {
    FrameBytes hop_by_hop(8, 0);
    hop_by_hop[2] = 1;
    hop_by_hop[3] = 4;
    const FrameBytes original = Packet()
                                    .ipv6("2001:db8::1", "2001:db8::2")
                                    .extension(0, hop_by_hop)
                                    .extension(43, {0, 0, 4, 0, 0, 0, 0, 0})
                                    .payload(Bytes(text(60)))
                                    .frame();
    Room room;
    room.expect(fragment(original, {24, 0}, 5, 16), FragmentResult::kept);
    room.expect(fragment(original, {0, 24}, 5, 16), FragmentResult::whole);
    assert_true(Bytes(original).size() == room.reassembly->datagram().size());
    assert_memory_equal(room.reassembly->datagram().data(), original.data(), original.size());
    room.finish();
    room.expect_empty();
}

void only_the_next_header_of_the_first_counts(void**) {
    const FrameBytes original = segment_v6();
    Room room;
    room.expect(fragment(original, {24, 0, -1, -1, 17}), FragmentResult::kept);
    room.expect(fragment(original, {0, 24}), FragmentResult::whole);
    expect_whole(room, original);
    // Whoever looks at another one is told the same.
    const Reassembly::Node liar = room.reassembly->first_member();
    FrameBytes copy(room.reassembly->member_bytes(liar));
    room.reassembly->copy_member(liar, copy.data());
    assert_true(copy == fragment(original, {24, 0}));
    room.finish();
    // Two firsts that differ in nothing else.
    room.expect(fragment(original, {0, 24}), FragmentResult::kept);
    room.expect_refused(fragment(original, {0, 24, -1, -1, 17}), Outcome::fragment_overlap);
    room.expect_empty();
}

// RFC 6946: whatever waits under its identification.
void a_fragment_that_is_whole_has_to_do_with_no_other(void**) {
    const FrameBytes original = segment_v6();
    Room room;
    room.expect(fragment(original, {0, 48}), FragmentResult::kept);
    room.expect(fragment(original, {0, 0}), FragmentResult::atomic);
    assert_memory_equal(room.reassembly->datagram().data(), original.data(), original.size());
    assert_true(room.reassembly->first_member() == Reassembly::none);
    room.expect(fragment(original, {48, 0}), FragmentResult::whole);
    expect_whole(room, original);
    room.finish();
    room.expect_refused(fragment(original, {0, 16, 0}), Outcome::fragment_tiny);
    room.expect_empty();
}

void fragments_of_different_datagrams_never_meet(void**) {
    const FrameBytes original = segment_v4();
    Packet other = Packet().ipv4("192.0.2.9", "10.0.0.2").payload(Bytes(text(76)));
    const FrameBytes tail = fragment(original, {24, 0});
    FrameBytes tagged = tail;
    tagged.insert(tagged.begin() + 12, {0x81, 0, 0, 5});
    Room room;
    room.expect(fragment(original, {0, 24}), FragmentResult::kept);
    room.expect(fragment(original, {24, 0}, 78), FragmentResult::kept);  // identification
    room.expect(fragment(other.frame(), {24, 0}), FragmentResult::kept);
    room.expect(fragment(other.ipv4("192.0.2.1", "10.0.0.3").frame(), {24, 0}),
                FragmentResult::kept);
    room.expect(tagged, FragmentResult::kept);                                   // VLAN
    room.expect(fragment(original, {24, 0, -1, -1, 51}), FragmentResult::kept);  // protocol
    assert_int_equal(room.add(tail, true), FragmentResult::kept);                // side
    assert_int_equal(room.reassembly->datagrams(), 7);
    room.expect(tail, FragmentResult::whole);
    room.finish();
    room.expect_empty();
}

void a_congestion_mark_is_not_lost(void**) {
    for (const bool v4 : {true, false}) {
        Packet packet = v4 ? Packet().ipv4("192.0.2.1", "10.0.0.2")
                           : Packet().ipv6("2001:db8::1", "2001:db8::2");
        packet.payload(Bytes(text(76)));
        const auto mark = [&](int of_whole, int of_second) {
            Room room;
            room.expect(fragment(packet.traffic_class(static_cast<std::uint8_t>(of_whole)).frame(),
                                 {0, 24}),
                        FragmentResult::kept);
            room.expect(fragment(packet.traffic_class(static_cast<std::uint8_t>(of_second)).frame(),
                                 {24, 0}),
                        FragmentResult::whole);
            const std::uint8_t* ip = room.reassembly->datagram().data() + 14;
            return v4 ? ip[1] & 3 : ip[1] >> 4 & 3;
        };
        assert_int_equal(mark(2, 3), 3);
        assert_int_equal(mark(2, 2), 2);
        assert_int_equal(mark(0, 3), 0);  // who cannot hear it is not told
    }
}

// --- limits --------------------------------------------------------------------------------------

void too_many_fragments_end_their_datagram(void**) {
    const FrameBytes original = segment_v4(24 + 8 * limits::fragments_max + 8);
    Room room;
    room.expect(fragment(original, {0, 24}), FragmentResult::kept);
    std::size_t at = 24;
    for (std::size_t n = 1; n < limits::fragments_max; ++n, at += 8)
        room.expect(fragment(original, {at, at + 8}), FragmentResult::kept);
    room.expect_refused(fragment(original, {at, at + 8}), Outcome::fragment_too_many);
    room.expect_refused(fragment(original, {at + 8, 0}), Outcome::fragment_late);
    room.expect_empty();
}

FrameBytes from_host(std::uint32_t host) {
    char address[32];
    std::snprintf(address, sizeof address, "100.%u.%u.%u", host >> 16 & 63, host >> 8 & 255,
                  host & 255);
    return Packet().ipv4(address, "10.0.0.2").payload(Bytes(text(76))).frame();
}

void one_source_takes_its_own_places_only(void**) {
    Room room;
    room.expect(fragment(segment_v4(), {0, 24}), FragmentResult::kept);
    const FrameBytes flood = from_host(1);
    std::uint32_t evicted = 0;
    for (std::uint32_t id = 0; id < 5000; ++id) {
        Segment segment;
        Outcome why;
        const FrameBytes frame = fragment(flood, {24, 48}, id);
        assert_int_equal(decode(frame, ChecksumRule::strict, &segment, &why),
                         DecodeResult::fragment);
        assert_int_equal(room.reassembly->add(frame, segment, false, room.now_ns, &why),
                         FragmentResult::kept);
        room.taken += frame.size();
        evicted += room.take_losses().evicted;
    }
    assert_int_equal(room.reassembly->datagrams(), 1 + limits::fragment_datagrams_source_max);
    assert_int_equal(evicted, 5000 - limits::fragment_datagrams_source_max);
    room.expect(fragment(segment_v4(), {24, 0}), FragmentResult::whole);
    room.finish();
    room.expect_empty();
}

// Whoever has a /64 is one source.
void the_addresses_of_one_ipv6_subnet_are_one_source(void**) {
    Room room;
    room.expect(fragment(segment_v4(), {0, 24}), FragmentResult::kept);
    for (unsigned host = 1; host < 300; ++host) {
        char address[48];
        std::snprintf(address, sizeof address, "2001:db8:1:1:%x::1", host);
        room.expect(fragment(Packet().ipv6(address, "2001:db8::2").payload("x").frame(), {24, 48}),
                    FragmentResult::kept);
    }
    assert_int_equal(room.reassembly->datagrams(), 1 + limits::fragment_datagrams_source_max);
    room.expect_empty();
}

// Between any two fragments of a good datagram come a hundred others of as many invented sources.
void a_flood_from_everywhere_stops_no_datagram(void**) {
    Room room;
    const FrameBytes original = segment_v4(200);
    const std::vector<FrameBytes> pieces = fragments_of(original, 24);
    std::uint32_t host = 0;
    for (int rounds = 0; rounds < 20; ++rounds) {
        for (std::size_t n = 0; n < pieces.size(); ++n) {
            for (int others = 0; others < 100; ++others)
                room.expect(fragment(from_host(++host), {24, 48}), FragmentResult::kept);
            room.expect(pieces[n],
                        n + 1 < pieces.size() ? FragmentResult::kept : FragmentResult::whole);
        }
        expect_whole(room, original);
        room.finish();
        assert_true(room.reassembly->datagrams() <= limits::fragment_datagrams_max);
    }
    room.expect_empty();
}

// By bytes, where the number of datagrams is not the limit.
void memory_is_bounded_for_one_source_and_for_all(void**) {
    Room room;
    room.expect(fragment(segment_v4(), {0, 24}), FragmentResult::kept);
    const FrameBytes flood = Packet().ipv4("100.64.0.1", "10.0.0.2").frame();
    constexpr std::uint32_t of_source =
        limits::fragment_bytes_source_max / limits::fragment_block_bytes;
    for (std::uint32_t id = 0; id < 200; ++id) {
        for (std::size_t at = 0; at < 10; ++at) {
            room.add(fragment(flood, {32 + at * 1400, 32 + (at + 1) * 1400, 1, 'x'}, id));
            assert_true(room.reassembly->blocks_used() <= of_source + 1);
        }
    }
    // All together: one datagram of 14 kB from each of a thousand hosts.
    constexpr std::uint32_t of_all = limits::fragment_bytes_max / limits::fragment_block_bytes;
    std::uint32_t most = 0;
    for (std::uint32_t host = 2; host < 1000; ++host) {
        for (std::size_t at = 0; at < 10; ++at)
            room.expect(fragment(from_host(host), {32 + at * 1400, 32 + (at + 1) * 1400, 1, 'x'}),
                        FragmentResult::kept);
        most = std::max(most, room.reassembly->blocks_used());
        assert_true(room.reassembly->blocks_used() <= of_all);
    }
    assert_true(most > of_all - 100);
    room.expect_empty();
}

void what_does_not_become_whole_in_time_is_given_up(void**) {
    Room room;
    const FrameBytes original = segment_v4();
    room.expect(fragment(original, {0, 24}), FragmentResult::kept);
    const std::uint64_t deadline = room.now_ns + Reassembly::lifetime_ns;
    assert_int_equal(room.reassembly->next_deadline_ns(), deadline);
    // The time counts from the first of them: repeating one does not prolong it.
    room.now_ns += 4 * second_ns;
    room.expect(fragment(original, {0, 24}), FragmentResult::repeated);
    room.reassembly->expire(deadline - 1);
    assert_int_equal(room.reassembly->datagrams(), 1);
    room.reassembly->expire(deadline);
    const FragmentLosses losses = room.take_losses();
    assert_int_equal(losses.expired, 1);
    assert_int_equal(losses.from[0].frames, 1);
    assert_int_equal(losses.from[1].frames, 0);
    room.now_ns = deadline;
    room.expect(fragment(original, {24, 0}), FragmentResult::kept);  // of a new one
    room.expect_empty();
}

// One that was dropped is remembered as long, and not counted again.
void a_dropped_datagram_is_forgotten_in_time(void**) {
    Room room;
    const FrameBytes original = segment_v4();
    room.expect(fragment(original, {24, 48}), FragmentResult::kept);
    room.expect_refused(fragment(original, {40, 56}), Outcome::fragment_overlap);
    room.now_ns += Reassembly::lifetime_ns;
    room.reassembly->expire(room.now_ns);
    assert_int_equal(room.take_losses().expired, 0);
    room.expect(fragment(original, {0, 24}), FragmentResult::kept);
    room.expect(fragment(original, {24, 0}), FragmentResult::whole);
    room.finish();
    room.expect_empty();
}

void losses_are_told_by_the_side_they_came_from(void**) {
    Room room;
    const FrameBytes piece = fragment(segment_v4(), {0, 24});
    room.add(piece, true);
    room.reassembly->expire(room.now_ns + Reassembly::lifetime_ns);
    const FragmentLosses losses = room.take_losses();
    assert_int_equal(losses.from[1].frames, 1);
    assert_int_equal(losses.from[1].bytes, piece.size());
    assert_int_equal(losses.from[0].frames, 0);
    room.expect_empty();
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(puts_fragments_together_in_every_order),
        cmocka_unit_test(every_size_of_pieces_gives_the_same),
        cmocka_unit_test(a_fragment_that_comes_again_is_ignored),
        cmocka_unit_test(fragments_that_overlap_end_their_datagram),
        cmocka_unit_test(an_overlap_of_one_byte_is_one),
        cmocka_unit_test(no_system_s_own_policy_is_followed),
        cmocka_unit_test(ends_that_disagree_end_their_datagram),
        cmocka_unit_test(impossible_fragments_are_dropped_alone),
        cmocka_unit_test(the_largest_datagram_is_put_together_and_no_larger),
        cmocka_unit_test(the_first_ipv6_fragment_holds_the_whole_tcp_header),
        cmocka_unit_test(the_first_ipv6_fragment_holds_the_whole_chain),
        cmocka_unit_test(a_second_fragment_header_is_refused),
        cmocka_unit_test(the_headers_before_the_fragment_header_stay),
        cmocka_unit_test(only_the_next_header_of_the_first_counts),
        cmocka_unit_test(a_fragment_that_is_whole_has_to_do_with_no_other),
        cmocka_unit_test(fragments_of_different_datagrams_never_meet),
        cmocka_unit_test(a_congestion_mark_is_not_lost),
        cmocka_unit_test(too_many_fragments_end_their_datagram),
        cmocka_unit_test(one_source_takes_its_own_places_only),
        cmocka_unit_test(the_addresses_of_one_ipv6_subnet_are_one_source),
        cmocka_unit_test(a_flood_from_everywhere_stops_no_datagram),
        cmocka_unit_test(memory_is_bounded_for_one_source_and_for_all),
        cmocka_unit_test(what_does_not_become_whole_in_time_is_given_up),
        cmocka_unit_test(a_dropped_datagram_is_forgotten_in_time),
        cmocka_unit_test(losses_are_told_by_the_side_they_came_from),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
