// Modes of services that were set in flight (`cordonctl mode set`, `cordonctl bypass`) and differ
// from the configuration.
//
// Owns:       state_dir/modes.json.
// Invariants: what is set survives a restart of either process until it ends or is set back; a
//             bypass has an end. The file is replaced as a whole.
// Limits:     one entry for a service.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"

namespace cordon {

struct ModeOverride {
    std::string service;
    ServiceMode mode = ServiceMode::enforce;
    std::uint64_t until_s = 0;  // of a bypass
    std::string reason;
    std::uint32_t uid = 0;  // who asked for it
    std::uint64_t since_s = 0;
    std::string requester = {};  // his name
    std::string approver = {};   // that of the second person; empty: there was none
    bool break_glass = false;    // of a bypass: in an emergency, by one person
};

class ModeOverrides {
  public:
    explicit ModeOverrides(std::string path) : path_(std::move(path)) {}

    // A file that is not there is an empty list; one that is damaged is an error, and an empty
    // list: the configuration rules then.
    Result<void> load();
    Result<void> save() const;

    const ModeOverride* find(std::string_view service) const;
    const std::vector<ModeOverride>& list() const { return list_; }
    void set(const ModeOverride& override);
    void remove(std::string_view service);
    // Gives out what has ended, and forgets it.
    std::vector<ModeOverride> take_ended(std::uint64_t now_s);

    // Puts the modes into `options`.
    void apply(Options* options) const;

  private:
    std::string path_;
    std::vector<ModeOverride> list_;
};

}  // namespace cordon
