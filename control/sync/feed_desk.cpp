#include "control/sync/feed_desk.h"

#include <sys/eventfd.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "control/daemon/clocks.h"
#include "control/daemon/log.h"
#include "control/feed/folder_fetch.h"
#include "control/index/index_files.h"
#include "control/sync/feed_json.h"
#include "control/sync/https_fetch.h"
#include "control/sync/index_trial.h"

namespace cordon::sync {
namespace {

using nlohmann::json;

Chance chance() {
    return [random = std::mt19937_64(std::random_device()())]() mutable {
        return std::uniform_real_distribution<double>(0, 1)(random);
    };
}

// Nobody else waits while this does.
class Outside final : public feed::Fetch {
  public:
    Outside(std::unique_ptr<feed::Fetch> inner, std::mutex* working)
        : inner_(std::move(inner)), working_(working) {}
    Result<std::optional<std::string>> get(const std::string& path,
                                           std::uint64_t bytes_max) override {
        struct Left {
            std::mutex* working;
            explicit Left(std::mutex* held) : working(held) { working->unlock(); }
            ~Left() { working->lock(); }
            Left(const Left&) = delete;
        } left(working_);
        return inner_->get(path, bytes_max);
    }

  private:
    std::unique_ptr<feed::Fetch> inner_;
    std::mutex* working_;
};

using What = FeedQuestion::What;

bool is_about_all(const FeedQuestion& question) {
    return question.what == What::sync || question.what == What::verify;
}
bool is_about_none(const FeedQuestion& question) {
    return question.what == What::known_file || question.what == What::local;
}

bool changes_index(const FeedQuestion& question) {
    return question.what == What::sync || question.what == What::hold ||
           question.what == What::fall_back || question.what == What::import ||
           question.what == What::consent || question.what == What::local;
}

Failure no_such_feed(const std::string& name) {
    return failure(ErrorCode::usage,
                   "there is no feed \"" + name + "\"; `cordonctl feed status` lists them");
}

}  // namespace

Result<std::unique_ptr<FeedDesk>> FeedDesk::start(const Config& config,
                                                  std::shared_ptr<const LocalInForce> local,
                                                  DeskClocks clocks) {
    const auto key = node_key(node_key_path(config.options.state_dir));
    if (!key) return Failure(key.error());
    std::unique_ptr<FeedDesk> desk(new FeedDesk(config, *key, clocks));
    if (!desk->bell_.valid())
        return failure(ErrorCode::io, "cannot make an eventfd for the feeds", errno);
    for (const FeedOptions& feed : config.feeds.feeds)
        desk->add_feed(feed, config);
    desk->index_.set_local(std::move(local));
    desk->publish_status();
    desk->thread_ = std::thread([raw = desk.get()] { raw->run(); });
    desk->looker_ = std::thread([raw = desk.get()] { raw->look_for_files(); });
    return desk;
}

FeedDesk::FeedDesk(const Config& config, feed::SecretKey node_key, DeskClocks clocks)
    : clocks_(clocks),
      identity_{config.feeds.node, node_key, config.options.lab != 0, feed::trust_table()},
      state_dir_(config.options.state_dir),
      index_path_(config.options.index_path),
      files_(config.feeds.system_files, state_dir_ + "/system-files.sqlite", &stop_),
      asked_files_(config.feeds.system_files, state_dir_ + "/system-files.sqlite", &stop_),
      index_({index_path_, state_dir_}, feed::box_public(node_key), identity_.lab, files_),
      bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    index_.set_others(
        [this](const std::string& but) -> Result<std::vector<FeedInForce>> {
            std::vector<FeedInForce> others;
            for (const auto& one : feeds_) {
                const Follower& feed = *one->follower;
                if (feed.options().name == but) continue;
                // An index without it would lift what is in force of it.
                if (!feed.is_read())
                    return failure(ErrorCode::refused, "no new index while the state of the feed " +
                                                           feed.options().name + " cannot be read");
                auto there = feed.in_force();
                if (!there) return Failure(there.error());
                if (*there) others.push_back(std::move(**there));
            }
            return others;
        },
        [this](const std::string& but) {
            std::vector<FeedStanding> others;
            for (const auto& one : feeds_)
                if (one->follower->options().name != but)
                    others.push_back(one->follower->standing());
            return others;
        });
}

