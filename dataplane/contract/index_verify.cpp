#include "dataplane/contract/index_verify.h"

#include <xxhash.h>

#include <algorithm>

namespace cordon {
namespace {

// Every check says what it found and answers false, so that a chain of && stops at the first.
class Verifier {
  public:
    explicit Verifier(Bytes image) : image_(image) {}

    bool head(std::uint64_t file_bytes);
    bool parts();

    IndexStatus status() const { return status_; }
    const char* why() const { return why_; }

  private:
    // What a walk over the records finds, to be compared with the descriptor.
    struct Counts {
        std::uint64_t tags[8] = {};
        std::uint64_t sized[8] = {};
        std::uint64_t headed[8] = {};
        std::uint64_t in_sizes = 0;
        std::uint64_t in_heads = 0;
        SizeBounds bounds = {};
    };

    bool head_fields(std::uint64_t file_bytes);
    bool descriptor(const SectionDescriptor& section);
    bool descriptor_rights(const SectionDescriptor& section);
    bool descriptor_key(const SectionDescriptor& section);
    bool descriptor_counts(const SectionDescriptor& section);
    bool unused_descriptor(const SectionDescriptor& section);
    bool names_differ();
    bool layout();
    bool part_layout(const SectionDescriptor& section, IndexPart part, std::uint64_t* cursor);
    bool padding(std::uint64_t from, std::uint64_t to);
    bool part_checksums(const SectionDescriptor& section);
    bool tag_table(const SectionDescriptor& section);
    bool bucket(const SectionDescriptor& section, std::uint32_t number);
    bool records(const SectionDescriptor& section);
    bool record(const SectionDescriptor& section, const IndexRecord& record);
    bool set_lengths(const SectionDescriptor& section);
    bool in_sets(const SectionDescriptor& section, const IndexRecord& record, Counts* counts);
    bool sets(const SectionDescriptor& section, const Counts& counts);
    bool patterns(const SectionDescriptor& section);
    bool pattern_part(const SectionDescriptor& section, const PatternHead& head);

    template <typename T>
    std::span<const T> part(const SectionDescriptor& section, IndexPart which) const {
        const PartDescriptor& found = section.parts[static_cast<std::size_t>(which)];
        return {reinterpret_cast<const T*>(image_.data() + found.offset), found.bytes / sizeof(T)};
    }
    std::span<const SectionDescriptor> used() const {
        return std::span(head_->sections).first(head_->section_count);
    }
    bool refuse(IndexStatus status, const char* why) {
        status_ = status;
        why_ = why;
        return false;
    }
    bool malformed(const char* why) { return refuse(IndexStatus::malformed, why); }

    Bytes image_;
    const IndexHead* head_ = nullptr;
    IndexStatus status_ = IndexStatus::ok;
    const char* why_ = "";

