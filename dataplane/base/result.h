// Result<T>: how start-up and control code reports failure. The hot path uses small enums instead.
//
// Error is a code (decides the exit status), one sentence that says what is wrong and how to mend
// it, and the errno where the kernel gave one.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace cordon {

// The values are the exit codes of every program of Cordon (documented in docs/, tested).
enum class ErrorCode : int {
    refused = 1,      // the operation was refused, or a check found something
    usage = 2,        // the command line is wrong
    unreachable = 3,  // the other process does not answer
    degraded = 4,     // works, needs attention
    permission = 5,   // privileges or role are missing
    timeout = 6,      //
    integrity = 7,    // a checksum, signature or format is wrong
    config = 8,       // the configuration is wrong
    interface = 9,    // a network interface, port or driver is missing or unfit
    memory = 10,      // not enough memory, hugepages or locked memory
    io = 11,          // a file or disk failed
};

struct Error {
    ErrorCode code;
    std::string text;
    int system_error = 0;  // errno, 0 when none

    // The one line an operator reads.
    std::string message() const {
        if (system_error == 0) return text;
        return text + ": " + std::strerror(system_error);
    }
};

template <typename T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

inline Failure failure(ErrorCode code, std::string text, int system_error = 0) {
    return Failure(Error{code, std::move(text), system_error});
}

}  // namespace cordon
