// A received frame on its way through a worker, with what decode read of it.
//
// Owns:       nothing: the frame is given back, sent or kept by whoever handles it.
// Worker:     one; lives as long as its turn in the burst.
#pragma once

#include <array>

#include "dataplane/base/limits.h"
#include "dataplane/decode/decode.h"
#include "dataplane/stream/piece_pool.h"
#include "dataplane/worker/port.h"

namespace cordon {

// Of clients, in one turn.
inline constexpr std::size_t bursts_max = 8;

struct Arrival {
    Arrival(const Frame& received, Side from)
        : frame(received), side(from), received_bytes(received.length) {}

    Frame frame;
    Segment segment;  // what decode() makes of it
    Side side;
    std::uint32_t received_bytes;  // the frame may be cut shorter on its way
    bool consumed = false;         // the frame was sent or kept
    bool altered = false;          // says more than may pass: its bytes go on in segments of ours
    bool accounted = false;
    bool waits = false;           // a fragment: accounted with its datagram
    bool is_part = false;         // made of a datagram's fragments, which are accounted themselves
    std::size_t fate = 0;         // the frame class, once accounted
    PieceNumber copy = no_piece;  // of all its payload, in the worker's pool,
    bool may_have_mark = true;    // and whether a zip's mark (find_zip_mark()) may be in it
};

// Frames that leave together.
struct OutQueue {
    std::array<Frame, 2 * limits::burst_frames> frames;
    std::size_t count = 0;
};

}  // namespace cordon
