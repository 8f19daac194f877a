// The indicator index in force: loads a file into memory of its own with the keys that are at hand,
// and hands it to the workers (published.h).
//
// Owns:       the images, their views, and every worker's streams for the patterns in them. The
//             memory is locked and kept out of core dumps.
// Invariants: a refused file leaves the index before it in force. At most two images are alive: a
//             load is refused while a worker still reads the one before the last. The file is read,
//             never mapped: whoever truncates it meanwhile changes nothing here.
//             The key of a section that has ended is forgotten, whether control lives or not.
// Thread:     load(), tend(), settled() and the read-outs from any control thread, and no read-out
//             waits for a load; current() and acknowledge() from each worker for itself.
// Limits:     image_bytes_max; an image and its successor together must fit into memory.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/content/pattern_scanner.h"
#include "dataplane/content/pattern_view.h"
#include "dataplane/contract/link.h"
#include "dataplane/contract/options.h"
#include "dataplane/index/index_view.h"
#include "dataplane/shell/key_ring.h"
#include "dataplane/shell/published.h"

namespace cordon {

// An index in memory of its own, ready to be looked up in.
class IndexImage {
  public:
    static constexpr std::uint64_t image_bytes_max = 64ull << 30;

    // With what each of `workers` needs to scan for the patterns in it.
    static Result<std::unique_ptr<IndexImage>> read(const std::string& path, bool allow_lab,
                                                    std::uint32_t workers = 0,
                                                    std::span<const TagKey> keys = {},
                                                    std::uint64_t now_s = 0,
                                                    IndexPages wanted = IndexPages::huge);
    // The same from a file that is open already; `name` is for what is said about it.
    static Result<std::unique_ptr<IndexImage>> read(const Descriptor& file, const std::string& name,
                                                    bool allow_lab, std::uint32_t workers = 0,
                                                    std::span<const TagKey> keys = {},
                                                    std::uint64_t now_s = 0,
                                                    IndexPages wanted = IndexPages::huge);
    ~IndexImage();
    IndexImage(const IndexImage&) = delete;
    IndexImage& operator=(const IndexImage&) = delete;

    const IndexView& view() const { return view_; }
    // Null: the index has no patterns.
    PatternScanner* scanner(std::uint32_t worker) const {
        return scanners_.empty() ? nullptr : scanners_[worker].get();
    }
    std::uint64_t loaded_s() const { return loaded_s_; }
    // Whether a section has ended since it was opened, or the clock went back before its end.
    bool is_out_of_date(std::uint64_t now_s) const;
    IndexMemory pages() const { return pages_; }  // what it lies in, as it was loaded

  private:
    IndexImage() = default;
    bool reserve(std::size_t bytes, IndexPages wanted);
    Result<void> open_patterns(const std::string& path, std::uint32_t workers);

    std::uint8_t* memory_ = nullptr;
    std::size_t mapped_bytes_ = 0;
    IndexMemory pages_ = IndexMemory::none;
    std::uint64_t loaded_s_ = 0;
    std::uint64_t opened_at_s_ = 0;
    IndexView view_;
    PatternView patterns_;
    std::vector<std::unique_ptr<PatternScanner>> scanners_;  // by worker
};

class IndexHolder {
  public:
    static constexpr std::uint64_t retry_every_s = 10;  // after a file that was refused

    IndexHolder(std::uint32_t workers, bool allow_lab, KeyPlaces keys = {},
                IndexPages pages = IndexPages::huge);

    // Loads and publishes. The workers take it over at their next burst: see settled().
    Result<void> load(const std::string& path, std::uint64_t now_s);
    // True when every worker uses what was published last; frees what came before it.
    bool settled();
    // Loads the same file again when a section has ended whose key is still here, or when the clock
    // went back before the end of one. True when it did.
    bool tend(std::uint64_t now_s);

    // Null: no index in force. For whoever may load: nobody else frees it meanwhile.
    const IndexImage* in_force() const { return published_.current(); }
    struct Status {
        std::string error;  // why the last load was refused; empty when it was not
        KeyProtection key_protection = KeyProtection::none;  // of the keys that it found
        std::string key_fault;
    };
    // Reads the index in force while no other can take its place.
    template <typename Read>
    Status status(Read&& read) const {
        const std::lock_guard lock(mutex_);
        if (const IndexImage* image = published_.current()) read(*image);
        return status_;
    }

    const IndexImage* current() const { return published_.current(); }
    void acknowledge(std::uint32_t worker, const IndexImage* image) {
        published_.acknowledge(worker, image);
    }

  private:
    Result<void> load_alone(const std::string& path, std::uint64_t now_s);
    Failure refuse(const Error& why);

    bool allow_lab_;
    KeyPlaces key_places_;
    IndexPages pages_;
    std::mutex loading_;  // one load at a time, however long: taken before mutex_
    std::string path_;    // of the index in force
    std::uint64_t retry_s_ = 0;
    mutable std::mutex mutex_;  // of what read-outs see: the newest image, and the status
    Published<IndexImage> published_;
    Status status_;
};

}  // namespace cordon
