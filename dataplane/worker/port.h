// The two ports of an appliance as a worker sees them: bursts of frames in, bursts of frames out.
//
// Owns:       the buffers. A received frame belongs to the worker until it is transmitted or
//             released; an allocated one likewise.
// Invariants: a frame is one contiguous buffer with `headroom` writable bytes nowhere needed by the
//             rooms: they only overwrite bytes of the frame or build a new one.
// Worker:     one Port per worker; no call blocks or allocates.
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
};

}  // namespace cordon
