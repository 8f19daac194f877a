// Two honest ends, and a network that loses, repeats and reorders on all four ways to and from the
// worker. Every clean upload arrives and is answered, every known one is blocked and the client
// hears of it; within a bounded number of turns, whatever the seed.
//
// How long it takes is compared with a plain forwarder in the worker's place, twice. On a schedule
// (what comes when, whoever lost or repeated it) the storage has the whole stream within twice the
// time, always. Between ends that react to losses both are as fast on average; of one upload a loss
// more or less decides, and one time-out is longer than a short upload.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint32_t turns_max = 30000;  // of a millisecond
constexpr std::uint32_t rto_turns = 30;
constexpr std::size_t window_segments = 10;

// What a schedule chooses.
struct Choice {
    explicit Choice(std::uint32_t seed) : random(seed) {
        known = below(2) == 0;
        chunked = below(2) == 0;
        closes = below(2) == 0;
        second = below(3) == 0;
        timestamps = below(2) == 0;
        segment_bytes = 60 + below(1380);
        loss_percent = below(16);
    }
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); }

    std::mt19937 random;
    bool known;
    bool chunked;
    bool closes;  // with a FIN on the last segment of the upload
    bool second;  // after a clean one on the same connection
    bool timestamps;
    std::size_t segment_bytes;
    std::uint32_t loss_percent;
};

// A TCP after RFC 9293 that gets everything across: window of a few segments, the first that is not
// acknowledged again after three repeated ACKs, and everything from there when time is up.
class End {
  public:
    End(bool is_client, std::uint32_t isn, const Choice& choice)
        : is_client_(is_client), isn_(isn), choice_(choice) {}

    std::string out;         // to be sent
    bool fin_after = false;  // then a FIN
    std::string in;          // what arrived, in order
    bool fin_seen = false;
    bool reset = false;
    bool established = false;

    void turn(std::uint32_t now, std::vector<FrameBytes>* sent) {
        now_ = now;
        if (reset) return;
        const bool late = now_ >= again_at_;
        if (!established) {
            if (late && (is_client_ || peer_known_)) handshake(sent);
            return;
        }
        const std::size_t all = out.size() + (fin_after ? 1 : 0);
        if (acked_ < all && late) next_ = acked_;
        if (acked_ == all) again_at_ = now_ + rto_turns;
        while (next_ < all && next_ < acked_ + window_segments * choice_.segment_bytes) {
            if (next_ == acked_) again_at_ = now_ + rto_turns;
            next_ += send_at(next_, sent);
        }
    }

    void receive(const Segment& segment, std::vector<FrameBytes>* sent) {
        if (reset) return;
        if ((segment.flags & tcp_flag::syn) != 0) return take_syn(segment, sent);
        if (!peer_known_) return;
        const std::uint32_t expected = receive_next();
        if ((segment.flags & tcp_flag::rst) != 0) {  // RFC 5961 §3
            if (segment.sequence == expected)
                reset = true;
            else
                acknowledge(sent);
            return;
        }
        established = true;
        if (segment.has_timestamp) {
            const auto age = static_cast<std::int32_t>(segment.timestamp_value - recent_);
            if (age < 0) return acknowledge(sent);
            if (static_cast<std::int32_t>(segment.sequence - expected) <= 0)
                recent_ = segment.timestamp_value;
        }
        const auto acked = static_cast<std::int32_t>(segment.acknowledgement - isn_ - 1);
        if (acked > static_cast<std::int32_t>(acked_)) {
            acked_ = static_cast<std::size_t>(acked);
            next_ = std::max(next_, acked_);
            again_at_ = now_ + rto_turns;
            repeated_acks_ = 0;
        } else if (acked == static_cast<std::int32_t>(acked_) && segment.payload.empty() &&
                   next_ > acked_ && ++repeated_acks_ == 3) {
            send_at(acked_, sent);
        }
        take_bytes(segment, expected);
        const bool fin = (segment.flags & tcp_flag::fin) != 0;
        if (!segment.payload.empty() || fin || segment.sequence != expected) acknowledge(sent);
    }

    bool all_acknowledged() const { return acked_ == out.size() + (fin_after ? 1 : 0); }

