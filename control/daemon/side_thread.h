// What cordond does beside its event loop: questions that wait for a disk or a server run on a
// thread, one after the other, and what they give back runs in the loop.
//
// Owns:       its thread, and the questions and answers that wait.
// Invariants: a question runs on the thread, once; what it gives back runs in the loop, once, in
//             the order of the questions. What waits when stop() is called is not answered.
// Thread:     made, asked and stopped by the event loop.
// Limits:     questions_max wait.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

class SideThread {
  public:
    static constexpr std::size_t questions_max = 64;

    using Answer = std::function<void()>;
    using Question = std::function<Answer()>;

    static Result<std::unique_ptr<SideThread>> start();
    ~SideThread();
    SideThread(const SideThread&) = delete;
    SideThread& operator=(const SideThread&) = delete;

    // False: as many as there is room for wait already.
    bool ask(Question question);
    int descriptor() const { return wake_.get(); }  // readable when answer() has something to do
    void answer();
    void stop();

  private:
    explicit SideThread(Descriptor wake);
    void run();

    Descriptor wake_;
    std::mutex mutex_;
    std::condition_variable asked_;
    std::deque<Question> questions_;
    std::deque<Answer> answers_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace cordon
