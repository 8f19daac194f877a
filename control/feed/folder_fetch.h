// A feed in a folder, as a client would fetch it: for verify, for air gaps, and for tests.
//
// Owns:       nothing.
// Invariants: reads below its folder only.
// Thread:     one.
// Limits:     bytes_max of each call.
#pragma once

#include "control/feed/client.h"

namespace cordon::feed {

class FolderFetch final : public Fetch {
  public:
    explicit FolderFetch(std::string folder) : folder_(std::move(folder)) {}
    Result<std::optional<std::string>> get(const std::string& path,
                                           std::uint64_t bytes_max) override;

  private:
    std::string folder_;
};

}  // namespace cordon::feed
