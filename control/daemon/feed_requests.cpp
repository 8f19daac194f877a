// What cordond answers about feeds. All but status and history is answered by their own threads.

#include <charconv>

#include "control/config/text_rules.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;
using sync::FeedQuestion;

json Daemon::feeds_json() const {
    return feeds_ ? feeds_->status() : json{{"node", config_.feeds.node}, {"feeds", json::array()}};
}

void Daemon::ask_feeds(const FeedQuestion& question) {
    if (!feeds_)
        return answer(question.client, failure(ErrorCode::refused,
                                               "no [[feed]] is configured; it needs one, and a "
                                               "restart of cordond"));
    if (const Result<void> asked = feeds_->ask(question); !asked)
        answer(question.client, Failure(asked.error()));
}

void Daemon::answer_feeds() {
    for (sync::FeedAnswer& one : feeds_->take_answers()) {
        const sync::Consent& consent = one.question.consent;
        // Before the dataplane is told of the index that blocks by it.
        if (one.result && one.question.what == FeedQuestion::What::consent)
            name_list(one.question.feed, consent.curator, consent.legal_basis);
        if (one.question.what == FeedQuestion::What::known_file)
            finish_list_add(one);
        else if (one.result && one.question.what == FeedQuestion::What::late_copy)
            answer(one.client, propose_import(one));
        else if (one.result && one.question.what == FeedQuestion::What::rights)
            answer(one.client, propose_trust(one));
        else
            feed_answers_.add(std::move(one), monotonic_ms());
    }
    pass_feed_answers();
    if (feed_answers_.waits()) ask_status();
}

void Daemon::pass_feed_answers() {
    const IndexSeen seen = {dataplane_.has_value(), index_loading_,
                            dataplane_ ? dataplane_->generation : 0, index_error_};
    for (const sync::FeedAnswer& one : feed_answers_.take(seen, monotonic_ms()))
        answer(one.client, one.result);
}

void Daemon::on_feed_status(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    answer(client, feeds_json());
}

void Daemon::on_feed_sync(ClientId client, std::uint32_t, Request* request) {
    FeedQuestion question = {client, FeedQuestion::What::sync, request->text("feed"), "", {}};
    if (!fields_are_right(client, *request)) return;
    if (recorded(client, *request, "feed.sync",
                 question.feed.empty() ? "all feeds" : question.feed))
        ask_feeds(question);
}

void Daemon::on_feed_history(ClientId client, std::uint32_t, Request* request) {
    const std::string feed = request->text("feed");
    if (!fields_are_right(client, *request)) return;
    if (!feeds_) return answer(client, failure(ErrorCode::refused, "no [[feed]] is configured"));
    answer(client, feeds_->history(feed));
}

void Daemon::on_feed_verify(ClientId client, std::uint32_t, Request* request) {
    FeedQuestion question = {client, FeedQuestion::What::verify, request->text("feed"), "", {}};
    if (fields_are_right(client, *request)) ask_feeds(question);
}

void Daemon::on_feed_enrol(ClientId client, std::uint32_t, Request* request) {
    FeedQuestion question = {client, FeedQuestion::What::enrol, request->text("feed"), "", {}};
    if (fields_are_right(client, *request) &&
        recorded(client, *request, "feed.enrol", "feed " + question.feed))
        ask_feeds(question);
}

void Daemon::on_feed_hold(ClientId client, std::uint32_t uid, Request* request) {
    FeedQuestion question = {client, FeedQuestion::What::hold, request->text("feed"), "", {}};
    const std::string kind = request->text("kind");
    question.hold.until_s = request->number("until", 0, INT64_MAX);
    question.hold.reason = request->text("reason");
    question.hold.uid = uid;
    if (!fields_are_right(client, *request)) return;
    question.hold.pinned = kind != "pause" && kind != "none";
    if (kind == "previous") {
        question.what = FeedQuestion::What::fall_back;
    } else if (kind != "pause" && kind != "current" && kind != "none") {
        return answer(client,
                      failure(ErrorCode::usage, "kind must be pause, current, previous or none"));
    }
    const bool ends = kind == "none";
    if (!ends && question.hold.reason.empty())
        return answer(client, failure(ErrorCode::usage, "to hold releases back needs --reason"));
    if (!ends && question.hold.until_s <= unix_seconds())
        return answer(client, failure(ErrorCode::usage, "the end of a pause is in the future"));
    if (ends) question.hold.until_s = 0;
    const std::string until = ends ? "" : " until " + utc_time(question.hold.until_s);
    if (recorded(client, *request, "feed.hold", "feed " + question.feed + ": " + kind + until,
                 question.hold.reason))
        ask_feeds(question);
}

// A reference as incidents show it. It strengthens, so one person is enough.
void Daemon::on_feed_confirm(ClientId client, std::uint32_t uid, Request* request) {
    FeedQuestion question = {client, FeedQuestion::What::confirm, request->text("feed"), "", {}};
    const std::string reference = request->text("reference");
    question.hold.uid = uid;
    const std::string reason = request->text("reason");
    if (!fields_are_right(client, *request)) return;
    if (!reference.empty()) {
        std::uint64_t value = 0;
        const char* end = reference.data() + reference.size();
        const auto read = std::from_chars(reference.data(), end, value, 16);
        if (read.ec != std::errc() || read.ptr != end)
            return answer(client, failure(ErrorCode::usage,
                                          "a reference is hex, as `cordonctl incidents show` has "
                                          "it"));
        question.reference = value;
    }
    if (recorded(client, *request, "feed.confirmed",
                 "feed " + question.feed + ": " +
                     (reference.empty() ? "all newcomers" : "newcomer " + reference),
                 reason))
        ask_feeds(question);
}

