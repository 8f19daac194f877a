#include "dataplane/object/zip_record.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>

namespace cordon {

using namespace zip;

ZipMember read_zip_local(const std::uint8_t* p) {
    ZipMember local;
    local.version = load16(p + 4);
    local.flags = load16(p + 6);
    local.method = load16(p + 8);
    local.crc = load32(p + 14);
    local.packed = load32(p + 18);
    local.plain = load32(p + 22);
    local.name_bytes = load16(p + 26);
    local.extra_bytes = load16(p + 28);
    return local;
}

ZipMember read_zip_entry(const std::uint8_t* p) {
    ZipMember entry = read_zip_local(p + 2);  // "version made by" stands before the same fields
    entry.comment_bytes = load16(p + 32);
    entry.disk = load16(p + 34);
    entry.offset = load32(p + 42);
    return entry;
}

ZipEnd read_zip_end(const std::uint8_t* p) {
    ZipEnd end;
    end.disk = load16(p + 4);
    end.directory_disk = load16(p + 6);
    end.entries_here = load16(p + 8);
    end.entries = load16(p + 10);
    end.bytes = load32(p + 12);
    end.offset = load32(p + 16);
    end.comment_bytes = load16(p + 20);
    return end;
}

ZipEnd read_zip_end64(const std::uint8_t* p) {
    ZipEnd end;
    end.record_bytes = load_le64(p + 4);
    end.disk = load32(p + 16);
    end.directory_disk = load32(p + 20);
    end.entries_here = load_le64(p + 24);
    end.entries = load_le64(p + 32);
    end.bytes = load_le64(p + 40);
    end.offset = load_le64(p + 48);
    return end;
}

namespace {

bool is_assigned(std::uint16_t method) {
    return method <= 10 || method == 12 || method == 14 || method == 16 ||
           (method >= 18 && method <= 20) || (method >= 93 && method <= 99);
}

}  // namespace

bool is_believable(const ZipMember& local) {
    constexpr std::uint8_t version_max = 63;
    if ((local.version & 0xff) > version_max || (local.flags & flags_unassigned) != 0) return false;
    if (!is_assigned(local.method) || local.name_bytes == 0) return false;
    if (local.name_bytes > limits::archive_name_bytes_max) return false;
    const bool is_plain = local.method == stored && !local.is_encrypted();
    return !is_plain || local.has(flag_descriptor) || local.packed == local.plain;
}

bool is_zip_record(std::uint32_t signature) {
    return signature == local_signature || signature == entry_signature ||
           signature == end_signature || signature == end64_signature ||
           signature == encrypted_signature;
}

#ifdef __SSE2__

namespace {

// In steps of 64 bytes where the processor has AVX2; *at is then the mark, or where the search
// has come. No function of others is called: it would have to be compiled for AVX2 as well.
[[gnu::target("avx2")]] bool find_wide_mark(const std::uint8_t* p, std::size_t size,
                                            std::size_t* at) {
    const __m256i first = _mm256_set1_epi8('P');
    const __m256i second = _mm256_set1_epi8('K');
    for (; *at + 65 <= size; *at += 64) {
        const auto* here = reinterpret_cast<const __m256i_u*>(p + *at);
        const auto* next = reinterpret_cast<const __m256i_u*>(p + *at + 1);
        const __m256i low = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_loadu_si256(here), first),
                                             _mm256_cmpeq_epi8(_mm256_loadu_si256(next), second));
        const __m256i high =
            _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_loadu_si256(here + 1), first),
                             _mm256_cmpeq_epi8(_mm256_loadu_si256(next + 1), second));
        const __m256i both = _mm256_or_si256(low, high);
        if (_mm256_testz_si256(both, both) != 0) continue;
        const std::uint64_t mask =
            static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
            std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(high))} << 32;
        *at += static_cast<std::size_t>(__builtin_ctzll(mask));
        return true;
    }
    return false;
}

// The same, to the end of the bytes, where it has AVX-512: returns the mark, or `size`.
[[gnu::target("avx512bw")]] std::size_t find_widest_mark(const std::uint8_t* p, std::size_t size) {
    const __m512i first = _mm512_set1_epi8('P');
    const __m512i second = _mm512_set1_epi8('K');
    std::size_t at = 0;
    for (; at + 65 <= size; at += 64) {
        const __mmask64 one = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p + at), first);
        const __mmask64 both =
            _mm512_mask_cmpeq_epi8_mask(one, _mm512_loadu_si512(p + at + 1), second);
        if (both != 0) return at + static_cast<std::size_t>(__builtin_ctzll(both));
    }
    if (at + 2 > size) return size;
    // So many places are left where both bytes are there.
    const __mmask64 places = ~std::uint64_t{0} >> (64 - (size - at - 1));
    const __m512i here = _mm512_maskz_loadu_epi8(places, p + at);
    const __m512i next = _mm512_maskz_loadu_epi8(places, p + at + 1);
    const __mmask64 one = _mm512_cmpeq_epi8_mask(here, first);
    const __mmask64 both = _mm512_mask_cmpeq_epi8_mask(one, next, second);
    return both == 0 ? size : at + static_cast<std::size_t>(__builtin_ctzll(both));
}

const bool has_wide = __builtin_cpu_supports("avx2") != 0;
const bool has_widest = __builtin_cpu_supports("avx512bw") != 0;

}  // namespace

#endif

namespace {

std::size_t find_mark(const std::uint8_t* p, std::size_t size) {
    std::size_t at = 0;
#ifdef __SSE2__
    if (has_wide && find_wide_mark(p, size, &at)) return at;
    const __m128i first = _mm_set1_epi8('P');
    const __m128i second = _mm_set1_epi8('K');
    for (; at + 17 <= size; at += 16) {
        const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at));
        const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at + 1));
        const __m128i both =
            _mm_and_si128(_mm_cmpeq_epi8(here, first), _mm_cmpeq_epi8(next, second));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(both));
        if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
    }
