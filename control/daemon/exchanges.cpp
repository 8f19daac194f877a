#include "control/daemon/exchanges.h"

#include <algorithm>

namespace cordon {

void Exchanges::begin(const std::string& socket_path, LinkType type, Bytes payload,
                      std::uint32_t timeout_ms, std::uint64_t now_ms, Done done) {
    Result<LinkExchange> exchange = LinkExchange::begin(socket_path, type, payload);
    if (!exchange) return done(Failure(exchange.error()));
    list_.push_back({std::move(*exchange), now_ms + timeout_ms, timeout_ms, std::move(done)});
}

void Exchanges::add_descriptors(std::vector<pollfd>* set) const {
    for (const Pending& pending : list_) {
        set->push_back({pending.exchange.descriptor(), POLLIN, 0});
    }
}

void Exchanges::handle(std::span<const pollfd> ready, std::uint64_t now_ms) {
    // A continuation may begin another exchange, so the list is taken apart first.
    std::vector<std::pair<Done, Result<LinkPayload>>> finished;
    std::vector<Pending> waiting;
    for (std::size_t i = 0; i < list_.size(); ++i) {
        Pending& pending = list_[i];
        std::optional<Result<LinkPayload>> answer;
        if (i < ready.size() && ready[i].revents != 0) answer = pending.exchange.take();
        if (!answer && now_ms >= pending.deadline_ms) answer = link_timed_out(pending.timeout_ms);
        if (answer) {
            finished.emplace_back(std::move(pending.done), std::move(*answer));
        } else {
            waiting.push_back(std::move(pending));
        }
    }
    list_ = std::move(waiting);
    for (const auto& [done, answer] : finished)
        done(answer);
}

std::uint64_t Exchanges::next_deadline_ms(std::uint64_t otherwise) const {
    for (const Pending& pending : list_)
        otherwise = std::min(otherwise, pending.deadline_ms);
    return otherwise;
}

}  // namespace cordon
