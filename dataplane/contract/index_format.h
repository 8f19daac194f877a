// The indicator index: written by control, read by the dataplane. Immutable; a change is a new
// file.
//
//   offset 0     IndexHead: 112 bytes of fields | 8 × SectionDescriptor | XXH3-128 of both
//                the parts of section 0, of section 1, …; each starts at a multiple of 64:
//                  tags      one bucket of four tags to a cache line
//                  numbers   one u32 for every slot of `tags`: the number of its record
//                  records   32 bytes each, for hits only
//                  patterns  only where the section has some: PatternHead | entries | texts |
//                            a Hyperscan database of them, compiled
//                  sizes     only where all tags of some kind have a size: SizeBounds | SetBlocks
//                  heads     only where all tags of some kind have a head: SetBlocks
//   total_bytes  end of the file, a multiple of 64. Bytes between parts are zero.
//
//   tags     │ t0 t1 t2 t3 │ t4 t5 ·· ·· │ t9 t8 t7 t6 │ t10 ·· ·· ·· │  a bucket is 64 bytes
//   numbers  │ n0 n1 n2 n3 │ n4 n5 ·· ·· │ n9 n8 n7 n6 │ n10 ·· ·· ·· │  ·· is zero: an empty slot
//                                  its order falls: "continued in the next bucket"
//
// Where a tag stands: its home is floor(tag.high × home_buckets / 2^64). Tags are laid down in
// ascending order, each in its home or, when that is full, in the next bucket with room. A full
// bucket from which a tag was pushed on has its tags in falling order, every other one in rising
// order; and what was pushed on is greater than what stayed. So a look-up reads one cache line, and
// the next one only when the bucket is continued and the tag greater than its greatest (see
// search_goes_on; about one look-up in eight at 2.75 tags a bucket). At most probe_max ≤
// index_probe_max buckets are ever read. Behind the homes stand the few spill buckets that the last
// homes needed; the table never wraps. The tags are keyed (keyed_tag.h), so nobody without K can
// aim at a bucket.
//
// A pattern has a record of its own, of kind `pattern` only, and no tag: it is no digest, and is
// found by scanning. The compiled database spares the reader the work; the texts are what counts.
// When the database is of another release of Hyperscan or for another processor, the reader
// compiles the texts again (content/pattern_view.h): an update of the library must not disarm an
// index. Patterns stand in clear, which is right in a lab only: an index for production that holds
// some is refused.
//
// What rules an object out before its end: a kind whose tags all have a size (head) can only be of
// an object that has one of those. `sizes` and `heads` are approximate sets (value_set.h) of the
// sizes, and of the heads as little-endian numbers, of the records that lead to such a kind,
// whatever further kinds they have. One tag without a size takes its kind out of `sizes`, and so
// on; when no kind is left, the part is not there. A value too many only costs work, one missing
// would be a way past the filter.
//
// Cost: (64 + 16) / 2.75 = 29.1 bytes for tag and record number of an indicator, records apart, and
// 2 bytes for a size, 2 for a head. Digests of one indicator share one record.
//
// Owns:       nothing; plain fixed-size structs, little endian.
// Invariants: verify_index (index_verify.h) checks every sentence of this page once; a reader
//             relies on them afterwards. A new field means a new version.
// Limits:     limits::sections_max sections, 2^31 indicators and patterns_max patterns a section.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dataplane/base/limits.h"
#include "dataplane/contract/keyed_tag.h"
#include "dataplane/contract/value_set.h"

namespace cordon {

static_assert(std::endian::native == std::endian::little, "the index is read where it lies");

inline constexpr std::uint64_t index_magic = 0x315844494e444343;  // "CCDNIDX1"
inline constexpr std::uint32_t index_version = 3;
inline constexpr std::size_t index_alignment = 64;
inline constexpr std::size_t index_bucket_slots = 4;
inline constexpr std::uint32_t index_probe_max = 16;
inline constexpr std::uint32_t index_tags_max = 1u << 31;
inline constexpr std::uint64_t index_no_end = UINT64_MAX;  // of SectionTerms

enum class IndexFlag : std::uint32_t {
    lab = 1,  // for tests, may hold its own keys; accepted only where the configuration says lab
};

enum class SectionKind : std::uint8_t { feed = 1, local = 2, lab = 3 };

enum class RightsCeiling : std::uint8_t { report = 1, block = 2 };

constexpr const char* section_kind_name(SectionKind kind) {
    return kind == SectionKind::lab ? "lab" : kind == SectionKind::local ? "local" : "feed";
}
constexpr const char* rights_ceiling_name(RightsCeiling ceiling) {
    return ceiling == RightsCeiling::block ? "block" : "report";
}

// Until when a section may do what: Unix seconds, or index_no_end. Whoever looks up enforces them.
// All are moments up to which, and with which, something holds.
struct SectionTerms {
    std::uint64_t not_after_s;    // of its key's grant: no match afterwards
    std::uint64_t fresh_until_s;  // then it is said that the list is old
    std::uint64_t weak_until_s;   // then weak indicators only report
    std::uint64_t block_until_s;  // then the whole list does

