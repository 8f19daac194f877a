// The rules of the normaliser one by one (docs/normaliser.md): what leaves for the storage, what it
// is counted as, and that an honest upload goes on afterwards.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint8_t fin_ack = tcp_flag::fin | tcp_flag::ack;
constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;
constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

// A frame that left, kept for as long as it is looked at.
struct Sent {
    FrameBytes frame;
    Segment segment;
};

// A connection in a Lab, and a look at each frame that leaves for either end.
struct Line {
    Lab lab;
    // The head alone is some segments long: they leave at once, with no tail to be held.
    const std::string upload =
        put("/x", std::string(4000, 'c'), "X-Long: " + std::string(2000, 'l') + "\r\n");

    explicit Line(bool timestamps = false) {
        lab.use(index_of_contents({known_content()}));
        if (timestamps) lab.client_clock = lab.storage_clock = 1000;
        lab.connect();
    }
    // One frame of an end, and what leaves at once on either side.
    std::vector<Sent> pass(Side from, const Packet& packet, Side to = Side::storage) {
        lab.port.push(from, packet.frame());
        lab.now_ns += 10 * ns_per_us;
        lab.worker->poll({lab.now_ns, lab.unix_zero_ns + lab.now_ns});
        std::vector<Sent> sent;
        for (auto& frame : lab.port.take(to)) {
            Outcome why;
            Sent& one = sent.emplace_back(Sent{std::move(frame), {}});
            assert_true(decode(one.frame, ChecksumRule::strict, &one.segment, &why) ==
                        DecodeResult::tcp);
        }
        return sent;
    }
    std::vector<Sent> client(const Packet& packet) { return pass(Side::client, packet); }
    std::string text(const std::vector<Sent>& sent) const {
        std::string all;
        for (const Sent& one : sent)
            all += as_text(one.segment.payload);
        return all;
    }
    Packet at(std::uint64_t offset) const {
        return lab.client_packet()
            .sequence(client_isn + 1 + static_cast<std::uint32_t>(offset))
            .acknowledgement(lab.client_acked)
            .flags(tcp_flag::ack);
    }
    std::string_view part(std::size_t offset, std::size_t size) const {
        return std::string_view(upload).substr(offset, size);
    }
    Packet upload_at(std::size_t offset, std::size_t size) const {
        return at(offset).payload(part(offset, size));
    }
    std::uint64_t count(Outcome outcome) const { return lab.count(outcome); }
    // The whole of it from its beginning, as an honest client sends it again.
    void finish() {
        lab.client_next = client_isn + 1;
        lab.send(upload);
        assert_string_equal(lab.stored.c_str(), upload.c_str());
        assert_false(lab.storage_reset);
        assert_false(lab.client_reset);
    }
};

void a_bad_checksum_is_no_segment(void**) {
    Line line;
    assert_true(line.client(line.at(0).payload("other bytes").bad_tcp_checksum()).empty());
    assert_int_equal(line.count(Outcome::tcp_bad_checksum), 1);
    line.finish();
}

// Bytes that are the next ones of their flow are copied while they are checked.
void a_bad_checksum_of_what_comes_next_leaves_nothing(void**) {
    Line line;
    const std::uint64_t kept = line.lab.worker->kept_bytes();
    for (const std::size_t size : {512u, 1460u}) {
        const std::string other(size, 'o');
        assert_true(line.client(line.at(0).payload(other).bad_tcp_checksum()).empty());
        assert_int_equal(line.lab.worker->kept_bytes(), kept);
    }
    assert_int_equal(line.count(Outcome::tcp_bad_checksum), 2);
    line.finish();
}

// … and what is left of one at the end of the window is not that copy.
void a_copy_is_not_kept_of_what_is_cut(void**) {
    Line line;
    const std::string upload = put("/y", std::string(70000, 'y'));
    constexpr std::size_t window = 65535, step = 1460;
    static_assert(window % step >= 512);
    std::string left;
    for (std::size_t at = 0; at < window; at += step)
        left += line.text(line.client(line.at(at).payload(upload.substr(at, step))));
    assert_int_equal(line.count(Outcome::segment_trimmed), 1);
    line.lab.now_ns += ns_per_ms;  // the tail
    left += line.text(line.client(line.at(window)));
    assert_string_equal(left.c_str(), upload.substr(0, window).c_str());
}

