// How long revocations take to be heard by a fleet, on a fake clock: `feed_staleness [--json]
// [--clients 5000] [--days 1] [--seed 1]`. One line of results for each arrangement of mirrors.
//
// The clients poll by control/sync/polling.h, as cordond does. Mirrors are in memory and answer at
// once, so that what is measured is the cadence alone: the transfer, and the dataplane that takes
// up a suspension, come on top (`tests/bench/feed`, metadata and cadence).
#include <getopt.h>

#include <algorithm>
#include <cstdlib>
#include <queue>
#include <random>

#include "control/sync/follower.h"
#include "control/sync/polling.h"
#include "tests/bench/report.h"

namespace {

using namespace cordon;
using namespace cordon::sync;

constexpr std::uint64_t hour_s = 3600;
constexpr std::uint64_t refresh_every_s = 600;     // of the timestamp, by the Centre
constexpr std::uint64_t revocation_every_s = 900;  // somewhere in each such span
constexpr std::uint32_t poll_seconds = 60;

struct Settings {
    std::uint64_t clients = 5000;
    std::uint64_t days = 1;
    std::uint64_t seed = 1;
    bool json = false;
};

struct Span {
    std::uint64_t from_s = 0;
    std::uint64_t to_s = 0;
    bool has(std::uint64_t time_s) const { return from_s <= time_s && time_s < to_s; }
};

// How one mirror of the arrangement differs from a perfect one.
struct MirrorPlan {
    std::uint64_t behind_s = 0;  // it has what the Centre published so long ago
    Span away;
};

struct Plan {
    const char* mirrors;  // in words
    std::vector<MirrorPlan> plans;
    bool together = false;  // all clients start in the same second
};

// What the Centre has published, and when: version i + 1 of the timestamp at times[i].
struct Centre {
    std::vector<std::uint64_t> times;
    std::vector<std::string> documents;
    struct Revocation {
        std::uint64_t time_s;
        std::uint64_t version;
    };
    std::vector<Revocation> revocations;

    Centre(std::uint64_t from_s, std::uint64_t to_s, std::mt19937_64* random) {
        std::vector<std::uint64_t> revoked;
        for (std::uint64_t at = from_s; at < to_s; at += revocation_every_s)
            revoked.push_back(at + (*random)() % revocation_every_s);
        for (std::uint64_t at = 0; at < to_s; at += refresh_every_s)
            times.push_back(at);
        times.insert(times.end(), revoked.begin(), revoked.end());
        std::sort(times.begin(), times.end());
        for (const std::uint64_t at : revoked)
            revocations.push_back({at, version_at(at)});
        for (std::uint64_t version = 1; version <= times.size(); ++version)
            documents.push_back(document(version));
    }
    std::uint64_t version_at(std::uint64_t time_s) const {
        return static_cast<std::uint64_t>(std::upper_bound(times.begin(), times.end(), time_s) -
                                          times.begin());
    }

  private:
    static std::string document(std::uint64_t version) {
        return R"({"signatures":[],"signed":{"_type":"timestamp","expires":"2026-11-22T05:00:00Z",)"
               R"("spec_version":"1.0.31","version":)" +
               std::to_string(version) + "}}";
    }
};

// One mirror, which all clients share: what it serves, and what it had to do for it.
struct Served {
    const Centre& centre;
    const MirrorPlan plan;
    const std::uint64_t& now_s;
    std::vector<std::uint32_t> requests;  // by second

    Result<std::optional<std::string>> timestamp() {
        if (plan.away.has(now_s)) return feed::refuse(feed::Refusal::unreachable, "away");
        ask(1);
        const std::uint64_t version = centre.version_at(now_s - std::min(now_s, plan.behind_s));
        if (version == 0) return std::nullopt;
        return centre.documents[version - 1];
    }
    void ask(std::uint32_t more) { requests[now_s] += more; }
};

class Line final : public feed::Fetch {
  public:
    explicit Line(Served* served) : served_(*served) {}
    Result<std::optional<std::string>> get(const std::string&, std::uint64_t) override {
        return served_.timestamp();
    }
    Served& served() { return served_; }

  private:
    Served& served_;
};

struct Client {
    PollTimes times;
    std::vector<Mirror> mirrors;
    std::uint64_t version = 0;  // that it believes
    std::size_t heard = 0;      // of the revocations
    std::uint64_t grant_asked_s = 0;
};

class Fleet {
  public:
    Fleet(const Plan& plan, const Settings& settings)
        : plan_(plan),
          random_(settings.seed),
          end_s_(hour_s + settings.days * feed::day_s),
          // The first hour is for the clients to come to their cadence.
          centre_(hour_s, end_s_ - 2 * hour_s, &random_) {
        for (const MirrorPlan& mirror : plan.plans)
            served_.push_back({centre_, mirror, now_s_, std::vector<std::uint32_t>(end_s_ + 1)});
        clients_.resize(settings.clients);
        for (Client& client : clients_) {
            for (Served& mirror : served_)
                client.mirrors.push_back({"", std::make_unique<Line>(&mirror), 0, false, ""});
            const std::uint64_t start_s = plan.together ? 0 : random_() % hour_s;
            client.times.begin(start_s, chance_);
            client.grant_asked_s = start_s;
        }
    }

