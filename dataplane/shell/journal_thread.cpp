#include "dataplane/shell/journal_thread.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "dataplane/base/invariant.h"
#include "dataplane/base/time.h"
#include "dataplane/shell/record_ring.h"

namespace cordon {

namespace {

// Records of one ring in one sync. More would let one worker's flood delay the others.
constexpr std::uint64_t batch_max = 64;

// While incidents come the thread looks often, because clients wait for their answers, and nobody
// rings: to wake it is a system call in a worker's burst, and that is paid once for all of them.
constexpr std::uint64_t active_for_ns = 50 * ns_per_ms;
constexpr std::uint64_t active_sleep_ns = 150 * ns_per_us;
// Between two steps towards a spare, so that the disk is not kept from others.
constexpr std::uint64_t spare_sleep_ns = 2 * ns_per_ms;

// A bad disk is tried again this often; meanwhile matches are refused at once.
constexpr std::uint64_t retry_after_ns = 200 * ns_per_ms;

std::uint64_t now_ns() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
           static_cast<std::uint64_t>(now.tv_nsec);
}

void nap(std::uint64_t ns) {
    const timespec sleep{0, static_cast<long>(ns)};
    ::nanosleep(&sleep, nullptr);
}

template <typename T>
Bytes bytes_of(const T& record) {
    return {reinterpret_cast<const std::uint8_t*>(&record), sizeof record};
}

}  // namespace

// One ring, as its producer and as the thread sees it.
struct JournalThread::Source final : Recorder, EventRecorder {
    explicit Source(Doorbell& the_bell) : bell(the_bell) {}

    Doorbell& bell;
    RecordRing ring;
    std::array<std::uint64_t, batch_max> sequences;
    std::uint64_t taken = 0;

    bool decided(const IncidentRecord& record, const DenyKey& key, RecordTicket* ticket) override {
        return post(ticket, [&](RecordSlot& slot) {
            slot.type = SlotType::decided;
            slot.key = key;
            slot.decided = record;
        });
    }
    bool enforced(const EnforcedRecord& record) override {
        RecordTicket ticket;
        return post(&ticket, [&](RecordSlot& slot) {
            slot.type = SlotType::enforced;
            slot.enforced = record;
        });
    }
    bool verify(const VerifyRecord& record, RecordTicket* ticket) override {
        return post(ticket, [&](RecordSlot& slot) {
            slot.type = SlotType::verify;
            slot.verify = record;
        });
    }
    bool over(const DenyKey& key) override {
        RecordTicket ticket;
        return post(&ticket, [&](RecordSlot& slot) {
            slot.type = SlotType::over;
            slot.key = key;
        });
    }
    bool gap(const GapRecord& record, RecordTicket* ticket) override {
        return post(ticket, [&](RecordSlot& slot) {
            slot.type = SlotType::gap;
            slot.gap = record;
        });
    }
    bool mode(const ModeRecord& record, RecordTicket* ticket) override {
        return post(ticket, [&](RecordSlot& slot) {
            slot.type = SlotType::mode;
            slot.mode = record;
        });
    }
    RecordState state(RecordTicket ticket, std::uint64_t* sequence) override {
        return ring.state(ticket, sequence);
    }

  private:
    template <typename Fill>
    bool post(RecordTicket* ticket, Fill&& fill) {
        if (!ring.post(ticket, fill)) return false;
        bell.ring();
        return true;
    }
};

JournalThread::JournalThread(Files& files, JournalOptions options, DenyHook& deny,
                             std::uint32_t workers, int idle_ms)
    : journal_(files, std::move(options)), deny_(deny), idle_ms_(idle_ms) {
    for (std::uint32_t n = 0; n <= workers; ++n)
        sources_.push_back(std::make_unique<Source>(bell_));
    backlog_.reserve(enforced_backlog);
    unsynced_.reserve(batch_max * sources_.size());
}

JournalThread::~JournalThread() {
    stop();
}

