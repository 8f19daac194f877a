// Several feeds at once on real threads and sockets, and a clock that somebody moves: one mirror
// that lets wait must not keep another feed's suspensions from taking effect.
#include "control/sync/feed_desk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>

#include "control/index/index_files.h"
#include "dataplane/contract/suspensions.h"
#include "tests/support/feed_centre.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;
using namespace cordon::test;
using nlohmann::json;

namespace {

std::atomic<std::uint64_t> unix_now{0}, boot_now{0};
std::uint64_t told_unix() {
    return unix_now;
}
std::uint64_t told_boot() {
    return boot_now;
}
void pass(std::uint64_t seconds) {
    unix_now += seconds;
    boot_now += seconds;
}

// Answers with what the centre has there, or takes connections and never says a word.
class Server {
  public:
    explicit Server(const std::map<std::string, std::string>* files)
        : files_(files), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::listen(listener_.get(), 8);
        socklen_t length = sizeof address;
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this] { serve(); });
    }
    ~Server() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    std::string url;
    std::atomic<int> connections{0};
    std::mutex mutex;  // of the files

  private:
    void serve() {
        while (true) {
            Descriptor peer(::accept(listener_.get(), nullptr, nullptr));
            if (!peer.valid()) return;
            ++connections;
            if (files_ == nullptr)
                silent_.push_back(std::move(peer));
            else
                answer(peer.get());
        }
    }
    void answer(int peer) {
        std::string head;
        char byte;
        while (!head.ends_with("\r\n\r\n") && ::recv(peer, &byte, 1, 0) == 1)
            head += byte;
        const std::string path = head.substr(5, head.find(' ', 5) - 5);
        const std::lock_guard lock(mutex);
        const auto file = files_->find(path);
        const std::string body = file == files_->end() ? "" : file->second;
        const std::string text =
            (file == files_->end() ? "HTTP/1.1 404 Not Found\r\n" : "HTTP/1.1 200 OK\r\n") +
            std::string("Connection: close\r\nContent-Length: ") + std::to_string(body.size()) +
            "\r\n\r\n" + body;
        ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    }

    const std::map<std::string, std::string>* files_;
    Descriptor listener_;
    std::vector<Descriptor> silent_;
    std::thread thread_;
};

struct Lab {
    std::string directory;
    FeedCentre centre;
    Server quick{&centre.files}, slow{nullptr};
    feed::SecretKey key;
    Config config = {};
    std::unique_ptr<FeedDesk> desk;

    Lab() {
        char name[] = "/tmp/cordon-desk-XXXXXX";
        directory = ::mkdtemp(name) == nullptr ? "" : name;
        std::filesystem::create_directory(directory + "/system");
        std::ofstream(directory + "/system/file") << "of the system";
        std::ofstream(directory + "/root.json") << centre.bytes("root", 1);
        unix_now = centre.now_s;
        boot_now = 1000;
        key = *node_key(directory + "/node.key");
        const auto set = *feed::RecordSet::of({feed_record(1), feed_record(2)});
        feed::RecordFile full;
        full.generation = 1;
        full.added = set.records();
        full.state = set.state().bytes();
        centre.add_release(full, 2);
        give_grant();
        publish();
        config.options.lab = 1;
        copy(directory, config.options.state_dir);
        copy(directory + "/index.cdx", config.options.index_path);
        config.feeds.node = "box-1";
        config.feeds.system_files = directory + "/system";
    }
    ~Lab() {
        desk.reset();
        std::filesystem::remove_all(directory);
    }

