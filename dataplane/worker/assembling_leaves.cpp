// Pieces that came in any order and whose bytes found no room are judged by the leaves of their
// tree fingerprint, as a commit names them or, where there is none, when all of them are there.
// That is all that a list of trees asks for; lists of other digests go on by policy.
#include <algorithm>

#include "dataplane/assembly/numbering.h"
#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// Leaves that are put together in one turn, two blocks of SHA-256 each: 0.1 ms.
constexpr std::uint32_t fold_step = 512;

// Also an object that a list may name later.
bool is_piece_with_leaves(const Assembling& own) {
    const bool is_piece = own.request.act == PieceAct::piece && may_fold(own.request);
    const bool is_component = own.request.act == PieceAct::object && own.request.component;
    return own.stage == Assembling::Stage::piece && own.ticket && (is_piece || is_component) &&
           own.overlap == 0 && own.ticket.overlap == 0 && own.ticket.place != PiecePlace::again;
}

Digests digests_of(const Folding& folding) {
    Digests digests{};
    digests.present = {IndicatorKind::sha256_tree};
    digests.size = folding.bytes;
    folding.tree.root(digests.sha256_tree);
    return digests;
}

// A piece is behind us. Of what the storage copied the ends are known where its source has them;
// and what follows what it follows there has nothing between the two that the source had not.
void note_folded(Folding* folding, const PieceSum& sum) {
    const PieceMarks& marks = sum.marks;
    const SourceSlice& slice = sum.slice;
    const bool knows_first = !slice || slice.offset == 0;
    const bool is_first = folding->pieces == 0;
    const bool follows = slice && folding->slice.state == slice.state && !is_first &&
                         folding->slice.offset + folding->slice.length == slice.offset;
    ZipSearch across;
    std::size_t at;
    const bool is_mark = !follows && (!(folding->knows_last && (knows_first || is_first)) ||
                                      across.find(folding->last, &at) ||
                                      across.find(Bytes(marks.first).first(marks.ends), &at));
    folding->is_plain = folding->is_plain && marks.is_searched && !is_mark &&
                        (!is_first || (marks.is_plain && knows_first));
    if (is_first) {
        folding->marks = marks;
        folding->knows_first = knows_first;
    }
    folding->last = marks.last;
    folding->knows_last = !slice || slice.ends;
    folding->slice = slice;
    folding->is_copied = folding->is_copied || slice;
    folding->is_doubtful = folding->is_doubtful || slice.is_doubtful;
    folding->bytes += sum.length;
    ++folding->pieces;
}

// What would have to be read of the object, if only its leaves are there in the end.
void note_marks(Exchange* exchange, Bytes bytes, bool searches) {
    PieceMarks& marks = exchange->marks;
    std::size_t at;
    if (searches && exchange->leaf_search.find(bytes, &at)) marks.is_searched = false;
    for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), marks.first.size()))) {
        if (marks.ends < marks.first.size()) marks.first[marks.ends++] = byte;
    }
    const auto end = bytes.last(std::min(bytes.size(), marks.last.size()));
    const auto size = static_cast<std::ptrdiff_t>(end.size());
    std::copy(marks.last.begin() + size, marks.last.end(), marks.last.begin());
    std::copy(end.begin(), end.end(), marks.last.end() - size);
}

}  // namespace

bool may_fold(const PieceRequest& request) {
    constexpr std::array recipes{
        Recipe::s3_multipart,  Recipe::azure_block,   Recipe::chunk_folder,    Recipe::chunk_name,
        Recipe::form_range,    Recipe::dropzone,      Recipe::plupload,        Recipe::resumable_js,
        Recipe::flow_js,       Recipe::fine_uploader, Recipe::simple_uploader, Recipe::swift_static,
        Recipe::swift_dynamic, Recipe::gcs_compose};
    return std::find(recipes.begin(), recipes.end(), request.recipe) != recipes.end();
}

// No list in force asks for another digest.
bool Worker::State::needs_only_trees() const {
    const KindSet wanted = (planned_kinds() & computed_kinds).without({IndicatorKind::head});
    return wanted == KindSet{IndicatorKind::sha256_tree};
}

// --- of a piece on its way -----------------------------------------------------------------------

// `bytes` were just submitted; none: the piece has ended.
void Worker::State::take_leaves(Exchange* exchange, Bytes bytes) {
    const Assembling& own = assemblings[exchange->assembling];
    if (!exchange->has_leaves) begin_leaves(exchange, bytes);
    LeafList& list = exchange->leaves;
    if (list.room.empty()) return;
    if (exchange->marks.is_searched) {
        const ServiceOptions& wanted = service(flows[exchange->flow]);
        note_marks(exchange, bytes, wanted.embedded_archives != EmbeddedArchives::ignore);
    }
    if (list.count == 0) return;
    if (!is_piece_with_leaves(own)) {
        keep_source_leaves(exchange, list.leaves());
        if (!exchange->following.is_told) list.room = {};
    } else if (!assembly.keep_leaves(own.ticket, list.leaves())) {
        counters.count(Outcome::assembly_leafless);
        list.room = {};  // what is added from here on goes nowhere
    }
    list.count = 0;
}