    friend constexpr bool operator==(const SectionTerms&, const SectionTerms&) = default;
};
static_assert(sizeof(SectionTerms) == 32);

constexpr SectionTerms terms_until(std::uint64_t not_after_s) {
    return {not_after_s, index_no_end, index_no_end, index_no_end};
}

// Steps down, never up again.
constexpr bool terms_in_order(const SectionTerms& terms) {
    return terms.fresh_until_s <= terms.weak_until_s && terms.weak_until_s <= terms.block_until_s;
}

// Anything else is refused: the law allows these tools for one purpose only.
enum class ListPurpose : std::uint8_t { known_csam = 1 };

struct TagBucket {
    Tag tags[index_bucket_slots];
};
static_assert(sizeof(TagBucket) == index_alignment);

struct NumberBucket {
    std::uint32_t records[index_bucket_slots];
};
static_assert(sizeof(NumberBucket) == 16);

// Bits of IndexRecord::flags. All but the last two restrain what a match may do
// or mean.
namespace record_flag {
inline constexpr std::uint8_t weak = 1;         // the source vouches for it less
inline constexpr std::uint8_t provisional = 2;  // younger than 24 h on this box
inline constexpr std::uint8_t test = 4;         // a harmless file to see the system work: its match
                                                // is acted on, and is nobody's case
inline constexpr std::uint8_t report_only = 8;
inline constexpr std::uint8_t has_size = 16;
inline constexpr std::uint8_t has_head = 32;
inline constexpr std::uint8_t has_end = 64;  // of a local list: see record_end()
inline constexpr std::uint8_t restraints = weak | provisional | test | report_only;
inline constexpr std::uint8_t of_feed = restraints | has_size | has_head;
inline constexpr std::uint8_t all = of_feed | has_end;
}  // namespace record_flag

struct IndexRecord {
    std::uint64_t reference;  // opaque indicator reference
    std::uint64_t size;       // of the file; with has_size
    HeadFingerprint head;     // with has_head; with has_end that end stands in its place
    std::uint16_t source;
    std::uint8_t category;
    std::uint8_t flags;  // record_flag
    std::uint8_t kinds;  // bit n: a tag of IndicatorKind n leads here
    std::uint8_t
        added[3];  // low 24 bits of the generation of its section that added it; 0: unknown
};
static_assert(sizeof(IndexRecord) == 32);

constexpr std::uint32_t added_mask = 0xffffff;
constexpr std::uint32_t added_in(const IndexRecord& record) {
    return std::uint32_t{record.added[0]} | std::uint32_t{record.added[1]} << 8 |
           std::uint32_t{record.added[2]} << 16;
}
constexpr void store_added(std::uint64_t generation, std::uint8_t (*added)[3]) {
    for (std::size_t i = 0; i < 3; ++i)
        (*added)[i] = static_cast<std::uint8_t>(generation >> (8 * i));
}
constexpr void set_added(IndexRecord* record, std::uint64_t generation) {
    store_added(generation, &record->added);
}

enum class IndexPart : std::uint8_t {
    tags = 0,
    numbers = 1,
    records = 2,
    patterns = 3,
    sizes = 4,
    heads = 5,
};
inline constexpr std::size_t index_part_count = 6;

// The first bytes of the part `sizes`: by IndicatorKind the largest size, of kinds whose tags all
// have one; else 0.
struct SizeBounds {
    std::uint64_t largest[8];
};
static_assert(sizeof(SizeBounds) == sizeof(SetBlock));

// How the text of a pattern is meant.
enum class PatternSyntax : std::uint8_t {
    literal = 1,     // as it stands, in upper or lower case
    expression = 2,  // a regular expression as Hyperscan takes them
};

// The part `patterns`: this | PatternEntry[count] | texts, one behind the other, padded with zeros
// to a multiple of 64 from the start of the part | database.
struct PatternHead {
    std::uint32_t count;       // kind_tags of IndicatorKind::pattern
    std::uint32_t text_bytes;  // sum of the lengths
    std::uint64_t database_bytes;
    std::uint8_t reserved[48];
};
static_assert(sizeof(PatternHead) == 64);

struct PatternEntry {
    std::uint32_t record;  // rises by one from the first: the last `count` records are theirs
    std::uint16_t length;  // of its text
    PatternSyntax syntax;
    std::uint8_t reserved;
};
static_assert(sizeof(PatternEntry) == 8);

// Where the database stands in the part.
constexpr std::uint64_t pattern_database_at(const PatternHead& head) {
    const std::uint64_t texts_end =
        sizeof(PatternHead) + std::uint64_t{head.count} * sizeof(PatternEntry) + head.text_bytes;
    return (texts_end + index_alignment - 1) / index_alignment * index_alignment;
}

struct PartDescriptor {
    std::uint64_t offset;  // from the start of the file
    std::uint64_t bytes;
    std::uint64_t checksum[2];  // XXH3-128: low, high
};

struct SectionDescriptor {
    char name[32];  // of its list, NUL-terminated; unique in the file together with `epoch`
    SectionKind kind;
    RightsCeiling ceiling;
    ListPurpose purpose;
    std::uint8_t reserved;
    std::uint32_t epoch;  // of the key
    std::uint64_t generation;
    SectionTerms terms;
    std::uint8_t key[tag_key_bytes];    // zero: not in the file; only a lab index may hold one
    KeyCheck check;                     // key_check() of the section's key
    std::uint32_t kind_tags[8];         // by IndicatorKind: tags, or patterns
    std::uint32_t kind_tags_sized[8];   //   … whose record has a size
    std::uint32_t kind_tags_headed[8];  //   … whose record has a head
    std::uint32_t tag_count;            // sum of kind_tags but for patterns
    std::uint32_t record_count;         // of the part `records`
    std::uint32_t home_buckets;         // 0 when there is no tag
    std::uint32_t bucket_count;         // homes and spill; of the parts `tags` and `numbers`
    std::uint32_t probe_max;            // most buckets a look-up reads
    std::uint32_t reserved2;
    PartDescriptor parts[8];  // by IndexPart; those of parts that are not there are zero
    std::uint8_t reserved3[8];
};
static_assert(sizeof(SectionDescriptor) == 512);

struct IndexHead {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t flags;  // IndexFlag
    std::uint64_t generation;
    std::uint64_t total_bytes;
    std::uint64_t created_s;  // Unix seconds
    std::uint32_t section_count;
    std::uint32_t head_bytes;  // sizeof(IndexHead)
    std::uint8_t reserved[64];
    SectionDescriptor sections[limits::sections_max];  // unused ones are zero
    std::uint64_t checksum[2];                         // XXH3-128 of the bytes before: low, high
};
static_assert(sizeof(IndexHead) == 4224 && sizeof(IndexHead) % index_alignment == 0);
static_assert(offsetof(IndexHead, checksum) == sizeof(IndexHead) - 16);
static_assert(std::is_trivially_copyable_v<IndexHead>);

// The kinds all of whose tags are among those that `having` counts: kind_tags_sized or _headed.
constexpr KindSet kinds_with_all(const SectionDescriptor& section,
                                 const std::uint32_t (&having)[8]) {
    KindSet kinds;
    for (std::size_t k = 0; k < indicator_kind_count; ++k) {
        const auto kind = static_cast<IndicatorKind>(k);
        if (exact_kinds.has(kind) && section.kind_tags[k] != 0 && section.kind_tags[k] == having[k])
            kinds.add(kind);
    }
    return kinds;
}

constexpr bool has_part(const SectionDescriptor& section, IndexPart part) {
    switch (part) {
        case IndexPart::tags:
        case IndexPart::numbers:
        case IndexPart::records:
            return true;
        case IndexPart::patterns:
            return section.kind_tags[static_cast<std::size_t>(IndicatorKind::pattern)] != 0;
        case IndexPart::sizes:
            return !kinds_with_all(section, section.kind_tags_sized).empty();
        case IndexPart::heads:
            return !kinds_with_all(section, section.kind_tags_headed).empty();
    }
    return false;
}

constexpr std::uint64_t head_value(const HeadFingerprint& head) {
    return std::bit_cast<std::uint64_t>(head);
}

// Up to which moment, and with which, a record holds. Entries of a local list end one by one, so
// that one is forgotten on its day whether or not anybody builds a new index.
constexpr std::uint64_t record_end(const IndexRecord& record) {
    return (record.flags & record_flag::has_end) != 0 ? head_value(record.head) : index_no_end;
}

// The bucket where the search for a tag begins.
constexpr std::uint32_t home_bucket(const Tag& tag, std::uint32_t home_buckets) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint32_t>(static_cast<Wide>(tag.high) * home_buckets >> 64);
}

// By one subtraction: no word of it decides a branch.
constexpr bool is_greater(const Tag& a, const Tag& b) {
    __extension__ using Wide = unsigned __int128;
    return (Wide{a.high} << 64 | a.low) > (Wide{b.high} << 64 | b.low);
}

constexpr bool bucket_is_continued(const TagBucket& bucket) {
    const Tag& last = bucket.tags[index_bucket_slots - 1];
    const bool full = !last.empty();
    const bool falls = is_greater(bucket.tags[0], last);
    return full & falls;
}

// A tag that is not in this bucket may be in the next one. Whether a bucket is full, and in which
// order, is as good as random: all is computed, and one branch is left, which goes the same way
// seven times of eight.
constexpr bool search_goes_on(const TagBucket& bucket, const Tag& tag) {
    const bool continued = bucket_is_continued(bucket);
    const bool behind = is_greater(tag, bucket.tags[0]);
    return continued & behind;
}

}  // namespace cordon
