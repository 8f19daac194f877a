// What an upload in pieces holds: its chain is read as the body of a plain upload is, by whoever
// moves it, and what is found in it is judged where it becomes known.
#include <algorithm>

#include "dataplane/base/invariant.h"
#include "dataplane/worker/line.h"

namespace cordon {

// The lease of the chain is here, with this message or by itself.
void Worker::State::open_chain(std::uint32_t place) {
    Assembling& own = assemblings[place];
    own.content = assembly.content(own.upload);
    if (own.flow != no_flow)
        own.content->call(exchanges[flows[own.flow].exchange].parser.head().target);
}

// Bytes behind those that were read. False: the flow is cut, or nobody is there to be refused and
// the upload knows it; `place` is gone.
bool Worker::State::read_chain(std::uint32_t place, Bytes bytes) {
    ChainContent* content = assemblings[place].content;
    if (content == nullptr || bytes.empty()) return true;
    prepare_chain(content);
    search_apart(&content->now.head, &content->now.tail, bytes);
    if (content->now.finished) note_chain_flaw(content, Outcome::assembly_unread);
    if (!begin_reading(place, bytes)) {
        content->now.bytes += bytes.size();
        return true;
    }
    const ReaderTicket ticket = content->reader;
    ContentReader* reader = assembly.readers().enter(ticket);
    if (reader == nullptr) {
        note_chain_flaw(content, Outcome::archive_full);
        content->now.bytes += bytes.size();
        return true;
    }
    reader->decoder().feed(bytes, 0);
    const bool goes_on = take_members(place, reader);
    if (goes_on && content->now.reads && reader->decoder().is_plain()) {
        content->now.search = reader->decoder().search();
        content->now.reads = false;
    }
    if (goes_on) content->now.bytes += bytes.size();
    assembly.readers().leave(ticket, bytes.size(), now);
    if (goes_on && !content->now.reads) content->stop_reading(&assembly.readers());
    return goes_on;
}

// As with a plain body most never have a reader. True: there is one.
bool Worker::State::begin_reading(std::uint32_t place, Bytes bytes) {
    const Assembling& own = assemblings[place];
    ChainContent* content = own.content;
    ChainContent::Point& point = content->now;
    if (point.is_flawed || point.reads) return point.reads;
    const bool is_first = !point.begun;
    point.begun = true;
    if (is_first && BodyDecoder::needed(bytes, false)) return open_reader(content) != nullptr;
    if (options.services[own.service].embedded_archives == EmbeddedArchives::ignore) return false;
    const ZipSearch before = point.search;
    std::size_t at;
    if (!point.search.find(bytes, &at)) return false;
    ContentReader* reader = open_reader(content);
    if (reader == nullptr) return false;
    reader->decoder().search_on(before, point.bytes);
    return true;
}

ContentReader* Worker::State::open_reader(ChainContent* content) {
    ContentReader* reader = assembly.readers().enter(content->reader);
    if (reader == nullptr) reader = assembly.readers().take(now, &content->reader);
    if (reader == nullptr) {
        note_chain_flaw(content, Outcome::archive_full);
        return nullptr;
    }
    reader->open(content->called(), settings.seed);
    assembly.readers().leave(content->reader, 0, now);
    content->now.reads = true;
    return reader;
}

void Worker::State::prepare_chain(ChainContent* content) {
    if (content->moving && content->due == ChainContent::Due::none) return;
    content->prepare(&assembly.readers(), now);
    if (!content->now.is_flawed || content->now.is_told) return;
    content->now.is_told = true;
    counters.count(content->now.flaw);
}

void Worker::State::note_chain_flaw(ChainContent* content, Outcome why) {
    if (content->now.is_flawed) return;
    counters.count(why);
    content->note_flaw(why);
    content->now.is_told = true;
}

// False: as read_chain().
bool Worker::State::take_members(std::uint32_t place, ContentReader* reader) {
    reader->decoder().write_to(chain_room);
    ObjectEvent event;
    while (reader->decoder().next(&event)) {
        if (!member_event(place, reader, event)) return false;
    }
    return true;
}

// Number 0 is the upload itself, which is judged by its chain.
bool Worker::State::member_event(std::uint32_t place, ContentReader* reader,
                                 const ObjectEvent& event) {
    const std::uint8_t object = event.object;
    switch (event.kind) {
        case ObjectEvent::Kind::open:
            if (reader->decoder().name(object).form == ObjectForm::archive_member)
                counters.count(Outcome::archive_member);
            counters.count(Outcome::object_opened);
            reader->open_object(object, planned_kinds());
            return true;
        case ObjectEvent::Kind::bytes:
            note_unpacked(event.bytes.size());
            if (!reader->has_object(object)) return true;
            reader->digests(object).take(event.bytes);
            search_apart(&reader->content(object), &reader->tail(object), event.bytes);
            return true;
        case ObjectEvent::Kind::end: {
            if (!reader->has_object(object)) return true;
            const bool goes_on = judge_member(place, reader, object,
                                              event.is_cut ? MemberSeen::cut : MemberSeen::whole);
            if (goes_on) reader->close_object(object);
            return goes_on;
        }
        case ObjectEvent::Kind::may_end:
            return !reader->has_object(object) ||
                   judge_member(place, reader, object, MemberSeen::so_far, event.bytes);
        case ObjectEvent::Kind::unread:
            count_unread_member(place, reader, event);
            return true;
        case ObjectEvent::Kind::drop:
            reader->close_object(object);
            return true;
        case ObjectEvent::Kind::field:
            return true;
        case ObjectEvent::Kind::note:
            counters.count(event.outcome);
            return true;
        case ObjectEvent::Kind::fault:
            member_fault(place, reader, event.outcome);
            return true;
    }
    return true;
}

bool Worker::State::judge_member(std::uint32_t place, ContentReader* reader, std::uint8_t object,
                                 MemberSeen seen, Bytes kept_back) {
    DigestState state = reader->digests(object);
    state.take(kept_back);
    state.finish(&chain_found.digests);
    if (chain_found.digests.size == 0) return true;
    chain_found.take_names(reader->decoder().name(object));
    chain_found.type = contents.type_so_far(reader->content(object));
    contents.search_so_far(reader->content(object), &chain_found.hits);
    chain_found.generation = reader->tail(object).generation;
    return judge_found(place, seen);
}

// `chain_found`. False: as read_chain().
bool Worker::State::judge_found(std::uint32_t place, MemberSeen seen) {
    const Assembling& own = assemblings[place];
    const PatternHits hits = hits_of(chain_found);
    if (own.flow == no_flow) {
        if (hits.count != 0 || matches_anything(chain_found.digests)) {
            assembly.freeze(own.upload, chain_found);
            drop_assembling(place);
            return false;
        }
        if (seen == MemberSeen::whole) count_clean_member(own.service);
        return true;
    }
    const Judged judged{own.flow, contained_object, seen != MemberSeen::so_far,
                        chain_found.digests};
    return judge_contained(judged, hits, own.upload, seen);
}

// In its name, and in its text as far as the patterns are those in force.
PatternHits Worker::State::hits_of(const FoundMember& member) {
    name_content.hits.clear();
    if (member.generation == index_generation()) name_content.hits = member.hits;
    contents.name(&name_content, member.name().member);
    return name_content.hits;
}

PatternHits Worker::State::hits_of_chain(std::uint32_t place) {
    PatternHits hits{};
    const ChainContent* content = assemblings[place].content;
    if (content == nullptr || content->now.tail.generation != index_generation()) return hits;
    contents.search_so_far(content->now.head, &hits);
    return hits;
}

std::uint64_t Worker::State::index_generation() const {
    return index == nullptr ? 0 : index->generation();
}

void Worker::State::search_apart(ObjectContent* object, TextTail* tail, Bytes bytes) {
    const bool was_decided = object->decided;
    if (contents.feed_apart(object, tail, bytes, index_generation()))
        counters.count(Outcome::stale_plan);
    const bool is_searched = contents.patterns() != nullptr && is_text(object->type);
    if (!was_decided && object->decided && is_searched) counters.count(Outcome::pattern_scanned);
}

// Nobody's message: only what is counted.
void Worker::State::count_clean_member(std::size_t service_number) {
    counters.count(Outcome::object_clean);
    counters.classed(service_number, object_class(ObjectClass::inspected), 0);
    counters.judged(service_number, ServiceVerdict::clean, chain_found.digests.size);
    counters
        .types[static_cast<std::size_t>(chain_found.type)]
              [static_cast<std::size_t>(TypeVerdict::clean)]
        .add(chain_found.digests.size);
}

void Worker::State::count_unread_member(std::uint32_t place, ContentReader* reader,
                                        const ObjectEvent& event) {
    counters.count(event.outcome);
    const UninspectedReason reason = event.outcome == Outcome::archive_encrypted
                                         ? UninspectedReason::encrypted
                                         : UninspectedReason::archive;
    counters.classed(assemblings[place].service, object_class(reason), 0);
    const FlowNumber number = assemblings[place].flow;
    if (number == no_flow || event.outcome == Outcome::archive_unknown) return;
    chain_found.take_names(reader->decoder().name(event.object));
    chain_found.type = ContentType::unknown;
    chain_found.digests = Digests{};
    report({number, contained_object, false, {}}, ObjectVerdict::uninspected, reason, 0);
}

// What servers read in different ways, or a limit. Where policy lets it pass the archive is left
// alone, as in a plain body; else the object is refused at its end.
void Worker::State::member_fault(std::uint32_t place, ContentReader* reader, Outcome why) {
    const Assembling& own = assemblings[place];
    const ServiceOptions& wanted = options.services[own.service];
    const PolicyCase about = case_of_flaw(why);
    const UninspectedAction action =
        about == PolicyCase::limit ? wanted.on_limit : wanted.on_unparsable;
    if (mode_of(own.service) == ServiceMode::enforce && action != UninspectedAction::pass)
        return note_chain_flaw(own.content, why);
    counters.count(why);
    counters.decided(own.service, about, PolicyResult::passed);
    const bool is_limit = about == PolicyCase::limit;
    counters.classed(own.service,
                     object_class(is_limit ? UninspectedReason::limit : UninspectedReason::archive),
                     0);
    reader->decoder().give_up();
    for (std::uint8_t object = 0; object < limits::objects_per_message_max; ++object) {
        if (!reader->decoder().keeps(object)) reader->close_object(object);
    }
}

PolicyCase Worker::State::case_of_flaw(Outcome why) {
    const bool limit = why == Outcome::archive_full || why == Outcome::archive_limit ||
                       why == Outcome::coding_full || why == Outcome::coding_limit ||
                       why == Outcome::assembly_unread;
    return limit ? PolicyCase::limit : PolicyCase::unparsable;
}

VerifyReason Worker::State::reason_of_flaw(Outcome why) {
    return why == Outcome::archive_full || why == Outcome::assembly_unread
               ? VerifyReason::full
               : VerifyReason::undecoded;
}

// The upload is complete. False: as read_chain(). What policy says to a flaw is up to the caller.
bool Worker::State::finish_chain(std::uint32_t place) {
    ChainContent* content = assemblings[place].content;
    if (content == nullptr) return true;
    prepare_chain(content);
    if (!content->now.reads) return true;
    const ReaderTicket ticket = content->reader;
    ContentReader* reader = assembly.readers().enter(ticket);
    if (reader == nullptr) {
        note_chain_flaw(content, Outcome::archive_full);
        return true;
    }
    // Without a commit more may come, and a partial upload is gone on from: it ends for a moment.
    const bool ends_for_good = assemblings[place].request.act == PieceAct::commit;
    const ChainContent::Point before = content->now;
    const bool may_go_on = !ends_for_good && reader->mark();
    content->now.finished = true;
    reader->decoder().finish();
    const bool goes_on = take_members(place, reader);
    if (goes_on && may_go_on && !content->now.is_flawed) {
        INVARIANT(reader->go_back());
        content->now = content->marked = before;
        content->marked_id = 0;  // the mark is in the middle of nowhere the chain stood
        content->has_mark = true;
    }
    assembly.readers().leave(ticket, 0, now);
    if (goes_on && !content->now.reads) content->stop_reading(&assembly.readers());
    if (goes_on && content->now.finished) content->finish(&assembly.readers());
    return goes_on;
}

// What members have so far, where the upload may end: to whoever reads it, they are complete.
bool Worker::State::look_at_members(std::uint32_t place) {
    ChainContent* content = assemblings[place].content;
    if (content == nullptr || !content->now.reads || !content->moving) return true;
    const ReaderTicket ticket = content->reader;
    ContentReader* reader = assembly.readers().enter(ticket);
    if (reader == nullptr) return true;
    bool goes_on = true;
    for (std::uint8_t object = 1; goes_on && object < limits::objects_per_message_max; ++object) {
        if (!reader->has_object(object)) continue;
        std::array<std::uint8_t, BodyDecoder::kept_back_bytes_max> room;
        const std::size_t kept = reader->decoder().kept_back(object, room);
        goes_on = judge_member(place, reader, object, MemberSeen::so_far) &&
                  (kept == 0 || judge_member(place, reader, object, MemberSeen::so_far,
                                             Bytes(room).first(kept)));
    }
    assembly.readers().leave(ticket, 0, now);
    return goes_on;
}

// Something in the upload matched before. False: it still does, and the flow is cut.
bool Worker::State::judge_frozen(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    if (!assembly.found(own.upload, &chain_found)) return true;
    const Judged judged{own.flow, contained_object, true, chain_found.digests};
    const UploadRef upload = own.upload;
    if (!judge_contained(judged, hits_of(chain_found), upload, MemberSeen::so_far)) return false;
    assembly.unfreeze(upload);
    return true;
}

}  // namespace cordon