    // While walking a tag table.
    Tag last_tag_ = {};
    std::uint32_t run_start_ = 0;  // buckets from here to the current one are all continued
    std::uint64_t tags_seen_ = 0;
};

template <typename T>
bool all_zero(const T& bytes) {
    return std::all_of(std::begin(bytes), std::end(bytes), [](auto byte) { return byte == 0; });
}

bool checksum_fits(Bytes bytes, const std::uint64_t (&expected)[2]) {
    const XXH128_hash_t sum = XXH3_128bits(bytes.data(), bytes.size());
    return sum.low64 == expected[0] && sum.high64 == expected[1];
}

std::uint64_t part_bytes(const SectionDescriptor& section, IndexPart part) {
    switch (part) {
        case IndexPart::tags:
            return std::uint64_t{section.bucket_count} * sizeof(TagBucket);
        case IndexPart::numbers:
            return std::uint64_t{section.bucket_count} * sizeof(NumberBucket);
        case IndexPart::records:
            return std::uint64_t{section.record_count} * sizeof(IndexRecord);
        case IndexPart::patterns:  // as long as its own head says: see Verifier::patterns()
        case IndexPart::sizes:     // as many as records belong into it: see Verifier::sets()
        case IndexPart::heads:
            return section.parts[static_cast<std::size_t>(part)].bytes;
    }
    return 0;
}

std::uint32_t pattern_count(const SectionDescriptor& section) {
    return section.kind_tags[static_cast<std::size_t>(IndicatorKind::pattern)];
}

constexpr std::uint64_t aligned_up(std::uint64_t bytes) {
    return (bytes + index_alignment - 1) / index_alignment * index_alignment;
}

// --- head ----------------------------------------------------------------------------------------

bool Verifier::head(std::uint64_t file_bytes) {
    if (image_.size() < sizeof(IndexHead))
        return refuse(IndexStatus::truncated, "the file is shorter than the head of an index");
    if (reinterpret_cast<std::uintptr_t>(image_.data()) % index_alignment != 0)
        return refuse(IndexStatus::misaligned, "the memory of the index is not 64-byte aligned");
    head_ = reinterpret_cast<const IndexHead*>(image_.data());
    if (!head_fields(file_bytes)) return false;
    for (const SectionDescriptor& section : used()) {
        if (!descriptor(section)) return false;
    }
    for (std::size_t i = head_->section_count; i < limits::sections_max; ++i) {
        if (!unused_descriptor(head_->sections[i])) return false;
    }
    return names_differ() && layout();
}

bool Verifier::head_fields(std::uint64_t file_bytes) {
    if (head_->magic != index_magic)
        return refuse(IndexStatus::not_an_index, "the file is not an index: wrong magic");
    if (head_->version != index_version)
        return refuse(IndexStatus::wrong_version,
                      "the index has another version than this program");
    if (!checksum_fits(image_.first(offsetof(IndexHead, checksum)), head_->checksum))
        return refuse(IndexStatus::damaged, "the checksum of the head is wrong");
    if (head_->total_bytes != file_bytes)
        return refuse(IndexStatus::truncated, "the file is not as long as its head says");
    if (head_->head_bytes != sizeof(IndexHead)) return malformed("the head has a wrong length");
    if ((head_->flags & ~static_cast<std::uint32_t>(IndexFlag::lab)) != 0)
        return malformed("the head has an unknown flag");
    if (!all_zero(head_->reserved)) return malformed("a reserved field of the head is not zero");
    if (head_->section_count > limits::sections_max) return malformed("too many sections");
    return true;
}

bool Verifier::descriptor(const SectionDescriptor& section) {
    const auto* end = std::find(std::begin(section.name), std::end(section.name), '\0');
    if (end == std::begin(section.name) || end == std::end(section.name))
        return malformed("a section has no name");
    if (!std::all_of(end, std::end(section.name), [](char c) { return c == '\0'; }))
        return malformed("a section's name is followed by other bytes");
    if (!std::all_of(std::begin(section.name), end, [](char c) { return c > ' ' && c < 0x7f; }))
        return malformed("a section's name has an unprintable character");
    if (section.reserved != 0 || section.reserved2 != 0 || !all_zero(section.reserved3))
        return malformed("a reserved field of a section is not zero");
    return descriptor_rights(section) && descriptor_key(section) && descriptor_counts(section);
}

bool Verifier::descriptor_rights(const SectionDescriptor& section) {
    if (section.purpose != ListPurpose::known_csam)
        return refuse(IndexStatus::purpose_refused,
                      "a section has another purpose than known CSAM");
    // The bytes come from a file: an enum may hold any value.
    if (section.kind < SectionKind::feed || section.kind > SectionKind::lab)
        return malformed("a section is of an unknown kind");
    if (section.kind == SectionKind::lab && head_->flags == 0)
        return malformed("a lab section in an index that is not marked lab");
    if (section.kind == SectionKind::local && section.ceiling == RightsCeiling::block)
        return malformed("a local list claims the right to block");
    if (section.ceiling != RightsCeiling::report && section.ceiling != RightsCeiling::block)
        return malformed("a section has an unknown rights ceiling");
    if (!terms_in_order(section.terms))
        return malformed("the terms of a section contradict each other");
    return true;
}

bool Verifier::descriptor_key(const SectionDescriptor& section) {
    if (all_zero(section.key)) {
        // A list made by hand has no grant that its key could come from.
        if (section.kind == SectionKind::lab) return malformed("a lab section has no key");
        return true;
    }
    if (head_->flags == 0) return malformed("a key stands in an index that is not marked lab");
    if (key_check(TagKey(section.key)) != section.check)
        return malformed("the key of a section does not fit its check value");
    return true;
}

bool Verifier::descriptor_counts(const SectionDescriptor& section) {
    const bool none = section.tag_count == 0;
    const std::uint32_t patterns = pattern_count(section);
    if (none != (section.home_buckets == 0) || none != (section.bucket_count == 0) ||
        none != (section.probe_max == 0) || (none && patterns == 0) != (section.record_count == 0))
        return malformed("the counts of a section contradict each other");
    if (patterns > limits::patterns_max) return malformed("a section has too many patterns");
    if (patterns != 0 && head_->flags == 0)
        return malformed("patterns in clear in an index that is not marked lab");
    if (section.tag_count > index_tags_max || section.record_count < patterns ||
        section.record_count - patterns > section.tag_count)
        return malformed("a section has too many tags or records");
    if (section.probe_max > index_probe_max)
        return malformed("a section needs too many buckets for a look-up");
    // Also keeps a table from being mostly spill.
    if (section.bucket_count < section.home_buckets ||
        section.bucket_count - section.home_buckets > section.probe_max)
        return malformed("the buckets of a section do not add up");
    return true;
}

bool Verifier::unused_descriptor(const SectionDescriptor& section) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&section);
    if (!all_zero(Bytes(bytes, sizeof section)))
        return malformed("the descriptor of an unused section is not zero");
    return true;
}

