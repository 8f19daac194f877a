// Which objects wait for their verdict, and the look-ups of those that wait together: all of them
// are keyed, then compared, then judged one by one, so that the index comes from memory meanwhile.
//
//   add(flow) …   settle(): next_is_fresh() → look_ahead(), next() → judge() …
//
// Owns:       what was looked up ahead: the digests of the first object open of each message.
// Invariants: judged in the order in which they ended. While a flow stands here nothing more of its
//             stream is read, so what was looked up for it stays right; it goes with its place in
//             the list. Those looked at stand before those that came since.
// Worker:     used by one worker only; no allocation after construction.
// Limits:     burst_frames looked up together; more wait for the next round.
#pragma once

#include <array>
#include <vector>

#include "dataplane/base/limits.h"
#include "dataplane/fingerprint/digests.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/index/index_view.h"
#include "dataplane/worker/arrival.h"

namespace cordon {

// An object that has its verdict now, or would have it if it ended here.
struct Judged {
    FlowNumber flow;
    std::uint8_t object;
    bool complete;
    Digests digests;
};

// Every digest of an object is keyed before the first is looked up.
struct LookUps {
    IndexView::Probe probes[exact_kind_list.size()];
    std::size_t count = 0;

    void prepare(const IndexView& index, const Digests& digests, std::uint64_t now_s) {
        const KindSet kinds = index.plan(now_s) & digests.present;
        count = 0;
        for (const IndicatorKind kind : exact_kind_list) {
            if (kinds.has(kind)) index.prepare(kind, digests.of(kind), &probes[count++]);
        }
    }
    void compare(const IndexView& index) {
        for (std::size_t n = 0; n < count; ++n)
            index.compare(&probes[n]);
    }
};

struct LookedAhead {
    std::uint8_t object;  // of its message
    Digests digests;
    LookUps asked;  // and compared
};

class DueVerdicts {
  public:
    DueVerdicts() { due_.reserve((bursts_max + 1) * limits::burst_frames); }

    bool empty() const { return due_.empty(); }
    void add(FlowNumber flow) { due_.push_back({flow, fresh}); }
    void forget(FlowNumber flow) {
        std::erase_if(due_, [flow](const Due& due) { return due.flow == flow; });
    }
    bool next_is_fresh() const { return due_.front().place == fresh; }
    // The flow, which no longer stands here, and what was looked up for it, or null; that is valid
    // until look_ahead().
    FlowNumber next(LookedAhead** looked) {
        const Due due = due_.front();
        due_.erase(due_.begin());
        *looked = due.place < ahead_.size() ? &ahead_[due.place] : nullptr;
        return due.flow;
    }

    // When the next one is fresh, and so are all: `look(flow, place)` says whether there is
    // something to be looked up for a flow, and prepares it.
    template <typename Look>
    void look_ahead(const IndexView& index, Look look) {
        std::uint8_t used = 0;
        for (Due& due : due_) {
            if (used == ahead_.size()) break;
            due.place = look(due.flow, &ahead_[used]) ? used++ : alone;
        }
        for (std::uint8_t n = 0; n < used; ++n)
            ahead_[n].asked.compare(index);
    }

  private:
    // Instead of a place: not looked at yet, or nothing to be looked up ahead.
    static constexpr std::uint8_t fresh = UINT8_MAX;
    static constexpr std::uint8_t alone = UINT8_MAX - 1;
    static_assert(limits::burst_frames < alone);

    struct Due {
        FlowNumber flow;
        std::uint8_t place;
    };
    std::vector<Due> due_;  // capacity fixed at start
    std::array<LookedAhead, limits::burst_frames> ahead_;
};

}  // namespace cordon
