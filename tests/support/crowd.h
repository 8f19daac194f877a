// A worker in a crowd: hundreds of thousands of connections of bad manners, and a few well-behaved
// ones among them whose uploads must arrive as if they were alone.
//
// The bad ones have no state here: every client begins at 1000, every storage at 5000, so that any
// segment of theirs can be said at any time. The storage acknowledges what reaches it in order of
// its coming, unless it is told to be silent. A Patron is a whole client with its storage: it
// repeats what is not acknowledged (RFC 6298, from 200 ms on), and compares what was stored.
//
// Checksums are off: they are another test's, and a million of them are most of the time.
//
// Owns:       port, recorder, worker, clock.
// Invariants: during every turn of the worker allocations are counted.
// Limits:     IPv4, no options but MSS; the Patrons' addresses are 10.0.1.x.
#pragma once

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/allocation_watch.h"
#include "tests/support/frame_ledger.h"
#include "tests/support/lab.h"

namespace cordon::test {

// Buffers in one block, frames out into one block: nothing is allocated after construction.
class CrowdPort final : public Port {
  public:
    static constexpr std::size_t buffer_bytes = 2048;

    explicit CrowdPort(std::size_t buffers)
        : memory_(buffers * buffer_bytes), out_memory_(outbox_max * buffer_bytes) {
        for (std::size_t n = 0; n < buffers; ++n)
            free_.push_back(&memory_[n * buffer_bytes]);
        for (auto& queue : arrived_)
            queue.resize(buffers);
        out_.resize(outbox_max);
    }

    // --- what the test does ---
    std::uint8_t* room() {
        if (free_.empty()) return nullptr;
        std::uint8_t* data = free_.back();
        free_.pop_back();
        return data;
    }
    void push(Side side, std::uint8_t* data, std::size_t length) {
        Queue& queue = queues_[index_of(side)];
        arrived_[index_of(side)][queue.last++ % arrived_[0].size()] = {
            data, static_cast<std::uint32_t>(length), buffer_bytes, data};
    }
    bool waiting() const {
        return queues_[0].first != queues_[0].last || queues_[1].first != queues_[1].last;
    }
    struct Sent {
        Side side;
        Bytes bytes;
    };
    const std::vector<Sent>& sent() const { return out_; }
    std::size_t sent_count() const { return out_count_; }
    void forget_sent() { out_count_ = 0; }
    std::size_t in_use() const { return arrived_[0].size() - free_.size(); }

    // --- what the worker does ---
    std::size_t receive(Side side, Frame* frames, std::size_t count) override {
        Queue& queue = queues_[index_of(side)];
        std::size_t n = 0;
        for (; n < count && queue.first != queue.last; ++n)
            frames[n] = arrived_[index_of(side)][queue.first++ % arrived_[0].size()];
        return n;
    }
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override {
        for (std::size_t n = 0; n < count; ++n) {
            INVARIANT(out_count_ < outbox_max);
            std::uint8_t* copy = &out_memory_[out_count_ * buffer_bytes];
            std::memcpy(copy, frames[n].data, frames[n].length);
            out_[out_count_++] = {side, {copy, frames[n].length}};
            release(&frames[n]);
        }
        return count;
    }
    bool allocate(Side, Frame* frame) override {
        std::uint8_t* data = room();
        if (data == nullptr) return false;
        *frame = {data, 0, buffer_bytes, data};
        return true;
    }
    void release(Frame* frame) override {
        free_.push_back(static_cast<std::uint8_t*>(frame->handle));
        *frame = Frame{};
    }

  private:
    static constexpr std::size_t outbox_max = 16384;  // of one turn
    struct Queue {
        std::size_t first = 0;
        std::size_t last = 0;
    };
    std::vector<std::uint8_t> memory_;
    std::vector<std::uint8_t*> free_;
    std::vector<Frame> arrived_[2];
    Queue queues_[2];
    std::vector<std::uint8_t> out_memory_;
    std::vector<Sent> out_;
    std::size_t out_count_ = 0;
};

struct CrowdEnd {
    std::uint32_t address;
    std::uint16_t port;
};

inline constexpr std::uint32_t crowd_isn = 1000;
inline constexpr std::uint32_t crowd_storage_isn = 5000;
inline constexpr std::uint32_t crowd_storage = 0x0a000002;  // 10.0.0.2
inline constexpr std::uint32_t crowd_net = 0x0c000000;      // 12.0.0.0
inline constexpr std::uint32_t patrons_net = 0x0a000100;    // 10.0.1.0

// One well-behaved client and what the storage has of it.
struct Patron {
    CrowdEnd end;
    std::string request;
    std::size_t segment = 1400;
    bool storage_silent = false;  // takes the bytes, acknowledges none
    std::size_t in_flight_max = 60000;
    bool by_hand = false;  // the test sends its bytes

