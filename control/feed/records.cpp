#include "control/feed/records.h"

#include <algorithm>

#include "control/feed/sealed_part.h"
#include "dataplane/base/invariant.h"

namespace cordon::feed {
namespace {

constexpr std::string_view magic = "CDNREC01";
constexpr std::size_t head_size = 96;
constexpr std::size_t section_size = 24;
constexpr std::size_t tag_size = 16;
constexpr RecordSection sections[] = {RecordSection::exact, RecordSection::exact_sized,
                                      RecordSection::exact_headed, RecordSection::perceptual,
                                      RecordSection::patterns};

// What all records of the section have; only patterns have more.
constexpr std::size_t record_size(RecordSection section) {
    constexpr std::size_t sizes[] = {0, 28, 36, 44, 28 + sealed_hash_bytes, 30};
    return sizes[static_cast<std::size_t>(section)];
}

// What all of them have before what is sealed.
constexpr std::size_t fixed_size(RecordSection section) {
    return section == RecordSection::perceptual ? 28 : record_size(section);
}

// A record of the section is at least as long.
constexpr std::size_t record_size_least(RecordSection section) {
    return record_size(section) + (section == RecordSection::patterns ? sealed_text_bytes_min : 0);
}

template <typename T>
void put(std::string* out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        *out += static_cast<char>(value >> (8 * i) & 0xff);
}

void store_le(std::uint8_t* at, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i)
        at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t get(Bytes bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value |= std::uint64_t{bytes[at + i]} << (8 * i);
    return value;
}

void put_bytes(std::string* out, Bytes bytes) {
    out->append(as_text(bytes));
}

bool has_size(RecordSection section) {
    return section == RecordSection::exact_sized || section == RecordSection::exact_headed;
}

// A record as it is written, and what its hash is made of: the section, then the record.
class PackedRecord {
  public:
    explicit PackedRecord(const FeedRecord& record)
        : size_(fixed_size(record.section())), sealed_(record.sealed.bytes()) {
        const RecordSection section = record.section();
        fixed_[0] = static_cast<std::uint8_t>(section);
        std::uint8_t* const at = fixed_.data() + 1;
        std::memcpy(at, record.tag.data(), tag_size);
        store_le(at + 16, record.reference, 6);
        at[22] = static_cast<std::uint8_t>(record.kind);
        at[23] = record.flags;
        store_le(at + 24, record.source, 2);
        at[26] = record.category;
        at[27] = record.distance;
        if (has_size(section)) store_le(at + 28, record.size, 8);
        if (section == RecordSection::exact_headed)
            std::memcpy(at + 36, record.head.data(), record.head.size());
        if (section == RecordSection::patterns) store_le(at + 28, sealed_.size(), 2);
    }
    void append_to(std::string* out) const {
        put_bytes(out, Bytes(fixed_).subspan(1, size_));
        put_bytes(out, sealed_);
    }
    Hash hash() const {
        const Bytes fixed = Bytes(fixed_).first(1 + size_);
        if (sealed_.empty()) return sha256(fixed);
        std::string all(as_text(fixed));
        put_bytes(&all, sealed_);
        return sha256(as_bytes(all));
    }

  private:
    std::array<std::uint8_t, 1 + 44> fixed_ = {};
    std::size_t size_;  // without the section
    Bytes sealed_;      // the record's
};

Failure malformed(const std::string& why) {
    return failure(ErrorCode::integrity, "malformed records: " + why);
}

// The rest of the file, taken from the front.
class Cursor {
  public:
    explicit Cursor(Bytes bytes) : rest_(bytes) {}
    Bytes take(std::size_t size) {
        INVARIANT(size <= rest_.size());
        const Bytes part = rest_.first(size);
        rest_ = rest_.subspan(size);
        return part;
    }
    std::size_t left() const { return rest_.size(); }

