/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
// Which segments of a shunted flow the kernel bridges by itself, and what it notes of them.
//
// Only what every storage reads alike: one flag more than ACK, PSH and the three of congestion
// control, an option beside the negotiated timestamp, a hop limit that may end on the way, and the
// segment is the worker's. Nobody reads the bytes of a range, so what protects the reading of bytes
// (checksum, window, PAWS) is left to the storage: docs/normaliser.md, "Shunted ranges".
//
// Owns:       shunt and passed, shared by both ports.
// Invariants: a segment that touches a byte outside the range is not bridged; `answer` is stored at
//             once, so that window and acknowledgement are always of one segment.
// Limits:     steer_shunted_max ranges.
#pragma once

#include "decide.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, steer_shunted_max);
    __type(key, struct steer_flow);
    __type(value, struct steer_shunt);
} shunt SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, steer_shunted_max);
    __type(key, __u32);
    __type(value, struct steer_passed);
} passed SEC(".maps");

enum {
    flag_bits_plain = 0xc8,  // CWR, ECE, PSH
    flag_bits_ack = 0x10,
    header_bytes_plain = 20,
    header_bytes_stamped = 32,
};

// What stands in the header. Numbers in host order.
struct tcp_view {
    __u32 sequence;
    __u32 ack;
    __u32 header;
    __u32 timestamp;
    __u16 window;
    __u8 flags;
    __u8 stamped;  // NOP, NOP, timestamp begin the options
};

static __always_inline int view_tcp(const struct frame* f, const struct packet* p,
                                    struct tcp_view* v) {
    const struct tcphdr* tcp = frame_view(f, p->tcp_at, sizeof *tcp);
    if (!tcp) return 0;
    v->sequence = bpf_ntohl(tcp->seq);
    v->ack = bpf_ntohl(tcp->ack_seq);
    v->header = tcp->doff * 4u;
    v->window = bpf_ntohs(tcp->window);
    v->flags = ((const __u8*)tcp)[13];
    v->stamped = 0;
    v->timestamp = 0;
    if (v->header < header_bytes_stamped) return 1;
    const __be32* options = frame_view(f, p->tcp_at + header_bytes_plain, 8);
    if (!options) return 0;
    if (options[0] != bpf_htonl(0x0101080a)) return 1;
    v->stamped = 1;
    v->timestamp = bpf_ntohl(options[1]);
    return 1;
}

static __always_inline int is_in_range(const struct tcp_view* v, __u32 payload,
                                       const struct steer_shunt* range) {
    const __u32 length = range->to - range->from;
    const __u32 begin = v->sequence - range->from;
    return length <= steer_shunt_bytes_max && payload && begin < length &&
           payload <= length - begin;
}

static __always_inline int acknowledges_range(const struct tcp_view* v,
                                              const struct steer_shunt* range) {
    const __u32 length = range->to - range->from;
    return length <= steer_shunt_bytes_max && v->ack - range->from - 1 < length;
}

static __always_inline int is_plain(const struct tcp_view* v, const struct steer_shunt* range) {
    if ((v->flags & ~flag_bits_plain) != flag_bits_ack) return 0;
    return range->timestamps ? v->stamped : 1;
}

static __always_inline void note(struct steer_heard* heard, const struct tcp_view* v, __u32 bytes) {
    volatile __u64* answer = &heard->answer;
    const __u32 before = *answer >> 32;
    if ((__s32)(v->ack - before) >= 0) *answer = (__u64)v->ack << 32 | v->window;
    if (v->stamped && (__s32)(v->timestamp - heard->timestamp) > 0) heard->timestamp = v->timestamp;
    heard->frames++;
    heard->bytes += bytes;
}

static __always_inline int passes_up(const struct packet* p, const struct tcp_view* v,
                                     const struct steer_shunt* range, struct steer_heard* heard,
                                     __u32 bytes) {
    const __u32 wanted = range->timestamps ? header_bytes_stamped : header_bytes_plain;
    if (v->header != wanted || p->hop_limit < steer_hop_limit_least) return 0;
    if (!is_in_range(v, p->payload, range)) return 0;
    if (*(volatile __u32*)&heard->epoch != range->epoch) return 0;
    const __u32 end = v->sequence + p->payload;
    if ((__s32)(end - heard->reach) > 0) heard->reach = end;
    note(heard, v, bytes);
    count(steer_layer_xdp, steer_shunted, bytes);
    return 1;
}

static __always_inline int passes_down(const struct packet* p, const struct tcp_view* v,
                                       const struct steer_shunt* range, struct steer_heard* heard,
                                       __u32 bytes) {
    if (p->payload || !acknowledges_range(v, range)) return 0;
    if (*(volatile __u32*)&heard->epoch != range->epoch) return 0;
    note(heard, v, bytes);
    count(steer_layer_xdp, steer_shunted_ack, bytes);
    return 1;
}

// Whether the frame may pass beside the worker. Each end speaks only where it is.
static __always_inline int is_shunted(const struct frame* f, const struct packet* p,
                                      const struct hit* hit) {
    const int from_client = port.role == steer_role_client;
    if (p->kind != packet_tcp || from_client != (int)hit->towards_storage) return 0;
    const struct steer_flow flow = flow_of(p, hit);
    const struct steer_shunt* range = bpf_map_lookup_elem(&shunt, &flow);
    if (!range) return 0;
    struct tcp_view v;
    if (!view_tcp(f, p, &v) || !is_plain(&v, range)) return 0;
    const __u32 place = range->place;
    struct steer_passed* at = bpf_map_lookup_elem(&passed, &place);
    if (!at) return 0;
    return from_client ? passes_up(p, &v, range, &at->client, f->length)
                       : passes_down(p, &v, range, &at->storage, f->length);
}
