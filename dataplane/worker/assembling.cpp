// What a request means for an upload in pieces, and how a piece of it begins and is given up.
#include "dataplane/worker/assembling.h"

#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

// What a request means for an upload in pieces. False: it was refused, or waits for its verdict.
bool Worker::State::begin_assembling(FlowNumber number) {
    Exchange& exchange = exchanges[flows[number].exchange];
    const Head& head = exchange.parser.head();
    exchange.assembling = no_assembling;
    exchange.answered = {};
    exchange.early_status = 0;
    exchange.leaves = {};
    exchange.has_leaves = false;
    forget_creation(&exchange);
    end_change(&exchange, NameChange::Outcome::unknown);
    PieceRequest request = recipe_of(head, assembly.seed());
    begin_source(number, request);
    switch (request.act) {
        case PieceAct::none:
            return true;
        case PieceAct::copy:
        case PieceAct::remove:
            exchange.change = assembly.begin_change(request, flows[number].service, now);
            if (request.act == PieceAct::copy) note_unseen(number, request);
            return true;
        case PieceAct::object:
            if (request.recipe == Recipe::plain_object && !exchange.object_open)
                begin_empty(number, request);
            if (!exchange.object_open) return true;
            if (request.recipe == Recipe::plain_object) begin_whole(number, request);
            if (request.component) begin_component(number, request);
            return true;
        case PieceAct::begin:
            if (request.recipe == Recipe::azure_append || request.recipe == Recipe::azure_page)
                exchange.change = assembly.begin_change(request, flows[number].service, now);
            if (request.component) begin_partial(number, request);
            return true;
        case PieceAct::form:
            if (exchange.object_open) begin_form(number, request);
            return true;
        case PieceAct::piece:
            if (!exchange.object_open) return true;
            request.moved = comes_with_folder(head, request);
            return request.key_in_answer ? begin_creation(number, request)
                                         : begin_piece(number, request);
        case PieceAct::drop_piece:  // the pieces that are left are not those of the chain
        case PieceAct::copy_piece:
            counters.count(Outcome::assembly_copied);
            if (begin_copied(number, request)) return true;
            note_begun(assembly.copy(request, flows[number].service, now));
            return true;
        case PieceAct::commit:
            note_unseen(number, request);
            return begin_commit(number, request);
        case PieceAct::abort:
            counters.count(Outcome::assembly_aborted);
            assembly.forget(request, flows[number].service);
            return true;
        case PieceAct::bad:
            counters.count(Outcome::assembly_bad);
            return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
    }
    return true;
}

void Worker::State::note_begun(const PieceBegun& begun) {
    if (begun.opened) counters.count(Outcome::assembly_opened);
    if (begun.result == PieceBegun::Result::full) counters.count(Outcome::assembly_full);
    if (begun.result == PieceBegun::Result::bad || begun.result == PieceBegun::Result::crossing)
        counters.count(Outcome::assembly_conflict);
}

// What policy says to pieces that cannot be put together.
UninspectedAction Worker::State::unassembled_action(FlowNumber number, PolicyCase about) const {
    const Flow& flow = flows[number];
    const ServiceOptions& wanted = service(flow);
    if (mode(flow) != ServiceMode::enforce) return UninspectedAction::pass;
    if (about == PolicyCase::unparsable) return wanted.on_unparsable;
    if (about != PolicyCase::midstream) return wanted.on_limit;
    if (wanted.on_midstream == MidstreamAction::reset) return UninspectedAction::reset;
    return wanted.on_midstream == MidstreamAction::refuse ? UninspectedAction::refuse
                                                          : UninspectedAction::pass;
}

// Pieces that cannot be put together. What passes is to be judged on the storage, where that is
// possible. False: the request was refused.
bool Worker::State::passes_unassembled(FlowNumber number, PolicyCase about, VerifyReason reason) {
    const Flow& flow = flows[number];
    const UninspectedAction action = unassembled_action(number, about);
    if (action != UninspectedAction::pass) {
        const ErrorStatus status =
            about == PolicyCase::unparsable ? ErrorStatus::bad_request : ErrorStatus::unavailable;
        abort_object(number);
        end_inspection(number, {about, UninspectedReason::assembly, action, status, true});
        return false;
    }
    counters.decided(flow.service, about, PolicyResult::passed);
    Exchange& exchange = exchanges[flow.exchange];
    exchange.has_unjudged = true;
    exchange.unjudged = reason;
    if (!exchange.object_open) ask_about_unjudged(&exchange);
    return true;
}

// A gap in what was seen of an upload: it may have begun before us, or while the kernel bridged.
PolicyCase Worker::State::gap_case() {
    counters.count(Outcome::assembly_gap);
    return assembly.may_be_older(now) ? PolicyCase::midstream : PolicyCase::limit;
}

