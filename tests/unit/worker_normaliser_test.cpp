// The property of the normaliser: whatever a client sends, in whatever order, the stream that any
// storage reassembles from what leaves us is exactly the stream that was inspected.
//
// A seeded adversary plays the client, five model storages of different manners the other end, and
// the network behind us loses, repeats and reorders. CORDON_SCHEDULES=n tries n seeds instead of
// the usual few hundred; CORDON_SEED=n one of them.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "tests/support/inspected_tap.h"
#include "tests/support/lab.h"
#include "tests/support/reassembly.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
constexpr std::size_t body_bytes = 9000;

// What the adversary does beside sending its upload. Those up to `harmless` must not keep an
// honest upload from arriving, whatever bytes they carry.
enum class Trick : std::uint8_t {
    bad_checksum,
    wrong_ack,
    old_timestamp,
    odd_timestamp,  // absent though negotiated, there though not
    beside_window,
    inexact_reset,
    odd_flags,
    other_options,
    other_direction,
    urgent,
    syn_again,
    probe,
    harmless,
    lie_after,  // other bytes in the place of some that were sent
    lie_before,
    future_timestamp,
    fin,
    exact_reset,
    count,
};

class Battle {
  public:
    explicit Battle(std::uint32_t seed)
        : random_(seed),
          honest_(below(3) == 0),
          known_(!honest_ && below(2) == 0),
          observe_(below(4) == 0),
          timestamps_(below(2) == 0),
          network_percent_(below(12)),
          trick_percent_(below(60)),
          lab_(options_of(observe_), 1024) {
        lab_.use(copy_of_index());
        for (unsigned n = 1 + below(5); n > 0; --n) {
            const auto last = honest_ ? Trick::harmless : Trick::count;
            const auto trick = static_cast<Trick>(below(static_cast<std::uint32_t>(last)));
            if (trick != Trick::harmless) tricks_.push_back(trick);
        }
        if (tricks_.empty()) tricks_.push_back(Trick::probe);
        const std::string body = known_ ? known_content(body_bytes) : clean_body();
        stream_ = put("/first", std::string(300 + below(900), 'f')) + put("/second", body);
        lies_from_ = stream_.size() - body.size();
        if (below(2) == 0) {
            receivers_.emplace_back(all_stacks[below(5)], iss_);
        } else {  // one that acknowledges what all of them have
            for (const Stack stack : all_stacks)
                receivers_.emplace_back(stack, iss_);
        }
        static constexpr std::uint16_t windows[] = {2000, 9000, 65535};
        for (Receiver& one : receivers_)
            one.window = windows[seed % 3];
        isn_ = below(2) == 0 ? 0xffffff00U - below(10000) : below(UINT32_MAX);
        inspected.clear();
    }

    // What is wrong at the end; null: nothing.
    const char* run() {
        for (turns_ = 1; turns_ < 3000 && wrong_ == nullptr && !over(); ++turns_)
            turn();
        if (wrong_ != nullptr) return wrong_;
        if (honest_ && !complete()) return "an honest upload did not arrive";
        if (lab_.port.outstanding() > 1) return "buffers are held";
        return nullptr;
    }

    bool honest() const { return honest_; }
    bool complete() const {
        return std::all_of(receivers_.begin(), receivers_.end(),
                           [&](const Receiver& one) { return one.read == stream_; });
    }
    std::uint64_t count(Outcome outcome) const { return lab_.count(outcome); }
    std::string describe() const {
        std::string text = honest_ ? "honest" : known_ ? "known" : "clean";
        text += observe_ ? " observe" : " enforce";
        for (const Receiver& one : receivers_)
            text += std::string(" ") + one.name() + ":" +
                    std::to_string(static_cast<int>(one.state())) + ":" +
                    std::to_string(one.next()) + "w" + std::to_string(one.window);
        text += " acked " + std::to_string(acked_) + " next " + std::to_string(next_) + " window " +
                std::to_string(window_) + (client_ready_ ? " ready" : "") + (cut_ ? " cut" : "");
        text += timestamps_ ? " timestamps" : "";
        for (const Trick trick : tricks_)
            text += " " + std::to_string(static_cast<int>(trick));
        return text + " turn " + std::to_string(turns_);
    }

