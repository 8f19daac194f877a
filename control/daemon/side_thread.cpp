#include "control/daemon/side_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace cordon {

Result<std::unique_ptr<SideThread>> SideThread::start() {
    Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) return failure(ErrorCode::io, "cannot make an event", errno);
    return std::unique_ptr<SideThread>(new SideThread(std::move(wake)));
}

SideThread::SideThread(Descriptor wake) : wake_(std::move(wake)), thread_([this] { run(); }) {}

SideThread::~SideThread() {
    stop();
}

void SideThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    asked_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool SideThread::ask(Question question) {
    {
        const std::lock_guard lock(mutex_);
        if (questions_.size() >= questions_max) return false;
        questions_.push_back(std::move(question));
    }
    asked_.notify_all();
    return true;
}

void SideThread::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
        if (stopping_) return;
        const Question question = std::move(questions_.front());
        questions_.pop_front();
        lock.unlock();
        Answer answer = question();
        lock.lock();
        answers_.push_back(std::move(answer));
        const std::uint64_t one = 1;
        (void)!::write(wake_.get(), &one, sizeof one);
    }
}

void SideThread::answer() {
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

}  // namespace cordon