FeedDesk::~FeedDesk() {
    stop();
}

void FeedDesk::add_feed(const FeedOptions& feed, const Config& config) {
    const FeedFolder folder(state_dir_ + "/feeds/" + feed.name);
    std::vector<Mirror> mirrors;
    for (const std::string& address : feed.mirrors) {
        TransferOptions transfer;
        transfer.base_url = address;
        transfer.ca_file = feed.ca;
        transfer.proxy = feed.proxy;
        transfer.partial_dir = folder.partial_dir();
        auto fetch = std::make_unique<Outside>(
            std::make_unique<HttpsFetch>(std::move(transfer), &stop_), &working_);
        mirrors.push_back({address, std::move(fetch), 0, false, ""});
    }
    Identity identity = identity_;
    identity.node = config.feeds.node;
    auto one = std::make_unique<Followed>();
    one->follower = std::make_unique<Follower>(feed, std::move(identity), folder,
                                               std::move(mirrors), index_, chance());
    say(*one);
    feeds_.push_back(std::move(one));
}

void FeedDesk::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (looker_.joinable()) looker_.join();
}

json FeedDesk::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

Result<json> FeedDesk::history(const std::string& feed) const {
    const std::lock_guard lock(mutex_);
    const auto found = histories_.find(feed);
    if (found == histories_.end()) return no_such_feed(feed);
    return found->second;
}

Result<void> FeedDesk::ask(FeedQuestion question) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_ >= asked_max)
            return failure(ErrorCode::refused, "too many questions about feeds wait already");
        if (is_about_none(question)) {
            auto& asked = question.what == What::known_file ? look_asked_ : own_asked_;
            asked.push_back(std::make_shared<Task>());
            asked.back()->question = std::move(question);
            ++waiting_;
            wake_.notify_all();
            return {};
        }
        const bool all = question.feed.empty() && is_about_all(question);
        std::vector<Followed*> about;
        for (const auto& one : feeds_)
            if (all || one->follower->options().name == question.feed) about.push_back(one.get());
        if (about.empty()) return no_such_feed(question.feed);
        const auto task = std::make_shared<Task>();
        task->question = std::move(question);
        task->left = about.size();
        for (Followed* one : about)
            one->asked.push_back(task);
        ++waiting_;
    }
    wake_.notify_all();
    return {};
}

std::vector<FeedAnswer> FeedDesk::take_answers() {
    eventfd_t rings = 0;
    (void)::eventfd_read(bell_.get(), &rings);  // that it had not rung is no error
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
}

void FeedDesk::tell(std::uint64_t generation, const std::string& error) {
    {
        const std::lock_guard lock(mutex_);
        told_generation_ = generation;
        told_error_ = error;
    }
    wake_.notify_all();
}

// More than anybody looked at yet: what is lost could only have raised a doubt earlier.
void FeedDesk::tell_hits(const std::vector<Hit>& hits) {
    {
        const std::lock_guard lock(mutex_);
        const std::size_t room = hits_max - std::min(hits_max, hits_.size());
        hits_.insert(hits_.end(), hits.begin(),
                     hits.begin() + static_cast<std::ptrdiff_t>(std::min(room, hits.size())));
    }
    wake_.notify_all();
}

// Not longer than this at once: the clock may be set.
constexpr std::uint64_t wait_most_s = 5;

void FeedDesk::run() {
    {
        const std::lock_guard working(working_);
        watch_clock();
        // Mirrors may let us wait: what is in force is told before.
        for (const auto& one : feeds_) {
            start_feed(*one);
            say(*one);
        }
        if (!index_.holds_local()) put_local();
        publish_status();
    }
    for (const auto& one : feeds_)
        one->thread = std::thread([this, raw = one.get()] { follow(*raw); });
    while (!stop_) {
        {
            const std::lock_guard working(working_);
            watch_clock();
            heed_dataplane();
            heed_hits();
            heed_local();
            heed_own_questions();
            for (const auto& one : feeds_)
                say(*one);
            publish_status();
        }
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, std::chrono::seconds(wait_most_s), [this] {
            return stop_ || told_generation_ != 0 || !hits_.empty() || told_local_ != nullptr ||
                   !own_asked_.empty();
        });
    }
    for (const auto& one : feeds_)
        one->thread.join();
    const std::lock_guard working(working_);
    heed_hits();  // what was told is kept
}