// A part that policy would refuse: its Complete names it, and is held until it is on record that
// the object has to be judged on the storage.
bool Worker::State::is_left_to_commit(FlowNumber number, const PieceRequest& request) const {
    return request.recipe == Recipe::s3_multipart && service(flows[number]).verify != 0;
}

std::uint32_t Worker::State::open_assembling(FlowNumber number, const PieceRequest& request) {
    const std::uint32_t place = assemblings.allocate();
    INVARIANT(place != no_assembling);  // two for each message
    Assembling& own = assemblings[place];
    own.request = request;
    own.ticket = {};
    own.upload = {};
    own.overlap = 0;
    own.spooled = {};
    own.cursor = {};
    own.slot = no_object;
    own.content = nullptr;
    own.object = is_aws_chunked(exchanges[flows[number].exchange].parser.head()) ? 1 : 0;
    own.service = flows[number].service;
    own.lost = own.by_leaves = own.leased = own.summed = own.has_bytes = false;
    own.ended = own.goes = false;
    own.flow = number;
    own.list = own.form = no_assembling;
    own.other = {};
    own.other_leased = own.is_doubtful = false;
    own.positions = {};
    exchanges[flows[number].exchange].assembling = place;
    return place;
}

bool Worker::State::begin_piece(FlowNumber number, const PieceRequest& request) {
    PieceTicket ticket;
    const PieceBegun begun =
        assembly.begin(request, flows[number].service, now, &ticket, &chain_state);
    note_begun(begun);
    if (begun.result == PieceBegun::Result::full)
        return (begun.noted && is_left_to_commit(number, request)) ||
               passes_unassembled(number, PolicyCase::limit, VerifyReason::full);
    if (begun.result == PieceBegun::Result::crossing) {
        if (!passes_unassembled(number, PolicyCase::limit, VerifyReason::full)) return false;
        assembly.taint(request, flows[number].service);
        return true;
    }
    if (begun.result == PieceBegun::Result::bad)
        return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
    const std::uint32_t in_form = exchanges[flows[number].exchange].assembling;
    Assembling& own =
        assemblings[in_form == no_assembling ? open_assembling(number, request) : in_form];
    own.request = request;
    own.stage = Assembling::Stage::piece;
    own.ticket = ticket;
    own.upload = ticket.upload;
    own.overlap = ticket.overlap;
    if (ticket.place == PiecePlace::next)
        own.slot = chain_state.size == 0 ? fingerprinter.open(planned_kinds())
                                         : fingerprinter.resume(chain_state);
    if (ticket.place == PiecePlace::first || ticket.place == PiecePlace::next)
        begin_reading_piece(number);
    return put_zeros(exchanges[flows[number].exchange].assembling, ticket.zeros);
}

// What the storage fills a gap with. False: what is in the upload matched with it.
bool Worker::State::put_zeros(std::uint32_t place, std::uint64_t left) {
    while (left != 0) {
        const Bytes zeros = Assembly::zero_bytes(left);
        fingerprinter.submit(assemblings[place].slot, zeros);
        left -= zeros.size();
        if (!read_chain(place, zeros)) return false;
    }
    fingerprinter.flush();
    return true;
}

// What the piece holds of the upload is read with what is before it; by itself it is none.
void Worker::State::begin_reading_piece(FlowNumber number) {
    Exchange& exchange = exchanges[flows[number].exchange];
    const Assembling& own = assemblings[exchange.assembling];
    open_chain(exchange.assembling);
    exchange.sniff_due = false;
    exchange.left_alone = true;
    if (exchange.decoder != no_decoder) decoders[exchange.decoder].decoder.leave_alone(own.object);
}

// A whole object is judged by itself. Later requests may write into it, or behind it: so it is the
// first piece of what it becomes. Nothing that goes wrong with that is its own fault.
void Worker::State::begin_whole(FlowNumber number, PieceRequest request) {
    request.offset = 0;
    request.last = false;
    PieceTicket ticket;
    if (assembly.begin(request, flows[number].service, now, &ticket, &chain_state).result !=
        PieceBegun::Result::begun)
        return;
    Assembling& own = assemblings[open_assembling(number, request)];
    own.stage = Assembling::Stage::piece;
    own.ticket = ticket;
    own.upload = ticket.upload;
}