  private:
    static Options options_of(bool observe) {
        Options options = lab_options();
        if (observe) options.services[0].mode = ServiceMode::observe;
        return options;
    }
    static AlignedBytes copy_of_index() {
        static const AlignedBytes built = index_of_contents({known_content(body_bytes)});
        AlignedBytes copy(built.bytes().size());
        std::memcpy(copy.mutable_bytes().data(), built.bytes().data(), built.bytes().size());
        return copy;
    }
    std::string clean_body() {
        std::string body;
        while (body.size() < body_bytes)
            body += static_cast<char>('A' + below(26));
        return body;
    }
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    bool percent(std::uint32_t n) { return below(100) < n; }

    bool over() const { return cut_ || complete(); }

    void turn() {
        now_ns_ += below(3) * ns_per_ms + 10 * ns_per_us;
        ++clock_;
        if (receivers_[0].state() == Receiver::State::listening) {
            if (turns_ % 8 == 1) handshake();
        } else if (client_ready_) {
            upload();
            if (percent(trick_percent_))
                play(tricks_[below(static_cast<std::uint32_t>(tricks_.size()))]);
        } else if (turns_ % 8 == 1) {
            handshake();
        }
        lab_.worker->poll({now_ns_, index_now_s * ns_per_s + now_ns_});
        deliver();
        storage();
        for (const auto& frame : lab_.port.take(Side::client))
            client_receives(read(frame));
        judge();
    }

    // --- the client ---

    Packet bare(std::uint32_t clock) const {
        Packet packet;
        packet.ipv4("10.0.0.1", "10.0.0.2").ports(40001, 80).window(0xffff);
        if (timestamps_) packet.timestamps(clock, storage_clock_);
        return packet;
    }
    Packet at(std::uint64_t offset) const {
        return bare(clock_)
            .sequence(isn_ + 1 + static_cast<std::uint32_t>(offset))
            .acknowledgement(client_ack_);
    }
    void push(const Packet& packet) { lab_.port.push(Side::client, packet.frame()); }
    void handshake() {
        // Some repeat their SYN with fewer options than the first.
        Packet syn = percent(20) ? bare_at(0) : bare(clock_);
        syn.acknowledgement(0).sequence(isn_).flags(tcp_flag::syn).mss(1460);
        if (percent(30)) syn.payload(lie(0, 20)).option({34, 2});
        push(syn);
    }
    std::string_view part(std::uint64_t offset, std::size_t size) const {
        return std::string_view(stream_).substr(std::min<std::size_t>(offset, stream_.size()),
                                                size);
    }
    // Other letters in the body; what frames it stays.
    std::string lie(std::uint64_t offset, std::size_t size) {
        std::string bytes(part(offset, size));
        for (std::size_t n = 0; n < bytes.size(); ++n)
            if (offset + n >= lies_from_ && below(3) == 0) bytes[n] = 'x';
        return bytes;
    }
    std::size_t some_size() {
        const std::uint32_t kind = below(8);
        return kind == 0 ? 1 : kind < 3 ? 1 + below(40) : 1 + below(1460);
    }
    std::uint64_t somewhere() {  // in what is sent and not acknowledged, and a bit beyond
        return acked_ + below(static_cast<std::uint32_t>(next_ - acked_ + 1000));
    }

    // New bytes, gaps in them, and old ones again.
    void upload() {
        if (next_ < acked_) next_ = acked_;
        const std::uint64_t room_end = acked_ + window_;
        for (unsigned n = below(4); n > 0; --n) {
            std::uint64_t from = next_;
            if (percent(10)) from += below(2000);  // the hole is filled later
            const std::size_t size =
                std::min<std::uint64_t>(some_size(), room_end - std::min(from, room_end));
            const std::string_view bytes = part(from, size);
            if (bytes.empty()) break;
            push(at(from).payload(bytes));
            if (from == next_) next_ += bytes.size();
        }
        if (percent(30)) {
            const std::uint64_t from = percent(50) ? acked_ : somewhere();
            const std::uint64_t room = room_end - std::min(from, room_end);
            const std::string_view bytes = part(from, std::min<std::uint64_t>(some_size(), room));
            if (!bytes.empty()) push(at(from).payload(bytes));
        }
        if (window_ == 0 && percent(20)) push(at(acked_).payload(part(acked_, 1)));
    }

