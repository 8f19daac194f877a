#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/http/identity.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

template <std::size_t n>
void copy_text(std::string_view text, char (&out)[n]) {
    const std::size_t length = std::min(text.size(), n - 1);
    if (length != 0) std::memcpy(out, text.data(), length);  // an empty view may be a null one
    out[length] = '\0';
}

Endpoint endpoint_of(const ClientAddress& client) {
    Endpoint endpoint{};
    std::memcpy(endpoint.address, client.address.data(), sizeof endpoint.address);
    endpoint.port = client.port;
    endpoint.present = 1;
    return endpoint;
}

Endpoint endpoint_of(const SegmentEnd& end) {
    return endpoint_of(ClientAddress{std::to_array(end.address.bytes), end.port});
}

ServiceVerdict verdict_of(MatchAction action) {
    switch (action) {
        case MatchAction::block:
            return ServiceVerdict::blocked;
        case MatchAction::report:
            return ServiceVerdict::reported;
        case MatchAction::observe:
            return ServiceVerdict::observed;
        case MatchAction::suspended:
            break;
    }
    return ServiceVerdict::clean;
}

// Anybody has the vector of a self-test: beyond a rate it is treated alike, and only counted.
// `all_ns`: when as many records as ever may be made again.
bool takes_test_record(std::uint64_t now_ns, std::uint64_t* all_ns, Counters* counters) {
    const std::uint64_t every_ns = limits::test_record_every_ms * ns_per_ms;
    const std::uint64_t due_ns = std::max(*all_ns, now_ns);
    if (due_ns - now_ns < limits::test_records_burst * every_ns) {
        *all_ns = due_ns + every_ns;
        return true;
    }
    counters->count(Outcome::test_unrecorded);
    return false;
}

}  // namespace

// Which indicators an object matched, one entry for each section and reference.
struct Worker::State::Finding {
    static constexpr std::size_t entries_max = limits::sections_max * indicator_kind_count;
    struct Entry {
        Match match;
        KindSet kinds;
        MatchAction action;
        bool repeats;  // its section is named by an entry before it
    };
    Entry entries[entries_max];
    std::size_t count = 0;  // 0: nothing is to be done
    MatchAction action = MatchAction::suspended;
    bool suspended = false;  // something matched, and all of it is suspended

    void add(const Match& match) {
        for (std::size_t n = 0; n < count; ++n) {
            if (entries[n].match.section != match.section ||
                entries[n].match.reference != match.reference)
                continue;
            entries[n].kinds.add(match.kind);
            return;
        }
        if (count < entries_max) entries[count++] = {match, KindSet{match.kind}, {}, false};
    }
    void order();
    bool tells_of_person(const IndexView& index) const;
    // Nothing but test indicators: the vector of a self-test.
    bool is_test() const {
        return std::all_of(entries, entries + count, [](const Entry& entry) {
            return (entry.match.flags & record_flag::test) != 0;
        });
    }
};

// A record has room for as many as there can be sections: what led to the action comes first, then
// one of each other section, so that none is left out.
void Worker::State::Finding::order() {
    const auto by_action = [](const Entry& a, const Entry& b) {
        if (a.repeats != b.repeats) return b.repeats;
        return a.action != b.action ? a.action < b.action : a.match.section < b.match.section;
    };
    std::sort(entries, entries + count, by_action);
    static_assert(limits::sections_max <= 32);
    std::uint32_t named = 0;
    for (std::size_t n = 0; n < count; ++n) {
        const std::uint32_t bit = 1u << entries[n].match.section;
        entries[n].repeats = (named & bit) != 0;
        named |= bit;
    }
    std::sort(entries, entries + count, by_action);
}

// An operator's own list asks for a look at a file, and gives no ground to know whose it is. What a
// suspension took back is no ground either.
bool Worker::State::Finding::tells_of_person(const IndexView& index) const {
    return std::any_of(entries, entries + count, [&index](const Entry& entry) {
        return entry.action != MatchAction::suspended &&
               index.section(entry.match.section).kind != SectionKind::local;
    });
}

