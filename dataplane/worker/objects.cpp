#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

void Worker::State::open_message(FlowNumber number) {
    Exchange& exchange = exchanges[flows[number].exchange];
    const Head& head = exchange.parser.head();
    for (OpenObject& object : exchange.objects)
        object.slot = no_object;
    exchange.object_open = true;
    exchange.body_ended = exchange.left_alone = false;
    exchange.unneeded_at = UINT64_MAX;
    exchange.body_bytes = 0;
    exchange.end_ns = 0;
    exchange.form = form_of(head);
    exchange.decoder = no_decoder;
    exchange.sniff_due = !BodyDecoder::needed(head);
    if (exchange.sniff_due) return open_object(number, 0);
    open_decoder(&exchange);
}

void Worker::State::open_decoder(Exchange* exchange) {
    exchange->decoder = decoders.allocate();
    INVARIANT(exchange->decoder != no_decoder);  // as many as exchanges
    decoders[exchange->decoder].decoder.open(
        exchange->parser.head(), {decode_room, &coding_pool, &archive_pool, settings.seed},
        exchange->sniff_due);
}

void Worker::State::close_decoder(Exchange* exchange) {
    if (exchange->decoder == no_decoder) return;
    decoders[exchange->decoder].decoder.close();
    decoders.release(exchange->decoder);
    exchange->decoder = no_decoder;
}

void Worker::State::open_object(FlowNumber number, std::uint8_t object) {
    Exchange* exchange = &exchanges[flows[number].exchange];
    const ObjectSlot slot =
        fingerprinter.open(piece_kinds(*exchange) | dismissal_kinds(service(flows[number])));
    INVARIANT(slot != no_object);  // as many slots as objects of all exchanges
    OpenObject& opened = exchange->objects[object];
    opened.slot = slot;
    opened.tail_at = opened.look_at = 0;
    open_content(number, object);
    counters.count(Outcome::object_opened);
}

void Worker::State::drop_object(Exchange* exchange, std::uint8_t object) {
    OpenObject& dropped = exchange->objects[object];
    if (dropped.slot == no_object) return;
    fingerprinter.drop(dropped.slot);
    contents.drop(&dropped.content);
    dropped.slot = no_object;
}

void Worker::State::body_bytes(FlowNumber number, Bytes bytes) {
    Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.decoder == no_decoder && !exchange.left_alone) sniff_body(&exchange, bytes);
    if (exchange.decoder != no_decoder) {
        decoders[exchange.decoder].decoder.feed(bytes, exchange.chunk_begin);
        return take_objects(number);
    }
    hash(number, 0, bytes);
    content_bytes(&exchange.objects[0], bytes, exchange.left_alone);
    if (!assemble_bytes(number, 0, bytes)) return;
    if (is_held(exchange) && flows[number].hold.holding()) return;
    hold_plain(number);
}

// A body that its head says is one plain object: its first bytes say whether it is an archive, and
// a zip may be behind them. Most are none, by their first segment, and never have a decoder.
void Worker::State::sniff_body(Exchange* exchange, Bytes bytes) {
    if (exchange->sniff_due) {
        const Head& head = exchange->parser.head();
        const bool is_all = head.framing == Framing::length && head.content_length == bytes.size();
        if (BodyDecoder::needed(head, bytes, is_all)) return open_decoder(exchange);
        exchange->sniff_due = false;
        exchange->search = {};
    }
    if (service(flows[exchange->flow]).embedded_archives == EmbeddedArchives::ignore) return;
    const ZipSearch before = exchange->search;
    std::size_t at;
    if (!exchange->search.find(bytes, &at)) return;
    exchange->sniff_due = true;
    open_decoder(exchange);
    decoders[exchange->decoder].decoder.search_on(before, exchange->body_bytes - bytes.size());
}

void Worker::State::end_of_body(FlowNumber number) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    exchange.body_ended = true;
    if (exchange.decoder != no_decoder) {
        decoders[exchange.decoder].decoder.finish();
        take_objects(number);
        if (flow.phase != FlowPhase::established) return;
    }
    const auto has_bytes = [this](const OpenObject& object) {
        return object.slot != no_object && fingerprinter.size(object.slot) != 0;
    };
    if (exchange.assembling == no_assembling &&
        std::none_of(exchange.objects.begin(), exchange.objects.end(), has_bytes)) {
        class_rest(&exchange);  // a chunked body without a byte, or a form whose parts are judged
        return close_message(&exchange);
    }
    // The end stays with the bytes that are held before it: a terminator in a chunk of its own must
    // not free them. When they went by timer it is held alone.
    if (!flow.hold.holding()) flow.hold.object_bytes(exchange.chunk_begin);
    flow.verdict_due = true;
    exchange.end_ns = now.ns;
    judgements.add(number);
}

