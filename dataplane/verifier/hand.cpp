#include "dataplane/verifier/hand.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace cordon::verifier {

namespace {

constexpr std::uint32_t retry_ms = 1000;

std::uint64_t nanoseconds(clockid_t clock) {
    timespec now;
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
           static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Now clock_now() {
    return {nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_REALTIME)};
}

void complain(const std::string& text) {
    std::fprintf(stderr, "<3>%s\n", text.c_str());
}

Hand::Hand(Workshop* workshop, std::uint32_t number)
    : workshop_(*workshop),
      number_(number),
      link_(workshop->socket, &workshop->shelf),
      storage_([this] { return show_life(); }),
      runner_(&storage_, &link_, clock_now, workshop->seed),
      prober_(&storage_, [this](std::uint32_t ms) { rest(ms); }),
      alive_ns_(clock_now().ns),
      thread_([this] { run(); }) {}

Hand::~Hand() {
    thread_.join();
}

bool Hand::show_life() {
    alive_ns_.store(clock_now().ns, std::memory_order_relaxed);
    return !workshop_.stopping.load(std::memory_order_relaxed);
}

// Looks up between times, so that a stop does not wait for it.
void Hand::rest(std::uint32_t ms) {
    constexpr std::uint32_t piece_ms = 100;
    while (show_life() && ms != 0) {
        const std::uint32_t now_ms = std::min(ms, piece_ms);
        const timespec time = {0, static_cast<long>(now_ms) * 1000000};
        ::nanosleep(&time, nullptr);
        ms -= now_ms;
    }
}

void Hand::run() {
    while (show_life()) {
        if (number_ >= workshop_.jobs.load(std::memory_order_relaxed)) {
            link_.close();
            rest(retry_ms);
        } else if (!link_.is_open() && !connect()) {
            rest(retry_ms);
        } else {
            turn();
        }
    }
}

bool Hand::connect() {
    const bool open = link_.open();
    if (number_ == 0 && open != told_open_)
        std::fprintf(stderr, open ? "<5>ready\n" : "<4>cordond is away\n");
    told_open_ = open;
    return open;
}

void Hand::turn() {
    auto job = std::make_unique<VerifyJob>();
    VerifyProbe probe;
    std::uint32_t wait_ms = 0;
    const DeskLink::Next next = link_.next(job.get(), &probe, &wait_ms);
    if (next == DeskLink::Next::lost) return rest(retry_ms);
    workshop_.jobs.store(std::clamp(link_.jobs(), 1u, verify_jobs_max), std::memory_order_relaxed);
    const std::string index_error = number_ == 0 ? workshop_.shelf.error() : std::string();
    if (index_error != told_index_error_ && !index_error.empty()) complain(index_error);
    told_index_error_ = index_error;
    if (next == DeskLink::Next::idle) return rest(wait_ms);
    if (next == DeskLink::Next::probe) return work(probe);
    work(*job);
}

void Hand::work(const VerifyJob& job) {
    VerifyDone done{};
    if (const Result<void> usable = storage_.use(job); !usable) {
        complain(usable.error().message());
        done.id = job.id;
        done.time_ns = clock_now().unix_ns;
        std::snprintf(done.detail, sizeof done.detail, "%s", usable.error().message().c_str());
    } else if (!runner_.run(job, link_.grounds(), &done)) {
        return complain("cordond went away before a match was recorded");
    }
    // A try that was ended by the stop is no failure of the storage: the job goes back as the
    // connection ends.
    if (!show_life() && done.outcome == VerifyOutcome::none) return;
    link_.done(done);
}

void Hand::work(const VerifyProbe& probe) {
    VerifyProbed probed{};
    probed.id = probe.id;
    if (const Result<void> usable = storage_.use(Prober::access_of(probe)); !usable) {
        complain(std::string("self-test of service ") + probe.service + ": " +
                 usable.error().message());
        std::snprintf(probed.error, sizeof probed.error, "%s", usable.error().message().c_str());
    } else {
        prober_.run(probe, clock_now().unix_ns ^ workshop_.seed, &probed);
    }
    if (show_life()) link_.probed(probed);
}

}  // namespace cordon::verifier