void an_ack_of_the_future_or_the_far_past_brings_no_bytes(void**) {
    Line line;
    const std::uint32_t right = line.lab.client_acked;
    for (const std::uint32_t wrong : {right + 1, right + 0x7fffff00, right - 1, right - 0x10000}) {
        assert_true(line.client(line.at(0).acknowledgement(wrong).payload("other")).empty());
    }
    assert_int_equal(line.count(Outcome::ack_invalid), 4);
    line.finish();
    // Older than the greatest window: never; a little late: yes.
    line.lab.respond(std::string(created) + std::string(500, ' '));
    const Packet late = line.at(line.upload.size()).payload("P");
    assert_true(!line.client(Packet(late).acknowledgement(line.lab.client_acked - 100)).empty());
}

void bytes_across_the_window_go_up_to_its_end(void**) {
    Line line;
    line.client(line.upload_at(0, 500));
    line.pass(Side::storage, line.lab.storage_packet()
                                 .sequence(storage_isn + 1)
                                 .acknowledgement(client_isn + 1)
                                 .window(1000));
    // The window of the SYN-ACK still stands: what was once offered may be used.
    assert_int_equal(line.text(line.client(line.upload_at(500, 1000))).size(), 1000);
    assert_int_equal(line.count(Outcome::segment_trimmed), 0);
    // Across the end of 65535: a jumbo hole first.
    const std::string beyond(1000, 'x');
    const std::vector<Sent> sent = line.client(line.at(65000).payload(beyond));
    assert_int_equal(line.text(sent).size(), 535);
    assert_int_equal(line.count(Outcome::segment_trimmed), 1);
}

void a_window_probe_makes_the_storage_say_where_it_stands(void**) {
    Line line;
    const std::vector<Sent> sent = line.client(line.at(65535).payload("x"));
    assert_int_equal(line.count(Outcome::segment_out_of_window), 1);
    assert_int_equal(sent.size(), 1);
    assert_true(sent[0].segment.payload.empty());
    assert_int_equal(sent[0].segment.sequence, client_isn);
    line.finish();
}

void a_keep_alive_probe_carries_no_byte_of_its_own(void**) {
    Line line;
    line.finish();
    const std::uint64_t end = line.upload.size();
    const std::vector<Sent> empty = line.client(line.at(end - 1));
    assert_int_equal(empty.size(), 1);
    const std::vector<Sent> garbage = line.client(line.at(end - 1).payload("?"));
    assert_int_equal(garbage.size(), 1);
    assert_true(as_text(garbage[0].segment.payload) == std::string_view("", 1));
    assert_int_equal(garbage[0].segment.sequence, client_isn + static_cast<std::uint32_t>(end));
    assert_int_equal(line.count(Outcome::inconsistent), 0);
}

void an_old_timestamp_brings_no_bytes(void**) {
    Line line(true);
    line.lab.client_clock = 999;
    assert_true(line.client(line.at(0).payload("other")).empty());
    assert_int_equal(line.count(Outcome::segment_old_timestamp), 1);
    line.lab.client_clock = 1001;
    line.finish();
}

// Anybody who knows addresses and ports could stall a connection: half of all sequence numbers lie
// left of the window, and the timestamp of such a segment counted.
void a_stray_segment_does_not_stall_a_connection(void**) {
    Line line(true);
    line.lab.client_clock = 0x70000000;
    line.client(line.at(0x90000000).payload("stray"));
    line.client(line.at(0x70000000));
    line.lab.client_clock = 1001;
    line.finish();
    assert_int_equal(line.count(Outcome::segment_old_timestamp), 0);
}

void a_segment_without_the_negotiated_timestamp_goes_on_with_one(void**) {
    Line line(true);
    Packet bare = Packet()
                      .ipv4("10.0.0.1", "10.0.0.2")
                      .ports(line.lab.client_port, 80)
                      .acknowledgement(line.lab.client_acked);
    for (const std::uint32_t offset : {0U, 600U, 600U}) {  // in order, ahead of a hole, and again
        const std::vector<Sent> sent = line.client(
            Packet(bare).sequence(client_isn + 1 + offset).payload(line.part(offset, 300)));
        assert_int_equal(sent.size(), 1);
        assert_true(sent[0].segment.has_timestamp);
        assert_int_equal(sent[0].segment.payload.size(), 300);
    }
    assert_int_equal(line.count(Outcome::timestamp_missing), 3);
    assert_int_equal(line.client(Packet(bare).sequence(client_isn + 1)).size(), 1);  // an ACK
    // A repetition across what left ahead carries that as well: it may be lost behind us.
    line.lab.client_clock = 1001;
    line.finish();
}

