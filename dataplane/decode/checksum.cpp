// The Internet checksum. It is computed over every byte that passes, so it decides what a
// forwarded byte costs before anything is hashed.
#include <immintrin.h>

#include <cstdlib>

#include "dataplane/decode/decode.h"

namespace cordon {
namespace {

constexpr std::uint8_t protocol_tcp = 6;

// Sum of the 16-bit words of whole 16-byte blocks, as the machine loads them.
//
// pmaddwd adds neighbouring signed words into 32 bits in one instruction; flipping the top bit
// makes an unsigned word a signed one that is 32768 smaller, which is added back at the end. Three
// instructions per 16 bytes; a lane holds 2^15 blocks (512 KiB), far more than an IP datagram.
std::uint64_t sum_blocks(const std::uint8_t* p, std::size_t blocks) {
    const __m128i top = _mm_set1_epi16(static_cast<short>(0x8000));
    const __m128i ones = _mm_set1_epi16(1);
    __m128i even = _mm_setzero_si128();
    __m128i odd = _mm_setzero_si128();
    const auto load = [&](std::size_t at) {
        const auto* from = reinterpret_cast<const __m128i*>(p + at * 16);
        return _mm_madd_epi16(_mm_xor_si128(_mm_loadu_si128(from), top), ones);
    };
    std::size_t at = 0;
    for (; at + 2 <= blocks; at += 2) {
        even = _mm_add_epi32(even, load(at));
        odd = _mm_add_epi32(odd, load(at + 1));
    }
    if (at < blocks) even = _mm_add_epi32(even, load(at));

    alignas(16) std::int32_t lanes[8];
    _mm_store_si128(reinterpret_cast<__m128i*>(lanes), even);
    _mm_store_si128(reinterpret_cast<__m128i*>(lanes + 4), odd);
    std::int64_t sum = static_cast<std::int64_t>(blocks) * 8 * 0x8000;
    for (const std::int32_t lane : lanes)
        sum += lane;
    return static_cast<std::uint64_t>(sum);
}

// The same of whole 32-byte blocks, where the processor has AVX2. No lambda and no inline function
// of others: what it calls must be compiled for AVX2 as well. 64 bytes at once are no faster in the
// line: with 512-bit multiplications between them the digests became slower by more than was won.
[[gnu::target("avx2")]] std::uint64_t sum_wide_blocks(const std::uint8_t* p, std::size_t blocks) {
    const __m256i top = _mm256_set1_epi16(static_cast<short>(0x8000));
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    for (std::size_t at = 0; at < blocks; ++at) {
        const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + at);
        even = _mm256_add_epi32(even, _mm256_madd_epi16(_mm256_xor_si256(words, top), ones));
        if (++at == blocks) break;
        const __m256i next = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + at);
        odd = _mm256_add_epi32(odd, _mm256_madd_epi16(_mm256_xor_si256(next, top), ones));
    }
    alignas(32) std::int32_t lanes[16];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), even);
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes + 8), odd);
    std::int64_t sum = static_cast<std::int64_t>(blocks) * 16 * 0x8000;
    for (const std::int32_t lane : lanes)
        sum += lane;
    return static_cast<std::uint64_t>(sum);
}

// Where the processor has AVX-512: words of 64 bits, of which 2^64 is 1 as 2^16 is, so that what is
// carried out of a lane is counted apart. No multiplication, and no rest: what lacks of the last
// block is zeros.
struct WideSum {
    __m512i words;
    __m512i carries;
};

[[gnu::target("avx512bw"), gnu::always_inline]] inline void add_block(const __m512i& block,
                                                                      WideSum* sum) {
    sum->words = _mm512_add_epi64(sum->words, block);
    const __mmask8 over = _mm512_cmplt_epu64_mask(sum->words, block);
    sum->carries = _mm512_mask_add_epi64(sum->carries, over, sum->carries, _mm512_set1_epi64(1));
}

