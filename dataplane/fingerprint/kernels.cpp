#include "dataplane/fingerprint/kernels.h"

#include <cpuid.h>

#include <cstdlib>
#include <string_view>

#include "dataplane/fingerprint/blocks.h"

namespace cordon::kernels {

namespace {

void one_sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    blocks::sha256(*reinterpret_cast<uint32_t(*)[8]>(words), *data, blocks);
}

void one_sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    blocks::sha1(*reinterpret_cast<uint32_t(*)[5]>(words), *data, blocks);
}

void one_md5(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    blocks::md5(*reinterpret_cast<uint32_t(*)[4]>(words), *data, blocks);
}

// What OpenSSL does with one object uses SHA-NI where it is.
constexpr Kernel openssl_sha256 = {one_sha256, 1, 1, 1};
constexpr Kernel openssl_sha1 = {one_sha1, 1, 1, 1};
constexpr Kernel openssl_md5 = {one_md5, 1, 1, 1};
constexpr Kernel pair_sha256 = {shani::sha256, 2, 1, 2};
constexpr Kernel pair_sha1 = {shani::sha1, 2, 1, 2};

// `least` is where a kernel with that many of its lanes in use passes the next narrower one. Rates
// in GB/s on Sapphire Rapids (`cordon-bench lanes`), all lanes in use:
//
//            one  pair  8 lanes  2 × 8  16 lanes  2 × 16
//   sha256  2.02  2.69     1.77             4.68           SHA-NI; one without it is 0.5
//   sha1    2.26  2.60     4.06             8.7            SHA-NI; one without it is 1.0
//   md5     0.87           5.1     7.7     14.9     15.4
//
// Eight lanes of AVX-512, in an hour in which sixteen had 4.15, 7.65 and 12.98, have 3.03, 6.08 and
// 7.07. A step of MD5 waits for the one before, on eight lanes as on sixteen: those are used.
//
// All three of one object, stitched: 0.70, where one after the other they have 0.40 and MD5 alone
// 0.75.
//
// On Zen 5 a pair of sha256 is 3.7 and 16 lanes are 5.6: they pass within one lane of the same.
// Eight lanes should be half of sixteen there (all its vector units have 512 bits), so that with
// seven to ten objects a pair would do better. Two groups of md5 are twice as fast there as one.
constexpr KernelSet scalar_set = {"scalar",
                                  {{{scalar::sha256, 1, 1, 1}},  //
                                   {{scalar::sha1, 1, 1, 1}},
                                   {{scalar::md5, 1, 1, 1}}},
                                  nullptr};

constexpr KernelSet openssl_set = {
    "openssl", {{openssl_sha256}, {openssl_sha1}, {openssl_md5}}, nullptr};

constexpr KernelSet shani_set = {
    "shani",
    {{pair_sha256, openssl_sha256}, {pair_sha1, openssl_sha1}, {openssl_md5}},
    shani::stitched};

constexpr KernelSet avx2_set = {"avx2",
                                {{{avx2::sha256, 8, 1, 3}, openssl_sha256},
                                 {{avx2::sha1, 8, 1, 3}, openssl_sha1},
                                 {{avx2::md5_two, 8, 2, 9}, {avx2::md5, 8, 1, 2}, openssl_md5}},
                                nullptr};

// Eight lanes of sha256 are slower here than a pair.
constexpr KernelSet avx2_shani_set = {
    "avx2+shani",
    {{pair_sha256, openssl_sha256},
     {{avx2::sha1, 8, 1, 6}, pair_sha1, openssl_sha1},
     {{avx2::md5_two, 8, 2, 9}, {avx2::md5, 8, 1, 2}, openssl_md5}},
    shani::stitched};

constexpr KernelSet avx512_set = {
    "avx512",
    {{{avx512::sha256, 16, 1, 9}, {avx512::half_sha256, 8, 1, 2}, openssl_sha256},
     {{avx512::sha1, 16, 1, 9}, {avx512::half_sha1, 8, 1, 2}, openssl_sha1},
     {{avx512::md5_two, 16, 2, 17}, {avx512::md5, 16, 1, 2}, openssl_md5}},
    nullptr};

constexpr KernelSet avx512_shani_set = {
    "avx512+shani",
    {{{avx512::sha256, 16, 1, 11}, {avx512::half_sha256, 8, 1, 7}, pair_sha256, openssl_sha256},
     {{avx512::sha1, 16, 1, 10}, {avx512::half_sha1, 8, 1, 3}, pair_sha1, openssl_sha1},
     {{avx512::md5_two, 16, 2, 17}, {avx512::md5, 16, 1, 2}, openssl_md5}},
    shani::stitched};

bool has_shani() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx >> 29 & 1) != 0 &&
           __builtin_cpu_supports("ssse3") != 0 && __builtin_cpu_supports("sse4.1") != 0;
}

// These ask whether the kernel saves the wide registers, too.
bool has_avx2() {
    return __builtin_cpu_supports("avx2") != 0;
}

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") != 0 &&
           __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
}

}  // namespace

const KernelSet* kernels_named(const char* name) {
    const std::string_view wanted(name);
    if (wanted == "scalar") return &scalar_set;
    if (wanted == "openssl") return &openssl_set;
    if (wanted == "shani") return has_shani() ? &shani_set : nullptr;
    if (wanted == "avx2" && has_avx2()) return has_shani() ? &avx2_shani_set : &avx2_set;
    if (wanted == "avx512" && has_avx512()) return has_shani() ? &avx512_shani_set : &avx512_set;
    return nullptr;
}

const KernelSet& best_kernels() {
    for (const char* name : {"avx512", "avx2", "shani"}) {
        if (const KernelSet* set = kernels_named(name); set != nullptr) return *set;
    }
    return openssl_set;
}

const KernelSet* at_start() {
    const char* forced = std::getenv("CORDON_ISA");
    return forced == nullptr || *forced == '\0' ? &best_kernels() : kernels_named(forced);
}

}  // namespace cordon::kernels
