// COPY, MOVE, DELETE, and the creation of an object that has no byte yet: what the storage makes of
// a name is known from its answer. When the next
// request begins before it, or the connection ends, it is not known, and nothing is written into
// that name any more.
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// Deeper paths than any client makes are taken for moved.
constexpr std::size_t folders_max = 32;

// A 202 is a promise, a 207 has a list of what failed. 5xx may have come in the middle.
NameChange::Outcome outcome_of(std::uint16_t status) {
    using Outcome = NameChange::Outcome;
    if (status == 200 || status == 201 || status == 204) return Outcome::done;
    return status / 100 == 3 || status / 100 == 4 ? Outcome::refused : Outcome::unknown;
}

}  // namespace

// A range into an object that nobody saw: it may have come with a folder that was copied or moved.
bool Worker::State::comes_with_folder(const Head& head, const PieceRequest& request) {
    if (request.visibility != Visibility::at_once || !assembly.has_moved()) return false;
    std::array<AssemblyKey, folders_max> above;
    const std::size_t count = folders_above(head, assembly.seed(), above);
    return count > above.size() || assembly.is_moved(std::span(above).first(count), now);
}

void Worker::State::note_change_answer(Exchange* exchange, std::uint16_t status) {
    if (!exchange->change || exchange->tracker.outstanding() != 1) return;
    end_change(exchange, outcome_of(status));
}

void Worker::State::end_change(Exchange* exchange, NameChange::Outcome outcome) {
    if (!exchange->change) return;
    if (exchange->change.kind == NameChange::Kind::create)
        chain_state.start(planned_kinds() | KindSet{IndicatorKind::sha256});
    assembly.end_change(exchange->change, outcome, chain_state, now);
    exchange->change = {};
}

}  // namespace cordon
