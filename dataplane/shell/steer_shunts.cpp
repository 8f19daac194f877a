#include "dataplane/shell/steer_shunts.h"

#include <bpf/bpf.h>

#include <numeric>

#include "dataplane/base/limits.h"
#include "dataplane/shell/steer_plan.h"

namespace cordon {

static_assert(limits::shunt_bytes_max <= steer_shunt_bytes_max);
static_assert(limits::hop_limit_least == steer_hop_limit_least);

namespace {

steer_flow flow_of(const ShuntRange& range) {
    return make_steer_flow(range.client, range.client_port, range.storage, range.storage_port);
}

void set_epoch(steer_passed* place, std::uint32_t epoch) {
    __atomic_store_n(&place->client.epoch, epoch, __ATOMIC_RELEASE);
    __atomic_store_n(&place->storage.epoch, epoch, __ATOMIC_RELEASE);
}

ShuntHeard heard_of(const steer_heard& from) {
    const std::uint64_t answer = __atomic_load_n(&from.answer, __ATOMIC_RELAXED);
    return {__atomic_load_n(&from.frames, __ATOMIC_RELAXED),
            __atomic_load_n(&from.bytes, __ATOMIC_RELAXED),
            static_cast<std::uint32_t>(answer >> 32),
            __atomic_load_n(&from.timestamp, __ATOMIC_RELAXED), static_cast<std::uint16_t>(answer)};
}

}  // namespace

SteerShunts::SteerShunts(int shunt_map, steer_passed* passed, std::uint32_t first,
                         std::uint32_t count)
    : map_(shunt_map), passed_(passed), free_(count), free_count_(count) {
    std::iota(free_.begin(), free_.end(), first);
}

ShuntGrant SteerShunts::shunt(const ShuntRange& range, std::uint32_t* place) {
    if (free_count_ == 0) return ShuntGrant::full;
    const std::uint32_t number = free_[next_];
    if (++epoch_ == 0) ++epoch_;
    steer_passed& at = passed_[number];
    at.client = {};
    at.storage = {};
    at.client.reach = range.from;
    at.client.answer = std::uint64_t{range.client_ack} << 32;
    at.storage.answer = std::uint64_t{range.storage_ack} << 32;
    set_epoch(&at, epoch_);
    const steer_flow flow = flow_of(range);
    const steer_shunt entry{range.from, range.to, epoch_, number, range.timestamps, 0};
    if (::bpf_map_update_elem(map_, &flow, &entry, BPF_ANY) != 0) {
        set_epoch(&at, 0);
        return ShuntGrant::full;
    }
    next_ = (next_ + 1) % free_.size();
    --free_count_;
    *place = number;
    return ShuntGrant::granted;
}

ShuntPassed SteerShunts::passed(std::uint32_t place) const {
    const steer_passed& at = passed_[place];
    // The storage first: what it acknowledges passed before.
    const ShuntHeard storage = heard_of(at.storage);
    return {heard_of(at.client), storage, __atomic_load_n(&at.client.reach, __ATOMIC_RELAXED)};
}

void SteerShunts::revoke(std::uint32_t place) {
    set_epoch(&passed_[place], 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);  // before what passed is read once more
}

void SteerShunts::unshunt(const ShuntRange& range, std::uint32_t place) {
    revoke(place);
    const steer_flow flow = flow_of(range);
    ::bpf_map_delete_elem(map_, &flow);
    free_[(next_ + free_count_) % free_.size()] = place;
    ++free_count_;
}

void SteerShunts::forget_all(int shunt_map, steer_passed* passed) {
    for (std::uint32_t n = 0; n < steer_shunted_max; ++n)
        set_epoch(&passed[n], 0);
    steer_flow key{};
    while (::bpf_map_get_next_key(shunt_map, nullptr, &key) == 0) {
        if (::bpf_map_delete_elem(shunt_map, &key) != 0) return;
    }
}

}  // namespace cordon