#endif
    for (; at + 2 <= size; ++at) {
        if (p[at] == 'P' && p[at + 1] == 'K') return at;
    }
    return size;
}

}  // namespace

std::size_t find_zip_mark(Bytes bytes) {
#ifdef __SSE2__
    if (has_widest) return find_widest_mark(bytes.data(), bytes.size());
#endif
    return find_mark(bytes.data(), bytes.size());
}

namespace {

bool fits32(const std::uint8_t* p, const ZipMeasured& m, bool sizes_only) {
    if (load32(p + 4) != static_cast<std::uint32_t>(m.packed)) return false;
    if (m.is_opaque) return true;
    return load32(p + 8) == static_cast<std::uint32_t>(m.plain) &&
           (sizes_only || load32(p) == m.crc);
}

bool fits64(const std::uint8_t* p, const ZipMeasured& m, bool sizes_only) {
    if (load_le64(p + 4) != m.packed) return false;
    if (m.is_opaque) return true;
    return load_le64(p + 12) == m.plain && (sizes_only || load32(p) == m.crc);
}

}  // namespace

// Which of the four forms (§4.3.9) is told by what fits: the signature may be missing, and not all
// programs use 64 bits exactly when there is a zip64 field. Data may begin with zeros: without a
// signature, a record must follow.
std::size_t zip_descriptor_bytes(const std::uint8_t* p, const ZipMeasured& m, bool sizes_only) {
    const bool is_signed = load32(p) == descriptor_signature;
    const bool needs_record = !m.ends_here;
    const bool plain32 =
        fits32(p, m, sizes_only) && (!needs_record || is_zip_record(load32(p + 12)));
    const bool plain64 =
        fits64(p, m, sizes_only) && (!needs_record || is_zip_record(load32(p + 20)));
    const bool signed32 = is_signed && fits32(p + 4, m, sizes_only);
    const bool signed64 = is_signed && fits64(p + 4, m, sizes_only);
    if (m.is_64) {
        if (signed64) return 24;
        if (plain64) return 20;
    }
    if (signed32) return 16;
    if (signed64) return 24;
    if (plain32) return 12;
    return plain64 ? 20 : 0;
}

void read_zip_descriptor(const std::uint8_t* p, std::size_t size, ZipMember* member) {
    const std::uint8_t* fields = size == 16 || size == 24 ? p + 4 : p;
    member->crc = load32(fields);
    member->plain = size >= 20 ? load_le64(fields + 12) : load32(fields + 8);
}

namespace {

constexpr std::uint16_t zip64_id = 0x0001;
constexpr std::uint16_t unicode_path_id = 0x7075;
constexpr std::uint8_t unicode_path_version = 1;

}  // namespace

void ZipExtra::open(std::uint16_t bytes) {
    left_ = bytes;
    field_left_ = 0;
    head_used_ = zip64_bytes_ = 0;
    id_ = field_at_ = unicode_bytes_ = 0;
    zip64_seen_ = ambiguous_ = false;
}

// Alignment tools fill up with zeros that are no whole field: what does not fit is nothing.
bool ZipExtra::take(Bytes* input) {
    while (left_ != 0 && !input->empty()) {
        if (field_left_ == 0 && head_used_ < head_.size()) {
            head_[head_used_++] = input->front();
            *input = input->subspan(1);
            --left_;
            if (head_used_ < head_.size()) continue;
            id_ = load16(head_.data());
            field_left_ = std::min<std::uint32_t>(load16(head_.data() + 2), left_);
            field_at_ = 0;
            if (id_ == zip64_id) {
                ambiguous_ = ambiguous_ || zip64_seen_;
                zip64_seen_ = true;
            }
        } else {
            const Bytes run = input->first(std::min<std::size_t>(field_left_, input->size()));
            *input = input->subspan(run.size());
            left_ -= static_cast<std::uint32_t>(run.size());
            field_left_ -= static_cast<std::uint32_t>(run.size());
            take_field(run);
        }
        if (head_used_ == head_.size() && field_left_ == 0) head_used_ = 0;
    }
    return left_ == 0;
}

void ZipExtra::take_field(Bytes run) {
    if (id_ == zip64_id && field_at_ < zip64_.size()) {
        const std::size_t size = std::min(run.size(), zip64_.size() - field_at_);
        std::memcpy(zip64_.data() + field_at_, run.data(), size);
        zip64_bytes_ = static_cast<std::uint8_t>(field_at_ + size);
    }
    if (id_ == unicode_path_id && field_at_ < unicode_.size()) {
        const std::size_t size = std::min(run.size(), unicode_.size() - field_at_);
        std::memcpy(unicode_.data() + field_at_, run.data(), size);
        unicode_bytes_ = static_cast<std::uint16_t>(field_at_ + size);
    }
    field_at_ = static_cast<std::uint16_t>(field_at_ + run.size());
}

void ZipExtra::widen(ZipMember* member) const {
    std::size_t at = 0;
    for (std::uint64_t* value : {&member->plain, &member->packed, &member->offset}) {
        if (*value != marker32 || at + 8 > zip64_bytes_) continue;
        *value = load_le64(zip64_.data() + at);
        at += 8;
    }
}

std::string_view ZipExtra::unicode_name(std::uint32_t name_crc) const {
    if (unicode_bytes_ <= 5 || unicode_[0] != unicode_path_version) return {};
    if (load32(unicode_.data() + 1) != name_crc) return {};
    return as_text(Bytes(unicode_).subspan(5, unicode_bytes_ - 5U));
}

}  // namespace cordon
