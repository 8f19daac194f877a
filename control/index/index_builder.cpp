#include "control/index/index_builder.h"

#include <openssl/crypto.h>
#include <xxhash.h>

#include <algorithm>

#include "control/index/atomic_file.h"
#include "control/index/pattern_list.h"
#include "dataplane/base/invariant.h"
#include "dataplane/contract/index_verify.h"

namespace cordon {
namespace {

// One digest as it was added.
struct Entry {
    Tag tag;
    std::uint32_t record;
    IndicatorKind kind;
};
static_assert(sizeof(Entry) == 24);

// 11 tags for every 4 buckets: 2.75 of 4 slots. More saves little memory (29.1 bytes a tag now) and
// makes second cache lines common.
std::uint32_t first_home_buckets(std::size_t tags) {
    return static_cast<std::uint32_t>((tags * 4 + 10) / 11);
}

// Where each entry goes. Called with every position in turn, in the order of the file: first to
// measure the table, then to fill it.
template <typename Put, typename Continue>
void lay_down(const std::vector<Entry>& entries, std::uint32_t home_buckets, Put&& put,
              Continue&& continued) {
    std::uint32_t bucket = 0;
    std::size_t slot = 0;
    for (const Entry& entry : entries) {
        const std::uint32_t home = home_bucket(entry.tag, home_buckets);
        if (home > bucket) {
            bucket = home;
            slot = 0;
        } else if (slot == index_bucket_slots) {
            continued(bucket);
            ++bucket;
            slot = 0;
        }
        put(entry, home, bucket, slot++);
    }
}

struct TableShape {
    std::uint32_t home_buckets = 0;
    std::uint32_t bucket_count = 0;
    std::uint32_t probe_max = 0;
};

TableShape measure(const std::vector<Entry>& entries, std::uint32_t home_buckets) {
    TableShape shape{home_buckets, home_buckets, 0};
    lay_down(
        entries, home_buckets,
        [&](const Entry&, std::uint32_t home, std::uint32_t bucket, std::size_t) {
            shape.probe_max = std::max(shape.probe_max, bucket - home + 1);
            shape.bucket_count = std::max(shape.bucket_count, bucket + 1);
        },
        [](std::uint32_t) {});
    return shape;
}

// The smallest table, from 2.75 tags a bucket downwards, in which no search is too long. Tags are
// as good as random, so the first one does unless the key is broken.
TableShape fitting_shape(const std::vector<Entry>& entries) {
    TableShape shape = measure(entries, first_home_buckets(entries.size()));
    for (int i = 0; i < 8 && shape.probe_max > index_probe_max; ++i) {
        shape = measure(entries, shape.home_buckets + shape.home_buckets / 4 + 1);
    }
    return shape;
}

void fill(const std::vector<Entry>& entries, const TableShape& shape, TagBucket* buckets,
          NumberBucket* numbers) {
    lay_down(
        entries, shape.home_buckets,
        [&](const Entry& entry, std::uint32_t, std::uint32_t bucket, std::size_t slot) {
            buckets[bucket].tags[slot] = entry.tag;
            numbers[bucket].records[slot] = entry.record;
        },
        [&](std::uint32_t bucket) {  // falling order: continued
            std::reverse(std::begin(buckets[bucket].tags), std::end(buckets[bucket].tags));
            std::reverse(std::begin(numbers[bucket].records), std::end(numbers[bucket].records));
        });
}

std::uint64_t aligned_up(std::uint64_t bytes) {
    return (bytes + index_alignment - 1) / index_alignment * index_alignment;
}

void seal(Bytes bytes, std::uint64_t (*checksum)[2]) {
    const XXH128_hash_t sum = XXH3_128bits(bytes.data(), bytes.size());
    (*checksum)[0] = sum.low64;
    (*checksum)[1] = sum.high64;
}

// The more cautious of two records for one digest. That one source lists it as a test takes nothing
// from what another one says.
void restrain(IndexRecord* kept, const IndexRecord& other) {
    const bool tests = (kept->flags & other.flags & record_flag::test) != 0;
    kept->flags = static_cast<std::uint8_t>(kept->flags | (other.flags & record_flag::restraints));
    if (!tests) kept->flags = static_cast<std::uint8_t>(kept->flags & ~record_flag::test);
    if (kept->size != other.size) {
        kept->size = 0;
        kept->flags = static_cast<std::uint8_t>(kept->flags & ~record_flag::has_size);
    }
    if (((kept->flags | other.flags) & record_flag::has_end) != 0) {
        kept->head = std::bit_cast<HeadFingerprint>(std::min(record_end(*kept), record_end(other)));
        kept->flags = static_cast<std::uint8_t>((kept->flags & ~record_flag::has_head) |
                                                record_flag::has_end);
        return;
    }
    const bool heads = (kept->flags & other.flags & record_flag::has_head) != 0;
    if (!heads || kept->head != other.head) {
        kept->head = {};
        kept->flags = static_cast<std::uint8_t>(kept->flags & ~record_flag::has_head);
    }
}

bool same_indicator(const IndexRecord& a, const IndexRecord& b) {
    return a.reference == b.reference && a.size == b.size && a.head == b.head &&
           a.source == b.source && a.category == b.category && a.flags == b.flags &&
           added_in(a) == added_in(b);
}

}  // namespace

struct IndexBuilder::Section {
    SectionInfo info;
    std::optional<TagKeyBytes> raw_key;  // none: everything comes keyed
    TagKey key;
    KeyCheck check;
    std::vector<Entry> entries;
    std::vector<IndexRecord> records;
    PatternList patterns;
    std::uint64_t duplicates = 0;
    TableShape shape;

