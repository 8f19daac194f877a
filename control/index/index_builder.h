// Indicators → index file (dataplane/contract/index_format.h).
//
//   IndexBuilder builder(options);
//   section = builder.add_section(info, key);
//   builder.add(section, indicator);  builder.add_pattern(section, pattern, &why);  …
//   section = builder.add_keyed_section(info, check);
//   builder.add_keyed(section, indicator);  …
//   builder.build(path)  or  builder.build_image(&bytes)
//
// Owns:       the tags and records added so far; keys are wiped with it. Digests are keyed as they
//             are added and never kept. What is keyed already needs no key here.
// Invariants: what is built verifies. Digests of one indicator added one after another share a
//             record. A digest added twice to a section is kept once (the first reference stays),
//             is counted, and only gets more cautious: restraints of both hold, and a size or head
//             on which they differ is forgotten, so that no object is dismissed by it.
// Thread:     one. Does not throw, but for memory that runs out.
// Limits:     limits::sections_max sections, index_tags_max tags and patterns_max patterns in each.
//             While building, about
//             24 bytes a tag and 32 a record are needed beside the image.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/index/aligned_bytes.h"
#include "control/index/refused_digests.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

using TagKeyBytes = std::array<std::uint8_t, tag_key_bytes>;

struct SectionInfo {
    std::string name;  // 1 to 31 printable characters
    SectionKind kind = SectionKind::lab;
    RightsCeiling ceiling = RightsCeiling::block;
    ListPurpose purpose = ListPurpose::known_csam;
    std::uint32_t epoch = 1;
    std::uint64_t generation = 1;
    SectionTerms terms = terms_until(index_no_end);
};

struct Indicator {
    IndicatorKind kind = IndicatorKind::sha256;
    Bytes digest;
    std::uint64_t reference = 0;
    std::optional<std::uint64_t> size = {};
    std::optional<std::array<std::uint8_t, head_digest_bytes>> head = {};  // unkeyed, XXH3-128
    std::uint16_t source = 0;
    std::uint8_t category = 0;
    std::uint8_t flags = 0;  // of record_flag::restraints
};

// What a feed says of a digest: keyed by whoever made the feed, under a key that need not be at
// hand.
struct KeyedIndicator {
    Tag tag;
    IndicatorKind kind = IndicatorKind::sha256;
    std::uint64_t reference = 0;
    std::optional<std::uint64_t> size = {};
    std::optional<HeadFingerprint> head = {};
    std::uint16_t source = 0;
    std::uint8_t category = 0;
    std::uint8_t flags = 0;      // of record_flag::restraints
    std::uint64_t added_in = 0;  // the generation of the section that added it; 0: unknown
    std::optional<std::uint64_t> not_after_s = {};  // of an entry of a local list; it has no head
};

// A text to be found in text uploads and in names.
struct PatternIndicator {
    std::string text;
    PatternSyntax syntax = PatternSyntax::literal;
    std::uint64_t reference = 0;
    std::uint16_t source = 0;
    std::uint8_t category = 0;
    // A text is no fingerprint: many innocent pages name a listed address.
    std::uint8_t flags = record_flag::report_only;
    std::uint64_t added_in = 0;  // as of a KeyedIndicator
};

enum class AddOutcome : std::uint8_t {
    added,
    bad_kind,     // not an exact kind
    bad_tag,      // all zero: the mark of an empty slot
    bad_length,   // the digest has another length than its kind
    bad_flags,    // a flag that is not a restraint
    bad_end,      // an end of its own, and no local list, or a head
    empty_file,   // digest or size of the empty file: would list every empty upload
    zero_run,     // digest of a file of zero bytes only: would list blank disk images and padding
    placeholder,  // a digest of one repeated byte: a blank field, not a digest
    bad_pattern,  // too short, too long, or no expression that can be compiled
    section_full,
};
const char* add_outcome_text(AddOutcome outcome);

struct IndexOptions {
    bool lab = false;  // the keys that are given go into the file
    std::uint64_t generation = 1;
    std::uint64_t created_s = 0;
};

struct BuiltIndex {
    std::uint64_t bytes = 0;
    std::uint64_t tags = 0;
    std::uint64_t patterns = 0;
    std::uint64_t records = 0;
    std::uint64_t duplicates = 0;  // digests and patterns that were in their section already
    std::uint64_t kind_tags[indicator_kind_count] = {};
};

class IndexBuilder {
  public:
    explicit IndexBuilder(const IndexOptions& options);
    ~IndexBuilder();
    IndexBuilder(const IndexBuilder&) = delete;
    IndexBuilder& operator=(const IndexBuilder&) = delete;

    Result<std::uint32_t> add_section(const SectionInfo& info, const TagKeyBytes& key);
    AddOutcome add(std::uint32_t section, const Indicator& indicator);

    // A section whose key does not come into the file, whatever it is for.
    Result<std::uint32_t> add_keyed_section(const SectionInfo& info, const KeyCheck& check);
    AddOutcome add_keyed(std::uint32_t section, const KeyedIndicator& indicator);
    // So many will be added: without it the vectors grow by doubling, and so does their memory.
    void expect(std::uint32_t section, std::size_t indicators);

    // `*why` says more about a bad_pattern.
    AddOutcome add_pattern(std::uint32_t section, const PatternIndicator& pattern,
                           std::string* why);

    // Each may be called once; what was added is used up.
    Result<BuiltIndex> build_image(AlignedBytes* image);
    Result<BuiltIndex> build(const std::string& path);  // by write_file_atomically()

  private:
    struct Section;

    Result<void> refuse_section(const SectionInfo& info) const;

    IndexOptions options_;
    const RefusedDigests& refused_ = RefusedDigests::table();
    std::vector<std::unique_ptr<Section>> sections_;
};

}  // namespace cordon
