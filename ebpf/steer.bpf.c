/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
// The fast layer, XDP on both ports: frames of protected services go to the worker that polls their
// queue, everything positively not protected goes to the peer port at once.
//
// DPDK's AF_XDP driver (22.11) opens this object once per port with default options, attaches its
// first program before any map can be written, and needs `xsks_map`. Its instance stays at role
// none, passes every frame to the net below, and only registers the sockets. Then the loader loads
// a second instance with the driver's `xsks_map` and the shared maps, and puts it in the place of
// the first atomically: no frame ever meets an unfilled map, and the pins live where we want them.
//
// Owns:       xsks_map and peer, one of each per port.
// Invariants: decide.bpf.h, shunt.bpf.h. The map is asked before each redirect to a socket: the
//             kernel takes a dead process's sockets out at once.
#include "shunt.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, steer_queues_max);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} peer SEC(".maps");

// Without an entry in `peer` the frame is left to the tc program.
static __always_inline int bridge(void) {
    return bpf_redirect_map(&peer, 0, XDP_PASS);
}

static __always_inline int worker_takes(__u32 queue, const struct steer_settings* s, __u64 now,
                                        __u32 bytes) {
    if (!bpf_map_lookup_elem(&xsks_map, &queue)) {
        count(steer_layer_xdp, steer_why_no_socket, bytes);
        return 0;
    }
    if (is_fresh(queue, s, now)) return 1;
    count(steer_layer_xdp, steer_why_stale, bytes);
    return 0;
}

static __always_inline int to_worker(__u32 queue, __u32 bytes) {
    count(steer_layer_xdp, steer_to_worker, bytes);
    return bpf_redirect_map(&xsks_map, queue, XDP_DROP);
}

static __always_inline int finish(enum passage passage) {
    return passage == passage_drop ? XDP_DROP : bridge();
}

// Everything but the worker's frames belongs to the tc program, which decides and counts it.
static __always_inline int leave_to_tc(__u32 bytes) {
    count(steer_layer_xdp, steer_untaken, bytes);
    return XDP_PASS;
}

// A global function: verified once, for every kind of packet.
__noinline int may_pass_beside(struct xdp_md* ctx, const struct packet* p, const struct hit* hit) {
    if (!p || !hit) return 0;
    const struct frame f = {
        .data = (const void*)(long)ctx->data,
        .data_end = (const void*)(long)ctx->data_end,
        .length = ctx->data_end - ctx->data,
    };
    return is_shunted(&f, p, hit);
}

static __always_inline int steer_protected(struct xdp_md* ctx, const struct packet* p,
                                           const struct hit* hit, const struct steer_settings* s,
                                           __u32 bytes) {
    const __u32 queue = ctx->rx_queue_index;
    const __u64 now = clock_ns();
    const int taken = worker_takes(queue, s, now, bytes);
    if (!taken && port.bridge_by_tc) return leave_to_tc(bytes);
    forget_denied(p, hit);
    if (hit->towards_storage && p->payload) {
        const struct steer_denied* denied = find_denied(p, hit, now);
        if (denied && !(taken && denied->instance == s->instance)) {
            count(steer_layer_xdp, steer_denied_dropped, bytes);
            return XDP_DROP;
        }
    }
    if (taken && !port.bridge_by_tc && may_pass_beside(ctx, p, hit)) return bridge();
    if (taken) return to_worker(queue, bytes);
    return finish(pass_without_worker(steer_layer_xdp, p, hit, bytes, now));
}

static __always_inline int steer_unclear(const struct steer_settings* s, __u32 queue, __u32 bytes) {
    if (worker_takes(queue, s, clock_ns(), bytes)) return to_worker(queue, bytes);
    if (port.bridge_by_tc) return leave_to_tc(bytes);
    return finish(pass_unclear(steer_layer_xdp, s, bytes));
}

// A global function: the kernel verifies it once, not once per way through its callers.
__noinline int parse_frame(struct xdp_md* ctx, struct packet* p) {
    if (!p) return 0;
    const struct frame f = {
        .data = (const void*)(long)ctx->data,
        .data_end = (const void*)(long)ctx->data_end,
        .length = ctx->data_end - ctx->data,
    };
    parse_packet(&f, -1, p);
    return 0;
}

SEC("xdp")
int steer(struct xdp_md* ctx) {
    if (port.role == steer_role_none) return XDP_PASS;  // the driver's instance, see above
    const __u32 bytes = ctx->data_end - ctx->data;
    const struct steer_settings* s = read_settings();
    if (!s || !s->configured) return leave_to_tc(bytes);

    struct packet p = {};
    struct hit hit = {};
    parse_frame(ctx, &p);
    if (p.kind == packet_unclear) return steer_unclear(s, ctx->rx_queue_index, bytes);
    if (may_be_protected(&p) && find_hit(&p, &hit)) return steer_protected(ctx, &p, &hit, s, bytes);

    if (port.bridge_by_tc) return leave_to_tc(bytes);
    count(steer_layer_xdp, steer_bridged, bytes);
    note_unlisted(&p, bytes);
    return bridge();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