void FeedDesk::follow(Followed& one) {
    while (!stop_) {
        turn(one);
        wait(one);
    }
}

// A question first: people wait for it.
void FeedDesk::turn(Followed& one) {
    const std::shared_ptr<Task> task = next_asked(&one.asked);
    const std::lock_guard working(working_);
    if (task) {
        auto part = answer(one, task->question);
        say(one);
        publish_status();
        finish(*task, std::move(part));
    } else if (one.follower->next_poll_s() <= clocks_.unix_s()) {
        poll(one, false);
        say(one);
        publish_status();
    }
}

// Only its own thread moves the time of the next poll.
void FeedDesk::wait(Followed& one) {
    const std::uint64_t now = clocks_.unix_s(), due = one.follower->next_poll_s();
    const auto span = std::chrono::seconds(due > now ? std::min(due - now, wait_most_s) : 0);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, span, [&] { return stop_ || !one.asked.empty(); });
}

std::shared_ptr<FeedDesk::Task> FeedDesk::next_asked(std::deque<std::shared_ptr<Task>>* asked) {
    const std::lock_guard lock(mutex_);
    if (asked->empty()) return nullptr;
    auto task = std::move(asked->front());
    asked->pop_front();
    return task;
}

// The last of those it was about answers for all.
void FeedDesk::finish(Task& task, Result<json> part) {
    const std::lock_guard lock(mutex_);
    if (part) {
        task.list.push_back(std::move(*part));
    } else if (!task.error) {
        task.error = part.error();
    }
    if (--task.left != 0) return;
    --waiting_;
    const auto by_name = [](const json& a, const json& b) { return a.at("name") < b.at("name"); };
    Result<json> result = task.error ? Result<json>(Failure(*task.error)) : json();
    if (result && is_about_all(task.question)) {
        std::sort(task.list.begin(), task.list.end(), by_name);
        *result = json{{"feeds", std::move(task.list)}};
    } else if (result) {
        *result = std::move(task.list.front());
    }
    const std::uint64_t generation = changes_index(task.question) ? index_.generation() : 0;
    answers_.push_back({task.question.client, std::move(result), generation, task.question});
    (void)::eventfd_write(bell_.get(), 1);
}

void FeedDesk::watch_clock() {
    if (clock_.look(clocks_.unix_s(), clocks_.boot_s())) log_line(LogLevel::error, clock_.text());
}

// Reads what is in force; tried again where it could not be read.
bool FeedDesk::start_feed(Followed& one) {
    if (one.started) return true;
    const auto started = one.follower->start(clocks_.unix_s());
    one.started = started.has_value();
    one.not_started = started ? "" : started.error().message();
    return one.started;
}

// False when there is an alarm.
bool FeedDesk::poll(Followed& one, bool asked) {
    Follower& feed = *one.follower;
    const auto first_alarm = [&] {
        return !one.not_started.empty() ? one.not_started
               : feed.alarms().empty()  ? std::string()
                                        : feed.alarms().front();
    };
    const std::string before = first_alarm();
    const std::uint64_t generation = feed.state().in_force.number;
    one.busy = true;
    if (start_feed(one)) feed.poll(clocks_.unix_s(), asked);
    one.busy = false;
    const std::string now = first_alarm();
    const std::string name = "feed " + feed.options().name + ": ";
    // Told when it begins and when it ends, not every minute.
    if (now != before && !stop_)
        log_line(now.empty() ? LogLevel::notice : LogLevel::error,
                 name + (now.empty() ? "all is well" : now));
    if (feed.state().in_force.number != generation)
        log_line(LogLevel::notice,
                 name + "generation " + std::to_string(feed.state().in_force.number));
    say_unreadable();
    return now.empty();
}