void Worker::State::take_objects(FlowNumber number) {
    Flow& flow = flows[number];
    ObjectEvent event;
    while (flow.phase == FlowPhase::established &&
           decoders[exchanges[flow.exchange].decoder].decoder.next(&event))
        object_event(number, event);
    if (flow.phase != FlowPhase::established) return;
    hold_tails(number);
    Exchange& exchange = exchanges[flow.exchange];
    if (!exchange.sniff_due || !decoders[exchange.decoder].decoder.is_plain()) return;
    exchange.search = decoders[exchange.decoder].decoder.search();
    close_decoder(&exchange);
    exchange.sniff_due = false;
}

// An object that ends with its message waits for its verdict with others of the burst. One that
// ends before (a form part) has it here: its delimiter is behind it in the same chunk, and what it
// was decoded from is gone with the next event.
void Worker::State::object_event(FlowNumber number, const ObjectEvent& event) {
    Exchange& exchange = exchanges[flows[number].exchange];
    switch (event.kind) {
        case ObjectEvent::Kind::open:
            if (is_member(exchange, event.object)) counters.count(Outcome::archive_member);
            open_object(number, event.object);
            begin_form_piece(number, event.object);
            return;
        case ObjectEvent::Kind::bytes:
            note_unpacked(event.bytes.size());
            if (exchange.objects[event.object].slot == no_object) return;  // recorded already
            hash(number, event.object, event.bytes);
            content_bytes(&exchange.objects[event.object], event.bytes,
                          exchange.left_alone && is_piece(exchange, event.object));
            if (!assemble_bytes(number, event.object, event.bytes)) return;
            if (event.is_volatile &&
                !fingerprinter.is_dismissed(exchange.objects[event.object].slot))
                fingerprinter.flush();
            exchange.objects[event.object].tail_at = event.at;
            return;
        case ObjectEvent::Kind::end:
            if (event.is_cut || !exchange.body_ended || is_member(exchange, event.object))
                judge_object(number, event.object, event.is_cut, nullptr);
            return;
        case ObjectEvent::Kind::may_end:
            return judge_so_far(number, event.object, event.bytes);
        case ObjectEvent::Kind::unread:
            return count_unread(number, event);
        case ObjectEvent::Kind::drop:
            return drop_object(&exchange, event.object);
        case ObjectEvent::Kind::field:
            return take_field(exchange, event.object, event.bytes);
        case ObjectEvent::Kind::note:
            return counters.count(event.outcome);
        case ObjectEvent::Kind::fault:
            return form_fault(number, event);
    }
}

// Of every open object the chunk with its last bytes stays.
void Worker::State::hold_tails(FlowNumber number) {
    Flow& flow = flows[number];
    std::uint64_t first = form_tail(exchanges[flow.exchange]);
    for (const OpenObject& object : exchanges[flow.exchange].objects) {
        if (object.slot != no_object && fingerprinter.size(object.slot) != 0 &&
            !needs_nothing(object, fingerprinter))
            first = std::min(first, object.tail_at);
    }
    if (first == UINT64_MAX) return flow.hold.nothing_open();
    if (is_held(exchanges[flow.exchange]) && flow.hold.holding()) return;
    flow.hold.object_bytes(first);
}

