// What a worker knows of one connection.
//
//   free ─SYN→ syn_seen ─SYN-ACK→ established ─match, refusal→ recording ─→ answering ─→ closed
//     │                              │    └──both FIN, RST──────────────────────────────────┤
//     └─no SYN, TLS, bypassed …→ uninspected ─retired→ answering         closed ─age→ free  ┘
//
//   recording   a decision waits for its durable record; nothing of the client passes
//   answering   the storage is reset; we are the TCP endpoint of the client
//
// Directions are named by where their bytes go: `up` to the storage, `down` to the client.
//
// Owns:       its pieces, its held frame, its exchange and answer (numbers into pools).
// Invariants: an exchange only while established; an answer only in recording and answering.
// Worker:     used by one worker only.
// Limits:     limits::flow_bytes_max bytes, idle or not.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/base/limits.h"
#include "dataplane/contract/counters.h"
#include "dataplane/decode/build.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/http/address.h"
#include "dataplane/stream/stream.h"
#include "dataplane/verdict/hold.h"
#include "dataplane/worker/port.h"

namespace cordon {

// How a service is treated now; the options say how it began.
struct ServiceState {
    ServiceMode mode;
    std::uint64_t bypass_until_s;
};

enum class FlowPhase : std::uint8_t {
    free,
    syn_seen,
    established,
    uninspected,
    recording,
    answering,
    closed,
};

// `turn`: what came of it is read on in the next turn; first come, first served.
enum class TimerKind : std::uint8_t { none, tail, quiet, sever, record, answer, turn };
inline constexpr std::size_t timer_kind_count = 7;

// Flows in the order in which one constant delay ends for them.
struct TimerList {
    FlowNumber first = no_flow;
    FlowNumber last = no_flow;
};

inline constexpr std::uint32_t no_exchange = UINT32_MAX;
inline constexpr std::uint32_t no_answer = UINT32_MAX;

// One end of the connection, as its own segments told.
struct Peer {
    SegmentTemplate like;      // of the frames it sends
    std::uint64_t window_end;  // offset beyond which it takes nothing of what is sent to it
    std::uint64_t acked;       // offset up to which it acknowledged what was sent to it
    std::uint32_t ack;         // last acknowledgement number, raw
    std::uint32_t timestamp;   // last TSval, to continue with when we speak for it
    std::uint32_t ts_recent;   // PAWS (RFC 7323 §5)
    std::uint32_t fin_number;  // with fin_ahead: sequence number of that FIN
    std::uint16_t window;      // last, raw
    std::uint16_t mss;
    std::uint8_t scale;
    bool has_like;
    bool fin_seen : 1;   // a FIN of this peer at the end of its bytes
    bool fin_acked : 1;  // and acknowledged by the other one
    bool fin_ahead : 1;  // a FIN came while bytes before it were missing
};

struct alignas(64) Flow {
    Peer client;
    Peer storage;
    Stream up;
    Stream down;
    Hold hold;
    Frame held;  // the frame of the held_bytes before held_end, as it came; data null: none
    std::uint64_t held_end;
    std::uint64_t tail_taken;  // up.taken() when the tail timer was set
    std::uint64_t timer_ns;    // when `timer` is due
    std::uint32_t timer_next;
    std::uint32_t timer_previous;
    std::uint32_t exchange;
    std::uint32_t answer;
    std::uint32_t held_bytes;
    std::uint32_t met_ms;          // when its SYN came, or it was met in mid-life
    std::uint32_t waits_ms;        // since when its message finds no room, 0: it does not wait
    std::uint32_t resyn_sequence;  // of a SYN that came while established, and its options:
    std::uint32_t resyn_timestamp;
    std::uint16_t resyn_mss;
    std::uint8_t resyn_scale;
    FlowPhase phase;
    TimerKind timer;
    UninspectedReason reason;
    std::uint8_t service;
    bool has_timestamps;
    bool has_resyn;
    bool asymmetric_counted;
    bool fin_sent;          // the client's FIN has left for the storage
    bool last_was_storage;  // whose payload came last
    bool proxy_due;         // a PROXY header may still come
    bool expect_refused;    // the storage answered an Expect with a final status
    bool had_request;       // a request of HTTP was read on it
    bool leaves_http;       // uninspected from here on, for `reason`
    bool close_due;         // that answer is complete: the connection ends here
    bool answer_seen;       // uninspected: first bytes of the storage, or a final answer, came
    bool has_forwarded;     // a PROXY header told the client's address
    bool verdict_due;       // stands in the worker's list of judgements
    bool stalled;           // its next request waits for an answer of the storage
    bool client_confirmed;  // it acknowledged the SYN-ACK: its address is its own
    bool shunted;           // a range of its body passes beside the worker
    bool severed;           // closed by us: the storage may not have heard of it yet
    std::uint8_t resets;    // repetitions so far, when severed
    ClientAddress forwarded;
};

// What came of it waits to be read, because it makes more work than there is time for.
inline bool is_put_off(const Flow& flow) {
    return flow.timer == TimerKind::turn;
}

// What of it is taken stays where it is until its verdict, or until it is read.
inline bool reading_waits(const Flow& flow) {
    return flow.verdict_due || is_put_off(flow);
}

// Of a segment that we build, options of TCP included. Both ends' MSS tells of the path that we
// stand in; beyond an Ethernet frame nothing is won, and a port's buffers need not hold it. An
// absurdly small MSS is treated as the least of Linux.
inline constexpr std::size_t segment_bytes_most = 1460;

inline std::size_t mss_of(const Flow& flow) {
    constexpr std::size_t least = 88;
    return std::clamp(std::size_t{std::min(flow.client.mss, flow.storage.mss)}, least,
                      segment_bytes_most);
}

inline std::size_t segment_bytes_max(const Flow& flow) {
    constexpr std::size_t timestamp_option = 12;
    return mss_of(flow) - (flow.has_timestamps ? timestamp_option : 0);
}

// Ours continue the newest of the peer's: a late, reordered segment turns nothing back, or what we
// say in its name would fail PAWS (RFC 7323 §5) at the other end for ever.
inline void note_timestamp(std::uint32_t value, Peer* peer) {
    if (static_cast<std::int32_t>(value - peer->timestamp) < 0) return;
    peer->timestamp = value;
}

inline void note_timestamps(const Segment& segment, Peer* peer) {
    note_timestamp(segment.timestamp_value, peer);
}

// Nothing but bytes that came before.
inline bool is_repeated(const Stream& stream, const Segment& segment) {
    return stream.offset_of(segment.sequence) + static_cast<std::int64_t>(segment.payload.size()) <=
           static_cast<std::int64_t>(stream.received());
}

// What it is worth when there are too many.
inline FlowRank rank_of(const Flow& flow) {
    switch (flow.phase) {
        case FlowPhase::free:
            return FlowRank::over;
        case FlowPhase::closed:
            return flow.timer == TimerKind::none ? FlowRank::over : FlowRank::severed;
        case FlowPhase::syn_seen:
            return FlowRank::embryonic;
        case FlowPhase::established:
            // A client that never acknowledged the SYN-ACK may be an invented address.
            if (!flow.client_confirmed) return FlowRank::embryonic;
            return flow.exchange == no_exchange ? FlowRank::idle : FlowRank::busy;
        case FlowPhase::uninspected:
            return flow.client.has_like && flow.storage.has_like ? FlowRank::idle
                                                                 : FlowRank::embryonic;
        case FlowPhase::recording:
        case FlowPhase::answering:
            return FlowRank::pinned;
    }
    __builtin_unreachable();
}

static_assert(sizeof(Flow) <= limits::flow_bytes_max);

}  // namespace cordon