bool Verifier::names_differ() {
    for (std::size_t i = 0; i < head_->section_count; ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            const SectionDescriptor& one = head_->sections[i];
            const SectionDescriptor& other = head_->sections[k];
            if (one.epoch == other.epoch && std::strcmp(one.name, other.name) == 0)
                return malformed("two sections have the same name and epoch");
        }
    }
    return true;
}

// --- layout --------------------------------------------------------------------------------------

// The parts follow each other in one order with no choice left, so nothing can overlap.
bool Verifier::layout() {
    std::uint64_t cursor = sizeof(IndexHead);
    for (const SectionDescriptor& section : used()) {
        for (std::size_t i = 0; i < std::size(section.parts); ++i) {
            const auto part = static_cast<IndexPart>(i);
            if (i < index_part_count && has_part(section, part)) {
                if (!part_layout(section, part, &cursor)) return false;
                continue;
            }
            const PartDescriptor& unused = section.parts[i];
            if (unused.offset != 0 || unused.bytes != 0 || !all_zero(unused.checksum))
                return malformed("a section has a part of an unknown kind");
        }
    }
    if (cursor != head_->total_bytes) return malformed("bytes follow the last part");
    return true;
}

bool Verifier::part_layout(const SectionDescriptor& section, IndexPart part,
                           std::uint64_t* cursor) {
    const PartDescriptor& found = section.parts[static_cast<std::size_t>(part)];
    if (found.offset != *cursor) return malformed("a part stands at another place than it must");
    if (found.bytes != part_bytes(section, part)) return malformed("a part has a wrong length");
    // Of patterns, sizes and heads it is not known yet; all others are below 2^38, so that no sum
    // can wrap.
    if (found.bytes > head_->total_bytes)
        return malformed("a part ends behind the end of the file");
    *cursor = aligned_up(*cursor + found.bytes);
    if (*cursor > head_->total_bytes) return malformed("a part ends behind the end of the file");
    return true;
}

