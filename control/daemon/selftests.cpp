#include "control/daemon/selftests.h"

#include <algorithm>
#include <utility>

#include "control/link/link_json.h"
#include "control/store/store.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint8_t bit_of(ProbeWay way) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(way));
}
constexpr std::uint8_t all_ways = (1u << probe_way_count) - 1;
constexpr std::uint8_t canary_ways = bit_of(ProbeWay::control) | bit_of(ProbeWay::sized);

bool stored_a_vector(const SelftestFacts& facts) {
    for (std::size_t way = 0; way < probe_way_count; ++way)
        if (way != static_cast<std::size_t>(ProbeWay::control) &&
            facts.probed.findings[way].answer == ProbeAnswer::stored)
            return true;
    return false;
}

json time_or_null(std::uint64_t ns) {
    return ns == 0 ? json(nullptr) : json(iso_time(ns));
}

}  // namespace

// --- the board -----------------------------------------------------------------------------------

void SelftestBoard::order(SelftestOrder order) {
    const std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
}

void SelftestBoard::withdraw(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    std::erase_if(orders_, [id](const SelftestOrder& order) { return order.id == id; });
}

std::vector<VerifyProbed> SelftestBoard::take_results() {
    const std::lock_guard lock(mutex_);
    return std::exchange(results_, {});
}

std::optional<SelftestOrder> SelftestBoard::take() {
    const std::lock_guard lock(mutex_);
    if (orders_.empty()) return std::nullopt;
    SelftestOrder order = std::move(orders_.front());
    orders_.pop_front();
    return order;
}

void SelftestBoard::put(const VerifyProbed& result) {
    const std::lock_guard lock(mutex_);
    if (results_.size() < Selftests::runs_max) results_.push_back(result);
}

// --- runs ----------------------------------------------------------------------------------------

// A canary that went on keeps what is known of it.
void Selftests::use(std::span<const TestedService> services, std::uint64_t now_ms) {
    std::map<std::string, Canary> kept;
    for (const TestedService& service : services) {
        Canary canary;
        if (const auto found = canaries_.find(service.name); found != canaries_.end())
            canary = std::move(found->second);
        else
            canary.next_ms = now_ms;
        canary.settings = service;
        canary.standing.service = service.name;
        canary.standing.every_seconds = service.canary_seconds;
        canary.next_ms =
            std::min(canary.next_ms, now_ms + std::uint64_t{service.canary_seconds} * 1000);
        kept.emplace(service.name, std::move(canary));
    }
    canaries_ = std::move(kept);
}

Result<std::uint64_t> Selftests::start(const std::string& service, bool canary,
                                       const SelftestSeen& seen) {
    if (!canaries_.contains(service))
        return failure(ErrorCode::config, "service " + service +
                                              " has no `selftest` in its configuration; "
                                              "cordon.toml(5) says what it needs");
    if (runs_.size() >= runs_max) {
        const auto old =
            std::find_if(runs_.begin(), runs_.end(), [](const Run& run) { return run.done; });
        if (old == runs_.end())
            return failure(ErrorCode::refused, "too many self-tests are under way; try again");
        runs_.erase(old);
    }
    Run run{.id = next_id_++,
            .canary = canary,
            .started_ms = seen.now_ms,
            .started_ns = seen.now_ns,
            .facts = {},
            .verdict = {}};
    run.facts.service = service;
    board_.order({run.id, service, canary ? canary_ways : all_ways});
    runs_.push_back(std::move(run));
    return runs_.back().id;
}

// Not before there is somebody to do it; when nobody comes, that is the verdict.
void Selftests::begin_canaries(const SelftestSeen& seen) {
    for (auto& [service, canary] : canaries_) {
        const std::uint64_t every_ms = std::uint64_t{canary.settings.canary_seconds} * 1000;
        if (every_ms == 0 || canary.under_way || seen.now_ms < canary.next_ms) continue;
        const bool late = seen.now_ms >= canary.next_ms + every_ms;
        if ((!seen.verifier || seen.dataplane == nullptr) && !late) continue;
        if (!start(service, true, seen)) continue;
        canary.under_way = true;
        canary.next_ms = seen.now_ms + every_ms;
    }
}