void options_that_were_not_negotiated_become_nops(void**) {
    Line line;
    const FrameBytes sack{5, 10, 0, 0, 0x20, 0, 0, 0, 0x21, 0};
    for (const FrameBytes& option :
         {FrameBytes{30, 4, 0x20, 1}, FrameBytes{19, 4, 1, 2}, FrameBytes{0, 30, 2, 2}}) {
        const std::vector<Sent> sent =
            line.client(line.upload_at(0, 100).timestamps(5, 6).option(sack).option(option));
        assert_int_equal(sent.size(), 1);
        assert_false(sent[0].segment.foreign_option);
        assert_false(sent[0].segment.has_timestamp);
        assert_int_equal(sent[0].frame[14 + 20 + 20 + 10], 5);
    }
    assert_int_equal(line.count(Outcome::option_removed), 3);
    const std::vector<Sent> sent = line.client(line.upload_at(100, 100).option(sack));
    assert_int_equal(sent[0].frame[14 + 20 + 20], 5);
    assert_int_equal(line.count(Outcome::option_removed), 3);
    line.finish();
}

void ecn_and_reserved_bits_pass_untouched(void**) {
    Line line;
    FrameBytes frame = line.upload_at(0, 100)
                           .traffic_class(3)
                           .flags(tcp_flag::ack | tcp_flag::ece | tcp_flag::cwr)
                           .frame();
    frame[14 + 20 + 12] |= 0x0f;  // NS and the three beside it
    Segment segment;
    Outcome why;
    decode(frame, ChecksumRule::off, &segment, &why);
    write_checksums(frame.data(), 4, 14, 34, frame.size());
    line.lab.port.push(Side::client, frame);
    line.lab.now_ns += ns_per_us;
    line.lab.worker->poll({line.lab.now_ns, line.lab.now_ns});
    const auto sent = line.lab.port.take(Side::storage);
    assert_int_equal(sent.size(), 1);
    assert_true(sent[0] == frame);
}

void the_urgent_byte_is_one_like_the_others(void**) {
    Line line;
    const std::vector<Sent> sent =
        line.client(line.upload_at(0, 100).flags(tcp_flag::ack | tcp_flag::urg).urgent(50));
    assert_int_equal(sent.size(), 1);
    assert_int_equal(sent[0].segment.flags & tcp_flag::urg, 0);
    assert_int_equal(sent[0].segment.urgent, 0);
    assert_int_equal(line.count(Outcome::urgent_removed), 1);
    line.finish();
}

void a_handshake_carries_no_data_and_no_urgent_pointer(void**) {
    Line line;
    Lab& lab = line.lab;
    ++lab.client_port;
    const std::vector<Sent> syn = line.client(lab.client_packet()
                                                  .sequence(client_isn)
                                                  .flags(tcp_flag::syn | tcp_flag::urg)
                                                  .urgent(3)
                                                  .option({34, 2})
                                                  .hop_limit(5)
                                                  .payload("PUT"));
    assert_int_equal(syn.size(), 1);
    assert_true(syn[0].segment.payload.empty() && syn[0].segment.flags == tcp_flag::syn);
    const std::vector<Sent> answer = line.pass(Side::storage,
                                               lab.storage_packet()
                                                   .sequence(storage_isn)
                                                   .acknowledgement(client_isn + 1)
                                                   .flags(syn_ack)
                                                   .payload("early"),
                                               Side::client);
    assert_int_equal(answer.size(), 1);
    assert_true(answer[0].segment.payload.empty());
    assert_int_equal(line.count(Outcome::syn_data_removed), 2);
    assert_int_equal(line.count(Outcome::syn_option_removed), 1);
    assert_int_equal(line.count(Outcome::urgent_removed), 1);
    // What we say for a client whose SYN had a small TTL arrives all the same.
    const std::vector<Sent> reset = line.client(line.at(0).flags(tcp_flag::rst));
    assert_false(reset.empty());
    assert_true(reset[0].frame[14 + 8] >= 64);
}