// --- parts ---------------------------------------------------------------------------------------

bool Verifier::parts() {
    for (const SectionDescriptor& section : used()) {
        if (!part_checksums(section) || !tag_table(section) || !records(section) ||
            !patterns(section))
            return false;
    }
    return true;
}

bool Verifier::padding(std::uint64_t from, std::uint64_t to) {
    if (!all_zero(image_.subspan(from, to - from)))
        return malformed("bytes between two parts are not zero");
    return true;
}

bool Verifier::part_checksums(const SectionDescriptor& section) {
    for (std::size_t i = 0; i < index_part_count; ++i) {
        const PartDescriptor& part = section.parts[i];
        if (part.offset == 0) continue;  // it is not there
        if (!checksum_fits(image_.subspan(part.offset, part.bytes), part.checksum))
            return refuse(IndexStatus::damaged, "the checksum of a part is wrong");
        const std::uint64_t end = part.offset + part.bytes;
        if (!padding(end, aligned_up(end))) return false;
    }
    return true;
}

bool Verifier::tag_table(const SectionDescriptor& section) {
    last_tag_ = {};
    run_start_ = 0;
    tags_seen_ = 0;
    for (std::uint32_t b = 0; b < section.bucket_count; ++b) {
        if (!bucket(section, b)) return false;
    }
    if (section.bucket_count > 0 && run_start_ != section.bucket_count)
        return malformed("the last bucket claims to be continued");
    if (tags_seen_ != section.tag_count) return malformed("the number of tags is wrong");
    return true;
}

bool Verifier::bucket(const SectionDescriptor& section, std::uint32_t number) {
    const TagBucket& tags = part<TagBucket>(section, IndexPart::tags)[number];
    const NumberBucket& numbers = part<NumberBucket>(section, IndexPart::numbers)[number];
    const bool continued = bucket_is_continued(tags);
    bool ended = false;
    for (std::size_t i = 0; i < index_bucket_slots; ++i) {
        const std::size_t slot = continued ? index_bucket_slots - 1 - i : i;
        const Tag& tag = tags.tags[slot];
        if (tag.empty()) {
            if (numbers.records[slot] != 0) return malformed("an empty slot has a record");
            ended = true;
            continue;
        }
        if (ended) return malformed("a tag stands behind an empty slot");
        // Strictly rising over the whole table: no tag twice, and no other order than the one a
        // look-up understands.
        if (tag <= last_tag_) return malformed("the tags are not in order");
        last_tag_ = tag;
        const std::uint32_t home = home_bucket(tag, section.home_buckets);
        if (home > number || number - home >= section.probe_max || home < run_start_)
            return malformed("a tag stands where no look-up finds it");
        if (numbers.records[slot] >= section.record_count)
            return malformed("a record number is out of range");
        ++tags_seen_;
    }
    if (!continued) run_start_ = number + 1;
    return true;
}

bool Verifier::records(const SectionDescriptor& section) {
    Counts counts;
    if (!set_lengths(section)) return false;
    for (const IndexRecord& entry : part<IndexRecord>(section, IndexPart::records)) {
        if (!record(section, entry) || !in_sets(section, entry, &counts)) return false;
        for (std::size_t k = 0; k < indicator_kind_count; ++k) {
            if ((entry.kinds >> k & 1) == 0) continue;
            ++counts.tags[k];
            counts.sized[k] += (entry.flags & record_flag::has_size) != 0;
            counts.headed[k] += (entry.flags & record_flag::has_head) != 0;
        }
    }
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < std::size(section.kind_tags); ++k) {
        if (k != static_cast<std::size_t>(IndicatorKind::pattern)) sum += section.kind_tags[k];
        // Dismissal relies on these: a wrong one would be a way past the filter.
        if (counts.tags[k] != section.kind_tags[k] ||
            counts.sized[k] != section.kind_tags_sized[k] ||
            counts.headed[k] != section.kind_tags_headed[k])
            return malformed("the counts of a section are not those of its records");
    }
    if (sum != section.tag_count) return malformed("the records and the tags do not add up");
    return sets(section, counts);
}