[[gnu::target("avx512bw"), gnu::always_inline]] inline std::uint64_t total_of(const WideSum& sum) {
    alignas(64) std::uint64_t words[8], carries[8];
    _mm512_store_si512(words, sum.words);
    _mm512_store_si512(carries, sum.carries);
    std::uint64_t total = 0;
    for (std::size_t lane = 0; lane < 8; ++lane)
        total += (words[lane] & 0xffffffff) + (words[lane] >> 32) + carries[lane];
    return total;
}

[[gnu::target("avx512bw")]] std::uint64_t sum_masked(const std::uint8_t* p, std::size_t size) {
    WideSum sum = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (; size >= 64; size -= 64, p += 64)
        add_block(_mm512_loadu_si512(p), &sum);
    const __mmask64 there = size == 0 ? 0 : ~__mmask64{0} >> (64 - size);
    add_block(_mm512_maskz_loadu_epi8(there, p), &sum);
    return total_of(sum);
}

// Where a pair of bytes is looked for, block after block.
struct PairSearch {
    __m512i first, second;
    std::uint64_t carried;  // the block before ended with the first one
    std::uint64_t found;
};

[[gnu::target("avx512bw"), gnu::always_inline]] inline void search_block(const __m512i& block,
                                                                         PairSearch* search) {
    const std::uint64_t firsts = _mm512_cmpeq_epi8_mask(block, search->first);
    const std::uint64_t seconds = _mm512_cmpeq_epi8_mask(block, search->second);
    search->found |= (firsts << 1 | search->carried) & seconds;
    search->carried = firsts >> 63;
}

[[gnu::target("avx512bw")]] std::uint64_t copy_masked(std::uint8_t* to, const std::uint8_t* p,
                                                      std::size_t size, const BytePair& pair,
                                                      bool* has_pair) {
    WideSum sum = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    PairSearch search = {_mm512_set1_epi8(static_cast<char>(pair.first)),
                         _mm512_set1_epi8(static_cast<char>(pair.second)), 0, 0};
    for (; size >= 64; size -= 64, p += 64, to += 64) {
        const __m512i block = _mm512_loadu_si512(p);
        _mm512_storeu_si512(to, block);
        add_block(block, &sum);
        search_block(block, &search);
    }
    const __mmask64 there = size == 0 ? 0 : ~__mmask64{0} >> (64 - size);
    const __m512i block = _mm512_maskz_loadu_epi8(there, p);
    _mm512_mask_storeu_epi8(to, there, block);
    add_block(block, &sum);
    search_block(block, &search);
    *has_pair = search.found != 0;
    return total_of(sum);
}

const bool has_wide = __builtin_cpu_supports("avx2") != 0;
const bool has_masked = __builtin_cpu_supports("avx512bw") != 0;

// Of a few bytes, as those of a header.
std::uint64_t sum_short(const std::uint8_t* p, std::size_t left) {
    std::uint64_t words = 0;
    for (; left >= 4; left -= 4, p += 4) {
        std::uint32_t two;
        std::memcpy(&two, p, sizeof two);
        words += two;  // folded later: 2^16 is 1 here
    }
    if (left >= 2) {
        std::uint16_t word;
        std::memcpy(&word, p, sizeof word);
        words += word;
        left -= 2;
        p += 2;
    }
    return left == 0 ? words : words + *p;  // padded by a zero byte on the right: the low byte here
}

std::uint64_t sum_long(const std::uint8_t* p, std::size_t size) {
    const std::size_t wide = has_wide && size >= 128 ? size / 32 : 0;
    std::uint64_t words = wide == 0 ? 0 : sum_wide_blocks(p, wide);
    p += wide * 32;
    const std::size_t blocks = (size - wide * 32) / 16;
    if (blocks != 0) words += sum_blocks(p, blocks);
    return words + sum_short(p + blocks * 16, size % 16);
}

std::uint32_t fold_carries(std::uint64_t sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint32_t>(sum);
}