// The last repetition of a SYN often has fewer options; the storage goes by the one it took.
void a_repeated_syn_without_timestamps_changes_nothing(void**) {
    Line line;
    Lab& lab = line.lab;
    ++lab.client_port;
    const Packet syn = lab.client_packet().sequence(client_isn).flags(tcp_flag::syn).mss(1460);
    line.client(Packet(syn).timestamps(0x7fff0000, 0));
    line.client(syn);
    line.pass(Side::storage, lab.storage_packet()
                                 .sequence(storage_isn)
                                 .acknowledgement(client_isn + 1)
                                 .flags(syn_ack)
                                 .timestamps(5, 0x7fff0000)
                                 .mss(1460));
    const std::vector<Sent> sent = line.client(line.upload_at(0, 100));
    assert_int_equal(sent.size(), 1);
    assert_true(sent[0].segment.has_timestamp);
    assert_int_equal(sent[0].segment.timestamp_value, 0x7fff0000);
}

void a_connection_does_not_begin_and_end_at_once(void**) {
    Line line;
    for (const unsigned flags :
         {tcp_flag::syn | 1U * tcp_flag::fin, tcp_flag::syn | 1U * tcp_flag::rst,
          syn_ack | 1U * tcp_flag::fin, fin_ack | 1U * tcp_flag::rst, 0U, 1U * tcp_flag::psh,
          1U * tcp_flag::fin}) {
        const Packet odd = line.at(0).flags(static_cast<std::uint8_t>(flags)).payload("x");
        assert_true(line.client(odd).empty());
    }
    assert_int_equal(line.count(Outcome::segment_bad_flags), 7);
    ++line.lab.client_port;
    assert_true(
        line.client(line.at(0).flags(tcp_flag::syn | tcp_flag::fin)).empty());  // without a flow
    assert_int_equal(line.count(Outcome::segment_bad_flags), 8);
    --line.lab.client_port;
    line.finish();
}

// Simultaneous open and split handshake: both ends would believe that the other one began.
void a_storage_does_not_begin_a_connection(void**) {
    Line line;
    Lab& lab = line.lab;
    ++lab.client_port;
    Packet other = lab.storage_packet().sequence(storage_isn).flags(tcp_flag::syn);
    assert_true(line.pass(Side::storage, other, Side::client).empty());  // without a flow
    line.client(lab.client_packet().sequence(client_isn).flags(tcp_flag::syn));
    assert_true(line.pass(Side::storage, other, Side::client).empty());
    assert_int_equal(line.count(Outcome::segment_bad_flags), 2);
    assert_int_equal(line.count(Outcome::flow_midstream), 0);
}

void one_end_does_not_speak_where_the_other_is(void**) {
    Line line;
    const std::vector<Sent> sent =
        line.client(line.lab.storage_packet()
                        .sequence(client_isn + 1)
                        .acknowledgement(storage_isn + 1)
                        .payload("bytes that the storage is never given"));
    assert_true(sent.empty());
    assert_true(line.pass(Side::storage, line.upload_at(0, 100), Side::client).empty());
    assert_int_equal(line.count(Outcome::wrong_side), 2);
    line.finish();
}

// With SYN cookies a storage makes up its number anew for each SYN.
void a_syn_ack_may_come_again_with_another_number(void**) {
    Line line;
    Lab& lab = line.lab;
    ++lab.client_port;
    line.client(lab.client_packet().sequence(client_isn).flags(tcp_flag::syn).mss(1460));
    Packet answer = lab.storage_packet().acknowledgement(client_isn + 1).flags(syn_ack).mss(1460);
    assert_false(line.pass(Side::storage, Packet(answer).sequence(77), Side::client).empty());
    assert_false(line.pass(Side::storage, Packet(answer).sequence(99), Side::client).empty());
    assert_true(line.client(line.at(0).acknowledgement(78).payload("PUT")).empty() ||
                line.count(Outcome::ack_invalid) == 0);
    assert_false(line.client(line.at(0).acknowledgement(100).payload("PUT")).empty());
    assert_true(line.pass(Side::storage, Packet(answer).sequence(55), Side::client).empty());
}

