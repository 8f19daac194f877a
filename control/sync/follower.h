// Follows one feed: asks its mirrors, believes what client.h believes, and puts what follows into
// force. What it cannot believe changes nothing: the last good generation stays, an alarm says why.
//
//   poll:  timestamps of two mirrors ► refresh ► suspensions ► grant ► release ► index ► state
//
// Owns:       the state of the feed, in its folder.
// Invariants: suspensions are in force before a release is looked at, and need neither a set nor a
//             grant; one that is lifted is so after the state says it, and after the release that
//             lifts it is in force. A generation is in force only
//             after its index was tried; the set before it stays on the disk. No release is taken
//             while one of the two is held back, without a grant that holds, or above the caps of
//             the days that passed. What newcomers.h doubts reports only, whatever the feed says,
//             until it is confirmed.
// Thread:     one, which may wait for mirrors. Time and chance are arguments.
// Limits:     those of polling.h; a release that was refused is tried again after refused_again_s.
#pragma once

#include "control/config/feed_config.h"
#include "control/feed/grant.h"
#include "control/sync/feed_state.h"
#include "control/sync/newcomers.h"
#include "control/sync/polling.h"

namespace cordon::sync {

inline constexpr std::uint64_t grant_every_s = 3600;
inline constexpr std::uint64_t refused_again_s = 3600;
inline constexpr std::uint64_t hold_max_s = 7 * feed::day_s;
inline constexpr std::uint64_t stale_s = feed::day_s;
inline constexpr std::uint64_t fresh_every_s = 3600;

// What weakens a feed, whatever its records and keys are.
struct FeedStanding {
    std::string name;
    std::uint64_t issued_s = 0;  // of the newest news
    // Of a generation: that with which its records came here.
    std::vector<feed::Suspension> suspensions;
    bool is_read = true;  // else what was said of it before is all that is known
    std::vector<feed::Suspension> doubted = {};  // reports only, without an end
    std::vector<feed::Suspension> own = {};      // does nothing, until its end
};

// What of a feed is to be in the index.
struct FeedInForce : FeedStanding {
    RightsCeiling ceiling = RightsCeiling::report;
    Generation generation;
    std::uint64_t not_after_s = 0;  // of the grant
    feed::SecretKey key;
    FeedSet set;
};

// Where what is to be in force goes. On an error what was in force stays.
class IndexKeeper {
  public:
    virtual ~IndexKeeper() = default;
    // Built, tried, and then in the place of the one before.
    virtual Result<void> put(const FeedInForce& feed, std::uint64_t now_s) = 0;
    // Other suspensions than before, of the same generation.
    virtual Result<void> suspend(const FeedStanding& feed, std::uint64_t now_s) = 0;
    virtual bool holds(const std::string& name, const Generation& generation,
                       RightsCeiling ceiling) = 0;
    // Whether all of its suspensions are in force; there may be more.
    virtual bool suspends(const FeedStanding& feed) = 0;
};

struct Identity {
    std::string node;
    feed::SecretKey key;
    bool lab = false;                                 // the appliance
    std::span<const feed::TrustedRoot> trusted = {};  // of the package
};

class Follower {
  public:
    Follower(FeedOptions options, Identity identity, FeedFolder folder, std::vector<Mirror> mirrors,
             IndexKeeper& keeper, Chance chance);

    // Reads the state, or begins one from the root; has the index hold what it should.
    Result<void> start(std::uint64_t now_s);
    // `asked`: somebody waits for it; what was refused is tried again.
    void poll(std::uint64_t now_s, bool asked = false);
    // One poll of a folder instead of the mirrors. What has ended up to feed::late_max_s ago is
    // refused with a word that names these bytes, and taken when that is `late_word`.
    Result<void> import(feed::Fetch& folder, std::uint64_t now_s,
                        const std::string& late_word = "");

    // Whether the copy of this word could be imported late: when its news was signed.
    Result<std::uint64_t> late_copy(feed::Fetch& folder, std::uint64_t now_s,
                                    const std::string& late_word) const;

    Result<void> hold(const Hold& hold, std::uint64_t now_s);
    // Back to the generation before, held there.
    Result<void> fall_back(const Hold& hold, std::uint64_t now_s);

    Rights rights() const;
    // Two persons' word, on what the state and the configuration say now.
    Result<void> take_consent(const Consent& consent, std::uint64_t now_s);

    // A match of this feed. True: something is doubted since.
    bool take_hit(const Hit& hit, std::uint64_t now_s);
    // What was hit, durably: after some hits, and from time to time, as it is not kept for long.
    // What cannot be written is tried again with the next poll, which says so.
    Result<void> keep_newcomers(std::uint64_t now_s);
    // What is doubted is right: all of it, or this indicator.
    Result<void> confirm(std::optional<std::uint64_t> reference, std::uint32_t uid,
                         std::uint64_t now_s);

    // An indicator does nothing here until then; until_s 0: no longer.
    Result<void> suspend_here(const feed::Suspension& indicator, std::uint64_t now_s);

