// What is remembered of uploads and objects that are not followed any more: that they were there.
#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"

namespace cordon {

namespace {

constexpr std::uint64_t forgotten_age_ns = 7ull * 24 * 3600 * ns_per_s;
constexpr std::uint64_t overflow_age_ns = 24ull * 3600 * ns_per_s;
// Beside a key: that it came under several spellings.
constexpr std::uint64_t mixed_mark = 0x6d69786564;

}  // namespace

template <std::size_t bits, std::uint32_t keys_max>
void ForgottenKeys<bits, keys_max>::remember(std::uint64_t hash, std::uint64_t now_ns) {
    const bool is_full = count == keys_max;
    if (is_full || now_ns - begun_ns >= forgotten_age_ns) {
        if (is_full && now_ns - begun_ns < forgotten_age_ns / 2) {
            overflowed_ns = now_ns;
            has_overflowed = true;
        }
        words[1] = words[0];
        words[0].fill(0);
        count = 0;
        begun_ns = now_ns;
    }
    ++count;
    for (int n = 0; n < 4; ++n, hash = mix(hash))
        words[0][hash % bits / 64] |= 1ull << (hash % 64);
}

template <std::size_t bits, std::uint32_t keys_max>
bool ForgottenKeys<bits, keys_max>::remembers(std::uint64_t hash, std::uint64_t now_ns) const {
    if (has_overflowed && now_ns - overflowed_ns < overflow_age_ns) return true;
    bool found = false;
    for (const auto& filter : words) {
        std::uint64_t at = hash;
        bool has_all = true;
        for (int n = 0; n < 4; ++n, at = mix(at))
            has_all = has_all && (filter[at % bits / 64] >> (at % 64) & 1) != 0;
        found = found || has_all;
    }
    return found;
}

std::uint64_t Assembly::hash_forgotten(const AssemblyKey& key, std::uint64_t about) const {
    return mix(key.high ^ seed_ ^ about) ^ key.low;
}

// What becomes visible without a commit could be completed by one more piece, long after: its key
// is remembered. Into an object that came whole could be written.
void Assembly::remember(Shard& shard, const Upload& upload, Now now) {
    if (upload.visibility == Visibility::at_commit || upload.pieces == 0) return;
    if (upload.is_object)
        return remember_object(shard, upload.key, upload.spelling, upload.mixed, now);
    shard.forgotten.remember(hash_forgotten(upload.key), now.ns);
    shard.forgotten.remember(hash_forgotten(upload.key, upload.spelling), now.ns);
    if (upload.mixed) shard.forgotten.remember(hash_forgotten(upload.key, mixed_mark), now.ns);
}

void Assembly::remember_object(Shard& shard, const AssemblyKey& key, std::uint64_t spelling,
                               bool mixed, Now now) {
    shard.forgotten_objects.remember(hash_forgotten(key), now.ns);
    shard.forgotten_objects.remember(hash_forgotten(key, spelling), now.ns);
    if (mixed) shard.forgotten_objects.remember(hash_forgotten(key, mixed_mark), now.ns);
}

bool Assembly::remembers(Shard& shard, const PieceRequest& request, Now now) const {
    const std::uint64_t hash = hash_forgotten(request.key);
    return shard.forgotten.remembers(hash, now.ns) ||
           (is_in_place(request.recipe) && shard.forgotten_objects.remembers(hash, now.ns));
}

// Whether what is remembered of the key may be of another name than the request's.
bool Assembly::remembers_several(Shard& shard, const PieceRequest& request, Now now) const {
    const auto is_several = [&](const auto& keys) {
        const auto has = [&](std::uint64_t about) {
            return keys.remembers(hash_forgotten(request.key, about), now.ns);
        };
        return has(0) && (!has(request.spelling) || has(mixed_mark));
    };
    return is_several(shard.forgotten) || is_several(shard.forgotten_objects);
}

// A folder may have come there: what is below it is not known, however new its keys are.
void Assembly::note_moved(const AssemblyKey& key, Now now) {
    const Locked locked(moved_->lock);
    moved_->names.remember(hash_forgotten(key), now.ns);
    has_moved_.store(true, std::memory_order_relaxed);
}

bool Assembly::is_moved(std::span<const AssemblyKey> folders, Now now) {
    const Locked locked(moved_->lock);
    for (const AssemblyKey& key : folders) {
        if (moved_->names.remembers(hash_forgotten(key), now.ns)) return true;
    }
    return false;
}

}  // namespace cordon