KindSet Worker::State::planned_kinds() const {
    KindSet kinds(settings.digests);
    if (index != nullptr) kinds = kinds | index->plan(now.unix_ns / ns_per_s);
    return kinds;
}

// The body of this message is complete: the verdicts on what is open of it, and then what stands
// behind it in the stream.
void Worker::State::judge(FlowNumber number, LookedAhead* looked) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    for (std::uint8_t object = 0; object < exchange.objects.size(); ++object) {
        if (exchange.objects[object].slot == no_object) continue;
        const bool is_looked_up = looked != nullptr && looked->object == object;
        judge_object(number, object, false, is_looked_up ? looked : nullptr);
        if (flow.phase != FlowPhase::established) return;
    }
    if (!end_assembling(number)) return;
    note_verdict(number);
    class_rest(&exchange);
    close_message(&exchange);
    go_on(number);
}

// This object is complete. `is_cut`: it is a member whose archive ended within it. Whoever reads
// that archive may have as much of it. `looked`: it has its digests by look_ahead(), or null.
void Worker::State::judge_object(FlowNumber number, std::uint8_t object, bool is_cut,
                                 LookedAhead* looked) {
    Exchange& exchange = exchanges[flows[number].exchange];
    Judged judged{number, object, true, {}};
    const bool is_of_upload = is_piece(exchange, object);
    if (is_of_upload) fingerprinter.save(exchange.objects[object].slot, &piece_state);
    if (looked == nullptr) {
        fingerprinter.close(exchange.objects[object].slot, &judged.digests);
    } else {
        judged.digests = looked->digests;
        fingerprinter.drop(exchange.objects[object].slot);
    }
    exchange.objects[object].slot = no_object;
    end_content(&exchange.objects[object]);
    if (is_of_upload) take_leaves(&exchange, {});
    if (is_of_upload) note_piece(exchange, judged.digests);
    if (judged.digests.size == 0) return;
    Finding finding;
    look_up(judged.digests, exchange.objects[object].content.hits, flows[number], &finding,
            looked == nullptr ? nullptr : &looked->asked);
    if (finding.count != 0) return record_match(judged, finding);
    if (!is_cut) return count_clean(judged, finding);
    judged.complete = false;
    counters.count(Outcome::object_aborted);
    count_uninspected(judged, UninspectedReason::incomplete);
}

// To some readers this is all of it, with `more`. What is only reported is so when it ends.
void Worker::State::judge_so_far(FlowNumber number, std::uint8_t object, Bytes more) {
    Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.objects[object].slot == no_object) return;
    Judged judged{number, object, true, {}};
    fingerprinter.peek_with(exchange.objects[object].slot, more, &judged.digests);
    PatternHits hits;
    contents.search_so_far(exchange.objects[object].content, &hits);
    Finding finding;
    look_up(judged.digests, hits, flows[number], &finding);
    if (finding.count != 0 && finding.action == MatchAction::block) record_match(judged, finding);
}

// What has been uploaded so far, looked up as if it were all: before a held tail goes without its
// end having been seen. `last`: nothing more will come.
bool Worker::State::judge_tail(FlowNumber number, bool last) {
    Flow& flow = flows[number];
    if (flow.phase != FlowPhase::established) return true;
    if (!look_at_tails(number, last)) return false;
    const bool waits = flow.stalled || is_put_off(flow) || awaits_assembly(flow);
    if (!waits) flow.hold.release_at(flow.up.taken());
    return true;
}

