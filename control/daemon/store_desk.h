// What cordond asks its store, on a thread beside the event loop: a disk may be slow, and a server
// may be away for hours, while operators and the dataplane are to be answered.
//
// Owns:       its connections to the store, and the thread that uses them.
// Invariants: those of SideThread.
// Thread:     made, asked and stopped by the event loop.
// Limits:     those of SideThread.
#pragma once

#include <functional>
#include <memory>

#include "control/daemon/side_thread.h"
#include "control/store/personal_data.h"
#include "control/store/store.h"
#include "control/store/verify_queue.h"

namespace cordon {

// What status tells of the store.
struct StoreFigures {
    StoreStatistics incidents;
    VerifyStatistics requests;
    std::vector<LocalHits> local;
};

class StoreDesk {
  public:
    struct Stores {
        std::unique_ptr<Store> incidents;
        std::unique_ptr<PersonalData> personal;
        std::unique_ptr<VerifyQueue> requests;  // to answer from
    };
    using Answer = SideThread::Answer;
    using Question = std::function<Answer(Stores&)>;

    // Errors: those of open_store().
    static Result<std::unique_ptr<StoreDesk>> start(const StoreOptions& options);
    // Errors: unreachable, as many as there is room for wait already.
    Result<void> ask(Question question);
    int descriptor() const { return thread_->descriptor(); }
    void answer() { thread_->answer(); }
    void stop() { thread_->stop(); }

  private:
    StoreDesk(Stores stores, std::unique_ptr<SideThread> thread)
        : stores_(std::move(stores)), thread_(std::move(thread)) {}

    Stores stores_;
    std::unique_ptr<SideThread> thread_;  // ends before them
};

// Errors: refused, there is no such case.
Result<Incident> find_incident(StoreDesk::Stores& stores, const std::string& number);

}  // namespace cordon
