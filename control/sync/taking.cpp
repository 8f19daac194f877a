// What a follower takes of a feed that it believes: suspensions, a grant, a release.

#include <algorithm>
#include <utility>

#include "control/sync/follower.h"

namespace cordon::sync {

using feed::Refusal;
using feed::refuse;

namespace {

bool same(const feed::Suspension& a, const feed::Suspension& b) {
    return a.what == b.what && a.value == b.value;
}

const feed::Suspension* find(const std::vector<feed::Suspension>& list,
                             const feed::Suspension& one) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&one](const feed::Suspension& s) { return same(s, one); });
    return found == list.end() ? nullptr : &*found;
}

std::string words(const feed::Suspension& s) {
    return std::string(feed::suspension_name(s.what)) + " " + std::to_string(s.value);
}

// A reference stays suspended behind the end of its entry until a later release reaffirms it; what
// is suspended as a whole comes back by itself, or one mistake would last for ever.
bool outlives(const feed::Suspension& s) {
    return s.what == feed::SuspensionOf::reference;
}

bool is_held(const std::vector<HeldSuspension>& list, const feed::Suspension& one) {
    return std::any_of(list.begin(), list.end(),
                       [&one](const HeldSuspension& held) { return same(held.what, one); });
}

}  // namespace

// What is suspended is in force before the state says so, and what is lifted after it: a crash
// between the two suspends more than the state says, which the next news mends.
Result<void> Follower::take_suspensions(const feed::RevocationsMetadata& fresh,
                                        std::uint64_t now_s) {
    std::vector<HeldSuspension> next, ended;
    const FeedState before = state_;
    bool changed = false, added = false;
    for (HeldSuspension held : state_.suspensions) {
        const feed::Suspension* now = find(fresh.suspensions, held.what);
        const bool stands = now != nullptr && now_s < now->until_s;
        if (stands) {
            changed |= held.lapsed_at != 0 || held.what.until_s != now->until_s;
            held = {*now, 0};
        } else if (!outlives(held.what)) {
            ended.push_back(held);
            state_.note(now_s, "suspension of " + words(held.what) + " has ended");
            continue;
        } else if (held.lapsed_at == 0) {
            changed = true;
            held.lapsed_at = std::max<std::uint64_t>(state_.in_force.number, 1);
            state_.note(now_s, "suspension of " + words(held.what) +
                                   " has lapsed; it holds until a later release");
        }
        next.push_back(held);
    }
    for (const feed::Suspension& s : fresh.suspensions) {
        if (is_held(next, s) || now_s >= s.until_s) continue;
        added = true;
        next.push_back({s, 0});
        state_.note(now_s, "suspended: " + words(s) + ": " + s.reason);
    }
    Result<void> done;
    if (added) {
        state_.suspensions = next;
        state_.suspensions.insert(state_.suspensions.end(), ended.begin(), ended.end());
        done = put_suspensions(now_s);
    }
    state_.suspensions = std::move(next);
    if (done && (changed || added || !ended.empty())) done = folder_.save(state_);
    if (!done) {
        state_ = before;
        suspensions_put_ = false;
        return done;
    }
    if (!ended.empty()) suspensions_put_ = false;
    return suspensions_put_ ? Result<void>() : put_suspensions(now_s);
}

Result<void> Follower::put_suspensions(std::uint64_t now_s) {
    suspensions_put_ = false;
    if (state_.in_force.number == 0) return {};
    const Result<void> done = keeper_.suspend(standing(), now_s);
    if (done) put_issued_s_ = state_.trust.issued_s;
    suspensions_put_ = done.has_value();
    return done;
}

// In the generation before they are what they were: suspended until a later release.
void Follower::suspend_lifted() {
    for (HeldSuspension held : std::exchange(state_.lifted, {})) {
        if (is_held(state_.suspensions, held.what)) continue;
        held.lapsed_at = state_.in_force.number;
        state_.suspensions.push_back(std::move(held));
    }
}

Result<void> Follower::suspend_lifted(std::uint64_t now_s) {
    if (state_.lifted.empty()) return {};
    const FeedState before = state_;
    suspend_lifted();
    Result<void> done = put_suspensions(now_s);
    if (done) done = folder_.save(state_);
    if (!done) state_ = before;
    return done;
}

FeedStanding Follower::standing() const {
    return {options_.name,
            state_.trust.issued_s,
            suspensions_here(),
            is_read_,
            options_.doubt_reports ? state_.doubted : std::vector<feed::Suspension>(),
            state_.own_suspensions};
}

