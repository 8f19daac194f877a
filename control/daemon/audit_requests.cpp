// The audit trail in cordond: what operators change is on it before it is done; what cordond and
// the dataplane did by themselves, when it is noticed.

#include <algorithm>

#include "control/audit/audit_json.h"
#include "control/audit/audit_pages.h"
#include "control/config/names.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/incident_json.h"
#include "control/daemon/log.h"
#include "control/link/link_json.h"
#include "control/store/text.h"
#include "dataplane/base/time.h"

namespace cordon {

using nlohmann::json;

namespace {

constexpr std::uint64_t show_default = 50;
constexpr std::uint64_t show_max = 1000;

std::uint64_t number_of(const std::string& text) {
    return std::strtoull(text.c_str(), nullptr, 10);
}

}  // namespace

Result<void> Daemon::record(const Person& actor, std::string action, std::string what,
                            std::string reason, std::string ref) {
    if (!chain_broken_.empty()) {
        audit_broken_ = true;
        return failure(ErrorCode::integrity, chain_broken_);
    }
    const AuditEntry entry = {actor, std::move(action), std::move(what), std::move(reason),
                              std::move(ref)};
    const Result<void> written = audit_.append(entry, unix_seconds());
    audit_broken_ = !written && written.error().code == ErrorCode::integrity;
    const std::string before =
        std::exchange(audit_error_, written ? std::string() : written.error().message());
    if (!written && audit_error_ != before)
        log_line(LogLevel::error, "nothing can be changed: " + audit_error_);
    if (written)
        log_line(LogLevel::notice, "audit " + std::to_string(audit_.head().sequence) + ": " +
                                       entry.action + " by " + actor.name + " (" + actor.role +
                                       "): " + entry.what);
    return written;
}

void Daemon::record_after(const Person& actor, std::string action, std::string what,
                          std::string reason, std::string ref) {
    const Result<void> written =
        record(actor, std::move(action), std::move(what), std::move(reason), std::move(ref));
    if (!written) log_line(LogLevel::error, "not on record: " + written.error().message());
}

// Once a minute for each: who may change nothing must not be able to fill the trail.
void Daemon::record_refusal(const Person& actor, const std::string& what) {
    constexpr std::uint64_t again_s = 60;
    constexpr std::size_t known_max = 256;
    const std::uint64_t now = unix_seconds();
    if (refusals_.size() >= known_max)
        std::erase_if(refusals_, [now](const auto& one) { return one.second + again_s <= now; });
    std::uint64_t& last = refusals_[std::to_string(actor.uid) + " " + what];
    if (last + again_s > now) return;
    last = now;
    record_after(actor, "refused", what);
}

bool Daemon::recorded(ClientId client, const Request& request, std::string action, std::string what,
                      std::string reason) {
    const Result<void> written =
        record(request.actor(), std::move(action), std::move(what), std::move(reason));
    if (!written) answer(client, Failure(written.error()));
    return written.has_value();
}

json Daemon::trail_json() const {
    return {{"path", audit_.path()},
            {"sequence", audit_.head().sequence},
            {"head", audit_.head().hash},
            {"torn", audit_.torn()},
            {"files", audit_.closed() + 1},
            {"segment_problem",
             audit_.segment_problem().empty() ? json(nullptr) : json(audit_.segment_problem())},
            {"error", audit_error_.empty() ? json(nullptr) : json(audit_error_)}};
}

// --- what nobody asked for -----------------------------------------------------------------------

// While nothing can be recorded nothing is looked for: it is found later.
void Daemon::record_noticed() {
    if (!audit_error_.empty()) {
        if (audit_broken_) return;  // nothing mends it but a person
        record_after(cordond_itself(), "audit.resumed", "the audit trail is written again");
        if (!audit_error_.empty()) return;
    }
    record_store();
    const json followed = feeds_json();  // lives as long as the loop
    for (const json& feed : followed.at("feeds"))
        record_feed(feed);
    if (dataplane_ && audit_.newest("index") != std::to_string(dataplane_->generation))
        record_index();
}

void Daemon::record_index() {
    if (!dataplane_ || dataplane_->generation == 0) return;
    const std::string generation = std::to_string(dataplane_->generation);
    record_after(
        cordond_itself(), "index.in_force",
        "generation " + generation + ", " + std::to_string(dataplane_->indicators) + " indicators",
        "", "index=" + generation);
}

// Gaps, and what the dataplane itself wrote of changes of mode: also of those that did not come by
// cordond. A store that was begun anew counts from one again.
void Daemon::record_store() {
    if (news_asked_) return;
    const std::uint64_t last_gap = number_of(audit_.newest("gap"));
    const std::uint64_t last_mode = number_of(audit_.newest("mode"));
    const Result<void> asked = stores_->ask([=, this](StoreDesk::Stores& stores) {
        constexpr std::uint32_t batch = 8;  // each one waits for the disk
        Store& store = *stores.incidents;
        Result<std::vector<Gap>> gaps;
        Result<std::vector<ModeChange>> modes;
        if (const Result<StorePosition> newest = store.newest()) {
            gaps = store.gaps_after(batch, last_gap > newest->gap ? 0 : last_gap);
            modes =
                store.mode_changes_after(batch, last_mode > newest->mode_change ? 0 : last_mode);
        }
        return StoreDesk::Answer([this, gaps = std::move(gaps), modes = std::move(modes)] {
            news_asked_ = false;
            if (gaps && modes && audit_error_.empty()) record_news(*gaps, *modes);
        });
    });
    news_asked_ = asked.has_value();
}

void Daemon::record_news(const std::vector<Gap>& gaps, const std::vector<ModeChange>& modes) {
    for (const Gap& gap : gaps) {
        record_after(cordond_itself(), "gap",
                     "service " + gap.service + ": " + std::to_string(gap.bytes) +
                         " bytes passed without the dataplane (" +
                         std::string(gap_reason_name(gap.reason)) + ") from " + gap.from + " to " +
                         gap.to,
                     "", "gap=" + std::to_string(gap.id));
    }
    for (const ModeChange& change : modes) {
        record_after(cordond_itself(), "mode.changed",
                     "service " + change.service + ": " +
                         std::string(name_of(static_cast<ServiceMode>(change.from))) + " to " +
                         std::string(name_of(static_cast<ServiceMode>(change.to))) +
                         ", by the dataplane's own record of " + change.time,
                     "", "mode=" + std::to_string(change.id));
    }
}

// Who answers for a list from now on: matches say it.
void Daemon::name_list(const std::string& list, const std::string& curator,
                       const std::string& legal_basis) {
    const std::pair who(curator, legal_basis);
    const auto told = named_lists_.find(list);
    if (told != named_lists_.end() && told->second == who) return;
    // What comes into the store later holds from now on all the same.
    const std::uint64_t now_ns = unix_seconds() * ns_per_s;
    const Result<void> asked = stores_->ask([=, this](StoreDesk::Stores& stores) {
        const auto kept =
            stores.incidents->set_list_rights({list, curator, legal_basis, 0}, now_ns);
        return StoreDesk::Answer([=, this] {
            if (kept) return;
            named_lists_.erase(list);  // again at the next turn
            log_line(LogLevel::error, kept.error().message());
        });
    });
    if (asked) named_lists_[list] = who;
}

void Daemon::record_feed(const json& feed) {
    if (!feed.at("polled").is_string()) return;
    const std::string name = feed.at("name").get<std::string>();
    const auto note = [&](const char* what, const std::string& value, const std::string& words) {
        const std::string key = "feed." + name + "." + what;
        if (audit_.newest(key) == value || (value == "0" && audit_.newest(key).empty())) return;
        record_after(cordond_itself(), std::string("feed.") + what, "feed " + name + ": " + words,
                     "", key + "=" + value);
    };
    const json& in_force = feed.at("in_force");
    if (in_force.is_object()) {
        const std::string number = in_force.at("generation").dump();
        note("generation", number,
             "generation " + number + " is in force, " + in_force.at("records").dump() +
                 " indicators");
    }
    const std::string suspended = std::to_string(feed.at("suspensions").size());
    note("suspensions", suspended, suspended + " suspensions");
    const json& rights = feed.at("rights");
    const std::string by = rights.at("by").get<std::string>();
    note("rights", by == "nobody" ? "0" : by, "it blocks by the word of " + by);
    const bool named = by == "operators";
    name_list(name, named ? rights.at("curator").get<std::string>() : "",
              named ? rights.at("legal_basis").get<std::string>() : "");
    const json& grant = feed.at("grant");
    if (grant.is_object())
        note("key", grant.at("serial").dump(), "keys of grant " + grant.at("serial").dump());
}

// --- requests ------------------------------------------------------------------------------------

// The newest records, oldest first; `before` goes on with older ones.
void Daemon::on_audit_show(ClientId client, std::uint32_t, Request* request) {
    AuditQuery query;
    query.limit = request->number("limit", show_default, show_max);
    query.before = request->number("before", 0, INT64_MAX);
    const std::uint64_t since_s = request->number("since", 0, INT64_MAX);
    query.name = request->text("name");
    query.action = request->text("action");
    if (!fields_are_right(client, *request)) return;
    if (since_s != 0) query.since = utc_time(since_s);
    answer_from_trail(client, [query, problem = chain_broken_](const AuditTrail& trail) {
        return read_audit_page(trail, query).map([&problem](const AuditPage& page) {
            json records = json::array();
            for (const AuditRecord& record : page.records)
                records.push_back(audit_record_json(record));
            const std::string& broken = problem.empty() ? page.broken : problem;
            return json{{"records", records},
                        {"before", page.before == 0 ? json(nullptr) : json(page.before)},
                        {"broken", broken.empty() ? json(nullptr) : json(broken)}};
        });
    });
}

// A long trail takes minutes: it goes on in steps, and audit.check tells how far it is.
void Daemon::on_audit_verify(ClientId client, std::uint32_t, Request* request) {
    const std::string wanted = request->text("head");
    if (!fields_are_right(client, *request)) return;
    answer(client, begin_audit_run(wanted).map([](std::uint64_t id) {
        return json{{"check", id}};
    }));
}

void Daemon::on_audit_check(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t id = request->number("check", 0, INT64_MAX);
    if (!fields_are_right(client, *request)) return;
    const AuditRun* run = find_audit_run(id);
    step_audit_runs();
    if (run == nullptr)
        return answer(client,
                      failure(ErrorCode::refused, "nobody remembers a check " + std::to_string(id) +
                                                      " of the audit trail (any more)"));
    answer(client, audit_run_json(*run));
}

// --- all of the trail ----------------------------------------------------------------------------

Result<std::uint64_t> Daemon::begin_audit_run(const std::string& wanted) {
    if (audit_runs_.size() == AuditRun::max) {
        if (!audit_runs_.front().done)
            return failure(ErrorCode::refused, "the audit trail is being checked already");
        audit_runs_.pop_front();
    }
    Result<AuditTrail> trail = open_audit_trail(audit_.path());
    if (!trail) return Failure(trail.error());
    // What this process wrote last is a head that was kept elsewhere.
    const AuditHead own = audit_.head();
    const auto has_own = std::make_shared<bool>(own.sequence == 0);
    auto checker = std::make_shared<AuditChecker>(
        std::move(*trail), wanted, [has_own, own](const AuditRecord& record) {
            *has_own = *has_own || record.hash == own.hash;
        });
    const std::uint64_t id = next_audit_run_++;
    audit_runs_.push_back({id, std::move(checker), wanted, own.sequence, has_own});
    step_audit_runs();
    return id;
}

// Where the reader has no room it is tried at the next look at a run, or tick.
void Daemon::step_audit_runs() {
    const auto next = std::find_if(audit_runs_.begin(), audit_runs_.end(),
                                   [](const AuditRun& run) { return !run.done; });
    if (audit_stepping_ || next == audit_runs_.end()) return;
    audit_stepping_ = trail_reader_->ask([this, id = next->id, checker = next->checker] {
        const bool more = checker->step();
        return SideThread::Answer([this, id, more, bytes = checker->bytes_done()] {
            audit_stepping_ = false;
            if (AuditRun* run = find_audit_run(id)) {
                run->bytes_done = bytes;
                run->done = !more;
                if (run->done) end_audit_run(*run);
            }
            step_audit_runs();
        });
    });
}

void Daemon::end_audit_run(const AuditRun& run) {
    if (run.id != own_audit_run_ || run.checker->found().broken.empty()) return;
    chain_broken_ = "the audit trail is broken: " + run.checker->found().broken;
    audit_error_ = chain_broken_;
    audit_broken_ = true;
    log_line(LogLevel::error, "nothing can be changed: " + chain_broken_);
}

Daemon::AuditRun* Daemon::find_audit_run(std::uint64_t id) {
    for (AuditRun& run : audit_runs_)
        if (run.id == id) return &run;
    return nullptr;
}

json Daemon::audit_run_json(const AuditRun& run) const {
    json result = nullptr;
    if (run.done) {
        result = audit_check_json(run.checker->found(), run.wanted);
        if (!*run.has_own && result["problem"].is_null())
            result["problem"] =
                "records are missing at the end: cordond itself wrote up to record " +
                std::to_string(run.own_sequence);
    }
    return {{"done", run.done},
            {"bytes", run.checker->bytes()},
            {"bytes_done", run.bytes_done},
            {"result", result}};
}

}  // namespace cordon
