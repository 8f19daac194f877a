// What objects on the storage are judged by, as the verifier is handed it: the index, the
// suspensions beside it, and the keys of the lists, as they are in force for the dataplane.
//
// Owns:       the open files.
// Invariants: all of it or nothing: without a suspension a revoked indicator would delete, without
//             a key what is listed would be called clean. Another mark for whatever else there is.
// Thread:     any.
// Limits:     keys are opened only when the verifier has something else than this. Memory that they
//             are handed on in may be swapped; it lives until it is read.
#pragma once

#include <array>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"
#include "dataplane/contract/verify_link.h"

namespace cordon {

struct VerifyGrounds {
    std::uint64_t mark = 0;                          // 0: there is nothing to judge by
    std::array<Descriptor, verify_files_max> files;  // in the order of VerifyFile, not all valid
    std::string fault;                               // why there is nothing; empty: no fault

    std::uint8_t present() const {
        std::uint8_t bits = 0;
        for (std::size_t n = 0; n < files.size(); ++n)
            bits = static_cast<std::uint8_t>(bits | (files[n].valid() ? 1u << n : 0u));
        return bits;
    }
};

// `held`: the mark of what the verifier has. When it is still this, no file is handed on.
VerifyGrounds open_grounds(const Options& options, std::uint64_t held);

}  // namespace cordon
