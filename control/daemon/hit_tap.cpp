#include "control/daemon/hit_tap.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/time.h"

namespace cordon {

std::vector<sync::Hit> hits_of(const IncidentRecord& incident) {
    std::vector<sync::Hit> hits;
    const Endpoint& client = incident.forwarded.present != 0 ? incident.forwarded : incident.client;
    const std::size_t count =
        std::min<std::size_t>(incident.match_count, std::size(incident.matches));
    for (std::size_t n = 0; n < count; ++n) {
        const MatchRecord& match = incident.matches[n];
        sync::Hit hit;
        hit.list.assign(match.section, ::strnlen(match.section, sizeof match.section));
        hit.reference = match.reference;
        hit.added = added_of(match);
        std::copy(std::begin(client.address), std::end(client.address), hit.client.begin());
        hit.time_s = incident.time_ns / ns_per_s;
        hits.push_back(std::move(hit));
    }
    return hits;
}

Result<void> HitTap::apply(const RecordBatch& batch) {
    const Result<void> done = sink_.apply(batch);
    if (!done || !tell_) return done;
    std::vector<sync::Hit> hits;
    for (const JournalRecord& record : batch.records) {
        IncidentRecord incident;
        if (record.type != RecordType::decided || record.payload.size() != sizeof incident)
            continue;
        std::memcpy(&incident, record.payload.data(), sizeof incident);
        for (sync::Hit& hit : hits_of(incident))
            hits.push_back(std::move(hit));
    }
    if (!hits.empty()) tell_(hits);
    return done;
}

}  // namespace cordon
