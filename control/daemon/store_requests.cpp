// What cordond knows of its store while that answers, and while it does not.

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"

namespace cordon {

namespace {

// Of who asks for the status. A file answers in no time, or its disk is ill.
constexpr std::uint64_t patience_ms = 50;
constexpr std::uint64_t patience_with_file_ms = 1000;
constexpr std::uint64_t figures_ms_max = 10'000;  // then they are told as missing

}  // namespace

StoreOptions Daemon::store_options() const {
    return {config_.control.store_path, config_.options.node_prefix, config_.control.store_server,
            &leaving_, true};
}

Result<void> Daemon::open_stores() {
    auto desk = StoreDesk::start(store_options());
    if (!desk) return Failure(desk.error());
    stores_ = std::move(*desk);
    with_figures([] {});  // the first to ask for the status shall find some
    return {};
}

Result<void> Daemon::open_journal() {
    Result<std::unique_ptr<Store>> store = open_store(store_options());
    if (!store) return Failure(store.error());
    journal_ = std::make_unique<JournalIntake>(std::move(*store),
                                               std::string(config_.options.state_dir) + "/journal",
                                               config_.control.journal_poll_ms, hit_teller());
    return {};
}

// Goes on with new figures, or with those there are when the store takes its time.
void Daemon::with_figures(std::function<void()> then) {
    const bool file = config_.control.store_server.empty();
    const std::uint64_t until_ms = monotonic_ms() + (file ? patience_with_file_ms : patience_ms);
    figures_waited_for_.push_back({until_ms, std::move(then)});
    if (figures_asked_) return;
    const Result<void> asked = stores_->ask([this](StoreDesk::Stores& stores) {
        auto incidents = stores.incidents->statistics();
        auto requests = stores.requests->statistics();
        auto local = stores.incidents->local_hits();
        Result<StoreFigures> figures = Failure(Error{});
        if (incidents && requests && local) {
            figures = StoreFigures{std::move(*incidents), std::move(*requests), std::move(*local)};
        } else {
            figures = Failure(!incidents  ? incidents.error()
                              : !requests ? requests.error()
                                          : local.error());
        }
        return StoreDesk::Answer([this, figures = std::move(figures)] { take_figures(figures); });
    });
    figures_asked_ = asked.has_value();
}

void Daemon::take_figures(const Result<StoreFigures>& figures) {
    figures_asked_ = false;
    figures_ = figures;
    figures_ms_ = monotonic_ms();
    go_on_without_figures(UINT64_MAX);
}

void Daemon::go_on_without_figures(std::uint64_t now_ms) {
    while (!figures_waited_for_.empty() && figures_waited_for_.front().until_ms <= now_ms) {
        const std::function<void()> then = std::move(figures_waited_for_.front().then);
        figures_waited_for_.pop_front();
        then();
    }
}

Result<StoreFigures> Daemon::figures() const {
    const std::uint64_t age_ms = monotonic_ms() - figures_ms_;
    if (!figures_ || age_ms <= figures_ms_max) return figures_;
    return failure(ErrorCode::timeout,
                   "the store has not answered for " + std::to_string(age_ms / 1000) + " s");
}

}  // namespace cordon