// An object whose name ends in a number may be a segment of one that a list makes of several. It is
// an object like others: nothing that goes wrong with its being a piece is its own fault.
void Worker::State::begin_component(FlowNumber number, PieceRequest request) {
    if (request.position == piece_unknown) return;
    request.key = request.group;
    request.order = PieceOrder::number;
    request.visibility = Visibility::at_commit;
    request.begins = request.last = false;
    PieceTicket ticket;
    const PieceBegun begun =
        assembly.begin(request, flows[number].service, now, &ticket, &chain_state);
    if (begun.result != PieceBegun::Result::begun) return;
    Assembling& own = assemblings[open_assembling(number, request)];
    own.stage = Assembling::Stage::piece;
    own.ticket = ticket;
    own.upload = ticket.upload;
    if (ticket.place == PiecePlace::next) own.slot = fingerprinter.resume(chain_state);
    OpenObject& object = exchanges[flows[number].exchange].objects[own.object];
    if (object.slot == no_object) return;
    fingerprinter.drop(object.slot);  // opened before it was known that the digests are needed
    object.slot = fingerprinter.open(planned_kinds() | component_kinds);
}

// The storage itself puts something in the place of a component: the one that we saw is gone when
// it is accepted.
void Worker::State::note_unseen(FlowNumber number, const PieceRequest& request) {
    const std::uint32_t service = flows[number].service;
    if (request.position == piece_unknown) return;
    const UploadRef group = assembly.find(request.group, service, now);
    if (!group) return;
    assembly.close(group, now);
    PieceRequest unseen;
    unseen.act = PieceAct::copy_piece;
    unseen.recipe = Recipe::swift_object;
    unseen.order = PieceOrder::number;
    unseen.visibility = Visibility::at_commit;
    unseen.key = request.group;
    unseen.position = request.position;
    PieceTicket ticket;
    if (assembly.begin(unseen, service, now, &ticket, &chain_state).result !=
        PieceBegun::Result::begun)
        return;
    assembly.end(ticket, {piece_unknown, {}}, chain_state, now);
    assembly.close(ticket.upload, now);
    exchanges[flows[number].exchange].answered = ticket;
}

// An object without a byte.
void Worker::State::begin_empty(FlowNumber number, PieceRequest request) {
    request.offset = 0;
    request.last = false;
    PieceTicket ticket;
    const PieceBegun begun =
        assembly.begin(request, flows[number].service, now, &ticket, &chain_state);
    note_begun(begun);
    if (begun.result != PieceBegun::Result::begun) return;
    Digests digests;
    piece_state.start(planned_kinds() | KindSet{IndicatorKind::sha256});
    piece_state.finish(&digests);
    PieceSum sum{0, {}};
    std::copy_n(digests.sha256, sum.digest.size(), sum.digest.begin());
    assembly.end(ticket, sum, piece_state, now);
    assembly.close(ticket.upload, now);
    exchanges[flows[number].exchange].answered = ticket;
}

// The message is over, one way or another.
void Worker::State::leave_assembling(Exchange* exchange) {
    const std::uint32_t place = exchange->assembling;
    if (place == no_assembling) return;
    exchange->assembling = no_assembling;
    std::uint32_t* at = &working;
    while (*at != no_assembling && *at != place)
        at = &assemblings[*at].next;
    if (*at == place) *at = assemblings[place].next;
    drop_assembling(place);
}

void Worker::State::drop_assembling(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const bool is_survey = own.stage == Assembling::Stage::surveying;
    if (is_survey && own.leased) assembly.end_survey(own.ticket, false);
    own.leased = own.leased && !is_survey;
    if (own.stage == Assembling::Stage::piece || (is_survey && !own.ended)) {
        ObjectSlot slot = own.slot;
        if (own.ticket.place == PiecePlace::first)
            slot = exchanges[flows[own.flow].exchange].objects[own.object].slot;
        bool has_state = slot != no_object;
        if (own.summed && own.form != no_assembling && own.ticket.place == PiecePlace::first) {
            chain_state = form_places[own.form].state;
            has_state = true;
        } else if (has_state) {
            fingerprinter.save(slot, &chain_state);
        }
        const std::uint16_t status = exchanges[flows[own.flow].exchange].early_status;
        if (status != 0 && piece_answer(status) == PieceAnswer::refused)
            assembly.abort_refused(own.ticket, now);
        else
            assembly.abort(own.ticket, has_state ? &chain_state : nullptr, now);
    } else if (own.stage == Assembling::Stage::creation) {
        cut_creation(own);
    } else if (own.upload) {
        leave_component(&own);
        if (own.leased) assembly.give_back(own.upload);
        if (own.ended) assembly.leave(own.ticket, own.goes);
        assembly.close(own.upload, now);
    }
    if (own.slot != no_object) fingerprinter.drop(own.slot);
    assembly.lists().drop(&own.positions);
    if (own.list != no_assembling) commit_places.release(own.list);
    if (own.form != no_assembling) release_form_place(own.form);
    assemblings.release(place);
}

}  // namespace cordon
