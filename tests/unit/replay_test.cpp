#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "dataplane/replay/capture.h"
#include "dataplane/replay/clock.h"
#include "dataplane/replay/json_lines.h"
#include "dataplane/replay/pcap_port.h"
#include "dataplane/replay/resegment.h"
#include "dataplane/replay/roles.h"
#include "dataplane/replay/settings.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/fragments.h"
#include "tests/support/guard_page.h"

using namespace cordon;
using namespace cordon::replay;
using namespace cordon::test;

namespace {

// --- JSON ----------------------------------------------------------------------------------------

void expect_json(std::string_view text, const char* expected) {
    std::string out;
    append_json_string(text, &out);
    assert_string_equal(out.c_str(), expected);
}

void hostile_bytes_become_valid_json(void**) {
    expect_json("plain", "\"plain\"");
    expect_json("a\"b\\c", "\"a\\\"b\\\\c\"");
    expect_json(std::string_view("\n\0\x1f\x7f", 4), "\"\\u000a\\u0000\\u001f\\u007f\"");
    expect_json("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82",
                "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82\"");
    expect_json("\xff", "\"\\ufffd\"");
    expect_json("\xc3", "\"\\ufffd\"");                        // cut short
    expect_json("\xc0\xaf", "\"\\ufffd\\ufffd\"");             // too long a form of '/'
    expect_json("\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"");  // likewise
    expect_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");  // half of a surrogate pair
    expect_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect_json("\xe2\x82z", "\"\\ufffd\\ufffdz\"");
}

ObjectReport sample_report() {
    ObjectReport report{};
    Segment segment;
    Outcome why;
    const FrameBytes frame = Packet().ports(4242, 80).frame();
    decode(frame, ChecksumRule::strict, &segment, &why);
    report.client = segment.source;
    report.server = segment.destination;
    report.verdict = ObjectVerdict::clean;
    report.complete = true;
    report.size = 3;
    report.digests.present.add(IndicatorKind::md5);
    std::strcpy(report.method, "PUT");
    std::strcpy(report.host, "h");
    std::strcpy(report.target, "/x");
    std::strcpy(report.form, "body");
    return report;
}

void an_object_is_one_line_of_the_contract(void**) {
    std::string out;
    append_object_line(sample_report(), &out);
    assert_string_equal(
        out.c_str(),
        "{\"type\":\"object\",\"client\":\"10.0.0.1:4242\",\"server\":\"10.0.0.2:80\","
        "\"method\":\"PUT\",\"host\":\"h\",\"target\":\"/"
        "x\",\"name\":null,\"field\":null,\"member\":null,\"container\":null,"
        "\"form\":\"body\",\"content_type\":\"unknown\","
        "\"size\":3,\"complete\":true,\"md5\":\"00000000000000000000000000000000\","
        "\"sha1\":null,\"sha256\":null,\"sha256_tree\":null,\"verdict\":\"clean\",\"reason\":null,"
        "\"indicator\":null}\n");
}

void a_form_part_carries_its_names(void**) {
    ObjectReport report = sample_report();
    std::strcpy(report.form, "form-part");
    std::strcpy(report.field, "file");
    std::strcpy(report.name, "a \"b\".jpg");
    std::strcpy(report.member, "b.jpg");
    std::strcpy(report.container, "a.zip");
    std::string out;
    append_object_line(report, &out);
    assert_non_null(std::strstr(out.c_str(),
                                "\"name\":\"a \\\"b\\\".jpg\",\"field\":\"file\","
                                "\"member\":\"b.jpg\",\"container\":\"a.zip\","
                                "\"form\":\"form-part\""));
}

void a_verdict_carries_its_reason_or_indicator(void**) {
    ObjectReport report = sample_report();
    report.verdict = ObjectVerdict::uninspected;
    report.reason = UninspectedReason::midstream;
    std::string out;
    append_object_line(report, &out);
    assert_non_null(
        std::strstr(out.c_str(), "\"verdict\":\"uninspected\",\"reason\":\"midstream\""));
    report.verdict = ObjectVerdict::match;
    report.matched = true;
    report.indicator = 0xfedcba9876543210;
    out.clear();
    append_object_line(report, &out);
    assert_non_null(std::strstr(out.c_str(),
                                "\"verdict\":\"match\",\"reason\":null,"
                                "\"indicator\":\"fedcba9876543210\"}"));
}

void the_summary_shows_only_what_is_not_zero(void**) {
    static Counters counters;
    counters.count(Outcome::flow_opened, 2);
    counters.count(Outcome::flow_midstream);
    counters.objects[object_class(ObjectClass::inspected)].add(100);
    counters.objects[object_class(UninspectedReason::tls)].bytes.add(7);
    counters.body_bytes.add(100);
    counters.unframed_bytes.add(7);
    std::string out;
    append_summary_line(9, counters, &out);
    assert_string_equal(out.c_str(),
                        "{\"type\":\"summary\",\"packets\":9,\"flows\":3,\"coverage\":{"
                        "\"inspected\":{\"objects\":1,\"bytes\":100},"
                        "\"uninspected:tls\":{\"objects\":0,\"bytes\":7}},"
                        "\"body_bytes\":100,\"unframed_bytes\":7,"
                        "\"outcomes\":{\"flow_opened\":2,\"flow_midstream\":1}}\n");
}

void ends_are_written_as_people_write_them(void**) {
    SegmentEnd end{};
    assert_true(parse_service("192.0.2.1:80", &end));
    assert_string_equal(end_text(end).c_str(), "192.0.2.1:80");
    assert_true(parse_service("[2001:db8::1]:8080", &end));
    assert_string_equal(end_text(end).c_str(), "[2001:db8::1]:8080");
}

// --- command line --------------------------------------------------------------------------------

CommandLine parse(std::vector<const char*> words, Settings* settings) {
    std::string why;
    words.insert(words.begin(), "cordon-replay");
    words.push_back(nullptr);
    return parse_command_line(static_cast<int>(words.size() - 1), const_cast<char**>(words.data()),
                              settings, &why);
}

void the_defaults_are_those_of_the_contract(void**) {
    Settings settings;
    assert_int_equal(parse({"a.pcap", "b.pcap"}, &settings), CommandLine::ok);
    assert_int_equal(settings.inputs.size(), 2);
    assert_true(settings.services.empty());
    assert_int_equal(settings.checksums, ChecksumRule::strict);
    assert_false(settings.midstream_inspect);
    assert_int_equal(settings.digests.bits, 15);
    const Options options = make_options(settings, false);
    assert_int_equal(options.service_count, 1);
    assert_int_equal(options.services[0].prefix.bits, 0);
    assert_int_equal(options.services[0].port, 0);
    assert_int_equal(options.services[0].mode, ServiceMode::observe);
}

void every_option_is_understood(void**) {
    Settings settings;
    assert_int_equal(parse({"--service", "10.0.0.1:80,[::1]:81", "x.pcap", "--digests", "md5",
                            "--checksums=off", "--midstream", "inspect", "--hashes", "h",
                            "--client-out", "c", "--storage-out", "s"},
                           &settings),
                     CommandLine::ok);
    assert_int_equal(settings.services.size(), 2);
    assert_int_equal(settings.services[1].port, 81);
    assert_int_equal(settings.digests.bits, KindSet{IndicatorKind::md5}.bits);
    assert_int_equal(settings.checksums, ChecksumRule::off);
    assert_true(settings.midstream_inspect);
    assert_string_equal(settings.hashes_path.c_str(), "h");
    assert_string_equal(settings.client_out.c_str(), "c");
    assert_string_equal(settings.inputs.at(0).c_str(), "x.pcap");
    const Options options = make_options(settings, true);
    assert_int_equal(options.service_count, 2);
    assert_int_equal(options.services[1].prefix.bits, 128);
    assert_int_equal(options.services[0].mode, ServiceMode::enforce);
}

void wrong_command_lines_are_refused(void**) {
    const std::vector<const char*> wrong[] = {
        {},
        {"--service", "10.0.0.1", "x"},
        {"--service", "10.0.0.1:0", "x"},
        {"--service", "10.0.0.1:65536", "x"},
        {"--service", "::1:80", "x"},
        {"--service", "[10.0.0.1]:80", "x"},
        {"--service", "10.0.0.1:80,", "x"},
        {"--digests", "sha512", "x"},
        {"--digests", "", "x"},
        {"--checksums", "maybe", "x"},
        {"--midstream", "pass", "x"},
        {"--unknown", "x"},
        {"x", "--index"},
        {"--index", "i", "--hashes", "h", "x"},
    };
    for (const std::vector<const char*>& words : wrong) {
        Settings settings;
        assert_int_equal(parse(words, &settings), CommandLine::wrong);
    }
}

// --- link layers ---------------------------------------------------------------------------------

void every_link_layer_becomes_ethernet(void**) {
    const FrameBytes ethernet = Packet().payload("data").frame();
    const FrameBytes ethernet6 = Packet().ipv6("2001:db8::1", "::1").payload("data").frame();
    const auto behind = [](FrameBytes header, const FrameBytes& frame) {
        header.insert(header.end(), frame.begin() + 14, frame.end());
        return header;
    };
    FrameBytes cooked(16), cooked2(20);
    store_be16(cooked.data() + 14, 0x0800);
    store_be16(cooked2.data(), 0x0800);
    const struct {
        int link;
        FrameBytes packet;
    } cases[] = {
        {DLT_EN10MB, ethernet},
        {DLT_RAW, behind({}, ethernet)},
        {DLT_RAW, behind({}, ethernet6)},
        {DLT_IPV4, behind({}, ethernet)},
        {DLT_IPV6, behind({}, ethernet6)},
        {DLT_NULL, behind({2, 0, 0, 0}, ethernet)},
        {DLT_LOOP, behind({0, 0, 0, 24}, ethernet6)},
        {DLT_LINUX_SLL, behind(cooked, ethernet)},
        {DLT_LINUX_SLL2, behind(cooked2, ethernet)},
        {DLT_PPP, behind({0xff, 0x03, 0x00, 0x21}, ethernet)},
        {DLT_PPP, behind({0x00, 0x57}, ethernet6)},
        {DLT_PPP, behind({0x21}, ethernet)},
    };
    for (const auto& c : cases) {
        assert_true(link_supported(c.link));
        FrameBytes buffer;
        Bytes frame;
        Segment segment;
        Outcome why;
        assert_true(to_ethernet(c.link, c.packet, &buffer, &frame));
        assert_int_equal(decode(frame, ChecksumRule::strict, &segment, &why), DecodeResult::tcp);
        assert_memory_equal(segment.payload.data(), "data", 4);
    }
    assert_false(link_supported(DLT_IEEE802_11));
}

void a_packet_shorter_than_its_link_header_is_noticed(void**) {
    const std::uint8_t bytes[20] = {};
    FrameBytes buffer;
    Bytes frame;
    assert_false(to_ethernet(DLT_NULL, Bytes(bytes).first(3), &buffer, &frame));
    assert_false(to_ethernet(DLT_LINUX_SLL, Bytes(bytes).first(15), &buffer, &frame));
    assert_false(to_ethernet(DLT_LINUX_SLL2, Bytes(bytes).first(19), &buffer, &frame));
    assert_false(to_ethernet(DLT_PPP, Bytes(bytes).first(1), &buffer, &frame));
    assert_true(to_ethernet(DLT_RAW, Bytes(bytes).first(0), &buffer, &frame));
}

// --- roles ---------------------------------------------------------------------------------------

FrameBytes from_a(std::uint8_t flags, std::string_view payload = "", std::uint16_t port = 80,
                  std::uint16_t to = 4242) {
    return Packet()
        .ipv4("10.0.0.1", "10.0.0.2")
        .ports(port, to)
        .flags(flags)
        .payload(payload)
        .frame();
}

FrameBytes from_b(std::uint8_t flags, std::string_view payload = "", std::uint16_t port = 4242,
                  std::uint16_t to = 80) {
    return Packet()
        .ipv4("10.0.0.2", "10.0.0.1")
        .ports(port, to)
        .flags(flags)
        .payload(payload)
        .frame();
}

constexpr std::uint8_t syn_ack = tcp_flag::syn | tcp_flag::ack;

void who_sends_the_first_syn_is_the_client(void**) {
    int surveys = 0;
    Roles roles({}, ChecksumRule::strict, [&] { ++surveys; });
    // Against port numbers and methods: a has the lower port and answers with a method.
    assert_int_equal(roles.side_of(from_a(tcp_flag::syn)), Side::client);
    assert_int_equal(roles.side_of(from_b(syn_ack)), Side::storage);
    assert_int_equal(roles.side_of(from_b(tcp_flag::ack, "GET / ")), Side::storage);
    assert_int_equal(roles.side_of(from_a(tcp_flag::ack)), Side::client);
    assert_int_equal(surveys, 0);
}

void a_syn_with_a_wrong_checksum_decides_nothing(void**) {
    const FrameBytes bad = Packet()
                               .ipv4("10.0.0.1", "10.0.0.2")
                               .ports(80, 4242)
                               .flags(tcp_flag::syn)
                               .bad_tcp_checksum()
                               .frame();
    Roles roles({}, ChecksumRule::strict, [] {});
    roles.side_of(bad);
    assert_int_equal(roles.side_of(from_b(tcp_flag::syn)), Side::client);
    assert_int_equal(roles.side_of(from_a(syn_ack)), Side::storage);
}

void without_a_syn_the_rest_of_the_capture_decides(void**) {
    SegmentEnd service{};
    assert_true(parse_service("10.0.0.2:4242", &service));
    Roles by_service({service}, ChecksumRule::strict, [] {});
    assert_int_equal(by_service.side_of(from_b(tcp_flag::ack)), Side::storage);

    const auto with_future = [](const FrameBytes& future) {
        static Roles* current;
        Roles roles({}, ChecksumRule::strict, [&future] { current->see(future); });
        current = &roles;
        return roles.side_of(from_a(tcp_flag::ack));
    };
    assert_int_equal(with_future(from_a(tcp_flag::syn)), Side::client);
    assert_int_equal(with_future(from_b(tcp_flag::syn)), Side::storage);
    assert_int_equal(with_future(from_b(syn_ack)), Side::client);
    assert_int_equal(with_future(from_a(tcp_flag::ack, "PUT /x HTTP/1.1")), Side::client);
    assert_int_equal(with_future(from_b(tcp_flag::ack, "PUT /x HTTP/1.1")), Side::storage);
    // Nothing tells: b has the higher port.
    assert_int_equal(with_future(from_b(tcp_flag::ack, "PUTTING")), Side::storage);
}

// A fragment has no ports but the first, and that may come late.
void fragments_come_from_the_side_of_their_flow(void**) {
    const auto of = [](const char* from, const char* to, std::uint16_t source, std::uint16_t port,
                       std::uint8_t flags) {
        return fragments_of(Packet()
                                .ipv4(from, to)
                                .ports(source, port)
                                .flags(flags)
                                .payload(std::string(60, 'x'))
                                .frame(),
                            24);
    };
    const std::vector<FrameBytes> request = of("10.0.0.9", "10.0.0.1", 50000, 80, tcp_flag::ack);
    const std::vector<FrameBytes> answer = of("10.0.0.1", "10.0.0.9", 80, 50000, tcp_flag::ack);
    static Roles* current;
    for (const std::vector<FrameBytes>& seen : {request, answer}) {
        Roles roles({}, ChecksumRule::strict, [&seen] {
            for (const FrameBytes& frame : seen)
                current->see(frame);
        });
        current = &roles;
        assert_int_equal(roles.side_of(request[2]), Side::client);
        assert_int_equal(roles.side_of(answer[2]), Side::storage);
        for (std::size_t n = 0; n < 4; ++n) {
            assert_int_equal(roles.side_of(answer[n]), Side::storage);
            assert_int_equal(roles.side_of(request[n]), Side::client);
        }
    }
    // A host that speaks to itself, and whose SYN is in fragments.
    const std::vector<FrameBytes> own = of("10.0.0.1", "10.0.0.1", 40, 50, tcp_flag::syn);
    Roles roles({}, ChecksumRule::strict, [] {});
    for (const FrameBytes& frame : own)
        assert_int_equal(roles.side_of(frame), Side::client);
}

// --- resegmentation ------------------------------------------------------------------------------

void an_offloaded_segment_is_cut_into_frames(void**) {
    FrameBytes payload(20000);
    for (std::size_t at = 0; at < payload.size(); ++at)
        payload[at] = static_cast<std::uint8_t>(at * 31 >> 3);
    for (Packet packet : {Packet(), Packet().ipv6("2001:db8::1", "2001:db8::2")}) {
        const FrameBytes frame = packet.sequence(0xffffff00)
                                     .flags(tcp_flag::ack | tcp_flag::psh | tcp_flag::fin)
                                     .payload(Bytes(payload))
                                     .frame();
        FrameBytes joined;
        std::uint32_t sequence = 0xffffff00;
        int pieces = 0;
        std::uint8_t flags = 0;
        resegment(frame, ChecksumRule::strict, 1514, [&](Bytes piece) {
            Segment segment;
            Outcome why;
            assert_true(piece.size() <= 1514);
            assert_int_equal(decode(piece, ChecksumRule::strict, &segment, &why),
                             DecodeResult::tcp);
            assert_int_equal(segment.sequence, sequence);
            if (pieces++ > 0) assert_int_equal(flags, tcp_flag::ack);
            flags = segment.flags;
            sequence += static_cast<std::uint32_t>(segment.payload.size());
            joined.insert(joined.end(), segment.payload.begin(), segment.payload.end());
        });
        assert_true(pieces > 13);
        assert_int_equal(flags, tcp_flag::ack | tcp_flag::psh | tcp_flag::fin);
        assert_true(joined == payload);
    }
}

void what_fits_or_is_malformed_is_given_as_it_is(void**) {
    const FrameBytes small = Packet().payload("x").frame();
    const FrameBytes bad = Packet().payload(Bytes(FrameBytes(3000))).bad_tcp_checksum().frame();
    for (const FrameBytes* frame : {&small, &bad}) {
        int pieces = 0;
        resegment(*frame, ChecksumRule::strict, 1514, [&](Bytes piece) {
            ++pieces;
            assert_int_equal(piece.size(), frame->size());
        });
        assert_int_equal(pieces, 1);
    }
}

// --- captures, port and clock --------------------------------------------------------------------

char capture_path[] = "/tmp/replay_test.XXXXXX";

int make_path(void**) {
    const int fd = ::mkstemp(capture_path);
    if (fd >= 0) ::close(fd);
    return fd >= 0 ? 0 : -1;
}

int remove_path(void**) {
    return ::unlink(capture_path);
}

void what_a_port_sends_can_be_read_again(void**) {
    PcapPort port;
    std::string why;
    assert_true(port.open_outputs("", capture_path, &why));
    port.set_time(5000000123);
    const FrameBytes bytes = Packet().payload("sent").frame();
    const Frame pushed = port.copy(bytes);
    port.push(Side::client, {&pushed, 1});
    Frame frame;
    assert_int_equal(port.receive(Side::storage, &frame, 1), 0);
    assert_int_equal(port.receive(Side::client, &frame, 1), 1);
    assert_int_equal(port.receive(Side::client, &frame, 1), 0);
    assert_int_equal(port.transmit(Side::storage, &frame, 1), 1);
    assert_true(port.close_outputs());

    Capture capture({capture_path, capture_path});
    CapturedFrame captured;
    for (int file = 0; file < 2; ++file) {
        assert_int_equal(capture.next(&captured), ReadResult::frame);
        assert_int_equal(captured.unix_ns, 5000000123);
        assert_true(FrameBytes(captured.frame.begin(), captured.frame.end()) == bytes);
    }
    assert_int_equal(capture.next(&captured), ReadResult::end);
    assert_int_equal(capture.packets(), 2);
}

// A worker overwrites bytes of a frame, and keeps some while the next file is read.
void a_mapped_frame_may_be_written_to_and_outlives_its_file(void**) {
    const FrameBytes bytes = Packet().payload("sent").frame();
    PcapPort port;
    std::string why;
    assert_true(port.open_outputs("", capture_path, &why));
    const Frame pushed = port.copy(bytes);
    Frame frame;
    port.push(Side::client, {&pushed, 1});
    assert_int_equal(port.receive(Side::client, &frame, 1), 1);
    port.transmit(Side::storage, &frame, 1);
    assert_true(port.close_outputs());

    Capture capture({capture_path, capture_path});
    CapturedFrame first, second;
    assert_int_equal(capture.next(&first), ReadResult::frame);
    assert_true(first.place.data() == first.frame.data());
    assert_int_equal(first.place.size(), first.frame.size());
    std::fill(first.place.begin(), first.place.end(), std::uint8_t{0xee});
    assert_int_equal(capture.next(&second), ReadResult::frame);
    assert_true(FrameBytes(second.frame.begin(), second.frame.end()) == bytes);
    assert_int_equal(capture.next(&second), ReadResult::end);
    assert_int_equal(first.frame[0], 0xee);
}

void a_frame_has_the_room_it_needs_and_none_of_the_next(void**) {
    PcapPort port;
    FrameBytes place(100);
    Frame frames[] = {PcapPort::in_place(place),
                      port.copy(FrameBytes(2048)),
                      port.copy(FrameBytes(2049)),
                      port.copy({}),
                      {}};
    assert_true(port.allocate(Side::client, &frames[4]));
    const std::size_t most = PcapPort::frame_bytes_max;
    const std::size_t capacities[] = {100, 2048, most, 2048, most};
    for (std::size_t n = 0; n < 5; ++n)
        assert_int_equal(frames[n].capacity, capacities[n]);
    const std::uint8_t* const small = frames[3].data;
    for (Frame& frame : frames) {
        std::fill_n(frame.data, frame.capacity, std::uint8_t{1});
        port.release(&frame);
        assert_null(frame.data);
    }
    assert_true(port.copy(FrameBytes(9)).data == small);  // the last that came free
}

void a_burst_is_received_in_parts_and_of_its_side(void**) {
    PcapPort port;
    FrameBytes place(3);
    const Frame burst[] = {PcapPort::in_place(MutableBytes(place).first(1)),
                           PcapPort::in_place(MutableBytes(place).subspan(1, 1)),
                           PcapPort::in_place(MutableBytes(place).subspan(2, 1))};
    port.push(Side::storage, burst);
    Frame frames[4];
    assert_int_equal(port.receive(Side::client, frames, 4), 0);
    assert_int_equal(port.receive(Side::storage, frames, 2), 2);
    assert_int_equal(port.receive(Side::storage, frames + 2, 2), 1);
    assert_int_equal(port.receive(Side::storage, frames, 4), 0);
    for (std::size_t n = 0; n < 3; ++n)
        assert_true(frames[n].data == place.data() + n);
}

void a_capture_cut_short_is_an_error_with_its_packet(void**) {
    PcapPort port;
    std::string why;
    assert_true(port.open_outputs(capture_path, "", &why));
    for (int n = 0; n < 2; ++n) {
        Frame frame = port.copy(test::Packet().payload("sent").frame());
        port.push(Side::client, {&frame, 1});
        port.receive(Side::client, &frame, 1);
        port.transmit(Side::client, &frame, 1);
    }
    assert_true(port.close_outputs());
    assert_int_equal(::truncate(capture_path, 24 + 16 + 58 + 16 + 10), 0);
    Capture capture({capture_path});
    CapturedFrame captured;
    assert_int_equal(capture.next(&captured), ReadResult::frame);
    assert_int_equal(capture.next(&captured), ReadResult::error);
    assert_non_null(std::strstr(capture.error().c_str(), ": packet 2: "));
    assert_int_equal(capture.next(&captured), ReadResult::end);
}

// A file in the other order of bytes, with microseconds, whose packets are cut at 60 bytes.
void reads_a_mapped_file_as_its_head_says(void**) {
    const auto put = [](std::vector<std::uint8_t>* out, std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8)
            out->push_back(static_cast<std::uint8_t>(value >> shift));
    };
    std::vector<std::uint8_t> file;
    for (const std::uint32_t word : {0xa1b2c3d4u, 0x00020004u, 0u, 0u, 60u, 1u})
        put(&file, word);
    for (const std::uint32_t length : {0u, 42u, 100u}) {
        for (const std::uint32_t word : {4000000000u, 999999u, length, 1500u})
            put(&file, word);
        file.insert(file.end(), length, static_cast<std::uint8_t>(length));
    }
    const test::GuardedBytes guarded(file);
    PcapView view;
    assert_true(view.open(guarded.bytes()));
    Bytes packet;
    std::uint64_t unix_ns = 0;
    for (const std::size_t length : {0u, 42u, 60u}) {
        assert_int_equal(view.next(&packet, &unix_ns), PcapView::Read::packet);
        assert_int_equal(packet.size(), length);
        assert_int_equal(unix_ns, 4000000000999999000);
    }
    assert_int_equal(view.next(&packet, &unix_ns), PcapView::Read::end);
    // Wherever it ends, it is cut short or ends between two packets.
    for (std::size_t size = 0; size < file.size(); ++size) {
        const test::GuardedBytes cut(Bytes(file).first(size));
        PcapView::Read last = PcapView::Read::packet;
        if (!view.open(cut.bytes())) continue;
        while (last == PcapView::Read::packet)
            last = view.next(&packet, &unix_ns);
        const bool between = size == 24 || size == 40 || size == 40 + 16 + 42;
        assert_int_equal(last, between ? PcapView::Read::end : PcapView::Read::cut_short);
    }
}

// What is not mapped is read by libpcap: here a file of another link layer.
void reads_through_libpcap_what_is_not_mapped(void**) {
    const std::uint32_t words[] = {0xa1b2c3d4, 4u << 16 | 2, 0,    0, 65535, 101, 5, 7,
                                   20,         20,           0x45, 0, 0,     0,   0};
    const Bytes file(reinterpret_cast<const std::uint8_t*>(words), sizeof words);
    PcapView view;
    assert_false(view.open(file));
    std::FILE* out = std::fopen(capture_path, "wb");
    assert_non_null(out);
    assert_int_equal(std::fwrite(file.data(), 1, file.size(), out), file.size());
    std::fclose(out);
    Capture capture({capture_path});
    CapturedFrame captured;
    assert_int_equal(capture.next(&captured), ReadResult::frame);
    assert_int_equal(captured.frame.size(), 14 + 20);
    assert_int_equal(captured.unix_ns, 5000007000);
    assert_int_equal(capture.next(&captured), ReadResult::end);
}

void the_clock_follows_the_capture_and_never_goes_back(void**) {
    Clock clock;
    constexpr std::uint64_t start = 1700000000 * ns_per_s;
    clock.advance_to_capture(start);
    const std::uint64_t first = clock.now().ns;
    assert_int_equal(clock.now().unix_ns, start);
    clock.advance_to_capture(start + ns_per_ms);
    assert_int_equal(clock.now().ns, first + ns_per_ms);
    clock.advance_to(first + 3 * ns_per_ms);  // by a timer
    clock.advance_to_capture(start + 2 * ns_per_ms);
    assert_int_equal(clock.now().ns, first + 3 * ns_per_ms);
    clock.advance_to_capture(start - 3600 * ns_per_s);  // the next file is older
    assert_int_equal(clock.now().ns, first + 3 * ns_per_ms);
    clock.advance_to_capture(start - 3599 * ns_per_s);
    assert_int_equal(clock.now().ns, first + 3 * ns_per_ms + ns_per_s);
    clock.advance_to_capture(0);
    clock.advance_to_capture(5);
    assert_true(clock.now().ns >= first + 3 * ns_per_ms + ns_per_s);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hostile_bytes_become_valid_json),
        cmocka_unit_test(an_object_is_one_line_of_the_contract),
        cmocka_unit_test(a_form_part_carries_its_names),
        cmocka_unit_test(a_verdict_carries_its_reason_or_indicator),
        cmocka_unit_test(the_summary_shows_only_what_is_not_zero),
        cmocka_unit_test(ends_are_written_as_people_write_them),
        cmocka_unit_test(the_defaults_are_those_of_the_contract),
        cmocka_unit_test(every_option_is_understood),
        cmocka_unit_test(wrong_command_lines_are_refused),
        cmocka_unit_test(every_link_layer_becomes_ethernet),
        cmocka_unit_test(a_packet_shorter_than_its_link_header_is_noticed),
        cmocka_unit_test(who_sends_the_first_syn_is_the_client),
        cmocka_unit_test(a_syn_with_a_wrong_checksum_decides_nothing),
        cmocka_unit_test(without_a_syn_the_rest_of_the_capture_decides),
        cmocka_unit_test(fragments_come_from_the_side_of_their_flow),
        cmocka_unit_test(an_offloaded_segment_is_cut_into_frames),
        cmocka_unit_test(what_fits_or_is_malformed_is_given_as_it_is),
        cmocka_unit_test(what_a_port_sends_can_be_read_again),
        cmocka_unit_test(a_mapped_frame_may_be_written_to_and_outlives_its_file),
        cmocka_unit_test(a_frame_has_the_room_it_needs_and_none_of_the_next),
        cmocka_unit_test(a_burst_is_received_in_parts_and_of_its_side),
        cmocka_unit_test(a_capture_cut_short_is_an_error_with_its_packet),
        cmocka_unit_test(reads_a_mapped_file_as_its_head_says),
        cmocka_unit_test(reads_through_libpcap_what_is_not_mapped),
        cmocka_unit_test(the_clock_follows_the_capture_and_never_goes_back),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