    void play(Trick trick) {
        const std::uint64_t from = somewhere();
        const std::size_t size = some_size();
        const std::string lied = lie(from, size);
        switch (trick) {
            case Trick::bad_checksum:
                return push(at(from).payload(lied).bad_tcp_checksum());
            case Trick::wrong_ack: {
                const std::uint32_t far = 1 + below(1 << 30);
                return push(at(from)
                                .acknowledgement(below(2) == 0 ? client_ack_ + far
                                                               : client_ack_ - 0x11000 - far)
                                .payload(lied));
            }
            case Trick::old_timestamp:
                if (!speaker().uses_timestamps() || !timestamps_ || acked_ == 0) return;
                return push(
                    bare_at(from).timestamps(first_clock_ - 1 - below(1 << 30), 0).payload(lied));
            case Trick::odd_timestamp: {
                Packet packet = bare_at(from).payload(part(from, size));
                if (!timestamps_) packet.timestamps(below(UINT32_MAX), 0);
                if (end_of(from, size) > acked_ + window_) return;
                return push(packet);
            }
            case Trick::beside_window:
                return beside_window(size);
            case Trick::inexact_reset: {
                const std::uint64_t off = 3000 + below(60000);
                return push(at(next_ + off)
                                .flags(tcp_flag::rst | tcp_flag::ack)
                                .payload(below(2) == 0 ? "x" : ""));
            }
            case Trick::odd_flags: {
                static constexpr std::uint8_t odd[] = {
                    0,
                    tcp_flag::psh,
                    tcp_flag::fin,
                    tcp_flag::syn | tcp_flag::ack,
                    tcp_flag::syn | tcp_flag::fin,
                    tcp_flag::syn | tcp_flag::fin | tcp_flag::ack,
                    tcp_flag::syn | tcp_flag::rst,
                    tcp_flag::rst | tcp_flag::fin | tcp_flag::ack};
                return push(at(from).flags(odd[below(std::size(odd))]).payload(lied));
            }
            case Trick::other_options:
                if (end_of(from, size) > acked_ + window_) return;
                return push(at(from)
                                .option(below(2) == 0 ? FrameBytes{30, 4, 0x20, 1}
                                                      : FrameBytes{19, 4, 1, 2})
                                .payload(part(from, size)));
            case Trick::other_direction:
                return push(Packet()
                                .ipv4("10.0.0.2", "10.0.0.1")
                                .ports(80, 40001)
                                .sequence(isn_ + 1 + static_cast<std::uint32_t>(from))
                                .acknowledgement(client_ack_)
                                .payload(lied));
            case Trick::urgent:
                if (end_of(from, size) > acked_ + window_) return;
                return push(at(from)
                                .flags(tcp_flag::ack | tcp_flag::urg)
                                .urgent(static_cast<std::uint16_t>(1 + below(100)))
                                .payload(part(from, size)));
            case Trick::syn_again:
                return push(bare(clock_)
                                // Far from the window: what ends the first of two such
                                // handshakes would end this connection at an old stack.
                                .sequence(below(2) == 0 ? isn_ : isn_ + (1U << 30) + below(1 << 30))
                                .flags(tcp_flag::syn)
                                .mss(1460)
                                .payload(lied));
            case Trick::probe:
                return push(at(acked_ - 1).payload(below(2) == 0 ? "" : "?"));
            case Trick::harmless:
            case Trick::count:
                return;
            case Trick::lie_after:
                return push(at(from).payload(lied));
            case Trick::lie_before: {
                const std::uint64_t ahead = next_ + 1 + below(3000);
                return push(at(ahead).payload(lie(ahead, size)));
            }
            case Trick::future_timestamp:
                if (!timestamps_) return;
                return push(bare_at(from).timestamps(clock_ + below(1U << 31), 0).payload(lied));
            case Trick::fin: {
                const std::uint64_t place = below(3) == 0 ? next_ : from;
                return push(at(place)
                                .flags(tcp_flag::fin | tcp_flag::ack)
                                .payload(below(2) == 0 ? "" : lie(place, size)));
            }
            case Trick::exact_reset:
                if (below(10) != 0) return;
                return push(at(below(2) == 0 ? next_ : acked_).flags(tcp_flag::rst));
        }
    }
    Packet bare_at(std::uint64_t offset) const {
        Packet packet;
        packet.ipv4("10.0.0.1", "10.0.0.2").ports(40001, 80).window(0xffff);
        return packet.sequence(isn_ + 1 + static_cast<std::uint32_t>(offset))
            .acknowledgement(client_ack_);
    }
    std::uint64_t end_of(std::uint64_t from, std::size_t size) const {
        return from + part(from, size).size();
    }
    // Right of it, left of it, and across its left edge; other bytes where nobody may take them.
    void beside_window(std::size_t size) {
        const std::uint64_t end = most_window_end_;
        switch (below(4)) {
            case 3: {  // across its right edge
                if (end <= acked_ || end > std::min(acked_ + 1400, stream_.size())) return;
                std::string bytes(part(acked_, end - acked_));
                return push(at(acked_).payload(bytes + std::string(100, 'x')));
            }
            case 0:
                return push(at(end + below(100000)).payload(std::string(size, 'x')));
            case 1:
                return push(at(acked_ - size).payload(std::string(size, 'x')));
            default: {
                if (end_of(acked_, size) > acked_ + window_) return;
                return push(at(acked_ - 5).payload("xxxxx" + std::string(part(acked_, size))));
            }
        }
    }

