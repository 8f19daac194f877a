// The index that is in force, once for all hands of the verifier.
//
// Owns:       the newest image; whoever judges by an older one keeps that until it is done.
// Invariants: a file that cannot be read leaves no index: better no verdict than one by an old
//             list. It is not asked for again until it is another one.
// Thread:     any; a hand that brings a file keeps the others waiting while it is read, because
//             they need it.
// Limits:     an image for each job at most, when each began under another index.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/shell/index_holder.h"

namespace cordon::verifier {

class IndexShelf {
  public:
    struct Held {
        std::shared_ptr<const IndexImage> image;  // null: none that could be read
        std::uint64_t mark = 0;
    };
    Held current() const;
    // What cordond says that is in force, with the file when it is another one than `asked`.
    Held take(Descriptor file, std::uint64_t mark, std::uint64_t asked, bool lab);
    std::string error() const;

  private:
    mutable std::mutex mutex_;
    Held held_;
    std::string error_;
};

}  // namespace cordon::verifier
