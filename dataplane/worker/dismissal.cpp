#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// How often is looked whether an object may be dismissed that could not be before.
constexpr std::uint64_t look_again_bytes = 1u << 20;

}  // namespace

// A head is taken wherever something may be dismissed: by it an object is told from another one of
// which no digest was computed either.
KindSet Worker::State::dismissal_kinds(const ServiceOptions& wanted) const {
    if (index == nullptr || wanted.dismiss == DismissBy::off) return {};
    return {IndicatorKind::head};
}

// By its head, and by being larger than all of them, an object is ruled out with everything that
// could be stored of it: whoever hangs up early, or appends to it later, does not undo that. A size
// that is declared rules out only what has that size.
void Worker::State::look_for_candidates(FlowNumber number, std::uint8_t object) {
    const Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    OpenObject& open = exchange.objects[object];
    open.look_at = UINT64_MAX;
    if (index == nullptr || service(flow).dismiss == DismissBy::off) return;
    if (!may_dismiss(exchange, object)) {
        open.look_at = fingerprinter.size(open.slot) + look_again_bytes;
        return;
    }
    const std::uint64_t now_s = now.unix_ns / ns_per_s;
    Outline outline{fingerprinter.size(open.slot), declared_size(number, object), nullptr};
    Candidates found = index->candidates(exact_kinds, outline, now_s);
    open.dismissed_as = ObjectClass::dismissed_size;
    outline.head = fingerprinter.head(open.slot);
    if (outline.head != nullptr && !found.kinds.empty()) {
        found = index->candidates(found.kinds, outline, now_s);
        open.dismissed_as = ObjectClass::dismissed_head;
    }
    if (found.until > outline.size_least) open.look_at = found.until;
    fingerprinter.dismiss(open.slot, exact_kinds.without(found.kinds | KindSet(settings.digests)));
    open.index_number = index_number;
    if (fingerprinter.is_dismissed(open.slot)) counters.count(Outcome::object_dismissed);
}

// A piece is told by its digest, and what it becomes a piece of by more than its own size and head.
// What is in a form may become one by the fields behind it, as long as its bytes are set aside. A
// whole object that later requests may continue begins as what they make of it.
bool Worker::State::may_dismiss(const Exchange& exchange, std::uint8_t object) {
    if (exchange.form == ObjectForm::piece) return false;
    if (exchange.assembling == no_assembling) return true;
    const Assembling& own = assemblings[exchange.assembling];
    if (own.stage == Assembling::Stage::form) return !is_piece(exchange, object);
    return own.stage == Assembling::Stage::piece && own.request.act == PieceAct::object &&
           !own.request.component;
}

// The length of the payload in aws-chunked is a promise of the client's, kept only where breaking
// it is refused.
std::optional<std::uint64_t> Worker::State::declared_size(FlowNumber number, std::uint8_t object) {
    const Flow& flow = flows[number];
    if (service(flow).dismiss != DismissBy::size) return {};
    Exchange& exchange = exchanges[flow.exchange];
    const Head& head = exchange.parser.head();
    switch (name_of(exchange, object).form) {
        case ObjectForm::body:
        case ObjectForm::multipart:
        case ObjectForm::content_coding:
            if (head.framing != Framing::length) return {};
            return head.content_length;
        case ObjectForm::aws_chunked:
            if (mode(flow) != ServiceMode::enforce ||
                service(flow).on_unparsable == UninspectedAction::pass)
                return {};
            return decoders[exchange.decoder].decoder.declared_payload();
        case ObjectForm::form_part:
        case ObjectForm::decoded:
        case ObjectForm::archive_member:
        case ObjectForm::assembled:
        case ObjectForm::piece:
            return {};
    }
    return {};
}

// Of an object whose size is known: whether it may be listed by what was dismissed of it, under the
// index in force now.
bool Worker::State::may_be_listed(const Digests& digests) const {
    if (index == nullptr || digests.dismissed.empty()) return false;
    const bool has_head = digests.present.has(IndicatorKind::head) && digests.size >= head_bytes;
    const Outline outline{digests.size, digests.size, has_head ? &digests.head : nullptr};
    const std::uint64_t now_s = now.unix_ns / ns_per_s;
    return !index->candidates(digests.dismissed, outline, now_s).kinds.empty();
}

// What comes of this flow is of one object that is dismissed.
bool Worker::State::is_dismissed(const Flow& flow) {
    if (flow.phase != FlowPhase::established || flow.exchange == no_exchange) return false;
    const Exchange& exchange = exchanges[flow.exchange];
    return exchange.object_open && exchange.decoder == no_decoder &&
           exchange.objects[0].slot != no_object &&
           fingerprinter.is_dismissed(exchange.objects[0].slot);
}

std::uint64_t Worker::State::unneeded_bytes(FlowNumber number) {
    const Flow& flow = flows[number];
    if (flow.phase != FlowPhase::established || flow.exchange == no_exchange || flow.verdict_due)
        return 0;
    const Exchange& exchange = exchanges[flow.exchange];
    const bool may_hold_archive = exchange.decoder != no_decoder || exchange.sniff_due ||
                                  service(flow).embedded_archives == EmbeddedArchives::search;
    if (!exchange.object_open || may_hold_archive ||
        !needs_nothing(exchange.objects[0], fingerprinter))
        return 0;
    if (fingerprinter.size(exchange.objects[0].slot) < head_bytes) return 0;
    // A whole object is the first piece of what later requests make of it, and has no bytes kept.
    if (exchange.assembling != no_assembling) {
        const Assembling& own = assemblings[exchange.assembling];
        if (own.request.act != PieceAct::object || own.request.component ||
            own.ticket.place != PiecePlace::first)
            return 0;
    }
    return exchange.parser.skippable();
}

void Worker::State::pass_unneeded(FlowNumber number, std::uint64_t bytes) {
    INVARIANT(bytes <= unneeded_bytes(number));
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    exchange.parser.pass_over(bytes);
    fingerprinter.pass_over(exchange.objects[0].slot, bytes);
    count_body(&exchange, bytes);
    flow.hold.nothing_open();
}

}  // namespace cordon
