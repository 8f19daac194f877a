#include "dataplane/shell/dpdk_port.h"

#include <dirent.h>
#include <linux/if_xdp.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"
#include "dataplane/shell/clock.h"
#include "dataplane/shell/eal.h"
#include "dataplane/shell/net_device.h"
#include "dataplane/shell/spread.h"

namespace cordon {
namespace {

// The kernel puts a received AF_XDP frame behind its own headroom (XDP_PACKET_HEADROOM).
constexpr std::uint32_t kernel_headroom = 256;
constexpr std::uint32_t vlan_bytes = 8;  // two tags
constexpr unsigned any_socket = static_cast<unsigned>(SOCKET_ID_ANY);
constexpr unsigned pool_cache = 256;
constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint16_t descriptors = 2048;
constexpr unsigned handed_max = 1024;  // frames on their way from one worker to another

constexpr std::uint32_t frame_bytes(std::uint32_t mtu) {
    return mtu + RTE_ETHER_HDR_LEN + vlan_bytes;
}

// A slot of the AF_PACKET ring: a power of two with the frame behind the kernel's own header.
std::uint32_t packet_slot_bytes(std::uint32_t mtu) {
    constexpr std::uint32_t kernel_header = 128;  // TPACKET2_HDRLEN, sockaddr_ll, alignment
    return rte_align32pow2(frame_bytes(mtu) + kernel_header);
}

static_assert(RTE_CACHE_LINE_SIZE + sizeof(rte_mbuf) + RTE_PKTMBUF_HEADROOM + kernel_headroom +
                  frame_bytes(af_xdp_mtu_max) <=
              page_bytes);

// AF_XDP: what a page leaves behind DPDK's headers.
std::uint16_t data_room(PortKind kind, std::uint32_t mtu) {
    if (kind == PortKind::af_xdp) {
        return static_cast<std::uint16_t>(
            page_bytes -
            rte_mempool_calc_obj_size(sizeof(rte_mbuf), RTE_MEMPOOL_F_NO_SPREAD, nullptr));
    }
    // The AF_PACKET driver insists on buffers of a whole slot.
    const std::uint32_t bytes =
        kind == PortKind::af_packet ? packet_slot_bytes(mtu) : kernel_headroom + frame_bytes(mtu);
    return static_cast<std::uint16_t>(RTE_ALIGN_CEIL(RTE_PKTMBUF_HEADROOM + bytes, 64u));
}

// A pool with one buffer to a page, from its first byte on. DPDK's AF_XDP driver tells the kernel
// that buffers begin with the pool's memory and lie without a gap, but a pool that DPDK lays out
// has one wherever a buffer would cross a page, and a begin that is not a page's. What lies behind
// the told end (half of a pool of 2112 bytes each) the kernel refuses, to receive into as to send,
// and says nothing: the frame is lost, and the buffer with it.
rte_mempool* make_page_pool(const std::string& name, std::uint32_t buffers, std::uint16_t room) {
    rte_mempool* pool = rte_mempool_create_empty(
        name.c_str(), buffers, static_cast<unsigned>(sizeof(rte_mbuf)) + room, pool_cache,
        sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_SPREAD);
    if (pool == nullptr) return nullptr;
    INVARIANT(pool->header_size + pool->elt_size + pool->trailer_size == page_bytes);
    rte_pktmbuf_pool_private kept{};
    kept.mbuf_data_room_size = room;
    rte_pktmbuf_pool_init(pool, &kept);
    const rte_memzone* pages = rte_memzone_reserve_aligned(
        name.c_str(), std::size_t{buffers} * page_bytes, SOCKET_ID_ANY, 0, page_bytes);
    if (pages == nullptr) return nullptr;
    const int filled = rte_mempool_populate_iova(pool, static_cast<char*>(pages->addr), pages->iova,
                                                 pages->len, nullptr, nullptr);
    if (filled < 0 || static_cast<std::uint32_t>(filled) != buffers) return nullptr;
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

rte_mempool* make_pool(const Options& options, const std::string& name, std::uint32_t mtu) {
    const std::uint16_t room = data_room(options.port_kind, mtu);
    if (options.port_kind == PortKind::af_xdp)
        return make_page_pool(name, options.mbufs_per_port, room);
    return rte_pktmbuf_pool_create(name.c_str(), options.mbufs_per_port, pool_cache, 0, room,
                                   SOCKET_ID_ANY);
}

const char* side_name(Side side) {
    return side == Side::client ? "client" : "storage";
}

const char* device_of(const Options& options, Side side) {
    return side == Side::client ? options.client_port : options.storage_port;
}

Failure port_failure(const char* device, const std::string& what, int code) {
    const std::string said = last_dpdk_words();
    return failure(
        ErrorCode::interface,
        "port " + std::string(device) + ": " + what + (said.empty() ? "" : " (" + said + ")"),
        code < 0 ? -code : code);
}

// Parameters of the virtual device that stands for a kernel interface.
std::string device_arguments(const Options& options, Side side, std::uint32_t mtu) {
    const std::string workers = std::to_string(options.workers);
    const std::string iface = std::string("iface=") + device_of(options, side);
    if (options.port_kind == PortKind::af_packet) {
        const std::string slot = std::to_string(packet_slot_bytes(mtu));
        const std::string block = std::to_string(std::max(4096u, packet_slot_bytes(mtu)));
        // 2048 slots are a millisecond of 25 Gbit/s in full frames.
        return iface + ",qpairs=" + workers + ",blocksz=" + block + ",framesz=" + slot +
               ",framecnt=2048";
    }
    return iface + ",start_queue=0,queue_count=" + workers + ",xdp_prog=" + options.steer_object;
}

// The reason and its cure, for the failures seen most.
std::string vdev_advice(const Options& options) {
    if (options.port_kind == PortKind::af_packet) return "AF_PACKET is not available";
    return "AF_XDP is not available: it needs a kernel with BTF and XDP, and the right to use "
           "them; "
           "otherwise set port = \"af_packet\"";
}

void adopt(Frame* frame, rte_mbuf* buffer) {
    frame->data = rte_pktmbuf_mtod(buffer, std::uint8_t*);
    frame->length = buffer->data_len;
    frame->capacity = static_cast<std::uint32_t>(buffer->buf_len - buffer->data_off);
    frame->handle = buffer;
}

// The mbuf of a frame as the worker left it. The worker may have changed the length.
rte_mbuf* give_back(const Frame& frame) {
    rte_mbuf* buffer = static_cast<rte_mbuf*>(frame.handle);
    INVARIANT(buffer->nb_segs == 1);
    INVARIANT(frame.data == rte_pktmbuf_mtod(buffer, std::uint8_t*));
    INVARIANT(frame.length <= frame.capacity);
    buffer->data_len = static_cast<std::uint16_t>(frame.length);
    buffer->pkt_len = frame.length;
    return buffer;
}

// The packet sockets this process has open, in the order they were made (descriptors grow). The
// drivers keep theirs to themselves, and waiting on them is what lets an idle worker sleep and yet
// wake at once.
std::vector<int> packet_sockets() {
    std::vector<int> found;
    DIR* directory = opendir("/proc/self/fd");
    if (directory == nullptr) return found;
    while (const dirent* entry = readdir(directory)) {
        const int fd = std::atoi(entry->d_name);
        int domain = 0;
        socklen_t length = sizeof domain;
        if (fd <= 2 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) continue;
        if (domain == AF_XDP || domain == AF_PACKET) found.push_back(fd);
    }
    closedir(directory);
    std::sort(found.begin(), found.end());
    return found;
}

// What an AF_XDP socket lost: frames that found no room, and those that the kernel would not send
// from where they lie. The driver (22.11) counts those that found no buffer and forgets the others.
// False: not such a socket.
bool socket_drops(int fd, PortDrops* drops) {
    xdp_statistics stats{};
    socklen_t length = sizeof stats;
    if (getsockopt(fd, SOL_XDP, XDP_STATISTICS, &stats, &length) != 0) return false;
    drops->missed += stats.rx_dropped + stats.rx_ring_full;
    drops->errors += stats.tx_invalid_descs;
    return true;
}

// A driver that took a tag out of the frame gives it back: rooms see frames as they were on the
// wire. (AF_PACKET hands the tag over beside the frame.)
bool restore_vlan(rte_mbuf** buffer) {
    constexpr std::uint64_t stripped = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    if (((*buffer)->ol_flags & stripped) != stripped) return true;
    return rte_vlan_insert(buffer) == 0;
}

}  // namespace

std::size_t buffer_bytes(PortKind kind, std::uint32_t mtu) {
    if (kind == PortKind::af_xdp) return page_bytes;
    const std::size_t bytes = rte_mempool_calc_obj_size(
        static_cast<std::uint32_t>(sizeof(rte_mbuf) + data_room(kind, mtu)), 0, nullptr);
    if (kind == PortKind::pci || bytes > page_bytes) return bytes;
    // Without hugepages DPDK lets no buffer cross a page, so the rest of the page is its as well.
    return page_bytes / (page_bytes / bytes);
}

Result<std::unique_ptr<PortPair>> PortPair::open(const Options& options, std::uint32_t mtu) {
    std::unique_ptr<PortPair> pair(new PortPair);
    pair->queues_ = options.workers;
    for (std::uint32_t worker = 0; worker < options.workers; ++worker)
        pair->bells_.emplace_back();
    for (const Side side : {Side::client, Side::storage}) {
        const std::vector<int> before = packet_sockets();
        const Result<void> opened = pair->open_device(options, side, mtu);
        if (!opened) return Failure(opened.error());
        const std::vector<int> after = packet_sockets();
        std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                            std::back_inserter(pair->devices_[index_of(side)].sockets));
    }
    return pair;
}

Result<void> PortPair::open_device(const Options& options, Side side, std::uint32_t mtu) {
    const char* device = device_of(options, side);
    Device& mine = devices_[index_of(side)];
    mine.frame_bytes_max = frame_bytes(mtu);
    mine.pool = make_pool(options, std::string("cordon_") + side_name(side), mtu);
    if (mine.pool == nullptr) {
        return failure(ErrorCode::memory,
                       "no memory for " + std::to_string(options.mbufs_per_port) +
                           " buffers of the " + side_name(side) + " port: lower mbufs_per_port",
                       rte_errno);
    }
    if (const Result<void> rings = make_rings(options, side); !rings) return rings;
    if (options.port_kind == PortKind::pci) return start_device(options, side, device);

    const bool xdp = options.port_kind == PortKind::af_xdp;
    const std::string name = std::string(xdp ? "net_af_xdp_" : "net_af_packet_") + side_name(side);
    const int code =
        rte_eal_hotplug_add("vdev", name.c_str(), device_arguments(options, side, mtu).c_str());
    if (code != 0) return port_failure(device, vdev_advice(options), code);
    return start_device(options, side, name);
}

Result<void> PortPair::make_rings(const Options& options, Side side) {
    if (options.workers == 1) return {};
    for (std::uint32_t worker = 0; worker < options.workers; ++worker) {
        const std::string name =
            std::string("cordon_") + side_name(side) + "_to_" + std::to_string(worker);
        rte_ring* ring = rte_ring_create(name.c_str(), handed_max, SOCKET_ID_ANY, RING_F_SC_DEQ);
        if (ring == nullptr) {
            return failure(ErrorCode::memory, "no memory for the rings between workers", rte_errno);
        }
        devices_[index_of(side)].handed.push_back(ring);
    }
    return {};
}

Result<void> PortPair::start_device(const Options& options, Side side, const std::string& name) {
    const char* device = device_of(options, side);
    Device& mine = devices_[index_of(side)];
    if (rte_eth_dev_get_port_by_name(name.c_str(), &mine.id) != 0) {
        return port_failure(device, "DPDK has no such port; is it bound to vfio-pci?", ENODEV);
    }
    const std::uint16_t queues = static_cast<std::uint16_t>(options.workers);
    const rte_eth_conf plain{};
    int code = rte_eth_dev_configure(mine.id, queues, queues, &plain);
    if (code != 0) return port_failure(device, "cannot be configured", code);
    std::uint16_t rx = descriptors;
    std::uint16_t tx = descriptors;
    code = rte_eth_dev_adjust_nb_rx_tx_desc(mine.id, &rx, &tx);
    for (std::uint16_t queue = 0; queue < queues && code == 0; ++queue) {
        code = rte_eth_tx_queue_setup(mine.id, queue, tx, any_socket, nullptr);
        if (code != 0) break;
        code = rte_eth_rx_queue_setup(mine.id, queue, rx, any_socket, nullptr, mine.pool);
    }
    if (code != 0) return port_failure(device, vdev_advice(options), code);
    code = rte_eth_dev_start(mine.id);
    if (code != 0) return port_failure(device, "cannot be started", code);
    code = rte_eth_promiscuous_enable(mine.id);
    if (code != 0) return port_failure(device, "cannot be made promiscuous", code);
    return {};
}

// Each driver makes one socket for each queue, in their order; if one ever makes more, sleeping
// falls back to timed.
std::vector<int> PortPair::wake_descriptors(std::uint32_t worker) const {
    std::vector<int> wake;
    for (const Device& device : devices_) {
        if (device.sockets.size() != queues_) return {};
        wake.push_back(device.sockets[worker]);
    }
    wake.push_back(bells_[worker].descriptor());
    return wake;
}

PortDrops PortPair::drops(Side side) const {
    const Device& mine = devices_[index_of(side)];
    rte_eth_stats stats{};
    PortDrops drops;
    drops.chained = mine.chained.load(std::memory_order_relaxed);
    drops.handed = mine.handed_lost.load(std::memory_order_relaxed);
    if (rte_eth_stats_get(mine.id, &stats) != 0) return drops;
    bool by_socket = false;
    for (const int fd : mine.sockets)
        by_socket = socket_drops(fd, &drops) || by_socket;
    drops.missed += stats.rx_nombuf + (by_socket ? 0 : stats.imissed);
    drops.errors += stats.ierrors + stats.oerrors;
    return drops;
}

// One burst from the queue; what belongs to another worker is handed over.
std::size_t DpdkPort::receive_own(Side side, rte_mbuf** buffers, std::size_t count) {
    PortPair::Device& device = pair_->devices_[index_of(side)];
    const std::uint16_t n =
        rte_eth_rx_burst(device.id, queue_, buffers, static_cast<std::uint16_t>(count));
    std::size_t kept = 0;
    for (std::uint16_t i = 0; i < n; ++i) {
        rte_mbuf* buffer = buffers[i];
        // A chain is a frame beyond the MTU as well: a buffer holds what that asks, or more.
        if (buffer->nb_segs != 1 || buffer->data_len > device.frame_bytes_max ||
            !restore_vlan(&buffer)) {
            device.chained.fetch_add(1, std::memory_order_relaxed);
            rte_pktmbuf_free(buffer);
            continue;
        }
        std::uint32_t owner = queue_;
        if (pair_->queues_ > 1) {
            owner = flow_owner({rte_pktmbuf_mtod(buffer, std::uint8_t*), buffer->data_len},
                               pair_->queues_, queue_);
        }
        if (owner != queue_) {
            hand_over(side, owner, buffer);
        } else {
            buffers[kept++] = buffer;
        }
    }
    return kept;
}

void DpdkPort::hand_over(Side side, std::uint32_t owner, rte_mbuf* buffer) {
    PortPair::Device& device = pair_->devices_[index_of(side)];
    if (rte_ring_enqueue(device.handed[owner], buffer) == 0) {
        handed_over_.add();
        return pair_->bells_[owner].ring();
    }
    device.handed_lost.fetch_add(1, std::memory_order_relaxed);
    rte_pktmbuf_free(buffer);
}

std::size_t DpdkPort::receive(Side side, Frame* frames, std::size_t count) {
    const PortPair::Device& device = pair_->devices_[index_of(side)];
    rte_mbuf* buffers[limits::burst_frames];
    const std::size_t room = std::min(count, limits::burst_frames);
    std::size_t n = 0;
    if (!device.handed.empty()) {
        // First, and at most half: neither source may starve the other.
        n = rte_ring_dequeue_burst(device.handed[queue_], reinterpret_cast<void**>(buffers),
                                   static_cast<unsigned>(room / 2), nullptr);
    }
    n += receive_own(side, buffers + n, room - n);
    for (std::size_t i = 0; i < n; ++i)
        adopt(&frames[i], buffers[i]);
    return n;
}

std::size_t DpdkPort::transmit(Side side, Frame* frames, std::size_t count) {
    if (valid_until_ns_ != UINT64_MAX && clock_now().ns > valid_until_ns_) {
        stale_.add(count);
        for (std::size_t i = 0; i < count; ++i)
            release(&frames[i]);
        return 0;
    }
    const PortPair::Device& device = pair_->devices_[index_of(side)];
    std::size_t sent = 0;
    while (sent < count) {
        rte_mbuf* buffers[limits::burst_frames];
        const std::size_t n = std::min(count - sent, limits::burst_frames);
        for (std::size_t i = 0; i < n; ++i)
            buffers[i] = give_back(frames[sent + i]);
        const std::uint16_t taken =
            rte_eth_tx_burst(device.id, queue_, buffers, static_cast<std::uint16_t>(n));
        sent += taken;
        if (taken == n) continue;
        // TCP repeats what a full queue refused; waiting here would stop every other flow.
        rte_pktmbuf_free_bulk(buffers + taken, static_cast<unsigned>(n) - taken);
        for (std::size_t i = sent + (n - taken); i < count; ++i)
            release(&frames[i]);
        break;
    }
    return sent;
}

bool DpdkPort::allocate(Side side, Frame* frame) {
    rte_mbuf* buffer = rte_pktmbuf_alloc(pair_->devices_[index_of(side)].pool);
    if (buffer == nullptr) return false;
    adopt(frame, buffer);
    return true;
}

void DpdkPort::release(Frame* frame) {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(frame->handle));
    frame->handle = nullptr;
}

bool DpdkPort::hand_to_owner(Side side, Frame* frame) {
    if (pair_->queues_ == 1) return false;
    const std::uint32_t owner = flow_owner(frame->bytes(), pair_->queues_, queue_);
    if (owner == queue_) return false;
    hand_over(side, owner, give_back(*frame));
    *frame = Frame{};
    return true;
}

std::size_t DpdkPort::discard(Side side) {
    Frame frames[limits::burst_frames];
    std::size_t discarded = 0;
    while (const std::size_t n = receive(side, frames, limits::burst_frames)) {
        for (std::size_t i = 0; i < n; ++i)
            release(&frames[i]);
        discarded += n;
    }
    return discarded;
}

}  // namespace cordon
