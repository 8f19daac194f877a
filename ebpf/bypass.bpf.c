/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
// The net below, tc ingress (clsact) on both ports: bridges what XDP did not take, by the fail mode
// of each service. Needs no process, from boot on. What XDP has taken never gets here.
//
// A worker on af_packet gets a copy of every frame before this program runs: while it is alive the
// originals are dropped here, all of them, because it forwards all of them.
//
// Owns:       nothing beside the shared maps.
// Invariants: decide.bpf.h.
#include <linux/pkt_cls.h>

#include "decide.bpf.h"

enum { bypass_pull_bytes = 256 };

static __always_inline int bridge(void) {
    return bpf_redirect(port.peer_ifindex, 0);
}

static __always_inline int finish(enum passage passage) {
    return passage == passage_drop ? TC_ACT_SHOT : bridge();
}

static __always_inline int pass_protected(const struct packet* p, const struct hit* hit,
                                          __u32 bytes) {
    const __u64 now = clock_ns();
    forget_denied(p, hit);
    if (hit->towards_storage && p->payload && find_denied(p, hit, now)) {
        count(steer_layer_tc, steer_denied_dropped, bytes);
        return TC_ACT_SHOT;
    }
    return finish(pass_without_worker(steer_layer_tc, p, hit, bytes, now));
}

// A global function: the kernel verifies it once, not once per way through its callers.
__noinline int parse_frame(struct __sk_buff* skb, struct packet* p) {
    if (!p) return 0;
    const struct frame f = {
        .data = (const void*)(long)skb->data,
        .data_end = (const void*)(long)skb->data_end,
        .length = skb->len,
    };
    parse_packet(&f, skb->vlan_present ? (int)(skb->vlan_tci & 0xffff) : -1, p);
    return 0;
}

SEC("tc")
int bypass(struct __sk_buff* skb) {
    const __u32 length = skb->len;
    const __u32 bytes = length + (skb->vlan_present ? 4 : 0);
    const struct steer_settings* s = read_settings();
    if (port.role == steer_role_none || !s || !s->configured) {
        count(steer_layer_tc, steer_untaken, bytes);
        return TC_ACT_OK;
    }
    if (s->tapped && is_fresh(0, s, clock_ns())) {
        count(steer_layer_tc, steer_to_worker, bytes);
        return TC_ACT_SHOT;
    }
    // Headers may lie in fragments; a failure shows as a short frame, which is unclear or odd.
    bpf_skb_pull_data(skb, length < bypass_pull_bytes ? length : bypass_pull_bytes);

    struct packet p = {};
    struct hit hit = {};
    parse_frame(skb, &p);
    if (p.kind == packet_unclear) return finish(pass_unclear(steer_layer_tc, s, bytes));
    if (may_be_protected(&p) && find_hit(&p, &hit)) return pass_protected(&p, &hit, bytes);

    count(steer_layer_tc, steer_bridged, bytes);
    note_unlisted(&p, bytes);
    return bridge();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