    std::string stored;  // contiguous, as the storage's application reads it
    std::string answer;
    bool established = false;
    bool reset = false;          // the client was
    bool storage_reset = false;  // the storage was
    bool closed = false;         // a FIN came to the client
    bool done() const { return reset || closed || !answer.empty(); }
    bool failed() const { return reset || (closed && answer.empty()); }

    std::size_t acked = 0;  // of the request, by what the client heard
    std::size_t sent = 0;
    std::uint64_t rto_ns = 200 * ns_per_ms;
    std::uint64_t repeat_ns = 0;
    std::map<std::size_t, std::string> ahead;
    bool answered = false;
    bool syn_sent = false;
};

class Crowd {
  public:
    explicit Crowd(Options the_options, std::size_t buffers = 8192)
        : options(the_options), port(buffers), recorder(8192) {
        WorkerOptions settings{};
        settings.options = &options;
        settings.seed = 7;
        settings.checksums = ChecksumRule::off;
        worker = std::make_unique<Worker>(settings, &port, &recorder);
        image_ = index_of_contents({known_content(20000)});
        const char* why = nullptr;
        INVARIANT(IndexView::open(image_.bytes(), true, &view_, &why) == IndexStatus::ok);
        worker->use_index(&view_);
    }

    // Lets the worker work off all that waits, and everybody answer. Then time passes.
    void turn(std::uint64_t microseconds = 50) {
        now_ns += microseconds * ns_per_us;
        do {
            {
                const AllocationWatch watch;
                worker->poll({now_ns, index_now_s * ns_per_s + now_ns});
                allocations += watch.count();
            }
            for (std::size_t n = 0; n < port.sent_count(); ++n)
                deliver(port.sent()[n]);
            port.forget_sent();
        } while (port.waiting());
        for (auto& [number, patron] : patrons_)
            repeat(patron);
    }
    void pass_ms(std::uint64_t ms) {
        for (std::uint64_t n = 0; n < ms; ++n)
            turn(1000);
    }

    // --- the well-behaved ---
    Patron& patron(std::string request) {
        const std::uint16_t number = ++patrons_made_;
        Patron& patron = patrons_[number];
        patron.end = {patrons_net + (number & 0xff), number};
        patron.request = std::move(request);
        repeat(patron);
        return patron;
    }
    // Until all of them have an answer; false after that time.
    bool wait_for_patrons(std::uint64_t seconds) {
        const std::uint64_t until_ns = now_ns + seconds * ns_per_s;
        while (now_ns < until_ns) {
            bool all = true;
            for (const auto& [number, patron] : patrons_)
                all = all && patron.done();
            if (all) return true;
            turn(1000);
        }
        return false;
    }
    void forget_patrons() { patrons_.clear(); }

    // --- the crowd ---
    bool syn(CrowdEnd end) { return say(Side::client, end, crowd_isn, 0, tcp_flag::syn, {}); }
    bool ack(CrowdEnd end, std::uint32_t offset = 0) {
        return say(Side::client, end, crowd_isn + 1 + offset, crowd_storage_isn + 1, tcp_flag::ack,
                   {});
    }
    bool data(CrowdEnd end, std::uint32_t offset, std::string_view bytes) {
        return say(Side::client, end, crowd_isn + 1 + offset, crowd_storage_isn + 1,
                   tcp_flag::ack | tcp_flag::psh, bytes);
    }
    bool storage_data(CrowdEnd end, std::uint32_t offset, std::uint32_t acked,
                      std::string_view bytes) {
        return say(Side::storage, end, crowd_storage_isn + 1 + offset, crowd_isn + 1 + acked,
                   tcp_flag::ack | tcp_flag::psh, bytes);
    }
    bool storage_answers = true;    // SYN with SYN-ACK
    bool clients_complete = true;   // SYN-ACK with ACK
    bool storage_acks = true;       // data
    std::size_t client_resets = 0;  // what the crowd got
    std::size_t stray_resets = 0;   // and addresses below crowd_net
    std::size_t storage_resets = 0;
    std::size_t timeouts = 0;  // 408 or 503
    std::size_t crowd_bytes = 0;
    std::uint64_t allocations = 0;

