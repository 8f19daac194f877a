// Five storages, as far as a filter in front of them can tell them apart: what each makes of the
// segments it gets. They differ in whose bytes win where segments overlap (first, last, BSD, Linux,
// Windows: Shankar and Paxson 2003, Novak and Sturges 2007) and wherever stacks in the field differ
// beside RFC 9293, 7323, 5961: window, timestamps, RST, data in a SYN, urgent data.
//
//   Receiver storage(Stack::bsd, 5000);
//   storage.receive(segment);  …  storage.read: what its application has read
//
// Owns:       one connection; a model, small before fast.
// Invariants: what was read never changes.
// Limits:     forgets its SYN-ACK's loss, retransmission and congestion: the test plays those.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "dataplane/decode/decode.h"

namespace cordon::test {

enum class Stack : std::uint8_t { first, last, bsd, linux_, windows };
inline constexpr Stack all_stacks[] = {Stack::first, Stack::last, Stack::bsd, Stack::linux_,
                                       Stack::windows};

// Where a stack departs from its neighbours.
struct StackManners {
    const char* name;
    bool takes_beyond_window;  // a segment that begins in the window is taken whole
    bool needs_timestamp;      // drops a segment that lacks the negotiated one
    bool heeds_any_timestamp;  // PAWS although nothing was negotiated
    bool resets_in_window;     // as before RFC 5961: an RST need not be exact
    bool heeds_ack;            // drops data whose ACK is of the far past or the future
    bool takes_syn_data;       // TCP Fast Open, of anybody
    bool urgent_byte_apart;    // the urgent byte is not part of what is read
    bool first_fin_counts;     // of two FINs at different places
};

inline const StackManners& manners_of(Stack stack) {
    static constexpr StackManners table[] = {
        {"first", false, true, false, false, true, false, true, true},
        {"last", false, false, false, true, false, true, true, false},
        {"BSD", false, true, false, false, false, false, true, true},
        {"Linux", true, false, false, false, true, false, true, true},
        {"Windows", false, false, true, true, false, true, false, false},
    };
    return table[static_cast<std::size_t>(stack)];
}

class Receiver {
  public:
    Receiver(Stack stack, std::uint32_t iss)
        : stack_(stack), manners_(&manners_of(stack)), iss_(iss) {}

    enum class State : std::uint8_t { listening, syn_received, established, reset };

    std::string read;
    bool fin_read = false;
    std::uint64_t window = 65535;      // bytes it takes beyond next()
    std::uint32_t sent_to_client = 0;  // bytes the test sent in its name

    State state() const { return state_; }
    const char* name() const { return manners_->name; }
    bool uses_timestamps() const { return negotiated_; }
    std::uint32_t recent() const { return recent_; }
    std::uint64_t next() const { return next_; }  // offset, without the FIN
    std::uint32_t acknowledgement() const {
        return irs_ + 1 + static_cast<std::uint32_t>(next_) + (fin_read ? 1U : 0U);
    }

    void receive(const Segment& segment) {
        if (state_ == State::reset) return;
        if ((segment.flags & tcp_flag::rst) != 0) return take_reset(segment);
        if ((segment.flags & tcp_flag::syn) != 0) return take_syn(segment);
        if (state_ == State::listening || (segment.flags & tcp_flag::ack) == 0) return;
        if (!ack_acceptable(segment) || !timestamp_acceptable(segment)) return;
        state_ = State::established;
        take_bytes(segment);
    }

  private:
    struct Byte {
        std::uint8_t value;
        std::uint64_t begin;  // of the segment that brought it
        std::uint64_t end;
    };

    std::int64_t offset_of(std::uint32_t sequence) const {
        const std::uint32_t expected = irs_ + 1 + static_cast<std::uint32_t>(next_);
        return static_cast<std::int64_t>(next_) + static_cast<std::int32_t>(sequence - expected);
    }

    void take_syn(const Segment& segment) {
        const bool other = (segment.flags & (tcp_flag::ack | tcp_flag::fin)) != 0;
        if (other || state_ != State::listening) return;  // a challenge ACK, which the test spares
        irs_ = segment.sequence;
        negotiated_ = segment.has_timestamp;
        recent_ = segment.timestamp_value;
        next_ = 0;
        state_ = State::syn_received;
        if (!manners_->takes_syn_data) return;
        for (const std::uint8_t byte : segment.payload)
            read += static_cast<char>(byte);
        next_ = segment.payload.size();
    }