bool Worker::State::look_at_tails(FlowNumber number, bool last) {
    Flow& flow = flows[number];
    fingerprinter.flush();
    if (flow.exchange == no_exchange || !exchanges[flow.exchange].object_open) return true;
    Exchange& exchange = exchanges[flow.exchange];
    bool looked = false;
    for (std::uint8_t object = 0; object < exchange.objects.size(); ++object) {
        if (exchange.objects[object].slot == no_object) continue;
        std::array<std::uint8_t, BodyDecoder::kept_back_bytes_max> room;
        std::size_t kept = 0;
        if (exchange.decoder != no_decoder)
            kept = decoders[exchange.decoder].decoder.kept_back(object, room);
        if (fingerprinter.size(exchange.objects[object].slot) + kept == 0) continue;
        looked = true;
        if (!look_at_tail(number, object, {}, last)) return false;
        // A server that writes what it has may take for content what a delimiter could begin with.
        if (kept != 0 && exchange.objects[object].slot != no_object &&
            !look_at_tail(number, object, Bytes(room).first(kept), last))
            return false;
    }
    if (!look_at_chain(number, last)) return false;
    if (looked) counters.count(Outcome::tail_released_early);
    return true;
}

bool Worker::State::look_at_tail(FlowNumber number, std::uint8_t object, Bytes kept_back,
                                 bool last) {
    Flow& flow = flows[number];
    Judged judged{number, object, false, {}};
    fingerprinter.peek_with(exchanges[flow.exchange].objects[object].slot, kept_back,
                            &judged.digests);
    if (judged.digests.size == 0) return true;
    PatternHits hits;
    contents.search_so_far(exchanges[flow.exchange].objects[object].content, &hits);
    Finding finding;
    look_up(judged.digests, hits, flow, &finding);
    const bool blocks = finding.count != 0 && finding.action == MatchAction::block;
    if (blocks || (last && finding.count != 0)) record_match(judged, finding);
    return flow.phase == FlowPhase::established;
}

bool Worker::State::matches_to_block(const Judged& judged, bool last) const {
    Finding finding;
    look_up(judged.digests, PatternHits{}, flows[judged.flow], &finding);
    return finding.count != 0 && (last || finding.action == MatchAction::block);
}

// Several pieces, put together.
bool Worker::State::judge_assembled(const Judged& judged, bool last) {
    const Flow& flow = flows[judged.flow];
    const std::uint32_t place = exchanges[flow.exchange].assembling;
    const bool is_all = judged.complete && place != no_assembling;
    Finding finding;
    look_up(judged.digests, is_all ? hits_of_chain(place) : PatternHits{}, flow, &finding);
    const bool blocks = finding.count != 0 && finding.action == MatchAction::block;
    if (blocks || (last && finding.count != 0))
        record_match(judged, finding);
    else if (judged.complete)
        count_clean(judged, finding);
    return flow.phase == FlowPhase::established;
}

// `chain_found`, in an upload in pieces. What blocks stays with the upload, for its other pieces.
bool Worker::State::judge_contained(const Judged& judged, const PatternHits& hits, UploadRef upload,
                                    MemberSeen seen) {
    const Flow& flow = flows[judged.flow];
    Finding finding;
    look_up(judged.digests, hits, flow, &finding);
    if (finding.count != 0 && finding.action == MatchAction::block) {
        if (upload) assembly.freeze(upload, chain_found);
        record_match(judged, finding);
    } else if (seen == MemberSeen::so_far) {
        return true;
    } else if (finding.count != 0) {
        record_match(judged, finding);
    } else if (seen == MemberSeen::cut) {
        counters.count(Outcome::object_aborted);
        counters.classed(flow.service, object_class(UninspectedReason::incomplete), 0);
    } else {
        count_clean(judged, finding);
    }
    return flow.phase == FlowPhase::established;
}

// `ahead`: of these digests, prepared and compared.
void Worker::State::look_up(const Digests& digests, const PatternHits& hits, const Flow& flow,
                            Finding* finding, LookUps* ahead) const {
    if (index == nullptr) return;
    const std::uint64_t now_s = now.unix_ns / ns_per_s;
    LookUps own;
    LookUps& asked = ahead != nullptr ? *ahead : own;
    if (ahead == nullptr) {
        asked.prepare(*index, digests, now_s);
        asked.compare(*index);
    }
    for (std::size_t n = 0; n < asked.count; ++n) {
        Match matches[limits::sections_max];
        const std::size_t found =
            index->lookup(&asked.probes[n], now_s, matches, limits::sections_max);
        for (std::size_t i = 0; i < found; ++i)
            finding->add(matches[i]);
    }
    for (const PatternHit& hit : hits.found()) {
        if (index->in_force(hit.section, now_s))
            finding->add(index->pattern_match(hit.section, hit.entry));
    }
    settle_actions(flow, finding);
    finding->suspended = finding->count != 0 && finding->action == MatchAction::suspended;
    if (finding->suspended) finding->count = 0;
    finding->order();
}

