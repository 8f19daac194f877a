// INVARIANT(x): a condition that only a bug of ours can break. On in every build: prints, aborts,
// and the process is restarted while XDP covers the wire.
//
// Never for packet content, peers, files or the operator: those are outcomes with a counter.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace cordon {

[[noreturn]] inline void invariant_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, what);
    std::abort();
}

}  // namespace cordon

#define INVARIANT(x) \
    (__builtin_expect(!(x), 0) ? ::cordon::invariant_failed(#x, __FILE__, __LINE__) : (void)0)

// For checks that cost: on in debug and sanitizer builds only.
#ifdef CORDON_DEBUG
#define DEBUG_INVARIANT(x) INVARIANT(x)
#else
#define DEBUG_INVARIANT(x) ((void)sizeof(x))
#endif