  private:
    Bytes rest_;
};

// False when a reader of this version must not accept it. Of a pattern it is all but its text.
bool get_record(Bytes bytes, RecordSection section, FeedRecord* record) {
    std::copy_n(bytes.begin(), tag_size, record->tag.begin());
    record->reference = get(bytes, 16, 6);
    record->kind = static_cast<IndicatorKind>(bytes[22]);
    record->flags = bytes[23];
    record->source = static_cast<std::uint16_t>(get(bytes, 24, 2));
    record->category = bytes[26];
    record->distance = bytes[27];
    if (has_size(section)) record->size = get(bytes, 28, 8);
    if (section == RecordSection::exact_headed)
        std::copy_n(bytes.begin() + 36, record->head.size(), record->head.begin());
    if (section == RecordSection::perceptual) record->sealed = SealedBytes(bytes.subspan(28));
    const bool headed = (record->flags & record_flag::has_head) != 0;
    const bool sized = (record->flags & record_flag::has_size) != 0;
    const bool exact = bytes[22] < indicator_kind_count && exact_kinds.has(record->kind);
    const bool is_picture = record->kind == IndicatorKind::pdq;
    return (exact || is_picture || record->kind == IndicatorKind::pattern) &&
           record->distance <= (is_picture ? pdq_distance_max : 0) &&
           (record->flags & ~(exact ? record_flag::of_feed : record_flag::restraints)) == 0 &&
           (sized || !headed) && record->section() == section;
}

// Its length stands before it.
bool get_text(Cursor* cursor, std::size_t length, FeedRecord* record) {
    if (length < sealed_text_bytes_min || length > sealed_text_bytes_max || length > cursor->left())
        return false;
    record->sealed = SealedBytes(cursor->take(length));
    return true;
}

bool by_tag(const FeedRecord& a, const FeedRecord& b) {
    return a.tag < b.tag;
}

std::uint64_t count_in(std::span<const FeedRecord> records, RecordSection section) {
    return static_cast<std::uint64_t>(
        std::count_if(records.begin(), records.end(),
                      [&](const FeedRecord& r) { return r.section() == section; }));
}

struct SectionEntry {
    RecordSection section;
    std::uint64_t removed;
    std::uint64_t added;
};

Result<SectionEntry> read_entry(Bytes bytes, std::size_t last) {
    const std::uint64_t id = get(bytes, 0, 4);
    if (id > static_cast<std::size_t>(RecordSection::patterns))
        return malformed("section " + std::to_string(id) +
                         " is of a newer version of the format: this program needs an upgrade");
    if (id <= last) return malformed("section " + std::to_string(id) + " is not in its place");
    const auto section = static_cast<RecordSection>(id);
    if (get(bytes, 4, 4) != record_size(section)) return malformed("another size of record");
    return SectionEntry{section, get(bytes, 8, 8), get(bytes, 16, 8)};
}

// Each list is in order within its section, which is appended to those before it.
Result<void> read_section(const SectionEntry& entry, Cursor* cursor, RecordFile* file) {
    const std::size_t size = record_size(entry.section);
    const std::size_t least = record_size_least(entry.section);
    // Counts come from the file: what they ask for must be there before anything is reserved.
    if (entry.removed > cursor->left() / tag_size) return malformed("truncated");
    if (entry.added > (cursor->left() - entry.removed * tag_size) / least)
        return malformed("truncated");
    file->removed.reserve(file->removed.size() + entry.removed);
    file->added.reserve(file->added.size() + entry.added);
    for (std::uint64_t i = 0; i < entry.removed; ++i) {
        const Bytes tag = cursor->take(tag_size);
        FeedRecord record;
        std::copy(tag.begin(), tag.end(), record.tag.begin());
        if (has_size(entry.section)) record.flags |= record_flag::has_size;
        if (entry.section == RecordSection::exact_headed) record.flags |= record_flag::has_head;
        if (entry.section == RecordSection::perceptual) record.kind = IndicatorKind::pdq;
        if (entry.section == RecordSection::patterns) record.kind = IndicatorKind::pattern;
        if (i > 0 && !by_tag(file->removed.back(), record)) return malformed("tags out of order");
        file->removed.push_back(record);
    }
    for (std::uint64_t i = 0; i < entry.added; ++i) {
        FeedRecord record;
        if (cursor->left() < size) return malformed("truncated");
        const Bytes fixed = cursor->take(size);
        if (!get_record(fixed, entry.section, &record))
            return malformed("a record with a kind, flag or reserved byte that is not allowed");
        if (entry.section == RecordSection::patterns &&
            !get_text(cursor, get(fixed, 28, 2), &record))
            return malformed("the text of a pattern is truncated, too short or too long");
        if (i > 0 && !by_tag(file->added.back(), record)) return malformed("tags out of order");
        file->added.push_back(record);
    }
    return {};
}

// Sections came one behind the other; from here on all are by tag. One section is so already.
bool sort_unique(std::vector<FeedRecord>* records) {
    if (!std::is_sorted(records->begin(), records->end(), by_tag))
        std::sort(records->begin(), records->end(), by_tag);
    return std::adjacent_find(records->begin(), records->end(),
                              [](const FeedRecord& a, const FeedRecord& b) {
                                  return a.tag == b.tag;
                              }) == records->end();
}

Hash record_hash(const FeedRecord& record) {
    return PackedRecord(record).hash();
}

std::uint64_t word_of(const Hash& hash, std::size_t i) {
    std::uint64_t value;
    std::memcpy(&value, hash.data() + 8 * (3 - i), 8);
    return __builtin_bswap64(value);
}

Failure another_state() {
    return malformed("the set is another one than was signed (state)");
}

Result<void> check_counts(const RecordSet& set) {
    if (set.records().size() > records_max) return malformed("too many records");
    if (set.count(IndicatorKind::pattern) > limits::patterns_max)
        return malformed("too many patterns");
    return {};
}

std::string name_of_tag(const FeedRecord& record) {
    return to_hex(Bytes(record.tag).first(4)) + "…";
}

}  // namespace

RecordSection FeedRecord::section() const {
    if (kind == IndicatorKind::pdq) return RecordSection::perceptual;
    if (kind == IndicatorKind::pattern) return RecordSection::patterns;
    if ((flags & record_flag::has_head) != 0) return RecordSection::exact_headed;
    if ((flags & record_flag::has_size) != 0) return RecordSection::exact_sized;
    return RecordSection::exact;
}

void State::add(const FeedRecord& record) {
    const Hash hash = record_hash(record);
    bool carry = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        unsigned long long sum = 0;
        const bool first = __builtin_uaddll_overflow(words[i], word_of(hash, i), &sum);
        const bool second = __builtin_uaddll_overflow(sum, carry, &sum);
        words[i] = sum;
        carry = first || second;
    }
}

void State::subtract(const FeedRecord& record) {
    const Hash hash = record_hash(record);
    bool borrow = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        unsigned long long rest = 0;
        const bool first = __builtin_usubll_overflow(words[i], word_of(hash, i), &rest);
        const bool second = __builtin_usubll_overflow(rest, borrow, &rest);
        words[i] = rest;
        borrow = first || second;
    }
}

Hash State::bytes() const {
    Hash hash;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint64_t value = __builtin_bswap64(words[i]);
        std::memcpy(hash.data() + 8 * (3 - i), &value, 8);
    }
    return hash;
}

namespace {

// Of `about` only the head is written.
std::string encode(const RecordFile& about, std::span<const FeedRecord> removed,
                   std::span<const FeedRecord> added) {
    std::vector<SectionEntry> entries;
    std::size_t bytes = head_size;
    for (const RecordSection section : sections) {
        const SectionEntry entry = {section, count_in(removed, section), count_in(added, section)};
        if (entry.removed + entry.added == 0) continue;
        entries.push_back(entry);
        bytes += section_size + entry.removed * tag_size + entry.added * record_size(section);
    }
    std::string out;
    out.reserve(bytes);
    out += magic;
    put(&out, about.base);
    put(&out, about.generation);
    put(&out, about.epoch);
    put(&out, static_cast<std::uint32_t>(entries.size()));
    put_bytes(&out, about.state);
    put_bytes(&out, about.check);
    out.append(head_size - out.size(), '\0');
    for (const SectionEntry& entry : entries) {
        put(&out, static_cast<std::uint32_t>(entry.section));
        put(&out, static_cast<std::uint32_t>(record_size(entry.section)));
        put(&out, entry.removed);
        put(&out, entry.added);
    }
    for (const SectionEntry& entry : entries) {
        for (const FeedRecord& record : removed) {
            if (record.section() == entry.section) put_bytes(&out, record.tag);
        }
        for (const FeedRecord& record : added) {
            if (record.section() == entry.section) PackedRecord(record).append_to(&out);
        }
    }
    return out;
}

}  // namespace

std::string encode_records(const RecordFile& file) {
    return encode(file, file.removed, file.added);
}

std::string encode_set(const RecordSet& set, std::uint64_t generation, std::uint32_t epoch) {
    RecordFile head;
    head.generation = generation;
    head.epoch = epoch;
    head.state = set.state().bytes();
    return encode(head, {}, set.records());
}

