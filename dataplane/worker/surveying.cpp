// A piece that is written in place while others of its object are under way, or into a gap, goes in
// steps: when its client has sent what it may, or has fallen silent, the object is read as the
// storage will have it with what came, a part each turn, and then that goes. So no client waits for
// an acknowledgement of what waits for more of its bytes.
#include <algorithm>

#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

// A held tail whose time has come.
void Worker::State::tail_due(FlowNumber number) {
    const Flow& flow = flows[number];
    if (flow.exchange == no_exchange || !is_held(exchanges[flow.exchange])) {
        if (judge_tail(number, false)) pump(number);
        return;
    }
    if (!look_at_tails(number, false)) return;
    const std::uint32_t place = exchanges[flow.exchange].assembling;
    assemblings[place].stage = Assembling::Stage::surveying;
    wait_anew(place);
    put_to_work(place);
}

// True: the end of the piece may go. False: the flow goes on by itself, waits, or is cut.
bool Worker::State::survey_on(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    if (!own.leased) {
        const Standing standing = assembly.begin_survey(own.ticket, &chain_state, &own.survey);
        if (standing != Standing::clear) return wait_for_survey(place, standing);
        own.leased = true;
        own.spooled = {};
        own.slot = chain_state.size == 0 ? fingerprinter.open(planned_kinds())
                                         : fingerprinter.resume(chain_state);
        INVARIANT(own.slot != no_object);
        open_chain(place);
    }
    while (*left != 0) {
        const SpoolStep step = read_spool(place, left);
        if (step == SpoolStep::gone) return false;
        if (step == SpoolStep::read) continue;
        const Standing standing = assembly.survey_next(own.ticket, &own.survey, &own.spooled);
        if (standing == Standing::advance) continue;
        if (standing == Standing::clear) return end_survey(place);
        stop_survey(place, false);
        return wait_for_survey(place, standing);
    }
    put_to_work(place);
    return false;
}

// The object cannot be read now, or not at all. As survey_on().
bool Worker::State::wait_for_survey(std::uint32_t place, Standing standing) {
    switch (standing) {
        case Standing::matched:
            if (!judge_matched(place)) return false;
            put_to_work(place);
            return false;
        case Standing::clear:
        case Standing::advance:
        case Standing::busy:
            if (has_waited(place)) {
                counters.count(Outcome::assembly_stalled);
                return leave_survey(place, VerifyReason::undecoded);
            }
            put_to_work(place);
            return false;
        case Standing::gap:
        case Standing::lost:
            counters.count(Outcome::assembly_gap);
            return leave_survey(place, VerifyReason::full);
        case Standing::conflict:
            counters.count(Outcome::assembly_conflict);
            return leave_survey(place, VerifyReason::undecoded);
    }
    return false;
}

bool Worker::State::end_survey(std::uint32_t place) {
    Assembling& own = assemblings[place];
    fingerprinter.save(own.slot, &chain_state);
    if (!judge_survey(place)) return false;
    stop_survey(place, true);
    if (own.ended) return end_look(place);
    resume_piece(place);
    return false;
}

void Worker::State::stop_survey(std::uint32_t place, bool goes) {
    Assembling& own = assemblings[place];
    assembly.end_survey(own.ticket, goes);
    own.leased = false;
    own.content = nullptr;
    fingerprinter.drop(own.slot);
    own.slot = no_object;
}

// `chain_state` is of the object as it would stand. False: the flow is cut.
bool Worker::State::judge_survey(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    Judged judged{own.flow, assembled_object, false, {}};
    chain_state.finish(&judged.digests);
    if (may_be_listed(judged.digests)) {
        counters.count(Outcome::stale_plan);
        return passes_unassembled(own.flow, PolicyCase::limit, VerifyReason::gap);
    }
    if (matches_to_block(judged, false)) return judge_assembled(judged, true);
    if (!look_at_members(place)) return false;
    const ChainContent::Point& point = own.content->now;
    if (!point.is_flawed) return true;
    return passes_unassembled(own.flow, case_of_flaw(point.flaw), reason_of_flaw(point.flaw));
}

// It cannot be judged. Where policy lets it pass nothing of its object is judged from here on.
bool Worker::State::leave_survey(std::uint32_t place, VerifyReason reason) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    if (own.ended) return end_unjudged(place, PolicyCase::limit, reason);
    if (unassembled_action(number, PolicyCase::limit) == UninspectedAction::pass) {
        assembly.taint(own.request, own.service);
        own.ticket.held = false;
    }
    own.stage = Assembling::Stage::piece;
    if (passes_unassembled(number, PolicyCase::limit, reason)) resume_piece(place);
    return false;
}

// What came of it goes, and what comes next is read.
void Worker::State::resume_piece(std::uint32_t place) {
    Assembling& own = assemblings[place];
    own.stage = Assembling::Stage::piece;
    flows[own.flow].verdict_due = false;
    go_on(own.flow);
}

// It goes on although nobody judged it.
void Worker::State::taint_held(const Exchange& exchange) {
    if (exchange.assembling == no_assembling) return;
    const Assembling& own = assemblings[exchange.assembling];
    if (own.ticket.held) assembly.taint(own.request, own.service);
}

}  // namespace cordon