    Section(SectionInfo the_info, const TagKeyBytes& the_key)
        : info(std::move(the_info)), raw_key(the_key), key(the_key), check(key_check(key)) {}
    Section(SectionInfo the_info, const KeyCheck& the_check)
        : info(std::move(the_info)), check(the_check) {}
    ~Section() {
        if (raw_key) OPENSSL_cleanse(raw_key->data(), raw_key->size());
    }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

    std::uint32_t record_for(const IndexRecord& wanted, IndicatorKind kind);
    void settle();
    void merge_duplicates();
    void drop_unused_records();
    void describe(bool lab, SectionDescriptor* out) const;
    void count(SectionDescriptor* out) const;
    std::uint64_t records_with(KindSet kinds) const;
    std::uint64_t place_parts(std::uint64_t offset, SectionDescriptor* out) const;
    void write_sets(MutableBytes image, const SectionDescriptor& out) const;
    void write_parts(MutableBytes image, SectionDescriptor* out);
};

const char* add_outcome_text(AddOutcome outcome) {
    switch (outcome) {
        case AddOutcome::added:
            return "added";
        case AddOutcome::bad_kind:
            return "this kind of digest cannot stand in an index";
        case AddOutcome::bad_tag:
            return "a tag of zeros";
        case AddOutcome::bad_length:
            return "the digest has a wrong length for its kind";
        case AddOutcome::bad_flags:
            return "unknown flag";
        case AddOutcome::bad_end:
            return "only an entry of a local list, without a head, has an end of its own";
        case AddOutcome::empty_file:
            return "this is the empty file: it must not be listed";
        case AddOutcome::zero_run:
            return "this is a file of zero bytes only: it must not be listed";
        case AddOutcome::placeholder:
            return "one byte repeated is a blank field, not a digest";
        case AddOutcome::bad_pattern:
            return "this cannot be a pattern";
        case AddOutcome::section_full:
            return "the section is full";
    }
    return "";
}

IndexBuilder::IndexBuilder(const IndexOptions& options) : options_(options) {}
IndexBuilder::~IndexBuilder() = default;

Result<std::uint32_t> IndexBuilder::add_section(const SectionInfo& info, const TagKeyBytes& key) {
    if (const Result<void> fits = refuse_section(info); !fits) return Failure(fits.error());
    sections_.push_back(std::make_unique<Section>(info, key));
    return static_cast<std::uint32_t>(sections_.size() - 1);
}

Result<std::uint32_t> IndexBuilder::add_keyed_section(const SectionInfo& info,
                                                      const KeyCheck& check) {
    if (const Result<void> fits = refuse_section(info); !fits) return Failure(fits.error());
    if (info.kind == SectionKind::lab)
        return failure(ErrorCode::refused, "a lab section needs its key");
    sections_.push_back(std::make_unique<Section>(info, check));
    return static_cast<std::uint32_t>(sections_.size() - 1);
}

Result<void> IndexBuilder::refuse_section(const SectionInfo& info) const {
    const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (info.name.empty() || info.name.size() >= sizeof(SectionDescriptor::name) ||
        !std::all_of(info.name.begin(), info.name.end(), printable))
        return failure(ErrorCode::refused, "a section's name is 1 to 31 printable characters");
    for (const auto& section : sections_) {
        if (section->info.name == info.name && section->info.epoch == info.epoch)
            return failure(ErrorCode::refused, "two sections are named " + info.name);
    }
    if (sections_.size() == limits::sections_max)
        return failure(ErrorCode::refused, "an index has at most 8 sections");
    if (info.purpose != ListPurpose::known_csam)
        return failure(ErrorCode::refused, "a list for anything but known CSAM is refused");
    if (info.kind == SectionKind::local && info.ceiling == RightsCeiling::block)
        return failure(ErrorCode::refused, "a local list can never block");
    if (info.kind == SectionKind::lab && !options_.lab)
        return failure(ErrorCode::refused, "a lab section needs a lab index");
    if (!terms_in_order(info.terms))
        return failure(ErrorCode::refused, "the terms of " + info.name + " contradict each other");
    return {};
}

AddOutcome IndexBuilder::add(std::uint32_t section, const Indicator& indicator) {
    INVARIANT(section < sections_.size());
    Section& to = *sections_[section];
    INVARIANT(to.raw_key.has_value());
    if (!exact_kinds.has(indicator.kind)) return AddOutcome::bad_kind;
    if (indicator.digest.size() != digest_length(indicator.kind)) return AddOutcome::bad_length;
    if ((indicator.flags & ~record_flag::restraints) != 0) return AddOutcome::bad_flags;
    if (indicator.size == 0 || refused_.is_empty_file(indicator.kind, indicator.digest))
        return AddOutcome::empty_file;
    if (refused_.is_zero_run(indicator.kind, indicator.digest)) return AddOutcome::zero_run;
    if (RefusedDigests::is_placeholder(indicator.digest)) return AddOutcome::placeholder;
    if (to.entries.size() == index_tags_max) return AddOutcome::section_full;

    IndexRecord record = {.reference = indicator.reference,
                          .size = indicator.size.value_or(0),
                          .head = {},
                          .source = indicator.source,
                          .category = indicator.category,
                          .flags = indicator.flags,
                          .kinds = 0,
                          .added = {}};
    set_added(&record, to.info.generation);
    if (indicator.size) record.flags |= record_flag::has_size;
    if (indicator.head) {
        record.head = keyed_head(to.key, *indicator.head);
        record.flags |= record_flag::has_head;
    }
    const Tag tag = keyed_tag(to.key, indicator.kind, indicator.digest);
    INVARIANT(!tag.empty());  // once in 2^128
    to.entries.push_back({tag, to.record_for(record, indicator.kind), indicator.kind});
    return AddOutcome::added;
}

void IndexBuilder::expect(std::uint32_t section, std::size_t indicators) {
    INVARIANT(section < sections_.size());
    sections_[section]->entries.reserve(indicators);
    sections_[section]->records.reserve(indicators);
}

AddOutcome IndexBuilder::add_keyed(std::uint32_t section, const KeyedIndicator& indicator) {
    INVARIANT(section < sections_.size());
    Section& to = *sections_[section];
    if (!exact_kinds.has(indicator.kind)) return AddOutcome::bad_kind;
    if (indicator.tag.empty()) return AddOutcome::bad_tag;
    if ((indicator.flags & ~record_flag::restraints) != 0) return AddOutcome::bad_flags;
    if (indicator.not_after_s && (indicator.head || to.info.kind != SectionKind::local))
        return AddOutcome::bad_end;
    if (indicator.size == 0) return AddOutcome::empty_file;
    if (to.entries.size() == index_tags_max) return AddOutcome::section_full;
    IndexRecord record = {.reference = indicator.reference,
                          .size = indicator.size.value_or(0),
                          .head = indicator.head.value_or(HeadFingerprint{}),
                          .source = indicator.source,
                          .category = indicator.category,
                          .flags = indicator.flags,
                          .kinds = 0,
                          .added = {}};
    if (indicator.size) record.flags |= record_flag::has_size;
    if (indicator.head) record.flags |= record_flag::has_head;
    if (indicator.not_after_s) {
        record.head = std::bit_cast<HeadFingerprint>(*indicator.not_after_s);
        record.flags |= record_flag::has_end;
    }
    set_added(&record, indicator.added_in);
    to.entries.push_back({indicator.tag, to.record_for(record, indicator.kind), indicator.kind});
    return AddOutcome::added;
}

AddOutcome IndexBuilder::add_pattern(std::uint32_t section, const PatternIndicator& pattern,
                                     std::string* why) {
    INVARIANT(section < sections_.size());
    Section& to = *sections_[section];
    if ((pattern.flags & ~record_flag::restraints) != 0) return AddOutcome::bad_flags;
    if (!options_.lab) {
        *why = "an index for production holds none: they would stand in it in clear";
        return AddOutcome::bad_pattern;
    }
    return to.patterns.add(pattern, why);
}

// Digests of one indicator come one after another: they share a record.
std::uint32_t IndexBuilder::Section::record_for(const IndexRecord& wanted, IndicatorKind kind) {
    if (records.empty() || !same_indicator(records.back(), wanted) ||
        KindSet(records.back().kinds).has(kind))
        records.push_back(wanted);
    KindSet kinds(records.back().kinds);
    kinds.add(kind);
    records.back().kinds = kinds.bits;
    return static_cast<std::uint32_t>(records.size() - 1);
}

void IndexBuilder::Section::settle() {
    // Records were numbered as they were added: of equal tags the first added comes first.
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.tag != b.tag ? a.tag < b.tag : a.record < b.record;
    });
    merge_duplicates();
    if (duplicates > 0) drop_unused_records();
    if (!entries.empty()) shape = fitting_shape(entries);
}