// A late copy takes two persons: what was revoked since would go on blocking, or what was listed
// since would pass. It is looked at first, so that nobody approves what could not be taken.
void Daemon::on_feed_import(ClientId client, std::uint32_t, Request* request) {
    FeedQuestion question = {
        client, FeedQuestion::What::import, request->text("feed"), request->text("folder"), {}};
    question.late_word = request->text("late");
    question.reason = request->text("reason");
    question.actor = request->actor();
    if (!fields_are_right(client, *request)) return;
    if (!path_rule.fits(question.folder))
        return answer(
            client, failure(ErrorCode::usage, "folder must be " + std::string(path_rule.must_be)));
    const bool late = !question.late_word.empty();
    if (late && two_persons()) {
        if (const Result<void> may = may_request(question.actor); !may)
            return answer(client, Failure(may.error()));
        question.what = FeedQuestion::What::late_copy;
        return ask_feeds(question);
    }
    if (recorded(client, *request, "feed.import",
                 "feed " + question.feed + " from " + question.folder +
                     (late ? ", late, as " + question.late_word + "; by one person (approvers = 1)"
                           : ""),
                 question.reason))
        ask_feeds(question);
}

Result<json> Daemon::propose_import(const sync::FeedAnswer& looked_at) {
    const FeedQuestion& question = looked_at.question;
    Proposal proposal;
    proposal.kind = import_kind;
    proposal.what = "feed " + question.feed + ": the copy " + question.late_word + " in " +
                    question.folder + ", of " + looked_at.result->at("issued").get<std::string>() +
                    ", although it is late; what was suspended or withdrawn since is not in it";
    proposal.payload = {
        {"feed", question.feed}, {"folder", question.folder}, {"late", question.late_word}};
    proposal.requester = question.actor;
    proposal.reason = question.reason;
    return propose(std::move(proposal));
}

// That the list of a root which the operator enrolled may block: two persons, however few approve
// elsewhere.
void Daemon::on_feed_trust(ClientId client, std::uint32_t, Request* request) {
    FeedQuestion question = {client, FeedQuestion::What::rights, request->text("feed"), "", {}};
    question.reason = request->text("reason");
    question.actor = request->actor();
    if (!fields_are_right(client, *request)) return;
    if (const Result<void> may = may_request(question.actor); !may)
        return answer(client, Failure(may.error()));
    const FeedOptions* feed = config_.feeds.find(question.feed);
    if (feed != nullptr && (feed->ceiling != RightsCeiling::block || !feed->may_be_trusted()))
        return answer(client, failure(ErrorCode::refused,
                                      "that takes profile \"voluntary\", and ceiling = \"block\", "
                                      "curator and legal_basis of the feed in the configuration"));
    ask_feeds(question);
}

Result<json> Daemon::propose_trust(const sync::FeedAnswer& looked_at) {
    const FeedQuestion& question = looked_at.question;
    const json& rights = *looked_at.result;
    if (rights.at("by") != "nobody")
        return failure(ErrorCode::refused, "the feed may block already, by the word of " +
                                               rights.at("by").get<std::string>());
    if (!rights.at("root_sha256").is_string())
        return failure(ErrorCode::refused,
                       "nobody knows with which root this feed began: remove its folder in "
                       "state_dir/feeds and enrol it anew");
    Proposal proposal;
    proposal.kind = trust_kind;
    proposal.payload = {{"feed", question.feed},
                        {"root", rights.at("root_sha256")},
                        {"curator", rights.at("curator")},
                        {"legal_basis", rights.at("legal_basis")}};
    const auto words = [&](const char* key) { return proposal.payload.at(key).get<std::string>(); };
    proposal.what = "feed " + question.feed + ": its list may block; root " + words("root") +
                    ", curator " + words("curator") + ", legal basis " + words("legal_basis");
    proposal.requester = question.actor;
    proposal.reason = question.reason;
    return propose(std::move(proposal));
}

void Daemon::approve_trust(ClientId client, const Proposal& proposal, const Person& approver) {
    const auto words = [&](const char* key) { return proposal.payload.at(key).get<std::string>(); };
    FeedQuestion question = {client, FeedQuestion::What::consent, words("feed"), "", {}};
    question.consent = {words("root"),           words("curator"), words("legal_basis"),
                        proposal.requester.name, approver.name,    unix_seconds()};
    ask_feeds(question);
}

// On record already.
void Daemon::approve_import(ClientId client, const Proposal& proposal) {
    FeedQuestion question = {client,
                             FeedQuestion::What::import,
                             proposal.payload.at("feed").get<std::string>(),
                             proposal.payload.at("folder").get<std::string>(),
                             {}};
    question.late_word = proposal.payload.at("late").get<std::string>();
    ask_feeds(question);
}

}  // namespace cordon
