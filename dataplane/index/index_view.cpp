#include "dataplane/index/index_view.h"

#include <algorithm>
#include <bit>

#include "dataplane/base/invariant.h"

namespace cordon {

IndexStatus IndexView::open(Bytes image, bool allow_lab, IndexView* out, const char** why,
                            std::span<const TagKey> keys, std::uint64_t now_s) {
    out->close();
    const IndexStatus status = verify_index(image, why);
    if (status != IndexStatus::ok) return status;
    const auto* head = reinterpret_cast<const IndexHead*>(image.data());
    if (head->flags != 0 && !allow_lab) {
        *why = "a lab index is used only where the configuration says lab = true";
        return IndexStatus::lab_refused;
    }
    for (std::size_t i = 0; i < head->section_count; ++i)
        out->sections_[i].open(image, head->sections[i], keys, now_s);
    out->head_ = head;
    out->section_count_ = head->section_count;
    return IndexStatus::ok;
}

IndexStatus IndexView::copy_and_verify(Bytes source, MutableBytes own, bool allow_lab,
                                       IndexView* out, const char** why,
                                       std::span<const TagKey> keys) {
    INVARIANT(own.size() >= source.size());
    if (!source.empty()) std::memcpy(own.data(), source.data(), source.size());
    return open(own.first(source.size()), allow_lab, out, why, keys);
}

void IndexView::Section::open(Bytes image, const SectionDescriptor& descriptor,
                              std::span<const TagKey> keys, std::uint64_t now_s) {
    has_key = now_s <= descriptor.terms.not_after_s && take_key(descriptor, keys);
    if (!has_key) return;
    const auto part = [&](IndexPart which) {
        return image.data() + descriptor.parts[static_cast<std::size_t>(which)].offset;
    };
    buckets = reinterpret_cast<const TagBucket*>(part(IndexPart::tags));
    numbers = reinterpret_cast<const NumberBucket*>(part(IndexPart::numbers));
    records = reinterpret_cast<const IndexRecord*>(part(IndexPart::records));
    not_after_s = descriptor.terms.not_after_s;
    home_buckets = descriptor.home_buckets;
    probe_max = descriptor.probe_max;
    for (std::size_t k = 0; k < indicator_kind_count; ++k) {
        if (descriptor.kind_tags[k] != 0) kinds.add(static_cast<IndicatorKind>(k));
    }
    if (kinds.has(IndicatorKind::pattern)) open_patterns(part(IndexPart::patterns));
    open_sets(image, descriptor);
}

void IndexView::Section::open_sets(Bytes image, const SectionDescriptor& descriptor) {
    const auto blocks = [&](IndexPart which) {
        const PartDescriptor& part = descriptor.parts[static_cast<std::size_t>(which)];
        return std::span(reinterpret_cast<const SetBlock*>(image.data() + part.offset),
                         part.bytes / sizeof(SetBlock));
    };
    sized = kinds_with_all(descriptor, descriptor.kind_tags_sized);
    headed = kinds_with_all(descriptor, descriptor.kind_tags_headed);
    if (!headed.empty()) heads = blocks(IndexPart::heads);
    if (sized.empty()) return;
    sizes = blocks(IndexPart::sizes).subspan(1);
    bounds = reinterpret_cast<const SizeBounds*>(blocks(IndexPart::sizes).data());
}

void IndexView::Section::open_patterns(const std::uint8_t* part) {
    const auto& head = *reinterpret_cast<const PatternHead*>(part);
    const auto* entries = reinterpret_cast<const PatternEntry*>(part + sizeof head);
    patterns.entries = {entries, head.count};
    patterns.texts = {reinterpret_cast<const char*>(entries + head.count), head.text_bytes};
    patterns.database = {part + pattern_database_at(head), head.database_bytes};
}

bool IndexView::Section::take_key(const SectionDescriptor& descriptor,
                                  std::span<const TagKey> keys) {
    const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
    if (!std::all_of(std::begin(descriptor.key), std::end(descriptor.key), is_zero)) {
        key = TagKey(descriptor.key);
        return true;
    }
    for (const TagKey& candidate : keys) {
        if (key_check(candidate) != descriptor.check) continue;
        key = candidate;
        return true;
    }
    return false;
}

void IndexView::close() {
    head_ = nullptr;
    section_count_ = 0;
    for (Section& section : sections_)
        section = Section{};
}

std::size_t IndexView::lookup(IndicatorKind kind, Bytes digest, std::uint64_t now_s, Match* out,
                              std::size_t max) const {
    Probe probe;
    prepare(kind, digest, &probe);
    return lookup(&probe, now_s, out, max);
}

// A bucket is on its way while the tag of the next section is keyed.
void IndexView::prepare(IndicatorKind kind, Bytes digest, Probe* probe) const {
    probe->kind = kind;
    probe->open = probe->found = 0;
    for (std::size_t i = 0; i < section_count_; ++i) {
        const Section& section = sections_[i];
        if (!section.kinds.has(kind)) continue;
        probe->tags[i] = keyed_tag(section.key, kind, digest);
        go_home(i, probe);
    }
}

void IndexView::prefetch(Probe* probe) const {
    probe->open = probe->found = 0;
    for (std::size_t i = 0; i < section_count_; ++i) {
        if (sections_[i].kinds.has(probe->kind)) go_home(i, probe);
    }
}

void IndexView::go_home(std::size_t i, Probe* probe) const {
    const Section& section = sections_[i];
    probe->open = static_cast<std::uint8_t>(probe->open | 1U << i);
    probe->buckets[i] = home_bucket(probe->tags[i], section.home_buckets);
    __builtin_prefetch(&section.buckets[probe->buckets[i]]);
}

// One look-up in eight goes on (index_format.h): its next bucket comes while others are compared.
void IndexView::compare(Probe* probe) const {
    unsigned left = probe->open;
    unsigned open = 0;
    for (; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        const Section& section = sections_[i];
        const Step step = section.compare(probe->tags[i], probe->buckets[i], &probe->slots[i]);
        if (step == Step::absent) continue;
        if (step == Step::found) {
            probe->found = static_cast<std::uint8_t>(probe->found | 1U << i);
            __builtin_prefetch(&section.numbers[probe->buckets[i]]);
        } else if (section.probe_max > 1) {
            open |= 1U << i;
            __builtin_prefetch(&section.buckets[++probe->buckets[i]]);
        }
    }
    probe->open = static_cast<std::uint8_t>(open);
}

std::size_t IndexView::lookup(Probe* probe, std::uint64_t now_s, Match* out,
                              std::size_t max) const {
    for (unsigned left = probe->open; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        if (sections_[i].find(probe->tags[i], &probe->buckets[i], &probe->slots[i]))
            probe->found = static_cast<std::uint8_t>(probe->found | 1U << i);
    }
    probe->open = 0;
    std::size_t count = 0;
    for (unsigned left = probe->found; left != 0 && count < max; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        const Section& section = sections_[i];
        if (now_s > section.not_after_s) continue;
        const std::uint32_t number = section.numbers[probe->buckets[i]].records[probe->slots[i]];
        const IndexRecord& record = section.records[number];
        if (now_s > record_end(record)) continue;
        out[count++] = {.reference = record.reference,
                        .size = record.size,
                        .section = static_cast<std::uint32_t>(i),
                        .source = record.source,
                        .category = record.category,
                        .flags = record.flags,
                        .kind = probe->kind,
                        .kinds = KindSet(record.kinds),
                        .added = added_in(record)};
    }
    return count;
}

// A tag that is all zero would be taken for an empty slot; a digest with such a tag comes once in
// 2^128 and would find record 0, which exists. One branch for four slots: nearly none is the tag,
// and which of them could be cannot be predicted.
IndexView::Step IndexView::Section::compare(const Tag& tag, std::uint32_t at,
                                            std::uint8_t* slot) const {
    const TagBucket& bucket = buckets[at];
    static_assert(index_bucket_slots == 4);
    const bool may_be_here = (bucket.tags[0].high == tag.high) | (bucket.tags[1].high == tag.high) |
                             (bucket.tags[2].high == tag.high) | (bucket.tags[3].high == tag.high);
    if (may_be_here) {
        for (std::uint8_t n = 0; n < index_bucket_slots; ++n) {
            if (bucket.tags[n] != tag) continue;
            *slot = n;
            return Step::found;
        }
    }
    return search_goes_on(bucket, tag) ? Step::next : Step::absent;
}

// From `*bucket` on, which is the home of the tag or was reached from there.
bool IndexView::Section::find(const Tag& tag, std::uint32_t* bucket, std::uint8_t* slot) const {
    const std::uint32_t home = home_bucket(tag, home_buckets);
    for (; *bucket - home < probe_max; ++*bucket) {
        const Step step = compare(tag, *bucket, slot);
        if (step != Step::next) return step == Step::found;
    }
    return false;
}

KindSet IndexView::plan(std::uint64_t now_s) const {
    KindSet kinds;
    for (std::size_t i = 0; i < section_count_; ++i) {
        if (now_s <= sections_[i].not_after_s) kinds = kinds | sections_[i].kinds;
    }
    return kinds;
}

Candidates IndexView::candidates(KindSet kinds, const Outline& outline, std::uint64_t now_s) const {
    Candidates found{{}, UINT64_MAX};
    for (std::size_t i = 0; i < section_count_; ++i) {
        const Section& section = sections_[i];
        if (!in_force(i, now_s)) continue;
        KindSet left = section.within_size(kinds & section.kinds, outline, &found.until);
        if (!(left & section.headed).empty()) {
            if (outline.head == nullptr)
                found.until = std::min(found.until, std::uint64_t{head_bytes});
            else if (!set_has(section.heads, head_value(keyed_head(section.key, *outline.head))))
                left = left.without(section.headed);
        }
        found.kinds = found.kinds | left;
    }
    return found;
}

// Without those of which the object has another size than all their files.
KindSet IndexView::Section::within_size(KindSet asked, const Outline& outline,
                                        std::uint64_t* until) const {
    KindSet left = asked & exact_kinds;
    if ((left & sized).empty()) return left;
    if (outline.size.has_value() && !set_has(sizes, *outline.size)) return left.without(sized);
    for (std::size_t k = 0; k < indicator_kind_count; ++k) {
        const auto kind = static_cast<IndicatorKind>(k);
        if (!(left & sized).has(kind)) continue;
        if (outline.size_least > bounds->largest[k])
            left = left.without({kind});
        else
            *until = std::min(*until, bounds->largest[k] + 1);
    }
    return left;
}

bool IndexView::asks_for_heads(std::uint64_t now_s) const {
    for (std::size_t i = 0; i < section_count_; ++i) {
        if (in_force(i, now_s) && !sections_[i].headed.empty()) return true;
    }
    return false;
}

bool IndexView::lab() const {
    return head_ != nullptr && head_->flags != 0;
}

std::uint64_t IndexView::generation() const {
    return head_ == nullptr ? 0 : head_->generation;
}

std::uint64_t IndexView::created_s() const {
    return head_ == nullptr ? 0 : head_->created_s;
}

std::uint64_t IndexView::indicator_count() const {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < section_count_; ++i)
        count += head_->sections[i].tag_count + sections_[i].patterns.entries.size();
    return count;
}

PatternPart IndexView::patterns(std::size_t section) const {
    INVARIANT(section < section_count_);
    return sections_[section].patterns;
}

Match IndexView::pattern_match(std::size_t section, std::size_t entry) const {
    const Section& in = sections_[section];
    const IndexRecord& record = in.records[in.patterns.entries[entry].record];
    return {.reference = record.reference,
            .size = 0,
            .section = static_cast<std::uint32_t>(section),
            .source = record.source,
            .category = record.category,
            .flags = record.flags,
            .kind = IndicatorKind::pattern,
            .kinds = KindSet(record.kinds),
            .added = added_in(record)};
}

SectionView IndexView::section(std::size_t number) const {
    INVARIANT(number < section_count_);
    const SectionDescriptor& found = head_->sections[number];
    return {.name = found.name,
            .kind = found.kind,
            .ceiling = found.ceiling,
            .purpose = found.purpose,
            .epoch = found.epoch,
            .generation = found.generation,
            .terms = found.terms,
            .has_key = sections_[number].has_key,
            .tag_count = found.tag_count,
            .kind_tags = found.kind_tags,
            .kind_tags_sized = found.kind_tags_sized,
            .kind_tags_headed = found.kind_tags_headed};
}

}  // namespace cordon
