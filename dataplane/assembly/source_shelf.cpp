#include "dataplane/assembly/source_shelf.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace {

constexpr std::uint64_t doubt_ns = limits::assembly_source_doubt_seconds * ns_per_s;
// Sets that are looked at in one turn.
constexpr std::uint32_t expire_step = 4;

}  // namespace

struct SourceShelf::Place {
    SourceName name;
    std::uint32_t service;
    std::uint32_t writes;  // under way
    bool is_used;
    bool is_contested;        // one has ended while others were under way
    std::uint64_t unsure_ns;  // until then an older one may still take effect
    std::uint64_t stored_ns;  // when it was last written
    std::uint64_t epoch;      // of the service, when what is known began to come
    std::uint64_t state;      // 0: nothing is known
    SourceObject object;
};

SourceShelf::SourceShelf(std::uint32_t places, std::uint64_t idle_ns, LeafSpool* leaves)
    : idle_ns_(idle_ns),
      leaves_(leaves),
      sets_(std::max(places / set_places, 1u)),
      places_(std::make_unique<Place[]>(std::size_t{sets_} * set_places)) {}

SourceShelf::~SourceShelf() = default;

std::uint64_t SourceShelf::place_bytes() {
    return sizeof(Place);
}

std::uint32_t SourceShelf::set_of(const SourceName& name, std::uint32_t service) const {
    return static_cast<std::uint32_t>((name.key.low ^ service * 0x9e3779b97f4a7c15ull) % sets_);
}

// All spellings of a name that some storage takes for one share a place.
std::uint32_t SourceShelf::find(std::uint32_t set, const SourceName& name,
                                std::uint32_t service) const {
    for (std::uint32_t at = set * set_places; at < (set + 1) * set_places; ++at) {
        const Place& place = places_[at];
        if (place.is_used && place.service == service && place.name.key == name.key) return at;
    }
    return SourceWrite::none;
}

// none: all are under way.
std::uint32_t SourceShelf::take_place(std::uint32_t set, Now now) {
    std::uint32_t oldest = SourceWrite::none;
    for (std::uint32_t at = set * set_places; at < (set + 1) * set_places; ++at) {
        const Place& place = places_[at];
        if (!place.is_used) return at;
        if (place.writes != 0) continue;
        if (oldest == SourceWrite::none || place.stored_ns < places_[oldest].stored_ns) oldest = at;
    }
    if (oldest == SourceWrite::none) return oldest;
    Place& place = places_[oldest];
    if (place.unsure_ns > now.ns) {  // what is remembered of it holds for all then
        Doubt& doubt = doubts_[place.service];
        doubt.until_ns.store(now.ns + doubt_ns, std::memory_order_relaxed);
        doubt.epoch.fetch_add(1);
    }
    forget(&place);
    return oldest;
}

void SourceShelf::forget(Place* place) {
    if (place->state != 0) known_.fetch_sub(1, std::memory_order_relaxed);
    place->state = 0;
    drop(&place->object);
    place->object = {};
    place->is_used = place->writes != 0;
}

bool SourceShelf::is_trusted(std::uint32_t service, std::uint64_t epoch, Now now) const {
    const Doubt& doubt = doubts_[service];
    return doubt.under_way.load() == 0 && doubt.epoch.load() == epoch &&
           doubt.until_ns.load(std::memory_order_relaxed) <= now.ns;
}

SourceWrite SourceShelf::begin(const SourceName& name, std::uint32_t service, Now now) {
    const std::uint32_t set = set_of(name, service);
    const Locked locked(lock_of(set * set_places));
    std::uint32_t at = find(set, name, service);
    if (at == SourceWrite::none) {
        at = take_place(set, now);
        if (at == SourceWrite::none) return begin_any(service);
        Place& fresh = places_[at];
        fresh = Place{};
        fresh.name = name;
        fresh.service = service;
        fresh.is_used = true;
    }
    Place& place = places_[at];
    ++place.writes;
    return {at, service, doubts_[service].epoch.load(), name.exact};
}

SourceWrite SourceShelf::begin_any(std::uint32_t service) {
    doubts_[service].under_way.fetch_add(1);
    doubts_[service].epoch.fetch_add(1);
    return {SourceWrite::any, service, 0, 0};
}

