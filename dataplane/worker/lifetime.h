// How long things last in a worker. Each with its reason.
//
// Owns:       nothing.
// Worker:     pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/time.h"

namespace cordon {

namespace lifetime {
inline constexpr std::uint64_t embryonic_ns = 10 * ns_per_s;    // SYN retries go to 7 s
inline constexpr std::uint64_t unconfirmed_ns = 32 * ns_per_s;  // SYN-ACKs repeat 16 s apart
inline constexpr std::uint64_t closed_ns = 5 * ns_per_s;        // late FINs and ACKs of both ends
inline constexpr std::uint64_t evictable_ns = 60 * ns_per_s;    // a busy flow without a segment
// When the table is full. A SYN that was repeated once and found nobody has had its chance. Between
// two messages a second is long for whoever wants to go on; who is closed then loses a handshake.
inline constexpr std::uint64_t embryonic_least_ns = 3 * ns_per_s;
inline constexpr std::uint64_t idle_least_ns = 1 * ns_per_s;
inline constexpr std::uint64_t idle_ns = 7200 * ns_per_s;   // TCP keep-alive's own default
inline constexpr std::uint64_t quiet_ns = 100 * ns_per_ms;  // no answer under way pauses so long
// A connection that is older than us speaks within this time after our start, or it has been idle
// for longer than terminators keep idle ones (60 to 90 s are usual). Later on, one that is not
// known was made to be forgotten.
inline constexpr std::uint64_t midstream_ns = 300 * ns_per_s;
// A receiver acknowledges within half a second (RFC 9293 §3.8.6.3), and a SYN-ACK that passed
// beside us while we started is repeated after one: what is silent for longer while its peer goes
// on speaks on another path.
inline constexpr std::uint32_t one_direction_ms = 1200;
inline constexpr std::uint64_t rto_first_ns = 200 * ns_per_ms;
// Two losses of the answer in a row are repaired by then (200 + 400 ms).
inline constexpr std::uint64_t answer_least_ns = 2 * ns_per_s;
inline constexpr std::uint64_t rto_max_ns = 5 * ns_per_s;
// An RST may be lost, and so may the challenge ACK that would tell. At 10 % loss each way six are
// lost once in a million; the last is sent 3.1 s after the first.
inline constexpr std::uint64_t reset_again_ns = 100 * ns_per_ms;  // doubles
inline constexpr std::uint32_t resets_again_max = 5;
inline constexpr std::uint64_t sever_again_ns = 500 * ns_per_ms;  // the same for flows cut at once
// How often a decision that waits for its record is looked at, and one whose answer is on its way:
// nothing of an answer is finer than this, and a thousand of them cost a worker half a percent.
inline constexpr std::uint64_t record_look_ns = 1 * ns_per_ms;
inline constexpr std::uint64_t answer_look_ns = 10 * ns_per_ms;
// A client whose upload was blocked in its middle is answered at its end; when it pauses, at once.
inline constexpr std::uint64_t body_pause_ns = 2 * ns_per_s;
inline constexpr std::uint64_t body_longest_ns = 30 * ns_per_s;
inline constexpr std::uint64_t client_catches_up_ns = 1 * ns_per_s;
// How long a message may stand still while others find no room: in its head (which comes within two
// round trips of the farthest client), in its body or that of the answer, and until the storage
// begins to answer. Bytes earn further time (limits::slow_bytes_per_s).
inline constexpr std::uint64_t head_patience_ns = 5 * ns_per_s;
inline constexpr std::uint64_t body_patience_ns = 10 * ns_per_s;
inline constexpr std::uint64_t answer_patience_ns = 60 * ns_per_s;
inline constexpr std::uint64_t patience_every_ns = 500 * ns_per_ms;
inline constexpr std::uint64_t sweep_every_ns = 10 * ns_per_ms;
// So exactly is known how long a flow is idle: nothing above is shorter.
inline constexpr std::uint64_t touch_grain_ns = 1 * ns_per_ms;
}  // namespace lifetime

// How many messages are looked at for a slow one, when a segment finds no room for its own; every
// sweep looks at as many as it does at flows.
inline constexpr std::size_t message_look = 8;
// Shunted flows looked at in a sweep: memory that two ports write, so each is a miss.
inline constexpr std::size_t shunt_look = 64;
// Then a body may stand still for 2.5 s, in which three losses in a row are repaired.
inline constexpr std::uint32_t patience_halvings_max = 2;
// And a head for 310 ms: nearly all come whole in one flight. Whoever sends slow ones asks for a
// place as often as he likes, others only when they repeat a segment, so that places must come free
// faster than he can ask.
inline constexpr std::uint32_t head_halvings_max = 4;
// Who has waited for so long takes the place of a head that was not finished in its first flight,
// even if his own is not whole yet.
inline constexpr std::uint32_t head_waiter_ms = 500;
inline constexpr std::uint64_t head_flight_ns = 100 * ns_per_ms;
inline constexpr std::size_t head_look = 64;

}  // namespace cordon