void of_two_syns_on_a_connection_the_storage_completes_the_last(void**) {
    Line line;
    line.lab.send(line.upload.substr(0, 100));
    const Packet syn = line.lab.client_packet().flags(tcp_flag::syn).mss(1460);
    assert_int_equal(line.client(Packet(syn).sequence(100)).size(), 1);
    assert_int_equal(line.client(Packet(syn).sequence(client_isn)).size(), 1);  // its own, late
    const std::vector<Sent> sent = line.client(Packet(syn).sequence(200));
    assert_int_equal(sent.size(), 2);
    assert_int_equal(sent[0].segment.flags, tcp_flag::rst);
    assert_int_equal(sent[0].segment.sequence, 101);
    assert_int_equal(sent[1].segment.flags, tcp_flag::syn);
    line.finish();
}

void a_reset_in_the_window_is_asked_about(void**) {
    Line line;
    line.lab.send(line.upload.substr(0, 1000));
    const Packet reset = line.at(5000).flags(tcp_flag::rst);
    const std::vector<Sent> asked = line.pass(Side::client, reset, Side::client);
    assert_int_equal(asked.size(), 1);
    assert_int_equal(asked[0].segment.flags, tcp_flag::ack);
    assert_int_equal(asked[0].segment.acknowledgement, client_isn + 1 + 1000);
    assert_int_equal(asked[0].segment.sequence, storage_isn + 1);
    assert_true(
        line.pass(Side::client, line.at(200000).flags(tcp_flag::rst), Side::client).empty());
    assert_int_equal(line.count(Outcome::reset_bad_sequence), 2);
    line.finish();
}

void a_reset_passes_none_of_its_data(void**) {
    Line line;
    line.lab.send(line.upload.substr(0, 1000));
    const std::vector<Sent> sent =
        line.client(line.at(1000).flags(tcp_flag::rst | tcp_flag::ack).payload("last words"));
    assert_true(line.text(sent).empty());
    assert_false(sent.empty());
    assert_int_equal(sent[0].segment.flags & tcp_flag::rst, tcp_flag::rst);
}

void a_reset_after_a_fin_is_exact_behind_it(void**) {
    Line line;
    line.finish();
    line.lab.send_fin();
    const std::vector<Sent> sent =
        line.client(line.at(line.upload.size() + 1).flags(tcp_flag::rst));
    assert_false(sent.empty());
    assert_int_equal(line.count(Outcome::reset_bad_sequence), 0);
}

// A storage that resets has no connection any more; a client that goes on might find another
// storage, or the same one after a restart, that takes its ACK for the end of a handshake.
void nothing_passes_after_a_reset_of_the_storage(void**) {
    Line line;
    line.pass(Side::storage,
              line.lab.storage_packet().sequence(storage_isn + 1).flags(tcp_flag::rst));
    for (const Packet& packet : {line.at(0), line.at(0).payload("PUT")}) {
        for (const Sent& sent : line.client(packet))
            assert_int_equal(sent.segment.flags, tcp_flag::rst);
    }
}

void a_fin_ahead_of_a_hole_waits_for_it(void**) {
    for (const bool with_data : {false, true}) {
        Line line;
        const std::size_t size = line.upload.size();
        line.lab.segment(0, line.part(0, 1000));
        if (with_data)
            line.lab.segment(size - 1000, line.part(size - 1000, 1000), fin_ack);
        else
            line.lab.segment(size, {}, fin_ack);
        assert_false(line.lab.storage_fin);
        for (std::size_t at = 1000; at < size; at += 1000)
            line.lab.segment(at, line.part(at, 1000));
        line.lab.step(1000);
        assert_string_equal(line.lab.stored.c_str(), line.upload.c_str());
        assert_true(line.lab.storage_fin);
    }
}

void a_fin_and_bytes_behind_it_are_inconsistent(void**) {
    for (const int order : {0, 1, 2}) {
        Line line;
        line.client(line.upload_at(0, 500));
        if (order == 0) {
            line.client(line.at(1000).flags(fin_ack));
            line.client(line.at(900).payload(std::string(200, 'x')));
        } else if (order == 1) {
            line.client(line.at(900).payload(std::string(200, 'x')));
            line.client(line.at(1000).flags(fin_ack));
        } else {
            line.client(line.at(1000).flags(fin_ack));
            line.client(line.at(1200).flags(fin_ack));
        }
        assert_int_equal(line.count(Outcome::inconsistent), 1);
    }
}