    void take_reset(const Segment& segment) {
        if (state_ == State::listening) return;
        const std::int64_t ahead =
            offset_of(segment.sequence) - static_cast<std::int64_t>(next_) - (fin_read ? 1 : 0);
        const bool in_window = ahead >= 0 && ahead < static_cast<std::int64_t>(window);
        if (ahead != 0 && !(manners_->resets_in_window && in_window)) return;
        state_ = state_ == State::syn_received && read.empty() ? State::listening : State::reset;
    }

    bool ack_acceptable(const Segment& segment) const {
        const auto acked = static_cast<std::int32_t>(segment.acknowledgement - iss_ - 1);
        const auto sent = static_cast<std::int32_t>(sent_to_client);
        if (state_ == State::syn_received) return acked >= 0 && acked <= sent;
        return !manners_->heeds_ack || (acked <= sent && acked >= sent - 65535);
    }

    bool timestamp_acceptable(const Segment& segment) const {
        if (!segment.has_timestamp) return !(negotiated_ && manners_->needs_timestamp);
        if (!negotiated_ && !(manners_->heeds_any_timestamp && heard_)) return true;
        return static_cast<std::int32_t>(segment.timestamp_value - recent_) >= 0;
    }

    void take_bytes(const Segment& segment) {
        const std::int64_t at = offset_of(segment.sequence);
        const std::int64_t end = at + static_cast<std::int64_t>(segment.payload.size());
        const auto have = static_cast<std::int64_t>(next_);
        const std::int64_t room_end = have + static_cast<std::int64_t>(window);
        const bool fin = (segment.flags & tcp_flag::fin) != 0;
        if (end + (fin ? 1 : 0) < have || at > room_end || fin_read) return;
        if (segment.has_timestamp && at <= have) {  // what it acknowledges is what it has
            recent_ = segment.timestamp_value;
            heard_ = true;
        }
        std::int64_t stop = end;
        if (!manners_->takes_beyond_window || at == room_end) stop = std::min(end, room_end);
        if ((segment.flags & tcp_flag::urg) != 0 && manners_->urgent_byte_apart)
            urgent_ = at + segment.urgent - 1;
        for (std::int64_t one = std::max(at, have); one < stop; ++one)
            put(static_cast<std::uint64_t>(one),
                segment.payload[static_cast<std::size_t>(one - at)],
                static_cast<std::uint64_t>(std::max<std::int64_t>(at, 0)),
                static_cast<std::uint64_t>(end));
        if (fin && stop == end && (fin_at_ < 0 || !manners_->first_fin_counts)) fin_at_ = end;
        deliver();
    }

    void put(std::uint64_t offset, std::uint8_t value, std::uint64_t begin, std::uint64_t end) {
        const auto [at, fresh] = waiting_.try_emplace(offset, Byte{value, begin, end});
        if (!fresh && newer_wins(at->second, begin, end)) at->second = {value, begin, end};
    }

    bool newer_wins(const Byte& kept, std::uint64_t begin, std::uint64_t end) const {
        switch (stack_) {
            case Stack::first:
                return false;
            case Stack::last:
                return true;
            case Stack::bsd:
                return begin < kept.begin;
            case Stack::linux_:  // the queue of net/ipv4/tcp_input.c since 4.9
                return begin < kept.begin || (begin == kept.begin && end > kept.end);
            case Stack::windows:
                return begin < kept.begin && end > kept.end;
        }
        return false;
    }

    void deliver() {
        while (!waiting_.empty() && waiting_.begin()->first == next_ && !at_fin()) {
            const bool apart = urgent_ == static_cast<std::int64_t>(next_);
            if (!apart) read += static_cast<char>(waiting_.begin()->second.value);
            waiting_.erase(waiting_.begin());
            ++next_;
        }
        fin_read = at_fin();
    }
    bool at_fin() const { return fin_at_ == static_cast<std::int64_t>(next_); }

    Stack stack_;
    const StackManners* manners_;
    std::uint32_t iss_;
    State state_ = State::listening;
    std::uint32_t irs_ = 0;
    bool negotiated_ = false;
    bool heard_ = false;  // a timestamp after the SYN
    std::uint32_t recent_ = 0;
    std::uint64_t next_ = 0;
    std::int64_t fin_at_ = -1;
    std::int64_t urgent_ = -1;
    std::map<std::uint64_t, Byte> waiting_;
};

}  // namespace cordon::test