  private:
    // One segment, and how much of the sequence space it takes.
    std::size_t send_at(std::size_t at, std::vector<FrameBytes>* sent) {
        const std::size_t size = std::min(choice_.segment_bytes, out.size() - at);
        const bool fin = at + size == out.size() && fin_after;
        sent->push_back(packet(at, fin ? tcp_flag::fin | tcp_flag::ack : tcp_flag::ack)
                            .payload(std::string_view(out).substr(at, size))
                            .frame());
        return size + (fin ? 1 : 0);
    }
    std::uint32_t receive_next() const {
        return peer_isn_ + 1 + static_cast<std::uint32_t>(in.size()) + (fin_seen ? 1U : 0U);
    }
    Packet bare() const {
        Packet packet;
        if (is_client_)
            packet.ipv4("10.0.0.1", "10.0.0.2").ports(40000, 80);
        else
            packet.ipv4("10.0.0.2", "10.0.0.1").ports(80, 40000);
        packet.window(0xffff);
        if (choice_.timestamps) packet.timestamps(isn_ + now_, recent_);
        return packet;
    }
    Packet packet(std::size_t at, unsigned flags) const {
        return bare()
            .sequence(isn_ + 1 + static_cast<std::uint32_t>(at))
            .acknowledgement(receive_next())
            .flags(static_cast<std::uint8_t>(flags));
    }
    void acknowledge(std::vector<FrameBytes>* sent) {
        sent->push_back(packet(next_, tcp_flag::ack).frame());
    }
    void handshake(std::vector<FrameBytes>* sent) {
        again_at_ = now_ + rto_turns;
        Packet syn = bare().sequence(isn_).mss(1460).flags(tcp_flag::syn);
        if (!is_client_) syn.acknowledgement(peer_isn_ + 1).flags(tcp_flag::syn | tcp_flag::ack);
        sent->push_back(syn.frame());
    }
    void take_syn(const Segment& segment, std::vector<FrameBytes>* sent) {
        if (!peer_known_) recent_ = segment.timestamp_value;
        peer_known_ = true;
        peer_isn_ = segment.sequence;
        if (is_client_) {
            established = true;
            return acknowledge(sent);
        }
        if (!established) handshake(sent);
    }
    void take_bytes(const Segment& segment, std::uint32_t expected) {
        if (fin_seen) return;
        const auto at = static_cast<std::int64_t>(in.size()) +
                        static_cast<std::int32_t>(segment.sequence - expected);
        const auto end = at + static_cast<std::int64_t>(segment.payload.size());
        if (!segment.payload.empty()) waiting_.emplace(at, as_text(segment.payload));
        if ((segment.flags & tcp_flag::fin) != 0) fin_at_ = end;
        for (auto one = waiting_.begin(); one != waiting_.end();) {
            const auto have = static_cast<std::int64_t>(in.size());
            if (one->first > have) break;
            const auto skip = static_cast<std::size_t>(have - one->first);
            if (skip < one->second.size()) in += one->second.substr(skip);
            one = waiting_.erase(one);
        }
        fin_seen = fin_at_ == static_cast<std::int64_t>(in.size());
    }

    bool is_client_;
    std::uint32_t isn_;
    const Choice& choice_;
    std::uint32_t now_ = 0;
    std::uint32_t peer_isn_ = 0;
    std::uint32_t recent_ = 0;
    bool peer_known_ = false;
    std::size_t acked_ = 0;
    std::size_t next_ = 0;
    std::uint32_t again_at_ = 0;
    std::uint32_t repeated_acks_ = 0;
    std::int64_t fin_at_ = -1;
    std::multimap<std::int64_t, std::string> waiting_;
};

Segment segment_of(const FrameBytes& frame) {
    Segment segment;
    Outcome why;
    INVARIANT(decode(Bytes(frame), ChecksumRule::strict, &segment, &why) == DecodeResult::tcp);
    return segment;
}