// It is in force before the state says it, as other suspensions are.
Result<void> Follower::suspend_here(const feed::Suspension& indicator, std::uint64_t now_s) {
    const FeedState before = state_;
    auto& own = state_.own_suspensions;
    std::erase_if(own, [now_s](const feed::Suspension& one) { return one.until_s < now_s; });
    const auto there = std::erase_if(
        own, [&indicator](const feed::Suspension& one) { return same(one, indicator); });
    const bool ends = indicator.until_s == 0;
    if (ends && there == 0) return failure(ErrorCode::refused, "it is not suspended here");
    if (!ends && own.size() >= own_suspensions_max) {
        state_ = before;
        return failure(ErrorCode::refused, "no more than " + std::to_string(own_suspensions_max) +
                                               " indicators can be suspended here");
    }
    if (!ends) own.push_back(indicator);
    state_.note(now_s, (ends ? "suspended here no longer: " : "suspended here: ") +
                           words(indicator) + ": " + indicator.reason);
    Result<void> done = ends ? folder_.save(state_) : put_suspensions(now_s);
    if (done) done = ends ? put_suspensions(now_s) : folder_.save(state_);
    if (!done) {
        state_ = before;
        suspensions_put_ = false;
    }
    return done;
}

// A generation is told by the step with which it came here, which may have brought several.
std::vector<feed::Suspension> Follower::suspensions_here() const {
    std::vector<feed::Suspension> list;
    for (const HeldSuspension& held : state_.suspensions) {
        feed::Suspension s = held.what;
        // A lapsed one has no end of its own.
        if (held.lapsed_at != 0) s.until_s = UINT64_MAX;
        if (s.what == feed::SuspensionOf::generation) {
            for (const Accepted& step : state_.accepted) {
                if (step.base >= held.what.value || held.what.value > step.generation) continue;
                s.value = step.generation;
                list.push_back(s);
            }
            s.value = held.what.value;
        }
        list.push_back(s);
    }
    return list;
}

Result<void> Follower::open_own_grant(const feed::TargetsMetadata& targets) {
    grant_ = {};
    if (state_.grant.empty()) return {};
    auto grant = feed::open_grant(as_bytes(state_.grant), targets, feed_name_, identity_.node,
                                  identity_.key);
    if (!grant) return Failure(grant.error());
    grant_ = std::move(*grant);
    return {};
}

Result<void> Follower::take_grant(const feed::Refreshed& news, feed::Fetch& fetch,
                                  std::uint64_t now_s) {
    // The key that signed it may have been withdrawn; then there is another one, or none.
    const Result<void> held = open_own_grant(news.targets);
    std::uint32_t epoch = 0;
    if (news.releases)
        for (const auto& [name, file] : news.releases->targets)
            epoch = std::max(epoch, file.epoch);
    const bool lacks = grant_.epochs.empty() || (epoch != 0 && !grant_.epochs.contains(epoch)) ||
                       now_s >= grant_.not_after_s;
    if (!lacks && now_s < grant_asked_s_ + grant_every_s) return {};
    grant_asked_s_ = now_s;
    const std::string path = "grants/" + identity_.node + ".grant";
    const auto got = fetch.get(path, feed::grant_bytes_max);
    if (!got) return Failure(got.error());
    if (!*got && !held) return held;
    if (!*got)
        return lacks ? refuse(Refusal::unreachable, "there is none for " + identity_.node +
                                                        "; `cordonctl feed enrol` says what the "
                                                        "Centre needs")
                     : Result<void>();
    if (**got == state_.grant && !held) return held;
    if (**got == state_.grant)
        return now_s < grant_.not_after_s
                   ? Result<void>()
                   : refuse(Refusal::frozen, "it ended at " + feed::write_time(grant_.not_after_s));
    auto fresh =
        feed::open_grant(as_bytes(**got), news.targets, feed_name_, identity_.node, identity_.key);
    if (!fresh) return Failure(fresh.error());
    if (const char* why = feed::refuse_grant(*fresh, state_.grant_serial, now_s))
        return failure(ErrorCode::integrity, why);
    const FeedState before = state_;
    state_.grant = **got;
    state_.grant_serial = fresh->serial;
    state_.note(now_s, "grant " + std::to_string(fresh->serial) + " until " +
                           feed::write_time(fresh->not_after_s));
    if (const Result<void> saved = folder_.save(state_); !saved) {
        state_ = before;
        return saved;
    }
    grant_ = std::move(*fresh);
    // The section in force ends with the grant; the index has to say the new end.
    if (state_.in_force.number == 0) return {};
    const auto own = in_force();
    if (!own) return Failure(own.error());
    return *own ? put(**own, now_s) : Result<void>();
}