// A form that servers read in different ways, or not at all, or that reaches a limit; or an archive
// that does. Where policy lets it pass, the body as it is goes on as one object (the framing of the
// message is not in doubt), or the archive as it is.
void Worker::State::form_fault(FlowNumber number, const ObjectEvent& event) {
    const Outcome why = event.outcome;
    counters.count(why);
    Flow& flow = flows[number];
    if (!look_at_tails(number, true)) return;
    const ServiceOptions& wanted = service(flow);
    const bool full = why == Outcome::coding_full || why == Outcome::archive_full;
    const bool limit = full || why == Outcome::coding_limit || why == Outcome::archive_limit ||
                       why == Outcome::form_too_deep;
    const PolicyCase about = limit ? PolicyCase::limit : PolicyCase::unparsable;
    const UninspectedAction action = limit ? wanted.on_limit : wanted.on_unparsable;
    // What is wrong with an archive in one piece of it may be the other pieces.
    const std::uint32_t place = exchanges[flow.exchange].assembling;
    const bool is_piece_only = event.is_local && place != no_assembling &&
                               ((assemblings[place].stage == Assembling::Stage::piece &&
                                 assemblings[place].request.act == PieceAct::piece) ||
                                assemblings[place].stage == Assembling::Stage::creation);
    if (mode(flow) == ServiceMode::enforce && action != UninspectedAction::pass && !is_piece_only) {
        abort_object(number);
        return end_inspection(number,
                              {about, UninspectedReason::form, action,
                               full ? ErrorStatus::unavailable : ErrorStatus::bad_request, true});
    }
    counters.decided(flow.service, about, PolicyResult::passed);
    Exchange& exchange = exchanges[flow.exchange];
    BodyDecoder& decoder = decoders[exchange.decoder].decoder;
    if (event.is_local) {
        counters.classed(
            flow.service,
            object_class(limit ? UninspectedReason::limit : UninspectedReason::archive), 0);
    } else {
        exchange.undecoded = true;
    }
    decoder.give_up();
    for (std::uint8_t object = 0; object < exchange.objects.size(); ++object) {
        if (!decoder.keeps(object)) drop_object(&exchange, object);
    }
}

// A member that could not be read, or an archive of a format that is not taken apart: nothing but
// its name. The bytes it stands in are those of objects that are read.
void Worker::State::count_unread(FlowNumber number, const ObjectEvent& event) {
    counters.count(event.outcome);
    const UninspectedReason reason = event.outcome == Outcome::archive_encrypted
                                         ? UninspectedReason::encrypted
                                         : UninspectedReason::archive;
    counters.classed(flows[number].service, object_class(reason), 0);
    const Judged judged{number, event.object, false, {}};
    OpenObject& unread = exchanges[flows[number].exchange].objects[event.object];
    if (unread.slot == no_object) contents.open(&unread.content);  // it never was an object
    if (event.outcome != Outcome::archive_unknown)
        report(judged, ObjectVerdict::uninspected, reason, 0);
}

bool Worker::State::is_member(const Exchange& exchange, std::uint8_t object) {
    return name_of(exchange, object).form == ObjectForm::archive_member;
}

// What was not part of an object (the frame of a form) or has none any more.
void Worker::State::class_rest(Exchange* exchange) {
    const std::size_t in = exchange->undecoded ? object_class(UninspectedReason::form)
                                               : object_class(ObjectClass::inspected);
    counters.classed_bytes(flows[exchange->flow].service, in, take_body_bytes(exchange));
}

// Bytes of the body that no object was charged with yet: each goes to one class of the ledger.
std::uint64_t Worker::State::take_body_bytes(Exchange* exchange) {
    const std::uint64_t bytes = exchange->body_bytes;
    object_bytes_open -= bytes;
    exchange->body_bytes = 0;
    return bytes;
}

void Worker::State::close_message(Exchange* exchange) {
    leave_assembling(exchange);
    ask_about_unjudged(exchange);
    if (!exchange->object_open) return;
    for (std::uint8_t object = 0; object < exchange->objects.size(); ++object)
        drop_object(exchange, object);
    take_body_bytes(exchange);
    close_decoder(exchange);
    exchange->object_open = exchange->sniff_due = false;
}

void Worker::State::abort_object(FlowNumber number) {
    leave_shunt(number);
    Flow& flow = flows[number];
    if (flow.exchange == no_exchange || !exchanges[flow.exchange].object_open) return;
    Exchange& exchange = exchanges[flow.exchange];
    leave_assembling(&exchange);
    for (std::uint8_t object = 0; object < exchange.objects.size(); ++object) {
        if (exchange.objects[object].slot == no_object) continue;
        Judged judged{number, object, false, {}};
        fingerprinter.close(exchange.objects[object].slot, &judged.digests);
        contents.drop(&exchange.objects[object].content);
        exchange.objects[object].slot = no_object;
        if (judged.digests.size == 0) continue;
        counters.count(Outcome::object_aborted);
        count_uninspected(judged, UninspectedReason::incomplete);
    }
    counters.classed_bytes(flow.service, object_class(UninspectedReason::incomplete),
                           take_body_bytes(&exchange));
    close_message(&exchange);
}

BodyDecoder::Name Worker::State::name_of(const Exchange& exchange, std::uint8_t object) {
    if (object == assembled_object) return {ObjectForm::assembled, {}, {}, {}, {}};
    if (object == contained_object) return chain_found.name();
    if (exchange.decoder == no_decoder) return {exchange.form, {}, {}, {}, {}};
    return decoders[exchange.decoder].decoder.name(object);
}

}  // namespace cordon
