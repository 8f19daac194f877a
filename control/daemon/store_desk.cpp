#include "control/daemon/store_desk.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace cordon {

Result<std::unique_ptr<StoreDesk>> StoreDesk::start(const StoreOptions& options) {
    // One look whether the server is there and ours is enough: a start waits for it once.
    StoreOptions now = options;
    now.later = false;
    auto incidents = open_store(now);
    if (!incidents) return Failure(incidents.error());
    auto personal = PersonalData::open(options);
    if (!personal) return Failure(personal.error());
    auto requests = open_verify_queue(options);
    if (!requests) return Failure(requests.error());
    Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) return failure(ErrorCode::io, "cannot make an event", errno);
    return std::unique_ptr<StoreDesk>(new StoreDesk(
        {std::move(*incidents), std::move(*personal), std::move(*requests)}, std::move(wake)));
}

StoreDesk::StoreDesk(Stores stores, Descriptor wake)
    : stores_(std::move(stores)), wake_(std::move(wake)), thread_([this] { run(); }) {}

StoreDesk::~StoreDesk() {
    stop();
}

void StoreDesk::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    asked_.notify_all();
    if (thread_.joinable()) thread_.join();
}

Result<void> StoreDesk::ask(Question question) {
    {
        const std::lock_guard lock(mutex_);
        if (questions_.size() >= questions_max)
            return failure(ErrorCode::unreachable, "the store has not answered the last " +
                                                       std::to_string(questions_max) +
                                                       " questions yet; try again");
        questions_.push_back(std::move(question));
    }
    asked_.notify_all();
    return {};
}

void StoreDesk::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
        if (stopping_) return;
        const Question question = std::move(questions_.front());
        questions_.pop_front();
        lock.unlock();
        Answer answer = question(stores_);
        lock.lock();
        answers_.push_back(std::move(answer));
        const std::uint64_t one = 1;
        (void)!::write(wake_.get(), &one, sizeof one);
    }
}

void StoreDesk::answer() {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    std::deque<Answer> ready;
    {
        const std::lock_guard lock(mutex_);
        ready.swap(answers_);
    }
    for (const Answer& answer : ready)
        answer();
}

Result<Incident> find_incident(StoreDesk::Stores& stores, const std::string& number) {
    const Result<std::optional<Incident>> incident = stores.incidents->get_incident(number);
    if (!incident) return Failure(incident.error());
    if (*incident) return **incident;
    return failure(ErrorCode::refused, "there is no case " + number);
}

}  // namespace cordon
