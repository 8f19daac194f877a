#include "control/daemon/selftest_verdict.h"

#include <algorithm>
#include <cstring>

#include "control/config/names.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::size_t control_way = static_cast<std::size_t>(ProbeWay::control);

template <std::size_t N>
std::string text_of(const char (&text)[N]) {
    return {text, ::strnlen(text, N)};
}

const LinkService* service_of(const SelftestFacts& facts) {
    if (facts.dataplane == nullptr) return nullptr;
    for (std::uint32_t n = 0; n < facts.dataplane->service_count; ++n)
        if (facts.service == facts.dataplane->services[n].name)
            return &facts.dataplane->services[n];
    return nullptr;
}

// Why a vector may have been stored.
SelftestResult judge_stored(const SelftestFacts& facts) {
    const LinkService* service = service_of(facts);
    if (service == nullptr || service->mode == ServiceMode::bypass)
        return SelftestResult::not_inspected;
    const VectorStanding standing = facts.dataplane->vector;
    if (standing == VectorStanding::unlisted || standing == VectorStanding::suspended)
        return SelftestResult::unlisted;
    if (service->mode == ServiceMode::enforce && standing == VectorStanding::blocks)
        return SelftestResult::passed;
    return facts.released ? SelftestResult::observed : SelftestResult::around;
}

SelftestResult judge_refused(const SelftestFacts& facts, std::size_t way) {
    const ProbeFinding& finding = facts.probed.findings[way];
    if (finding.case_number[0] == '\0') return SelftestResult::unproven;
    const std::optional<RecordedVector>& record = facts.records[way];
    if (!record || !record->is_test || record->service != facts.service ||
        record->action != MatchAction::block)
        return SelftestResult::around;
    const bool replaces = way == static_cast<std::size_t>(ProbeWay::replacing);
    switch (finding.left) {
        case ProbeLeft::unknown:
            return SelftestResult::unlooked;
        case ProbeLeft::nothing:
            return replaces ? SelftestResult::kept : SelftestResult::ok;
        case ProbeLeft::before:
            return SelftestResult::ok;
        case ProbeLeft::part:
            return SelftestResult::kept;
        case ProbeLeft::all:
            return SelftestResult::kept_whole;
    }
    return SelftestResult::unlooked;
}

SelftestResult judge_control(const ProbeFinding& control) {
    if (control.answer == ProbeAnswer::none) return SelftestResult::unreachable;
    if (control.answer != ProbeAnswer::stored) return SelftestResult::not_stored;
    if (control.left == ProbeLeft::unknown) return SelftestResult::unlooked;
    return control.left == ProbeLeft::all ? SelftestResult::ok : SelftestResult::not_stored;
}

SelftestResult judge_way(const SelftestFacts& facts, std::size_t way) {
    const ProbeFinding& finding = facts.probed.findings[way];
    if (way == control_way) return judge_control(finding);
    switch (finding.answer) {
        case ProbeAnswer::stored:
            return judge_stored(facts);
        case ProbeAnswer::refused:
            return judge_refused(facts, way);
        case ProbeAnswer::none:
        case ProbeAnswer::failed:
            break;
    }
    return SelftestResult::unreachable;
}

// The first that says so.
const ProbeFinding& finding_of(const SelftestFacts& facts, const SelftestVerdict& verdict) {
    for (std::size_t way = 0; way < probe_way_count; ++way)
        if (facts.probed.findings[way].tried != 0 && verdict.ways[way] == verdict.result)
            return facts.probed.findings[way];
    return facts.probed.findings[control_way];
}

std::string answer_text(const ProbeFinding& finding) {
    const std::string detail = text_of(finding.detail);
    if (!detail.empty()) return detail;
    return "the service answered " + std::to_string(finding.http_status);
}

std::string not_inspected_text(const SelftestFacts& facts) {
    const LinkService* service = service_of(facts);
    if (facts.dataplane == nullptr)
        return "The vector was stored: the dataplane does not answer, and the kernel lets uploads "
               "pass. `systemctl status cordon-dataplane` says why.";
    if (service == nullptr)
        return "The vector was stored: the dataplane has no such service. Restart "
               "cordon-dataplane.";
    return "The vector was stored: the service is in mode bypass. `cordonctl bypass " +
           facts.service + " --end` ends it.";
}

std::string unlisted_text(const SelftestFacts& facts) {
    if (facts.dataplane->vector == VectorStanding::suspended)
        return "The vector was stored: it is suspended in every list in force, so that this test "
               "proves nothing. `cordonctl feed status` names the suspensions.";
    return "The vector was stored: no list in force has it, so that this test proves nothing. The "
           "Centre lists it with `cordon-feed vector` and `cordon-feed import --category test`; "
           "`cordonctl feed sync` brings it.";
}