Recorder& JournalThread::recorder(std::uint32_t worker) {
    INVARIANT(worker + 1 < sources_.size());
    return *sources_[worker];
}

EventRecorder& JournalThread::main() {
    return *sources_.back();
}

Result<void> JournalThread::start() {
    if (int failed = journal_.open()) {
        return failure(ErrorCode::io,
                       "the journal in state_dir cannot be opened; without it no "
                       "match can be answered",
                       failed);
    }
    while (journal_.tend() == TendResult::more) {}
    last_error_.store(journal_.last_error(), std::memory_order_relaxed);
    publish_status();
    stop_.store(false, std::memory_order_relaxed);
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "cordon-journal");  // as top and strace show it
    return {};
}

void JournalThread::stop() {
    if (!thread_.joinable()) return;
    stop_.store(true, std::memory_order_release);
    bell_.ring();
    thread_.join();
}

void JournalThread::run() {
    for (;;) {
        const bool stopping = stop_.load(std::memory_order_acquire);
        const bool worked = round();
        leave_old_segment();
        if (stopping && !worked) break;
        if (!stopping) wait(worked);
    }
    enforced_lost_.fetch_add(backlog_.size(), std::memory_order_relaxed);
}

// One visit to every ring, and one sync for all of them.
bool JournalThread::round() {
    const bool usable = ready();
    bool worked = usable && write_backlog();
    for (auto& source : sources_) {
        take(source.get());
        worked = worked || source->taken != 0;
    }
    const bool durable = journal_.sync() == JournalResult::ok;
    if (!durable && usable) back_off();
    for (const EnforcedRecord& record : unsynced_) {
        if (!durable) keep(record);
    }
    unsynced_.clear();
    for (auto& source : sources_) {
        if (!durable) source->sequences.fill(0);
        std::uint64_t lost = 0;
        for (std::uint64_t n = 0; n < source->taken; ++n)
            lost += source->sequences[n] == 0 && source->ring.front(n).type != SlotType::over;
        unrecorded_.fetch_add(lost, std::memory_order_relaxed);
        // The status first: who sees the answer also sees the durable sequence that covers it.
        publish_status();
        source->ring.finish(source->sequences.data(), source->taken);
    }
    return worked;
}

void JournalThread::take(Source* source) {
    source->taken = std::min(source->ring.waiting(), batch_max);
    for (std::uint64_t n = 0; n < source->taken; ++n) {
        const RecordSlot& slot = source->ring.front(n);
        std::uint64_t& sequence = source->sequences[n];
        switch (slot.type) {
            case SlotType::decided:
                // Also when no record can be written: the client gets 503, the object nothing.
                if (slot.decided.action == MatchAction::block) deny(slot.key);
                sequence = write(RecordType::decided, bytes_of(slot.decided));
                break;
            case SlotType::enforced:
                sequence = write(RecordType::enforced, bytes_of(slot.enforced));
                if (sequence == 0) keep(slot.enforced);
                if (sequence != 0) unsynced_.push_back(slot.enforced);
                break;
            case SlotType::gap:
                sequence = write(RecordType::gap, bytes_of(slot.gap));
                break;
            case SlotType::mode:
                sequence = write(RecordType::mode, bytes_of(slot.mode));
                break;
            case SlotType::verify:
                sequence = write(RecordType::verify, bytes_of(slot.verify));
                break;
            case SlotType::over:
                deny_.undeny(slot.key);
                sequence = 0;  // no record, and nobody asks for the answer
                break;
        }
    }
}

void JournalThread::deny(const DenyKey& key) {
    if (!deny_.deny(key)) deny_failed_.fetch_add(1, std::memory_order_relaxed);
}

// Gives back the sequence, or 0.
std::uint64_t JournalThread::write(RecordType type, Bytes payload) {
    std::uint64_t sequence = 0;
    JournalResult result = journal_.append(type, payload, &sequence);
    if (result == JournalResult::full && make_room()) {
        result = journal_.append(type, payload, &sequence);
    }
    return result == JournalResult::ok ? sequence : 0;
}

