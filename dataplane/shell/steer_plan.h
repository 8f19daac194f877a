// What goes into the kernel maps, worked out from the options.
//
// Owns:       nothing; pure.
// Invariants: an address finds in its longest prefix every service that covers it.
// Thread:     any.
// Limits:     services_max services.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/contract/options.h"
#include "ebpf/steer_shared.h"

namespace cordon {

// Both directions of a flow have one key: `storage` is the end that is the service.
steer_flow make_steer_flow(const std::uint8_t (&client)[16], std::uint16_t client_port,
                           const std::uint8_t (&storage)[16], std::uint16_t storage_port);

// What the services map holds: one set per distinct prefix, with the services of every shorter
// prefix around it, most specific first. Pure.
struct SteerServiceEntry {
    steer_prefix prefix;
    steer_service_set set;
};
bool same_prefix(const steer_prefix& a, const steer_prefix& b);
std::vector<SteerServiceEntry> plan_services(std::span<const ServiceOptions> services);

}  // namespace cordon
