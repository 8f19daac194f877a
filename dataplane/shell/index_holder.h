// The indicator index in force: loads a file into memory of its own, hands it to the workers, frees
// the one before when no worker can still be reading it.
//
//   control:  read ► verify ► publish ────────┐            ┌── all acknowledged ► free the old
//   worker:              … burst │ sees it │ use_index │ acknowledge │ burst …
//
// Owns:       the images, their views, and every worker's streams for the patterns in them. The
//             memory is locked and kept out of core dumps.
// Invariants: a refused file leaves the index before it in force. At most two images are alive: a
//             load is refused while a worker still reads the one before the last. The file is read,
//             never mapped: whoever truncates it meanwhile changes nothing here.
// Thread:     load(), settled() and the read-outs from one control thread; current() and
//             acknowledge() from each worker for itself.
// Limits:     image_bytes_max; an image and its successor together must fit into memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/content/pattern_scanner.h"
#include "dataplane/content/pattern_view.h"
#include "dataplane/index/index_view.h"
#include "dataplane/shell/key_ring.h"

namespace cordon {

// An index in memory of its own, ready to be looked up in.
class IndexImage {
  public:
    static constexpr std::uint64_t image_bytes_max = 64ull << 30;

    // With what each of `workers` needs to scan for the patterns in it.
    static Result<std::unique_ptr<IndexImage>> read(const std::string& path, bool allow_lab,
                                                    std::uint32_t workers = 0,
                                                    std::span<const TagKey> keys = {});
    // The same from a file that is open already; `name` is for what is said about it.
    static Result<std::unique_ptr<IndexImage>> read(const Descriptor& file, const std::string& name,
                                                    bool allow_lab, std::uint32_t workers = 0,
                                                    std::span<const TagKey> keys = {});
    ~IndexImage();
    IndexImage(const IndexImage&) = delete;
    IndexImage& operator=(const IndexImage&) = delete;

    const IndexView& view() const { return view_; }
    // Null: the index has no patterns.
    PatternScanner* scanner(std::uint32_t worker) const {
        return scanners_.empty() ? nullptr : scanners_[worker].get();
    }
    std::uint64_t loaded_s() const { return loaded_s_; }
    bool huge_pages() const { return huge_pages_; }

  private:
    IndexImage() = default;
    bool reserve(std::size_t bytes);
    Result<void> open_patterns(const std::string& path, std::uint32_t workers);

    std::uint8_t* memory_ = nullptr;
    std::size_t mapped_bytes_ = 0;
    bool huge_pages_ = false;
    std::uint64_t loaded_s_ = 0;
    IndexView view_;
    PatternView patterns_;
    std::vector<std::unique_ptr<PatternScanner>> scanners_;  // by worker
};

class IndexHolder {
  public:
    IndexHolder(std::uint32_t workers, bool allow_lab, KeyPlaces keys = {});

    // Loads and publishes. The workers take it over at their next burst: see settled().
    Result<void> load(const std::string& path);
    // True when every worker uses what was published last; frees what came before it.
    bool settled();

    // Null: no index in force.
    const IndexImage* in_force() const { return published_.load(std::memory_order_acquire); }
    // Why the last load was refused; empty when it was not.
    const std::string& error() const { return error_; }
    // Of the keys that the last load found.
    KeyProtection key_protection() const { return key_protection_; }
    const std::string& key_fault() const { return key_fault_; }

    const IndexImage* current() const { return published_.load(std::memory_order_acquire); }
    void acknowledge(std::uint32_t worker, const IndexImage* image) {
        slots_[worker].in_use.store(image, std::memory_order_release);
    }

  private:
    struct alignas(64) Slot {
        std::atomic<const IndexImage*> in_use{nullptr};  // worker writes, control reads
    };

    bool allow_lab_;
    KeyPlaces key_places_;
    std::vector<Slot> slots_;
    std::atomic<const IndexImage*> published_{nullptr};  // control writes, workers read
    std::unique_ptr<IndexImage> newest_;
    std::unique_ptr<IndexImage> previous_;
    std::string error_;
    KeyProtection key_protection_ = KeyProtection::none;
    std::string key_fault_;
};

}  // namespace cordon