// The strongest action that a section permits wins.
void Worker::State::settle_actions(const Flow& flow, Finding* finding) const {
    const std::uint64_t now_s = now.unix_ns / ns_per_s;
    for (std::size_t n = 0; n < finding->count; ++n) {
        Finding::Entry& entry = finding->entries[n];
        const Match& match = entry.match;
        const SectionView section = index->section(match.section);
        const Strength strength = strength_of(entry.kinds, match.flags);
        SectionTerms terms = section.terms;
        SuspensionMode suspension = SuspensionMode::none;
        if (suspensions != nullptr) {
            terms = suspensions->aged(section.name, terms);
            suspension = suspensions->mode_of(
                {section.name, match.reference, match.source, match.added}, now_s);
        }
        entry.action = restrained(action_for(strength, section.ceiling, match.flags, mode(flow),
                                             service(flow).weak_blocks != 0),
                                  strength, terms, suspension, now_s);
        finding->action = stronger(finding->action, entry.action);
    }
}

// Honest about what was seen: a form whose file is inside the body was not judged as that file.
void Worker::State::count_clean(const Judged& judged, const Finding& finding) {
    Exchange& exchange = exchanges[flows[judged.flow].exchange];
    if (finding.suspended) counters.count(Outcome::match_suspended);
    const KindSet wanted = planned_kinds() & computed_kinds;
    if (is_stale(judged)) counters.count(Outcome::stale_plan);
    if ((wanted & (judged.digests.present | judged.digests.dismissed)).empty())  // no look-up
        return count_uninspected(judged, UninspectedReason::no_index);
    const bool is_whole = is_whole_file(name_of(exchange, judged.object).form);
    // Stored as it came, under this name: what could not be read of it here may be readable there.
    if (exchange.undecoded && judged.complete && exchange.parser.head().method == "PUT")
        request_verification(judged.flow, VerifyReason::undecoded);
    if (exchange.undecoded || !(is_whole || is_kept_piece(exchange, judged.object)))
        return count_uninspected(judged, UninspectedReason::form);
    if ((wanted & judged.digests.present).empty()) return count_dismissed(judged);
    counters.count(Outcome::object_clean);
    counters.classed(flows[judged.flow].service, object_class(ObjectClass::inspected),
                     own_bytes(judged));
    count_type(judged, TypeVerdict::clean);
    count_verdict(judged, ServiceVerdict::clean);
    report(judged, ObjectVerdict::clean, {}, 0);
}

// The indicators in force need a digest that was not computed: because none did when the object
// began, or because none could be of this object.
bool Worker::State::is_stale(const Judged& judged) {
    const Digests& digests = judged.digests;
    const KindSet wanted = planned_kinds() & computed_kinds;
    if (!wanted.without(digests.present | digests.dismissed).empty()) return true;
    if (digests.dismissed.empty()) return false;
    if (judged.object == assembled_object) return may_be_listed(digests);
    const OpenObject& object = exchanges[flows[judged.flow].exchange].objects[judged.object];
    return object.index_number != index_number && may_be_listed(digests);
}

void Worker::State::count_dismissed(const Judged& judged) {
    const Exchange& exchange = exchanges[flows[judged.flow].exchange];
    // What pieces were appended to was too large before, or began so.
    const ObjectClass why = judged.object == assembled_object
                                ? ObjectClass::dismissed_head
                                : exchange.objects[judged.object].dismissed_as;
    counters.classed(flows[judged.flow].service, object_class(why), own_bytes(judged));
    count_type(judged, TypeVerdict::dismissed);
    count_verdict(judged, ServiceVerdict::dismissed);
    report(judged, ObjectVerdict::dismissed, {}, 0);
}

