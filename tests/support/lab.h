// A whole appliance in memory: a Worker between a client and a storage that the test plays, with a
// clock that only the test moves.
//
// The storage is a model of a receiver after RFC 9293: it puts what it gets in order, first copy
// wins, and `stored` is what its application would have read. acknowledge() sends its ACKs back.
//
// Owns:       port, recorder, worker, clock.
// Limits:     one connection at a time (connect() begins another one).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "dataplane/content/pattern_scanner.h"
#include "dataplane/content/type_scanner.h"
#include "dataplane/worker/worker.h"
#include "tests/support/fragments.h"
#include "tests/support/index_images.h"
#include "tests/support/memory_port.h"
#include "tests/support/memory_recorder.h"
#include "tests/support/packet_builder.h"

namespace cordon::test {

inline constexpr std::uint32_t client_isn = 0xffffff00;  // wraps within the first request
inline constexpr std::uint32_t storage_isn = 5000;

inline Options lab_options() {
    Options options{};
    std::strcpy(options.node_prefix, "LAB");
    std::strcpy(options.operator_name, "Example Hosting");
    std::strcpy(options.complaint_url, "https://example.net/complaint");
    std::strcpy(options.contact, "abuse@example.net");
    std::strcpy(options.legal_basis, "terms of use");
    options.answer_text = AnswerText::explain;
    options.lab = 1;
    options.workers = 1;
    options.flows_max = 64;
    options.messages_max = 16;
    options.kept_bytes_flow_max = 1 << 20;
    options.kept_bytes_worker_max = 4 << 20;
    options.tail_release_us = limits::tail_release_us;
    options.journal_ms_max = limits::journal_ms_max;
    options.drain_bytes_max = limits::drain_bytes_max;
    options.absorb_seconds = limits::absorb_seconds;
    options.assemblies_max = 256;
    options.assembly_seconds = limits::assembly_seconds;
    options.spool_bytes_max = 16 << 20;
    options.policy_generation = 3;
    options.service_count = 1;
    ServiceOptions& service = options.services[0];
    std::strcpy(service.name, "files");
    const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2};
    std::memcpy(service.prefix.address, address, sizeof address);
    service.prefix.bits = 128;
    service.port = 80;
    service.vlan = -1;
    service.mode = ServiceMode::enforce;
    service.on_midstream = MidstreamAction::retire;
    service.on_tls = UninspectedAction::reset;
    service.on_unparsable = service.on_limit = UninspectedAction::refuse;
    return options;
}

// The content that the lab's index lists, and its digest.
inline std::string known_content(std::size_t bytes = 3000) {
    std::string content = "harmless known file ";
    while (content.size() < bytes)
        content += static_cast<char>('a' + content.size() % 26);
    content.resize(bytes);
    return content;
}

inline std::string put(std::string_view target, std::string_view body, std::string_view more = "") {
    return "PUT " + std::string(target) +
           " HTTP/1.1\r\nHost: files.example\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(more) + "\r\n" + std::string(body);
}

inline AlignedBytes index_of_contents(std::initializer_list<std::string> contents,
                                      IndicatorKind kind = IndicatorKind::sha256,
                                      RightsCeiling ceiling = RightsCeiling::block) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t section =
        *builder.add_section({.name = "lab", .ceiling = ceiling, .generation = 4}, key_of(1));
    std::uint64_t reference = 4711;
    for (const std::string& content : contents) {
        std::uint8_t digest[32];
        const Bytes bytes = as_bytes(content);
        if (kind == IndicatorKind::sha256)
            SHA256(bytes.data(), bytes.size(), digest);
        else
            SHA1(bytes.data(), bytes.size(), digest);
        builder.add(section, {.kind = kind,
                              .digest = Bytes(digest).first(digest_length(kind)),
                              .reference = reference++});
    }
    return built(&builder);
}

// Compiled once for all labs of a program.
inline const TypeDatabases* lab_types() {
    static const TypeDatabases types;
    return &types;
}

