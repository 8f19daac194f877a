// A few bytes that are packed well make as much work as a line full of plain ones. So what a worker
// unpacks in one turn is bounded, over all its flows: what would be more stays in the stream, where
// it holds its client back, and is read in the next turns, first come first served. Bodies that
// hold nothing packed never wait for that.
#include <algorithm>

#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// Of the spool, where what is read may be packed: as of a segment.
constexpr std::size_t packed_run_bytes = 2048;
// Flows that are read on in one turn, so that a thousand that need little take no longer.
constexpr std::size_t read_on_max = limits::burst_frames;

}  // namespace

// What comes next of this message may be unpacked.
bool Worker::State::unpacks(const Exchange& exchange) {
    if (exchange.decoder != no_decoder) return true;
    if (exchange.assembling == no_assembling) return false;
    const ChainContent* content = assemblings[exchange.assembling].content;
    return content != nullptr && content->now.reads;
}

// What was taken of the stream and not read yet is held with its chunk.
void Worker::State::put_off(FlowNumber number) {
    Flow& flow = flows[number];
    const Exchange& exchange = exchanges[flow.exchange];
    counters.count(Outcome::unpacking_put_off);
    if (exchange.parser.consumed() < flow.up.taken()) flow.hold.hold_from(exchange.chunk_begin);
    set_timer(number, TimerKind::turn, now.ns + 1);
}

void Worker::State::read_put_off() {
    const FlowNumber last = timer_list(TimerKind::turn).last;
    if (last == no_flow) return;
    for (std::size_t n = 0; n < read_on_max && unpack_left != 0; ++n) {
        const FlowNumber number = timer_list(TimerKind::turn).first;
        if (number == no_flow) break;
        clear_timer(number);
        if (!flows[number].verdict_due && !flows[number].stalled) read_on(number);
        if (number == last) break;
    }
    settle();
}

// The next bytes of the piece that this upload stands at, into its chain; not after the turn's
// work is done. `end`: of the piece. `gone`: as read_chain().
Worker::State::SpoolStep Worker::State::read_spool(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    const bool is_packed = own.content != nullptr && own.content->now.reads;
    const std::size_t most = is_packed ? std::min(*left, packed_run_bytes) : *left;
    const Bytes bytes = assembly.read(&own.spooled, most);
    if (bytes.empty()) return SpoolStep::end;
    fingerprinter.submit(own.slot, bytes);
    fingerprinter.flush();
    *left -= bytes.size();
    if (!read_chain(place, bytes)) return SpoolStep::gone;
    if (unpack_left == 0) *left = 0;
    return SpoolStep::read;
}

}  // namespace cordon
