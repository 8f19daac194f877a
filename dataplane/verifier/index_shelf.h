// What is judged by, once for all hands of the verifier: the index, opened with the keys of its
// lists, and the suspensions.
//
// Owns:       the newest of it; whoever judges by something older keeps that until it is done.
// Invariants: one part that cannot be read leaves nothing at all: better no verdict than one by an
//             old list, or without a suspension. It is not asked for again until it is another one.
//             Keys are only in the views that were opened with them.
// Thread:     any; a hand that brings files keeps the others waiting while they are read, because
//             they need them.
// Limits:     an image for each job at most, when each began under another index.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/contract/verify_link.h"
#include "dataplane/shell/index_holder.h"
#include "dataplane/verifier/line_judge.h"

namespace cordon::verifier {

using HandedFiles = std::array<Descriptor, verify_files_max>;

class IndexShelf {
  public:
    struct Held {
        std::shared_ptr<const IndexImage> image;  // null: none that could be read
        std::shared_ptr<const Suspensions> suspensions;
        std::uint64_t mark = 0;

        Grounds grounds() const { return {image ? &image->view() : nullptr, suspensions.get()}; }
    };
    struct Offer {
        std::uint64_t mark;   // of what is in force
        std::uint64_t asked;  // of what it was asked with
        bool lab;
    };
    Held current() const;
    // What cordond says that is in force, with the files when it is another than `asked`; `present`
    // says which (VerifyFile).
    Held take(const HandedFiles& files, std::uint8_t present, const Offer& offer);
    std::string error() const;

  private:
    Result<void> read(const HandedFiles& files, std::uint8_t present, bool lab);

    mutable std::mutex mutex_;
    Held held_;
    std::string error_;
};

}  // namespace cordon::verifier
