#include "dataplane/fragment/reassembly.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/decode/protocol.h"
#include "dataplane/fragment/header_chain.h"

namespace cordon {

FragmentResult Reassembly::add(Bytes frame, const Segment& segment, bool from_storage,
                               std::uint64_t now_ns, Outcome* why) {
    const Piece piece = read_piece(frame, segment);
    if (!possible(segment, piece)) {
        *why = Outcome::fragment_malformed;
        return FragmentResult::refused;
    }
    if (piece.begin == 0 && !piece.more) return add_atomic(frame, segment, piece, why);
    const Key key = key_of(segment, piece, from_storage);
    std::uint32_t number = find(key);
    if (number == none) number = open(key, now_ns);
    Datagram& datagram = table_[number];
    if (datagram.dead) {
        *why = Outcome::fragment_late;
        return FragmentResult::refused;
    }
    const Node before = place_before(datagram, piece);
    if (repeats(datagram, piece, before, segment.payload)) return FragmentResult::repeated;
    if (!fits(datagram, segment, piece, before, why)) {
        kill(number);
        return FragmentResult::refused;
    }
    const auto blocks = static_cast<std::uint32_t>((frame.size() + block_bytes - 1) / block_bytes);
    if (!make_room(number, blocks)) {
        kill(number);
        *why = Outcome::fragment_too_many;
        return FragmentResult::refused;
    }
    keep(number, frame, segment, piece, before);
    if (datagram.total == 0 || datagram.bytes != datagram.total) return FragmentResult::kept;
    put_together(datagram);
    whole_number_ = number;
    return FragmentResult::whole;
}

// --- one fragment --------------------------------------------------------------------------------

Reassembly::Piece Reassembly::read_piece(Bytes frame, const Segment& segment) {
    Piece piece{};
    if (segment.ip_version == 4) {
        const std::uint8_t* ip = frame.data() + segment.network_offset;
        const std::uint16_t field = load_be16(ip + 6);
        piece.begin = static_cast<std::uint32_t>(field & 0x1fff) * 8;
        piece.more = (field & 0x2000) != 0;
        piece.next_header = ip[9];
        piece.id = load_be16(ip + 4);
        piece.congested = (ip[1] & 3) == 3;
    } else {
        const std::uint8_t* header = frame.data() + segment.transport_offset;
        const std::uint16_t field = load_be16(header + 2);
        piece.begin = field & 0xfff8U;
        piece.more = (field & 1) != 0;
        piece.next_header = header[0];
        piece.id = load_be32(header + 4);
        piece.congested = (frame[segment.network_offset + 1U] >> 4 & 3) == 3;
    }
    piece.end = piece.begin + static_cast<std::uint32_t>(segment.payload.size());
    return piece;
}

// Bytes that the length field of IP counts and no fragment's place does.
std::uint32_t Reassembly::counted_headers(std::uint8_t ip_version, std::uint32_t network,
                                          std::uint32_t end) {
    return end - network - (ip_version == 4 ? 0 : ipv6_bytes);
}

// RFC 791 §3.2, RFC 8200 §4.5: only the last may be of odd length, and nothing is longer than its
// length field can say.
bool Reassembly::possible(const Segment& segment, const Piece& piece) {
    const std::uint32_t size = piece.end - piece.begin;
    const std::uint32_t headers =
        counted_headers(segment.ip_version, segment.network_offset, segment.transport_offset);
    return size != 0 && !(piece.more && size % 8 != 0) && headers + piece.end <= datagram_bytes_max;
}

// In the whole datagram: those of the first fragment, which may be longer than this one's.
std::uint32_t Reassembly::headers_before(const Datagram& datagram, const Segment& segment,
                                         const Piece& piece) const {
    const bool has_first = datagram.first != none && nodes_[datagram.first].begin == 0;
    if (!has_first || piece.begin == 0) {
        return counted_headers(segment.ip_version, segment.network_offset,
                               segment.transport_offset);
    }
    return counted_headers(segment.ip_version, datagram.headers.network, datagram.headers.end);
}

Reassembly::Key Reassembly::key_of(const Segment& segment, const Piece& piece, bool from_storage) {
    Key key{};
    key.source = segment.source.address;
    key.destination = segment.destination.address;
    key.id = piece.id;
    key.vlan = segment.vlan;
    key.protocol = segment.ip_version == 4 ? piece.next_header : std::uint8_t{0};
    key.from_storage = from_storage;
    return key;
}

FragmentResult Reassembly::add_atomic(Bytes frame, const Segment& segment, const Piece& piece,
                                      Outcome* why) {
    if (!begins_right(segment, piece, why)) return FragmentResult::refused;
    std::memcpy(whole_.get(), frame.data(), segment.transport_offset);
    std::memcpy(whole_.get() + segment.transport_offset, segment.payload.data(),
                segment.payload.size());
    whole_bytes_ = segment.transport_offset + segment.payload.size();
    finish_headers({segment.network_offset, segment.transport_offset, piece.next_header, false});
    whole_number_ = none;
    return FragmentResult::atomic;
}

bool Reassembly::begins_right(const Segment& segment, const Piece& piece, Outcome* why) {
    switch (header_chain(segment.ip_version, piece.next_header, segment.payload)) {
        case HeaderChain::whole:
            return true;
        case HeaderChain::cut:
            *why = Outcome::fragment_tiny;
            return false;
        case HeaderChain::nested:
            *why = Outcome::fragment_malformed;
            return false;
    }
    return false;
}

// The last node that begins at or before the piece; none: it is the first.
Reassembly::Node Reassembly::place_before(const Datagram& datagram, const Piece& piece) const {
    if (datagram.last != none && nodes_[datagram.last].begin <= piece.begin) return datagram.last;
    Node before = none;
    for (Node at = datagram.first; at != none && nodes_[at].begin <= piece.begin;
         at = nodes_[at].next)
        before = at;
    return before;
}

bool Reassembly::repeats(const Datagram& datagram, const Piece& piece, Node before,
                         Bytes payload) const {
    if (before == none) return false;
    const NodeState& node = nodes_[before];
    const bool is_last = datagram.total == piece.end;
    if (node.begin != piece.begin || node.end != piece.end || is_last == piece.more) return false;
    if (piece.begin == 0 && piece.next_header != datagram.headers.next_header) return false;
    return same(before, node.payload_at, payload);
}

bool Reassembly::fits(const Datagram& datagram, const Segment& segment, const Piece& piece,
                      Node before, Outcome* why) const {
    if (piece.begin == 0 && !begins_right(segment, piece, why)) return false;
    const Node after = before == none ? datagram.first : nodes_[before].next;
    const bool overlaps = (before != none && nodes_[before].end > piece.begin) ||
                          (after != none && nodes_[after].begin < piece.end);
    const std::uint32_t reaches = datagram.last == none ? 0 : nodes_[datagram.last].end;
    const bool two_ends = datagram.total != 0 && (!piece.more || piece.end >= datagram.total);
    const bool behind_end = !piece.more && reaches > piece.end;
    const std::uint32_t end = std::max(reaches, piece.end);
    if (overlaps) {
        *why = Outcome::fragment_overlap;
    } else if (headers_before(datagram, segment, piece) + end > datagram_bytes_max) {
        *why = Outcome::fragment_malformed;
    } else if (two_ends || behind_end) {
        *why = Outcome::fragment_inconsistent;
    } else if (datagram.fragments == limits::fragments_max) {
        *why = Outcome::fragment_too_many;
    } else {
        return true;
    }
    return false;
}

// --- keeping -------------------------------------------------------------------------------------

// False: the datagram alone is more than its source may have.
bool Reassembly::make_room(std::uint32_t number, std::uint32_t blocks) {
    Source& source = sources_[table_[number].source];
    constexpr std::uint32_t of_source = limits::fragment_bytes_source_max / block_bytes;
    while (source.blocks + blocks > of_source) {
        std::uint32_t victim = source.oldest;
        if (victim == number) victim = table_[victim].source_younger;
        if (victim == none) return false;
        evict(victim);
    }
    while (blocks_used_ + blocks > block_count) {
        const std::uint32_t victim = oldest_ == number ? table_[oldest_].younger : oldest_;
        if (victim == none) return false;
        evict(victim);
    }
    return true;
}

void Reassembly::keep(std::uint32_t number, Bytes frame, const Segment& segment, const Piece& piece,
                      Node before) {
    Datagram& datagram = table_[number];
    const Node node = copy_in(datagram, frame);
    NodeState& state = nodes_[node];
    state = {piece.begin,
             piece.end,
             static_cast<std::uint32_t>(frame.size()),
             segment.payload_offset,
             segment.ip_version == 6 ? segment.transport_offset : 0U,
             none,
             none};
    Node& link = before == none ? datagram.first : nodes_[before].next;
    state.next = link;
    link = node;
    if (state.next == none) datagram.last = node;
    (datagram.last_arrived == none ? datagram.first_arrived : nodes_[datagram.last_arrived].later) =
        node;
    datagram.last_arrived = node;
    ++datagram.fragments;
    datagram.bytes += piece.end - piece.begin;
    datagram.frame_bytes += frame.size();
    if (!piece.more) datagram.total = piece.end;
    datagram.congested |= piece.congested;
    if (piece.begin == 0) {
        datagram.headers = {segment.network_offset, segment.transport_offset, piece.next_header,
                            false};
    }
}

Reassembly::Node Reassembly::copy_in(Datagram& datagram, Bytes frame) {
    Node first = none;
    std::uint32_t* link = &first;
    while (!frame.empty()) {
        std::uint32_t block = free_block_;
        if (block != none) {
            free_block_ = next_block_[block];
        } else {
            INVARIANT(untouched_block_ < block_count);  // make_room
            block = untouched_block_++;
        }
        *link = block;
        link = &next_block_[block];
        const std::size_t size = std::min(frame.size(), block_bytes);
        std::memcpy(&blocks_[block * block_bytes], frame.data(), size);
        frame = frame.subspan(size);
        ++datagram.blocks;
        ++sources_[datagram.source].blocks;
        ++blocks_used_;
    }
    *link = none;
    return first;
}

void Reassembly::copy_out(Node first, std::size_t from, std::size_t count, std::uint8_t* to) const {
    each_part(first, from, count, [&to](Bytes part) {
        std::memcpy(to, part.data(), part.size());
        to += part.size();
    });
}

bool Reassembly::same(Node first, std::size_t from, Bytes bytes) const {
    bool equal = true;
    each_part(first, from, bytes.size(), [&](Bytes part) {
        equal = equal && std::memcmp(part.data(), bytes.data(), part.size()) == 0;
        bytes = bytes.subspan(part.size());
    });
    return equal;
}

// --- the whole datagram --------------------------------------------------------------------------

void Reassembly::put_together(const Datagram& datagram) {
    const Headers& headers = datagram.headers;
    copy_out(datagram.first, 0, headers.end, whole_.get());
    whole_bytes_ = headers.end;
    for (Node at = datagram.first; at != none; at = nodes_[at].next) {
        const NodeState& node = nodes_[at];
        copy_out(at, node.payload_at, node.end - node.begin, whole_.get() + whole_bytes_);
        whole_bytes_ += node.end - node.begin;
    }
    finish_headers({headers.network, headers.end, headers.next_header, datagram.congested});
}

void Reassembly::finish_headers(const Headers& headers) {
    std::uint8_t* ip = whole_.get() + headers.network;
    const std::size_t datagram = whole_bytes_ - headers.network;
    if (ip[0] >> 4 == 4) {
        if (headers.congested && (ip[1] & 3) != 0) ip[1] |= 3;
        store_be16(ip + 2, static_cast<std::uint16_t>(datagram));
        store_be16(ip + 6, 0);
        store_be16(ip + 10, 0);
        store_be16(ip + 10, checksum_fold(checksum_add({ip, headers.end - headers.network}, 0)));
        return;
    }
    if (headers.congested && (ip[1] & 0x30) != 0) ip[1] |= 0x30;
    store_be16(ip + 4, static_cast<std::uint16_t>(datagram - ipv6_bytes));
    // The header in front of the fragment header now names what was behind it.
    std::uint8_t* next = ip + 6;
    std::size_t at = headers.network + ipv6_bytes;
    while (at < headers.end) {
        std::uint8_t* header = whole_.get() + at;
        const std::size_t words = header[1];
        at += *next == ip_protocol::authentication ? (words + 2) * 4 : (words + 1) * 8;
        next = header;
    }
    *next = headers.next_header;
}

Reassembly::Node Reassembly::first_member() const {
    return whole_number_ == none ? none : table_[whole_number_].first_arrived;
}

void Reassembly::copy_member(Node node, std::uint8_t* to) const {
    const NodeState& state = nodes_[node];
    copy_out(node, 0, state.frame_bytes, to);
    if (state.next_header_at != 0)
        to[state.next_header_at] = table_[whole_number_].headers.next_header;
}

FragmentTally Reassembly::finish() {
    if (whole_number_ == none) return {};
    const Datagram& datagram = table_[whole_number_];
    const FragmentTally tally{datagram.fragments, datagram.frame_bytes};
    close(whole_number_);
    whole_number_ = none;
    return tally;
}

}  // namespace cordon
