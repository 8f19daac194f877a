#include "control/index/feed_index.h"

#include <algorithm>

namespace cordon {
namespace {

KeyedIndicator indicator_of(const feed::FeedRecord& record, std::uint64_t added_in) {
    KeyedIndicator out = {
        .tag = {load_le64(record.tag.data()), load_le64(record.tag.data() + 8)},
        .kind = record.kind,
        .reference = record.reference,
        .source = record.source,
        .category = record.category,
        .flags = static_cast<std::uint8_t>(record.flags & record_flag::restraints),
        .added_in = added_in};
    if ((record.flags & record_flag::has_size) != 0) out.size = record.size;
    if ((record.flags & record_flag::has_head) != 0) out.head = record.head;
    return out;
}

// Not by its tag: `patterns` has those that are to be found, opened.
bool is_sealed(IndicatorKind kind) {
    return kind == IndicatorKind::pattern || kind == IndicatorKind::pdq;
}

struct Place {
    std::uint64_t reference;
    std::uint32_t record;
};

// A feed has its records by tag; those of one indicator share a record when they come together.
// Sorted with its reference beside it: to look each one up in its record would miss the cache.
std::vector<Place> by_reference(std::span<const feed::FeedRecord> records) {
    std::vector<Place> order;
    order.reserve(records.size());
    for (const feed::FeedRecord& record : records)
        order.push_back({record.reference, static_cast<std::uint32_t>(order.size())});
    std::sort(order.begin(), order.end(), [](const Place& a, const Place& b) {
        return a.reference != b.reference ? a.reference < b.reference : a.record < b.record;
    });
    return order;
}

Result<void> add_feed(const FeedSection& feed, IndexBuilder* builder) {
    if (feed.info.kind != SectionKind::feed)
        return failure(ErrorCode::refused, "the section " + feed.info.name + " is of no feed");
    if (feed.records.size() > index_tags_max)
        return failure(ErrorCode::refused, "the list " + feed.info.name + " is too large");
    if (!feed.added_in.empty() && feed.added_in.size() != feed.records.size())
        return failure(ErrorCode::refused,
                       "the generations of " + feed.info.name + " are not those of its records");
    const Result<std::uint32_t> section = builder->add_keyed_section(feed.info, feed.check);
    if (!section) return Failure(section.error());
    builder->expect(*section, feed.records.size());
    for (const auto& [reference, at] : by_reference(feed.records)) {
        if (is_sealed(feed.records[at].kind)) continue;
        const std::uint64_t added_in = feed.added_in.empty() ? 0 : feed.added_in[at];
        const AddOutcome outcome =
            builder->add_keyed(*section, indicator_of(feed.records[at], added_in));
        if (outcome != AddOutcome::added)
            return failure(ErrorCode::integrity, "indicator " + std::to_string(reference) + " of " +
                                                     feed.info.name + ": " +
                                                     add_outcome_text(outcome));
    }
    for (const PatternIndicator& pattern : feed.patterns) {
        std::string why;
        const AddOutcome outcome = builder->add_pattern(*section, pattern, &why);
        if (outcome != AddOutcome::added)
            return failure(ErrorCode::integrity, "pattern " + std::to_string(pattern.reference) +
                                                     " of " + feed.info.name + ": " +
                                                     add_outcome_text(outcome) +
                                                     (why.empty() ? "" : ": " + why));
    }
    return {};
}

Result<void> add_local(const LocalSection& local, IndexBuilder* builder) {
    if (local.info.kind != SectionKind::local)
        return failure(ErrorCode::refused, "the section " + local.info.name + " is no local one");
    const Result<std::uint32_t> section = builder->add_keyed_section(local.info, local.check);
    if (!section) return Failure(section.error());
    for (const KeyedIndicator& entry : local.entries) {
        const AddOutcome outcome = builder->add_keyed(*section, entry);
        if (outcome != AddOutcome::added)
            return failure(ErrorCode::integrity,
                           "entry " + std::to_string(entry.reference) +
                               " of the local list: " + add_outcome_text(outcome));
    }
    return {};
}

template <typename Build>
Result<BuildReport> build_from_feeds(const FeedIndexOptions& options, Build&& build) {
    IndexBuilder builder(options.index);
    BuildReport report;
    for (const FeedSection& feed : options.feeds) {
        if (const Result<void> added = add_feed(feed, &builder); !added)
            return Failure(added.error());
    }
    if (options.local != nullptr) {
        if (const Result<void> added = add_local(*options.local, &builder); !added)
            return Failure(added.error());
    }
    const Result<BuiltIndex> built = build(builder);
    if (!built) return Failure(built.error());
    report.built = *built;
    return report;
}

}  // namespace

Result<BuildReport> build_feed_index(const FeedIndexOptions& options, const std::string& path) {
    return build_from_feeds(options, [&](IndexBuilder& builder) { return builder.build(path); });
}

Result<BuildReport> build_feed_index(const FeedIndexOptions& options, AlignedBytes* image) {
    return build_from_feeds(options,
                            [&](IndexBuilder& builder) { return builder.build_image(image); });
}

}  // namespace cordon