void Worker::State::count_uninspected(const Judged& judged, UninspectedReason reason) {
    counters.classed(flows[judged.flow].service, object_class(reason), own_bytes(judged));
    count_type(judged, TypeVerdict::uninspected);
    count_verdict(judged, ServiceVerdict::uninspected);
    report(judged, ObjectVerdict::uninspected, reason, 0);
}

void Worker::State::count_verdict(const Judged& judged, ServiceVerdict verdict) {
    counters.judged(flows[judged.flow].service, verdict, judged.digests.size);
}

// What was held of this message may leave, or its flow is cut.
void Worker::State::note_verdict(FlowNumber number) {
    const Flow& flow = flows[number];
    if (flow.exchange == no_exchange) return;
    Exchange& exchange = exchanges[flow.exchange];
    if (exchange.end_ns != 0)
        verdict_clock.judged(flow.service, exchange.end_ns, now.ns, &counters);
    exchange.end_ns = 0;
}

// Bytes of the body that go into the ledger with this object. A member has none: they are its
// archive's, which is still open.
std::uint64_t Worker::State::own_bytes(const Judged& judged) {
    Exchange& exchange = exchanges[flows[judged.flow].exchange];
    return is_member(exchange, judged.object) ? 0 : take_body_bytes(&exchange);
}

// A match is recorded whatever is done about it; blocked is only what policy says to block.
void Worker::State::record_match(const Judged& judged, const Finding& finding) {
    Exchange& exchange = exchanges[flows[judged.flow].exchange];
    const bool tests = finding.is_test();
    const auto is_pattern = [](const Finding::Entry& entry) {
        return entry.kinds.has(IndicatorKind::pattern);
    };
    counters.count(tests ? Outcome::match_tested : Outcome::object_matched);
    if (!tests && std::any_of(finding.entries, finding.entries + finding.count, is_pattern))
        counters.count(Outcome::pattern_matched);
    counters.classed(flows[judged.flow].service, object_class(ObjectClass::inspected),
                     take_body_bytes(&exchange));
    count_type(judged, TypeVerdict::matched);
    if (!tests) count_verdict(judged, verdict_of(finding.action));
    report(judged, ObjectVerdict::match, {}, finding.entries[0].match.reference);
    fill_incident(judged, finding);
    if (!judged.complete && judged.object < exchange.objects.size())
        drop_object(&exchange, judged.object);
    const bool recorded = !tests || takes_test_record(now.ns, &test_records_ns, &counters);
    if (finding.action == MatchAction::block)
        return recorded ? block(judged.flow) : refuse(judged.flow, ErrorStatus::refused, true);
    RecordTicket ticket;
    if (!tests)
        counters.count(finding.action == MatchAction::report ? Outcome::match_reported
                                                             : Outcome::match_observed);
    if (recorded && !recorder.decided(incident, DenyKey{}, &ticket))
        counters.count(Outcome::match_unrecorded);
}

