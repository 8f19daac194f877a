// What passes without a verdict and is to be judged on the storage, by cordon-verifier.

#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

// For the request under way: its object, or the one at `target` that it makes visible, passes
// without a verdict. False: this service does not verify, or there is no room for the record; then
// it is as if there were no verifier, and the caller goes by the policy of the service. Who must
// not let it pass before the record is durable asks recorder.state() for the ticket.
bool Worker::State::request_verification(FlowNumber number, VerifyReason reason,
                                         std::string_view target, RecordTicket* ticket) {
    const Flow& flow = flows[number];
    const ServiceOptions& wanted = service(flow);
    if (wanted.verify == 0 || flow.exchange == no_exchange) return false;
    incident = IncidentRecord{};
    fill_request(flow, &incident);
    fill_person(flow, &incident);
    verification = VerifyRecord{};
    verification.time_ns = now.unix_ns;
    verification.client = incident.client;
    verification.forwarded = incident.forwarded;
    verification.server = incident.server;
    verification.reason = reason;
    std::memcpy(verification.service, wanted.name, sizeof verification.service);
    std::memcpy(verification.method, incident.method, sizeof verification.method);
    std::memcpy(verification.host, incident.host, sizeof verification.host);
    std::memcpy(verification.account, incident.account, sizeof verification.account);
    if (target.empty()) target = exchanges[flow.exchange].parser.head().target;
    verification.cut = target.size() >= sizeof verification.target ? 1 : 0;
    const std::size_t length = std::min(target.size(), sizeof verification.target - 1);
    std::memcpy(verification.target, target.data(), length);
    RecordTicket own;
    const bool taken = recorder.verify(verification, ticket != nullptr ? ticket : &own);
    counters.count(taken ? Outcome::verify_requested : Outcome::verify_unrecorded);
    return taken;
}

// The same for what pieces come to. False also when it is not visible with this request, or under
// a name that only the storage knows.
bool Worker::State::verify_stored(FlowNumber number, VerifyReason reason, RecordTicket* ticket) {
    const Head& head = exchanges[flows[number].exchange].parser.head();
    const std::string_view target =
        stored_at(head, recipe_of(head, assembly.seed()), service(flows[number]).swift);
    if (target.empty() || target.size() >= sizeof verification.target) return false;
    return request_verification(number, reason, target, ticket);
}

// At the end of a message, or where it broke off: then the storage may have what came of it.
void Worker::State::ask_about_unjudged(Exchange* exchange) {
    if (!exchange->has_unjudged) return;
    exchange->has_unjudged = false;
    verify_stored(exchange->flow, exchange->unjudged);
}

}  // namespace cordon
