#include "dataplane/shell/worker_loop.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "dataplane/shell/clock.h"

namespace cordon {
namespace {

constexpr int worker_nice = -15;

WorkerOptions worker_options(const Surroundings& around, std::uint64_t seed) {
    WorkerOptions made;
    made.options = around.options;
    made.types = around.types;
    made.assembly = around.assembly;
    made.seed = seed;
    return made;
}

std::vector<pollfd> readable(const std::vector<int>& descriptors) {
    std::vector<pollfd> list;
    for (const int fd : descriptors)
        list.push_back({fd, POLLIN, 0});
    return list;
}

}  // namespace

WorkerLoop::WorkerLoop(std::uint32_t number, const Surroundings& around, PortPair* ports,
                       Recorder* recorder, std::uint64_t seed)
    : number_(number),
      around_(around),
      shunts_(around.steer == nullptr ? nullptr
                                      : around.steer->shunts(number, around.options->workers)),
      port_(ports, static_cast<std::uint16_t>(number)),
      worker_(worker_options(around, seed), &port_, recorder),
      bell_(ports->bell(number)),
      wake_on_(readable(ports->wake_descriptors(number))),
      pacing_(around.options->polling, !wake_on_.empty(), around.options->heartbeat_ms_max),
      punctuality_(around.options->heartbeat_ms_max) {
    port_.use_shunts(shunts_.get());
    for (std::uint32_t i = 0; i < around.options->service_count; ++i) {
        states_[i] = {around.options->services[i].mode, around.options->services[i].bypass_until_s};
    }
}

void WorkerLoop::run() {
    // The kernel rounds a sleep up by this much; the default of 50 µs is a tenth of
    // tail_release_us.
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    // On a crowded machine a worker that waits its turn for heartbeat_ms_max would be called hung,
    // and its connections bridged. Refused without the privilege, and then nothing is lost.
    setpriority(PRIO_PROCESS, 0, worker_nice);
    if (around_.steer != nullptr) {
        for (std::uint32_t i = 0; i < services_max; ++i)
            epochs_[i] = around_.steer->epoch(i);
    }
    while (!around_.stop->load(std::memory_order_relaxed))
        turn();
}

void WorkerLoop::turn() {
    const Now now = clock_now();
    if (around_.steer != nullptr) beat(now.ns);
    notice_index();
    notice_suspensions();
    notice_modes();
    const std::size_t frames = worker_.poll(now);
    const std::uint64_t after_ns = clock_now().ns;
    worker_.turn_ended(after_ns);
    publish();
    const std::uint64_t ns = pacing_.nap_ns(frames, after_ns, worker_.next_deadline_ns());
    if (ns != 0)
        nap(ns);
    else if (pacing_.gives_way(frames))
        sched_yield();
}

// Without a beat this worker is to XDP as one that stands still, and later as one that was late.
// While the heartbeat is stale XDP gives us nothing, so what waits in the rings then came before
// what XDP bridged: sending it now would put old bytes behind newer ones.
void WorkerLoop::beat(std::uint64_t now_ns) {
    if (!around_.roll->answer(number_, now_ns)) return;
    if (punctuality_.late(now_ns) && epochs_moved()) {
        stale_.add(port_.discard(Side::client) + port_.discard(Side::storage));
    }
    around_.steer->beat(number_, now_ns);
    punctuality_.beat(now_ns);
    port_.set_valid_until(punctuality_.valid_until_ns());
    // After the beat: what is bridged from now on is another epoch, seen at the next turn.
    notice_bypass();
}

bool WorkerLoop::epochs_moved() const {
    for (std::uint32_t i = 0; i < around_.options->service_count; ++i) {
        if (around_.steer->epoch(i) != epochs_[i]) return true;
    }
    return false;
}

void WorkerLoop::notice_bypass() {
    for (std::uint32_t i = 0; i < around_.options->service_count; ++i) {
        const std::uint64_t epoch = around_.steer->epoch(i);
        if (epoch == epochs_[i]) continue;
        epochs_[i] = epoch;
        worker_.bypassed(i);
    }
}

void WorkerLoop::notice_index() {
    const IndexImage* newest = around_.index->current();
    if (newest == index_) return;
    if (newest == nullptr)
        worker_.use_index(nullptr);
    else
        worker_.use_index(&newest->view(), newest->scanner(number_));
    index_ = newest;
    around_.index->acknowledge(number_, newest);
}

void WorkerLoop::notice_suspensions() {
    const Suspensions* newest = around_.suspensions->current();
    if (newest == suspensions_) return;
    worker_.use_suspensions(newest);
    suspensions_ = newest;
    around_.suspensions->acknowledge(number_, newest);
}

void WorkerLoop::notice_modes() {
    const std::uint64_t changes = around_.modes->changes();
    if (changes == mode_changes_) return;
    mode_changes_ = changes;
    for (std::uint32_t i = 0; i < around_.options->service_count; ++i) {
        const ServiceState state = around_.modes->get(i);
        if (state == states_[i]) continue;
        states_[i] = state;
        worker_.set_mode(i, state.mode, state.bypass_until_s);
    }
}

void WorkerLoop::publish() {
    flows_.store(worker_.flows(), std::memory_order_relaxed);
    midstream_.store(worker_.flows_midstream(), std::memory_order_relaxed);
    open_bytes_.store(worker_.object_bytes_open(), std::memory_order_relaxed);
    kept_bytes_.store(worker_.kept_bytes(), std::memory_order_relaxed);
    turns_.add();
}

// Sleeps until a frame comes or the time is over. A port that has no descriptor to wait on (PCI)
// gets the timed sleep only.
void WorkerLoop::nap(std::uint64_t ns) {
    if (!bell_.lie_down()) return;
    const timespec time{0, static_cast<long>(ns)};
    ppoll(wake_on_.data(), wake_on_.size(), &time, nullptr);
    bell_.get_up();
}

}  // namespace cordon