    void client_receives(const Segment& segment) {
        if ((segment.flags & tcp_flag::rst) != 0) {
            if (segment.sequence == client_ack_) cut_ = true;
            return;
        }
        if (segment.has_timestamp) storage_clock_ = segment.timestamp_value;
        if ((segment.flags & tcp_flag::syn) != 0) {
            if (!client_ready_) {
                client_ack_ = segment.sequence + 1;
                most_window_end_ = segment.window;
                first_clock_ = clock_;
            }
            client_ready_ = true;
            return push(at(next_));
        }
        const std::uint64_t acked = static_cast<std::uint32_t>(segment.acknowledgement - isn_ - 1);
        if (acked > stream_.size() + 1) return;
        acked_ = std::max(acked_, std::min<std::uint64_t>(acked, stream_.size()));
        if (acked >= acked_) window_ = segment.window;
        most_window_end_ = std::max<std::uint64_t>(most_window_end_, acked + segment.window);
        if (!segment.payload.empty() && segment.sequence == client_ack_) {
            client_ack_ += static_cast<std::uint32_t>(segment.payload.size());
            if (as_text(segment.payload).find(" 403 ") != std::string_view::npos) cut_ = true;
            if (as_text(segment.payload).find(" 400 ") != std::string_view::npos) cut_ = true;
            push(at(next_));
        }
    }

    // --- the network behind us, and the storage ---

    static Segment read(Bytes frame) {
        Segment segment;
        Outcome why;
        INVARIANT(decode(frame, ChecksumRule::strict, &segment, &why) == DecodeResult::tcp);
        return segment;
    }
    void deliver() {
        for (auto& frame : lab_.port.take(Side::storage)) {
            if (percent(network_percent_)) continue;
            if (percent(network_percent_)) late_.push_back(frame);
            if (!percent(network_percent_)) late_.push_back(std::move(frame));
        }
        while (!late_.empty()) {
            if (percent(network_percent_)) std::swap(late_.front(), late_.back());
            const Segment segment = read(late_.front());
            if (segment.source.port == 40001) {
                for (Receiver& one : receivers_)
                    one.receive(segment);
            }
            late_.erase(late_.begin());
            if (percent(network_percent_)) break;  // the rest comes with the next turn
        }
    }
    // The one that has the least speaks for all.
    Receiver& speaker() {
        return *std::min_element(
            receivers_.begin(), receivers_.end(),
            [](const Receiver& a, const Receiver& b) { return a.next() < b.next(); });
    }
    Packet from_storage() {
        Packet packet;
        packet.ipv4("10.0.0.2", "10.0.0.1").ports(80, 40001);
        if (speaker().uses_timestamps()) packet.timestamps(7000 + turns_, speaker().recent());
        return packet.acknowledgement(speaker().acknowledgement())
            .window(static_cast<std::uint16_t>(speaker().window));
    }
    void storage() {
        Receiver& one = speaker();
        if (one.state() == Receiver::State::syn_received && turns_ % 4 == 0)
            lab_.port.push(Side::storage, from_storage()
                                              .sequence(iss_)
                                              .flags(tcp_flag::syn | tcp_flag::ack)
                                              .mss(1460)
                                              .frame());
        if (one.state() != Receiver::State::established) return;
        if (percent(5)) {  // storages shrink their windows, though they should not
            static constexpr std::uint16_t windows[] = {0, 1, 500, 3000, 20000, 65535};
            const std::uint64_t window = windows[below(6)];
            for (Receiver& receiver : receivers_)
                receiver.window = window;
        }
        const std::uint64_t first_end = stream_.find("PUT /second");
        if (one.next() >= first_end && one.sent_to_client == 0 && percent(50)) {
            for (Receiver& receiver : receivers_)
                receiver.sent_to_client = static_cast<std::uint32_t>(created.size());
        }
        if (percent(60)) {
            const bool answers = one.sent_to_client != 0 && percent(30);
            lab_.port.push(Side::storage,
                           from_storage()
                               .sequence(iss_ + 1 + (answers ? 0 : one.sent_to_client))
                               .payload(answers ? created : std::string_view())
                               .frame());
        }
    }