// Of any bytes, as the machine loads them.
std::uint64_t sum_bytes(const std::uint8_t* p, std::size_t size) {
    constexpr std::size_t short_bytes_max = 64;
    if (has_masked && size >= 128) return sum_masked(p, size);
    return size < short_bytes_max ? sum_short(p, size) : sum_long(p, size);
}

// The addresses of the pseudo header of RFC 9293 §3.1.
std::uint64_t sum_addresses(const std::uint8_t* ip, std::uint8_t ip_version) {
    if (ip_version != 4) return sum_short(ip + 8, 32);
    const std::uint64_t both = load_le64(ip + 12);
    return (both >> 32) + (both & 0xffffffff);
}

// Of the pseudo header (RFC 9293 §3.1), and of the bytes of a segment in words of the machine.
std::uint32_t with_pseudo_header(const std::uint8_t* ip, std::uint8_t ip_version,
                                 std::size_t length, std::uint64_t words) {
    const auto rest =
        static_cast<std::uint16_t>(__builtin_bswap16(static_cast<std::uint16_t>(length & 0xffff)));
    constexpr std::uint64_t protocol = std::uint64_t{protocol_tcp} << 8;  // swapped
    return fold_carries(words + sum_addresses(ip, ip_version) + rest + protocol);
}

}  // namespace

std::uint32_t checksum_add(Bytes bytes, std::uint32_t sum) {
    const std::uint64_t words = sum_bytes(bytes.data(), bytes.size());
    // The sum of swapped words is the swapped sum (RFC 1071 §2 B).
    return sum + __builtin_bswap16(static_cast<std::uint16_t>(fold_carries(words)));
}

std::uint16_t checksum_fold(std::uint32_t sum) {
    return static_cast<std::uint16_t>(~fold_carries(sum));
}

std::uint16_t tcp_checksum(const std::uint8_t* frame, std::uint8_t ip_version,
                           std::size_t network_offset, std::size_t transport_offset,
                           std::size_t end) {
    const std::size_t length = end - transport_offset;
    const std::uint32_t sum = with_pseudo_header(frame + network_offset, ip_version, length,
                                                 sum_bytes(frame + transport_offset, length));
    return __builtin_bswap16(static_cast<std::uint16_t>(~sum));
}

std::uint16_t checksum_before_payload(const std::uint8_t* frame, std::uint8_t ip_version,
                                      std::size_t network_offset, std::size_t transport_offset,
                                      std::size_t payload_offset, std::size_t end) {
    const std::uint64_t words =
        sum_short(frame + transport_offset, payload_offset - transport_offset);
    return static_cast<std::uint16_t>(
        with_pseudo_header(frame + network_offset, ip_version, end - transport_offset, words));
}

std::uint16_t payload_sum(Bytes payload) {
    return static_cast<std::uint16_t>(fold_carries(sum_bytes(payload.data(), payload.size())));
}

CopiedPayload copy_payload(std::uint8_t* to, Bytes payload, const BytePair& pair) {
    if (has_masked) {
        bool has_pair;
        const std::uint64_t words =
            copy_masked(to, payload.data(), payload.size(), pair, &has_pair);
        return {static_cast<std::uint16_t>(fold_carries(words)), has_pair};
    }
    std::memcpy(to, payload.data(), payload.size());
    return {payload_sum(payload), true};
}

void write_checksums(std::uint8_t* frame, std::uint8_t ip_version, std::size_t network_offset,
                     std::size_t transport_offset, std::size_t end) {
    if (ip_version == 4) {
        std::uint8_t* ip = frame + network_offset;
        const std::size_t header = static_cast<std::size_t>(ip[0] & 0x0f) * 4;
        store_be16(ip + 10, 0);
        store_be16(ip + 10, checksum_fold(checksum_add({ip, header}, 0)));
    }
    std::uint8_t* tcp = frame + transport_offset;
    store_be16(tcp + 16, 0);
    store_be16(tcp + 16, tcp_checksum(frame, ip_version, network_offset, transport_offset, end));
}

}  // namespace cordon
