#include "control/daemon/store_desk.h"

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
    auto thread = SideThread::start();
    if (!thread) return Failure(thread.error());
    return std::unique_ptr<StoreDesk>(new StoreDesk(
        {std::move(*incidents), std::move(*personal), std::move(*requests)}, std::move(*thread)));
}

Result<void> StoreDesk::ask(Question question) {
    if (thread_->ask([this, question = std::move(question)] { return question(stores_); }))
        return {};
    return failure(ErrorCode::unreachable, "the store has not answered the last " +
                                               std::to_string(SideThread::questions_max) +
                                               " questions yet; try again");
}

Result<Incident> find_incident(StoreDesk::Stores& stores, const std::string& number) {
    const Result<std::optional<Incident>> incident = stores.incidents->get_incident(number);
    if (!incident) return Failure(incident.error());
    if (*incident) return **incident;
    return failure(ErrorCode::refused, "there is no case " + number);
}

}  // namespace cordon
