#include "dataplane/verifier/line_judge.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/decode/build.h"
#include "dataplane/http/syntax.h"

namespace cordon::verifier {

namespace {

constexpr std::size_t payload_bytes = 8000;  // of a segment; a frame holds it with its headers
constexpr std::uint32_t window_bytes = 65535;
constexpr std::uint32_t client_isn = 1, storage_isn = 1;
constexpr std::uint16_t service_port = 80;

// Two hosts that exist nowhere but here.
SegmentTemplate client_template() {
    SegmentTemplate like{};
    const std::uint8_t link[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00};
    std::copy(std::begin(link), std::end(link), like.link);
    like.link_length = sizeof link;
    like.hop_limit = 64;
    like.source = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}}, 40000};
    like.destination = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2}}, service_port};
    like.traffic = 4u << 28 | 5u << 24;
    return like;
}

// Nothing is refused for its form: what cannot be judged here has to be told, not cut.
Options options_of(const JudgeSettings& settings, const SegmentTemplate& client) {
    Options options{};
    std::copy(std::begin(settings.node_prefix), std::end(settings.node_prefix),
              options.node_prefix);
    options.lab = settings.lab ? 1 : 0;
    options.workers = 1;
    options.flows_max = 64;
    options.messages_max = 16;
    options.kept_bytes_flow_max = 1u << 20;
    options.kept_bytes_worker_max = 4u << 20;
    options.tail_release_us = limits::tail_release_us;
    options.journal_ms_max = limits::journal_ms_max;
    options.absorb_seconds = limits::absorb_seconds;
    options.service_count = 1;
    ServiceOptions& service = options.services[0];
    std::copy(std::begin(settings.service), std::end(settings.service), service.name);
    std::memcpy(service.prefix.address, client.destination.address.bytes, 16);
    service.prefix.bits = 128;
    service.port = service_port;
    service.vlan = -1;
    service.mode = settings.mode;
    service.weak_blocks = settings.weak_blocks ? 1 : 0;
    service.on_midstream = MidstreamAction::pass;
    service.on_tls = service.on_unparsable = service.on_limit = UninspectedAction::pass;
    return options;
}

// A few frames, so that memory does not grow whatever is played.
class PlayPort final : public Port {
  public:
    static constexpr std::size_t frames_max = 64;

    PlayPort() : room_(new std::uint8_t[frames_max * limits::frame_bytes_max]) {
        for (std::size_t n = 0; n < frames_max; ++n)
            free_.push_back(room_.get() + n * limits::frame_bytes_max);
        for (auto& queue : arrived_)
            queue.reserve(frames_max);
    }

    void push(Side side, const Frame& frame) { arrived_[index_of(side)].push_back(frame); }
    // How far the stream of the client reached the storage.
    std::uint32_t reached() const { return reached_; }

    std::size_t receive(Side side, Frame* frames, std::size_t count) override {
        std::vector<Frame>& queue = arrived_[index_of(side)];
        const std::size_t given = std::min(count, queue.size());
        std::copy_n(queue.begin(), given, frames);
        queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(given));
        return given;
    }
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override {
        for (std::size_t n = 0; n < count; ++n) {
            if (side == Side::storage) note(frames[n].bytes());
            release(&frames[n]);
        }
        return count;
    }
    bool allocate(Side, Frame* frame) override {
        if (free_.empty()) return false;
        *frame = {free_.back(), 0, limits::frame_bytes_max, free_.back()};
        free_.pop_back();
        return true;
    }
    void release(Frame* frame) override {
        free_.push_back(static_cast<std::uint8_t*>(frame->handle));
        *frame = {};
    }

  private:
    void note(Bytes frame) {
        Segment segment;
        Outcome why;
        if (decode(frame, ChecksumRule::off, &segment, &why) != DecodeResult::tcp) return;
        const auto end = segment.sequence + static_cast<std::uint32_t>(segment.payload.size());
        if ((segment.flags & (tcp_flag::syn | tcp_flag::rst)) != 0) return;
        if (static_cast<std::int32_t>(end - reached_) > 0) reached_ = end;
    }

    std::unique_ptr<std::uint8_t[]> room_;
    std::vector<std::uint8_t*> free_;
    std::vector<Frame> arrived_[2];
    std::uint32_t reached_ = client_isn + 1;
};

// Keeps the first record of the strongest action.
class MatchKeeper final : public Recorder {
  public:
    bool decided(const IncidentRecord& record, const DenyKey&, RecordTicket*) override {
        if (!found_ || record.action < incident_.action) incident_ = record;
        found_ = true;
        return true;
    }
    RecordState state(RecordTicket, std::uint64_t*) override { return RecordState::pending; }
    bool verify(const VerifyRecord&, RecordTicket*) override { return false; }
    bool enforced(const EnforcedRecord&) override { return true; }
    bool over(const DenyKey&) override { return true; }

    bool found() const { return found_; }
    bool blocks() const { return found_ && incident_.action == MatchAction::block; }
    const IncidentRecord& incident() const { return incident_; }

  private:
    bool found_ = false;
    IncidentRecord incident_{};
};

// A stored object may say anything of itself; into our request goes what is a list of tokens.
bool is_coding_list(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return http::is_token_char(c) || c == ',' || c == ' ';
    });
}

}  // namespace