Result<void> Follower::put(const FeedInForce& feed, std::uint64_t now_s) {
    const Result<void> done = keeper_.put(feed, now_s);
    if (done) put_issued_s_ = feed.issued_s;
    suspensions_put_ = done.has_value();
    put_failed_ = !done;
    return done;
}

// While there is news the steps of a list that gets old move on, beside the index: it is built anew
// only when it may not be what the state says.
Result<void> Follower::keep_fresh(std::uint64_t now_s) {
    if (state_.in_force.number == 0) return {};
    if (put_failed_ && holds()) put_failed_ = false;
    if (put_failed_) {
        const auto own = in_force();
        if (!own) return Failure(own.error());
        return *own ? put(**own, now_s) : Result<void>();
    }
    if (state_.trust.issued_s < put_issued_s_ + fresh_every_s) return {};
    return put_suspensions(now_s);
}

Result<void> Follower::take_release(const feed::Refreshed& news, const Source& from,
                                    std::uint64_t now_s) {
    newest_ = news.releases->newest();
    if (newest_ < state_.in_force.number && !state_.hold.pinned)
        return refuse(Refusal::rolled_back, "the releases end before the generation in force");
    if (newest_ <= state_.in_force.number || state_.hold.holds(now_s)) return {};
    if (grant_.epochs.empty() || now_s >= grant_.not_after_s)
        return refuse(Refusal::frozen, "no grant holds");
    if (refused_.generation == newest_ && now_s < refused_.again_s) return Failure(refused_.error);
    FeedSet own;
    if (state_.in_force.number != 0) {
        auto loaded = folder_.load_set(state_.in_force);
        if (!loaded) return Failure(loaded.error());
        own = std::move(*loaded);
    }
    Result<void> done;
    if (auto step = fetch_release(news, from, own.records)) {
        step->generation.accepted_s = now_s;
        done = activate(std::move(*step), std::move(own), news.targets.caps, now_s);
    } else {
        done = Failure(step.error());
    }
    // What cannot be fetched, or kept, may be tried soon; what is wrong stays so for a while.
    if (!done && done.error().code == ErrorCode::integrity)
        refused_ = {newest_, now_s + refused_again_s, done.error()};
    return done;
}

// By the fewest bytes, and when that is refused the full set, each from every mirror in turn.
Result<Follower::Step> Follower::fetch_release(const feed::Refreshed& news, const Source& from,
                                               const feed::RecordSet& own) {
    std::vector<feed::Fetch*> sources = {from.fetch};
    for (Mirror& mirror : mirrors_)
        if (from.mirror != nullptr && &mirror != from.mirror) sources.push_back(mirror.fetch.get());
    const auto cheapest =
        feed::cheapest_path(*news.releases, state_.in_force.number, state_.in_force.epoch);
    const auto full = feed::cheapest_path(*news.releases, 0, 0);
    Error first = refuse(Refusal::mixed, "no listed target leads to it").value();
    bool tried = false;
    for (const auto* way : {&cheapest, &full}) {
        if (way->empty() || (way == &full && full == cheapest)) continue;
        for (feed::Fetch* source : sources) {
            auto step = walk(*way, news, own, *source);
            if (step) return step;
            if (!tried) first = step.error();
            tried = true;
        }
    }
    return Failure(first);
}

Result<Follower::Step> Follower::walk(const std::vector<std::string>& way,
                                      const feed::Refreshed& news, const feed::RecordSet& own,
                                      feed::Fetch& fetch) {
    Step step;
    for (const std::string& name : way) {
        const feed::RecordSet& base = &name == &way.front() ? own : step.set;
        const feed::TargetFile& file = news.releases->targets.at(name);
        const auto key = grant_.epochs.find(file.epoch);
        if (key == grant_.epochs.end())
            return refuse(Refusal::mixed,
                          "the grant has no key of epoch " + std::to_string(file.epoch));
        auto next =
            feed::fetch_and_apply(name, file, news.targets.caps, key->second, base, fetch, nullptr);
        if (!next) return Failure(next.error());
        step.set = std::move(*next);
        step.generation = {file.generation, file.epoch, 0, file.count};
    }
    step.generation.patterns = step.set.count(IndicatorKind::pattern);
    step.generation.perceptual = step.set.count(IndicatorKind::pdq);
    return step;
}

