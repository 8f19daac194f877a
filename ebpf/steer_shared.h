// What the kernel programs and the user-space loader both see: map keys, map values, enums.
// Included by C (BPF) and by C++; never copied by hand.
//
// Owns:       nothing; plain structs without pointers, host byte order unless said.
// Invariants: no implicit padding (hash keys are compared byte by byte). A changed layout makes the
//             loader replace the pinned map of that name, and forget its content.
// Limits:     services and queues below; 64 services are `services_max` of contract/options.h.
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define STEER_ASSERT(x) static_assert(x, #x)
#else
#define STEER_ASSERT(x) _Static_assert(x, #x)
#endif

enum {
    steer_services_max = 64,
    steer_prefixes_max =
        2 * steer_services_max,  // a change writes the new before it removes the old
    steer_queues_max = 64,
    steer_denied_max = 65536,
    steer_shunted_max = 16384,
    steer_shunt_bytes_max = 1 << 30,
    steer_hop_limit_least = 4,  // limits::hop_limit_least
    steer_unlisted_max = 4096,
    steer_vlan_any = 0xffff,
};

// --- where a program stands ----------------------------------------------------------------------

enum steer_role {
    steer_role_none,     // not configured: the program takes nothing
    steer_role_client,   // frames come from the clients
    steer_role_storage,  // frames come from the storage
};

// Written once into .rodata.port before loading, so that every packet pays nothing for it. The
// AF_XDP driver loads the object without writing it: role none, and the net below serves the wire
// until the loader has put a configured instance in its place.
struct steer_port {
    __u32 role;
    __u32 peer_ifindex;
    __u32 bridge_by_tc;  // the peer's driver takes no frames from XDP: leave bridging to tc
};

// --- settings ------------------------------------------------------------------------------------

struct steer_settings {
    __u64 heartbeat_ns_max;  // an older heartbeat means hung
    __u32 configured;        // 0: take nothing
    __u32 instance;          // counts the starts of the dataplane
    __u32 any_closed;        // some service has fail = closed
    __u32 tapped;            // af_packet: the worker gets copies, tc drops the originals
};

// CLOCK_MONOTONIC per queue. Worker writes through a mapping, the programs read. One cache line
// each: every worker writes its own in every round.
struct steer_heartbeat {
    __u64 ns;
    __u64 reserved[7];
};

// --- services: LPM over the address, then a short list -------------------------------------------
//
// The value of a prefix lists its own services and those of every shorter prefix around it, because
// a longest-prefix lookup shows one entry only. Most specific first.

struct steer_prefix {
    __u32 bits;        // of all 128
    __u8 address[16];  // IPv6, or IPv4 as ::ffff:a.b.c.d
};

enum steer_fail { steer_fail_open, steer_fail_closed };

struct steer_service {
    __u16 port;
    __u16 vlan;  // outermost VLAN id, 0 untagged, steer_vlan_any
    __u8 id;     // index in Options::services
    __u8 fail;   // enum steer_fail
    __u16 reserved;
};

struct steer_service_set {
    __u32 count;
    __u32 reserved;
    struct steer_service services[steer_services_max];
};

// --- flows ---------------------------------------------------------------------------------------
//
// One key for both directions, oriented by the service: `storage` is the end whose address and port
// are the protected service, whichever port the frame came from. VLAN tags are left out on purpose:
// a sender who may choose a tag must not get out of `deny` by it.

struct steer_flow {
    __u8 client[16];
    __u8 storage[16];
    __u16 client_port;
    __u16 storage_port;
    __u32 reserved;  // 0
};

// Payload of a denied flow towards the storage is dropped. Only the process that denied it may
// still take the frames (it absorbs them and answers the client); for any later one they are
// dropped before it sees them. It ends with the connection, at its expiry, or when the storage
// answers a SYN with the same ports.
struct steer_denied {
    __u64 expires_ns;  // CLOCK_MONOTONIC
    __u32 instance;
    __u32 reserved;
};

// --- shunted ranges ------------------------------------------------------------------------------
//
// Bytes of a flow towards its storage that nobody needs. Segments that lie wholly inside the range
// and carry nothing else are bridged, and so are bare acknowledgements of them; all others go to
// the worker. What passed stands in a place of its own, which the worker reads through a mapping
// and not by a system call for every flow.
struct steer_shunt {
    __u32 from;        // sequence numbers: [from, to), to − from ≤ steer_shunt_bytes_max
    __u32 to;          //
    __u32 epoch;       // of the grant, never 0; another than that of the place means revoked
    __u32 place;       // index in `passed`
    __u32 timestamps;  // they were negotiated: whoever has none, or has them unasked, is odd
    __u32 reserved;
};

// One direction of it. A cache line each: both ports write at the same time.
struct steer_heard {
    __u32 epoch;      // worker writes, programs read
    __u32 timestamp;  // newest TSval
    __u64 answer;     // newest acknowledgement << 32 | window, as they stood in one segment
    __u64 frames;
    __u64 bytes;  // of whole frames
    __u32 reach;  // end of the farthest byte that passed, towards the storage
    __u32 reserved[5];
    __u64 unused;
};

struct steer_passed {
    struct steer_heard client;   // of the client's segments
    struct steer_heard storage;  // of the storage's acknowledgements
};

// --- what passed without the dataplane -----------------------------------------------------------

// One per service. The kernel adds atomically; the loader takes the first five by atomic exchange
// through a shared mapping, so nothing is lost between reading and clearing.
struct steer_gap {
    __u64 packets;
    __u64 bytes;          // of whole frames, both directions
    __u64 payload_bytes;  // of TCP, towards the storage: what nobody inspected
    __u64 first_ns;       // CLOCK_MONOTONIC
    __u64 last_ns;
    __u64 total_packets;  // never cleared
    __u64 total_bytes;
    __u64 reserved;
};

// --- counters ------------------------------------------------------------------------------------

enum steer_layer { steer_layer_xdp, steer_layer_tc, steer_layer_count };

// Every frame is in exactly one of the classes up to steer_frame_class_count; the rest says why.
enum steer_class {
    steer_bridged,          // positively not protected
    steer_shunted,          // bytes of a range that nobody needs
    steer_shunted_ack,      // the storage's acknowledgements of them
    steer_to_worker,        // handed to the queue's socket
    steer_denied_dropped,   // payload of a denied flow towards the storage
    steer_bypassed,         // of a service, bridged without the dataplane
    steer_refused,          // of a service that fails closed, with payload: dropped
    steer_closed_control,   // of a service that fails closed, without payload: bridged
    steer_unclear_bridged,  // destination unknown (truncated, nested), dataplane away
    steer_unclear_refused,  // the same, dropped because some service fails closed
    steer_untaken,          // left to the layer below: not configured yet, or bridge_by_tc
    steer_frame_class_count,
    steer_why_no_socket = steer_frame_class_count,  // the process is dead
    steer_why_stale,                                // the worker hangs
    steer_class_count,
};

struct steer_tally {
    __u64 frames;
    __u64 bytes;
};

enum steer_direction { steer_from_client, steer_from_storage, steer_direction_count };

enum {
    steer_counter_count =
        (int)steer_layer_count * (int)steer_class_count * (int)steer_direction_count
};

static inline __u32 steer_counter_index(__u32 layer, __u32 class_, __u32 direction) {
    return (layer * (__u32)steer_class_count + class_) * (__u32)steer_direction_count + direction;
}

// Destinations of TCP bridged towards the storage that nobody listed as a service. An entry begins
// with a SYN, so that the ephemeral ports of the storage's own connections do not fill the table.
struct steer_destination {
    __u8 address[16];
    __u16 port;
    __u16 reserved[3];  // 0
};

STEER_ASSERT(sizeof(struct steer_settings) == 24);
STEER_ASSERT(sizeof(struct steer_heartbeat) == 64);
STEER_ASSERT(sizeof(struct steer_prefix) == 20);
STEER_ASSERT(sizeof(struct steer_service) == 8);
STEER_ASSERT(sizeof(struct steer_service_set) == 8 + 8 * steer_services_max);
STEER_ASSERT(sizeof(struct steer_flow) == 40);
STEER_ASSERT(sizeof(struct steer_denied) == 16);
STEER_ASSERT(sizeof(struct steer_shunt) == 24);
STEER_ASSERT(sizeof(struct steer_heard) == 64);
STEER_ASSERT(sizeof(struct steer_passed) == 128);
STEER_ASSERT(sizeof(struct steer_gap) == 64);
STEER_ASSERT(sizeof(struct steer_destination) == 24);
