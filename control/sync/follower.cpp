#include "control/sync/follower.h"

#include "control/feed/folder_fetch.h"

namespace cordon::sync {
namespace {

// What a mirror has said of the timestamp already is not asked again.
class WithTimestamp final : public feed::Fetch {
  public:
    WithTimestamp(feed::Fetch& mirror, std::string timestamp)
        : mirror_(mirror), timestamp_(std::move(timestamp)) {}
    Result<std::optional<std::string>> get(const std::string& path,
                                           std::uint64_t bytes_max) override {
        if (path == timestamp_path) return std::optional(timestamp_);
        return mirror_.get(path, bytes_max);
    }

  private:
    feed::Fetch& mirror_;
    std::string timestamp_;
};

Result<std::string> timestamp_of(feed::Fetch& folder) {
    auto timestamp = folder.get(timestamp_path, feed::timestamp_bytes_max);
    if (!timestamp) return Failure(timestamp.error());
    if (*timestamp) return std::move(**timestamp);
    return feed::refuse(feed::Refusal::unreachable, std::string(timestamp_path) + " is not there");
}

std::string word_of(const std::string& timestamp) {
    return feed::to_hex(feed::sha256(as_bytes(timestamp))).substr(0, 16);
}

// No word names any copy.
Result<void> is_named(const std::string& timestamp, const std::string& late_word) {
    const std::string word = word_of(timestamp);
    if (late_word.empty() || late_word == word) return {};
    return failure(ErrorCode::refused, "this copy is " + word + ", not " + late_word);
}

}  // namespace

Follower::Follower(FeedOptions options, Identity identity, FeedFolder folder,
                   std::vector<Mirror> mirrors, IndexKeeper& keeper, Chance chance)
    : options_(std::move(options)),
      identity_(std::move(identity)),
      folder_(std::move(folder)),
      mirrors_(std::move(mirrors)),
      keeper_(keeper),
      chance_(std::move(chance)) {}

Result<void> Follower::start(std::uint64_t now_s) {
    times_.begin(now_s, chance_);
    if (const Result<void> made = folder_.make(); !made) return made;
    auto found = folder_.load();
    if (!found) return Failure(found.error());
    if (*found) state_ = std::move(**found);
    resume_newcomers(now_s);
    if (state_.trust.root.empty()) {
        if (const Result<void> begun = begin_from_root(); !begun) return begun;
    }
    const auto envelope = feed::read_envelope(as_bytes(state_.trust.root), "root");
    if (!envelope) return Failure(envelope.error());
    const auto root = feed::read_root(*envelope);
    if (!root) return Failure(root.error());
    feed_name_ = root->feed;
    lab_ = root->lab;
    if (lab_ && !identity_.lab)
        return failure(ErrorCode::refused, "the root of " + options_.name +
                                               " is that of a test feed; it needs lab = true");
    if (!state_.trust.targets.empty()) {
        const auto targets = feed::read_envelope(as_bytes(state_.trust.targets), "targets");
        if (const auto read = targets ? feed::read_targets(*targets) : Failure(targets.error()))
            static_cast<void>(open_own_grant(*read));  // a grant that does not open is asked anew
    }
    is_read_ = true;
    if (state_.in_force.number == 0) return {};
    // More may be suspended than the state says, after a crash: the next news tells.
    if (!keeper_.suspends(standing())) {
        if (const Result<void> done = put_suspensions(now_s); !done) return done;
    }
    if (holds()) return {};
    const auto own = in_force();
    if (!own) return Failure(own.error());
    return *own ? put(**own, now_s) : Result<void>();
}

// The root that the operator was given is where trust begins: nobody above it vouches for it.
Result<void> Follower::begin_from_root() {
    const auto bytes = first_root();
    if (!bytes) return Failure(bytes.error());
    const auto envelope = feed::read_envelope(as_bytes(*bytes), "root");
    const auto root = envelope ? feed::read_root(*envelope) : Failure(envelope.error());
    if (!root)
        return failure(ErrorCode::integrity, options_.root + " is no root: " + root.error().text);
    if (feed::signed_by(*envelope, root->keys, root->root) < root->root.threshold)
        return failure(ErrorCode::integrity, options_.root + " is not signed by its own keys");
    state_.trust.root = *bytes;
    state_.begun_sha256 = feed::to_hex(feed::sha256(as_bytes(*bytes)));
    return folder_.save(state_);
}

Result<std::string> Follower::first_root() const {
    if (options_.root.starts_with(feed::package_root)) {
        const std::string name = options_.root.substr(feed::package_root.size());
        for (const feed::TrustedRoot& one : identity_.trusted)
            if (one.name == name) return std::string(one.document);
        return failure(ErrorCode::config, "this package has no root " + name +
                                              "; name the file of the root that you were given");
    }
    const auto slash = options_.root.rfind('/');
    auto bytes = feed::FolderFetch(options_.root.substr(0, slash))
                     .get(options_.root.substr(slash + 1), feed::root_bytes_max);
    if (!bytes) return Failure(bytes.error());
    if (!*bytes) return failure(ErrorCode::config, options_.root + " is not there");
    return std::move(**bytes);
}

Rights Follower::rights() const {
    return rights_of(options_, identity_.lab, identity_.trusted, state_.begun_sha256,
                     state_.consent);
}

bool Follower::holds() const {
    return keeper_.holds(options_.name, state_.in_force, rights().ceiling);
}

// What was shown to them is what it is bound to: another curator, basis or root is another consent.
Result<void> Follower::take_consent(const Consent& consent, std::uint64_t now_s) {
    if (consent.root_sha256 != state_.begun_sha256 || consent.curator != options_.curator ||
        consent.legal_basis != options_.legal_basis)
        return failure(ErrorCode::refused,
                       "root, curator or legal basis of the feed are others by now; ask again");
    const FeedState before = state_;
    state_.consent = consent;
    state_.note(now_s, "may block: root " + consent.root_sha256.substr(0, 16) + ", curator " +
                           consent.curator + ", legal basis " + consent.legal_basis +
                           "; asked by " + consent.requester + ", approved by " + consent.approver);
    if (const Result<void> saved = folder_.save(state_); !saved) {
        state_ = before;
        return saved;
    }
    if (state_.in_force.number == 0 || holds()) return {};
    const auto own = in_force();
    if (!own) return Failure(own.error());
    return *own ? put(**own, now_s) : Result<void>();
}

void Follower::poll(std::uint64_t now_s, bool asked) {
    alarms_.clear();
    polled_s_ = now_s;
    if (asked) {
        refused_ = {};
        grant_asked_s_ = 0;
    }
    Source from = {};
    const auto news = refresh_from_mirrors(now_s, &from);
    if (news) {
        state_.imported = false;
        learn(*news, from, now_s);
    } else {
        alarm(news.error().message());
    }
    if (state_.trust.issued_s != 0 && now_s > state_.trust.issued_s + stale_s)
        alarm("stale: the newest news is of " + feed::write_time(state_.trust.issued_s));
    // A mirror that answers would have been refused for it.
    const bool silent = !news && news.error().code == ErrorCode::unreachable;
    if (silent && now_s + feed::clock_slack_s < state_.trust.issued_s)
        alarm("clock: this machine's is before the newest news, of " +
              feed::write_time(state_.trust.issued_s));
    if (!newcomers_lost_.empty()) alarm(std::exchange(newcomers_lost_, ""));
    if (const auto done = keep_newcomers(now_s); !done)
        alarm("newcomers: " + done.error().message());
    times_.polled(now_s, !news, options_.poll_seconds, chance_);
}

Result<void> Follower::import(feed::Fetch& folder, std::uint64_t now_s,
                              const std::string& late_word) {
    alarms_.clear();
    polled_s_ = now_s;
    refused_ = {};
    grant_asked_s_ = 0;
    const auto news = refresh_from_folder(folder, now_s, late_word);
    if (!news) {
        alarm(news.error().message());
        return Failure(news.error());
    }
    state_.imported = true;
    state_.note(now_s, "imported: news of " + feed::write_time(news->timestamp.issued_s) +
                           (news->timestamp.expires_s > now_s ? "" : ", taken late"));
    if (const Result<void> saved = folder_.save(state_); !saved) alarm(saved.error().message());
    learn(*news, {nullptr, &folder}, now_s);
    if (alarms_.empty()) return {};
    return failure(ErrorCode::integrity, alarms_.front());
}

// A copy that is late could be one that somebody held back; to take it is to say that no newer one
// is to be had. So it takes a second step, which names the very copy: a script that imports what
// comes does not take it by itself, and who approves it knows which one.
Result<feed::Refreshed> Follower::refresh_from_folder(feed::Fetch& folder, std::uint64_t now_s,
                                                      const std::string& late_word) {
    const auto timestamp = timestamp_of(folder);
    if (!timestamp) return Failure(timestamp.error());
    WithTimestamp copy(folder, *timestamp);
    if (const auto named = is_named(*timestamp, late_word); !named) return Failure(named.error());
    if (!late_word.empty()) return refresh_from(copy, now_s, feed::late_max_s);
    auto news = refresh_from(copy, now_s);
    if (news && news->revocations) return news;
    const auto late = feed::refresh(state_.trust, copy, now_s, nullptr, feed::late_max_s);
    if (!late || !late->revocations) return news;
    Error error = news ? news->revocations.error() : news.error();
    error.text += ". This copy is of " + feed::write_time(late->timestamp.issued_s) +
                  ": what was suspended or withdrawn since is not in it. To take it all the same, "
                  "name it behind its folder: " +
                  word_of(*timestamp);
    return Failure(error);
}

Result<std::uint64_t> Follower::late_copy(feed::Fetch& folder, std::uint64_t now_s,
                                          const std::string& late_word) const {
    const auto timestamp = timestamp_of(folder);
    if (!timestamp) return Failure(timestamp.error());
    if (const auto named = is_named(*timestamp, late_word); !named) return Failure(named.error());
    WithTimestamp copy(folder, *timestamp);
    const auto late = feed::refresh(state_.trust, copy, now_s, nullptr, feed::late_max_s);
    if (!late) return Failure(late.error());
    if (!late->revocations) return Failure(late->revocations.error());
    return late->timestamp.issued_s;
}

// Weakening first, and each by itself: what is refused of one says nothing about the next.
void Follower::learn(const feed::Refreshed& news, const Source& from, std::uint64_t now_s) {
    if (!news.revocations) {
        alarm("revocations " + news.revocations.error().message());
    } else if (const auto done = take_suspensions(*news.revocations, now_s); !done) {
        alarm("suspensions are not in force: " + done.error().message());
    }
    if (const auto done = take_grant(news, *from.fetch, now_s); !done)
        alarm("grant: " + done.error().message());
    if (!news.releases) {
        alarm("releases " + news.releases.error().message());
    } else if (const auto done = take_release(news, from, now_s); !done) {
        alarm("release " + std::to_string(newest_) + ": " + done.error().message());
    }
    if (const auto done = keep_fresh(now_s); !done) alarm("index: " + done.error().message());
}

Result<feed::Refreshed> Follower::refresh_from(feed::Fetch& fetch, std::uint64_t now_s,
                                               std::uint64_t late_s) {
    feed::TrustState kept;
    auto news = feed::refresh(state_.trust, fetch, now_s, &kept, late_s);
    // Of a walk that ended early only the roots are kept. Else a mirror that has nothing but a new
    // timestamp would shut out all others until they have it too.
    const feed::TrustState before = state_.trust;
    if (news) {
        state_.trust = news->state;
    } else if (kept.root != before.root) {
        state_.trust.root = kept.root;
        if (kept.timestamp.empty()) {
            state_.trust.timestamp.clear();
            state_.trust.snapshot.clear();
        }
    }
    const bool same =
        state_.trust.root == before.root && state_.trust.timestamp == before.timestamp &&
        state_.trust.releases == before.releases && state_.trust.revocations == before.revocations;
    if (same) return news;
    if (const Result<void> saved = folder_.save(state_); !saved) {
        state_.trust = before;  // what is not durable is not believed
        return Failure(saved.error());
    }
    return news;
}

Result<feed::Refreshed> Follower::refresh_from_mirrors(std::uint64_t now_s, Source* followed) {
    Error worst = {ErrorCode::unreachable, "unreachable: no mirror answers"};
    const auto answers = ask_mirrors(mirrors_, chance_, &worst);
    for (const auto& [mirror, timestamp] : answers) {
        WithTimestamp source(*mirror->fetch, timestamp);
        auto news = refresh_from(source, now_s);
        if (news) {
            *followed = {mirror, mirror->fetch.get()};
            name_laggards(answers, *mirror);
            return news;
        }
        mirror->problem = news.error().message();
        keep_worse(news.error(), &worst);
    }
    return Failure(worst);
}

Result<void> Follower::hold(const Hold& hold, std::uint64_t now_s) {
    if (hold.until_s > now_s + hold_max_s)
        return failure(ErrorCode::usage, "releases can be held back for 7 days at most");
    const FeedState before = state_;
    state_.hold = hold;
    state_.note(now_s, !hold.holds(now_s)
                           ? "releases are taken again, by uid " + std::to_string(hold.uid)
                           : std::string(hold.pinned ? "pinned" : "paused") + " until " +
                                 feed::write_time(hold.until_s) + " by uid " +
                                 std::to_string(hold.uid) + ": " + hold.reason);
    const Result<void> saved = folder_.save(state_);
    if (!saved) state_ = before;
    return saved;
}

Result<void> Follower::fall_back(const Hold& hold, std::uint64_t now_s) {
    if (state_.previous.number == 0)
        return failure(ErrorCode::refused, "there is no generation before this one");
    const FeedState before = state_;
    std::swap(state_.in_force, state_.previous);
    suspend_lifted();
    const auto feed = in_force();
    Result<void> done = feed && *feed ? put(**feed, now_s)
                        : feed        ? failure(ErrorCode::refused, "there is no grant")
                                      : Failure(feed.error());
    if (done) done = this->hold(hold, now_s);
    if (!done) {
        state_ = before;
        put_failed_ = true;
    }
    return done;
}

}  // namespace cordon::sync