bool SourceShelf::end(SourceWrite* write, SourceAnswer answer, SourceObject* object, Now now) {
    const SourceWrite ended = *write;
    *write = {};
    SourceObject fresh;
    if (object != nullptr) std::swap(fresh, *object);
    Doubt& doubt = doubts_[ended.service];
    if (ended.place == SourceWrite::any) {
        doubt.epoch.fetch_add(1);
        doubt.under_way.fetch_sub(1);
        drop(&fresh);
        return false;
    }
    const Locked locked(lock_of(ended.place));
    Place& place = places_[ended.place];
    INVARIANT(place.writes != 0);
    --place.writes;
    const bool is_alone = place.writes == 0 && !place.is_contested;
    bool is_known = false;
    if (answer != SourceAnswer::refused) {
        forget(&place);
        place.is_used = true;
        place.is_contested = place.writes != 0;
        place.stored_ns = now.ns;
        if (answer == SourceAnswer::unknown) place.unsure_ns = now.ns + doubt_ns;
        is_known = answer == SourceAnswer::stored && is_alone && fresh.is_whole &&
                   now.ns >= place.unsure_ns && is_trusted(ended.service, ended.epoch, now);
    } else if (place.writes == 0) {
        place.is_contested = false;
    }
    if (is_known) {
        std::swap(place.object, fresh);
        place.name.exact = ended.exact;
        place.epoch = ended.epoch;
        place.state = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
        known_.fetch_add(1, std::memory_order_relaxed);
    }
    drop(&fresh);
    return is_known;
}

bool SourceShelf::keep(SourceObject* object, std::span<const TreeDigest> leaves) {
    const Bytes bytes(leaves.data()->bytes, leaves.size_bytes());
    const std::uint64_t half = leaves_->bytes_max() / LeafSpool::block_bytes / 2;
    const bool has_room = object->leaves.bytes + bytes.size() <=
                              std::uint64_t{object->leaves.blocks} * LeafSpool::block_bytes ||
                          leaves_->blocks_free() > half;
    if (has_room && leaves_->append(&object->leaves, bytes)) return true;
    drop(object);
    return false;
}

void SourceShelf::drop(SourceObject* object) {
    leaves_->drop(&object->leaves);
    object->is_whole = false;
}

SourceSlice SourceShelf::slice(const SourceRange& range, std::uint32_t service, Now now) {
    const std::uint32_t set = set_of(range.name, service);
    const Locked locked(lock_of(set * set_places));
    const std::uint32_t at = find(set, range.name, service);
    if (at == SourceWrite::none) return {};
    const Place& place = places_[at];
    const bool is_there = place.state != 0 && place.writes == 0 && place.name == range.name &&
                          (range.is_s3 || !place.object.is_s3_only) &&
                          now.ns - std::min(now.ns, place.stored_ns) < idle_ns_ &&
                          is_trusted(service, place.epoch, now);
    const std::uint64_t bytes = place.object.bytes;
    if (!is_there || range.offset >= bytes || !is_whole_leaves(range.offset)) return {};
    const std::uint64_t left = bytes - range.offset;
    const std::uint64_t length = range.length == piece_unknown ? left : range.length;
    if (length == 0 || length > left) return {};
    if (length != left && !is_whole_leaves(length)) return {};
    return {place.state, at, range.offset, length, length == left, false};
}

bool SourceShelf::read(const SourceSlice& slice, SpoolCursor* at, LeafList* list,
                       PieceMarks* marks) {
    const Locked locked(lock_of(slice.place));
    const Place& place = places_[slice.place];
    if (place.state != slice.state) return false;
    const std::uint64_t begin = slice.offset / tree_leaf_bytes * sizeof(TreeDigest);
    const std::uint64_t end = begin + leaves_of(slice.length) * sizeof(TreeDigest);
    if (at->block == FreeList::none) *at = leaves_->seek(place.object.leaves, begin);
    while (list->count < list->room.size() && at->at < end) {
        const std::size_t most = std::min<std::uint64_t>(
            (list->room.size() - list->count) * sizeof(TreeDigest), end - at->at);
        const Bytes bytes = leaves_->read(place.object.leaves, at, most);
        if (bytes.empty()) return false;
        std::memcpy(&list->room[list->count], bytes.data(), bytes.size());
        list->count += static_cast<std::uint32_t>(bytes.size() / sizeof(TreeDigest));
    }
    *marks = place.object.marks;
    return true;
}

void SourceShelf::forget_all() {
    for (Doubt& doubt : doubts_)
        doubt.epoch.fetch_add(1);
}

void SourceShelf::expire(Now now) {
    for (std::uint32_t n = 0; n < expire_step; ++n) {
        const std::uint32_t set = expire_at_.fetch_add(1, std::memory_order_relaxed) % sets_;
        const Locked locked(lock_of(set * set_places));
        for (std::uint32_t at = set * set_places; at < (set + 1) * set_places; ++at) {
            Place& place = places_[at];
            const bool is_old = now.ns - std::min(now.ns, place.stored_ns) >= idle_ns_;
            const bool is_empty = place.state == 0 && place.unsure_ns <= now.ns;
            if (place.is_used && place.writes == 0 && (is_old || is_empty)) forget(&place);
        }
    }
}

}  // namespace cordon