void Worker::State::fill_incident(const Judged& judged, const Finding& finding) {
    const Flow& flow = flows[judged.flow];
    incident = IncidentRecord{};
    case_numbers.next(&incident.case_number);
    incident.time_ns = now.unix_ns;
    incident.object_bytes = judged.digests.size;
    const BodyDecoder::Name name = name_of(exchanges[flow.exchange], judged.object);
    incident.form = name.form;
    incident.content_type = type_of(judged);
    incident.policy_generation = options.policy_generation;
    incident.action = finding.action;
    incident.complete = judged.complete ? 1 : 0;
    incident.lab = options.lab;
    const bool tests = finding.is_test();
    const std::size_t named = std::min(finding.count, std::size(incident.matches));
    incident.match_count = static_cast<std::uint8_t>(named);
    for (std::size_t n = 0; n < named; ++n) {
        const Finding::Entry& entry = finding.entries[n];
        const SectionView section = index->section(entry.match.section);
        MatchRecord& match = incident.matches[n];
        match.reference = entry.match.reference;
        match.generation = section.generation;
        copy_text(section.name, match.section);
        match.source = entry.match.source;
        match.category = entry.match.category;
        match.kinds = entry.kinds.bits;
        const bool weak = strength_of(entry.kinds, entry.match.flags) == Strength::weak;
        match.flags = static_cast<std::uint8_t>(
            (weak ? match_flag::weak : 0) |
            (section.kind == SectionKind::local ? match_flag::local : 0) |
            static_cast<std::uint8_t>(section.ceiling) << match_flag::ceiling_shift |
            (tests ? match_flag::test : 0));
        store_added(entry.match.added, &match.added);
    }
    copy_text(service(flow).name, incident.service);
    copy_text(options.legal_basis, incident.legal_basis);
    fill_request(flow, &incident);
    // Who uploaded a test vector has done nothing.
    if (tests || !finding.tells_of_person(*index)) return;
    copy_clean(name.field, std::span(incident.field).first(sizeof incident.field - 1));
    copy_clean(name.file_name, std::span(incident.name).first(sizeof incident.name - 1));
    copy_clean(name.member, std::span(incident.member).first(sizeof incident.member - 1));
    copy_clean(name.container, std::span(incident.container).first(sizeof incident.container - 1));
    fill_person(flow, &incident);
}

void Worker::State::fill_request(const Flow& flow, IncidentRecord* record) const {
    const Exchange& exchange = const_cast<SlotPool<Exchange>&>(exchanges)[flow.exchange];
    record->server = endpoint_of(flow.client.like.destination);
    record->vlan = table.key(static_cast<FlowNumber>(&flow - flows.get())).vlan();
    copy_clean(exchange.parser.head().method,
               std::span(record->method).first(sizeof record->method - 1));
}

void Worker::State::fill_person(const Flow& flow, IncidentRecord* record) const {
    const Exchange& exchange = const_cast<SlotPool<Exchange>&>(exchanges)[flow.exchange];
    const Head& head = exchange.parser.head();
    const ServiceOptions& wanted = service(flow);
    record->client = endpoint_of(flow.client.like.source);
    copy_clean(head.host, std::span(record->host).first(sizeof record->host - 1));
    copy_clean(head.target, std::span(record->target).first(sizeof record->target - 1));
    account_of(head, wanted.account_from, wanted.account_header,
               std::span(record->account).first(sizeof record->account - 1));
    const std::span trusted(wanted.trusted_hops, wanted.trusted_hop_count);
    if (!is_within_any(std::to_array(flow.client.like.source.address.bytes), trusted)) return;
    ClientAddress told = flow.forwarded;
    if (wanted.client_from == ClientFrom::proxy && flow.has_forwarded)
        record->forwarded = endpoint_of(told);
    if (wanted.client_from == ClientFrom::header &&
        forwarded_client(head, wanted.client_header, trusted, &told))
        record->forwarded = endpoint_of(told);
}

void Worker::State::report(const Judged& judged, ObjectVerdict verdict, UninspectedReason reason,
                           std::uint64_t indicator) {
    if (!settings.report_objects) return;
    ObjectReport& entry = reports.emplace_back();
    const Flow& flow = flows[judged.flow];
    const Exchange& exchange = exchanges[flow.exchange];
    const Head& head = exchange.parser.head();
    const BodyDecoder::Name name = name_of(exchange, judged.object);
    entry.client = flow.client.like.source;
    entry.server = flow.client.like.destination;
    entry.verdict = verdict;
    entry.reason = reason;
    entry.complete = judged.complete;
    entry.matched = verdict == ObjectVerdict::match;
    entry.indicator = indicator;
    entry.size = judged.digests.size;
    entry.digests = judged.digests;
    copy_text(head.method, entry.method);
    copy_text(head.host, entry.host);
    copy_text(head.target, entry.target);
    copy_text(form_name(name.form), entry.form);
    entry.content_type = type_of(judged);
    copy_text(name.field, entry.field);
    copy_text(name.file_name, entry.name);
    copy_text(name.member, entry.member);
    copy_text(name.container, entry.container);
}

}  // namespace cordon