    std::uint64_t next_poll_s() const { return times_.next_s(); }
    const FeedOptions& options() const { return options_; }
    const FeedState& state() const { return state_; }
    const Newcomers& newcomers() const { return newcomers_; }
    const std::vector<Mirror>& mirrors() const { return mirrors_; }
    const std::vector<std::string>& alarms() const { return alarms_; }
    std::uint64_t newest() const { return newest_; }  // generation that is announced
    std::uint64_t polled_s() const { return polled_s_; }
    std::uint64_t failures() const { return times_.failures(); }  // in a row
    const std::string& feed_name() const { return feed_name_; }
    bool lab() const { return lab_; }
    // Records in force that nothing here is matched with.
    std::uint64_t unmatched() const {
        const Generation& g = state_.in_force;
        return g.perceptual + (identity_.lab ? 0 : g.patterns);
    }
    // The grant in force, without its keys.
    const feed::Grant& grant() const { return grant_; }

    // For an index of several feeds: what of this one is to be in it. Nothing yet: no generation.
    Result<std::optional<FeedInForce>> in_force() const;
    FeedStanding standing() const;
    bool is_read() const { return is_read_; }  // its state
    // The generation before is in force again: what the one after it has lifted is not.
    Result<void> suspend_lifted(std::uint64_t now_s);

  private:
    struct Source {
        Mirror* mirror;  // null: a folder
        feed::Fetch* fetch;
    };
    struct Refused {
        std::uint64_t generation = 0;
        std::uint64_t again_s = 0;
        Error error;
    };
    struct Step {  // from the set in force to another
        feed::RecordSet set;
        Generation generation;
    };

    Result<feed::Refreshed> refresh_from_mirrors(std::uint64_t now_s, Source* followed);
    Result<feed::Refreshed> refresh_from(feed::Fetch& fetch, std::uint64_t now_s,
                                         std::uint64_t late_s = 0);
    Result<feed::Refreshed> refresh_from_folder(feed::Fetch& folder, std::uint64_t now_s,
                                                const std::string& late_word);
    void learn(const feed::Refreshed& news, const Source& from, std::uint64_t now_s);
    void alarm(const std::string& text) { alarms_.push_back(text); }

    Result<void> begin_from_root();
    Result<void> take_suspensions(const feed::RevocationsMetadata& fresh, std::uint64_t now_s);
    Result<void> take_grant(const feed::Refreshed& news, feed::Fetch& fetch, std::uint64_t now_s);
    Result<void> open_own_grant(const feed::TargetsMetadata& targets);
    Result<void> take_release(const feed::Refreshed& news, const Source& from, std::uint64_t now_s);
    Result<Step> fetch_release(const feed::Refreshed& news, const Source& from,
                               const feed::RecordSet& own);
    Result<Step> walk(const std::vector<std::string>& way, const feed::Refreshed& news,
                      const feed::RecordSet& own, feed::Fetch& fetch);
    Result<void> put(const FeedInForce& feed, std::uint64_t now_s);
    Result<void> put_suspensions(std::uint64_t now_s);
    Result<void> keep_fresh(std::uint64_t now_s);
    Result<void> activate(Step step, FeedSet own, const feed::Caps& caps, std::uint64_t now_s);
    Result<void> check_days(const Accepted& change, const feed::Caps& caps,
                            std::uint64_t now_s) const;
    Result<FeedInForce> described(FeedSet set, const Generation& generation) const;
    void suspend_lifted();
    std::vector<feed::Suspension> suspensions_here() const;
    Result<std::string> first_root() const;
    bool holds() const;
    bool is_new(const Hit& hit) const;
    bool is_confirmed(feed::SuspensionOf what, std::uint64_t value) const;
    bool is_doubted(feed::SuspensionOf what, std::uint64_t value) const;
    void resume_newcomers(std::uint64_t now_s);
    void doubt(feed::SuspensionOf what, std::uint64_t value, const std::string& why,
               std::uint64_t now_s);

    FeedOptions options_;
    Identity identity_;
    FeedFolder folder_;
    std::vector<Mirror> mirrors_;
    IndexKeeper& keeper_;
    Chance chance_;

    FeedState state_;
    feed::Grant grant_;
    std::string feed_name_;
    bool lab_ = false;
    std::vector<std::string> alarms_;
    Refused refused_;
    bool is_read_ = false;
    bool suspensions_put_ = false;  // what is in force is what the state says, and not more
    bool put_failed_ = false;       // the index may hold what the state does not say
    Newcomers newcomers_;
    std::string newcomers_lost_;  // why, until a poll has said so
    std::uint64_t newest_ = 0;
    std::uint64_t polled_s_ = 0;
    std::uint64_t put_issued_s_ = 0;  // how old the index takes the feed to be
    std::uint64_t grant_asked_s_ = 0;
    PollTimes times_;
};

}  // namespace cordon::sync
