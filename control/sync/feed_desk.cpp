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

Follower::Chance chance() {
    return [random = std::mt19937_64(std::random_device()())]() mutable {
        return std::uniform_real_distribution<double>(0, 1)(random);
    };
}

Failure no_such_feed(const std::string& name) {
    return failure(ErrorCode::usage,
                   "there is no feed \"" + name + "\"; `cordonctl feed status` lists them");
}

}  // namespace

Result<std::unique_ptr<FeedDesk>> FeedDesk::start(const Config& config,
                                                  std::shared_ptr<const LocalInForce> local) {
    const auto key = node_key(node_key_path(config.options.state_dir));
    if (!key) return Failure(key.error());
    std::unique_ptr<FeedDesk> desk(new FeedDesk(config, *key));
    if (!desk->bell_.valid())
        return failure(ErrorCode::io, "cannot make an eventfd for the feeds", errno);
    for (const FeedOptions& feed : config.feeds.feeds)
        desk->add_feed(feed, config);
    desk->index_.set_local(std::move(local));
    desk->publish_status();
    desk->thread_ = std::thread([raw = desk.get()] { raw->run(); });
    return desk;
}

FeedDesk::FeedDesk(const Config& config, feed::SecretKey node_key)
    : identity_{config.feeds.node, node_key, config.options.lab != 0},
      state_dir_(config.options.state_dir),
      index_path_(config.options.index_path),
      files_(config.feeds.system_files, state_dir_ + "/system-files.sqlite", &stop_),
      index_({index_path_, state_dir_}, feed::box_public(node_key), identity_.lab, files_),
      bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    index_.set_others(
        [this](const std::string& but) -> Result<std::vector<FeedInForce>> {
            std::vector<FeedInForce> others;
            for (const Followed& one : feeds_) {
                const Follower& feed = *one.follower;
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
            for (const Followed& one : feeds_)
                if (one.follower->options().name != but) others.push_back(one.follower->standing());
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
        mirrors.push_back(
            {address, std::make_unique<HttpsFetch>(std::move(transfer), &stop_), 0, false, ""});
    }
    Identity identity = identity_;
    identity.node = config.feeds.node;
    feeds_.push_back({std::make_unique<Follower>(feed, std::move(identity), folder,
                                                 std::move(mirrors), index_, chance()),
                      false, ""});
}

void FeedDesk::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

json FeedDesk::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

Result<void> FeedDesk::ask(FeedQuestion question) {
    {
        const std::lock_guard lock(mutex_);
        if (asked_.size() >= asked_max)
            return failure(ErrorCode::refused, "too many questions about feeds wait already");
        asked_.push_back(std::move(question));
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

void FeedDesk::run() {
    watch_clock();
    // Mirrors may let us wait: what is in force is told before.
    for (Followed& one : feeds_)
        start_feed(one);
    if (!index_.holds_local()) put_local();
    publish_status();
    while (!stop_) {
        turn();
        std::unique_lock lock(mutex_);
        const std::uint64_t now = unix_seconds();
        const std::uint64_t due = next_due_s();
        // Not longer than this at once: the clock may be set.
        constexpr std::uint64_t wait_most_s = 5;
        const auto wait = std::chrono::seconds(due > now ? std::min(due - now, wait_most_s) : 0);
        if (asked_.empty() && !stop_) wake_.wait_for(lock, wait);
    }
}

void FeedDesk::turn() {
    watch_clock();
    heed_dataplane();
    heed_local();
    FeedQuestion question;
    bool has_question = false;
    {
        const std::lock_guard lock(mutex_);
        if (!asked_.empty()) {
            question = std::move(asked_.front());
            asked_.pop_front();
            has_question = true;
        }
    }
    if (has_question) {
        auto result = answer(question);
        publish_status();
        const bool changes = question.what != FeedQuestion::What::history &&
                             question.what != FeedQuestion::What::verify &&
                             question.what != FeedQuestion::What::enrol &&
                             question.what != FeedQuestion::What::known_file;
        const std::lock_guard lock(mutex_);
        answers_.push_back(
            {question.client, std::move(result), changes ? index_.generation() : 0, question.what});
        (void)::eventfd_write(bell_.get(), 1);
        return;  // the next question first: people wait for it
    }
    for (Followed& one : feeds_) {
        if (!stop_ && one.follower->next_poll_s() <= unix_seconds()) poll(one, false);
    }
    publish_status();
}

void FeedDesk::watch_clock() {
    if (clock_.look(unix_seconds(), boot_seconds())) log_line(LogLevel::error, clock_.text());
}

// Reads what is in force; tried again where it could not be read.
bool FeedDesk::start_feed(Followed& one) {
    if (one.started) return true;
    const auto started = one.follower->start(unix_seconds());
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
    if (start_feed(one)) feed.poll(unix_seconds(), asked);
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
    for (Followed& one : feeds_) {
        if (const auto done = one.follower->suspend_lifted(unix_seconds()); !done)
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
    if (!local && local_due_s_ > unix_seconds()) return;
    if (local) index_.set_local(std::move(local));
    put_local();
}

void FeedDesk::put_local() {
    constexpr std::uint64_t again_s = 60;
    const Result<void> done = index_.put_local(unix_seconds());
    const std::string problem =
        done ? "" : "its section is not in the index: " + done.error().message();
    local_due_s_ = done ? UINT64_MAX : unix_seconds() + again_s;
    std::string before;
    {
        const std::lock_guard lock(mutex_);
        before = std::exchange(local_problem_, problem);
    }
    if (!problem.empty() && problem != before) log_line(LogLevel::error, "local list: " + problem);
}

Result<json> FeedDesk::answer_known_file(const FeedQuestion& question) {
    const Result<void> asked = refuse_known_file(question.kind, as_bytes(question.digest), files_);
    return asked ? Result<json>(json::object()) : Result<json>(Failure(asked.error()));
}

std::uint64_t FeedDesk::next_due_s() const {
    std::uint64_t due = local_due_s_;
    for (const Followed& one : feeds_)
        due = std::min(due, one.follower->next_poll_s());
    return due;
}

FeedDesk::Followed* FeedDesk::find(const std::string& name) {
    for (Followed& one : feeds_)
        if (one.follower->options().name == name) return &one;
    return nullptr;
}

Result<json> FeedDesk::answer(const FeedQuestion& question) {
    using What = FeedQuestion::What;
    if (question.what == What::sync) return answer_sync(question.feed);
    if (question.what == What::verify) return answer_verify(question.feed);
    if (question.what == What::known_file) return answer_known_file(question);
    if (question.what == What::local) {
        heed_local();  // the change that is asked about may have come since the turn began
        const std::string problem = local_problem();
        if (problem.empty()) return question.told;
        return failure(ErrorCode::degraded, "the local list is changed, but " + problem);
    }
    Followed* one = find(question.feed);
    if (one == nullptr) return no_such_feed(question.feed);
    if (question.what == What::history) return history_json(*one->follower);
    if (!one->started) poll(*one, false);
    if (!one->started) return failure(ErrorCode::refused, one->not_started);
    Follower& feed = *one->follower;
    if (question.what == What::enrol) return answer_enrol(feed);
    const std::uint64_t now = unix_seconds();
    feed::FolderFetch folder(question.folder);
    const Result<void> done = question.what == What::hold ? feed.hold(question.hold, now)
                              : question.what == What::fall_back
                                  ? feed.fall_back(question.hold, now)
                                  : feed.import(folder, now, question.late_word);
    if (!done) return Failure(done.error());
    return feed_json(feed, now);
}

Result<json> FeedDesk::answer_sync(const std::string& name) {
    json list = json::array();
    for (Followed& one : feeds_) {
        if (!name.empty() && one.follower->options().name != name) continue;
        poll(one, true);
        if (!one.started) return failure(ErrorCode::refused, one.not_started);
        list.push_back(feed_json(*one.follower, unix_seconds()));
    }
    if (list.empty()) return no_such_feed(name);
    return json{{"feeds", list}};
}

// What lies on the disk is what was believed: every record counted again, every byte of the index.
Result<json> FeedDesk::answer_verify(const std::string& name) {
    json list = json::array();
    const auto checked = check_index(index_path_);
    for (const Followed& one : feeds_) {
        const Follower& feed = *one.follower;
        if (!name.empty() && feed.options().name != name) continue;
        json problems = json::array();
        if (!one.not_started.empty()) problems.push_back(one.not_started);
        const auto set = feed.in_force();
        if (!set) problems.push_back(set.error().message());
        if (!checked) problems.push_back(checked.error().message());
        if (feed.state().in_force.number != 0 &&
            !index_.holds(feed.options().name, feed.state().in_force))
            problems.push_back("the index does not hold the generation in force");
        list.push_back(
            {{"name", feed.options().name},
             {"generation", feed.state().in_force.number},
             {"records", set && *set ? (*set)->set.records.records().size() : 0},
             {"state", set && *set ? json(feed::to_hex((*set)->set.records.state().bytes()))
                                   : json(nullptr)},
             {"problems", problems}});
    }
    if (list.empty()) return no_such_feed(name);
    return json{{"feeds", list}};
}

// What the Centre has to know, and what the operator compares with what the Centre told him.
Result<json> FeedDesk::answer_enrol(const Follower& feed) const {
    const std::string& root = feed.state().trust.root;
    return json{{"name", feed.options().name},
                {"feed", feed.feed_name()},
                {"lab", feed.lab()},
                {"node", identity_.node},
                {"key", feed::to_hex(feed::box_public(identity_.key))},
                {"root_sha256", feed::to_hex(feed::sha256(as_bytes(root)))}};
}

void FeedDesk::publish_status() {
    const std::uint64_t now = unix_seconds();
    json list = json::array();
    for (const Followed& one : feeds_) {
        json line = feed_json(*one.follower, now);
        if (!one.not_started.empty()) line["alarms"].push_back(one.not_started);
        if (!index_alarm_.empty()) line["alarms"].push_back(index_alarm_);
        if (!clock_.text().empty()) line["alarms"].push_back(clock_.text());
        list.push_back(std::move(line));
    }
    json fresh = {{"node", identity_.node}, {"feeds", std::move(list)}};
    const std::lock_guard lock(mutex_);
    status_ = std::move(fresh);
}

}  // namespace cordon::sync
