/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
// What both layers share: the maps, the search for a protected service, and what happens to its
// frames while no worker takes them.
//
// Owns:       the shared maps. The loader creates them once, pins them by name in its own bpffs
//             directory and gives every program instance the same ones (libbpf's pinning by name
//             would put them at /sys/fs/bpf, one appliance a machine, see steer_loader.h).
// Invariants: a frame is bridged as not protected only when that was positively found;
//             every frame is counted in exactly one frame class.
// Limits:     steer_shared.h.
#pragma once

#include "packet.bpf.h"
#include "steer_shared.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct steer_settings);
} settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, steer_prefixes_max);
    __type(key, struct steer_prefix);
    __type(value, struct steer_service_set);
} services SEC(".maps");

// A plain hash: an LRU would forget a decision that was made.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, steer_denied_max);
    __type(key, struct steer_flow);
    __type(value, struct steer_denied);
} deny SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, steer_services_max);
    __type(key, __u32);
    __type(value, struct steer_gap);
} gap SEC(".maps");

// Per service; a worker that sees it move knows that frames passed beside it.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, steer_services_max);
    __type(key, __u32);
    __type(value, __u64);
} epoch SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, steer_queues_max);
    __type(key, __u32);
    __type(value, struct steer_heartbeat);
} heartbeat SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, steer_counter_count);
    __type(key, __u32);
    __type(value, struct steer_tally);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, steer_unlisted_max);
    __type(key, struct steer_destination);
    __type(value, struct steer_tally);
} unlisted SEC(".maps");

SEC(".rodata.port") const volatile struct steer_port port = {0, 0, 0};

// The protected service that a packet belongs to.
struct hit {
    __u32 id;
    __u32 fail;
    __u32 towards_storage;
};

static __always_inline __u32 direction(void) {
    return port.role == steer_role_client ? steer_from_client : steer_from_storage;
}

static __always_inline void count(__u32 layer, __u32 class_, __u32 bytes) {
    const __u32 index = steer_counter_index(layer, class_, direction());
    struct steer_tally* tally = bpf_map_lookup_elem(&counters, &index);
    if (!tally) return;
    tally->frames++;
    tally->bytes += bytes;
}

static __always_inline const struct steer_settings* read_settings(void) {
    const __u32 zero = 0;
    return bpf_map_lookup_elem(&settings, &zero);
}

// The clock that moves with the tick: to read the other one took a sixth of what XDP takes for a
// frame. It is behind by a tick (10 ms at most): a worker is told hung, and a decision forgotten,
// that much later and never earlier, which is what the worker counts on when it sends.
static __always_inline __u64 clock_ns(void) {
    return bpf_ktime_get_coarse_ns();
}

static __always_inline int is_fresh(__u32 queue, const struct steer_settings* s, __u64 now) {
    const volatile struct steer_heartbeat* beat = bpf_map_lookup_elem(&heartbeat, &queue);
    // Signed: the worker's clock is ahead.
    return beat && (__s64)(now - beat->ns) <= (__s64)s->heartbeat_ns_max;
}

// Searches the services of one end. An odd packet belongs to its prefix as a whole: when its port
// cannot be told, the first service of the prefix answers for it, and the strictest fail mode.
__noinline int find_service(const struct packet* p, int end_is_dst, struct hit* hit) {
    if (!p || !hit) return 0;
    struct steer_prefix key = {.bits = 128};
    __builtin_memcpy(key.address, end_is_dst ? p->dst : p->src, 16);
    const struct steer_service_set* set = bpf_map_lookup_elem(&services, &key);
    if (!set) return 0;

    const __u16 wanted = end_is_dst ? p->dst_port : p->src_port;
    int found = 0;
    for (__u32 i = 0; i < steer_services_max; i++) {
        if (i >= set->count) break;
        const struct steer_service* service = &set->services[i];
        if (service->vlan != steer_vlan_any && service->vlan != p->vlan) continue;
        if (p->ports_known && service->port == wanted) {
            hit->id = service->id;
            hit->fail = service->fail;
            return 1;
        }
        if (p->kind != packet_odd) continue;
        if (!found) {
            found = 1;
            hit->id = service->id;
            hit->fail = service->fail;
        }
        if (service->fail == steer_fail_closed) hit->fail = steer_fail_closed;
    }
    return found;
}

