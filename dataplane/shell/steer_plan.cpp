#include "dataplane/shell/steer_plan.h"

#include <algorithm>
#include <cstring>

namespace cordon {

static_assert(services_max <= steer_services_max);

namespace {

steer_prefix masked(const AddressPrefix& prefix) {
    steer_prefix key{};
    key.bits = prefix.bits;
    for (std::uint32_t bit = 0; bit < prefix.bits && bit < 128; bit += 8) {
        const std::uint32_t left = prefix.bits - bit;
        const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff00u >> left);
        key.address[bit / 8] = prefix.address[bit / 8] & mask;
    }
    return key;
}

bool covers(const steer_prefix& outer, const steer_prefix& inner) {
    if (outer.bits > inner.bits) return false;
    AddressPrefix cut{};
    std::memcpy(cut.address, inner.address, sizeof cut.address);
    cut.bits = static_cast<std::uint8_t>(outer.bits);
    return std::memcmp(masked(cut).address, outer.address, sizeof outer.address) == 0;
}

steer_service plan_service(const ServiceOptions& service, std::size_t id) {
    steer_service planned{};
    planned.port = service.port;
    planned.vlan = service.vlan < 0 ? static_cast<std::uint16_t>(steer_vlan_any)
                                    : static_cast<std::uint16_t>(service.vlan);
    planned.id = static_cast<std::uint8_t>(id);
    planned.fail = service.fail == FailMode::closed ? steer_fail_closed : steer_fail_open;
    return planned;
}

steer_service_set plan_set(std::span<const ServiceOptions> services, const steer_prefix& prefix) {
    std::vector<std::size_t> ids;
    for (std::size_t id = 0; id < services.size(); ++id) {
        if (covers(masked(services[id].prefix), prefix)) ids.push_back(id);
    }
    std::stable_sort(ids.begin(), ids.end(), [&](std::size_t a, std::size_t b) {
        const auto bits = [&](std::size_t id) { return services[id].prefix.bits; };
        if (bits(a) != bits(b)) return bits(a) > bits(b);
        return services[a].vlan >= 0 && services[b].vlan < 0;
    });
    steer_service_set set{};
    for (std::size_t id : ids)
        set.services[set.count++] = plan_service(services[id], id);
    return set;
}

}  // namespace

bool same_prefix(const steer_prefix& a, const steer_prefix& b) {
    return a.bits == b.bits && std::memcmp(a.address, b.address, sizeof a.address) == 0;
}

steer_flow make_steer_flow(const std::uint8_t (&client)[16], std::uint16_t client_port,
                           const std::uint8_t (&storage)[16], std::uint16_t storage_port) {
    steer_flow flow{};
    std::memcpy(flow.client, client, sizeof flow.client);
    std::memcpy(flow.storage, storage, sizeof flow.storage);
    flow.client_port = client_port;
    flow.storage_port = storage_port;
    return flow;
}

std::vector<SteerServiceEntry> plan_services(std::span<const ServiceOptions> services) {
    std::vector<SteerServiceEntry> plan;
    for (const ServiceOptions& service : services) {
        const steer_prefix prefix = masked(service.prefix);
        const bool known = std::any_of(plan.begin(), plan.end(), [&](const auto& entry) {
            return same_prefix(entry.prefix, prefix);
        });
        if (!known) plan.push_back({prefix, plan_set(services, prefix)});
    }
    return plan;
}

}  // namespace cordon
