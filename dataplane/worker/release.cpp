#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// A jumbo frame of which the front is cleared and the rest is a tail is not torn: all of it goes
// with the tail, whose timer is short.
bool stays_whole(const Flow& flow, std::uint64_t begin, std::uint64_t frame_begin,
                 std::uint64_t frame_end) {
    return begin == frame_begin && frame_end - frame_begin > Piece::capacity &&
           flow.up.cleared() < frame_end && frame_end <= flow.up.taken();
}

}  // namespace

// The held frame, the frame that just came, or one built from the kept bytes. Then the client's
// FIN, when nothing is before it.
void Worker::State::pump_any(FlowNumber number, Arrival* arrival, std::uint64_t arrival_begin,
                             std::uint64_t arrival_end) {
    Flow& flow = flows[number];
    std::uint64_t begin;
    Bytes chunk;
    while (flow.up.next_to_send(pieces, &begin, &chunk)) {
        if (flow.held.data != nullptr
                ? stays_whole(flow, begin, flow.held_end - flow.held_bytes, flow.held_end)
                : arrival != nullptr && !arrival->consumed &&
                      stays_whole(flow, begin, arrival_begin, arrival_end))
            break;
        std::uint64_t end;
        if (flow.held.data != nullptr && begin + flow.held_bytes == flow.held_end &&
            flow.up.may_send_to(flow.held_end, pieces)) {
            queue(Side::storage, flow.held);
            flow.held.data = nullptr;
            --held_frames;
            end = flow.held_end;
        } else if (arrival != nullptr && !arrival->consumed && begin == arrival_begin &&
                   flow.up.may_send_to(arrival_end, pieces)) {
            queue(Side::storage, arrival->frame);
            arrival->consumed = true;
            end = arrival_end;
        } else {
            chunk = chunk.first(std::min(chunk.size(), segment_bytes_max(flow)));
            end = begin + chunk.size();
            if (!emit_to_storage(flow, flow.up.sequence_of(begin), tcp_flag::ack | tcp_flag::psh,
                                 chunk))
                break;  // no buffer now: the timer tries again
        }
        flow.up.mark_sent(end, pieces);
    }
    if (flow.held.data != nullptr && flow.up.sent() >= flow.held_end) drop_held(flow);
    if (arrival != nullptr && !arrival->consumed && flow.held.data == nullptr &&
        flow.up.sent() == arrival_begin)
        keep_frame(flow, *arrival, arrival_end);
    set_tail_timer(number);
    const bool everything_sent = flow.up.sent() == flow.up.received() && !flow.up.has_holes();
    if (flow.client.fin_seen && !flow.fin_sent && everything_sent && !flow.verdict_due)
        flow.fin_sent = emit_to_storage(flow, flow.up.sequence_of(flow.up.received()),
                                        tcp_flag::fin | tcp_flag::ack, {});
}

// A tail waits for its next byte only so long. With a FIN seen nothing more will come.
void Worker::State::set_tail_timer(FlowNumber number) {
    Flow& flow = flows[number];
    if (is_put_off(flow)) return;
    const bool waiting = flow.up.sent() < flow.up.taken() && !flow.verdict_due && !flow.stalled;
    if (!waiting) return clear_timer(number);
    // Enough for a step, while more comes.
    if (flow.up.taken() - flow.up.sent() >= limits::assembly_step_bytes &&
        flow.exchange != no_exchange && is_held(exchanges[flow.exchange]))
        return set_timer(number, TimerKind::tail, now.ns);
    if (flow.timer == TimerKind::tail && flow.tail_taken == flow.up.taken()) return;
    flow.tail_taken = flow.up.taken();
    set_timer(number, TimerKind::tail, now.ns + options.tail_release_us * ns_per_us);
}

void Worker::State::drop_held(Flow& flow) {
    if (flow.held.data == nullptr) return;
    port.release(&flow.held);
    flow.held.data = nullptr;
    --held_frames;
}

}  // namespace cordon