Result<RecordFile> decode_records(Bytes bytes) {
    if (bytes.size() > record_file_bytes_max) return malformed("too long");
    if (bytes.size() < head_size || !as_text(bytes).starts_with(magic))
        return malformed("not a file of records of this version");
    Cursor cursor(bytes);
    const Bytes head = cursor.take(head_size);
    RecordFile file;
    file.base = get(head, 8, 8);
    file.generation = get(head, 16, 8);
    file.epoch = static_cast<std::uint32_t>(get(head, 24, 4));
    const std::uint64_t section_count = get(head, 28, 4);
    std::copy_n(head.begin() + 32, file.state.size(), file.state.begin());
    std::copy_n(head.begin() + 64, file.check.size(), file.check.begin());
    if (std::any_of(head.begin() + 80, head.end(), [](std::uint8_t byte) { return byte != 0; }))
        return malformed("reserved bytes are in use");
    if (file.generation <= file.base) return malformed("the generation does not rise");
    if (section_count > std::size(sections)) return malformed("too many sections");
    if (cursor.left() < section_count * section_size) return malformed("truncated");
    std::vector<SectionEntry> entries;
    std::size_t last = 0;
    for (std::uint64_t i = 0; i < section_count; ++i) {
        const Result<SectionEntry> entry = read_entry(cursor.take(section_size), last);
        if (!entry) return Failure(entry.error());
        last = static_cast<std::size_t>(entry->section);
        entries.push_back(*entry);
    }
    for (const SectionEntry& entry : entries) {
        if (const Result<void> read = read_section(entry, &cursor, &file); !read)
            return Failure(read.error());
    }
    if (cursor.left() != 0) return malformed("bytes behind the last section");
    if (file.added.size() > records_max) return malformed("too many records");
    if (!sort_unique(&file.removed) || !sort_unique(&file.added)) return malformed("a tag twice");
    if (file.base == 0 && !file.removed.empty()) return malformed("a full set removes nothing");
    return file;
}

Result<RecordSet> RecordSet::of(std::vector<FeedRecord> records) {
    if (!sort_unique(&records)) return malformed("a tag twice");
    RecordSet set;
    set.records_ = std::move(records);
    for (const FeedRecord& record : set.records_)
        set.state_.add(record);
    return set;
}

Result<RecordSet> RecordSet::begun_by(RecordFile file) {
    if (!file.removed.empty())
        return malformed("removes " + name_of_tag(file.removed.front()) + ", which is not there");
    Result<RecordSet> set = of(std::move(file.added));
    if (!set) return set;
    if (const Result<void> few = check_counts(*set); !few) return Failure(few.error());
    if (set->state_.bytes() != file.state) return another_state();
    return set;
}

std::uint64_t RecordSet::count(IndicatorKind kind) const {
    return static_cast<std::uint64_t>(
        std::count_if(records_.begin(), records_.end(),
                      [kind](const FeedRecord& record) { return record.kind == kind; }));
}

Result<RecordSet> RecordSet::apply(const RecordFile& file) const {
    RecordSet next;
    next.state_ = state_;
    next.records_.reserve(records_.size() + file.added.size());
    auto removed = file.removed.begin();
    for (const FeedRecord& record : records_) {
        if (removed != file.removed.end() && removed->tag < record.tag) break;
        if (removed == file.removed.end() || removed->tag != record.tag) {
            next.records_.push_back(record);
            continue;
        }
        if (removed->section() != record.section()) break;
        next.state_.subtract(record);
        ++removed;
    }
    if (removed != file.removed.end())
        return malformed("removes " + name_of_tag(*removed) + ", which is not there");
    const auto kept = static_cast<std::ptrdiff_t>(next.records_.size());
    for (const FeedRecord& record : file.added) {
        next.records_.push_back(record);
        next.state_.add(record);
    }
    std::inplace_merge(next.records_.begin(), next.records_.begin() + kept, next.records_.end(),
                       by_tag);
    for (std::size_t i = 1; i < next.records_.size(); ++i) {
        if (next.records_[i - 1].tag == next.records_[i].tag)
            return malformed("adds " + name_of_tag(next.records_[i]) + ", which is there");
    }
    if (const Result<void> few = check_counts(next); !few) return Failure(few.error());
    if (next.state_.bytes() != file.state) return another_state();
    return next;
}

namespace {

// Both are by tag.
template <typename Removed, typename Added>
void compare(const std::vector<FeedRecord>& from, const std::vector<FeedRecord>& to,
             Removed&& removed, Added&& added) {
    auto old = from.begin();
    auto now = to.begin();
    while (old != from.end() || now != to.end()) {
        const bool only_old = now == to.end() || (old != from.end() && old->tag < now->tag);
        const bool only_now = old == from.end() || (now != to.end() && now->tag < old->tag);
        const bool same = !only_old && !only_now && *old == *now;
        if (!only_now) {
            if (!same) removed(*old);
            ++old;
        }
        if (!only_old) {
            if (!same) added(*now);
            ++now;
        }
    }
}

}  // namespace

void RecordSet::changes_to(const RecordSet& next, RecordFile* file) const {
    compare(
        records_, next.records_, [&](const FeedRecord& one) { file->removed.push_back(one); },
        [&](const FeedRecord& one) { file->added.push_back(one); });
    file->state = next.state_.bytes();
}

RecordSet::Changes RecordSet::count_changes(const RecordSet& next) const {
    Changes changes;
    compare(
        records_, next.records_, [&](const FeedRecord&) { ++changes.removed; },
        [&](const FeedRecord&) { ++changes.added; });
    return changes;
}

}  // namespace cordon::feed
