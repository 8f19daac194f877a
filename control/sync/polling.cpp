#include "control/sync/polling.h"

#include <algorithm>
#include <cmath>

namespace cordon::sync {
namespace {

// As the mirror tells it: it decides only who is asked first.
Result<std::uint64_t> claimed_version(const std::string& timestamp) {
    const auto envelope = feed::read_envelope(as_bytes(timestamp), "timestamp");
    if (!envelope) return feed::refuse(feed::Refusal::malformed, envelope.error().text);
    return envelope->version;
}

std::vector<Mirror*> in_random_order(std::vector<Mirror>& mirrors, const Chance& chance) {
    std::vector<Mirror*> order;
    for (Mirror& mirror : mirrors)
        order.push_back(&mirror);
    for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[static_cast<std::size_t>(chance() * static_cast<double>(i))]);
    return order;
}

}  // namespace

void PollTimes::begin(std::uint64_t now_s, const Chance& chance) {
    next_s_ = now_s + static_cast<std::uint64_t>(chance() * first_poll_s);
}

void PollTimes::polled(std::uint64_t now_s, bool failed, std::uint32_t poll_seconds,
                       const Chance& chance) {
    const auto later = [now_s](double seconds) {
        return now_s + static_cast<std::uint64_t>(std::llround(seconds));
    };
    if (!failed) {
        failures_ = 0;
        next_s_ = later(poll_seconds * (0.8 + 0.4 * chance()));
        return;
    }
    ++failures_;
    const double doubled = std::ldexp(static_cast<double>(back_off_first_s),
                                      static_cast<int>(std::min<std::uint64_t>(failures_ - 1, 16)));
    // Half of the most is left to chance: those that the same mirror failed do not come back to it
    // in the same second.
    const double most = static_cast<double>(std::max<std::uint64_t>(back_off_most_s, poll_seconds));
    next_s_ = later(std::min(doubled, most / 2) * (1 + chance()));
}

// A mirror that lies is worse than one that is silent, and must not be hidden by it.
void keep_worse(const Error& error, Error* worst) {
    if (worst->code == ErrorCode::unreachable) *worst = error;
}

std::vector<MirrorAnswer> ask_mirrors(std::vector<Mirror>& mirrors, const Chance& chance,
                                      Error* worst) {
    std::vector<MirrorAnswer> answers;
    for (Mirror* mirror : in_random_order(mirrors, chance)) {
        if (answers.size() == mirrors_asked) break;
        mirror->behind = false;
        mirror->problem.clear();
        auto got = mirror->fetch->get(timestamp_path, feed::timestamp_bytes_max);
        const Result<std::uint64_t> version =
            !got    ? Failure(got.error())
            : !*got ? feed::refuse(feed::Refusal::unreachable, mirror->name + " has no feed")
                    : claimed_version(**got);
        if (!version) {
            mirror->problem = version.error().message();
            keep_worse(version.error(), worst);
            continue;
        }
        mirror->version = *version;
        answers.push_back({mirror, std::move(**got)});
    }
    std::stable_sort(answers.begin(), answers.end(),
                     [](const MirrorAnswer& a, const MirrorAnswer& b) {
                         return a.mirror->version > b.mirror->version;
                     });
    return answers;
}

void name_laggards(const std::vector<MirrorAnswer>& answers, const Mirror& followed) {
    for (const MirrorAnswer& answer : answers)
        answer.mirror->behind = answer.mirror->version < followed.version;
}

}  // namespace cordon::sync
