#include "control/feed/records.h"

#include <algorithm>

#include "dataplane/base/invariant.h"

namespace cordon::feed {
namespace {

constexpr std::string_view magic = "CDNREC01";
constexpr std::size_t head_size = 96;
constexpr std::size_t section_size = 24;
constexpr std::size_t tag_size = 16;
constexpr RecordSection sections[] = {RecordSection::exact, RecordSection::exact_sized,
                                      RecordSection::exact_headed};

constexpr std::size_t record_size(RecordSection section) {
    constexpr std::size_t sizes[] = {0, 28, 36, 44};
    return sizes[static_cast<std::size_t>(section)];
}

template <typename T>
void put(std::string* out, T value, std::size_t bytes = sizeof(T)) {
    for (std::size_t i = 0; i < bytes; ++i)
        *out += static_cast<char>(value >> (8 * i) & 0xff);
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

void put_record(const FeedRecord& record, std::string* out) {
    put_bytes(out, record.tag);
    put(out, record.reference, 6);
    put(out, static_cast<std::uint8_t>(record.kind));
    put(out, record.flags);
    put(out, record.source);
    put(out, record.category);
    put(out, std::uint8_t{0});
    const RecordSection section = record.section();
    if (section != RecordSection::exact) put(out, record.size);
    if (section == RecordSection::exact_headed) put_bytes(out, record.head);
}

Failure malformed(const std::string& why) {
    return failure(ErrorCode::integrity, "malformed records: " + why);
}

// False when a reader of this version must not accept it.
bool get_record(Bytes bytes, RecordSection section, FeedRecord* record) {
    std::copy_n(bytes.begin(), tag_size, record->tag.begin());
    record->reference = get(bytes, 16, 6);
    record->kind = static_cast<IndicatorKind>(bytes[22]);
    record->flags = bytes[23];
    record->source = static_cast<std::uint16_t>(get(bytes, 24, 2));
    record->category = bytes[26];
    if (section != RecordSection::exact) record->size = get(bytes, 28, 8);
    if (section == RecordSection::exact_headed)
        std::copy_n(bytes.begin() + 36, record->head.size(), record->head.begin());
    const bool headed = (record->flags & record_flag::has_head) != 0;
    const bool sized = (record->flags & record_flag::has_size) != 0;
    return bytes[22] < indicator_kind_count && exact_kinds.has(record->kind) && bytes[27] == 0 &&
           (record->flags & ~record_flag::of_feed) == 0 && (sized || !headed) &&
           record->section() == section;
}

bool by_tag(const FeedRecord& a, const FeedRecord& b) {
    return a.tag < b.tag;
}

std::uint64_t count_in(const std::vector<FeedRecord>& records, RecordSection section) {
    return static_cast<std::uint64_t>(
        std::count_if(records.begin(), records.end(),
                      [&](const FeedRecord& r) { return r.section() == section; }));
}

struct SectionEntry {
    RecordSection section;
    std::uint64_t removed;
    std::uint64_t added;
};

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

Result<SectionEntry> read_entry(Bytes bytes, std::size_t last) {
    const std::uint64_t id = get(bytes, 0, 4);
    if (id <= last || id > static_cast<std::size_t>(RecordSection::exact_headed))
        return malformed("section " + std::to_string(id) + " is unknown, or not in its place");
    const auto section = static_cast<RecordSection>(id);
    if (get(bytes, 4, 4) != record_size(section)) return malformed("another size of record");
    return SectionEntry{section, get(bytes, 8, 8), get(bytes, 16, 8)};
}

Result<void> read_section(const SectionEntry& entry, Cursor* cursor, RecordFile* file) {
    const std::size_t size = record_size(entry.section);
    // Counts come from the file: what they ask for must be there before anything is reserved.
    if (entry.removed > cursor->left() / tag_size) return malformed("truncated");
    if (entry.added > (cursor->left() - entry.removed * tag_size) / size)
        return malformed("truncated");
    for (std::uint64_t i = 0; i < entry.removed; ++i) {
        const Bytes tag = cursor->take(tag_size);
        FeedRecord record;
        std::copy(tag.begin(), tag.end(), record.tag.begin());
        if (entry.section != RecordSection::exact) record.flags |= record_flag::has_size;
        if (entry.section == RecordSection::exact_headed) record.flags |= record_flag::has_head;
        if (i > 0 && !by_tag(file->removed.back(), record)) return malformed("tags out of order");
        file->removed.push_back(record);
    }
    for (std::uint64_t i = 0; i < entry.added; ++i) {
        FeedRecord record;
        if (!get_record(cursor->take(size), entry.section, &record))
            return malformed("a record with a kind, flag or reserved byte that is not allowed");
        if (i > 0 && !by_tag(file->added.back(), record)) return malformed("tags out of order");
        file->added.push_back(record);
    }
    return {};
}

// Sections came one behind the other; from here on all are by tag.
bool sort_unique(std::vector<FeedRecord>* records) {
    std::sort(records->begin(), records->end(), by_tag);
    return std::adjacent_find(records->begin(), records->end(),
                              [](const FeedRecord& a, const FeedRecord& b) {
                                  return a.tag == b.tag;
                              }) == records->end();
}

Hash record_hash(const FeedRecord& record) {
    std::string bytes(1, static_cast<char>(record.section()));
    put_record(record, &bytes);
    return sha256(as_bytes(bytes));
}

std::uint64_t word_of(const Hash& hash, std::size_t i) {
    std::uint64_t value;
    std::memcpy(&value, hash.data() + 8 * (3 - i), 8);
    return __builtin_bswap64(value);
}

std::string name_of_tag(const FeedRecord& record) {
    return to_hex(Bytes(record.tag).first(4)) + "…";
}

}  // namespace

RecordSection FeedRecord::section() const {
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

std::string encode_records(const RecordFile& file) {
    std::vector<SectionEntry> entries;
    for (const RecordSection section : sections) {
        const SectionEntry entry = {section, count_in(file.removed, section),
                                    count_in(file.added, section)};
        if (entry.removed + entry.added != 0) entries.push_back(entry);
    }
    std::string out(magic);
    put(&out, file.base);
    put(&out, file.generation);
    put(&out, file.epoch);
    put(&out, static_cast<std::uint32_t>(entries.size()));
    put_bytes(&out, file.state);
    put_bytes(&out, file.check);
    out.append(head_size - out.size(), '\0');
    for (const SectionEntry& entry : entries) {
        put(&out, static_cast<std::uint32_t>(entry.section));
        put(&out, static_cast<std::uint32_t>(record_size(entry.section)));
        put(&out, entry.removed);
        put(&out, entry.added);
    }
    for (const SectionEntry& entry : entries) {
        for (const FeedRecord& record : file.removed) {
            if (record.section() == entry.section) put_bytes(&out, record.tag);
        }
        for (const FeedRecord& record : file.added) {
            if (record.section() == entry.section) put_record(record, &out);
        }
    }
    return out;
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
    // Each list is in order within its section; checked there before the next one is appended.
    for (const SectionEntry& entry : entries) {
        RecordFile part;
        if (const Result<void> read = read_section(entry, &cursor, &part); !read)
            return Failure(read.error());
        file.removed.insert(file.removed.end(), part.removed.begin(), part.removed.end());
        file.added.insert(file.added.end(), part.added.begin(), part.added.end());
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
    if (next.records_.size() > records_max) return malformed("too many records");
    if (next.state_.bytes() != file.state)
        return malformed("the set is another one than was signed (state)");
    return next;
}

void RecordSet::changes_to(const RecordSet& next, RecordFile* file) const {
    auto from = records_.begin();
    auto to = next.records_.begin();
    while (from != records_.end() || to != next.records_.end()) {
        const bool only_from =
            to == next.records_.end() || (from != records_.end() && from->tag < to->tag);
        const bool only_to =
            from == records_.end() || (to != next.records_.end() && to->tag < from->tag);
        if (only_from) {
            file->removed.push_back(*from++);
        } else if (only_to) {
            file->added.push_back(*to++);
        } else {
            if (!(*from == *to)) {
                file->removed.push_back(*from);
                file->added.push_back(*to);
            }
            ++from;
            ++to;
        }
    }
    file->state = next.state_.bytes();
}

}  // namespace cordon::feed
