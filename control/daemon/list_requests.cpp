// What cordond answers about the operator's own list. It only reports, so one person may take from
// it; what comes in needs two, so that it is no private blacklist.

#include <algorithm>

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/log.h"
#include "control/link/link_json.h"
#include "dataplane/base/limits.h"

namespace cordon {

using nlohmann::json;
using sync::FeedQuestion;

namespace {

constexpr std::uint64_t number_max = INT64_MAX;

std::string origin_words(const LocalEntry& entry) {
    return std::string(local_origin_name(static_cast<std::uint32_t>(entry.origin))) + " " +
           entry.id;
}

// All that is in it but the digest, which stands on no disk.
std::string words_for(const LocalEntry& entry) {
    return "local list: " + origin_words(entry) + ": a file by its " +
           std::string(indicator_kind_name(entry.kind)) +
           (entry.size ? " and size (" + std::to_string(*entry.size) + " bytes)" : std::string()) +
           ", until " + utc_time(entry.until_s) + "; it only reports";
}

json payload_of(const LocalEntry& entry) {
    return {{"origin", static_cast<unsigned>(entry.origin)},
            {"id", entry.id},
            {"kind", static_cast<unsigned>(entry.kind)},
            {"tag", {entry.tag.high, entry.tag.low}},
            {"size", entry.size ? json(*entry.size) : json(nullptr)},
            {"until", entry.until_s}};
}

LocalEntry entry_of(const json& payload) {
    LocalEntry entry;
    entry.origin = static_cast<LocalOrigin>(payload.at("origin").get<unsigned>());
    entry.id = payload.at("id").get<std::string>();
    entry.kind = static_cast<IndicatorKind>(payload.at("kind").get<unsigned>());
    entry.tag = {payload.at("tag").at(0).get<std::uint64_t>(),
                 payload.at("tag").at(1).get<std::uint64_t>()};
    if (!payload.at("size").is_null()) entry.size = payload.at("size").get<std::uint64_t>();
    entry.until_s = payload.at("until").get<std::uint64_t>();
    return entry;
}

std::string ref_of(const LocalEntry& entry) {
    return "list.entry=" + std::to_string(entry.number);
}

}  // namespace

Result<LocalEntry> Daemon::wanted_entry(Request* request, LocalDigest* digest) const {
    const std::string text = request->text("digest");
    const std::string origin = request->text("origin");
    LocalEntry entry;
    entry.id = request->text("id");
    if (request->has("size")) entry.size = request->number("size", 0, number_max);
    const std::uint64_t seconds =
        request->number("seconds", LocalList::seconds_max, LocalList::seconds_max);
    if (const Result<void> right = request->check(); !right) return Failure(right.error());
    if (!feeds_)
        return failure(ErrorCode::refused,
                       "this appliance follows no feed, so its index is a file that somebody else "
                       "makes; a local list stands in an index that cordond makes");
    if (config_.feeds.feeds.size() >= limits::sections_max)
        return failure(ErrorCode::refused,
                       "the index is full of feeds: there is no room for a "
                       "local list");
    const auto known = local_origin_of(origin);
    if (!known)
        return failure(ErrorCode::usage, "the origin of an entry is order, hotline or case");
    const Result<LocalDigest> parsed = parse_local_digest(text);
    if (!parsed) return Failure(parsed.error());
    *digest = *parsed;
    entry.origin = *known;
    entry.kind = parsed->kind;
    entry.tag = local_.tag_of(*parsed);
    entry.until_s = unix_seconds() + seconds;
    if (const Result<void> may = local_.may_add(entry, unix_seconds()); !may)
        return Failure(may.error());
    return entry;
}

// The files of the system are looked through beside the loop, which takes minutes the first time:
// what is proposed waits at once, and nobody approves it before.
void Daemon::on_list_add(ClientId client, std::uint32_t, Request* request) {
    LocalWish wish;
    LocalDigest digest;
    wish.reason = request->text("reason");
    wish.actor = request->actor();
    const Result<LocalEntry> entry = wanted_entry(request, &digest);
    if (!entry) return answer(client, Failure(entry.error()));
    wish.entry = *entry;
    wish.entry.requester = wish.actor;
    FeedQuestion question = {client, FeedQuestion::What::known_file, "", "", {}};
    question.kind = digest.kind;
    question.digest = digest.bytes;
    if (two_persons()) return propose_entry(client, wish, std::move(question));
    // What is looked for now must be what is accepted then.
    if (local_wishes_.contains(client))
        return answer(client, failure(ErrorCode::refused, "one entry at a time"));
    if (const Result<void> asked = feeds_->ask(std::move(question)); !asked)
        return answer(client, Failure(asked.error()));
    local_wishes_[client] = std::move(wish);
}

void Daemon::propose_entry(ClientId client, const LocalWish& wish, FeedQuestion question) {
    Proposal proposal;
    proposal.kind = "list";
    proposal.what = words_for(wish.entry);
    proposal.payload = payload_of(wish.entry);
    proposal.requester = wish.actor;
    proposal.reason = wish.reason;
    proposal.trying = true;
    const Result<json> waits = propose(std::move(proposal));
    if (!waits) return answer(client, Failure(waits.error()));
    const std::string hash = waits->at("hash").get<std::string>();
    question.told = hash;
    if (const Result<void> asked = feeds_->ask(std::move(question)); !asked) {
        finish_trial(hash, Failure(asked.error()));
        return answer(client, Failure(asked.error()));
    }
    answer(client, *waits);
}

// By hash, of what was proposed; else of one person who waits.
void Daemon::finish_list_add(const sync::FeedAnswer& looked) {
    if (looked.question.told.is_string())
        return finish_trial(looked.question.told.get<std::string>(), looked.result);
    const auto found = local_wishes_.find(looked.client);
    if (found == local_wishes_.end()) return;
    const LocalWish wish = std::move(found->second);
    local_wishes_.erase(found);
    if (!looked.result) return answer(looked.client, Failure(looked.result.error()));
    const Result<void> written =
        record(wish.actor, "list.added", words_for(wish.entry) + "; by one person (approvers = 1)",
               wish.reason);
    if (!written) return answer(looked.client, Failure(written.error()));
    accept_entry(looked.client, wish.entry);
}

void Daemon::finish_trial(const std::string& hash, const Result<json>& looked) {
    if (local_trials_.size() == LocalTrial::max) local_trials_.pop_front();
    local_trials_.push_back({hash, looked ? std::string() : looked.error().message()});
    const Proposal* found = proposals_.find(hash);
    if (found == nullptr) return;  // somebody took it back meanwhile
    if (!looked)
        record_after(cordond_itself(), "list.refused",
                     looked.error().message() + "; " + found->what);
    const Result<void> kept = looked ? proposals_.tried(hash) : proposals_.remove(hash);
    if (!kept) log_line(LogLevel::error, kept.error().message());
}

// What came of the look at the files of the system, for who has asked for an entry.
void Daemon::on_list_trial(ClientId client, std::uint32_t, Request* request) {
    const std::string hash = request->text("hash");
    if (!fields_are_right(client, *request)) return;
    const auto found = std::find_if(local_trials_.rbegin(), local_trials_.rend(),
                                    [&hash](const LocalTrial& one) { return one.hash == hash; });
    const Proposal* waits = proposals_.find(hash);
    if (found != local_trials_.rend() && !found->problem.empty() && waits == nullptr)
        return answer(client, failure(ErrorCode::refused, found->problem));
    answer(client, json{{"trying", waits != nullptr && waits->trying}});
}

// The second person has the digest from the order itself: what he types must be what was asked for.
void Daemon::on_list_approve(ClientId client, std::uint32_t, Request* request) {
    const std::string hash = request->text("hash");
    const std::string text = request->text("digest");
    if (!fields_are_right(client, *request)) return;
    const std::optional<Proposal> proposal = approvable(client, *request, hash);
    if (!proposal) return;
    if (proposal->kind != "list")
        return answer(client,
                      failure(ErrorCode::usage,
                              "this is no entry of the local list: cordonctl approve HASH"));
    const Result<LocalDigest> digest = parse_local_digest(text);
    if (!digest) return answer(client, Failure(digest.error()));
    LocalEntry entry = entry_of(proposal->payload);
    if (digest->kind != entry.kind || local_.tag_of(*digest) != entry.tag) {
        record_refusal(request->actor(), "to approve " + hash + ": another digest");
        return answer(client, failure(ErrorCode::refused,
                                      "this is another digest than the one that was asked for: one "
                                      "of you has it wrong"));
    }
    if (const Result<void> may = local_.may_add(entry, unix_seconds()); !may)
        return answer(client, Failure(may.error()));
    if (!taken(client, *request, *proposal)) return;
    entry.requester = proposal->requester;
    entry.approver = request->actor();
    accept_entry(client, entry);
}

// On record already; durable before the answer.
void Daemon::accept_entry(ClientId client, const LocalEntry& entry) {
    const Result<LocalEntry> added = local_.add(entry, unix_seconds());
    if (!added) return answer(client, Failure(added.error()));
    record_after(
        cordond_itself(), "list.entry",
        "entry " + std::to_string(added->number) + " of the local list: " + origin_words(*added),
        "", ref_of(*added));
    json told = local_entry_json(*added);
    told["pending"] = false;
    tell_local(client, std::move(told));
}

void Daemon::tell_local(ClientId client, json told) {
    feeds_->use_local(local_.in_force());
    FeedQuestion question = {client, FeedQuestion::What::local, "", "", {}};
    question.told = std::move(told);
    ask_feeds(question);
}

void Daemon::on_list_remove(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t number = request->number("entry", 0, number_max);
    const std::string reason = request->text("reason");
    if (!fields_are_right(client, *request)) return;
    const LocalEntry* found = local_.find(number);
    if (!feeds_ || found == nullptr)
        return answer(client, failure(ErrorCode::refused,
                                      "the local list has no entry " + std::to_string(number)));
    if (!recorded(client, *request, "list.removed",
                  "entry " + std::to_string(number) + " of the local list: " + origin_words(*found),
                  reason))
        return;
    const Result<LocalEntry> gone = local_.remove(number);
    if (!gone) return answer(client, Failure(gone.error()));
    tell_local(client, local_entry_json(*gone));
}

// Each entry with what it met, and what those met that are there no more.
void Daemon::on_list_show(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    const Result<void> asked = stores_->ask([this, client](StoreDesk::Stores& stores) {
        auto hits = stores.incidents->local_hits();
        return StoreDesk::Answer([this, client, hits = std::move(hits)] {
            if (!hits) return answer(client, Failure(hits.error()));
            answer(client, list_json(*hits));
        });
    });
    if (!asked) answer(client, Failure(asked.error()));
}

json Daemon::list_json(const std::vector<LocalHits>& hits) const {
    std::map<std::uint64_t, const LocalHits*> of_entry;
    for (const LocalHits& one : hits)
        of_entry[one.entry] = &one;
    json entries = json::array();
    for (const LocalEntry& one : local_.entries()) {
        json line = local_entry_json(one);
        const auto met = of_entry.find(one.number);
        line["hits"] = met == of_entry.end() ? 0 : met->second->hits;
        line["last_hit"] = met == of_entry.end() ? json(nullptr) : json(met->second->last);
        entries.push_back(std::move(line));
    }
    json ended = json::array();
    for (const LocalHits& one : hits) {
        if (local_.find(one.entry) != nullptr) continue;
        ended.push_back({{"entry", one.entry},
                         {"origin", local_origin_name(one.origin)},
                         {"hits", one.hits},
                         {"last_hit", one.last}});
    }
    return {{"entries", entries}, {"ended", ended}, {"summary", local_json(hits)}};
}

// What has ended is so for the dataplane without anybody; here it is forgotten.
void Daemon::end_local_entries() {
    constexpr std::uint64_t again_ms = 60 * 1000;
    const std::uint64_t next_s = local_.next_end_s();
    const std::uint64_t now_s = unix_seconds();
    if (!feeds_ || next_s == 0 || next_s >= now_s || monotonic_ms() < next_local_end_ms_) return;
    const Result<std::vector<LocalEntry>> gone = local_.forget_ended(now_s);
    if (!gone) {
        next_local_end_ms_ = monotonic_ms() + again_ms;
        return log_line(LogLevel::error, gone.error().message());
    }
    for (const LocalEntry& one : *gone)
        record_after(
            cordond_itself(), "list.ended",
            "entry " + std::to_string(one.number) + " of the local list: " + origin_words(one));
    feeds_->use_local(local_.in_force());
}

json Daemon::local_json(const std::vector<LocalHits>& met) const {
    json hits = json::object();
    for (const std::string_view origin : local_origin_names)
        hits[std::string(origin)] = 0;
    for (const LocalHits& one : met) {
        json& sum = hits[std::string(local_origin_name(one.origin))];
        sum = (sum.is_null() ? 0 : sum.get<std::uint64_t>()) + one.hits;
    }
    const auto pending = std::count_if(proposals_.list().begin(), proposals_.list().end(),
                                       [](const Proposal& one) { return one.kind == "list"; });
    const std::string problem = !feeds_                     ? std::string()
                                : !local_.problem().empty() ? local_.problem()
                                                            : feeds_->local_problem();
    const std::uint64_t next_s = local_.next_end_s();
    return {{"entries", local_.entries().size()},
            {"entries_max", LocalList::entries_max},
            {"pending", pending},
            {"next_end", next_s == 0 ? json(nullptr) : json(utc_time(next_s))},
            {"hits", hits},
            {"problem", problem.empty() ? json(nullptr) : json(problem)}};
}

}  // namespace cordon
