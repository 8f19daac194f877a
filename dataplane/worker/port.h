// The two ports of an appliance as a worker sees them: bursts of frames in, bursts of frames out.
//
// Owns:       the buffers. A received frame belongs to the worker until it is transmitted or
//             released; an allocated one likewise.
// Invariants: a frame is one contiguous buffer with `headroom` writable bytes nowhere needed by the
//             rooms: they only overwrite bytes of the frame or build a new one.
// Worker:     one Port per worker; no call blocks or allocates on the way of a frame.
// Limits:     limits::burst_frames at once; frames up to capacity bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/bytes.h"

namespace cordon {

enum class Side : std::uint8_t { client = 0, storage = 1 };

constexpr Side opposite(Side side) {
    return side == Side::client ? Side::storage : Side::client;
}

constexpr std::size_t index_of(Side side) {
    return static_cast<std::size_t>(side);
}

struct Frame {
    std::uint8_t* data = nullptr;
    std::uint32_t length = 0;
    std::uint32_t capacity = 0;  // writable bytes from data on
    void* handle = nullptr;      // the port's own
    Bytes bytes() const { return {data, length}; }
};

// Bytes of one flow towards its storage that nobody needs (DESIGN §5): a port that can bridges the
// segments that lie wholly in [from, to), and the acknowledgements of them, beside the worker.
struct ShuntRange {
    std::uint8_t client[16];  // addresses as in SegmentEnd
    std::uint8_t storage[16];
    std::uint16_t client_port;
    std::uint16_t storage_port;
    std::uint32_t from;  // sequence numbers, to − from ≤ limits::shunt_bytes_max
    std::uint32_t to;
    std::uint32_t client_ack;  // as they stand now
    std::uint32_t storage_ack;
    bool timestamps;  // they were negotiated
};

enum class ShuntGrant : std::uint8_t { granted, full, not_supported };

// Of what passed in one direction: how many frames, and what the newest said.
struct ShuntHeard {
    std::uint64_t frames;
    std::uint64_t bytes;
    std::uint32_t ack;  // and window are of one segment
    std::uint32_t timestamp;
    std::uint16_t window;
};

struct ShuntPassed {
    ShuntHeard client;
    ShuntHeard storage;
    std::uint32_t reach;  // sequence number behind the farthest byte, with client.frames
};

class Port {
  public:
    virtual ~Port() = default;

    // Up to `count` frames that arrived on `side`. `side` is where the frame came from.
    virtual std::size_t receive(Side side, Frame* frames, std::size_t count) = 0;

    // Sends frames out of `side`, in order, and takes them over. Returns how many the port
    // accepted; it has released the rest.
    virtual std::size_t transmit(Side side, Frame* frames, std::size_t count) = 0;

    // A fresh frame to be sent out of `side`; false when no buffer is free.
    virtual bool allocate(Side side, Frame* frame) = 0;

    virtual void release(Frame* frame) = 0;

    // Gives a frame that a worker made of others (of fragments) to the worker that owns its flow,
    // where it is received from `side`. False: it is this one's.
    virtual bool hand_to_owner(Side, Frame*) { return false; }

    // --- shunted ranges ---
    // Only AF_XDP has a program in front of the worker that can do so. The others, PCI devices with
    // rte_flow among them (a flow rule knows addresses and ports, and no range of sequence
    // numbers), say not_supported, and everything goes on through the worker.
    //
    // In force when it returns `granted`; *place is the range's name from then on. These are the
    // only calls of a Port that may take a system call when nothing is sent: one for each range.
    virtual ShuntGrant shunt(const ShuntRange&, std::uint32_t*) {
        return ShuntGrant::not_supported;
    }
    // What passed so far. No system call: every shunted flow is asked, again and again.
    virtual ShuntPassed passed(std::uint32_t) const { return {}; }
    // At once: from here on nothing more of it passes. What passed can still be asked for.
    virtual void revoke(std::uint32_t) {}
    // Revokes it and gives the place back.
    virtual void unshunt(const ShuntRange&, std::uint32_t) {}
};

}  // namespace cordon