// Enough to be asked; how many blocks there must be is known after a walk over the records.
bool Verifier::set_lengths(const SectionDescriptor& section) {
    const std::size_t sizes = part<SetBlock>(section, IndexPart::sizes).size();
    const std::size_t heads = part<SetBlock>(section, IndexPart::heads).size();
    if ((has_part(section, IndexPart::sizes) && sizes < 2) ||
        (has_part(section, IndexPart::heads) && heads < 1))
        return malformed("a set of sizes or heads has a wrong length");
    return true;
}

// A size or head that is not in its set would be a way past the filter.
bool Verifier::in_sets(const SectionDescriptor& section, const IndexRecord& entry, Counts* counts) {
    const KindSet kinds(entry.kinds);
    const KindSet sized = kinds & kinds_with_all(section, section.kind_tags_sized);
    const KindSet headed = kinds & kinds_with_all(section, section.kind_tags_headed);
    if (!sized.empty()) {
        ++counts->in_sizes;
        if (!set_has(part<SetBlock>(section, IndexPart::sizes).subspan(1), entry.size))
            return malformed("the size of a record is not among the sizes");
        for (std::size_t k = 0; k < std::size(counts->bounds.largest); ++k) {
            std::uint64_t& largest = counts->bounds.largest[k];
            if ((sized.bits >> k & 1) != 0) largest = std::max(largest, entry.size);
        }
    }
    if (headed.empty()) return true;
    ++counts->in_heads;
    if (!set_has(part<SetBlock>(section, IndexPart::heads), head_value(entry.head)))
        return malformed("the head of a record is not among the heads");
    return true;
}

bool Verifier::sets(const SectionDescriptor& section, const Counts& counts) {
    const auto fits = [&](IndexPart which, std::uint64_t blocks) {
        const PartDescriptor& found = section.parts[static_cast<std::size_t>(which)];
        return !has_part(section, which) || found.bytes == blocks * sizeof(SetBlock);
    };
    if (!fits(IndexPart::sizes, set_blocks(counts.in_sizes) + 1) ||
        !fits(IndexPart::heads, set_blocks(counts.in_heads)))
        return malformed("a set of sizes or heads has a wrong length");
    if (!has_part(section, IndexPart::sizes)) return true;
    const SizeBounds& bounds = part<SizeBounds>(section, IndexPart::sizes).front();
    if (!std::ranges::equal(bounds.largest, counts.bounds.largest))
        return malformed("the largest sizes are not those of the records");
    return true;
}

bool Verifier::record(const SectionDescriptor& section, const IndexRecord& entry) {
    const bool is_pattern = KindSet(entry.kinds) == KindSet{IndicatorKind::pattern};
    if (!is_pattern && (entry.kinds == 0 || (KindSet(entry.kinds) | exact_kinds) != exact_kinds))
        return malformed("a record has an unknown kind or none");
    if (is_pattern && (entry.flags & (record_flag::has_size | record_flag::has_head)) != 0)
        return malformed("the record of a pattern has a size or a head");
    if ((entry.flags & ~record_flag::all) != 0) return malformed("a record has an unknown flag");
    if (((entry.flags & record_flag::has_size) != 0) != (entry.size != 0))
        return malformed("a record has a size without its flag, or the flag without a size");
    const unsigned place = entry.flags & (record_flag::has_head | record_flag::has_end);
    if (place == 0 && !all_zero(entry.head))
        return malformed("a record has a head without its flag");
    if (place == (record_flag::has_head | record_flag::has_end))
        return malformed("a record has both a head and an end");
    if ((entry.flags & record_flag::has_end) != 0 && section.kind != SectionKind::local)
        return malformed("a record of no local list has an end of its own");
    return true;
}

