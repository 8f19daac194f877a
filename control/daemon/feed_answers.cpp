#include "control/daemon/feed_answers.h"

#include <utility>

namespace cordon {

namespace {

// Null: nothing can be said yet.
const char* said_of(const IndexSeen& seen, std::uint64_t generation, bool heard, bool is_late) {
    if (seen.generation >= generation) return "";
    if (is_late) return "it has not taken it yet";
    if (!heard || seen.loading) return nullptr;
    if (!seen.answers) return "the dataplane does not answer";
    return seen.error.empty() ? nullptr : seen.error.c_str();
}

}  // namespace

void FeedAnswers::add(sync::FeedAnswer answer, std::uint64_t now_ms) {
    waiting_.push_back({std::move(answer), now_ms + wait_ms_max, false});
}

std::vector<sync::FeedAnswer> FeedAnswers::take(const IndexSeen& seen, std::uint64_t now_ms) {
    std::vector<sync::FeedAnswer> ready;
    const bool heard = std::exchange(heard_, false);
    for (Waiting& one : waiting_)
        one.heard = one.heard || heard;
    while (!waiting_.empty()) {
        Waiting& one = waiting_.front();
        const std::uint64_t generation = one.answer.index_generation;
        if (one.answer.result && generation != 0) {
            const char* why = said_of(seen, generation, one.heard, now_ms >= one.until_ms);
            if (why == nullptr) break;
            (*one.answer.result)["dataplane"] = {
                {"generation", seen.generation}, {"in_force", *why == '\0'}, {"why", why}};
        }
        ready.push_back(std::move(one.answer));
        waiting_.pop_front();
    }
    return ready;
}

}  // namespace cordon
