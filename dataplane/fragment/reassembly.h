// Puts IP datagrams together from their fragments. Nothing of a datagram is given on before it is
// whole and free of doubt:
//
//   * fragments that overlap: the datagram is dropped, with all that still comes of it (RFC 5722
//     for IPv6; for IPv4 the same, because receivers differ in which of two bytes they take);
//   * one that came before, byte for byte, is ignored: networks repeat packets;
//   * two ends, or bytes behind the end: dropped likewise;
//   * the first one of IPv6 holds the whole chain of headers (RFC 7112) and no second fragment
//     header; only its Next Header counts (RFC 8200 §4.5);
//   * an IPv6 fragment that is a whole datagram has to do with no other (RFC 6946).
//
// The frames are kept as well, so that a datagram which is none of ours can go on as it came.
//
// Owns:       copies of the kept frames, in blocks; the datagrams; the one just put together.
// Invariants: of a datagram no byte stands twice; a frame that was kept is reported exactly once,
//             by finish() or by take_losses().
// Worker:     used by one worker only; no lock, no allocation after construction.
// Limits:     limits::fragment_*, for all datagrams and for those of one source: who sends many
//             takes its own place first, then that of the oldest, so that a datagram whose
//             fragments come back to back is put together even under a flood.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "dataplane/base/limits.h"
#include "dataplane/decode/decode.h"

namespace cordon {

enum class FragmentResult : std::uint8_t {
    kept,      // the datagram is not whole yet
    repeated,  // known already, byte for byte
    refused,   // *why names the outcome; what was kept of its datagram is among the losses
    whole,     // datagram() and members are valid until finish()
    atomic,    // whole by itself and not kept: datagram() is valid until the next call
};

// Frames that were kept and are given up, with their bytes as received. By the side they came from.
struct FragmentTally {
    std::uint32_t frames = 0;
    std::uint64_t bytes = 0;
};
struct FragmentLosses {
    FragmentTally from[2];
    std::uint32_t evicted = 0;  // datagrams
    std::uint32_t expired = 0;
};

class Reassembly {
  public:
    using Node = std::uint32_t;  // a kept frame, by its first block
    static constexpr Node none = UINT32_MAX;
    static constexpr std::uint64_t lifetime_ns =
        std::uint64_t{limits::fragment_seconds} * 1000000000;

    explicit Reassembly(std::uint64_t seed);

    // A frame for which decode gave `fragment`. `from_storage`: the side it came from; limits are
    // those of the client's end, whichever way it goes.
    FragmentResult add(Bytes frame, const Segment& segment, bool from_storage, std::uint64_t now_ns,
                       Outcome* why);

    // After `whole`: the datagram as one frame, as if it had never been cut.
    Bytes datagram() const { return {whole_.get(), whole_bytes_}; }
    // And its frames, in the order in which they came. An IPv6 one tells the Next Header of the
    // first, for receivers that look at another.
    Node first_member() const;
    Node next_member(Node node) const { return nodes_[node].later; }
    std::size_t member_bytes(Node node) const { return nodes_[node].frame_bytes; }
    void copy_member(Node node, std::uint8_t* to) const;
    FragmentTally finish();  // the frames it was made of

    void expire(std::uint64_t now_ns);
    std::uint64_t next_deadline_ns() const;  // UINT64_MAX: none
    FragmentLosses take_losses();

    std::uint32_t datagrams() const { return datagrams_; }
    std::uint32_t blocks_used() const { return blocks_used_; }

  private:
    static constexpr std::size_t block_bytes = limits::fragment_block_bytes;
    static constexpr std::uint32_t block_count = limits::fragment_bytes_max / block_bytes;
    static constexpr std::uint32_t datagram_count = limits::fragment_datagrams_max;
    static constexpr std::uint32_t bucket_count = 2 * datagram_count;
    static constexpr std::size_t datagram_bytes_max = 65535;  // without the header of IPv6
    static constexpr std::uint32_t ipv6_bytes = 40;
    static constexpr std::size_t whole_bytes_max = 22 + ipv6_bytes + datagram_bytes_max;

    struct Key {
        Address source;
        Address destination;
        std::uint32_t id;
        std::int16_t vlan;
        std::uint8_t protocol;  // 0 for IPv6
        bool from_storage;
        bool operator==(const Key&) const = default;
    };
    static_assert(std::has_unique_object_representations_v<Key>);

    struct Piece {  // what the fragment's header says
        std::uint32_t begin;
        std::uint32_t end;
        std::uint32_t id;
        bool more;
        bool congested;  // the mark CE
        std::uint8_t next_header;
    };

    struct Headers {            // of the first fragment, by which the whole is written
        std::uint32_t network;  // offset of the IP header in the frame
        std::uint32_t end;      // where they end: at the fragment header, at the payload in IPv4
        std::uint8_t next_header;
        bool congested;  // some fragment carried the mark CE (RFC 3168 §5.3)
    };