// One way of the network. What becomes of a segment depends on the segment and on how often it was
// sent, and on nothing else: so the same does over another box in the middle.
class Wire {
  public:
    Wire(std::uint32_t seed, const Choice& choice) : seed_(seed), choice_(choice) {}
    void put(const FrameBytes& frame, std::uint32_t now) {
        const Segment segment = segment_of(frame);
        const std::uint64_t name = static_cast<std::uint64_t>(segment.sequence) << 32 |
                                   (segment.acknowledgement ^ segment.payload.size() << 16);
        std::seed_seq fate{seed_, static_cast<std::uint32_t>(name >> 32),
                           static_cast<std::uint32_t>(name), ++times_[name]};
        std::mt19937 random(fate);
        if (random() % 100 < choice_.loss_percent) return;
        do
            frames_.emplace(now + random() % 4, frame);
        while (random() % 100 < 5);
    }
    std::vector<FrameBytes> take(std::uint32_t now) {
        std::vector<FrameBytes> due;
        while (!frames_.empty() && frames_.begin()->first <= now) {
            due.push_back(std::move(frames_.begin()->second));
            frames_.erase(frames_.begin());
        }
        return due;
    }

  private:
    std::uint32_t seed_;
    const Choice& choice_;
    std::map<std::uint64_t, std::uint32_t> times_;
    std::multimap<std::uint32_t, FrameBytes> frames_;
};

// Several segments long, so that it has holes as well.
const std::string created =
    "HTTP/1.1 201 Created\r\nContent-Length: 3000\r\n\r\n" + std::string(3000, 'r');

std::string chunked(std::string_view body) {
    std::string out = "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (; !body.empty(); body.remove_prefix(std::min<std::size_t>(900, body.size()))) {
        const std::string_view part = body.substr(0, 900);
        char line[16];
        std::snprintf(line, sizeof line, "%zx\r\n", part.size());
        out += line + std::string(part) + "\r\n";
    }
    return out + "0\r\n\r\n";
}

class Schedule {
  public:
    enum class Middle : std::uint8_t { worker, plain_forwarder };

    explicit Schedule(std::uint32_t seed, Middle middle = Middle::worker)
        : choice_(seed),
          plain_(middle == Middle::plain_forwarder),
          lab_(lab_options(), 1024),
          client_(true, 0xfffff000 + seed, choice_),
          storage_(false, 0x7fffff00 - seed, choice_),
          from_client_(4 * seed, choice_),
          to_client_(4 * seed + 1, choice_),
          from_storage_(4 * seed + 2, choice_),
          to_storage_(4 * seed + 3, choice_) {
        lab_.use(index_of_contents({known_content(9000)}));
        if (choice_.second) requests_.push_back(put("/first", std::string(3000, 'f')));
        const std::string body =
            choice_.known ? known_content(9000) : std::string(9000 + choice_.below(9000), 'c');
        requests_.push_back(choice_.chunked ? chunked(body) : put("/x", body));
    }

    // What is wrong at the end; null: nothing.
    const char* run() {
        for (now_ = 1; now_ < turns_max; ++now_) {
            turn();
            if (choice_.known ? blocked() : passed()) return judge();
        }
        return "it never ended";
    }

    std::uint32_t turns() const { return now_; }
    bool is_clean() const { return !choice_.known; }

  private:
    void turn() {
        applications();
        std::vector<FrameBytes> sent;
        client_.turn(now_, &sent);
        for (const FrameBytes& frame : to_client_.take(now_))
            client_.receive(segment_of(frame), &sent);
        for (const FrameBytes& frame : sent)
            from_client_.put(frame, now_);
        sent.clear();
        storage_.turn(now_, &sent);
        for (const FrameBytes& frame : to_storage_.take(now_))
            storage_.receive(segment_of(frame), &sent);
        for (const FrameBytes& frame : sent)
            from_storage_.put(frame, now_);
        if (plain_) return forward();
        for (const FrameBytes& frame : from_client_.take(now_))
            lab_.port.push(Side::client, frame);
        for (const FrameBytes& frame : from_storage_.take(now_))
            lab_.port.push(Side::storage, frame);
        lab_.worker->poll({now_ * ns_per_ms, index_now_s * ns_per_s + now_ * ns_per_ms});
        for (const auto& frame : lab_.port.take(Side::client))
            to_client_.put(frame, now_);
        for (const auto& frame : lab_.port.take(Side::storage))
            to_storage_.put(frame, now_);
    }