std::string Selftests::turn(const SelftestSeen& seen) {
    begin_canaries(seen);
    for (const VerifyProbed& result : board_.take_results()) {
        for (Run& run : runs_) {
            if (run.id != result.id || run.done) continue;
            run.facts.probed = result;
            run.probed_ms = seen.now_ms;
        }
    }
    std::string trip;
    for (Run& run : runs_) {
        if (run.done) continue;
        const std::uint64_t age_ms = seen.now_ms - run.started_ms;
        if (run.probed_ms != 0) {
            const bool all = gather(&run, seen);
            if (!all && seen.now_ms - run.probed_ms < record_ms_max) continue;
            run.verdict = judge_selftest(run.facts);
        } else if (!seen.verifier && age_ms >= verifier_ms_max) {
            give_up(&run,
                    "The test was not made: cordon-verifier, which uploads the vector, is "
                    "not there. `systemctl status cordon-verifier` says why.");
        } else if (age_ms >= run_ms_max) {
            give_up(&run, "The test did not end in time: cordon-verifier does not answer.");
        } else {
            continue;
        }
        run.done = true;
        run.facts.dataplane = nullptr;  // of this turn only
        if (const std::string why = note(run, seen); trip.empty()) trip = why;
    }
    return trip;
}

SelftestQuestions Selftests::questions() const {
    SelftestQuestions asked;
    for (const Run& run : runs_) {
        if (run.done || run.probed_ms == 0) continue;
        for (const ProbeFinding& finding : run.facts.probed.findings)
            if (finding.case_number[0] != '\0') asked.cases.emplace_back(finding.case_number);
        if (stored_a_vector(run.facts))
            asked.released.emplace_back(run.facts.service, run.started_ns);
    }
    return asked;
}

// False: a record may still come from the journal.
bool Selftests::gather(Run* run, const SelftestSeen& seen) const {
    SelftestFacts& facts = run->facts;
    facts.dataplane = seen.dataplane;
    bool all = true;
    for (std::size_t way = 0; way < probe_way_count; ++way) {
        const ProbeFinding& finding = facts.probed.findings[way];
        if (finding.case_number[0] == '\0') continue;
        const auto found = seen.answers.records.find(finding.case_number);
        if (found != seen.answers.records.end()) facts.records[way] = found->second;
        all = all && facts.records[way].has_value();
    }
    if (!stored_a_vector(facts)) return all;
    facts.released = seen.answers.released.contains({facts.service, run->started_ns});
    return all && facts.released;
}

void Selftests::give_up(Run* run, const char* why) {
    board_.withdraw(run->id);
    run->verdict.result = SelftestResult::unreachable;
    run->verdict.text = why;
}

// What this verdict makes of the standing of its service.
std::string Selftests::note(const Run& run, const SelftestSeen& seen) {
    const auto found = canaries_.find(run.facts.service);
    if (found == canaries_.end()) return "";
    Canary& canary = found->second;
    CanaryStanding& standing = canary.standing;
    const SelftestResult result = run.verdict.result;
    if (run.canary) {
        canary.under_way = false;
        const bool same = standing.time_ns != 0 && result == standing.result;
        standing.failures = result == SelftestResult::ok ? 0 : same ? standing.failures + 1 : 1;
    } else if (result != standing.result) {
        standing.failures = 0;
    }
    standing.time_ns = seen.now_ns;
    standing.result = result;
    standing.text = run.verdict.text;
    if (!run.verdict.storage.empty()) standing.storage = run.verdict.storage;
    if (result == SelftestResult::ok || result == SelftestResult::kept) {
        standing.proven_ns = seen.now_ns;
        canary.tripped = false;
    }
    const bool trips = run.canary && canary.settings.trips_watchdog && !canary.tripped &&
                       result == SelftestResult::passed && standing.failures >= trip_after &&
                       standing.proven_ns != 0;
    if (!trips) return "";
    canary.tripped = true;
    return "canary of service " + run.facts.service + ": " + std::to_string(standing.failures) +
           " vectors in a row were stored";
}

// --- told ----------------------------------------------------------------------------------------

json Selftests::run_json(std::uint64_t id) const {
    for (const Run& run : runs_) {
        if (run.id != id) continue;
        json told = {{"id", run.id},
                     {"service", run.facts.service},
                     {"started", iso_time(run.started_ns)},
                     {"done", run.done}};
        if (run.done) told["verdict"] = verdict_json(run.facts, run.verdict);
        return told;
    }
    return nullptr;
}

json Selftests::status_json() const {
    json services = json::array();
    for (const auto& [name, canary] : canaries_) {
        const CanaryStanding& s = canary.standing;
        services.push_back({{"service", name},
                            {"canary_seconds", s.every_seconds},
                            {"time", time_or_null(s.time_ns)},
                            {"proven", time_or_null(s.proven_ns)},
                            {"result", s.time_ns == 0 ? json(nullptr) : json(name_of(s.result))},
                            {"failures", s.failures},
                            {"text", s.time_ns == 0 ? json(nullptr) : json(s.text)},
                            {"storage", s.storage.empty() ? json(nullptr) : json(s.storage)}});
    }
    return services;
}

}  // namespace cordon