    // Valid at the number of the first block of a kept frame.
    struct NodeState {
        std::uint32_t begin;  // of its payload in the datagram
        std::uint32_t end;
        std::uint32_t frame_bytes;
        std::uint32_t payload_at;      // in the frame
        std::uint32_t next_header_at;  // in the frame; 0: IPv4
        Node next;                     // by place in the datagram
        Node later;                    // by arrival
    };

    struct Datagram {
        Key key;
        std::uint64_t since_ns;
        std::uint64_t frame_bytes;
        std::uint32_t bytes;  // of payload so far
        std::uint32_t total;  // 0: the last fragment has not come
        std::uint32_t blocks;
        std::uint32_t fragments;
        Node first;  // by place
        Node last;
        Node first_arrived;
        Node last_arrived;
        Headers headers;
        std::uint32_t chain;  // next in the bucket, or in the free list
        std::uint32_t older, younger;
        std::uint32_t source;
        std::uint32_t source_older, source_younger;
        bool congested;
        bool dead;  // dropped; what still comes of it is dropped as well
    };

    struct Source {
        std::uint8_t prefix[16];
        std::uint32_t datagrams;
        std::uint32_t blocks;
        std::uint32_t oldest, youngest;
        std::uint32_t chain;
    };

    static Piece read_piece(Bytes frame, const Segment& segment);
    static bool possible(const Segment& segment, const Piece& piece);
    static std::uint32_t counted_headers(std::uint8_t ip_version, std::uint32_t network,
                                         std::uint32_t end);
    std::uint32_t headers_before(const Datagram& datagram, const Segment& segment,
                                 const Piece& piece) const;
    static bool begins_right(const Segment& segment, const Piece& piece, Outcome* why);
    static Key key_of(const Segment& segment, const Piece& piece, bool from_storage);
    FragmentResult add_atomic(Bytes frame, const Segment& segment, const Piece& piece,
                              Outcome* why);
    Node place_before(const Datagram& datagram, const Piece& piece) const;
    bool repeats(const Datagram& datagram, const Piece& piece, Node before, Bytes payload) const;
    bool fits(const Datagram& datagram, const Segment& segment, const Piece& piece, Node before,
              Outcome* why) const;
    bool make_room(std::uint32_t number, std::uint32_t blocks);
    void keep(std::uint32_t number, Bytes frame, const Segment& segment, const Piece& piece,
              Node before);
    void put_together(const Datagram& datagram);
    void finish_headers(const Headers& headers);

    Node copy_in(Datagram& datagram, Bytes frame);
    void copy_out(Node first, std::size_t from, std::size_t count, std::uint8_t* to) const;
    bool same(Node first, std::size_t from, Bytes bytes) const;
    // Calls give(Bytes) for each part of a kept frame that lies in one block.
    template <typename Give>
    void each_part(Node first, std::size_t from, std::size_t count, Give&& give) const {
        Node block = first;
        for (; from >= block_bytes; from -= block_bytes)
            block = next_block_[block];
        while (count > 0) {
            const std::size_t size = std::min(count, block_bytes - from);
            give(Bytes(&blocks_[block * block_bytes + from], size));
            count -= size;
            from = 0;
            block = next_block_[block];
        }
    }

    // --- places.cpp: who has which place, and for how long ---
    std::uint32_t find(const Key& key) const;
    std::uint32_t open(const Key& key, std::uint64_t now_ns);
    std::uint32_t source_for(const Key& key);
    void forget_source(std::uint32_t number);
    void kill(std::uint32_t number);   // its frames are lost, the place stays taken
    void close(std::uint32_t number);  // the place is free
    void evict(std::uint32_t number);
    void lose_frames(std::uint32_t number);
    void free_frames(std::uint32_t number);

    std::uint64_t seed_;
    std::unique_ptr<std::uint8_t[]> blocks_;
    std::unique_ptr<std::uint32_t[]> next_block_;
    std::unique_ptr<NodeState[]> nodes_;
    std::unique_ptr<Datagram[]> table_;
    std::unique_ptr<Source[]> sources_;
    std::unique_ptr<std::uint32_t[]> buckets_;
    std::unique_ptr<std::uint32_t[]> source_buckets_;
    std::unique_ptr<std::uint8_t[]> whole_;
    std::size_t whole_bytes_ = 0;
    std::uint32_t whole_number_ = none;  // none: nothing to finish

    std::uint32_t free_block_ = none, untouched_block_ = 0, blocks_used_ = 0;
    std::uint32_t free_datagram_ = none, untouched_datagram_ = 0, datagrams_ = 0;
    std::uint32_t free_source_ = none, untouched_source_ = 0;
    std::uint32_t oldest_ = none, youngest_ = none;
    FragmentLosses losses_;
};

}  // namespace cordon
