// The modes that services are in now, as the control thread sets them and every worker reads them.
//
// Owns:       one word per service and a change count.
// Invariants: a worker that sees the count move reads all words; a word is mode and expiry in one,
//             so that no reader sees half of a change.
// Thread:     one control thread sets; workers and status read.
// Limits:     services_max; an expiry is cut at 2^56 seconds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/contract/options.h"

namespace cordon {

struct ServiceState {
    ServiceMode mode;
    std::uint64_t bypass_until_s;
    bool operator==(const ServiceState&) const = default;
};

class ModeBoard {
  public:
    explicit ModeBoard(const Options& options) {
        for (std::uint32_t i = 0; i < options.service_count; ++i) {
            set(i, {options.services[i].mode, options.services[i].bypass_until_s});
        }
    }

    void set(std::size_t service, ServiceState state) {
        const auto word = state.bypass_until_s << 8 | static_cast<std::uint8_t>(state.mode);
        words_[service].store(word, std::memory_order_relaxed);
        changes_.fetch_add(1, std::memory_order_release);
    }

    ServiceState get(std::size_t service) const {
        const std::uint64_t word = words_[service].load(std::memory_order_relaxed);
        return {static_cast<ServiceMode>(word & 0xff), word >> 8};
    }

    std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

  private:
    std::array<std::atomic<std::uint64_t>, services_max> words_{};
    std::atomic<std::uint64_t> changes_{0};
};

}  // namespace cordon
