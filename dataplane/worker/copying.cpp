// Parts that the storage copies from other objects, and the objects that it may copy them from:
// what came of these lately is known by the leaves of its tree fingerprint. A request that may
// change one is followed from its head to the end of its answer; without that nobody knows what it
// did.
#include "dataplane/object/object.h"
#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// An answer of 200 may begin before the storage knows, and tell of a failure in its body.
constexpr std::string_view completed = "<CompleteMultipartUploadResult";
constexpr std::string_view copied = "<CopyPartResult";

SourceAnswer source_answer(std::uint16_t status) {
    if (status == 202) return SourceAnswer::unknown;  // a promise
    switch (piece_answer(status)) {
        case PieceAnswer::accepted:
            return SourceAnswer::stored;
        case PieceAnswer::refused:
            return SourceAnswer::refused;
        case PieceAnswer::unknown:
            break;
    }
    return SourceAnswer::unknown;
}

}  // namespace

bool Worker::State::follows_sources() const {
    return planned_kinds().has(IndicatorKind::sha256_tree) || !assembly.sources().is_empty();
}

// A head is read: the request before it has no answer that would be told from its own.
void Worker::State::begin_source(FlowNumber number, const PieceRequest& request) {
    const Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    end_source(&exchange, SourceAnswer::unknown);
    end_copied(&exchange, PieceAnswer::unknown);
    Following& following = exchange.following;
    following = {};
    if (!follows_sources()) {
        following.is_unseen = true;
        return;
    }
    const Head& head = exchange.parser.head();
    const SourceEffect effect =
        source_effect(head, request, service(flow).copy_sources, assembly.seed());
    if (effect.kind == SourceEffect::Kind::none) return;
    const bool is_one = effect.kind == SourceEffect::Kind::one;
    following.write = is_one ? assembly.sources().begin(effect.name, flow.service, now)
                             : assembly.sources().begin_any(flow.service);
    following.is_told = is_one && effect.is_told && exchange.tracker.outstanding() == 1;
    following.object.is_s3_only = is_aws_chunked(head);
    if (effect.is_in_body) following.result = completed;
}

void Worker::State::end_source(Exchange* exchange, SourceAnswer answer) {
    Following& following = exchange->following;
    const std::uint32_t service_number = flows[exchange->flow].service;
    if (following.is_unseen && follows_sources()) {  // they came in force meanwhile
        SourceWrite unseen = assembly.sources().begin_any(service_number);
        assembly.sources().end(&unseen, SourceAnswer::unknown, nullptr, now);
    }
    following.is_unseen = false;
    if (!following.write) return;
    const bool is_kept = following.is_told && following.object.is_whole;
    if (assembly.sources().end(&following.write, answer, is_kept ? &following.object : nullptr,
                               now))
        counters.count(Outcome::assembly_source);
    assembly.sources().drop(&following.object);
}

// A part that the storage copies. False: what it copies is not known.
bool Worker::State::begin_copied(FlowNumber number, const PieceRequest& request) {
    const Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    const bool is_s3 = request.recipe == Recipe::s3_multipart;
    if (!is_s3 && request.recipe != Recipe::azure_block) return false;
    const CopiedName source =
        copied_name(exchange.parser.head(), service(flow).copy_sources, assembly.seed());
    const bool is_alone = exchange.tracker.outstanding() == 1;
    if (request.act != PieceAct::copy_piece || !source.is_read || !is_alone ||
        !planned_kinds().has(IndicatorKind::sha256_tree))
        return false;
    Following& following = exchange.following;
    following.range = {source.name, request.source_offset, request.length, is_s3};
    following.slice = assembly.sources().slice(following.range, flow.service, now);
    if (!following.slice) return false;
    following.slice.is_doubtful = !source.is_certain;
    note_begun(assembly.begin_copy(request, flow.service, following.slice, now, &following.copied));
    if (is_s3) following.result = copied;
    return true;
}

void Worker::State::end_copied(Exchange* exchange, PieceAnswer answer) {
    Following& following = exchange->following;
    if (!following.copied) return;
    SourceSlice still =
        assembly.sources().slice(following.range, flows[exchange->flow].service, now);
    still.is_doubtful = following.slice.is_doubtful;
    const bool is_known = still == following.slice;
    if (is_known && answer == PieceAnswer::accepted) counters.count(Outcome::assembly_source_read);
    assembly.end_copy(following.copied, answer, is_known, now);
    following.copied = {};
}

// --- the answer ----------------------------------------------------------------------------------

void Following::read(Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
        if (matched == result.size()) return;
        if (byte == static_cast<std::uint8_t>(result[matched]))
            ++matched;
        else
            matched = byte == '<' ? 1 : 0;  // which stands at its beginning only
    }
}

// The answer is over.
void Worker::State::end_followed(Exchange* exchange, bool is_complete) {
    Following& following = exchange->following;
    if (following.status == 0) return;
    const bool is_over = is_complete && exchange->parser.between_messages();
    const bool is_told = is_over && following.matched == following.result.size();
    SourceAnswer answer = source_answer(following.status);
    if (answer == SourceAnswer::stored && !is_told) answer = SourceAnswer::unknown;
    PieceAnswer of_piece = piece_answer(following.status);
    if (of_piece == PieceAnswer::accepted && !is_told) of_piece = PieceAnswer::unknown;
    following.status = 0;
    end_source(exchange, answer);
    end_copied(exchange, of_piece);
}

// --- what comes ----------------------------------------------------------------------------------

void Worker::State::keep_source_leaves(Exchange* exchange, std::span<const TreeDigest> leaves) {
    Following& following = exchange->following;
    if (!following.is_told || leaves.empty()) return;
    if (assembly.sources().keep(&following.object, leaves)) return;
    counters.count(Outcome::assembly_source_full);
    following.is_told = false;
}

// All of it was seen, `leaves` of it were kept.
void Worker::State::note_source(Exchange* exchange, std::uint64_t bytes, const PieceMarks& marks) {
    Following& following = exchange->following;
    if (!following.is_told) return;
    SourceObject& object = following.object;
    object.bytes = bytes;
    object.marks = marks;
    object.is_whole = bytes != 0 && object.leaves.bytes == leaves_of(bytes) * sizeof(TreeDigest);
}

// A commit that goes: its leaves are kept under the name of the object that it makes. True: it may
// go now.
bool Worker::State::begin_shelving(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const Exchange& exchange = exchanges[flows[own.flow].exchange];
    const bool is_kept = exchange.following.is_told && may_fold(own.request) &&
                         planned_kinds().has(IndicatorKind::sha256_tree);
    if (!is_kept || !open_folding(place, first_folded(place))) return end_look(place);
    own.stage = Assembling::Stage::shelving;
    return shelve_on(place);
}

bool Worker::State::shelve_on(std::uint32_t place) {
    switch (fold(place)) {
        case LeafStep::leaves:
            put_to_work(place);
            return false;
        case LeafStep::end:
            note_folded_source(place);
            return end_look(place);
        case LeafStep::in_flight:
        case LeafStep::missing:
        case LeafStep::none:
        case LeafStep::conflict:
            break;
    }
    return end_look(place);
}

// Of what was copied from a doubtful name nothing is certain either.
void Worker::State::note_folded_source(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    const Folding& folding = commit_places[own.list].folding;
    if (own.request.act != PieceAct::commit || folding.is_doubtful || !folding.knows_ends()) return;
    PieceMarks marks = folding.marks;
    marks.is_plain = marks.is_searched = folding.is_plain;
    marks.last = folding.last;
    note_source(&exchanges[flows[own.flow].exchange], folding.bytes, marks);
}

}  // namespace cordon
