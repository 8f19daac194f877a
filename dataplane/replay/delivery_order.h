// In which order and in which bursts the packets of a capture come to a Worker.
//
// A worker hashes the objects of a burst together, so consecutive packets go as one: those of
// clients first, then those of storages. Every connection keeps its order, and no bytes of a client
// overtake an answer, on whichever connection: the answer may be why they were sent.
//
// One thing is moved. In the capture nothing was held, so the storage acknowledges what the worker
// still holds as a rolling tail, which it could not have had yet. Such an acknowledgement waits,
// with those behind it, until the client's next segment has made the tail leave, and else until a
// tail's time has passed; then what is held is let go first, looked up as it stands. The client's
// next segment goes first only where it is plain: more bytes, in order, in the window that the
// storage has announced without what waits.
//
// Owns:       the packets of a burst, and those that wait.
// Invariants: of what has bytes, SYN, FIN or RST nothing changes its place but that clients' go
//             before storages' that came later. The same packets and answers of the receiver give
//             the same deliveries.
// Thread:     one.
// Limits:     limits::burst_frames of each side in a burst, as many waiting in a connection.
#pragma once

#include <span>
#include <vector>

#include "dataplane/base/limits.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/worker/worker.h"

namespace cordon::replay {

// The worker, as far as the order depends on it.
class Receiver {
  public:
    virtual ~Receiver() = default;
    virtual void deliver(Side side, std::span<const Frame> frames) = 0;
    virtual bool forwarded(const FlowKey& key, Forwarded* where) const = 0;
    // What is held in this connection, as far as it may go.
    virtual void let_go(const FlowKey& key) = 0;
};

// A TCP segment of the capture.
struct Packet {
    Frame frame;
    std::uint64_t ns;    // not before that of the packet before it
    std::uint32_t flow;  // number of its connection: 0, 1, 2 …
    std::uint32_t sequence;
    std::uint32_t acknowledgement;
    std::uint32_t payload_bytes;
    std::uint8_t flags;
    Side side;
};

class DeliveryOrder {
  public:
    // `wait_ns`: how long a tail may be held.
    DeliveryOrder(Receiver* receiver, std::uint64_t wait_ns);

    bool empty() const { return client_frames_.empty() && storage_.empty(); }

    // False: what there is has to go before this packet.
    bool takes(const Packet& packet) const;

    // REQUIRES: empty() or takes(packet).
    void add(const Packet& packet, const FlowKey& key);

    void flush();

    // What has waited for long enough at `ns`, or all that waits, is delivered. REQUIRES: empty().
    void expire(std::uint64_t ns);
    void end_waiting();

  private:
    static constexpr std::uint32_t none = UINT32_MAX;

    struct Connection {
        FlowKey key;
        std::vector<Packet> waiting;  // acknowledgements, in their order
        std::uint64_t waits_since_ns = 0;
        std::uint32_t next = none;  // in the list of those in which something waits, oldest first
        std::uint32_t previous = none;
        std::uint32_t client_end = 0;  // sequence number behind what the client sent
        bool client_known = false;
        std::uint64_t storage_burst = 0;  // the last one with a packet of its storage
    };

    bool may_overtake(const Packet& packet, const Connection& connection) const;
    static void note_client(const Packet& packet, Connection* connection);
    void offer(const Packet& packet);
    void give(const Packet& packet, bool may_wait);
    void give_waiting(std::uint32_t flow);
    void send();
    void wait(const Packet& packet);
    void leave_list(std::uint32_t flow);

    Receiver& receiver_;
    const std::uint64_t wait_ns_;
    std::vector<Connection> connections_;
    std::vector<Frame> client_frames_;
    std::vector<std::uint32_t> client_flows_;  // of these frames
    std::vector<Packet> storage_;
    std::vector<Frame> sending_;  // of the storage, while a burst is delivered
    std::vector<Packet> waited_;  // scratch
    std::uint64_t burst_number_ = 1;
    bool has_answer_ = false;  // of a storage, in this burst: more than an acknowledgement
    std::uint32_t first_ = none;
    std::uint32_t last_ = none;
};

}  // namespace cordon::replay
