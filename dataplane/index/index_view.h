// Read-only look-up in an index image: digest → the indicators that list it, over all sections. Of
// patterns it only knows where they stand: what scans for them is content/pattern_view.h.
//
// Owns:       the keys of its sections (wiped with it). The image belongs to the caller, stays
//             unchanged and alive as long as the view is used, and is 64-byte aligned.
// Invariants: open() verifies everything; afterwards no look-up can fail, allocate, lock or loop
//             beyond index_probe_max buckets in each section. A section past its not_after, or
//             whose key is not at hand, is as if it were not there; so is a record past its end.
// Worker:     a const IndexView may be read by many workers at once. Time is an argument.
// Limits:     limits::sections_max sections, so at most that many matches for a digest.
#pragma once

#include <optional>
#include <string_view>

#include "dataplane/contract/index_verify.h"

namespace cordon {

struct Match {
    std::uint64_t reference;
    std::uint64_t size;  // of the listed file, with record_flag::has_size
    std::uint32_t section;
    std::uint16_t source;
    std::uint8_t category;
    std::uint8_t flags;   // record_flag
    IndicatorKind kind;   // by which it was found
    KindSet kinds;        // that list this indicator in this section
    std::uint32_t added;  // in which generation of the section, as in IndexRecord
};

// What a section has of patterns, as it stands in the image.
struct PatternPart {
    std::span<const PatternEntry> entries;  // empty: none
    std::string_view texts;                 // of the entries, one behind the other
    Bytes database;                         // serialised
};

// What is known of an object before its end.
struct Outline {
    std::uint64_t size_least;                       // it has so many bytes already
    std::optional<std::uint64_t> size;              // it has as many
    const std::uint8_t (*head)[head_digest_bytes];  // XXH3-128; null: not known
};

// By which kinds an indicator may be of such an object.
struct Candidates {
    KindSet kinds;
    std::uint64_t until;  // from this size_least on there may be fewer
};

struct SectionView {
    std::string_view name;
    SectionKind kind;
    RightsCeiling ceiling;
    ListPurpose purpose;
    std::uint32_t epoch;
    std::uint64_t generation;
    SectionTerms terms;
    bool has_key;  // false: it matches nothing
    std::uint32_t tag_count;
    const std::uint32_t* kind_tags;         // indicator_kind_count counts, by IndicatorKind
    const std::uint32_t* kind_tags_sized;   // … that carry a size
    const std::uint32_t* kind_tags_headed;  // … that carry a head
};

class IndexView {
  public:
    // A digest on its way to being looked up: its tag in each section, and how far that is. Made by
    // prepare().
    struct Probe {
        IndicatorKind kind;
        std::uint8_t open;   // sections that may have it, by bit: `buckets` is to be read next
        std::uint8_t found;  // sections that have it, in slot `slots` of `buckets`
        std::uint8_t slots[limits::sections_max];
        std::uint32_t buckets[limits::sections_max];
        Tag tags[limits::sections_max];
    };
    static_assert(limits::sections_max <= 8);

    IndexView() = default;  // no index in force: nothing matches
    IndexView(const IndexView&) = delete;
    IndexView& operator=(const IndexView&) = delete;

    // Verifies the whole image. On anything but ok, *out is left without an index and `*why` is one
    // static sentence. `keys` are for sections whose key does not stand in the file; one without a
    // key is not in force, and one that has ended at `now_s` gets none.
    static IndexStatus open(Bytes image, bool allow_lab, IndexView* out, const char** why,
                            std::span<const TagKey> keys = {}, std::uint64_t now_s = 0);

    // The same on a copy: whatever happens to `source` meanwhile, what is verified is what is used.
    // `own` is 64-byte aligned and at least as long.
    static IndexStatus copy_and_verify(Bytes source, MutableBytes own, bool allow_lab,
                                       IndexView* out, const char** why,
                                       std::span<const TagKey> keys = {});

    // Writes up to `max` matches, one for each section that lists the digest; returns how many.
    std::size_t lookup(IndicatorKind kind, Bytes digest, std::uint64_t now_s, Match* out,
                       std::size_t max) const;

    // The same in three steps, for many at once: what a step reads is on its way since the one
    // before. prepare() all of them, compare() all of them, then look them up. compare() may be
    // left out: it only decides what the first bucket of each section decides.
    void prepare(IndicatorKind kind, Bytes digest, Probe* probe) const;
    void prefetch(Probe* probe) const;  // the second half of prepare(): from the tags on
    void compare(Probe* probe) const;
    std::size_t lookup(Probe* probe, std::uint64_t now_s, Match* out, std::size_t max) const;

    // The kinds that occur in sections in force at this time: what has to be computed.
    KindSet plan(std::uint64_t now_s) const;

    // Those of `kinds` by which an indicator in force may be of such an object: all that the index
    // has, unless every indicator of a kind has a size or a head, and the object has none of them.
    Candidates candidates(KindSet kinds, const Outline& outline, std::uint64_t now_s) const;
    // Whether the head of an object may rule it out.
    bool asks_for_heads(std::uint64_t now_s) const;

    bool is_open() const { return head_ != nullptr; }
    bool lab() const;
    std::uint64_t generation() const;
    std::uint64_t created_s() const;
    std::uint64_t indicator_count() const;  // tags and patterns in all sections
    std::size_t section_count() const { return section_count_; }
    SectionView section(std::size_t number) const;
    PatternPart patterns(std::size_t section) const;
    bool in_force(std::size_t section, std::uint64_t now_s) const {
        return sections_[section].has_key && now_s <= sections_[section].not_after_s;
    }
    // The match that a pattern of this section makes: `entry` is its number in PatternPart.
    Match pattern_match(std::size_t section, std::size_t entry) const;
    const TagKey& section_key(std::size_t number) const { return sections_[number].key; }

  private:
    enum class Step : std::uint8_t { found, absent, next };  // of a tag, by one bucket

    struct Section {
        const TagBucket* buckets = nullptr;
        const NumberBucket* numbers = nullptr;
        const IndexRecord* records = nullptr;
        std::uint64_t not_after_s = 0;
        std::uint32_t home_buckets = 0;
        std::uint32_t probe_max = 0;
        KindSet kinds;
        PatternPart patterns;
        KindSet sized;   // all their tags have a size
        KindSet headed;  // … a head
        const SizeBounds* bounds = nullptr;
        std::span<const SetBlock> sizes;
        std::span<const SetBlock> heads;
        TagKey key;

        bool has_key = false;  // else everything is empty

        void open(Bytes image, const SectionDescriptor& descriptor, std::span<const TagKey> keys,
                  std::uint64_t now_s);
        bool take_key(const SectionDescriptor& descriptor, std::span<const TagKey> keys);
        Step compare(const Tag& tag, std::uint32_t bucket, std::uint8_t* slot) const;
        bool find(const Tag& tag, std::uint32_t* bucket, std::uint8_t* slot) const;
        void open_patterns(const std::uint8_t* part);
        void open_sets(Bytes image, const SectionDescriptor& descriptor);
        KindSet within_size(KindSet asked, const Outline& outline, std::uint64_t* until) const;
    };

    void close();
    void go_home(std::size_t section, Probe* probe) const;

    const IndexHead* head_ = nullptr;
    std::size_t section_count_ = 0;
    Section sections_[limits::sections_max];
};

}  // namespace cordon