void Worker::State::begin_leaves(Exchange* exchange, Bytes first) {
    const Assembling& own = assemblings[exchange->assembling];
    exchange->has_leaves = true;
    exchange->marks = {};
    const bool is_source = own.request.act == PieceAct::object && exchange->following.is_told;
    const bool is_told =
        (is_piece_with_leaves(own) || is_source) && planned_kinds().has(IndicatorKind::sha256_tree);
    const ObjectSlot slot = exchange->objects[own.object].slot;
    if (!is_told || slot == no_object || fingerprinter.size(slot) >= tree_leaf_bytes) return;
    fingerprinter.save(slot, &chain_state);
    if (!chain_state.kinds.has(IndicatorKind::sha256_tree)) return;
    exchange->leaves.room = exchange->leaf_room;
    fingerprinter.collect_leaves(slot, &exchange->leaves);
    exchange->leaf_search = {};
    exchange->marks.is_searched = needs_only_trees() && contents.patterns() == nullptr;
    exchange->marks.is_plain = !BodyDecoder::needed(first, false);
}

// There is no room for the bytes of a piece. Where a commit comes, and asks for nothing but a tree,
// none is needed: unless the piece can be no leaf of it.
bool Worker::State::is_left_to_leaves(FlowNumber number) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    const Assembling& own = assemblings[exchange.assembling];
    return own.request.visibility == Visibility::at_commit && !exchange.leaves.room.empty() &&
           needs_only_trees() && assembly.may_go_by_leaves(own.ticket, own.request.length);
}

// --- of all pieces -------------------------------------------------------------------------------

// False: no place is free.
bool Worker::State::open_folding(std::uint32_t place, std::uint64_t first) {
    Assembling& own = assemblings[place];
    own.list = commit_places.allocate();
    if (own.list == no_assembling) return false;
    if (own.request.act == PieceAct::commit)
        assembly.sources().drop(&exchanges[flows[own.flow].exchange].following.object);
    Folding& folding = commit_places[own.list].folding;
    folding = {};
    folding.tree.start();
    folding.position = first;
    folding.is_plain = folding.knows_first = folding.knows_last = true;
    own.cursor = {};
    own.stage = Assembling::Stage::folding;
    return true;
}

// Some of what a commit names is neither in the chain nor in the spool.
CommitStep Worker::State::begin_folding(std::uint32_t place, VerifyReason reason) {
    const Assembling& own = assemblings[place];
    const bool has_trees = planned_kinds().has(IndicatorKind::sha256_tree);
    if (!has_trees || !may_fold(own.request) || !open_folding(place, first_folded(place)))
        return commit_fails(place, Outcome::assembly_gap, reason);
    return CommitStep::again;
}

// Where pieces have numbers, and no list names them.
std::uint64_t Worker::State::first_folded(std::uint32_t place) {
    SpooledPiece unused;
    if (assemblings[place].request.order == PieceOrder::number)
        return assembly.lowest(assemblings[place].upload);
    return assembly.status(assemblings[place].upload, 0, &unused) == PieceStatus::missing ? 1 : 0;
}

// The piece behind the one that was folded: `leaves`; `end`: there is none.
LeafStep Worker::State::next_folded(std::uint32_t place) {
    Assembling& own = assemblings[place];
    Folding& folding = commit_places[own.list].folding;
    const ChainView chain = assembly.chain(own.upload);
    if (names_objects(own.request)) {
        if (own.cursor.at == own.positions.bytes) return LeafStep::end;
        own.component = next_component(&own);
        if (own.component.position == piece_unknown) return LeafStep::none;
        own.other = open_component(&own, own.component);
        if (!own.other) return LeafStep::missing;
        if (assembly.chain(own.other).tainted) return LeafStep::conflict;
        folding.position = own.component.position;
    } else if (own.request.list != ListFormat::none) {
        if (own.cursor.at == own.positions.bytes) return LeafStep::end;
        folding.position = next_position(&own);
    } else if (own.request.act == PieceAct::commit) {
        if (folding.pieces == chain.pieces_whole) return LeafStep::end;
        const bool is_numbered = own.request.order == PieceOrder::number;
        if (folding.pieces != 0)
            folding.position =
                is_numbered ? position_behind(folding.position) : folding.position + 1;
    } else {
        if (folding.bytes == own.request.total || folding.bytes == chain.total ||
            folding.pieces == own.request.pieces)
            return LeafStep::end;
        folding.position = own.request.order == PieceOrder::offset ? folding.bytes : folding.pieces;
    }
    folding.is_within = true;
    return LeafStep::leaves;
}

