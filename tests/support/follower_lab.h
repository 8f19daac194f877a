// An appliance that follows a Centre in memory (feed_centre.h), with a state on a real disk, on a
// clock and with chances of the test's.
//
// Owns:       a folder below /tmp; the follower, which restart() makes anew as a restart of cordond
//             does.
// Invariants: release(), suspend() and publish() leave a valid feed a minute later.
// Thread:     one.
#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "control/sync/follower.h"
#include "tests/support/feed_centre.h"

namespace cordon::test {

using namespace cordon::sync;

// Remembers what was put; refuses what it is told to.
struct Keeper final : IndexKeeper {
    std::optional<FeedInForce> there;
    std::vector<feed::Suspension> suspensions;
    std::vector<feed::Suspension> doubted;
    std::vector<feed::Suspension> own;
    int puts = 0;
    std::uint64_t told_issued_s = 0;
    std::uint64_t refuses = 0;  // a generation
    bool disk_full = false;

    Result<void> put(const FeedInForce& feed, std::uint64_t) override {
        if (disk_full) return failure(ErrorCode::io, "cannot write", ENOSPC);
        if (feed.generation.number == refuses)
            return failure(ErrorCode::integrity, "it lists /usr/bin/true");
        there = feed;
        suspensions = feed.suspensions;
        doubted = feed.doubted;
        own = feed.own;
        ++puts;
        return {};
    }
    Result<void> suspend(const FeedStanding& feed, std::uint64_t) override {
        if (disk_full) return failure(ErrorCode::io, "cannot write", ENOSPC);
        suspensions = feed.suspensions;
        doubted = feed.doubted;
        own = feed.own;
        told_issued_s = feed.issued_s;
        return {};
    }
    bool holds(const std::string&, const Generation& generation, RightsCeiling ceiling) override {
        return there && there->generation.number == generation.number && there->ceiling == ceiling;
    }
    bool suspends(const FeedStanding& feed) override {
        return suspensions.size() >= feed.suspensions.size();
    }
    std::uint64_t generation() const { return there ? there->generation.number : 0; }
};

// A mirror of the centre that is away when told so.
struct Line final : feed::Fetch {
    FeedCentre& centre;
    const bool& away;
    Line(FeedCentre& of, const bool& is_away) : centre(of), away(is_away) {}
    Result<std::optional<std::string>> get(const std::string& path,
                                           std::uint64_t bytes_max) override {
        if (away) return feed::refuse(feed::Refusal::unreachable, path);
        return centre.get(path, bytes_max);
    }
};

struct Appliance {
    std::string directory;
    FeedCentre centre;
    FeedCentre other;  // what a second mirror serves
    bool away = false;
    bool other_away = true;
    Keeper keeper;
    IndexKeeper* index = &keeper;
    feed::SecretKey key = feed::SecretKey::random();
    feed::RecordSet set;  // the newest of the centre
    std::uint64_t grant_serial = 0;
    double chance = 0.5;
    std::unique_ptr<Follower> follower;

    Appliance() {
        char name[] = "/tmp/cordon-follower-XXXXXX";
        directory = ::mkdtemp(name) == nullptr ? "" : name;
        std::ofstream(directory + "/root.json") << centre.bytes("root", 1);
        release({1, 2});
        grant(centre.now_s + 31 * feed::day_s);
        restart();
    }
    ~Appliance() { std::filesystem::remove_all(directory); }
    Appliance(const Appliance&) = delete;

    FeedOptions options;
    std::vector<feed::TrustedRoot> trusted;

    void restart(bool lab = true) {
        follower.reset();
        options.name = "centre";
        if (options.root.empty()) options.root = directory + "/root.json";
        std::vector<Mirror> mirrors;
        mirrors.push_back({"one", std::make_unique<Line>(centre, away), 0, false, ""});
        mirrors.push_back({"two", std::make_unique<Line>(other, other_away), 0, false, ""});
        follower = std::make_unique<Follower>(options, Identity{"box-1", key, lab, trusted},
                                              FeedFolder(directory + "/feed"), std::move(mirrors),
                                              *index, [this] { return chance; });
        const auto started = follower->start(centre.now_s);
        started_as = started ? "" : started.error().message();
    }
    std::string started_as;

    // The set of these tags is the next generation: in full, and as a delta from the one before.
    void release(const std::vector<std::uint8_t>& tags) {
        std::vector<feed::FeedRecord> records;
        for (const std::uint8_t tag : tags)
            records.push_back(feed_record(tag));
        release_records(std::move(records));
    }
    void release_records(std::vector<feed::FeedRecord> records) {
        const std::size_t count = records.size();
        const feed::RecordSet next = *feed::RecordSet::of(std::move(records));
        const std::uint64_t generation = centre.releases.newest() + 1;
        feed::RecordFile full, delta;
        full.generation = delta.generation = generation;
        full.added = next.records();
        full.state = next.state().bytes();
        centre.add_release(full, count);
        if (generation > 1) {
            delta.base = generation - 1;
            set.changes_to(next, &delta);
            centre.add_release(delta, count);
        }
        set = next;
        publish();
    }
    // All documents a minute later.
    void publish(std::uint64_t later_s = 60) {
        centre.next_versions(later_s);
        ++centre.targets.version;
        ++centre.releases.version;
        ++centre.revocations.version;
        centre.releases.expires_s = centre.now_s + feed::releases_life_s;
        centre.revocations.expires_s = centre.now_s + feed::revocations_life_s;
        centre.serve();
    }
    void suspend(feed::SuspensionOf what, std::uint64_t value) {
        centre.revocations.suspensions.push_back(
            {what, value, centre.now_s, centre.now_s + feed::day_s, "complaint"});
        publish();
    }
    void grant(std::uint64_t until_s, const char* node = "box-1") {
        feed::Grant grant;
        grant.feed = centre.root.feed;
        grant.node = node;
        grant.serial = ++grant_serial;
        grant.issued_s = grant.not_before_s = centre.now_s - 120;
        grant.not_after_s = std::min(until_s, grant.not_before_s + feed::grant_life_max_s);
        grant.epochs[1] = centre.epoch_key;
        centre.files["grants/box-1.grant"] =
            centre.revocations_keys.signed_text(feed::grant_body(grant, feed::box_public(key)));
    }
    // The alarms, one behind the other.
    std::string poll(bool asked = false) {
        follower->poll(centre.now_s, asked);
        std::string text;
        for (const std::string& alarm : follower->alarms())
            text += (text.empty() ? "" : " | ") + alarm;
        return text;
    }
    bool alarm_has(const std::string& text, const char* wanted) {
        if (text.find(wanted) != std::string::npos) return true;
        std::fprintf(stderr, "no \"%s\" in \"%s\"\n", wanted, text.c_str());
        return false;
    }
    bool in_force(std::uint64_t generation) {
        return keeper.generation() == generation && follower->state().in_force.number == generation;
    }
};

}  // namespace cordon::test