// Once: they are the same at every look.
void FeedDesk::say_unreadable() {
    const std::string words = files_.unreadable();
    if (words == unreadable_) return;
    unreadable_ = words;
    if (!words.empty()) log_line(LogLevel::warning, words + ": no list is tried against them");
}

// A dataplane that does not take what was tried here keeps what it has; a restart must not leave it
// with nothing.
void FeedDesk::heed_dataplane() {
    std::uint64_t generation;
    std::string error;
    {
        const std::lock_guard lock(mutex_);
        generation = std::exchange(told_generation_, 0);
        error = told_error_;
    }
    if (generation == 0 || generation != index_.generation()) return;
    index_alarm_ = error.empty() ? "" : "the dataplane refused the index: " + error;
    if (error.empty()) return;
    log_line(LogLevel::error, index_alarm_ + "; the one before takes its place");
    for (const auto& one : feeds_) {
        if (const auto done = one->follower->suspend_lifted(clocks_.unix_s()); !done)
            log_line(LogLevel::error, done.error().message());
    }
    if (const auto back = index_.dataplane_refused(); !back)
        log_line(LogLevel::error, back.error().message());
}

void FeedDesk::use_local(std::shared_ptr<const LocalInForce> local) {
    {
        const std::lock_guard lock(mutex_);
        told_local_ = std::move(local);
    }
    wake_.notify_all();
}

std::string FeedDesk::local_problem() const {
    const std::lock_guard lock(mutex_);
    return local_problem_;
}

void FeedDesk::heed_local() {
    std::shared_ptr<const LocalInForce> local;
    {
        const std::lock_guard lock(mutex_);
        local = std::exchange(told_local_, nullptr);
    }
    if (!local && local_due_s_ > clocks_.unix_s()) return;
    if (local) index_.set_local(std::move(local));
    put_local();
}

void FeedDesk::put_local() {
    constexpr std::uint64_t again_s = 60;
    const Result<void> done = index_.put_local(clocks_.unix_s());
    const std::string problem =
        done ? "" : "its section is not in the index: " + done.error().message();
    local_due_s_ = done ? UINT64_MAX : clocks_.unix_s() + again_s;
    std::string before;
    {
        const std::lock_guard lock(mutex_);
        before = std::exchange(local_problem_, problem);
    }
    if (!problem.empty() && problem != before) log_line(LogLevel::error, "local list: " + problem);
}

void FeedDesk::heed_own_questions() {
    while (const std::shared_ptr<Task> task = next_asked(&own_asked_))
        finish(*task, answer_local(task->question));
}

void FeedDesk::look_for_files() {
    while (!stop_) {
        if (const std::shared_ptr<Task> task = next_asked(&look_asked_)) {
            finish(*task, answer_known_file(task->question));
            continue;
        }
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stop_ || !look_asked_.empty(); });
    }
}

Result<json> FeedDesk::answer_known_file(const FeedQuestion& question) {
    const Result<void> asked =
        refuse_known_file(question.kind, as_bytes(question.digest), asked_files_);
    return asked ? Result<json>(json::object()) : Result<json>(Failure(asked.error()));
}

Result<json> FeedDesk::answer_local(const FeedQuestion& question) {
    heed_local();  // the change that is asked about may have come since
    const std::string problem = local_problem();
    if (problem.empty()) return question.told;
    return failure(ErrorCode::degraded, "the local list is changed, but " + problem);
}

void FeedDesk::heed_hits() {
    std::vector<Hit> hits;
    {
        const std::lock_guard lock(mutex_);
        hits.swap(hits_);
    }
    const std::uint64_t now = clocks_.unix_s();
    for (const Hit& hit : hits) {
        for (const auto& one : feeds_) {
            Follower& feed = *one->follower;
            if (feed.options().name != hit.list || !one->started || !feed.take_hit(hit, now))
                continue;
            log_line(LogLevel::error, "feed " + hit.list + ": " + feed.state().history.back().text);
        }
    }
    for (const auto& one : feeds_)
        if (one->started) static_cast<void>(one->follower->keep_newcomers(now));
}

