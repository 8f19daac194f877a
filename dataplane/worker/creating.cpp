// The first bytes of an upload that come with its creation: what they are a piece of is known only
// from the Location of the answer (tus creation-with-upload, the IETF draft). Until then their
// digest state waits with the message. Where it cannot be joined (no Location, several, one above
// location_bytes_max, the next request before the answer) the pieces after it have a gap, and
// policy decides.

#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

bool Worker::State::begin_creation(FlowNumber number, const PieceRequest& request) {
    Assembling& own = assemblings[open_assembling(number, request)];
    own.stage = Assembling::Stage::creation;
    FormPlace& made = await_location(number, request);
    made.is_aside = request.component;
    made.content.call(exchanges[flows[number].exchange].parser.head().target);
    own.content = &made.content;
    return true;
}

// A partial upload: without a byte as yet, it is known that its bytes will be part of another.
void Worker::State::begin_partial(FlowNumber number, const PieceRequest& request) {
    await_location(number, request).has_ended = true;
}

FormPlace& Worker::State::await_location(FlowNumber number, const PieceRequest& request) {
    Exchange& exchange = exchanges[flows[number].exchange];
    exchange.creation = open_form_place();
    FormPlace& made = form_places[exchange.creation];
    made.request = request;
    made.has_ended = made.has_key = false;
    // An answer that is still due is not to this one.
    exchange.tracker.keep_location(exchange.tracker.outstanding() == 1 &&
                                           !exchange.tracker.final_begun()
                                       ? std::span(made.location)
                                       : std::span<char>());
    return made;
}

// `piece_state` and `piece_sum` are of its bytes: judge_object() left them. Its end needs no look:
// what is complete with it was judged as the body that it is.
bool Worker::State::end_creation(FlowNumber number) {
    Exchange& exchange = exchanges[flows[number].exchange];
    const std::uint32_t place = exchange.assembling;
    const Assembling& own = assemblings[place];
    if (own.summed) {
        counters.count(Outcome::assembly_piece);
        FormPlace& made = form_places[exchange.creation];
        made.state = piece_state;
        made.sum = piece_sum;
        made.has_ended = true;
        return end_look(place);
    }
    // It matched before its end and was let go, or it has no byte: then nothing is missing.
    forget_creation(&exchange);
    return end_look(place);
}

// The message broke off. When the storage told the name before, the client goes on there.
void Worker::State::cut_creation(const Assembling& own) {
    Exchange& exchange = exchanges[flows[own.flow].exchange];
    const ObjectSlot slot = exchange.objects[own.object].slot;
    if (exchange.creation == no_assembling || !form_places[exchange.creation].has_key ||
        slot == no_object)
        return;
    PieceTicket ticket;
    FormPlace& made = form_places[exchange.creation];
    if (!begin_created(made.request, own.service, &ticket)) return;
    hand_over(&made.content, ticket.upload);
    assembly.adopt(ticket, &made.aside);
    counters.count(Outcome::assembly_piece);
    fingerprinter.save(slot, &chain_state);
    assembly.abort(ticket, &chain_state, now);
}

// A head is being read when the next request has begun: then the one before it is gone.
void Worker::State::note_location(Exchange* exchange) {
    if (exchange->creation == no_assembling || exchange->tracker.outstanding() != 1) return;
    const bool has_head = exchange->parser.in_body() || exchange->parser.between_messages();
    const std::string_view location = exchange->tracker.location();
    if (location.empty() || !has_head) return;
    FormPlace& made = form_places[exchange->creation];
    made.request.key = key_of_location(exchange->parser.head(), location, assembly.seed());
    made.has_key = true;
}

void Worker::State::note_creation_answer(Exchange* exchange, std::uint16_t status) {
    if (exchange->creation == no_assembling || exchange->tracker.outstanding() != 1) return;
    FormPlace& made = form_places[exchange->creation];
    note_location(exchange);
    if (!made.has_ended) return;  // it was answered early, and may still break off
    PieceTicket ticket;
    const bool is_made = status / 100 == 2 && made.has_key;
    if (is_made && made.request.act == PieceAct::begin) {
        if (assembly.open(made.request, flows[exchange->flow].service, now))
            counters.count(Outcome::assembly_opened);
    } else if (is_made && begin_created(made.request, flows[exchange->flow].service, &ticket)) {
        hand_over(&made.content, ticket.upload);
        assembly.adopt(ticket, &made.aside);
        assembly.end(ticket, made.sum, made.state, now);
        assembly.close(ticket.upload, now);
        assembly.answered(ticket, PieceAnswer::accepted);
        counters.count(Outcome::assembly_chained);
    }
    forget_creation(exchange);
}

void Worker::State::hand_over(ChainContent* content, UploadRef upload) {
    *assembly.content(upload) = *content;
    content->reader = {};
}

// False: others were there before, and it is not the first piece. Then it is missing.
bool Worker::State::begin_created(const PieceRequest& request, std::uint32_t service,
                                  PieceTicket* ticket) {
    PieceRequest first = request;
    first.key_in_answer = false;
    const PieceBegun begun = assembly.begin(first, service, now, ticket, &chain_state);
    note_begun(begun);
    if (begun.result != PieceBegun::Result::begun) return false;
    if (ticket->place == PiecePlace::first) return true;
    assembly.abort(*ticket, nullptr, now);
    return false;
}

void Worker::State::forget_creation(Exchange* exchange) {
    if (exchange->creation == no_assembling) return;
    exchange->tracker.keep_location({});
    release_form_place(exchange->creation);
    exchange->creation = no_assembling;
}

}  // namespace cordon
