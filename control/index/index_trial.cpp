#include "control/index/index_trial.h"

#include <algorithm>

#include "dataplane/index/index_view.h"

namespace cordon {
namespace {

std::string name_of(const SectionView& section) {
    return std::string(section.name) + " (epoch " + std::to_string(section.epoch) + ")";
}

struct Found {
    Match matches[limits::sections_max];
    std::size_t count;

    Found(const IndexView& view, const TrialDigest& digest, std::uint64_t now_s)
        : count(view.lookup(digest.kind, digest.bytes(), now_s, matches, limits::sections_max)) {}
    std::span<const Match> all() const { return {matches, count}; }
};

// A list that has ended matches nothing, whatever stands in it.
Result<void> can_be_tried(const IndexView& view, std::uint64_t now_s) {
    for (std::size_t n = 0; n < view.section_count(); ++n) {
        const SectionView section = view.section(n);
        if (section.has_key || now_s > section.terms.not_after_s) continue;
        return failure(ErrorCode::refused,
                       "the list " + name_of(section) + " cannot be tried: its key is not at hand");
    }
    return {};
}

Result<void> finds(const IndexView& view, const KnownAnswer& answer, std::uint64_t now_s) {
    const Found found(view, answer.of, now_s);
    const auto is_answer = [&](const Match& match) {
        return view.section(match.section).name == answer.list &&
               match.reference == answer.reference;
    };
    if (std::ranges::any_of(found.all(), is_answer)) return {};
    return failure(ErrorCode::refused, "the list " + std::string(answer.list) +
                                           " does not find its indicator " +
                                           std::to_string(answer.reference));
}

Result<void> leaves_alone(const IndexView& view, const KnownGood& good, std::uint64_t now_s) {
    const Found found(view, good.of, now_s);
    if (found.count == 0) return {};
    const Match& match = found.matches[0];
    return failure(ErrorCode::refused, "the list " + name_of(view.section(match.section)) +
                                           " has " + std::string(good.path) +
                                           " of this system as its indicator " +
                                           std::to_string(match.reference));
}

}  // namespace

Result<void> try_index(Bytes image, const IndexTrial& trial) {
    IndexView view;
    const char* why = "";
    if (IndexView::open(image, trial.allow_lab, &view, &why, trial.keys, trial.now_s) !=
        IndexStatus::ok)
        return failure(ErrorCode::integrity, why);
    if (const Result<void> open = can_be_tried(view, trial.now_s); !open) return open;
    for (const KnownAnswer& answer : trial.answers) {
        if (const Result<void> right = finds(view, answer, trial.now_s); !right) return right;
    }
    for (const KnownGood& good : trial.good) {
        if (const Result<void> right = leaves_alone(view, good, trial.now_s); !right) return right;
    }
    return {};
}

}  // namespace cordon