    template <std::size_t N>
    static void copy(const std::string& text, char (&to)[N]) {
        text.copy(to, N - 1);
    }
    void give_grant() {
        feed::Grant grant;
        grant.feed = centre.root.feed;
        grant.node = "box-1";
        grant.serial = 1;
        grant.issued_s = grant.not_before_s = centre.now_s - 120;
        grant.not_after_s = centre.now_s + 30 * feed::day_s;
        grant.epochs[1] = centre.epoch_key;
        centre.files["grants/box-1.grant"] =
            centre.revocations_keys.signed_text(feed::grant_body(grant, feed::box_public(key)));
    }
    // As of the clock.
    void publish() {
        const std::lock_guard lock(quick.mutex);
        centre.next_versions(0);
        centre.now_s = unix_now;
        ++centre.targets.version;
        ++centre.releases.version;
        ++centre.revocations.version;
        centre.serve();
    }
    void follow(const char* name, const std::string& mirror) {
        FeedOptions feed;
        feed.name = name;
        feed.mirrors = {mirror};
        feed.root = directory + "/root.json";
        feed.ceiling = RightsCeiling::block;
        config.feeds.feeds.push_back(feed);
    }
    bool start() {
        auto made = FeedDesk::start(config, nullptr, {told_unix, told_boot});
        if (made) desk = std::move(*made);
        return made.has_value();
    }
    json feed(const char* name) const {
        const json status = desk->status();
        for (const json& one : status.at("feeds"))
            if (one.at("name") == name) return one;
        return nullptr;
    }
    std::size_t suspended() const {
        std::ifstream file(directory + "/suspensions", std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)),
                                std::istreambuf_iterator<char>());
        const auto read = Suspensions::read(as_bytes(bytes));
        return read ? read->entries().size() : 0;
    }
    FeedAnswer answer() const {
        pollfd waits = {desk->descriptor(), POLLIN, 0};
        std::vector<FeedAnswer> answers;
        while (answers.empty() && ::poll(&waits, 1, 20'000) == 1)
            answers = desk->take_answers();
        return answers.empty() ? FeedAnswer{0, failure(ErrorCode::timeout, "none"), 0, {}}
                               : std::move(answers.front());
    }
};

template <typename Is>
bool comes(Is&& is) {
    for (int tries = 0; tries < 400; ++tries) {
        if (is()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
}

// With the time that the first poll waits for.
template <typename Is>
bool comes_in_time(Is&& is) {
    for (int tries = 0; tries < 40; ++tries) {
        pass(6);
        for (int n = 0; n < 20; ++n) {
            if (is()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }
    return false;
}

int setup(void** state) {
    *state = new Lab;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Lab*>(*state);
    return 0;
}

Lab& of(void** state) {
    return *static_cast<Lab*>(*state);
}

// The silent mirror is asked first and answers nobody for half a minute.
void a_silent_mirror_delays_nobody_elses_suspensions(void** state) {
    Lab& lab = of(state);
    lab.follow("slow", lab.slow.url);
    lab.follow("quick", lab.quick.url);
    assert_true(lab.start());
    assert_true(comes_in_time([&] { return lab.slow.connections > 0; }));
    assert_true(comes_in_time([&] { return lab.feed("quick").at("in_force").is_object(); }));
    const int asked = lab.slow.connections;
    lab.centre.revocations.suspensions = {
        {feed::SuspensionOf::reference, 2, unix_now, unix_now + feed::day_s, "complaint"}};
    pass(90);
    lab.publish();
    assert_true(comes([&] { return lab.suspended() == 1; }));
    // Nobody has heard of the other one yet.
    assert_int_equal(lab.slow.connections, asked);
    assert_int_equal(lab.feed("slow").at("failures"), 0);
    assert_true(lab.feed("slow").at("alarms").empty());

    assert_true(lab.desk->ask({7, FeedQuestion::What::sync, "quick", "", {}}).has_value());
    const FeedAnswer answer = lab.answer();
    assert_int_equal(answer.client, 7);
    assert_true(answer.result.has_value());
    assert_int_equal(answer.result->at("feeds").size(), 1);
    assert_true(answer.index_generation != 0);
}

void what_is_asked_of_all_is_answered_once(void** state) {
    Lab& lab = of(state);
    lab.follow("one", lab.quick.url);
    lab.follow("two", lab.quick.url);
    assert_true(lab.start());
    assert_true(lab.desk->ask({1, FeedQuestion::What::sync, "", "", {}}).has_value());
    const FeedAnswer both = lab.answer();
    assert_true(both.result.has_value());
    assert_int_equal(both.result->at("feeds").size(), 2);
    assert_string_equal(both.result->at("feeds")[0].at("name").get<std::string>().c_str(), "one");
    assert_true(lab.desk->ask({2, FeedQuestion::What::verify, "", "", {}}).has_value());
    const FeedAnswer verified = lab.answer();
    for (const json& one : verified.result->at("feeds"))
        assert_true(one.at("problems").empty());
    assert_false(lab.desk->ask({3, FeedQuestion::What::rights, "", "", {}}).has_value());
    assert_false(lab.desk->history("three").has_value());
    assert_false(lab.desk->history("one")->at("history").empty());
    assert_false(lab.desk->ask({3, FeedQuestion::What::sync, "three", "", {}}).has_value());
    // Both are in one index, whichever was built last.
    const auto index = describe_index(lab.directory + "/index.cdx");
    assert_true(index.has_value());
    assert_int_equal(index->sections.size(), 2);
}

// The first look of a kind reads every file of the system: it keeps no feed from what it does.
void a_look_for_a_file_delays_no_feed(void** state) {
    Lab& lab = of(state);
    lab.follow("one", lab.quick.url);
    assert_true(lab.start());
    assert_true(comes_in_time([&] { return lab.feed("one").at("in_force").is_object(); }));
    // Hours of reading, and no byte on the disk.
    const std::string large = lab.directory + "/system/large";
    std::ofstream(large) << "x";
    std::filesystem::resize_file(large, std::uintmax_t{1} << 43);
    FeedQuestion look = {7, FeedQuestion::What::known_file, "", "", {}};
    look.kind = IndicatorKind::md5;
    look.digest = std::string(16, '\x01');
    assert_true(lab.desk->ask(look).has_value());
    assert_true(lab.desk->ask({8, FeedQuestion::What::rights, "one", "", {}}).has_value());
    const FeedAnswer first = lab.answer();
    assert_int_equal(first.client, 8);
    assert_true(first.result.has_value());
    assert_true(lab.desk->history("one").has_value());
    // It ends with the desk, not with the file.
}

void more_questions_than_fit_are_refused(void** state) {
    Lab& lab = of(state);
    lab.follow("slow", lab.slow.url);
    assert_true(lab.start());
    assert_true(comes_in_time([&] { return lab.slow.connections > 0; }));
    for (std::size_t n = 0; n < FeedDesk::asked_max; ++n)
        assert_true(lab.desk->ask({n, FeedQuestion::What::rights, "slow", "", {}}).has_value());
    assert_false(lab.desk->ask({99, FeedQuestion::What::rights, "slow", "", {}}).has_value());
}

void a_clock_that_somebody_moves_is_an_alarm_of_every_feed(void** state) {
    Lab& lab = of(state);
    lab.follow("one", lab.quick.url);
    assert_true(lab.start());
    const auto says_clock = [&] {
        const json one = lab.feed("one");
        for (const json& alarm : one.at("alarms"))
            if (alarm.get<std::string>().starts_with("clock: it stepped by 3600 s")) return true;
        return false;
    };
    assert_true(comes_in_time([&] { return lab.feed("one").at("in_force").is_object(); }));
    pass(600);  // as time passes
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    assert_false(says_clock());
    unix_now += 3600;  // and as it does not
    assert_true(comes(says_clock));
    pass(ClockAlarm::stands_s);
    assert_true(comes([&] { return !says_clock(); }));
}

void matches_of_a_newcomer_are_heeded(void** state) {
    Lab& lab = of(state);
    lab.follow("one", lab.quick.url);
    assert_true(lab.start());
    assert_true(comes_in_time([&] { return lab.feed("one").at("in_force").is_object(); }));
    std::vector<Hit> hits;
    for (std::uint8_t client = 1; client <= 3; ++client) {
        Hit hit;
        hit.list = "one";
        hit.reference = 2;
        hit.added = 1;
        hit.client[0] = client;
        hit.time_s = unix_now;
        hits.push_back(hit);
        hit.list = "another";
        hits.push_back(hit);
    }
    lab.desk->tell_hits(hits);
    assert_true(comes([&] { return lab.suspended() == 1; }));
    assert_true(comes([&] { return lab.feed("one").at("doubted").size() == 1; }));
    assert_false(lab.feed("one").at("alarms").empty());
    FeedQuestion question = {4, FeedQuestion::What::confirm, "one", "", {}};
    question.reference = 2;
    assert_true(lab.desk->ask(question).has_value());
    assert_true(lab.answer().result->at("doubted").empty());
    assert_int_equal(lab.suspended(), 0);
}

}  // namespace

int main() {
    const auto with = [](const char* name, CMUnitTestFunction test) {
        return CMUnitTest{name, test, setup, teardown, nullptr};
    };
#define IN_LAB(test) with(#test, test)
    const CMUnitTest tests[] = {
        IN_LAB(a_silent_mirror_delays_nobody_elses_suspensions),
        IN_LAB(what_is_asked_of_all_is_answered_once),
        IN_LAB(a_look_for_a_file_delays_no_feed),
        IN_LAB(more_questions_than_fit_are_refused),
        IN_LAB(a_clock_that_somebody_moves_is_an_alarm_of_every_feed),
        IN_LAB(matches_of_a_newcomer_are_heeded),
    };
    return cmocka_run_group_tests_name("feed_desk", tests, nullptr, nullptr);
}