void IndexBuilder::Section::merge_duplicates() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const Entry& entry = entries[i];
        if (kept > 0 && entries[kept - 1].tag == entry.tag) {
            restrain(&records[entries[kept - 1].record], records[entry.record]);
            ++duplicates;
            continue;
        }
        entries[kept++] = entry;
    }
    entries.resize(kept);
}

void IndexBuilder::Section::drop_unused_records() {
    for (IndexRecord& record : records)
        record.kinds = 0;
    for (const Entry& entry : entries) {
        KindSet kinds(records[entry.record].kinds);
        kinds.add(entry.kind);
        records[entry.record].kinds = kinds.bits;
    }
    std::vector<std::uint32_t> moved_to(records.size());
    std::uint32_t kept = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        moved_to[i] = kept;
        if (records[i].kinds != 0) records[kept++] = records[i];
    }
    records.resize(kept);
    for (Entry& entry : entries)
        entry.record = moved_to[entry.record];
}

void IndexBuilder::Section::describe(bool lab, SectionDescriptor* out) const {
    std::memcpy(out->name, info.name.data(), info.name.size());
    out->kind = info.kind;
    out->ceiling = info.ceiling;
    out->purpose = info.purpose;
    out->epoch = info.epoch;
    out->generation = info.generation;
    out->terms = info.terms;
    if (lab && raw_key) std::memcpy(out->key, raw_key->data(), raw_key->size());
    out->check = check;
    out->tag_count = static_cast<std::uint32_t>(entries.size());
    out->record_count = static_cast<std::uint32_t>(records.size() + patterns.size());
    out->home_buckets = shape.home_buckets;
    out->bucket_count = shape.bucket_count;
    out->probe_max = shape.probe_max;
    count(out);
}