void bytes_behind_the_end_do_not_pass(void**) {
    Line line;
    line.finish();
    line.lab.send_fin();
    const std::uint64_t end = line.upload.size();
    assert_true(line.text(line.client(line.at(end).payload("more"))).empty());
    assert_true(line.text(line.client(line.at(end + 1).payload("more"))).empty());
    assert_int_equal(line.count(Outcome::segment_unexpected), 2);
    // It asks for the ACK of its FIN again, alone or with the last bytes.
    const std::vector<Sent> again = line.client(line.at(end).flags(fin_ack));
    assert_int_equal(again.size(), 1);
    assert_int_equal(again[0].segment.flags & tcp_flag::fin, tcp_flag::fin);
    assert_int_equal(line.client(line.at(end + 200000).flags(fin_ack)).size(), 0);
    assert_int_equal(line.count(Outcome::segment_out_of_window), 1);
}

// Its ACK was refused until the storage repeated the FIN.
void the_fin_of_an_answer_is_acknowledged_behind_a_hole(void**) {
    Line line;
    line.finish();
    Lab& lab = line.lab;
    const Packet answer =
        lab.storage_packet()
            .acknowledgement(client_isn + 1 + static_cast<std::uint32_t>(line.upload.size()))
            .flags(fin_ack);
    const auto first = storage_isn + 1;
    line.pass(Side::storage, Packet(answer).sequence(first + 20).payload(created.substr(20)));
    line.pass(Side::storage,
              Packet(answer).sequence(first).flags(tcp_flag::ack).payload(created.substr(0, 20)));
    const auto end = first + static_cast<std::uint32_t>(created.size());
    assert_int_equal(line.client(line.at(line.upload.size()).acknowledgement(end + 1)).size(), 1);
    assert_int_equal(line.count(Outcome::ack_invalid), 0);
}

// The frame reached over several pieces; only its first one was asked for, and what had left behind
// it made the known file whole.
void a_frame_that_fills_several_holes_is_held_as_one(void**) {
    Line line;
    const std::string known = put("/known", known_content());
    const auto push = [&](std::size_t from, std::size_t to) {
        line.lab.segment(from, known.substr(from, to - from));
    };
    push(0, 1000);
    push(1100, 1200);
    push(1500, 2100);
    push(2100, 2700);
    push(2700, known.size());
    push(1000, 1600);
    assert_int_equal(line.count(Outcome::match_blocked), 1);
    line.lab.step(100000);
    assert_true(line.lab.stored.size() < 1500);
}

// Both directions wrap: client_isn within the request, the storage's number here.
void sequence_numbers_wrap_in_both_directions(void**) {
    Line line;
    Lab& lab = line.lab;
    ++lab.client_port;
    constexpr std::uint32_t iss = 0xfffffff0;
    line.client(lab.client_packet().sequence(client_isn).flags(tcp_flag::syn).mss(1460));
    line.pass(Side::storage, lab.storage_packet()
                                 .sequence(iss)
                                 .acknowledgement(client_isn + 1)
                                 .flags(syn_ack)
                                 .mss(1460));
    lab.client_acked = iss + 1;
    std::string stored;
    for (std::size_t at = 0; at < line.upload.size(); at += 500)
        stored += line.text(line.client(line.upload_at(at, 500)));
    lab.now_ns += ns_per_ms;
    stored += line.text(line.client(line.at(line.upload.size())));
    assert_string_equal(stored.c_str(), line.upload.c_str());
    const std::vector<Sent> answer = line.pass(
        Side::storage,
        lab.storage_packet()
            .sequence(iss + 1)
            .acknowledgement(client_isn + 1 + static_cast<std::uint32_t>(line.upload.size()))
            .payload(created),
        Side::client);
    assert_string_equal(line.text(answer).c_str(), std::string(created).c_str());
    lab.client_acked = iss + 1 + static_cast<std::uint32_t>(created.size());
    assert_int_equal(line.client(line.at(line.upload.size())).size(), 1);
    assert_int_equal(line.count(Outcome::ack_invalid), 0);
}

