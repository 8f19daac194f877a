// Counts heap allocations while an AllocationWatch is alive: what a worker does after its start
// must allocate nothing. Sees malloc, calloc, realloc, aligned_alloc, posix_memalign and operator
// new, of this program and of the libraries it calls.
//
// It replaces malloc, so it is included by the one file of a test program only. Under a sanitizer,
// which has a malloc of its own, it uses the sanitizer's hook instead.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CORDON_SANITIZER_MALLOC 1
#else
#define CORDON_SANITIZER_MALLOC 0
#endif

namespace cordon::test {

inline std::atomic<bool> allocations_watched{false};
inline std::atomic<std::uint64_t> allocations_seen{0};

inline void note_allocation() {
    if (allocations_watched.load(std::memory_order_relaxed))
        allocations_seen.fetch_add(1, std::memory_order_relaxed);
}

class AllocationWatch {
  public:
    AllocationWatch();
    ~AllocationWatch() { allocations_watched = false; }
    AllocationWatch(const AllocationWatch&) = delete;
    AllocationWatch& operator=(const AllocationWatch&) = delete;

    // Since construction.
    std::uint64_t count() const { return allocations_seen; }
};

}  // namespace cordon::test

#if CORDON_SANITIZER_MALLOC

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*,
                                                                             std::size_t),
                                                         void (*free_hook)(const volatile void*));

inline cordon::test::AllocationWatch::AllocationWatch() {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void*, std::size_t) { note_allocation(); }, [](const volatile void*) {});
    (void)installed;
    allocations_seen = 0;
    allocations_watched = true;
}

#else

inline cordon::test::AllocationWatch::AllocationWatch() {
    allocations_seen = 0;
    allocations_watched = true;
}

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
    cordon::test::note_allocation();
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
    cordon::test::note_allocation();
    return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
    cordon::test::note_allocation();
    return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
    cordon::test::note_allocation();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    cordon::test::note_allocation();
    *out = __libc_memalign(alignment, size);
    return *out == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif
