#include "control/sync/newcomers.h"

#include <algorithm>

namespace cordon::sync {
namespace {

constexpr std::uint64_t hour_s = 3600;

// An IPv4 address stands in one of IPv6, and is a client as it is.
std::array<std::uint8_t, 16> client_of(std::array<std::uint8_t, 16> address) {
    constexpr std::array<std::uint8_t, 12> of_ipv4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const bool ipv4 = std::equal(of_ipv4.begin(), of_ipv4.end(), address.begin());
    if (!ipv4) std::fill(address.begin() + 8, address.end(), std::uint8_t{0});
    return address;
}

void count(std::uint64_t hour, std::vector<HitsOfHour>* hours) {
    if (hours->empty() || hours->back().hour < hour) hours->push_back({hour, 0});
    const auto at = std::find_if(hours->begin(), hours->end(),
                                 [hour](const HitsOfHour& one) { return one.hour == hour; });
    if (at != hours->end()) ++at->hits;
    const std::uint64_t newest = hours->back().hour;
    std::erase_if(*hours,
                  [newest](const HitsOfHour& one) { return one.hour + hours_max <= newest; });
}

// More than `factor` times a mean hour of those before this one.
bool is_unusual(std::uint64_t hits, std::uint64_t hour, const std::vector<HitsOfHour>& hours) {
    if (hits <= together_least) return false;
    std::uint64_t before = 0, first = hour;
    for (const HitsOfHour& one : hours) {
        if (one.hour >= hour) continue;
        first = std::min(first, one.hour);
        before += one.hits;
    }
    const std::uint64_t known = std::max<std::uint64_t>(hour - first, 1);
    return hits * known > usual_factor * before;
}

}  // namespace

void Newcomers::remember(const Hit& hit) {
    const auto client = client_of(hit.client);
    std::erase_if(recent_, [&](const Recent& one) {
        const bool again = one.reference == hit.reference && one.client == client;
        return again || one.time_s + hour_s <= hit.time_s;
    });
    if (recent_.size() >= recent_max) recent_.pop_front();
    recent_.push_back({hit.reference, client, hit.time_s});
}

std::size_t Newcomers::clients_of(const Hit& hit) const {
    return static_cast<std::size_t>(
        std::count_if(recent_.begin(), recent_.end(), [&hit](const Recent& one) {
            return one.reference == hit.reference && one.time_s + client_window_s > hit.time_s;
        }));
}

Newcomers::Doubt Newcomers::hit(const Hit& hit, bool is_new, std::vector<HitsOfHour>* hours) {
    const std::uint64_t hour = hit.time_s / hour_s;
    count(hour, hours);
    if (!is_new) return Doubt::none;
    remember(hit);
    if (is_unusual(recent_.size(), hour, *hours)) return Doubt::together;
    return clients_of(hit) >= clients_doubt ? Doubt::indicator : Doubt::none;
}

}  // namespace cordon::sync
