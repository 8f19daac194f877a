// What cordond asks its store, on a thread beside the event loop: a disk may be slow, and a server
// may be away for hours, while operators and the dataplane are to be answered.
//
// Owns:       its thread, its connections to the store and the queue of questions.
// Invariants: a question runs on the thread, once; what it gives back runs in the loop, once, in
//             the order of the questions. What waits when stop() is called is not answered.
// Thread:     made, asked and stopped by the event loop.
// Limits:     questions_max wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "control/store/personal_data.h"
#include "control/store/store.h"
#include "control/store/verify_queue.h"
#include "dataplane/base/descriptor.h"

namespace cordon {

// What status tells of the store.
struct StoreFigures {
    StoreStatistics incidents;
    VerifyStatistics requests;
    std::vector<LocalHits> local;
};

class StoreDesk {
  public:
    static constexpr std::size_t questions_max = 64;

    struct Stores {
        std::unique_ptr<Store> incidents;
        std::unique_ptr<PersonalData> personal;
        std::unique_ptr<VerifyQueue> requests;  // to answer from
    };
    using Answer = std::function<void()>;
    using Question = std::function<Answer(Stores&)>;

    // Errors: those of open_store().
    static Result<std::unique_ptr<StoreDesk>> start(const StoreOptions& options);
    ~StoreDesk();
    StoreDesk(const StoreDesk&) = delete;
    StoreDesk& operator=(const StoreDesk&) = delete;

    // Errors: unreachable, as many as there is room for wait already.
    Result<void> ask(Question question);
    int descriptor() const { return wake_.get(); }  // readable when answer() has something to do
    void answer();
    void stop();

  private:
    StoreDesk(Stores stores, Descriptor wake);
    void run();

    Stores stores_;
    Descriptor wake_;
    std::mutex mutex_;
    std::condition_variable asked_;
    std::deque<Question> questions_;
    std::deque<Answer> answers_;
    bool stopping_ = false;
    std::thread thread_;
};

// Errors: refused, there is no such case.
Result<Incident> find_incident(StoreDesk::Stores& stores, const std::string& number);

}  // namespace cordon