class Lab {
  public:
    explicit Lab(Options the_options = lab_options(), std::size_t buffers = 4096,
                 std::size_t buffer_bytes = 4096, Assembly* assembly = nullptr,
                 ChecksumRule checksums = ChecksumRule::strict)
        : options(the_options), port(buffers, buffer_bytes) {
        WorkerOptions settings{};
        settings.options = &options;
        settings.assembly = assembly;
        settings.checksums = checksums;
        settings.seed = 7;
        settings.types = lab_types();
        worker = std::make_unique<Worker>(settings, &port, &recorder);
    }

    // Every received frame is in one class, and so is every byte that was read of bodies or of
    // connections without framing; what a test leaves under way is said to be.
    ~Lab() {
        const Counters& counters = worker->counters();
        std::uint64_t frames =
            counters.received[0].bytes.read() + counters.received[1].bytes.read();
        for (const Tally& tally : counters.frames)
            frames -= tally.bytes.read();
        std::uint64_t objects = counters.body_bytes.read() + counters.unframed_bytes.read() -
                                worker->object_bytes_open();
        for (const Tally& tally : counters.objects)
            objects -= tally.bytes.read();
        for (std::size_t i = 0; i < object_class_count; ++i) {
            std::uint64_t of_services = 0;
            for (const ServiceCounters& service : counters.services)
                of_services += service.objects[i].bytes.read();
            INVARIANT(of_services == counters.objects[i].bytes.read());
        }
        if (frames == 0 && objects == 0) return;
        std::fprintf(stderr, "ledgers differ: frames by %lld bytes, objects by %lld\n",
                     static_cast<long long>(frames), static_cast<long long>(objects));
        std::abort();
    }
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;

    void use(AlignedBytes new_image) {
        auto next = std::make_unique<LabIndex>();
        next->image = std::move(new_image);
        const char* why = nullptr;
        INVARIANT(IndexView::open(next->image.bytes(), true, &next->view, &why) == IndexStatus::ok);
        INVARIANT(PatternView::open(next->view, &next->patterns).has_value());
        if (!next->patterns.empty())
            next->scanner = PatternScanner::make(next->patterns, pattern_streams);
        worker->use_index(&next->view, next->scanner.get());
        index = std::move(next);  // the one before lives until it is replaced
    }
    void use_again() { worker->use_index(&index->view, index->scanner.get()); }

    // --- time ---
    void step(std::uint64_t microseconds = 10) {
        now_ns += microseconds * ns_per_us;
        worker->poll({now_ns, unix_zero_ns + now_ns});
        collect();
    }

    // --- the client ---
    Packet client_packet() const {
        Packet packet = addressed("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2");
        packet.macs(storage_mac, client_mac).ports(client_port, 80).window(client_room);
        return stamped(packet, client_clock, storage_clock);
    }
    Packet storage_packet() const {
        Packet packet = addressed("10.0.0.2", "10.0.0.1", "fd00::2", "fd00::1");
        packet.macs(client_mac, storage_mac).ports(80, client_port).window(0xffff);
        return stamped(packet, storage_clock, client_clock);
    }

    void connect() {
        ++client_port;
        storage_segments.clear();
        stored.clear();
        answer.clear();
        client_next = isn + 1;
        client_acked = storage_isn + 1;
        storage_next = storage_isn + 1;
        storage_reset = client_fin = client_reset = storage_fin = false;
        port.push(Side::client,
                  client_packet().sequence(isn).flags(tcp_flag::syn).mss(mss).frame());
        step();
        port.push(Side::storage, storage_packet()
                                     .sequence(storage_isn)
                                     .acknowledgement(isn + 1)
                                     .flags(tcp_flag::syn | tcp_flag::ack)
                                     .mss(mss)
                                     .frame());
        step();
        send_ack();
    }