    void forward() {
        for (const FrameBytes& frame : from_client_.take(now_))
            to_storage_.put(frame, now_);
        for (const FrameBytes& frame : from_storage_.take(now_))
            to_client_.put(frame, now_);
    }

    // The client sends its next request when the one before was answered; the storage answers what
    // is complete.
    void applications() {
        std::string expected;
        for (std::size_t n = 0; n < requests_.size(); ++n) {
            if (client_.in.size() < n * created.size()) break;
            expected += requests_[n];
            if (written_ == n) {
                client_.out += requests_[n];
                ++written_;
                client_.fin_after = choice_.closes && written_ == requests_.size();
            }
            if (storage_.in.size() >= expected.size() && answered_ == n) {
                storage_.out += created;
                ++answered_;
            }
        }
        if (storage_.fin_seen) storage_.fin_after = true;
        if (client_.fin_seen) client_.fin_after = true;
    }

    bool passed() const {
        if (client_.in.size() < requests_.size() * created.size()) return false;
        return !choice_.closes ||
               (client_.fin_seen && storage_.fin_seen && client_.all_acknowledged());
    }
    bool blocked() const {
        return client_.reset || (storage_.reset && client_.fin_seen && client_.all_acknowledged());
    }

    const char* judge() const {
        if (client_.reset) return "the client was reset";
        if (choice_.known) {
            if (client_.in.find("HTTP/1.1 403 ") == std::string::npos) return "no answer";
            if (storage_.in.find(known_content(9000)) != std::string::npos) return "it got through";
            return nullptr;
        }
        std::string all;
        for (const std::string& request : requests_)
            all += request;
        if (storage_.in != all) return "other bytes arrived";
        if (storage_.reset) return "the storage was reset";
        return lab_.port.outstanding() == 0 ? nullptr : "a buffer is held";
    }

    Choice choice_;
    const bool plain_;
    Lab lab_;
    End client_;
    End storage_;
    Wire from_client_;
    Wire to_client_;
    Wire from_storage_;
    Wire to_storage_;
    std::vector<std::string> requests_;
    std::size_t written_ = 0;
    std::size_t answered_ = 0;
    std::uint32_t now_ = 0;
};

// What a network makes of an upload: pieces of it in any order, repeated, cut otherwise each time,
// some damaged; in the end each byte came once unharmed.
class Deliveries {
  public:
    struct Piece {
        std::uint64_t at_us;
        std::size_t from;
        std::size_t bytes;
        bool damaged;
    };

    explicit Deliveries(std::uint32_t seed) : random_(seed) {
        const std::string body(500 + below(20000), 'c');
        stream = below(2) == 0 ? chunked(body) : put("/x", body);
        const std::uint64_t span_us = 1 + below(1 << (4 + below(14)));
        const std::size_t bytes_max = 120 + below(1340);
        for (std::size_t from = 0; from < stream.size();) {
            const std::size_t bytes = std::min(stream.size() - from, bytes_max / 2 + below(730));
            pieces.push_back({below(span_us), from, std::min<std::size_t>(bytes, 1460), false});
            from += pieces.back().bytes;
        }
        for (std::size_t more = below(2 * pieces.size()); more > 0; --more) {
            const std::size_t from = below(stream.size());
            const std::size_t bytes = std::min<std::size_t>(stream.size() - from, 1 + below(1460));
            pieces.push_back({below(span_us), from, bytes, below(4) == 0});
        }
        std::stable_sort(pieces.begin(), pieces.end(),
                         [](const Piece& a, const Piece& b) { return a.at_us < b.at_us; });
    }

    // When a receiver behind a plain forwarder has all of it.
    std::uint64_t whole_us() const {
        std::vector<char> have(stream.size());
        std::size_t missing = stream.size();
        for (const Piece& piece : pieces) {
            for (std::size_t at = piece.from; !piece.damaged && at < piece.from + piece.bytes; ++at)
                missing -= std::exchange(have[at], 1) == 0;
            if (missing == 0) return piece.at_us;
        }
        return UINT64_MAX;
    }

    std::string stream;
    std::vector<Piece> pieces;