    // --- the property ---

    void judge() {
        for (const Receiver& one : receivers_) {
            if (!inspected.starts_with(one.read)) return report(one, "read other bytes");
            if (one.fin_read && one.read != inspected) return report(one, "read another end");
            if (!known_ || observe_) continue;
            if (one.read.find(known_content(body_bytes)) != std::string::npos)
                return report(one, "has the known file");
        }
    }
    void report(const Receiver& one, const char* what) {
        wrong_ = what;
        std::size_t same = 0;
        while (same < one.read.size() && same < inspected.size() &&
               one.read[same] == inspected[same])
            ++same;
        std::fprintf(stderr, "%s at %zu of %zu, inspected %zu\n", one.name(), same, one.read.size(),
                     inspected.size());
    }

    std::mt19937 random_;
    const bool honest_;  // in the end every true byte is sent, and no lie that may be taken
    const bool known_;
    const bool observe_;
    const bool timestamps_;
    const std::uint32_t network_percent_;
    const std::uint32_t trick_percent_;
    Lab lab_;
    std::vector<Trick> tricks_;
    std::string stream_;
    std::size_t lies_from_ = 0;
    std::vector<Receiver> receivers_;
    std::vector<FrameBytes> late_;
    std::uint32_t turns_ = 0;
    std::uint64_t now_ns_ = ns_per_s;
    std::uint32_t isn_ = 0;
    const std::uint32_t iss_ = 0xfffffff0;  // wraps within the first answer
    std::uint32_t clock_ = 0x7fffff00;
    std::uint32_t first_clock_ = 0;
    std::uint32_t storage_clock_ = 0;
    std::uint64_t acked_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t window_ = 1000;
    std::uint64_t most_window_end_ = 0;
    std::uint32_t client_ack_ = 0;
    bool client_ready_ = false;
    bool cut_ = false;
    const char* wrong_ = nullptr;
};

std::uint32_t number_of(const char* variable, std::uint32_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise
                           : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

// What the schedules must have met, or they prove nothing.
constexpr Outcome to_be_met[] = {
    Outcome::tcp_bad_checksum,  Outcome::syn_data_removed,      Outcome::syn_option_removed,
    Outcome::urgent_removed,    Outcome::segment_out_of_window, Outcome::segment_old_timestamp,
    Outcome::segment_bad_flags, Outcome::segment_unexpected,    Outcome::reset_bad_sequence,
    Outcome::ack_invalid,       Outcome::retransmission,        Outcome::gap_segment,
    Outcome::inconsistent,      Outcome::match_blocked,         Outcome::option_removed,
    Outcome::timestamp_missing, Outcome::segment_trimmed,       Outcome::wrong_side,
};

void every_storage_reads_what_was_inspected(void**) {
    std::uint64_t met[std::size(to_be_met)] = {};
    std::uint32_t honest = 0;
    std::uint32_t complete = 0;
    const std::uint32_t only = number_of("CORDON_SEED", 0);
    const std::uint32_t last = only != 0 ? only : number_of("CORDON_SCHEDULES", 600);
    for (std::uint32_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
        Battle battle(seed);
        const char* wrong = battle.run();
        if (wrong != nullptr)
            std::fprintf(stderr, "seed %u (%s): %s\n", seed, battle.describe().c_str(), wrong);
        assert_null(wrong);
        honest += battle.honest();
        complete += battle.complete();
        for (std::size_t n = 0; n < std::size(to_be_met); ++n)
            met[n] += battle.count(to_be_met[n]);
    }
    if (only != 0) return;
    std::printf("%u schedules, %u honest, %u complete\n", last, honest, complete);
    for (std::size_t n = 0; n < std::size(to_be_met); ++n) {
        if (met[n] == 0)
            std::fprintf(stderr, "never met: %s\n",
                         outcome_table[static_cast<std::size_t>(to_be_met[n])].name.data());
        assert_true(met[n] != 0);
    }
    assert_true(honest > last / 6);
    assert_true(complete > honest);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_storage_reads_what_was_inspected),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
