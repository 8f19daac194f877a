// What the dataplane will use at most, pool by pool, before anything is allocated: printed at every
// start, and refused when the machine does not have it.
//
// Owns:       a short table.
// Invariants: a line is count × size; the total is their sum.
// Thread:     start-up only. Pure but for available_memory().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"

namespace cordon {

struct PoolPlan {
    const char* name;
    std::uint64_t count;
    std::uint64_t bytes_each;
    std::uint64_t bytes() const { return count * bytes_each; }
};

class MemoryPlan {
  public:
    void add(const char* name, std::uint64_t count, std::uint64_t bytes_each) {
        pools_.push_back({name, count, bytes_each});
    }
    std::uint64_t bytes() const;
    std::string text() const;  // one line a pool, and the total
    Result<void> check(std::uint64_t available_bytes) const;

  private:
    std::vector<PoolPlan> pools_;
};

// `frame_buffer_bytes` is what one buffer of a port takes, `index_bytes` the size of the index
// file.
MemoryPlan plan_memory(const Options& options, std::uint64_t frame_buffer_bytes,
                       std::uint64_t index_bytes);

// What DPDK is asked to reserve for the buffers of both ports.
std::uint32_t eal_memory_mib(const Options& options, std::uint64_t frame_buffer_bytes);

// What this process may still use: free memory of the machine, or less where its cgroup says so.
std::uint64_t available_memory();

}  // namespace cordon