std::string text_for(const SelftestFacts& facts, const SelftestVerdict& verdict) {
    const ProbeFinding& finding = finding_of(facts, verdict);
    switch (verdict.result) {
        case SelftestResult::ok:
            return "The vector is refused, nothing of it is on the storage, and a clean file goes "
                   "through.";
        case SelftestResult::kept:
            return "The vector is refused, but the storage has something of it: known files end "
                   "there without their last bytes.";
        case SelftestResult::unlooked:
            return "The vector is refused. What the storage has of it is not known: " +
                   answer_text(finding) + ".";
        case SelftestResult::unproven:
            return "The vector is refused, but without a case number: by the storage itself (may "
                   "the user of the credentials write there?), or because too many vectors came "
                   "of late (test_unrecorded in `cordonctl coverage`).";
        case SelftestResult::observed:
            return "The vector was recognised and recorded, and stored as it is told to be: the "
                   "service observes, or the list only reports.";
        case SelftestResult::unlisted:
            return unlisted_text(facts);
        case SelftestResult::unreachable:
            return "The service was not reached: " + answer_text(finding) + ".";
        case SelftestResult::wrong_setup:
            return "The test could not begin: " + text_of(facts.probed.error) + ".";
        case SelftestResult::not_stored:
            return "A clean file is not stored either: " + answer_text(finding) +
                   ". Is `folder` there, and may the user of the credentials write to it?";
        case SelftestResult::kept_whole:
            return "The vector is refused, and yet all of it is on the storage: it had it by "
                   "another way, or wrote what it never got.";
        case SelftestResult::around:
            return "What answered is not this appliance, or the upload went around it: nothing of "
                   "it is on record here. Does the way from cordon-verifier to the endpoint pass "
                   "the client port?";
        case SelftestResult::not_inspected:
            return not_inspected_text(facts);
        case SelftestResult::passed:
            return "The vector was stored, while the dataplane says that it inspects this service "
                   "and would block it: known files pass. Look at `cordonctl status` and at the "
                   "way of the traffic.";
    }
    return "";
}

// Of vectors that this appliance stopped.
std::string storage_text(const SelftestFacts& facts, const SelftestVerdict& verdict) {
    std::uint64_t most = 0;
    bool stopped = false, keeps = false, destroys = false;
    for (std::size_t way = 0; way < probe_way_count; ++way) {
        const ProbeFinding& finding = facts.probed.findings[way];
        if (way == control_way || finding.tried == 0) continue;
        if (verdict.ways[way] != SelftestResult::ok && verdict.ways[way] != SelftestResult::kept)
            continue;
        stopped = true;
        keeps = keeps || finding.left == ProbeLeft::part;
        destroys = destroys || verdict.ways[way] == SelftestResult::kept;
        if (finding.left == ProbeLeft::part) most = std::max(most, finding.left_bytes);
    }
    if (!stopped) return "";
    if (keeps)
        return "keeps what it got of a cut write: " + std::to_string(most) + " of " +
               std::to_string(facts.probed.findings[control_way].left_bytes) + " bytes";
    return destroys ? "abandons a cut write, and with it the file that was there before"
                    : "abandons cut writes";
}

const char* answer_name(ProbeAnswer answer) {
    switch (answer) {
        case ProbeAnswer::none:
            return "none";
        case ProbeAnswer::stored:
            return "stored";
        case ProbeAnswer::refused:
            return "refused";
        case ProbeAnswer::failed:
            return "failed";
    }
    return "unknown";
}

const char* left_name(ProbeLeft left) {
    switch (left) {
        case ProbeLeft::unknown:
            return "unknown";
        case ProbeLeft::nothing:
            return "nothing";
        case ProbeLeft::before:
            return "what was there before";
        case ProbeLeft::part:
            return "part";
        case ProbeLeft::all:
            return "all";
    }
    return "unknown";
}

json way_json(const SelftestFacts& facts, const SelftestVerdict& verdict, std::size_t way) {
    const ProbeFinding& finding = facts.probed.findings[way];
    const auto or_null = [](const std::string& text) {
        return text.empty() ? json(nullptr) : json(text);
    };
    return {{"way", probe_way_names[way]},
            {"result", name_of(verdict.ways[way])},
            {"answer", answer_name(finding.answer)},
            {"http_status", finding.http_status == 0 ? json(nullptr) : json(finding.http_status)},
            {"case", or_null(text_of(finding.case_number))},
            {"on_record", facts.records[way].has_value()},
            {"left", left_name(finding.left)},
            {"left_bytes", finding.left_bytes},
            {"deleted", finding.littered == 0},
            {"detail", or_null(text_of(finding.detail))}};
}

}  // namespace

std::string_view name_of(SelftestResult result) {
    static constexpr std::string_view names[] = {
#define X(name, code) #name,
        CORDON_SELFTEST_RESULTS(X)
#undef X
    };
    return names[static_cast<std::size_t>(result)];
}

int exit_code_of(SelftestResult result) {
    static constexpr int codes[] = {
#define X(name, code) code,
        CORDON_SELFTEST_RESULTS(X)
#undef X
    };
    return codes[static_cast<std::size_t>(result)];
}

SelftestVerdict judge_selftest(const SelftestFacts& facts) {
    SelftestVerdict verdict;
    verdict.result = SelftestResult::ok;
    bool tried = false;
    for (std::size_t way = 0; way < probe_way_count; ++way) {
        if (facts.probed.findings[way].tried == 0) continue;
        tried = true;
        verdict.ways[way] = judge_way(facts, way);
        verdict.result = std::max(verdict.result, verdict.ways[way]);
    }
    // Where a clean object is not stored, or nobody answers, a refusal proves nothing.
    if (facts.probed.error[0] != '\0')
        verdict.result = SelftestResult::wrong_setup;
    else if (!tried)
        verdict.result = SelftestResult::unreachable;
    verdict.text = text_for(facts, verdict);
    verdict.storage = storage_text(facts, verdict);
    return verdict;
}

nlohmann::json verdict_json(const SelftestFacts& facts, const SelftestVerdict& verdict) {
    json ways = json::array();
    for (std::size_t way = 0; way < probe_way_count; ++way)
        if (facts.probed.findings[way].tried != 0) ways.push_back(way_json(facts, verdict, way));
    return {{"result", name_of(verdict.result)},
            {"exit_code", exit_code_of(verdict.result)},
            {"text", verdict.text},
            {"storage", verdict.storage.empty() ? json(nullptr) : json(verdict.storage)},
            {"ways", ways}};
}

}  // namespace cordon