// As far as one turn goes. `end`: all of them; `leaves`: there are more.
LeafStep Worker::State::fold(std::uint32_t place) {
    Assembling& own = assemblings[place];
    Folding& folding = commit_places[own.list].folding;
    const bool composes = names_objects(own.request);
    std::array<TreeDigest, 64> room;
    for (std::uint32_t done = 0; done < fold_step;) {
        const LeafStep next = folding.is_within ? LeafStep::leaves : next_folded(place);
        if (next != LeafStep::leaves) return next;
        LeafList list{room};
        PieceSum sum{};
        const LeafStep step = assembly.read_leaves(composes ? own.other : own.upload,
                                                   folding.position, &folding.cursor, &list, &sum);
        done += 1 + list.count;
        folding.tree.add(list.leaves());
        if (own.request.act == PieceAct::commit)
            keep_source_leaves(&exchanges[flows[own.flow].exchange], list.leaves());
        if (step == LeafStep::leaves) continue;
        if (step != LeafStep::end) return step;
        // The storage has another version, or refuses the list.
        if (composes && own.component.has_md5 && sum.md5 != own.component.md5)
            return LeafStep::none;
        if (composes) leave_component(&own);
        note_folded(&folding, sum);
        folding.is_within = false;
    }
    return LeafStep::leaves;
}

CommitStep Worker::State::fold_commit(std::uint32_t place) {
    switch (fold(place)) {
        case LeafStep::leaves:
            put_to_work(place);
            return CommitStep::waits;
        case LeafStep::end:
            return judge_folded(place);
        case LeafStep::in_flight:
            return commit_waits(place);
        case LeafStep::conflict:
            return commit_fails(place, Outcome::assembly_conflict, VerifyReason::undecoded);
        case LeafStep::missing:  // not one that began before us: some of its pieces were here
            if (names_objects(assemblings[place].request))
                return commit_unjudged(place, gap_case(), VerifyReason::gap);
            break;
        case LeafStep::none:
            break;
    }
    return commit_fails(place, Outcome::assembly_gap, VerifyReason::full);
}

CommitStep Worker::State::judge_folded(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    const Folding& folding = commit_places[own.list].folding;
    const Judged judged{own.flow, assembled_object, true, digests_of(folding)};
    if (!matches_to_block(judged, true)) {
        const VerifyReason reason = folding.is_copied ? VerifyReason::copied : VerifyReason::full;
        if (!needs_only_trees()) return commit_fails(place, Outcome::assembly_gap, reason);
        if (own.is_doubtful || own.request.recipe == Recipe::swift_dynamic)
            return commit_unjudged(place, PolicyCase::limit, VerifyReason::gap);
        if (folding.is_doubtful) return commit_fails(place, Outcome::assembly_conflict, reason);
        if (!folding.is_plain || contents.patterns() != nullptr)
            return commit_fails(place, Outcome::assembly_unread, reason);
    }
    counters.count(Outcome::assembly_committed);
    counters.count(Outcome::assembly_by_leaves);
    if (!judge_assembled(judged, true)) return CommitStep::waits;
    note_folded_source(place);
    end_look(place);
    return CommitStep::goes;
}

// A piece of an object that needs no commit has ended, and pieces before it are lost. False: their
// leaves tell nothing.
bool Worker::State::begin_folding_piece(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    const bool is_told = own.request.act == PieceAct::piece && may_fold(own.request) &&
                         planned_kinds().has(IndicatorKind::sha256_tree) &&
                         !assembly.chain(own.upload).lost;
    if (!is_told || !open_folding(place, 0)) return false;
    put_to_work(place);
    return true;
}

// True: its end may go. What did not match is unjudged as before, and so is an object that is not
// complete yet: whoever completes it comes here as well.
bool Worker::State::fold_piece(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const LeafStep step = fold(place);
    if (step == LeafStep::leaves) {
        put_to_work(place);
        return false;
    }
    if (step == LeafStep::end) {
        const Judged judged{own.flow, assembled_object, true,
                            digests_of(commit_places[own.list].folding)};
        if (matches_to_block(judged, true)) {
            counters.count(Outcome::assembly_by_leaves);
            return judge_assembled(judged, true) && end_look(place);
        }
    }
    counters.count(Outcome::assembly_gap);
    return end_unjudged(place, PolicyCase::limit, VerifyReason::full);
}

}  // namespace cordon
