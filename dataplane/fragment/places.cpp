// Who has which place among the incomplete datagrams, and for how long.
#include <xxhash.h>

#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/fragment/reassembly.h"

namespace cordon {

Reassembly::Reassembly(std::uint64_t seed)
    : seed_(seed),
      blocks_(std::make_unique_for_overwrite<std::uint8_t[]>(limits::fragment_bytes_max)),
      next_block_(std::make_unique_for_overwrite<std::uint32_t[]>(block_count)),
      nodes_(std::make_unique_for_overwrite<NodeState[]>(block_count)),
      table_(std::make_unique_for_overwrite<Datagram[]>(datagram_count)),
      sources_(std::make_unique_for_overwrite<Source[]>(datagram_count + 1)),  // see open()
      buckets_(std::make_unique_for_overwrite<std::uint32_t[]>(bucket_count)),
      source_buckets_(std::make_unique_for_overwrite<std::uint32_t[]>(bucket_count)),
      whole_(std::make_unique_for_overwrite<std::uint8_t[]>(whole_bytes_max)) {
    std::fill_n(buckets_.get(), bucket_count, none);
    std::fill_n(source_buckets_.get(), bucket_count, none);
}

std::uint32_t Reassembly::find(const Key& key) const {
    std::uint32_t number = buckets_[XXH3_64bits_withSeed(&key, sizeof key, seed_) % bucket_count];
    while (number != none && !(table_[number].key == key))
        number = table_[number].chain;
    return number;
}

// A place for a new datagram: one of its own source's when that has enough, else of the oldest.
std::uint32_t Reassembly::open(const Key& key, std::uint64_t now_ns) {
    std::uint32_t source = source_for(key);
    if (sources_[source].datagrams == limits::fragment_datagrams_source_max)
        evict(sources_[source].oldest);
    if (datagrams_ == datagram_count) {
        // Not that of the new one's source, which would be forgotten with its only datagram.
        evict(table_[oldest_].source == source && table_[oldest_].younger != none
                  ? table_[oldest_].younger
                  : oldest_);
    }
    std::uint32_t number = free_datagram_;
    if (number != none) {
        free_datagram_ = table_[number].chain;
    } else {
        INVARIANT(untouched_datagram_ < datagram_count);
        number = untouched_datagram_++;
    }
    ++datagrams_;
    Datagram& datagram = table_[number];
    datagram = Datagram{};
    datagram.key = key;
    datagram.since_ns = now_ns;
    datagram.first = datagram.last = datagram.first_arrived = datagram.last_arrived = none;
    std::uint32_t& bucket = buckets_[XXH3_64bits_withSeed(&key, sizeof key, seed_) % bucket_count];
    datagram.chain = bucket;
    bucket = number;
    datagram.older = youngest_;
    datagram.younger = none;
    (youngest_ == none ? oldest_ : table_[youngest_].younger) = number;
    youngest_ = number;
    Source& owner = sources_[source];
    ++owner.datagrams;
    datagram.source = source;
    datagram.source_older = owner.youngest;
    datagram.source_younger = none;
    (owner.youngest == none ? owner.oldest : table_[owner.youngest].source_younger) = number;
    owner.youngest = number;
    return number;
}

void Reassembly::kill(std::uint32_t number) {
    lose_frames(number);
    table_[number].dead = true;
}

void Reassembly::evict(std::uint32_t number) {
    if (!table_[number].dead) ++losses_.evicted;
    lose_frames(number);
    close(number);
}

void Reassembly::expire(std::uint64_t now_ns) {
    while (oldest_ != none && now_ns - table_[oldest_].since_ns >= lifetime_ns) {
        if (!table_[oldest_].dead) ++losses_.expired;
        lose_frames(oldest_);
        close(oldest_);
    }
}

std::uint64_t Reassembly::next_deadline_ns() const {
    return oldest_ == none ? UINT64_MAX : table_[oldest_].since_ns + lifetime_ns;
}

FragmentLosses Reassembly::take_losses() {
    const FragmentLosses losses = losses_;
    losses_ = {};
    return losses;
}

void Reassembly::lose_frames(std::uint32_t number) {
    const Datagram& datagram = table_[number];
    FragmentTally& lost = losses_.from[datagram.key.from_storage ? 1 : 0];
    lost.frames += datagram.fragments;
    lost.bytes += datagram.frame_bytes;
    free_frames(number);
}

void Reassembly::free_frames(std::uint32_t number) {
    Datagram& datagram = table_[number];
    for (Node node = datagram.first; node != none;) {
        const Node next = nodes_[node].next;
        for (std::uint32_t block = node; block != none;) {
            const std::uint32_t following = next_block_[block];
            next_block_[block] = free_block_;
            free_block_ = block;
            block = following;
        }
        node = next;
    }
    sources_[datagram.source].blocks -= datagram.blocks;
    blocks_used_ -= datagram.blocks;
    datagram.first = datagram.last = datagram.first_arrived = datagram.last_arrived = none;
    datagram.blocks = datagram.fragments = datagram.bytes = 0;
    datagram.frame_bytes = 0;
}

void Reassembly::close(std::uint32_t number) {
    free_frames(number);
    Datagram& datagram = table_[number];
    std::uint32_t* link =
        &buckets_[XXH3_64bits_withSeed(&datagram.key, sizeof datagram.key, seed_) % bucket_count];
    while (*link != number)
        link = &table_[*link].chain;
    *link = datagram.chain;
    (datagram.older == none ? oldest_ : table_[datagram.older].younger) = datagram.younger;
    (datagram.younger == none ? youngest_ : table_[datagram.younger].older) = datagram.older;
    Source& owner = sources_[datagram.source];
    (datagram.source_older == none ? owner.oldest : table_[datagram.source_older].source_younger) =
        datagram.source_younger;
    (datagram.source_younger == none ? owner.youngest
                                     : table_[datagram.source_younger].source_older) =
        datagram.source_older;
    if (--owner.datagrams == 0) forget_source(datagram.source);
    datagram.chain = free_datagram_;
    free_datagram_ = number;
    --datagrams_;
}

// --- sources -------------------------------------------------------------------------------------

namespace {

// Who has one IPv6 address has the /64 around it.
void prefix_of(const Address& address, std::uint8_t* prefix) {
    constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(prefix, address.bytes, 16);
    if (std::memcmp(prefix, mapped, sizeof mapped) != 0) std::memset(prefix + 8, 0, 8);
}

}  // namespace

std::uint32_t Reassembly::source_for(const Key& key) {
    std::uint8_t prefix[16];
    prefix_of(key.from_storage ? key.destination : key.source, prefix);
    std::uint32_t& bucket =
        source_buckets_[XXH3_64bits_withSeed(prefix, sizeof prefix, seed_) % bucket_count];
    for (std::uint32_t at = bucket; at != none; at = sources_[at].chain)
        if (std::memcmp(sources_[at].prefix, prefix, sizeof prefix) == 0) return at;
    std::uint32_t number = free_source_;
    if (number != none) {
        free_source_ = sources_[number].chain;
    } else {
        number = untouched_source_++;
    }
    Source& source = sources_[number];
    source = Source{};
    std::memcpy(source.prefix, prefix, sizeof prefix);
    source.oldest = source.youngest = none;
    source.chain = bucket;
    bucket = number;
    return number;
}

void Reassembly::forget_source(std::uint32_t number) {
    Source& source = sources_[number];
    std::uint32_t* link =
        &source_buckets_[XXH3_64bits_withSeed(source.prefix, sizeof source.prefix, seed_) %
                         bucket_count];
    while (*link != number)
        link = &sources_[*link].chain;
    *link = source.chain;
    source.chain = free_source_;
    free_source_ = number;
}

}  // namespace cordon