bool JournalThread::write_backlog() {
    if (backlog_.empty()) return false;
    std::size_t written = 0;
    while (written < backlog_.size() && written < batch_max) {
        if (write(RecordType::enforced, bytes_of(backlog_[written])) == 0) break;
        ++written;
    }
    if (journal_.sync() != JournalResult::ok) return false;
    backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(written));
    return written != 0;
}

void JournalThread::keep(const EnforcedRecord& record) {
    if (backlog_.size() < enforced_backlog) {
        backlog_.push_back(record);
    } else {
        enforced_lost_.fetch_add(1, std::memory_order_relaxed);
    }
}

// A record tells of a person, and what the reader has stored sealed must not lie open here until
// the segment is full, which may take a quiet appliance months.
void JournalThread::leave_old_segment() {
    if (!journal_.holds_records()) {
        segment_ns_ = 0;
        return;
    }
    const std::uint64_t now = now_ns();
    if (segment_ns_ == 0) segment_ns_ = now;
    if (now - segment_ns_ < journal_.segment_age_max_ns()) return;
    if (journal_.leave() != JournalResult::ok) back_off();
}

// --- bad disks -----------------------------------------------------------------------------------

bool JournalThread::ready() {
    if (journal_.usable()) return true;
    if (now_ns() < retry_ns_) return false;
    if (journal_.open() == 0) return true;
    back_off();
    return false;
}

// The journal is out of spares: makes one now, if the disk lets it.
bool JournalThread::make_room() {
    if (now_ns() < retry_ns_) return false;
    TendResult result = TendResult::more;
    while (journal_.spare_count() == 0 && result == TendResult::more)
        result = journal_.tend();
    if (journal_.spare_count() != 0) return true;
    back_off();
    return false;
}

void JournalThread::back_off() {
    retry_ns_ = now_ns() + retry_after_ns;
    errors_.fetch_add(1, std::memory_order_relaxed);
    last_error_.store(journal_.last_error(), std::memory_order_relaxed);
}

void JournalThread::publish_status() {
    durable_sequence_.store(journal_.durable_sequence(), std::memory_order_relaxed);
    spares_.store(static_cast<std::uint32_t>(journal_.spare_count()), std::memory_order_relaxed);
    usable_.store(journal_.usable(), std::memory_order_relaxed);
}

JournalStatus JournalThread::status() const {
    JournalStatus status;
    status.durable_sequence = durable_sequence_.load(std::memory_order_relaxed);
    status.errors = errors_.load(std::memory_order_relaxed);
    status.unrecorded = unrecorded_.load(std::memory_order_relaxed);
    status.enforced_lost = enforced_lost_.load(std::memory_order_relaxed);
    status.deny_failed = deny_failed_.load(std::memory_order_relaxed);
    status.spares = spares_.load(std::memory_order_relaxed);
    status.usable = usable_.load(std::memory_order_relaxed);
    status.last_error = last_error_.load(std::memory_order_relaxed);
    return status;
}

// -------------------------------------------------------------------------------------------------

// Between two rounds: a step towards the spares, then a sleep as short as the traffic asks for.
void JournalThread::wait(bool worked) {
    const std::uint64_t now = now_ns();
    if (worked) active_ns_ = now;
    TendResult spares = TendResult::idle;
    if (now >= retry_ns_) spares = journal_.tend();
    if (spares == TendResult::failed) back_off();
    if (worked) return;
    if (active_ns_ != 0 && now - active_ns_ < active_for_ns) return nap(active_sleep_ns);
    if (spares == TendResult::more) return nap(spare_sleep_ns);
    if (!bell_.lie_down()) return;
    pollfd bell{bell_.descriptor(), POLLIN, 0};
    ::poll(&bell, 1, idle_ms_);
    bell_.get_up();
}

}  // namespace cordon
