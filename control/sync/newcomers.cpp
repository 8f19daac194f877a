#include "control/sync/newcomers.h"

#include <algorithm>
#include <cstring>

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

HitWindow::Mark mark_of(const feed::SecretKey& key, const Hit& hit) {
    const auto client = client_of(hit.client);
    std::array<std::uint8_t, sizeof hit.reference + sizeof client> pair;
    std::memcpy(pair.data(), &hit.reference, sizeof hit.reference);
    std::copy(client.begin(), client.end(), pair.begin() + sizeof hit.reference);
    const feed::Hash whole = feed::keyed_digest(key, pair);
    HitWindow::Mark mark;
    std::copy_n(whole.begin(), mark.size(), mark.begin());
    return mark;
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

void Newcomers::forget() {
    window_ = {};
    changed_ = true;
}

// What was marked with the key of the hour before is known again by that one, and marked anew.
void Newcomers::remember(const Hit& hit) {
    const std::uint64_t hour = hit.time_s / hour_s;
    if (window_.keys.empty() || window_.keys.back().hour < hour)
        window_.keys.push_back({hour, make_key_()});
    std::vector<std::pair<std::uint64_t, HitWindow::Mark>> marks;
    for (const HitWindow::Key& one : window_.keys)
        marks.push_back({one.hour, mark_of(one.key, hit)});
    std::erase_if(window_.recent, [&](const HitWindow::Recent& one) {
        const bool again = std::any_of(marks.begin(), marks.end(), [&one](const auto& mark) {
            return one.key_hour == mark.first && one.mark == mark.second;
        });
        return again || one.time_s + hour_s <= hit.time_s;
    });
    if (window_.recent.size() >= recent_max) window_.recent.pop_front();
    window_.recent.push_back({hit.reference, marks.back().second, marks.back().first, hit.time_s});
    drop_keys();
}

// True: one is gone. A hit that is later than the hour of a key has a newer one, so that those of
// the last hour have two at most.
bool Newcomers::drop_keys() {
    return std::erase_if(window_.keys, [this](const HitWindow::Key& key) {
               return std::none_of(
                   window_.recent.begin(), window_.recent.end(),
                   [&key](const HitWindow::Recent& one) { return one.key_hour == key.hour; });
           }) != 0;
}

void Newcomers::expire(std::uint64_t now_s, std::vector<HitsOfHour>* hours) {
    std::erase_if(*hours, [now_s](const HitsOfHour& one) { return one.hour > now_s / hour_s + 1; });
    std::erase_if(window_.recent, [now_s](const HitWindow::Recent& one) {
        return one.time_s + hour_s <= now_s || one.time_s > now_s + hour_s;
    });
    changed_ |= drop_keys();
}

std::size_t Newcomers::clients_of(const Hit& hit) const {
    return static_cast<std::size_t>(std::count_if(
        window_.recent.begin(), window_.recent.end(), [&hit](const HitWindow::Recent& one) {
            return one.reference == hit.reference && one.time_s + client_window_s > hit.time_s;
        }));
}

Newcomers::Doubt Newcomers::hit(const Hit& hit, bool is_new, std::vector<HitsOfHour>* hours) {
    const std::uint64_t hour = hit.time_s / hour_s;
    count(hour, hours);
    changed_ = true;
    if (!is_new) return Doubt::none;
    remember(hit);
    if (is_unusual(window_.recent.size(), hour, *hours)) return Doubt::together;
    return clients_of(hit) >= clients_doubt ? Doubt::indicator : Doubt::none;
}

}  // namespace cordon::sync
