#include "control/sync/index_trial.h"

#include <algorithm>

#include "dataplane/contract/index_verify.h"

namespace cordon::sync {
namespace {

Tag tag_of(const feed::FeedRecord& record) {
    return {load_le64(record.tag.data()), load_le64(record.tag.data() + 8)};
}

class SectionLookup {
  public:
    SectionLookup(Bytes image, const SectionDescriptor& section)
        : section_(section),
          buckets_(part<TagBucket>(image, IndexPart::tags)),
          numbers_(part<NumberBucket>(image, IndexPart::numbers)),
          records_(part<IndexRecord>(image, IndexPart::records)) {}

    const IndexRecord* find(const Tag& tag) const {
        if (section_.tag_count == 0) return nullptr;
        for (std::uint32_t at = home_bucket(tag, section_.home_buckets);; ++at) {
            for (std::size_t slot = 0; slot < index_bucket_slots; ++slot) {
                if (buckets_[at].tags[slot] == tag) return &records_[numbers_[at].records[slot]];
            }
            if (!search_goes_on(buckets_[at], tag)) return nullptr;
        }
    }
    KindSet kinds() const {
        KindSet kinds;
        for (const IndicatorKind kind : exact_kind_list)
            if (section_.kind_tags[static_cast<std::size_t>(kind)] != 0) kinds.add(kind);
        return kinds;
    }

  private:
    template <typename Struct>
    const Struct* part(Bytes image, IndexPart which) const {
        const std::uint64_t offset = section_.parts[static_cast<std::size_t>(which)].offset;
        return reinterpret_cast<const Struct*>(image.data() + offset);
    }

    const SectionDescriptor& section_;
    const TagBucket* buckets_;
    const NumberBucket* numbers_;
    const IndexRecord* records_;
};

const SectionDescriptor* section_of(const IndexHead& head, std::string_view name,
                                    std::uint32_t epoch) {
    for (std::uint32_t i = 0; i < head.section_count; ++i) {
        const SectionDescriptor& section = head.sections[i];
        if (section.name == name && section.epoch == epoch) return &section;
    }
    return nullptr;
}

Failure refused(const FeedInForce& feed, const std::string& why) {
    return failure(ErrorCode::integrity, "the index made of " + feed.name + " " + why);
}

Result<void> try_answers(const SectionLookup& section, const FeedInForce& feed) {
    const std::vector<feed::FeedRecord>& records = feed.set.records.records();
    const std::size_t step = records.size() / answers_max + 1;
    for (std::size_t i = 0; i < records.size(); i += step) {
        if (!exact_kinds.has(records[i].kind)) continue;
        const IndexRecord* found = section.find(tag_of(records[i]));
        if (found == nullptr || found->reference != records[i].reference)
            return refused(feed, "does not find reference " + std::to_string(records[i].reference));
        Tag other = tag_of(records[i]);
        other.low = ~other.low;
        if (section.find(other) != nullptr) return refused(feed, "finds what is not listed");
    }
    return {};
}

// What they are compiled to is the dataplane's to open: here it counts that all are there, each as
// the indicator that it is.
Result<void> try_patterns(Bytes image, const IndexHead& head, const SectionDescriptor& section,
                          const FeedInForce& feed) {
    std::vector<std::uint64_t> there, wanted;
    const auto& part = section.parts[static_cast<std::size_t>(IndexPart::records)];
    const auto* records = reinterpret_cast<const IndexRecord*>(image.data() + part.offset);
    for (const IndexRecord& record : std::span(records, section.record_count))
        if (KindSet(record.kinds).has(IndicatorKind::pattern)) there.push_back(record.reference);
    const bool lab = (head.flags & static_cast<std::uint32_t>(IndexFlag::lab)) != 0;
    for (const feed::FeedRecord& record : feed.set.records.records())
        if (lab && record.kind == IndicatorKind::pattern) wanted.push_back(record.reference);
    std::sort(there.begin(), there.end());
    std::sort(wanted.begin(), wanted.end());
    return there == wanted ? Result<void>() : refused(feed, "has not its patterns");
}

Result<void> try_local(Bytes image, const IndexHead& head, const LocalInForce& local) {
    const SectionDescriptor* found =
        section_of(head, LocalInForce::section_name, LocalInForce::epoch);
    if (found == nullptr) return failure(ErrorCode::integrity, "the local list has no section");
    const SectionLookup section(image, *found);
    for (const KeyedIndicator& entry : local.entries) {
        const IndexRecord* record = section.find(entry.tag);
        if (record == nullptr || record->reference != entry.reference ||
            record_end(*record) != entry.not_after_s)
            return failure(ErrorCode::integrity, "the index does not find entry " +
                                                     std::to_string(entry.reference) +
                                                     " of the local list");
    }
    return {};
}

}  // namespace

Result<void> refuse_known_file(IndicatorKind kind, Bytes digest, feed::KnownFiles& files) {
    Result<void> innocent;
    const Result<void> looked =
        files.each(KindSet{kind}, [&](const std::string& path, const feed::FileDigests& file) {
            const Bytes own = file.of(kind);
            if (std::equal(own.begin(), own.end(), digest.begin(), digest.end()))
                innocent = failure(ErrorCode::refused,
                                   path + " of this system has this digest: it must not be listed");
        });
    return innocent ? looked : innocent;
}

Result<void> try_index(Bytes image, const std::vector<FeedInForce>& feeds,
                       const LocalInForce* local, feed::KnownFiles& files) {
    const char* why = "";
    if (verify_index(image, &why) != IndexStatus::ok)
        return failure(ErrorCode::integrity, std::string("the index that was built: ") + why);
    const auto& head = *reinterpret_cast<const IndexHead*>(image.data());
    struct Tried {
        const FeedInForce& feed;
        SectionLookup section;
        TagKey key;
    };
    std::vector<Tried> tried;
    for (const FeedInForce& feed : feeds) {
        const SectionDescriptor* section = section_of(head, feed.name, feed.generation.epoch);
        if (section == nullptr) return refused(feed, "has no section of that name");
        tried.push_back({feed, {image, *section}, TagKey(feed.key.bytes)});
        if (const auto ok = try_answers(tried.back().section, feed); !ok) return ok;
        if (const auto ok = try_patterns(image, head, *section, feed); !ok) return ok;
    }
    if (local != nullptr) {
        if (const auto ok = try_local(image, head, *local); !ok) return ok;
    }
    if (tried.empty()) return {};
    KindSet kinds;
    for (const Tried& one : tried)
        kinds = kinds | one.section.kinds();
    if (kinds.empty()) return {};
    Result<void> innocent;
    const auto look = [&](const std::string& path, const feed::FileDigests& file) {
        for (const Tried& one : tried) {
            for (const IndicatorKind kind : exact_kind_list) {
                if (!innocent || !one.section.kinds().has(kind)) continue;
                const IndexRecord* hit = one.section.find(keyed_tag(one.key, kind, file.of(kind)));
                if (hit == nullptr) continue;
                innocent = refused(one.feed, "lists " + path + " of this system (reference " +
                                                 std::to_string(hit->reference) + ")");
            }
        }
    };
    const Result<void> looked = files.each(kinds, look);
    return innocent ? looked : innocent;
}

}  // namespace cordon::sync