  private:
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    std::mt19937 random_;
};

// The time since the first piece after which the storage behind the worker has all of it.
std::uint64_t whole_after_us(const Deliveries& deliveries) {
    Lab lab;
    lab.connect();
    const std::uint64_t begin_ns = lab.now_ns;
    std::size_t next = 0;
    for (std::uint64_t us = 0; us < 60 * 1000 * 1000; us += 50) {
        lab.now_ns = std::max(lab.now_ns, begin_ns + us * ns_per_us);
        for (; next < deliveries.pieces.size() && deliveries.pieces[next].at_us <= us; ++next) {
            const Deliveries::Piece& piece = deliveries.pieces[next];
            Packet packet = lab.client_packet()
                                .sequence(lab.isn + 1 + static_cast<std::uint32_t>(piece.from))
                                .acknowledgement(lab.client_acked)
                                .flags(tcp_flag::ack)
                                .payload(deliveries.stream.substr(piece.from, piece.bytes));
            lab.push_client((piece.damaged ? packet.bad_tcp_checksum() : packet).frame());
            lab.step(0);
        }
        const std::size_t had = lab.stored.size();
        lab.step(0);
        if (lab.stored == deliveries.stream) return us;
        if (lab.stored.size() != had) lab.acknowledge();
    }
    return UINT64_MAX;
}

void a_storage_has_the_stream_within_twice_the_time_of_a_plain_forwarder(void**) {
    const char* more = std::getenv("CORDON_SCHEDULES");
    const std::uint32_t last = more == nullptr ? 300 : static_cast<std::uint32_t>(std::atoi(more));
    constexpr std::uint64_t tick_us = 50;  // of the clock in both
    for (std::uint32_t seed = 1; seed <= last; ++seed) {
        const Deliveries deliveries(seed);
        const std::uint64_t plain = deliveries.whole_us();
        const std::uint64_t ours = whole_after_us(deliveries);
        if (ours > 2 * plain + tick_us)
            std::fprintf(stderr, "seed %u: %llu us, plain %llu us\n", seed,
                         static_cast<unsigned long long>(ours),
                         static_cast<unsigned long long>(plain));
        assert_true(ours <= 2 * plain + tick_us);
    }
}

void every_upload_ends_as_it_should_on_any_network(void**) {
    std::vector<std::uint32_t> seeds = {4809, 5142, 7131};  // a repeated SYN-ACK, newer than all
    for (std::uint32_t seed = 1; seed <= 200; ++seed)
        seeds.push_back(seed);
    for (const std::uint32_t seed : seeds) {
        const char* wrong = Schedule(seed).run();
        if (wrong != nullptr) std::fprintf(stderr, "seed %u: %s\n", seed, wrong);
        assert_null(wrong);
    }
}

void clean_uploads_are_as_fast_on_average_as_without_us(void**) {
    std::uint64_t ours = 0;
    std::uint64_t plain = 0;
    std::uint32_t slow = 0;
    const char* more = std::getenv("CORDON_SCHEDULES");
    const std::uint32_t last = more == nullptr ? 400 : static_cast<std::uint32_t>(std::atoi(more));
    for (std::uint32_t seed = 1; seed <= last; ++seed) {
        Schedule with(seed);
        if (!with.is_clean()) continue;
        Schedule without(seed, Schedule::Middle::plain_forwarder);
        assert_null(with.run());
        assert_null(without.run());
        slow += with.turns() > 2 * without.turns();
        // What only we send (an ACK, a segment cut otherwise) may have bad luck of its own.
        assert_true(with.turns() <= 2 * without.turns() + 4 * rto_turns);
        ours += with.turns();
        plain += without.turns();
    }
    assert_true(100 * slow <= last);
    assert_true(10 * ours <= 11 * plain);
    std::printf("turns of clean uploads: %llu, plain %llu\n", static_cast<unsigned long long>(ours),
                static_cast<unsigned long long>(plain));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_upload_ends_as_it_should_on_any_network),
        cmocka_unit_test(a_storage_has_the_stream_within_twice_the_time_of_a_plain_forwarder),
        cmocka_unit_test(clean_uploads_are_as_fast_on_average_as_without_us),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