// The end that fits the port is asked first: where both ends are protected, it decides who is who.
static __always_inline int find_hit(const struct packet* p, struct hit* hit) {
    const int first_is_dst = port.role == steer_role_client;
    hit->towards_storage = first_is_dst;
    if (find_service(p, first_is_dst, hit)) return 1;
    hit->towards_storage = !first_is_dst;
    return find_service(p, !first_is_dst, hit);
}

static __always_inline struct steer_flow flow_of(const struct packet* p, const struct hit* hit) {
    struct steer_flow flow = {};
    __builtin_memcpy(flow.client, hit->towards_storage ? p->src : p->dst, 16);
    __builtin_memcpy(flow.storage, hit->towards_storage ? p->dst : p->src, 16);
    flow.client_port = hit->towards_storage ? p->src_port : p->dst_port;
    flow.storage_port = hit->towards_storage ? p->dst_port : p->src_port;
    return flow;
}

static __always_inline const struct steer_denied* find_denied(const struct packet* p,
                                                              const struct hit* hit, __u64 now) {
    if (!p->ports_known) return 0;
    const struct steer_flow flow = flow_of(p, hit);
    const struct steer_denied* denied = bpf_map_lookup_elem(&deny, &flow);
    return denied && denied->expires_ns > now ? denied : 0;
}

// A storage that answers a SYN has nothing left of the connection that was denied: the client uses
// its port again. A SYN alone proves nothing, a client can send one at any time; to a connection
// that it still has the storage answers with a bare ACK (RFC 5961 §4).
static __always_inline void forget_denied(const struct packet* p, const struct hit* hit) {
    if (!p->syn_ack || hit->towards_storage || port.role != steer_role_storage) return;
    const struct steer_flow flow = flow_of(p, hit);
    bpf_map_delete_elem(&deny, &flow);
}

static __always_inline void count_gap(const struct packet* p, const struct hit* hit, __u32 bytes,
                                      __u64 now) {
    struct steer_gap* g = bpf_map_lookup_elem(&gap, &hit->id);
    if (!g) return;
    __sync_fetch_and_add(&g->packets, 1);
    __sync_fetch_and_add(&g->bytes, bytes);
    if (hit->towards_storage) __sync_fetch_and_add(&g->payload_bytes, p->payload);
    __sync_fetch_and_add(&g->total_packets, 1);
    __sync_fetch_and_add(&g->total_bytes, bytes);
    if (!g->first_ns) g->first_ns = now;
    g->last_ns = now;
}

enum passage { passage_bridge, passage_drop };

// A frame of a protected service, and no worker takes it. `closed` lets what carries no payload
// through, so that connections stay alive and can be closed, and nothing is uploaded.
static __always_inline enum passage pass_without_worker(__u32 layer, const struct packet* p,
                                                        const struct hit* hit, __u32 bytes,
                                                        __u64 now) {
    if (hit->fail == steer_fail_closed) {
        count(layer, p->payload ? steer_refused : steer_closed_control, bytes);
        return p->payload ? passage_drop : passage_bridge;
    }
    count_gap(p, hit, bytes, now);
    __u64* seen = bpf_map_lookup_elem(&epoch, &hit->id);
    if (seen) __sync_fetch_and_add(seen, 1);
    count(layer, steer_bypassed, bytes);
    return passage_bridge;
}

// Neither protected nor cleared: only while no service insists may it pass uninspected.
static __always_inline enum passage pass_unclear(__u32 layer, const struct steer_settings* s,
                                                 __u32 bytes) {
    count(layer, s->any_closed ? steer_unclear_refused : steer_unclear_bridged, bytes);
    return s->any_closed ? passage_drop : passage_bridge;
}

static __always_inline void note_unlisted(const struct packet* p, __u32 bytes) {
    if (p->kind != packet_tcp || port.role != steer_role_client) return;
    struct steer_destination key = {.port = p->dst_port};
    __builtin_memcpy(key.address, p->dst, 16);
    struct steer_tally* tally = bpf_map_lookup_elem(&unlisted, &key);
    if (tally) {
        __sync_fetch_and_add(&tally->frames, 1);
        __sync_fetch_and_add(&tally->bytes, bytes);
        return;
    }
    if (!p->syn) return;
    const struct steer_tally first = {.frames = 1, .bytes = bytes};
    bpf_map_update_elem(&unlisted, &key, &first, BPF_NOEXIST);
}

static __always_inline int may_be_protected(const struct packet* p) {
    return p->kind == packet_tcp || p->kind == packet_odd;
}
