#include "dataplane/shell/memory_plan.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <numeric>

#include "dataplane/base/limits.h"
#include "dataplane/stream/piece_pool.h"
#include "dataplane/worker/exchange.h"

namespace cordon {
namespace {

// A message in progress: its head, the decoder of its form, the digests of its objects.
std::uint64_t message_bytes() {
    return sizeof(Exchange) + sizeof(DecoderPlace) +
           (limits::form_objects_max + 2) * Fingerprinter::object_bytes() + 2 * sizeof(Assembling) +
           sizeof(FormPlace);
}
// Beside the fragments themselves: their places, and room for one whole datagram.
constexpr std::uint64_t fragment_table_bytes = 1u << 20;
// Rings, queues and the environment itself, beside the buffers.
constexpr std::uint64_t eal_base_bytes = 24u << 20;

std::string line(const char* name, std::uint64_t count, std::uint64_t each, std::uint64_t bytes) {
    char text[128];
    std::snprintf(text, sizeof text, "  %-22s %10" PRIu64 " x %10" PRIu64 " B = %8.1f MiB\n", name,
                  count, each, static_cast<double>(bytes) / (1 << 20));
    return text;
}

std::uint64_t first_number_in(const char* path) {
    std::ifstream file(path);
    std::uint64_t value = 0;
    return file >> value ? value : UINT64_MAX;
}

std::uint64_t mem_available() {
    std::ifstream file("/proc/meminfo");
    std::string key;
    std::uint64_t kib = 0;
    std::string unit;
    while (file >> key >> kib) {
        if (key == "MemAvailable:") return kib << 10;
        std::getline(file, unit);
    }
    return UINT64_MAX;
}

}  // namespace

std::uint64_t MemoryPlan::bytes() const {
    return std::accumulate(
        pools_.begin(), pools_.end(), std::uint64_t{0},
        [](std::uint64_t sum, const PoolPlan& pool) { return sum + pool.bytes(); });
}

std::string MemoryPlan::text() const {
    std::string text = "memory plan (at most):\n";
    for (const PoolPlan& pool : pools_) {
        text += line(pool.name, pool.count, pool.bytes_each, pool.bytes());
    }
    return text + line("total", 1, bytes(), bytes());
}

Result<void> MemoryPlan::check(std::uint64_t available_bytes) const {
    if (bytes() <= available_bytes) return {};
    const PoolPlan& largest = *std::max_element(
        pools_.begin(), pools_.end(),
        [](const PoolPlan& a, const PoolPlan& b) { return a.bytes() < b.bytes(); });
    return failure(ErrorCode::memory, "the limits ask for " + std::to_string(bytes() >> 20) +
                                          " MiB and " + std::to_string(available_bytes >> 20) +
                                          " MiB are available: lower " + largest.name +
                                          " first, or add memory");
}

MemoryPlan plan_memory(const Options& options, std::uint64_t frame_buffer_bytes,
                       std::uint64_t index_bytes) {
    const std::uint64_t workers = options.workers;
    MemoryPlan plan;
    plan.add("mbufs_per_port (client)", options.mbufs_per_port, frame_buffer_bytes);
    plan.add("mbufs_per_port (storage)", options.mbufs_per_port, frame_buffer_bytes);
    plan.add("flows_max", workers * options.flows_max,
             limits::flow_bytes_max + limits::flow_entry_bytes);
    plan.add("messages_max", workers * options.messages_max, message_bytes());
    plan.add("content codings", workers * limits::coding_small_blocks, CodingPool::small_bytes());
    plan.add("content codings (windows)", workers * limits::coding_large_blocks,
             CodingPool::large_bytes());
    plan.add("archives", workers * limits::archive_stages,
             sizeof(ArchiveStage) + Fingerprinter::object_bytes());
    plan.add("kept_bytes_worker_max", workers,
             PiecePool::bytes(options.kept_bytes_worker_max / limits::kept_block_bytes));
    const AssemblyLimits assembly = assembly_limits(options);
    plan.add("assemblies_max", assembly.uploads_max, Assembly::upload_bytes());
    plan.add("assemblies_max (archives)", Assembly::readers_for(assembly.uploads_max),
             ContentReader::memory_bytes());
    plan.add("assemblies_max (windows)", limits::reader_windows, CodingPool::large_bytes());
    plan.add("assemblies_max (pieces)", assembly.pieces_max, Assembly::piece_bytes());
    plan.add("lists of commits", 1, limits::assembly_list_bytes_max);
    plan.add("tree leaves", assembly.leaves_max, sizeof(TreeDigest));
    plan.add("sources of copies", limits::assembly_sources_max, SourceShelf::place_bytes());
    plan.add("spool_bytes_max", 1, options.spool_bytes_max);
    plan.add("fragments", workers, limits::fragment_bytes_max + fragment_table_bytes);
    plan.add("content types", 1, limits::type_databases_bytes_max);
    plan.add("index and its successor", 2, index_bytes);
    // Their compiled patterns are used in memory of their own.
    plan.add("patterns of the index", 2, std::min(index_bytes, limits::pattern_database_bytes_max));
    plan.add("texts searched", 2 * workers, limits::pattern_streams_bytes_max);
    plan.add("DPDK", 1, eal_base_bytes);
    return plan;
}

std::uint32_t eal_memory_mib(const Options& options, std::uint64_t frame_buffer_bytes) {
    // A tenth more: pools are aligned, and each has a ring of pointers.
    const std::uint64_t buffers = 2 * options.mbufs_per_port * frame_buffer_bytes;
    return static_cast<std::uint32_t>((buffers + buffers / 10 + eal_base_bytes) >> 20) + 1;
}

std::uint64_t available_memory() {
    const std::uint64_t machine = mem_available();
    const std::uint64_t allowed = first_number_in("/sys/fs/cgroup/memory.max");
    if (allowed == UINT64_MAX) return machine;
    const std::uint64_t used = first_number_in("/sys/fs/cgroup/memory.current");
    const std::uint64_t left = used == UINT64_MAX || used > allowed ? 0 : allowed - used;
    return std::min(machine, left);
}

}  // namespace cordon