void a_storage_that_shrinks_its_window_gets_all_in_the_end(void**) {
    Line line;
    for (std::size_t at = 0; at < line.upload.size(); at += 500) {
        line.lab.segment(at, line.part(at, 500));
        line.lab.port.push(Side::storage,
                           line.lab.storage_packet()
                               .sequence(storage_isn + 1)
                               .acknowledgement(client_isn + 1 +
                                                static_cast<std::uint32_t>(line.lab.stored.size()))
                               .window(static_cast<std::uint16_t>(at / 500 % 2 * 700))
                               .frame());
        line.lab.step();
    }
    line.lab.step(1000);
    assert_string_equal(line.lab.stored.c_str(), line.upload.c_str());
    assert_int_equal(line.count(Outcome::segment_out_of_window), 0);
}

void tens_of_thousands_of_tiny_segments_are_one_stream(void**) {
    Line line;
    const std::string upload = put("/tiny", std::string(30000, 't'));
    for (std::size_t at = 0; at < upload.size(); ++at) {
        line.lab.segment(at ^ 1U, upload.substr(at ^ 1U, 1));  // each pair in the wrong order
        if (at % 1000 == 999) line.lab.acknowledge();
    }
    line.lab.segment(upload.size() - 1, upload.substr(upload.size() - 1));
    line.lab.step(1000);
    assert_true(line.lab.stored == upload);
    line.lab.acknowledge();
    assert_int_equal(line.lab.worker->kept_bytes(), 0);
    assert_int_equal(line.count(Outcome::kept_full), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_checksum_is_no_segment),
        cmocka_unit_test(a_bad_checksum_of_what_comes_next_leaves_nothing),
        cmocka_unit_test(a_copy_is_not_kept_of_what_is_cut),
        cmocka_unit_test(an_ack_of_the_future_or_the_far_past_brings_no_bytes),
        cmocka_unit_test(bytes_across_the_window_go_up_to_its_end),
        cmocka_unit_test(a_window_probe_makes_the_storage_say_where_it_stands),
        cmocka_unit_test(a_keep_alive_probe_carries_no_byte_of_its_own),
        cmocka_unit_test(an_old_timestamp_brings_no_bytes),
        cmocka_unit_test(a_stray_segment_does_not_stall_a_connection),
        cmocka_unit_test(a_segment_without_the_negotiated_timestamp_goes_on_with_one),
        cmocka_unit_test(options_that_were_not_negotiated_become_nops),
        cmocka_unit_test(ecn_and_reserved_bits_pass_untouched),
        cmocka_unit_test(the_urgent_byte_is_one_like_the_others),
        cmocka_unit_test(a_handshake_carries_no_data_and_no_urgent_pointer),
        cmocka_unit_test(a_repeated_syn_without_timestamps_changes_nothing),
        cmocka_unit_test(a_connection_does_not_begin_and_end_at_once),
        cmocka_unit_test(a_storage_does_not_begin_a_connection),
        cmocka_unit_test(one_end_does_not_speak_where_the_other_is),
        cmocka_unit_test(a_syn_ack_may_come_again_with_another_number),
        cmocka_unit_test(of_two_syns_on_a_connection_the_storage_completes_the_last),
        cmocka_unit_test(a_reset_in_the_window_is_asked_about),
        cmocka_unit_test(a_reset_passes_none_of_its_data),
        cmocka_unit_test(a_reset_after_a_fin_is_exact_behind_it),
        cmocka_unit_test(nothing_passes_after_a_reset_of_the_storage),
        cmocka_unit_test(a_fin_ahead_of_a_hole_waits_for_it),
        cmocka_unit_test(a_fin_and_bytes_behind_it_are_inconsistent),
        cmocka_unit_test(bytes_behind_the_end_do_not_pass),
        cmocka_unit_test(the_fin_of_an_answer_is_acknowledged_behind_a_hole),
        cmocka_unit_test(a_frame_that_fills_several_holes_is_held_as_one),
        cmocka_unit_test(sequence_numbers_wrap_in_both_directions),
        cmocka_unit_test(a_storage_that_shrinks_its_window_gets_all_in_the_end),
        cmocka_unit_test(tens_of_thousands_of_tiny_segments_are_one_stream),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
