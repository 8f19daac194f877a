// Writes and reads the frames of journal_format.h. The writer uses it to recover, the reader to
// read: what one thinks verified, the other does.
//
// Owns:       nothing; views point into the caller's segment.
// Invariants: nothing outside the given bytes is read, whatever they say. A record verifies only
//             with its own place in the order: what an earlier life left behind the end does not.
// Limits:     journal_payload_max.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/journal_format.h"

namespace cordon {

using JournalId = std::array<std::uint8_t, 16>;

inline constexpr std::size_t journal_payload_max = 64 * 1024;

struct RecordView {
    RecordType type;
    std::uint64_t sequence;
    std::uint64_t checksum;
    Bytes payload;
};

// Header, payload and padding.
constexpr std::size_t record_bytes(std::size_t payload_bytes) {
    return sizeof(RecordHeader) + (payload_bytes + 7) / 8 * 8;
}

SegmentHeader make_segment_header(const JournalId& journal, std::uint64_t first_sequence);
// Writes one whole record to `into`, which is at least record_bytes(); gives back its size.
std::size_t write_record(RecordType type, std::uint64_t sequence, Bytes payload, MutableBytes into);

// False when these bytes do not begin with a header of our version that verifies.
bool read_segment_header(Bytes segment, SegmentHeader* header);

// Walks the records of one segment whose header verified.
class RecordCursor {
  public:
    RecordCursor(Bytes segment, std::uint64_t first_sequence)
        : segment_(segment), sequence_(first_sequence) {}

    // False at the first record that does not verify; the cursor then stands before it.
    bool next(RecordView* record);
    // Past damage: stands at the next record that verifies by itself and has a sequence between
    // the expected one and `below`. Only for segments that nobody writes any more.
    bool skip_damage(std::uint64_t below);

    std::size_t offset() const { return offset_; }
    std::uint64_t sequence() const { return sequence_; }  // of the next record

  private:
    bool read_at(std::size_t offset, RecordView* record) const;

    Bytes segment_;
    std::size_t offset_ = sizeof(SegmentHeader);
    std::uint64_t sequence_;
};

// "incident-0000000000000001.cdj"
std::string segment_name(std::string_view prefix, std::uint64_t number);
bool parse_segment_name(std::string_view name, std::string_view prefix, std::uint64_t* number);

inline constexpr std::string_view incident_prefix = "incident-";
inline constexpr std::string_view spare_prefix = "spare-";

}  // namespace cordon