    std::uint64_t count(Outcome outcome) const { return worker->counters().read(outcome); }
    // Every received frame is in exactly one class.
    bool frames_balance() const { return test::frames_balance(worker->counters()); }

    Options options;
    CrowdPort port;
    MemoryRecorder recorder;
    std::unique_ptr<Worker> worker;
    std::uint64_t now_ns = 1000 * ns_per_s;

  private:
    // `end` is always the client's. False: no buffer.
    bool say(Side from, CrowdEnd end, std::uint32_t sequence, std::uint32_t acknowledgement,
             std::uint8_t flags, std::string_view payload) {
        INVARIANT(payload.size() <= CrowdPort::buffer_bytes - 58);
        std::uint8_t* at = port.room();
        if (at == nullptr) return false;
        static constexpr std::uint8_t ethernet[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
        const bool has_mss = (flags & tcp_flag::syn) != 0;
        const std::size_t header = has_mss ? 24 : 20;
        std::memcpy(at, ethernet, sizeof ethernet);
        std::uint8_t* ip = at + 14;
        std::memset(ip, 0, 20 + header);
        ip[0] = 0x45;
        store_be16(ip + 2, static_cast<std::uint16_t>(20 + header + payload.size()));
        ip[8] = 64;
        ip[9] = 6;
        const bool by_client = from == Side::client;
        store_be32(ip + 12, by_client ? end.address : crowd_storage);
        store_be32(ip + 16, by_client ? crowd_storage : end.address);
        std::uint8_t* tcp = ip + 20;
        store_be16(tcp, by_client ? end.port : 80);
        store_be16(tcp + 2, by_client ? 80 : end.port);
        store_be32(tcp + 4, sequence);
        store_be32(tcp + 8, acknowledgement);
        tcp[12] = static_cast<std::uint8_t>(header / 4 << 4);
        tcp[13] = flags;
        store_be16(tcp + 14, 0xffff);
        if (has_mss) {
            tcp[20] = 2;
            tcp[21] = 4;
            store_be16(tcp + 22, 1460);
        }
        if (!payload.empty()) std::memcpy(tcp + header, payload.data(), payload.size());
        port.push(from, at, 34 + header + payload.size());
        return true;
    }

    Patron* patron_of(std::uint32_t address, std::uint16_t number) {
        if ((address & 0xffffff00) != patrons_net) return nullptr;
        const auto at = patrons_.find(number);
        return at == patrons_.end() ? nullptr : &at->second;
    }

    void deliver(const CrowdPort::Sent& sent) {
        Segment segment;
        Outcome why;
        if (decode(sent.bytes, ChecksumRule::off, &segment, &why) != DecodeResult::tcp) return;
        const SegmentEnd& client =
            sent.side == Side::storage ? segment.source : segment.destination;
        const CrowdEnd end{load_be32(client.address.bytes + 12), client.port};
        Patron* patron = patron_of(end.address, end.port);
        if (sent.side == Side::storage) {
            patron == nullptr ? storage_hears(end, segment) : storage_hears(*patron, segment);
        } else {
            patron == nullptr ? client_hears(end, segment) : client_hears(*patron, segment);
        }
    }

    void storage_hears(CrowdEnd end, const Segment& segment) {
        if ((segment.flags & tcp_flag::rst) != 0) {
            ++storage_resets;
            return;
        }
        if ((segment.flags & tcp_flag::syn) != 0) {
            if (storage_answers)
                say(Side::storage, end, crowd_storage_isn, segment.sequence + 1,
                    tcp_flag::syn | tcp_flag::ack, {});
            return;
        }
        if (segment.payload.empty()) return;
        crowd_bytes += segment.payload.size();
        if (storage_acks)
            say(Side::storage, end, crowd_storage_isn + 1,
                segment.sequence + static_cast<std::uint32_t>(segment.payload.size()),
                tcp_flag::ack, {});
    }
    void client_hears(CrowdEnd end, const Segment& segment) {
        if ((segment.flags & tcp_flag::rst) != 0)
            ++(end.address < crowd_net ? stray_resets : client_resets);
        if ((segment.flags & tcp_flag::syn) != 0 && clients_complete) ack(end);
        const std::string_view text = as_text(segment.payload);
        if (text.starts_with("HTTP/1.1 408") || text.starts_with("HTTP/1.1 503")) ++timeouts;
    }

    // --- a patron's two ends ---
    void storage_hears(Patron& patron, const Segment& segment) {
        if ((segment.flags & tcp_flag::rst) != 0) {
            patron.storage_reset = true;
            return;
        }
        if ((segment.flags & tcp_flag::syn) != 0) {
            say(Side::storage, patron.end, crowd_storage_isn, segment.sequence + 1,
                tcp_flag::syn | tcp_flag::ack, {});
            return;
        }
        if (segment.payload.empty() || patron.storage_reset) return;
        const std::size_t offset = segment.sequence - crowd_isn - 1;
        patron.ahead.emplace(offset, std::string(as_text(segment.payload)));
        while (!patron.ahead.empty() && patron.ahead.begin()->first <= patron.stored.size()) {
            const auto first = patron.ahead.begin();
            if (first->first + first->second.size() > patron.stored.size())
                patron.stored += first->second.substr(patron.stored.size() - first->first);
            patron.ahead.erase(first);
        }
        if (patron.storage_silent) return;
        acknowledge(patron);
    }
    void acknowledge(Patron& patron) {
        static constexpr std::string_view created =
            "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        patron.answered = patron.stored.size() == patron.request.size();
        say(Side::storage, patron.end, crowd_storage_isn + 1,
            crowd_isn + 1 + static_cast<std::uint32_t>(patron.stored.size()), tcp_flag::ack,
            patron.answered ? created : std::string_view());
    }
    void client_hears(Patron& patron, const Segment& segment) {
        if ((segment.flags & tcp_flag::rst) != 0) {
            patron.reset = true;
            return;
        }
        if ((segment.flags & tcp_flag::syn) != 0) {
            patron.established = true;
            ack(patron.end, static_cast<std::uint32_t>(patron.sent));
            advance(patron);
            return;
        }
        const std::size_t acked = segment.acknowledgement - crowd_isn - 1;
        if (acked > patron.acked && acked <= patron.request.size()) {
            patron.acked = acked;
            patron.sent = std::max(patron.sent, acked);
            patron.rto_ns = 200 * ns_per_ms;
            patron.repeat_ns = now_ns + patron.rto_ns;
            advance(patron);
        }
        const std::uint32_t expected =
            crowd_storage_isn + 1 + static_cast<std::uint32_t>(patron.answer.size());
        if (segment.sequence != expected) return;
        patron.answer += as_text(segment.payload);
        if ((segment.flags & tcp_flag::fin) != 0) patron.closed = true;
        if (segment.payload.empty() && !patron.closed) return;
        say(Side::client, patron.end, crowd_isn + 1 + static_cast<std::uint32_t>(patron.sent),
            crowd_storage_isn + 1 + static_cast<std::uint32_t>(patron.answer.size()) +
                (patron.closed ? 1U : 0U),
            tcp_flag::ack, {});
    }
    void advance(Patron& patron) {
        if (patron.by_hand) return;
        while (patron.sent < patron.request.size() &&
               patron.sent - patron.acked < patron.in_flight_max) {
            const std::string_view rest = std::string_view(patron.request).substr(patron.sent);
            const std::string_view part = rest.substr(0, patron.segment);
            if (!data(patron.end, static_cast<std::uint32_t>(patron.sent), part)) return;
            patron.sent += part.size();
        }
    }
    void repeat(Patron& patron) {
        if (patron.done() || now_ns < patron.repeat_ns) return;
        if (patron.syn_sent) patron.rto_ns = std::min(2 * patron.rto_ns, 10 * ns_per_s);
        patron.repeat_ns = now_ns + patron.rto_ns;
        if (!patron.established) {
            syn(patron.end);
            patron.syn_sent = true;
            return;
        }
        if (patron.acked == patron.request.size()) return;
        patron.sent = patron.acked;
        advance(patron);
    }

    AlignedBytes image_;
    IndexView view_;
    std::map<std::uint16_t, Patron> patrons_;
    std::uint16_t patrons_made_ = 0;
};

// Frames, connections and seconds of a test at full scale; OVERLOAD_PERCENT makes it longer (a
// soak) or shorter. Under a sanitizer a twentieth.
inline std::size_t scaled(std::size_t n) {
    const char* asked = std::getenv("OVERLOAD_PERCENT");
    const std::size_t percent = asked != nullptr          ? std::strtoul(asked, nullptr, 10)
                                : CORDON_SANITIZER_MALLOC ? 5
                                                          : 100;
    return std::max<std::size_t>(1, n * percent / 100);
}

}  // namespace cordon::test
