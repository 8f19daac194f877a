#include "control/daemon/journal_intake.h"

#include "control/daemon/log.h"

namespace cordon {

JournalIntake::JournalIntake(std::unique_ptr<Store> store, std::string directory,
                             std::uint32_t poll_ms, HitTap::Tell tell)
    : store_(std::move(store)),
      tap_(*store_, std::move(tell)),
      reader_(files_, tap_, JournalReaderOptions{.directory = std::move(directory)}),
      poll_ms_(poll_ms),
      thread_([this] { run(); }) {}

JournalIntake::~JournalIntake() {
    stop();
}

JournalSnapshot JournalIntake::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

void JournalIntake::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void JournalIntake::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        poll_once();
        lock.lock();
        wake_.wait_for(lock, std::chrono::milliseconds(poll_ms_), [this] { return stopping_; });
    }
    lock.unlock();
    poll_once();
}

void JournalIntake::poll_once() {
    const Result<JournalProgress> progress = reader_.poll();
    const std::lock_guard lock(mutex_);
    // Told once when it begins and once when it ends, not five times a second.
    if (!progress && (!snapshot_.error || snapshot_.error->text != progress.error().text)) {
        log_line(LogLevel::error, "journal: " + progress.error().message());
    }
    if (progress && snapshot_.error) log_line(LogLevel::notice, "journal: is read again");
    if (progress && progress->segments_damaged + progress->missing > 0) {
        log_line(LogLevel::error, "journal: records are lost or damaged; see cordonctl status");
    }
    snapshot_.error = progress ? std::nullopt : std::optional<Error>(progress.error());
    snapshot_.total = reader_.total();
    snapshot_.next_sequence = reader_.next_sequence();
}

}  // namespace cordon