    void run() {
        using Due = std::pair<std::uint64_t, std::uint32_t>;
        std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
        for (std::uint32_t i = 0; i < clients_.size(); ++i)
            due.push({clients_[i].times.next_s(), i});
        while (due.top().first < end_s_) {
            const auto [time_s, i] = due.top();
            due.pop();
            now_s_ = time_s;
            poll(&clients_[i]);
            due.push({clients_[i].times.next_s(), i});
        }
    }

    void report(const Settings& settings) {
        std::sort(waited_s_.begin(), waited_s_.end());
        std::vector<std::uint64_t> requests(end_s_ + 1);
        for (const Served& mirror : served_)
            for (std::size_t s = 0; s <= end_s_; ++s)
                requests[s] += mirror.requests[s];
        const std::size_t from = plan_.together ? 0 : hour_s;
        std::uint64_t sum = 0;
        for (std::size_t s = from; s < end_s_; ++s)
            sum += requests[s];
        const auto most =
            *std::max_element(requests.begin() + static_cast<std::ptrdiff_t>(from), requests.end());
        const std::uint64_t unheard =
            clients_.size() * centre_.revocations.size() - waited_s_.size();
        bench::Report("feed staleness", settings.json)
            .word("mirrors", plan_.mirrors)
            .number("clients", static_cast<double>(clients_.size()))
            .number("revocations", static_cast<double>(centre_.revocations.size()))
            .number("median_s", waited(0.5))
            .number("p99_s", waited(0.99))
            .number("max_s", waited(1))
            .number("limit_max_s", 120)
            .number("above_limit_percent", above(120))
            .number("not_heard", static_cast<double>(unheard))
            .number("polls", static_cast<double>(polls_))
            .number("requests_per_s", static_cast<double>(sum) / static_cast<double>(end_s_ - from))
            .number("requests_per_s_peak", static_cast<double>(most))
            .end();
    }

  private:
    void poll(Client* client) {
        ++polls_;
        Error worst = {ErrorCode::unreachable, ""};
        const auto answers = ask_mirrors(client->mirrors, chance_, &worst);
        client->times.polled(now_s_, answers.empty(), poll_seconds, chance_);
        if (answers.empty()) return;
        const Mirror& followed = *answers.front().mirror;
        Served& mirror = static_cast<Line&>(*followed.fetch).served();
        mirror.ask(1);  // whether there is a next root
        if (now_s_ >= client->grant_asked_s + grant_every_s) {
            mirror.ask(1);
            client->grant_asked_s = now_s_;
        }
        client->version = std::max(client->version, followed.version);
        hear(client, &mirror);
    }

    void hear(Client* client, Served* mirror) {
        const auto& list = centre_.revocations;
        const std::size_t before = client->heard;
        for (; client->heard < list.size() && list[client->heard].version <= client->version;
             ++client->heard)
            waited_s_.push_back(static_cast<std::uint32_t>(now_s_ - list[client->heard].time_s));
        if (client->heard != before) mirror->ask(2);  // snapshot and revocations
    }

    double waited(double part) const {
        if (waited_s_.empty()) return 0;
        const auto at = static_cast<std::size_t>(part * static_cast<double>(waited_s_.size()));
        return waited_s_[std::min(at, waited_s_.size() - 1)];
    }
    double above(std::uint32_t limit_s) const {
        const auto later = std::upper_bound(waited_s_.begin(), waited_s_.end(), limit_s);
        return 100.0 * static_cast<double>(waited_s_.end() - later) /
               static_cast<double>(std::max<std::size_t>(waited_s_.size(), 1));
    }

    const Plan& plan_;
    std::mt19937_64 random_;
    const Chance chance_ = [this] { return std::uniform_real_distribution<double>(0, 1)(random_); };
    std::uint64_t now_s_ = 0;
    std::uint64_t end_s_;
    Centre centre_;
    std::vector<Served> served_;
    std::vector<Client> clients_;
    std::uint64_t polls_ = 0;
    std::vector<std::uint32_t> waited_s_;  // of all clients and revocations, until it was heard
};

std::uint64_t number_of(const char* text) {
    char* end = nullptr;
    const unsigned long long value = std::strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value == 0 || value > 1'000'000) {
        std::fprintf(stderr, "feed_staleness: %s is no number from 1 to 1000000\n", text);
        std::exit(static_cast<int>(ErrorCode::usage));
    }
    return value;
}

Settings parse(int argc, char** argv) {
    constexpr option options[] = {{"clients", required_argument, nullptr, 'c'},
                                  {"days", required_argument, nullptr, 'd'},
                                  {"seed", required_argument, nullptr, 's'},
                                  {"json", no_argument, nullptr, 'j'},
                                  {}};
    Settings settings;
    for (int which; (which = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        if (which == 'c') settings.clients = number_of(optarg);
        if (which == 'd') settings.days = number_of(optarg);
        if (which == 's') settings.seed = number_of(optarg);
        if (which == 'j') settings.json = true;
        if (which == '?') std::exit(static_cast<int>(ErrorCode::usage));
    }
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    const Settings settings = parse(argc, argv);
    const Span hour = {12 * hour_s, 13 * hour_s};
    const Plan plans[] = {{"one", {{}}},
                          {"one, all clients started in the same second", {{}}, true},
                          {"two", {{}, {}}},
                          {"two, one of them 5 minutes behind", {{}, {300, {}}}},
                          {"two, one of them away for an hour", {{}, {0, hour}}},
                          {"one, away for an hour", {{0, hour}}}};
    for (const Plan& plan : plans) {
        Fleet fleet(plan, settings);
        fleet.run();
        fleet.report(settings);
    }
    return 0;
}
