// The shunted ranges of one worker, in the kernel: grants them, reads what passed, takes them back.
//
// Owns:       a share of the places in `passed`, and the entries of `shunt` that name them.
// Invariants: a place is given again last of all that are free: a program that still runs on
//             another core for an earlier range has left it by then.
// Worker:     one. shunt() and unshunt() are one system call each, passed() and revoke() none.
// Limits:     its share of steer_shunted_max ranges.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/worker/port.h"
#include "ebpf/steer_shared.h"

namespace cordon {

class SteerShunts {
  public:
    // `passed` is the mapping of the whole map; places [first, first + count) are ours.
    SteerShunts(int shunt_map, steer_passed* passed, std::uint32_t first, std::uint32_t count);

    ShuntGrant shunt(const ShuntRange& range, std::uint32_t* place);
    ShuntPassed passed(std::uint32_t place) const;
    void revoke(std::uint32_t place);
    void unshunt(const ShuntRange& range, std::uint32_t place);

    // Of an earlier process: no range is in force afterwards, none has an entry.
    static void forget_all(int shunt_map, steer_passed* passed);

  private:
    int map_;
    steer_passed* passed_;
    std::uint32_t epoch_ = 0;
    std::vector<std::uint32_t> free_;  // a ring
    std::size_t next_ = 0;
    std::size_t free_count_;
};

}  // namespace cordon