void IndexBuilder::Section::count(SectionDescriptor* out) const {
    for (const IndexRecord& record : records) {
        for (std::size_t k = 0; k < indicator_kind_count; ++k) {
            if ((record.kinds >> k & 1) == 0) continue;
            ++out->kind_tags[k];
            out->kind_tags_sized[k] += (record.flags & record_flag::has_size) != 0;
            out->kind_tags_headed[k] += (record.flags & record_flag::has_head) != 0;
        }
    }
    out->kind_tags[static_cast<std::size_t>(IndicatorKind::pattern)] = patterns.size();
}

std::uint64_t IndexBuilder::Section::records_with(KindSet kinds) const {
    return static_cast<std::uint64_t>(std::count_if(
        records.begin(), records.end(),
        [kinds](const IndexRecord& record) { return !(KindSet(record.kinds) & kinds).empty(); }));
}

// Returns where the next section's parts begin.
std::uint64_t IndexBuilder::Section::place_parts(std::uint64_t offset,
                                                 SectionDescriptor* out) const {
    const auto set_bytes = [this](KindSet kinds) {
        return set_blocks(records_with(kinds)) * sizeof(SetBlock);
    };
    const std::uint64_t bytes[index_part_count] = {
        std::uint64_t{shape.bucket_count} * sizeof(TagBucket),
        std::uint64_t{shape.bucket_count} * sizeof(NumberBucket),
        (records.size() + patterns.size()) * sizeof(IndexRecord),
        patterns.part_bytes(),
        sizeof(SizeBounds) + set_bytes(kinds_with_all(*out, out->kind_tags_sized)),
        set_bytes(kinds_with_all(*out, out->kind_tags_headed))};
    for (std::size_t i = 0; i < index_part_count; ++i) {
        if (!has_part(*out, static_cast<IndexPart>(i))) continue;
        out->parts[i].offset = offset;
        out->parts[i].bytes = bytes[i];
        offset = aligned_up(offset + bytes[i]);
    }
    return offset;
}

