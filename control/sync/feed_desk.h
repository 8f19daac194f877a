// Follows the feeds beside the event loop of cordond: mirrors are slow and an index takes seconds,
// the socket of operators must not.
//
// Owns:       its threads, the followers, the index with its local section, and what operators
//             asked for.
// Invariants: a question is answered once; those about one feed in the order they came. All that
//             followers and index hold is touched under `working_`, which is free while a mirror is
//             waited for: a slow one delays nobody else's suspensions. All feeds are started before
//             any is polled, or an index would lift what is in force of another. What status() says
//             and history() tell is whole: of each feed as it was after its last poll.
// Thread:     made, asked and stopped by the event loop; one thread for each feed, one that looks
//             at the clock, hears what the dataplane says and keeps the local section, and one that
//             looks for a digest among the files of the system: the first look of a kind reads all
//             of them, and holds no lock.
// Limits:     asked_max questions, and hits_max matches, wait at once. While an index is built and
//             tried the other feeds wait: seconds, where the files of the system are known
//             (feed/known_files.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/audit/person.h"
#include "control/config/config.h"
#include "control/daemon/clocks.h"
#include "control/sync/clock_alarm.h"
#include "control/sync/follower.h"
#include "control/sync/index_of_feeds.h"
#include "dataplane/base/descriptor.h"

namespace cordon::sync {

struct FeedQuestion {
    enum class What : std::uint8_t {
        sync,
        verify,
        hold,
        fall_back,
        import,
        late_copy,
        enrol,
        confirm,
        rights,
        consent,
        suspend,
        known_file,  // this and the next are about no feed
        local,       // asked of the thread that keeps the local section
    };
    std::uint64_t client = 0;
    What what = What::sync;
    std::string feed;    // empty: all of them, for sync and verify
    std::string folder;  // of import and late_copy
    Hold hold;
    std::string late_word = {};                   // the same
    std::optional<std::uint64_t> reference = {};  // of confirm; none: all. Of suspend
    std::uint64_t until_s = 0;                    // of suspend; 0: no longer
    Consent consent = {};
    // Who asks, and why, where the answer is for a second person.
    Person actor = {};
    std::string reason = {};
    IndicatorKind kind = IndicatorKind::sha256;  // of known_file
    std::string digest = {};                     // of known_file, raw; never on a disk
    nlohmann::json told = {};                    // of local: what is answered when it is done
};

struct FeedAnswer {
    std::uint64_t client = 0;
    Result<nlohmann::json> result;
    std::uint64_t index_generation = 0;  // of the index it ended with; 0: it is not about that
    FeedQuestion question = {};
};

// Of this machine; a test has its own.
struct DeskClocks {
    std::uint64_t (*unix_s)() = unix_seconds;
    std::uint64_t (*boot_s)() = boot_seconds;
};

class FeedDesk {
  public:
    static constexpr std::size_t asked_max = 64;
    static constexpr std::size_t hits_max = 65536;

    // `local`: the operator's own list, null when there is none.
    static Result<std::unique_ptr<FeedDesk>> start(
        const Config& config, std::shared_ptr<const LocalInForce> local = nullptr,
        DeskClocks clocks = {});
    ~FeedDesk();
    FeedDesk(const FeedDesk&) = delete;
    FeedDesk& operator=(const FeedDesk&) = delete;

    nlohmann::json status() const;
    // What was taken and suspended of a feed. Error: usage, there is none of that name.
    Result<nlohmann::json> history(const std::string& feed) const;
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
    // Matches, of whatever list. From any thread.
    void tell_hits(const std::vector<Hit>& hits);
    void stop();

  private:
    // A question, and what the feeds it is about have said so far.
    struct Task {
        FeedQuestion question;
        std::size_t left = 1;
        nlohmann::json list = nlohmann::json::array();
        std::optional<Error> error;
    };
    struct Followed {
        std::unique_ptr<Follower> follower;
        bool started = false;
        std::string not_started;  // why; it is tried again
        bool busy = false;        // in a poll: what it says is half of it
        nlohmann::json said;
        nlohmann::json history;
        std::deque<std::shared_ptr<Task>> asked;  // under mutex_
        std::thread thread;
    };

    FeedDesk(const Config& config, feed::SecretKey node_key, DeskClocks clocks);
    void add_feed(const FeedOptions& feed, const Config& config);
    void run();
    void follow(Followed& feed);
    void turn(Followed& feed);
    void wait(Followed& feed);
    bool start_feed(Followed& feed);
    bool poll(Followed& feed, bool asked);
    void watch_clock();
    void say_unreadable();
    void heed_dataplane();
    void heed_local();
    void put_local();
    void heed_own_questions();
    void look_for_files();
    Result<nlohmann::json> answer_known_file(const FeedQuestion& question);
    Result<nlohmann::json> answer_local(const FeedQuestion& question);
    void heed_hits();
    std::shared_ptr<Task> next_asked(std::deque<std::shared_ptr<Task>>* asked);
    void finish(Task& task, Result<nlohmann::json> part);
    Result<nlohmann::json> answer(Followed& feed, const FeedQuestion& question);
    Result<nlohmann::json> answer_sync(Followed& feed);
    nlohmann::json answer_verify(const Followed& feed);
    nlohmann::json answer_enrol(const Follower& feed) const;
    void say(Followed& feed);
    void publish_status();

    DeskClocks clocks_;
    Identity identity_;
    std::string state_dir_;
    std::string index_path_;
    std::atomic<bool> stop_{false};
    std::mutex working_;
    feed::KnownFiles files_;
    feed::KnownFiles asked_files_;  // the looker's
    std::string unreadable_;        // of them, as it was said last
    IndexOfFeeds index_;
    std::vector<std::unique_ptr<Followed>> feeds_;
    std::string index_alarm_;  // that the dataplane refused one
    ClockAlarm clock_;
    std::uint64_t local_due_s_ = UINT64_MAX;  // when its section is tried next
    Descriptor bell_;

    mutable std::mutex mutex_;  // of what follows; taken last
    std::condition_variable wake_;
    std::size_t waiting_ = 0;  // questions
    std::vector<FeedAnswer> answers_;
    nlohmann::json status_;
    std::map<std::string, nlohmann::json> histories_;
    std::uint64_t told_generation_ = 0;  // 0: nothing new
    std::string told_error_;
    std::shared_ptr<const LocalInForce> told_local_;  // null: nothing new
    std::string local_problem_;
    std::deque<std::shared_ptr<Task>> own_asked_;   // about the local section
    std::deque<std::shared_ptr<Task>> look_asked_;  // for a digest
    std::vector<Hit> hits_;
    std::thread thread_;
    std::thread looker_;
};

}  // namespace cordon::sync
