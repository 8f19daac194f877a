// Digest kernels: the compression function of SHA-256, SHA-1 or MD5 over the next blocks of many
// objects at once, one object a lane. Each instruction set has a file of its own (kernel_*.cpp),
// compiled with the flags of that set; kernels.cpp puts together what this processor may run.
//
//   word w of lane n of group g is words[(g × words_of(digest) + w) × lanes + n], 64-byte aligned
//
// Owns:       nothing; tables without state.
// Invariants: a kernel reads `blocks` whole blocks behind each of its data pointers, and nothing
//             else. Words are those of the standards, whatever the set.
//             What a kernel file compiles stays in it: no inline function of a shared header is
//             emitted there, or the linker could keep that copy, with instructions that this
//             processor does not have. The rule that builds these files looks for such symbols.
// Worker:     any; no allocation, lock or clock.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace cordon::kernels {

using Run = void(uint32_t* words, const uint8_t* const* data, size_t blocks);

// Of one object; null: not wanted.
struct WordsOfOne {
    uint32_t* sha256;
    uint32_t* leaf;  // SHA-256 as well
    uint32_t* sha1;
    uint32_t* md5;
};
// Several digests of the same bytes at once. One alone is no faster by it.
using Stitched = void(const WordsOfOne& words, const uint8_t* data, size_t blocks);

namespace scalar {
Run sha256, sha1, md5;
}
namespace shani {  // two objects; 128 bits
Run sha256, sha1;
Stitched stitched;
}  // namespace shani
namespace avx2 {  // eight objects, md5_two sixteen
Run sha256, sha1, md5, md5_two;
}
namespace avx512 {  // sixteen objects, md5_two thirty-two, the halves eight
Run sha256, sha1, md5, md5_two;
Run half_sha256, half_sha1;
}  // namespace avx512

inline constexpr size_t lanes_max = 32;
inline constexpr size_t words_max = 8;  // SHA-256 has the most

enum class Digest : uint8_t { sha256, sha1, md5 };
inline constexpr size_t digest_count = 3;

constexpr size_t words_of(Digest digest) {
    constexpr size_t words[digest_count] = {8, 5, 4};
    return words[static_cast<size_t>(digest)];
}

// One width of one digest.
struct Kernel {
    Run* run;  // null: there is none
    uint8_t lanes;
    uint8_t groups;
    uint8_t least;  // with fewer objects the next narrower one is faster
};

// Widest first. The last one that is there takes one object.
inline constexpr size_t widths_max = 4;
struct KernelSet {
    const char* name;
    Kernel widths[digest_count][widths_max];
    Stitched* stitched;  // null: there is none
};

// By name: scalar (the reference), openssl (one object at a time), shani, avx2, avx512, each with
// all that this processor has beside it and below. Null: unknown, or not for this processor.
const KernelSet* kernels_named(const char* name);
// The best of this processor.
const KernelSet& best_kernels();
// What CORDON_ISA names, else the best. Null: it names none that this processor can run.
const KernelSet* at_start();

}  // namespace cordon::kernels