    // One segment at an offset of the client's stream.
    void segment(std::uint64_t offset, std::string_view bytes,
                 std::uint8_t flags = tcp_flag::ack | tcp_flag::psh) {
        push_client(client_packet()
                        .sequence(isn + 1 + static_cast<std::uint32_t>(offset))
                        .acknowledgement(client_acked)
                        .flags(flags)
                        .payload(bytes)
                        .frame());
        step();
    }
    // As it is, or with `fragment_bytes` in fragments, the last one first.
    void push_client(const FrameBytes& frame) {
        std::vector<FrameBytes> frames{frame};
        if (fragment_bytes != 0) frames = fragments_of(frame, fragment_bytes, ++fragment_id);
        for (auto at = frames.rbegin(); at != frames.rend(); ++at)
            port.push(Side::client, *at);
    }
    // All of it in segments of `size`, acknowledged by the storage as it goes.
    void send(std::string_view bytes, std::size_t size = 1000) {
        while (!bytes.empty()) {
            const std::string_view part = bytes.substr(0, size);
            segment(client_next - isn - 1, part);
            client_next += static_cast<std::uint32_t>(part.size());
            bytes.remove_prefix(part.size());
            acknowledge();
        }
    }
    void send_fin() {
        segment(client_next - isn - 1, {}, tcp_flag::fin | tcp_flag::ack);
        ++client_next;
    }
    void send_ack() {
        port.push(Side::client, client_packet()
                                    .sequence(client_next)
                                    .acknowledgement(client_acked)
                                    .flags(tcp_flag::ack)
                                    .frame());
        step();
    }

    // --- the storage ---
    void acknowledge() {
        port.push(Side::storage,
                  storage_packet()
                      .sequence(storage_next)
                      .acknowledgement(isn + 1 + static_cast<std::uint32_t>(stored.size()) +
                                       (storage_fin ? 1U : 0U))
                      .flags(tcp_flag::ack)
                      .frame());
        step();
    }
    void respond(std::string_view text) {
        port.push(Side::storage,
                  storage_packet()
                      .sequence(storage_next)
                      .acknowledgement(isn + 1 + static_cast<std::uint32_t>(stored.size()))
                      .flags(tcp_flag::ack | tcp_flag::psh)
                      .payload(text)
                      .frame());
        storage_next += static_cast<std::uint32_t>(text.size());
        step();
        send_ack();
    }

    std::uint64_t count(Outcome outcome) const { return worker->counters().read(outcome); }

    Options options;
    MemoryPort port;
    MemoryRecorder recorder{4096};
    struct LabIndex {
        AlignedBytes image;
        IndexView view;
        PatternView patterns;
        std::unique_ptr<PatternScanner> scanner;
    };
    std::unique_ptr<LabIndex> index;
    std::uint32_t pattern_streams = 8;
    std::unique_ptr<Worker> worker;
    std::uint64_t now_ns = ns_per_s;
    std::uint64_t unix_zero_ns = index_now_s * ns_per_s;

    std::uint8_t client_mac[6] = {2, 0, 0, 0, 0, 1};
    std::uint8_t storage_mac[6] = {2, 0, 0, 0, 0, 2};
    std::size_t misled = 0;          // frames sent to another MAC than the receiver has now
    std::size_t fragment_bytes = 0;  // of each fragment of the client's datagrams; 0: whole ones
    std::uint32_t fragment_id = 0;
    std::uint32_t client_clock = 0;  // both not 0: the ends use timestamps
    std::uint32_t storage_clock = 0;
    bool ipv6 = false;                 // the service at fd00::2 has to be among the options
    std::uint16_t client_room = 1000;  // the window it announces
    std::uint16_t mss = 1460;          // that both ends announce
    std::uint32_t isn = client_isn;    // of the connection in use
    std::uint16_t client_port = 40000;
    std::uint32_t client_next = 0;
    std::uint32_t client_acked = storage_isn + 1;  // what the client acknowledges
    std::uint32_t storage_next = 0;
    std::string stored;          // what the storage's application read
    std::string answer;          // what the client's application read
    bool storage_reset = false;  // an RST at the number it expects
    bool storage_fin = false;
    bool client_fin = false;
    bool client_reset = false;
    bool client_believes_reset = false;              // the last one stood at the number it expects
    std::size_t longest = 0;                         // payload that the storage got in one segment
    std::uint16_t client_window = 0;                 // last that was announced to the client, raw
    std::function<void(const Segment&)> at_storage;  // sees every segment beside the storage

  private:
    // Lets both ends receive what the worker sent.
    void collect() {
        for (const auto& frame : port.take(Side::storage)) {
            misled += std::memcmp(frame.data(), storage_mac, 6) != 0;
            if (at_storage) at_storage(read(frame));
            storage_receives(frame);
        }
        for (const auto& frame : port.take(Side::client)) {
            misled += std::memcmp(frame.data(), client_mac, 6) != 0;
            client_receives(frame);
        }
    }

    Packet addressed(const char* from, const char* to, const char* from6, const char* to6) const {
        return ipv6 ? Packet().ipv6(from6, to6) : Packet().ipv4(from, to);
    }
    static Packet stamped(Packet packet, std::uint32_t value, std::uint32_t echo) {
        if (value != 0 && echo != 0) packet.timestamps(value, echo);
        return packet;
    }

    static Segment read(Bytes frame) {
        Segment segment;
        Outcome why;
        INVARIANT(decode(frame, ChecksumRule::strict, &segment, &why) == DecodeResult::tcp);
        return segment;
    }

    void storage_receives(Bytes frame) {
        const Segment segment = read(frame);
        if (segment.source.port != client_port || (segment.flags & tcp_flag::syn) != 0) return;
        const std::uint32_t expected = isn + 1 + static_cast<std::uint32_t>(stored.size());
        if ((segment.flags & tcp_flag::rst) != 0) {
            storage_reset = storage_reset || segment.sequence == expected;
            return;
        }
        const auto offset = static_cast<std::int64_t>(stored.size()) +
                            static_cast<std::int32_t>(segment.sequence - expected);
        longest = std::max(longest, segment.payload.size());
        if (!segment.payload.empty())
            storage_segments.emplace(offset, std::string(as_text(segment.payload)));
        deliver();
        if ((segment.flags & tcp_flag::fin) != 0 &&
            offset + static_cast<std::int64_t>(segment.payload.size()) ==
                static_cast<std::int64_t>(stored.size()))
            storage_fin = true;
    }

    void deliver() {
        for (auto at = storage_segments.begin(); at != storage_segments.end();) {
            const auto have = static_cast<std::int64_t>(stored.size());
            if (at->first > have) return;
            const auto end = at->first + static_cast<std::int64_t>(at->second.size());
            if (end > have) stored += at->second.substr(static_cast<std::size_t>(have - at->first));
            at = storage_segments.erase(at);
        }
    }

    void client_receives(Bytes frame) {
        const Segment segment = read(frame);
        if (segment.destination.port != client_port || (segment.flags & tcp_flag::syn) != 0) return;
        if ((segment.flags & tcp_flag::rst) != 0) {
            client_reset = true;
            client_believes_reset = segment.sequence == client_acked;
        }
        client_window = segment.window;
        // PAWS (RFC 7323 §5.3)
        if (segment.has_timestamp) {
            if (static_cast<std::int32_t>(segment.timestamp_value - client_recent_) < 0) return;
            client_recent_ = segment.timestamp_value;
        }
        if (segment.sequence != client_acked) return;
        answer += as_text(segment.payload);
        client_acked += static_cast<std::uint32_t>(segment.payload.size());
        if ((segment.flags & tcp_flag::fin) != 0 && !client_fin) {
            client_fin = true;
            ++client_acked;
        }
    }

    std::multimap<std::int64_t, std::string> storage_segments;
    std::uint32_t client_recent_ = 0;
};

}  // namespace cordon::test
