// What cordond answers about feeds. All but the status is answered by their own thread.

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
        if (one.what == FeedQuestion::What::known_file)
            finish_list_add(one.client, one.result);
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
    FeedQuestion question = {client, FeedQuestion::What::history, request->text("feed"), "", {}};
    if (fields_are_right(client, *request)) ask_feeds(question);
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

void Daemon::on_feed_import(ClientId client, std::uint32_t, Request* request) {
    FeedQuestion question = {
        client, FeedQuestion::What::import, request->text("feed"), request->text("folder"), {}};
    question.late_word = request->text("late");
    if (!fields_are_right(client, *request)) return;
    if (!path_rule.fits(question.folder))
        return answer(
            client, failure(ErrorCode::usage, "folder must be " + std::string(path_rule.must_be)));
    if (recorded(client, *request, "feed.import",
                 "feed " + question.feed + " from " + question.folder +
                     (question.late_word.empty() ? "" : ", late, as " + question.late_word)))
        ask_feeds(question);
}

}  // namespace cordon
