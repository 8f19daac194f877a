// Follows the feeds beside the event loop of cordond: mirrors are slow and an index takes seconds,
// the socket of operators must not.
//
// Owns:       its thread, the followers, the index with its local section, and what operators
//             asked for.
// Invariants: a question is answered once, in the order they came. What status() says is whole: it
//             is replaced after each poll, never changed.
// Thread:     made, asked and stopped by the event loop; followers run on its own thread.
// Limits:     asked_max questions wait at once. One feed after the other: a slow mirror delays the
//             next feed by its time-outs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/config/config.h"
#include "control/sync/clock_alarm.h"
#include "control/sync/follower.h"
#include "control/sync/index_of_feeds.h"
#include "dataplane/base/descriptor.h"

namespace cordon::sync {

struct FeedQuestion {
    enum class What : std::uint8_t {
        sync,
        history,
        verify,
        hold,
        fall_back,
        import,
        enrol,
        known_file,
        local
    };
    std::uint64_t client = 0;
    What what = What::sync;
    std::string feed;    // empty: all of them, for sync and verify
    std::string folder;  // of import
    Hold hold;
    std::string late_word = {};                  // of import
    IndicatorKind kind = IndicatorKind::sha256;  // of known_file
    std::string digest = {};                     // of known_file, raw; never on a disk
    nlohmann::json told = {};                    // of local: what is answered when it is done
};

struct FeedAnswer {
    std::uint64_t client = 0;
    Result<nlohmann::json> result;
    std::uint64_t index_generation = 0;  // of the index it ended with; 0: it is not about that
    FeedQuestion::What what = FeedQuestion::What::sync;
};

class FeedDesk {
  public:
    static constexpr std::size_t asked_max = 64;

    // `local`: the operator's own list, null when there is none.
    static Result<std::unique_ptr<FeedDesk>> start(const Config& config,
                                                   std::shared_ptr<const LocalInForce> local);
    ~FeedDesk();
    FeedDesk(const FeedDesk&) = delete;
    FeedDesk& operator=(const FeedDesk&) = delete;

    nlohmann::json status() const;
    Result<void> ask(FeedQuestion question);
    // Readable when there are answers.
    int descriptor() const { return bell_.get(); }
    std::vector<FeedAnswer> take_answers();

    // The list changed: its section follows, and is tried again every minute while it cannot. Asked
    // as What::local afterwards, it answers when it did.
    void use_local(std::shared_ptr<const LocalInForce> local);
    std::string local_problem() const;  // why the index does not hold it, empty: it does

    // What became of an index that the dataplane was told to load: empty when it is in force.
    void tell(std::uint64_t generation, const std::string& error);
    void stop();

  private:
    struct Followed {
        std::unique_ptr<Follower> follower;
        bool started = false;
        std::string not_started;  // why; it is tried again
    };

    explicit FeedDesk(const Config& config, feed::SecretKey node_key);
    void add_feed(const FeedOptions& feed, const Config& config);
    void run();
    void turn();
    static bool start_feed(Followed& feed);
    bool poll(Followed& feed, bool asked);
    void watch_clock();
    void say_unreadable();
    void heed_dataplane();
    void heed_local();
    void put_local();
    Result<nlohmann::json> answer_known_file(const FeedQuestion& question);
    Result<nlohmann::json> answer(const FeedQuestion& question);
    Result<nlohmann::json> answer_sync(const std::string& name);
    Result<nlohmann::json> answer_verify(const std::string& name);
    Result<nlohmann::json> answer_enrol(const Follower& feed) const;
    Followed* find(const std::string& name);
    void publish_status();
    std::uint64_t next_due_s() const;

    Identity identity_;
    std::string state_dir_;
    std::string index_path_;
    std::atomic<bool> stop_{false};
    feed::KnownFiles files_;
    std::string unreadable_;  // of them, as it was said last
    IndexOfFeeds index_;
    std::vector<Followed> feeds_;
    std::string index_alarm_;  // that the dataplane refused one
    ClockAlarm clock_;
    std::uint64_t local_due_s_ = UINT64_MAX;  // when its section is tried next
    Descriptor bell_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<FeedQuestion> asked_;
    std::vector<FeedAnswer> answers_;
    nlohmann::json status_;
    std::uint64_t told_generation_ = 0;  // 0: nothing new
    std::string told_error_;
    std::shared_ptr<const LocalInForce> told_local_;  // null: nothing new
    std::string local_problem_;
    std::thread thread_;
};

}  // namespace cordon::sync