void IndexBuilder::Section::write_parts(MutableBytes image, SectionDescriptor* out) {
    const auto place = [&](IndexPart part) {
        return image.data() + out->parts[static_cast<std::size_t>(part)].offset;
    };
    fill(entries, shape, reinterpret_cast<TagBucket*>(place(IndexPart::tags)),
         reinterpret_cast<NumberBucket*>(place(IndexPart::numbers)));
    if (!records.empty())
        std::memcpy(place(IndexPart::records), records.data(),
                    records.size() * sizeof(IndexRecord));
    if (patterns.size() != 0) {
        auto* place_of_records = place(IndexPart::records) + records.size() * sizeof(IndexRecord);
        patterns.write(static_cast<std::uint32_t>(records.size()),
                       reinterpret_cast<IndexRecord*>(place_of_records),
                       place(IndexPart::patterns));
    }
    write_sets(image, *out);
    for (std::size_t i = 0; i < index_part_count; ++i) {
        PartDescriptor& part = out->parts[i];
        if (part.offset == 0) continue;
        seal(image.subspan(part.offset, part.bytes), &part.checksum);
    }
    // The image now holds them; a large section would need its memory twice.
    std::vector<Entry>().swap(entries);
    std::vector<IndexRecord>().swap(records);
}

void IndexBuilder::Section::write_sets(MutableBytes image, const SectionDescriptor& out) const {
    const auto blocks = [&](IndexPart which) {
        const PartDescriptor& part = out.parts[static_cast<std::size_t>(which)];
        return std::span(reinterpret_cast<SetBlock*>(image.data() + part.offset),
                         part.bytes / sizeof(SetBlock));
    };
    const std::span<SetBlock> sizes = blocks(IndexPart::sizes);
    const std::span<SetBlock> heads = blocks(IndexPart::heads);
    const KindSet sized = kinds_with_all(out, out.kind_tags_sized);
    const KindSet headed = kinds_with_all(out, out.kind_tags_headed);
    SizeBounds bounds = {};
    for (const IndexRecord& record : records) {
        const KindSet kinds(record.kinds);
        if (!(kinds & headed).empty()) set_add(heads, head_value(record.head));
        if ((kinds & sized).empty()) continue;
        set_add(sizes.subspan(1), record.size);
        for (std::size_t k = 0; k < indicator_kind_count; ++k) {
            if (((kinds & sized).bits >> k & 1) != 0)
                bounds.largest[k] = std::max(bounds.largest[k], record.size);
        }
    }
    if (!sizes.empty()) std::memcpy(sizes.data(), &bounds, sizeof bounds);
}

