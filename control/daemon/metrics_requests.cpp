// What cordond answers programs that watch it: the status and the coverage that operators see.

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;

Result<void> Daemon::open_metrics() {
    if (config_.metrics.listen.empty()) return {};
    auto server = MetricsServer::listen(config_.metrics.listen, monotonic_ms());
    if (!server) return Failure(server.error());
    metrics_ = std::move(*server);
    return {};
}

void Daemon::answer_metrics() {
    if (!metrics_) return;
    metrics_->handle(monotonic_ms());
    if (!metrics_->wanted() || metrics_gathering_) return;
    metrics_gathering_ = true;
    with_figures([this] { gather_status(); });
}

void Daemon::gather_status() {
    ask(LinkType::status, {}, config_.control.link_timeout_ms,
        [this](const Result<LinkPayload>& payload) {
            const Result<LinkStatus> status =
                payload.and_then([](const LinkPayload& bytes) { return decode_status(bytes); });
            if (!status) return finish_metrics(status_of(status));
            gather_coverage(status_of(status));
        });
}

void Daemon::gather_coverage(json status) {
    ask(LinkType::counters, {}, config_.control.link_timeout_ms,
        [this, status = std::move(status)](const Result<LinkPayload>& payload) mutable {
            const Result<LinkCounters> counters =
                payload.and_then([](const LinkPayload& bytes) { return decode_counters(bytes); });
            if (counters) status["coverage"] = coverage_json(*counters);
            finish_metrics(status);
        });
}

void Daemon::finish_metrics(const json& status) {
    metrics_gathering_ = false;
    metrics_->answer(metric_families(status, unix_seconds()), monotonic_ms());
}

json Daemon::metrics_json() const {
    if (!metrics_) return nullptr;
    const MetricsCounts counts = metrics_->counts();
    return {{"scrapes", counts.scrapes}, {"refused", counts.refused}, {"overdue", counts.overdue}};
}

// Of what the dataplane wrote until a moment ago.
json Daemon::backlog_json(const JournalSnapshot& journal) const {
    if (!dataplane_) return nullptr;
    const std::uint64_t next = std::max<std::uint64_t>(journal.next_sequence, 1);
    const std::uint64_t end = dataplane_->journal_sequence + 1;
    return end > next ? end - next : 0;
}

}  // namespace cordon
