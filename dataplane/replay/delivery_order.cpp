#include "dataplane/replay/delivery_order.h"

#include "dataplane/base/invariant.h"

namespace cordon::replay {
namespace {

constexpr std::size_t burst = limits::burst_frames;

bool is_behind(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) > 0;
}

// Without anything that has a place among the bytes of its sender.
bool is_acknowledgement(const Packet& packet) {
    constexpr std::uint8_t more = tcp_flag::syn | tcp_flag::fin | tcp_flag::rst | tcp_flag::urg;
    return packet.payload_bytes == 0 && (packet.flags & (more | tcp_flag::ack)) == tcp_flag::ack;
}

}  // namespace

DeliveryOrder::DeliveryOrder(Receiver* receiver, std::uint64_t wait_ns)
    : receiver_(*receiver), wait_ns_(wait_ns) {
    client_frames_.reserve(burst);
    client_flows_.reserve(burst);
    storage_.reserve(burst);
    sending_.reserve(burst);
}

bool DeliveryOrder::takes(const Packet& packet) const {
    if (packet.side == Side::storage) return storage_.size() < burst;
    if (client_frames_.size() == burst || (has_answer_ && packet.payload_bytes != 0)) return false;
    if (packet.flow >= connections_.size()) return true;
    const Connection& connection = connections_[packet.flow];
    if (connection.storage_burst == burst_number_) return false;
    return connection.waiting.empty() || may_overtake(packet, connection);
}

// Only what makes a tail leave as nothing else would: a repetition, a FIN or a segment that the
// window cuts would be treated in another way before the acknowledgement than behind it.
bool DeliveryOrder::may_overtake(const Packet& packet, const Connection& connection) const {
    constexpr std::uint8_t other = tcp_flag::syn | tcp_flag::fin | tcp_flag::rst | tcp_flag::urg;
    if (packet.payload_bytes == 0 || (packet.flags & (other | tcp_flag::ack)) != tcp_flag::ack ||
        packet.sequence != connection.client_end)
        return false;
    Forwarded at;
    return receiver_.forwarded(connection.key, &at) &&
           packet.sequence + packet.payload_bytes - at.sent <= at.room;
}

void DeliveryOrder::add(const Packet& packet, const FlowKey& key) {
    if (packet.flow >= connections_.size()) connections_.resize(packet.flow + std::size_t{1});
    Connection& connection = connections_[packet.flow];
    connection.key = key;
    if (packet.side == Side::storage) {
        connection.storage_burst = burst_number_;
        has_answer_ = has_answer_ || !is_acknowledgement(packet);
        storage_.push_back(packet);
        return;
    }
    if (!connection.waiting.empty() && empty() && !may_overtake(packet, connection)) {
        give_waiting(packet.flow);
        send();
    }
    note_client(packet, &connection);
    client_frames_.push_back(packet.frame);
    client_flows_.push_back(packet.flow);
}

void DeliveryOrder::note_client(const Packet& packet, Connection* connection) {
    const bool begins = (packet.flags & tcp_flag::syn) != 0;
    if (packet.payload_bytes == 0 && !begins) return;
    const std::uint32_t end = packet.sequence + packet.payload_bytes + (begins ? 1 : 0);
    if (!begins && connection->client_known && !is_behind(end, connection->client_end)) return;
    connection->client_end = end;
    connection->client_known = true;
}

void DeliveryOrder::flush() {
    if (empty()) return;
    ++burst_number_;
    has_answer_ = false;
    if (!client_frames_.empty()) receiver_.deliver(Side::client, client_frames_);
    for (const std::uint32_t flow : client_flows_)
        give_waiting(flow);
    for (const Packet& packet : storage_)
        offer(packet);
    send();
    client_frames_.clear();
    client_flows_.clear();
    storage_.clear();
}

void DeliveryOrder::offer(const Packet& packet) {
    Connection& connection = connections_[packet.flow];
    if (!connection.waiting.empty()) {
        if (is_acknowledgement(packet) && connection.waiting.size() < burst) {
            connection.waiting.push_back(packet);
            return;
        }
        give_waiting(packet.flow);
    }
    give(packet, true);
}

// What the storage says to bytes that are held goes to the worker behind them; an answer to
// anything, or an end, behind all that has come.
void DeliveryOrder::give(const Packet& packet, bool may_wait) {
    const Connection& connection = connections_[packet.flow];
    Forwarded at;
    if (receiver_.forwarded(connection.key, &at)) {
        const bool acknowledges = is_acknowledgement(packet);
        if (acknowledges ? is_behind(packet.acknowledgement, at.sent) : at.holds) {
            // Of what no client is known to have sent, nothing will make it right.
            if (may_wait && acknowledges && connection.client_known &&
                !is_behind(packet.acknowledgement, connection.client_end))
                return wait(packet);
            send();  // before it, and it may let the worker go on
            receiver_.let_go(connection.key);
        }
    }
    sending_.push_back(packet.frame);
    if (sending_.size() == burst) send();
}

void DeliveryOrder::give_waiting(std::uint32_t flow) {
    Connection& connection = connections_[flow];
    if (connection.waiting.empty()) return;
    leave_list(flow);
    waited_.clear();
    waited_.swap(connection.waiting);
    for (const Packet& packet : waited_)
        give(packet, false);
}

void DeliveryOrder::send() {
    if (sending_.empty()) return;
    receiver_.deliver(Side::storage, sending_);
    sending_.clear();
}

void DeliveryOrder::wait(const Packet& packet) {
    Connection& connection = connections_[packet.flow];
    INVARIANT(connection.waiting.empty());
    connection.waiting.push_back(packet);
    connection.waits_since_ns = packet.ns;
    connection.previous = last_;
    connection.next = none;
    (last_ == none ? first_ : connections_[last_].next) = packet.flow;
    last_ = packet.flow;
}

void DeliveryOrder::leave_list(std::uint32_t flow) {
    const Connection& connection = connections_[flow];
    (connection.previous == none ? first_ : connections_[connection.previous].next) =
        connection.next;
    (connection.next == none ? last_ : connections_[connection.next].previous) =
        connection.previous;
}

void DeliveryOrder::expire(std::uint64_t ns) {
    while (first_ != none && connections_[first_].waits_since_ns + wait_ns_ <= ns)
        give_waiting(first_);
    send();
}

void DeliveryOrder::end_waiting() {
    while (first_ != none)
        give_waiting(first_);
    send();
}

}  // namespace cordon::replay
