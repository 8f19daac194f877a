// The index of a replay: a file, or made on the spot from a list of digests.
//
// This is the one place where a program of the dataplane uses a part of control (the index
// builder): cordon-replay is a tool at the edge, like the tests, and forwards nothing.
//
// Owns:       the image, and what it takes to scan for its patterns.
// Invariants: view() is open after load_*() returned true.
// Thread:     start-up.
#pragma once

#include <memory>
#include <string>

#include "control/index/aligned_bytes.h"
#include "dataplane/content/pattern_scanner.h"
#include "dataplane/index/index_view.h"

namespace cordon::replay {

class HashIndex {
  public:
    // False with one line in *why.
    bool load_file(const std::string& path, std::string* why);
    bool load_hashes(const std::string& path, std::string* why);

    const IndexView& view() const { return view_; }
    PatternScanner* scanner() const { return scanner_.get(); }  // null: no patterns

  private:
    bool open(const std::string& path, std::string* why);

    AlignedBytes image_;
    IndexView view_;
    PatternView patterns_;
    std::unique_ptr<PatternScanner> scanner_;
};

}  // namespace cordon::replay