// --- patterns ------------------------------------------------------------------------------------

bool Verifier::patterns(const SectionDescriptor& section) {
    if (pattern_count(section) == 0) return true;
    const Bytes bytes = part<std::uint8_t>(section, IndexPart::patterns);
    if (bytes.size() < sizeof(PatternHead)) return malformed("the patterns are cut short");
    const auto& head = *reinterpret_cast<const PatternHead*>(bytes.data());
    if (!all_zero(head.reserved)) return malformed("a reserved field of the patterns is not zero");
    if (head.count != pattern_count(section)) return malformed("the number of patterns is wrong");
    if (head.database_bytes == 0 || head.database_bytes > limits::pattern_database_bytes_max)
        return malformed("the database of the patterns is too large, or none");
    if (pattern_database_at(head) + head.database_bytes != bytes.size())
        return malformed("the patterns have a wrong length");
    return pattern_part(section, head);
}

// The texts follow each other, and the records of patterns are the last ones of the section.
bool Verifier::pattern_part(const SectionDescriptor& section, const PatternHead& head) {
    const Bytes bytes = part<std::uint8_t>(section, IndexPart::patterns);
    const std::span entries(
        reinterpret_cast<const PatternEntry*>(bytes.data() + sizeof(PatternHead)), head.count);
    const auto records = part<IndexRecord>(section, IndexPart::records);
    std::uint64_t text_bytes = 0;
    std::uint32_t record = section.record_count - head.count;
    for (const PatternEntry& entry : entries) {
        if (entry.reserved != 0 || entry.syntax < PatternSyntax::literal ||
            entry.syntax > PatternSyntax::expression)
            return malformed("a pattern is of an unknown kind");
        if (entry.length == 0 || entry.length > limits::pattern_bytes_max)
            return malformed("a pattern is empty or too long");
        if (entry.record != record || !KindSet(records[record].kinds).has(IndicatorKind::pattern))
            return malformed("a pattern has no record");
        ++record;
        text_bytes += entry.length;
    }
    if (text_bytes != head.text_bytes) return malformed("the texts of the patterns do not add up");
    const Bytes texts = bytes.subspan(sizeof(PatternHead) + entries.size_bytes(), text_bytes);
    if (std::find(texts.begin(), texts.end(), 0) != texts.end())
        return malformed("a pattern has a zero byte");
    const std::uint64_t end = sizeof(PatternHead) + entries.size_bytes() + text_bytes;
    if (!all_zero(bytes.subspan(end, pattern_database_at(head) - end)))
        return malformed("bytes between two parts are not zero");
    return true;
}

}  // namespace

const char* index_status_name(IndexStatus status) {
    switch (status) {
        case IndexStatus::ok:
            return "ok";
        case IndexStatus::truncated:
            return "truncated";
        case IndexStatus::not_an_index:
            return "not_an_index";
        case IndexStatus::wrong_version:
            return "version";
        case IndexStatus::misaligned:
            return "misaligned";
        case IndexStatus::damaged:
            return "damaged";
        case IndexStatus::malformed:
            return "malformed";
        case IndexStatus::lab_refused:
            return "lab_refused";
        case IndexStatus::purpose_refused:
            return "purpose_refused";
    }
    return "";
}

IndexStatus verify_index(Bytes image, const char** why) {
    Verifier verifier(image);
    if (!verifier.head(image.size()) || !verifier.parts()) *why = verifier.why();
    return verifier.status();
}

IndexStatus verify_index_head(Bytes first, std::uint64_t file_bytes, const char** why) {
    Verifier verifier(first);
    if (!verifier.head(file_bytes)) *why = verifier.why();
    return verifier.status();
}

}  // namespace cordon