Result<void> Follower::activate(Step step, FeedSet own, const feed::Caps& caps,
                                std::uint64_t now_s) {
    const feed::RecordSet::Changes change = own.records.count_changes(step.set);
    Accepted accepted = {now_s, state_.in_force.number, step.generation.number, change.added,
                         change.removed};
    if (state_.in_force.number == 0) accepted.added = 0;  // the first set, bounded by the total
    if (state_.in_force.number != 0 && state_.in_force.epoch != step.generation.epoch) {
        // A new epoch keys everything anew: what is left to compare is how many there are.
        const std::uint64_t before = own.records.records().size(), after = step.generation.count;
        accepted.base = 0;
        accepted.new_epoch = true;
        accepted.added = after - std::min(before, after);
        accepted.removed = before - std::min(before, after);
    }
    if (const Result<void> ok = check_days(accepted, caps, now_s); !ok) return ok;
    FeedSet set = own.follow(std::move(step.set), step.generation.number);
    own = {};  // the index needs its memory
    if (const Result<void> saved = folder_.save_set(set, step.generation); !saved) return saved;

    const FeedState before = state_;
    state_.previous = state_.in_force;
    state_.in_force = step.generation;
    std::erase_if(state_.accepted,
                  [now_s](const Accepted& one) { return one.time_s + accepted_life_s < now_s; });
    if (state_.accepted.size() >= accepted_max) state_.accepted.erase(state_.accepted.begin());
    state_.accepted.push_back(accepted);
    state_.note(now_s, "generation " + std::to_string(step.generation.number) + ": " +
                           std::to_string(change.added) + " added, " +
                           std::to_string(change.removed) + " removed, " +
                           std::to_string(step.generation.count) + " records");
    auto feed = described(std::move(set), step.generation);
    Result<void> done = feed ? put(*feed, now_s) : Failure(feed.error());
    // Not before the index that lists them anew is in place, and the state says so.
    state_.lifted.clear();
    std::erase_if(state_.suspensions, [&](const HeldSuspension& held) {
        const bool lifts = held.lapsed_at != 0 && held.lapsed_at < step.generation.number;
        if (lifts) state_.lifted.push_back(held);
        return lifts;
    });
    // A crash between the two is mended by start(): the index then holds more than the state says.
    if (done) done = folder_.save(state_);
    if (!done) {
        state_ = before;
        put_failed_ = true;
        return done;
    }
    folder_.sweep(state_);
    return state_.lifted.empty() ? Result<void>() : put_suspensions(now_s);
}

// The caps of a day, over all releases of the last one; who was away for days has their caps.
Result<void> Follower::check_days(const Accepted& change, const feed::Caps& caps,
                                  std::uint64_t now_s) const {
    std::uint64_t added = change.added, removed = change.removed;
    for (const Accepted& one : state_.accepted) {
        if (one.time_s + feed::day_s <= now_s) continue;
        added += one.added;
        removed += one.removed;
    }
    const std::uint64_t away = now_s - std::min(now_s, state_.in_force.accepted_s);
    const std::uint64_t days = std::max<std::uint64_t>((away + feed::day_s - 1) / feed::day_s, 1);
    // Caps are 53 bits and an appliance is away for less than 2^10 days.
    if (added <= caps.additions_day * days && removed <= caps.removals_day * days) return {};
    return refuse(Refusal::over_caps, std::to_string(added) + " additions and " +
                                          std::to_string(removed) + " removals within " +
                                          std::to_string(days) + " days");
}

Result<FeedInForce> Follower::described(FeedSet set, const Generation& generation) const {
    const auto key = grant_.epochs.find(generation.epoch);
    if (key == grant_.epochs.end())
        return refuse(Refusal::mixed,
                      "the grant has no key of epoch " + std::to_string(generation.epoch));
    FeedInForce feed;
    static_cast<FeedStanding&>(feed) = standing();
    feed.ceiling = rights().ceiling;
    feed.generation = generation;
    feed.not_after_s = grant_.not_after_s;
    feed.key = key->second;
    feed.set = std::move(set);
    return feed;
}

Result<std::optional<FeedInForce>> Follower::in_force() const {
    if (state_.in_force.number == 0 || grant_.epochs.empty()) return std::nullopt;
    auto set = folder_.load_set(state_.in_force);
    if (!set) return Failure(set.error());
    auto feed = described(std::move(*set), state_.in_force);
    if (!feed) return Failure(feed.error());
    return std::optional(std::move(*feed));
}

}  // namespace cordon::sync
