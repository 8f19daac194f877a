// The indicators of a feed as records, sets of them, and the changes between two sets:
// docs/feed-format.md, "Records".
//
// Owns:       a RecordSet its records, sorted by tag, and their state.
// Invariants: a tag stands once in a set. state() is the sum mod 2^256 of the hashes of its
//             records, so that it does not depend on the way that led to the set. A change is
//             applied whole or not at all.
// Thread:     one.
// Limits:     records_max, record_file_bytes_max; limits::patterns_max patterns. Parsing reads
//             nothing outside its bytes, and allocates no more than they account for.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/feed/crypto.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/index_format.h"

namespace cordon::feed {

inline constexpr std::uint64_t records_max = 100'000'000;
inline constexpr std::uint64_t record_file_bytes_max = std::uint64_t{4} << 30;
inline constexpr std::uint64_t reference_max = (std::uint64_t{1} << 48) - 1;

// The sections of a file. Which one a record stands in follows from what it carries.
enum class RecordSection : std::uint8_t {
    exact = 1,         // 28 bytes
    exact_sized = 2,   // and the size of the file: 36
    exact_headed = 3,  // and its keyed head: 44
    perceptual = 4,    // a sealed hash of a picture: 76
    patterns = 5,      // a sealed text: 30, and as many as the last two of them say
};

// The most bits in which a picture may differ from a listed hash and still be taken for it.
inline constexpr std::uint8_t pdq_distance_max = 31;

// What of a record is longer than a tag, sealed (sealed_part.h). Most records have none: a null
// pointer costs them less than an empty string.
class SealedBytes {
  public:
    SealedBytes() = default;
    explicit SealedBytes(Bytes bytes)
        : text_(bytes.empty() ? nullptr : std::make_unique<std::string>(as_text(bytes))) {}
    SealedBytes(const SealedBytes& other) : SealedBytes(other.bytes()) {}
    SealedBytes(SealedBytes&&) noexcept = default;
    SealedBytes& operator=(const SealedBytes& other) { return *this = SealedBytes(other); }
    SealedBytes& operator=(SealedBytes&&) noexcept = default;
    ~SealedBytes() = default;

    Bytes bytes() const { return text_ ? as_bytes(*text_) : Bytes(); }
    friend bool operator==(const SealedBytes& a, const SealedBytes& b) {
        return as_text(a.bytes()) == as_text(b.bytes());
    }

  private:
    std::unique_ptr<std::string> text_;
};

struct FeedRecord {
    std::array<std::uint8_t, 16> tag = {};
    std::uint64_t reference = 0;
    std::uint64_t size = 0;     // with record_flag::has_size
    HeadFingerprint head = {};  // with record_flag::has_head, and then has_size
    std::uint16_t source = 0;
    std::uint8_t category = 0;
    std::uint8_t flags = 0;  // record_flag
    IndicatorKind kind = IndicatorKind::sha256;
    std::uint8_t distance = 0;  // of kind pdq: at most pdq_distance_max
    SealedBytes sealed = {};    // of kinds pdq and pattern

    friend bool operator==(const FeedRecord&, const FeedRecord&) = default;
    RecordSection section() const;
};

// A number of 256 bits, least significant word first.
struct State {
    std::array<std::uint64_t, 4> words = {};

    void add(const FeedRecord& record);
    void subtract(const FeedRecord& record);
    Hash bytes() const;  // most significant byte first, as it is written
    friend bool operator==(const State&, const State&) = default;
};

// What leads from generation `base` to `generation`; base 0 is the empty set.
struct RecordFile {
    std::uint64_t base = 0;
    std::uint64_t generation = 0;
    std::uint32_t epoch = 0;
    KeyCheck check = {};
    Hash state = {};                  // after it
    std::vector<FeedRecord> removed;  // only tag and section are written and read
    std::vector<FeedRecord> added;
};

std::string encode_records(const RecordFile& file);  // sorts nothing: both lists are by tag
Result<RecordFile> decode_records(Bytes bytes);

class RecordSet {
  public:
    RecordSet() = default;
    // The records are sorted by tag, and no tag stands twice.
    static Result<RecordSet> of(std::vector<FeedRecord> records);

    const std::vector<FeedRecord>& records() const { return records_; }
    const State& state() const { return state_; }
    std::uint64_t count(IndicatorKind kind) const;

    // What a full set says, without a copy of it.
    static Result<RecordSet> begun_by(RecordFile file);
    // Removals before additions. A tag to be removed that is absent (or stands in another section),
    // or one to be added that is present, refuses the file; so does another state afterwards.
    Result<RecordSet> apply(const RecordFile& file) const;
    // What leads from here to there; a record that differs is removed and added.
    void changes_to(const RecordSet& next, RecordFile* file) const;
    struct Changes {
        std::uint64_t removed = 0;
        std::uint64_t added = 0;
    };
    Changes count_changes(const RecordSet& next) const;

  private:
    std::vector<FeedRecord> records_;
    State state_;
};

// The file that makes this set of nothing; its check of K is zero.
std::string encode_set(const RecordSet& set, std::uint64_t generation, std::uint32_t epoch);

}  // namespace cordon::feed