Result<BuiltIndex> IndexBuilder::build_image(AlignedBytes* image) {
    IndexHead head = {};
    head.magic = index_magic;
    head.version = index_version;
    head.flags = options_.lab ? static_cast<std::uint32_t>(IndexFlag::lab) : 0;
    head.generation = options_.generation;
    head.created_s = options_.created_s;
    head.section_count = static_cast<std::uint32_t>(sections_.size());
    head.head_bytes = sizeof head;

    BuiltIndex built;
    std::uint64_t end = sizeof head;
    for (std::size_t i = 0; i < sections_.size(); ++i) {
        Section& section = *sections_[i];
        section.settle();
        if (section.shape.probe_max > index_probe_max)
            return failure(ErrorCode::integrity,
                           "the tags of section " + section.info.name + " are not random");
        if (const Result<void> compiled = section.patterns.compile(); !compiled)
            return failure(compiled.error().code,
                           "section " + section.info.name + ": " + compiled.error().text);
        section.describe(options_.lab, &head.sections[i]);
        end = section.place_parts(end, &head.sections[i]);
        built.tags += section.entries.size();
        built.patterns += section.patterns.size();
        built.records += section.records.size() + section.patterns.size();
        built.duplicates += section.duplicates + section.patterns.duplicates();
        for (std::size_t k = 0; k < indicator_kind_count; ++k)
            built.kind_tags[k] += head.sections[i].kind_tags[k];
    }
    head.total_bytes = built.bytes = end;
    *image = AlignedBytes(end);
    for (std::size_t i = 0; i < sections_.size(); ++i)
        sections_[i]->write_parts(image->mutable_bytes(), &head.sections[i]);
    seal(Bytes(reinterpret_cast<const std::uint8_t*>(&head), offsetof(IndexHead, checksum)),
         &head.checksum);
    std::memcpy(image->mutable_bytes().data(), &head, sizeof head);
    OPENSSL_cleanse(&head, sizeof head);
    sections_.clear();

    const char* why = "";
    INVARIANT(verify_index(image->bytes(), &why) == IndexStatus::ok);
    return built;
}

Result<BuiltIndex> IndexBuilder::build(const std::string& path) {
    AlignedBytes image;
    const Result<BuiltIndex> built = build_image(&image);
    if (!built) return built;
    if (const Result<void> written = write_file_atomically(path, image.bytes()); !written)
        return Failure(written.error());
    return built;
}

}  // namespace cordon