Result<json> FeedDesk::answer(Followed& one, const FeedQuestion& question) {
    if (question.what == What::sync) return answer_sync(one);
    if (question.what == What::verify) return answer_verify(one);
    if (!one.started) poll(one, false);
    if (!one.started) return failure(ErrorCode::refused, one.not_started);
    Follower& feed = *one.follower;
    if (question.what == What::enrol) return answer_enrol(feed);
    if (question.what == What::rights) return feed_json(feed, clocks_.unix_s()).at("rights");
    const std::uint64_t now = clocks_.unix_s();
    Outside folder(std::make_unique<feed::FolderFetch>(question.folder), &working_);
    if (question.what == What::late_copy) {
        return feed.late_copy(folder, now, question.late_word).map([](std::uint64_t issued_s) {
            return json{{"issued", feed::write_time(issued_s)}};
        });
    }
    one.busy = true;
    const Result<void> done =
        question.what == What::suspend
            ? feed.suspend_here({feed::SuspensionOf::reference, question.reference.value_or(0), now,
                                 question.until_s, question.reason},
                                now)
        : question.what == What::confirm ? feed.confirm(question.reference, question.hold.uid, now)
        : question.what == What::consent ? feed.take_consent(question.consent, now)
        : question.what == What::hold    ? feed.hold(question.hold, now)
        : question.what == What::fall_back ? feed.fall_back(question.hold, now)
                                           : feed.import(folder, now, question.late_word);
    one.busy = false;
    if (!done) return Failure(done.error());
    return feed_json(feed, now);
}

Result<json> FeedDesk::answer_sync(Followed& one) {
    poll(one, true);
    if (!one.started) return failure(ErrorCode::refused, one.not_started);
    return feed_json(*one.follower, clocks_.unix_s());
}

// What lies on the disk is what was believed: every record counted again, every byte of the index.
json FeedDesk::answer_verify(const Followed& one) {
    const Follower& feed = *one.follower;
    const auto checked = check_index(index_path_);
    json problems = json::array();
    if (!one.not_started.empty()) problems.push_back(one.not_started);
    const auto set = feed.in_force();
    if (!set) problems.push_back(set.error().message());
    if (!checked) problems.push_back(checked.error().message());
    if (feed.state().in_force.number != 0 &&
        !index_.holds(feed.options().name, feed.state().in_force, feed.rights().ceiling))
        problems.push_back("the index does not hold the generation in force");
    const bool there = set && *set;
    return {
        {"name", feed.options().name},
        {"generation", feed.state().in_force.number},
        {"records", there ? (*set)->set.records.records().size() : 0},
        {"state", there ? json(feed::to_hex((*set)->set.records.state().bytes())) : json(nullptr)},
        {"problems", problems}};
}

// What the Centre has to know, and what the operator compares with what the Centre told him.
json FeedDesk::answer_enrol(const Follower& feed) const {
    const std::string& root = feed.state().trust.root;
    return json{{"name", feed.options().name},
                {"feed", feed.feed_name()},
                {"lab", feed.lab()},
                {"node", identity_.node},
                {"key", feed::to_hex(feed::box_public(identity_.key))},
                {"root_sha256", feed::to_hex(feed::sha256(as_bytes(root)))}};
}

void FeedDesk::say(Followed& one) {
    if (one.busy) return;  // when it is done
    one.said = feed_json(*one.follower, clocks_.unix_s());
    one.history = history_json(*one.follower);
    if (!one.not_started.empty()) one.said["alarms"].push_back(one.not_started);
}

void FeedDesk::publish_status() {
    json list = json::array();
    std::map<std::string, json> histories;
    for (const auto& one : feeds_) {
        histories[one->follower->options().name] = one->history;
        json line = one->said;
        if (!index_alarm_.empty()) line["alarms"].push_back(index_alarm_);
        if (!clock_.text().empty()) line["alarms"].push_back(clock_.text());
        list.push_back(std::move(line));
    }
    json fresh = {{"node", identity_.node}, {"feeds", std::move(list)}};
    const std::lock_guard lock(mutex_);
    status_ = std::move(fresh);
    histories_ = std::move(histories);
}

}  // namespace cordon::sync
