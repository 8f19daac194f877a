// What a follower makes of matches by what came here within a day.

#include <algorithm>

#include "control/sync/follower.h"
#include "dataplane/contract/index_format.h"

namespace cordon::sync {

using feed::SuspensionOf;

// By the step that brought it. A new epoch keys everything anew and is no news.
bool Follower::is_new(const Hit& hit) const {
    if (hit.added == 0) return false;
    return std::any_of(state_.accepted.begin(), state_.accepted.end(),
                       [&hit](const Accepted& step) {
                           return (step.generation & added_mask) == hit.added && !step.new_epoch &&
                                  step.time_s + newcomer_s > hit.time_s;
                       });
}

bool Follower::is_confirmed(SuspensionOf what, std::uint64_t value) const {
    return std::any_of(state_.confirmed.begin(), state_.confirmed.end(), [&](const Confirmed& one) {
        return one.what == what && one.value == value;
    });
}

bool Follower::is_doubted(SuspensionOf what, std::uint64_t value) const {
    return std::any_of(
        state_.doubted.begin(), state_.doubted.end(),
        [&](const feed::Suspension& one) { return one.what == what && one.value == value; });
}

void Follower::doubt(SuspensionOf what, std::uint64_t value, const std::string& why,
                     std::uint64_t now_s) {
    if (is_doubted(what, value) || state_.doubted.size() >= doubted_max) return;
    state_.doubted.push_back({what, value, now_s, 0, why});
    state_.note(now_s, std::string("doubted: ") + feed::suspension_name(what) + " " +
                           std::to_string(value) + ": " + why);
}

// It weakens, so it is in force before the state says it, as suspensions are.
bool Follower::take_hit(const Hit& hit, std::uint64_t now_s) {
    const bool known = is_confirmed(SuspensionOf::reference, hit.reference) ||
                       is_confirmed(SuspensionOf::generation, hit.added);
    auto found = newcomers_.hit(hit, !known && is_new(hit), &state_.hours);
    // Where one after the other is doubted something is wrong with all of them.
    if (found == Newcomers::Doubt::indicator && state_.doubted.size() + 1 >= doubted_max)
        found = Newcomers::Doubt::together;
    const std::size_t before = state_.doubted.size();
    if (found == Newcomers::Doubt::indicator) {
        doubt(SuspensionOf::reference, hit.reference,
              "it is new here and matched from " + std::to_string(clients_doubt) +
                  " clients within 10 minutes",
              now_s);
    } else if (found == Newcomers::Doubt::together) {
        std::erase_if(state_.doubted, [](const feed::Suspension& one) {
            return one.what == SuspensionOf::reference;
        });
        for (const Accepted& step : state_.accepted)
            if (!step.new_epoch && step.time_s + newcomer_s > now_s &&
                !is_confirmed(SuspensionOf::generation, step.generation & added_mask))
                doubt(SuspensionOf::generation, step.generation,
                      "what is new here hits more than 10 times as often as usual", now_s);
    }
    if (state_.doubted.size() == before) return false;
    suspensions_put_ = false;
    if (const auto done = put_suspensions(now_s); done) static_cast<void>(folder_.save(state_));
    return true;
}

// What cannot be read is what nobody wrote: what was hit within the last hour is not known any
// more, and newcomers are on probation as before.
void Follower::resume_newcomers(std::uint64_t now_s) {
    auto kept = folder_.load_newcomers();
    if (!kept) {
        newcomers_lost_ = "newcomers: " + kept.error().message() + "; they are counted anew";
        state_.note(now_s, newcomers_lost_);
        newcomers_.forget();  // and so it is on the disk
    } else if (*kept) {
        newcomers_.resume(std::move((*kept)->window));
        state_.hours = std::move((*kept)->hours);
    }
}

Result<void> Follower::keep_newcomers(std::uint64_t now_s) {
    newcomers_.expire(now_s, &state_.hours);
    if (!newcomers_.has_changed()) return {};
    const Result<void> saved = folder_.save_newcomers(newcomers_.window(), state_.hours);
    if (saved) newcomers_.kept();
    return saved;
}

Result<void> Follower::confirm(std::optional<std::uint64_t> reference, std::uint32_t uid,
                               std::uint64_t now_s) {
    const auto chosen = [&reference](const feed::Suspension& one) {
        return !reference || (one.what == SuspensionOf::reference && one.value == *reference);
    };
    const FeedState before = state_;
    std::erase_if(state_.confirmed, [now_s](const Confirmed& one) {
        return one.time_s + 2 * newcomer_s <= now_s;  // it is no newcomer any more
    });
    for (const feed::Suspension& one : state_.doubted) {
        if (!chosen(one)) continue;
        const bool whole = one.what == SuspensionOf::generation;
        state_.confirmed.push_back({one.what, whole ? one.value & added_mask : one.value, now_s});
        state_.note(now_s, std::string("confirmed: ") + feed::suspension_name(one.what) + " " +
                               std::to_string(one.value) + " by uid " + std::to_string(uid));
    }
    std::erase_if(state_.doubted, chosen);
    if (state_.doubted.size() == before.doubted.size()) {
        state_ = before;
        return failure(ErrorCode::refused, "nothing of it is doubted");
    }
    // Before it is said: a window that is forgotten too early costs nothing, as it is doubted.
    newcomers_.forget();
    Result<void> done = keep_newcomers(now_s);
    if (done) done = folder_.save(state_);
    if (!done) {
        state_ = before;
        return done;
    }
    return put_suspensions(now_s);
}

}  // namespace cordon::sync
