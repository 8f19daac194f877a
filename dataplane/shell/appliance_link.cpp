#include "dataplane/shell/appliance_link.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "dataplane/contract/test_vector.h"
#include "dataplane/contract/version.h"
#include "dataplane/shell/clock.h"
#include "dataplane/verdict/policy.h"

namespace cordon {
namespace {

template <std::size_t size>
void put_text(std::string_view text, char (&field)[size]) {
    text.copy(field, size - 1);
}

void add(LinkTally* sum, const steer_tally& tally) {
    sum->count += tally.frames;
    sum->bytes += tally.bytes;
}

void add(LinkTally* sum, const Tally& tally) {
    sum->count += tally.count.read();
    sum->bytes += tally.bytes.read();
}

SectionState state_of(bool has_key, const SectionTerms& terms, std::uint64_t now_s) {
    if (now_s > terms.not_after_s) return SectionState::ended;
    if (!has_key) return SectionState::no_key;
    if (now_s > terms.block_until_s) return SectionState::reports;
    if (now_s > terms.weak_until_s) return SectionState::weak_reports;
    if (now_s > terms.fresh_until_s) return SectionState::old;
    return SectionState::in_force;
}

LinkSection section_status(const SectionView& section, const SectionTerms& terms,
                           std::uint64_t now_s) {
    LinkSection told = {};
    put_text(section.name, told.name);
    told.kind = section.kind;
    told.ceiling = section.ceiling;
    told.state = state_of(section.has_key, terms, now_s);
    told.epoch = section.epoch;
    told.generation = section.generation;
    told.indicators =
        section.tag_count + section.kind_tags[static_cast<std::size_t>(IndicatorKind::pattern)];
    told.terms = terms;
    return told;
}

}  // namespace

void ApplianceLink::status(LinkStatus* status) {
    *status = {};
    put_text(version, status->version);
    status->started_s = parts_.started_s;
    status->pid = static_cast<std::uint64_t>(getpid());
    status->policy_generation = parts_.options->policy_generation;
    const JournalStatus journal = parts_.journal->status();
    status->journal_sequence = journal.durable_sequence;
    status->journal_errors = journal.errors;
    status->workers = parts_.options->workers;
    status->flows_max = parts_.options->flows_max * parts_.options->workers;
    for (const auto& worker : *parts_.workers) {
        status->flows += worker->flows();
        status->flows_midstream += worker->flows_midstream();
        status->kept_bytes += worker->kept_bytes();
    }
    status->port_kind = parts_.options->port_kind;
    status->lab = parts_.options->lab;
    status->distrusted = parts_.distrusted->load(std::memory_order_relaxed) ? 1 : 0;
    status->xdp_attached = parts_.steer != nullptr;
    for (const Side side : {Side::client, Side::storage}) {
        if (parts_.watch != nullptr) status->ports[index_of(side)] = parts_.watch->state(side);
    }
    index_status(status);
    service_status(status);
}

void ApplianceLink::index_status(LinkStatus* status) const {
    const IndexHolder::Status held = parts_.index->status([&](const IndexImage& image) {
        const IndexView& view = image.view();
        status->generation = view.generation();
        status->indicators = view.indicator_count();
        status->index_loaded_s = image.loaded_s();
        status->index_is_lab = view.lab();
        status->index_memory = image.pages();
        for (std::size_t i = 0; i < view.section_count(); ++i)
            add_section(view.section(i), status);
        status->vector = vector_standing(view);
    });
    put_text(held.error, status->index_error);
    put_text(held.key_fault, status->key_fault);
    status->key_protection = held.key_protection;
    suspension_status(status);
}

void ApplianceLink::suspension_status(LinkStatus* status) const {
    const SuspensionHolder::Status held = parts_.suspensions->status();
    status->suspensions = held.in_force;
    status->suspensions_written_s = held.written_s;
    status->suspensions_refused = held.refused;
    put_text(held.error, status->suspensions_error);
    status->clock_step_s = parts_.clock_step_s->load(std::memory_order_relaxed);
}

// As old as the workers take it for.
void ApplianceLink::add_section(const SectionView& section, LinkStatus* status) const {
    const std::uint64_t now_s = read_clock(CLOCK_REALTIME) / ns_per_s;
    const SectionTerms terms = parts_.suspensions->aged(section.name, section.terms);
    status->sections[status->section_count++] = section_status(section, terms, now_s);
    for (std::size_t k = 0; k < indicator_kind_count; ++k) {
        status->kinds[k].indicators += section.kind_tags[k];
        status->kinds[k].with_size += section.kind_tags_sized[k];
        status->kinds[k].with_head += section.kind_tags_headed[k];
    }
}

// As a worker decides it, for a service that enforces.
VectorStanding ApplianceLink::vector_standing(const IndexView& view) const {
    const std::uint64_t now_s = read_clock(CLOCK_REALTIME) / ns_per_s;
    Match matches[limits::sections_max];
    const std::size_t found = view.lookup(IndicatorKind::sha256, Bytes(test_vector_sha256), now_s,
                                          matches, limits::sections_max);
    auto action = MatchAction::suspended;
    for (std::size_t n = 0; n < found; ++n) {
        const Match& match = matches[n];
        const SectionView section = view.section(match.section);
        const Strength strength = strength_of(KindSet{match.kind}, match.flags);
        action = stronger(
            action,
            restrained(
                action_for(strength, section.ceiling, match.flags, ServiceMode::enforce, false),
                strength, parts_.suspensions->aged(section.name, section.terms),
                parts_.suspensions->mode_of(
                    {section.name, match.reference, match.source, match.added}, now_s),
                now_s));
    }
    if (found == 0) return VectorStanding::unlisted;
    if (action == MatchAction::suspended) return VectorStanding::suspended;
    return action == MatchAction::block ? VectorStanding::blocks : VectorStanding::reports;
}

void ApplianceLink::service_status(LinkStatus* status) const {
    status->service_count = parts_.options->service_count;
    for (std::uint32_t i = 0; i < status->service_count; ++i) {
        LinkService& service = status->services[i];
        const ServiceState state = parts_.modes->get(i);
        std::memcpy(service.name, parts_.options->services[i].name, sizeof service.name);
        service.mode = state.mode;
        service.fail = parts_.options->services[i].fail;
        service.bypass_until_s = state.bypass_until_s;
        policy_status(i, &service);
        if (parts_.steer == nullptr) continue;
        const steer_tally bypassed = parts_.steer->bypassed(i);
        service.bypassed_bytes = bypassed.bytes;
        service.bypassed_packets = bypassed.frames;
    }
}

void ApplianceLink::policy_status(std::uint32_t number, LinkService* service) const {
    const ServiceOptions& options = parts_.options->services[number];
    service->on_tls = options.on_tls;
    service->on_unparsable = options.on_unparsable;
    service->on_midstream = options.on_midstream;
    service->on_limit = options.on_limit;
    service->dismiss = options.dismiss;
    service->asymmetric_last_s = parts_.directions->last_s(number);
    for (const auto& worker : *parts_.workers) {
        const auto& decided = worker->counters().services[number].policies;
        for (std::size_t about = 0; about < policy_case_count; ++about)
            for (std::size_t result = 0; result < policy_result_count; ++result)
                service->policies[about][result] += decided[about][result].read();
    }
}

void ApplianceLink::counters(LinkCounters* counters) {
    *counters = {};
    for (const auto& worker : *parts_.workers) {
        add_worker(worker->counters(), counters);
        counters->open_bytes += worker->object_bytes_open();
    }
    counters->outcomes[static_cast<std::size_t>(Outcome::deny_failed)] +=
        parts_.journal->status().deny_failed;
    counters->service_count = parts_.options->service_count;
    for (std::uint32_t i = 0; i < counters->service_count; ++i)
        add_service(i, &counters->services[i]);
    if (parts_.steer != nullptr) add_kernel(counters);
    for (const Side side : {Side::client, Side::storage}) {
        const PortDrops drops = parts_.ports->drops(side);
        counters->port[index_of(side)] = {drops.missed + drops.handed, drops.errors, drops.chained};
    }
}

void ApplianceLink::add_worker(const Counters& from, LinkCounters* sum) const {
    for (std::size_t i = 0; i < outcome_count; ++i)
        sum->outcomes[i] += from.outcomes[i].read();
    for (std::size_t i = 0; i < frame_class_count; ++i)
        add(&sum->frames[i], from.frames[i]);
    for (std::size_t i = 0; i < object_class_count; ++i)
        add(&sum->objects[i], from.objects[i]);
    for (std::size_t i = 0; i < content_type_count; ++i) {
        for (std::size_t verdict = 0; verdict < type_verdict_count; ++verdict)
            add(&sum->types[i][verdict], from.types[i][verdict]);
    }
    sum->body_bytes += from.body_bytes.read();
    sum->unframed_bytes += from.unframed_bytes.read();
    for (std::size_t i = 0; i < 2; ++i) {
        add(&sum->received[i], from.received[i]);
        add(&sum->transmitted[i], from.transmitted[i]);
    }
}

void ApplianceLink::add_service(std::uint32_t number, LinkServiceCounters* sum) const {
    std::memcpy(sum->name, parts_.options->services[number].name, sizeof sum->name);
    for (const auto& worker : *parts_.workers) {
        const ServiceCounters& from = worker->counters().services[number];
        for (std::size_t i = 0; i < object_class_count; ++i)
            add(&sum->objects[i], from.objects[i]);
        for (std::size_t i = 0; i < service_verdict_count; ++i)
            add(&sum->verdicts[i], from.verdicts[i]);
        for (std::size_t i = 0; i < latency_class_count; ++i)
            sum->latency[i] += from.verdict_latency.classes[i].read();
        sum->latency_sum_ns += from.verdict_latency.sum_ns.read();
    }
}

// Frames that the kernel settled itself. What went to a worker is counted there; what the fast
// layer left alone is counted by the net below.
void ApplianceLink::add_kernel(LinkCounters* sum) const {
    struct Meaning {
        steer_class from;
        std::size_t to;
        bool forwarded;
    };
    static const Meaning meanings[] = {
        {steer_bridged, frame_class(FrameClass::not_protected), true},
        {steer_shunted, frame_class(FrameClass::dismissed), true},
        {steer_shunted_ack, frame_class(FrameClass::control), true},
        {steer_bypassed, frame_class(UninspectedReason::bypassed), true},
        {steer_closed_control, frame_class(UninspectedReason::bypassed), true},
        {steer_unclear_bridged, frame_class(UninspectedReason::bypassed), true},
        {steer_denied_dropped, frame_class(FrameClass::dropped), false},
        {steer_refused, frame_class(FrameClass::dropped), false},
        {steer_unclear_refused, frame_class(FrameClass::dropped), false},
    };
    const SteerCounters kernel = parts_.steer->counters();
    for (std::size_t layer = 0; layer < steer_layer_count; ++layer) {
        for (const Meaning& meaning : meanings) {
            for (std::size_t from = 0; from < 2; ++from) {
                const steer_tally& tally = kernel.tally[layer][meaning.from][from];
                add(&sum->frames[meaning.to], tally);
                add(&sum->received[from], tally);
                if (meaning.forwarded) add(&sum->transmitted[1 - from], tally);
            }
        }
    }
}

void ApplianceLink::unlisted(LinkUnlisted* unlisted) {
    *unlisted = {};
    if (parts_.steer == nullptr) return;
    for (const SteerDestination& seen : parts_.steer->unlisted(std::size(unlisted->destinations))) {
        LinkDestination& told = unlisted->destinations[unlisted->count++];
        std::memcpy(told.address, seen.destination.address, sizeof told.address);
        told.port = seen.destination.port;
        told.packets = seen.tally.frames;
        told.bytes = seen.tally.bytes;
    }
}

Result<void> ApplianceLink::load_index(const std::string& path) {
    const Result<void> loaded = parts_.index->load(path, read_clock(CLOCK_REALTIME) / ns_per_s);
    if (!loaded) return loaded;
    for (int waited = 0; waited < index_wait_ms; ++waited) {
        if (parts_.index->settled()) return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return failure(ErrorCode::timeout, "a worker has not taken over the new index yet");
}

void ApplianceLink::distrust(std::string_view why) {
    std::fprintf(stderr, "alarm: this process feeds its watchdog no more: %.*s\n",
                 static_cast<int>(why.size()), why.data());
    parts_.distrusted->store(true, std::memory_order_relaxed);
}

Result<void> ApplianceLink::set_mode(std::string_view service, ServiceMode mode,
                                     std::uint64_t bypass_until_s) {
    const std::uint64_t now_ns = read_clock(CLOCK_REALTIME);
    if (mode == ServiceMode::bypass && bypass_until_s <= now_ns / ns_per_s) {
        return failure(ErrorCode::usage, "mode bypass needs an end that lies ahead");
    }
    const ServiceOptions* first = parts_.options->services;
    const ServiceOptions* last = first + parts_.options->service_count;
    const ServiceOptions* found = std::find_if(
        first, last, [&](const ServiceOptions& known) { return service == known.name; });
    if (found == last) {
        return failure(ErrorCode::refused, "there is no service " + std::string(service));
    }
    const auto number = static_cast<std::size_t>(found - first);
    ModeRecord change{};
    change.time_ns = now_ns;
    std::memcpy(change.service, found->name, sizeof change.service);
    change.from = static_cast<std::uint8_t>(parts_.modes->get(number).mode);
    change.to = static_cast<std::uint8_t>(mode);
    const Result<void> recorded = parts_.events->record_mode(change);
    if (!recorded) return recorded;
    parts_.modes->set(number, {mode, mode == ServiceMode::bypass ? bypass_until_s : 0});
    return {};
}

}  // namespace cordon
