// The chain of an upload moves on through what waits in the spool, a part each turn.
#include <algorithm>

#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// What is hashed of the spool in one turn of a worker: 0.1 ms, so that no burst waits for long.
constexpr std::size_t advance_bytes = 128 * 1024;
// How often is looked at what others are at.
constexpr std::uint64_t look_again_ns = 100 * ns_per_us;

}  // namespace

// Pieces that waited for this one are hashed while the client goes on.
bool Worker::State::advance_alone(std::uint32_t place) {
    if (!begin_advance(place, false)) {
        drop_assembling(place);
        return true;
    }
    put_to_work(place);
    return true;
}

bool Worker::State::begin_advance(std::uint32_t place, bool anyway) {
    Assembling& own = assemblings[place];
    if (!assembly.take(own.upload, anyway, &chain_state, &own.spooled)) return false;
    own.leased = true;
    own.stage = Assembling::Stage::advancing;
    own.slot = chain_state.size == 0 ? fingerprinter.open(planned_kinds())
                                     : fingerprinter.resume(chain_state);
    INVARIANT(own.slot != no_object);
    open_chain(place);
    return true;
}

void Worker::State::put_to_work(std::uint32_t place) {
    const Assembling::Stage stage = assemblings[place].stage;
    const bool is_idle = stage == Assembling::Stage::surveying && !assemblings[place].leased;
    const bool waits = stage == Assembling::Stage::waiting || stage == Assembling::Stage::looking ||
                       stage == Assembling::Stage::recording || is_idle;
    assembling_due_ns = std::min(assembling_due_ns, now.ns + (waits ? look_again_ns : 0));
    assemblings[place].next = working;
    working = place;
    const FlowNumber number = assemblings[place].flow;
    if (number == no_flow) return;
    flows[number].verdict_due = true;
    clear_timer(number);
}

// Every turn a part of what has to be hashed, of each upload in turn.
void Worker::State::run_assembling() {
    std::uint32_t at = working;
    working = no_assembling;
    assembling_due_ns = UINT64_MAX;
    std::size_t left = advance_bytes;
    while (at != no_assembling) {
        const std::uint32_t next = assemblings[at].next;
        work_on(at, &left);
        at = next;
    }
}

void Worker::State::work_on(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    bool done = false;
    switch (own.stage) {
        case Assembling::Stage::form:
        case Assembling::Stage::piece:
        case Assembling::Stage::creation:
        case Assembling::Stage::commit:
            return;
        case Assembling::Stage::looking:
            done = look_on(place);
            break;
        case Assembling::Stage::advancing:
            done = advance(place, left);
            break;
        case Assembling::Stage::surveying:
            done = survey_on(place, left);
            break;
        case Assembling::Stage::waiting:
        case Assembling::Stage::listing:
        case Assembling::Stage::hashing:
            done = commit_on(place, left);
            break;
        case Assembling::Stage::folding:
            done = own.request.act == PieceAct::commit ? commit_on(place, left) : fold_piece(place);
            break;
        case Assembling::Stage::shelving:
            done = shelve_on(place);
            break;
        case Assembling::Stage::recording:
            done = commit_recorded(place);
            break;
    }
    if (done && number != no_flow) resume_after_assembly(number);
}

// True: the piece may go, or its upload advanced as far as it can by itself.
bool Worker::State::advance(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    while (*left != 0) {
        const SpoolStep step = read_spool(place, left);
        if (step == SpoolStep::gone) return false;
        if (step == SpoolStep::read) continue;
        fingerprinter.save(own.slot, &chain_state);
        const bool is_seen = own.request.act != PieceAct::commit && shows_at_end(own.request);
        if (is_seen && !judge_prefix(place, chain_state)) return false;
        counters.count(Outcome::assembly_chained);
        if (assembly.passed(own.upload, &own.spooled, chain_state)) continue;
        own.leased = false;
        own.content = nullptr;
        fingerprinter.drop(own.slot);
        own.slot = no_object;
        if (own.flow == no_flow) {
            drop_assembling(place);
            return true;
        }
        if (own.request.act == PieceAct::commit) {
            own.stage = Assembling::Stage::waiting;
            return commit_on(place, left);
        }
        own.stage = Assembling::Stage::looking;
        return look_on(place);
    }
    put_to_work(place);
    return false;
}

}  // namespace cordon
