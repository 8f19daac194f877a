// The file of the event log: whole lines behind one another, for programs that read along.
//
// Owns:       the open file.
// Invariants: append() writes all of a text or nothing of it: a disk that fills up in the middle
//             leaves no half line behind. What was not written is for the caller to offer again.
// Thread:     the event loop's. A disk that hangs would hold it: the log belongs on a local one.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

class EventFile {
  public:
    explicit EventFile(std::string path) : path_(std::move(path)) {}

    // Opens the file when it is not open. Mode 0640.
    Result<void> append(const std::string& text);
    // The next append() opens the path anew: something has moved the file away.
    void reopen() { file_.close(); }

    const std::string& path() const { return path_; }

  private:
    std::string path_;
    Descriptor file_;
};

}  // namespace cordon