struct LineJudge::Played {
    Played(const JudgeSettings& settings, Now start)
        : now(start),
          client(client_template()),
          storage(reversed(client)),
          options(options_of(settings, client)),
          worker({.options = &options,
                  .checksums = ChecksumRule::off,
                  .report_objects = true,
                  .seed = settings.seed},
                 &port, &keeper) {}

    void poll() {
        worker.poll(now);
        while (worker.next_deadline_ns() <= now.ns + 1)  // what it unpacks over several turns
            worker.poll(now);
        while (worker.next_report(&report)) {
            if (report.verdict != ObjectVerdict::uninspected) continue;
            uninspected = true;
            reason = report.reason;
        }
    }

    void send(Side from, std::uint32_t sequence, std::uint32_t ack, std::uint8_t flags,
              Bytes payload) {
        Frame frame;
        INVARIANT(port.allocate(from, &frame));
        const SegmentTemplate& like = from == Side::client ? client : storage;
        frame.length = static_cast<std::uint32_t>(
            build_segment({frame.data, frame.capacity}, like, sequence, ack, flags,
                          static_cast<std::uint16_t>(window_bytes), std::nullopt, payload));
        INVARIANT(frame.length != 0);
        port.push(from, frame);
    }

    void connect() {
        send(Side::client, client_isn, 0, tcp_flag::syn, {});
        poll();
        send(Side::storage, storage_isn, client_isn + 1, tcp_flag::syn | tcp_flag::ack, {});
        poll();
        send(Side::client, client_isn + 1, storage_isn + 1, tcp_flag::ack, {});
        poll();
    }

    void acknowledge() {
        if (port.reached() == acknowledged) return;
        acknowledged = port.reached();
        send(Side::storage, storage_isn + 1, acknowledged, tcp_flag::ack, {});
        poll();
    }

    bool has_room(std::size_t bytes) const { return sent - acknowledged + bytes <= window_bytes; }

    // The line may hold what it has not read enough behind of; then time has to pass, and if that
    // does not help, it stands still and nothing more can be said.
    bool make_room(std::size_t bytes) {
        constexpr int patience = 1000;
        for (int turn = 0; !has_room(bytes); ++turn) {
            if (turn == patience || keeper.blocks()) return false;
            acknowledge();
            if (has_room(bytes)) break;
            now.ns += 2 * options.tail_release_us * ns_per_us;
            poll();
        }
        return true;
    }

    bool stream(Bytes bytes) {
        while (!bytes.empty() && !keeper.blocks()) {
            const Bytes part = bytes.first(std::min(bytes.size(), payload_bytes));
            if (!make_room(part.size())) {
                stuck = !keeper.blocks();
                return false;
            }
            send(Side::client, sent, storage_isn + 1, tcp_flag::ack, part);
            sent += static_cast<std::uint32_t>(part.size());
            bytes = bytes.subspan(part.size());
            poll();
            acknowledge();
        }
        return !keeper.blocks();
    }

    Now now;
    SegmentTemplate client;
    SegmentTemplate storage;
    Options options;
    PlayPort port;
    MatchKeeper keeper;
    Worker worker;
    ObjectReport report{};
    std::uint32_t sent = client_isn + 1;
    std::uint32_t acknowledged = client_isn + 1;
    std::uint64_t length = 0;
    std::uint64_t taken = 0;
    bool has_index = false;
    bool stuck = false;
    bool uninspected = false;
    UninspectedReason reason{};
};

LineJudge::LineJudge(const JudgeSettings& settings, const Grounds& grounds, std::uint64_t length,
                     std::string_view coding, Now now)
    : played_(std::make_unique<Played>(settings, now)) {
    played_->length = length;
    played_->has_index = grounds.index != nullptr;
    if (grounds.index != nullptr) played_->worker.use_index(grounds.index);
    if (grounds.suspensions != nullptr) played_->worker.use_suspensions(grounds.suspensions);
    played_->connect();
    std::string head = "PUT /object HTTP/1.1\r\nHost: storage\r\n";
    if (is_coding_list(coding)) head += "Content-Encoding: " + std::string(coding) + "\r\n";
    head += "Content-Length: " + std::to_string(length) + "\r\n\r\n";
    played_->stream(as_bytes(head));
}

LineJudge::~LineJudge() = default;

bool LineJudge::feed(Bytes content) {
    if (content.size() > played_->length - played_->taken) return false;
    played_->taken += content.size();
    return played_->stream(content);
}

std::optional<Judgement> LineJudge::finish() {
    Judgement judgement;
    judgement.bytes = played_->taken;
    if (played_->keeper.blocks()) {
        judgement.finding = Finding::match;
        judgement.incident = played_->keeper.incident();
        return judgement;
    }
    if (played_->taken != played_->length) return std::nullopt;
    played_->poll();
    if (played_->keeper.found()) {
        judgement.finding = Finding::match;
        judgement.incident = played_->keeper.incident();
    } else if (played_->stuck || played_->uninspected || !played_->has_index) {
        judgement.finding = Finding::uninspected;
        judgement.reason = played_->has_index ? played_->reason : UninspectedReason::no_index;
    }
    return judgement;
}

}  // namespace cordon::verifier
