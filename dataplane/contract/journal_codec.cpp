#include "dataplane/contract/journal_codec.h"

#include <xxhash.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace cordon {

namespace {

constexpr std::size_t number_digits = 16;
constexpr std::string_view suffix = ".cdj";

std::uint64_t header_checksum(const SegmentHeader& header) {
    return XXH3_64bits(&header, offsetof(SegmentHeader, checksum));
}

std::uint64_t record_checksum(const RecordHeader& header, Bytes payload) {
    const std::uint64_t seed = XXH3_64bits(&header, offsetof(RecordHeader, checksum));
    return XXH3_64bits_withSeed(payload.data(), payload.size(), seed);
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

SegmentHeader make_segment_header(const JournalId& journal, std::uint64_t first_sequence) {
    SegmentHeader header{};
    header.magic = journal_magic;
    header.version = journal_version;
    std::memcpy(header.journal_id, journal.data(), journal.size());
    header.first_sequence = first_sequence;
    header.checksum = header_checksum(header);
    return header;
}

std::size_t write_record(RecordType type, std::uint64_t sequence, Bytes payload,
                         MutableBytes into) {
    RecordHeader header{};
    header.length = static_cast<std::uint32_t>(payload.size());
    header.type = type;
    header.sequence = sequence;
    header.checksum = record_checksum(header, payload);
    const std::size_t bytes = record_bytes(payload.size());
    std::memset(into.data() + bytes - 8, 0, 8);  // the padding, before the payload covers the rest
    std::memcpy(into.data(), &header, sizeof header);
    if (!payload.empty()) {
        std::memcpy(into.data() + sizeof header, payload.data(), payload.size());
    }
    return bytes;
}

bool read_segment_header(Bytes segment, SegmentHeader* header) {
    if (segment.size() < sizeof(SegmentHeader)) return false;
    SegmentHeader read;
    std::memcpy(&read, segment.data(), sizeof read);
    if (read.magic != journal_magic || read.version != journal_version) return false;
    if (read.checksum != header_checksum(read)) return false;
    *header = read;
    return true;
}

bool RecordCursor::read_at(std::size_t offset, RecordView* record) const {
    if (offset > segment_.size() || segment_.size() - offset < sizeof(RecordHeader)) return false;
    RecordHeader header;
    std::memcpy(&header, segment_.data() + offset, sizeof header);
    if (header.length > journal_payload_max) return false;
    if (segment_.size() - offset < record_bytes(header.length)) return false;
    const Bytes payload = segment_.subspan(offset + sizeof header, header.length);
    if (header.checksum != record_checksum(header, payload)) return false;
    *record = {header.type, header.sequence, header.checksum, payload};
    return true;
}

bool RecordCursor::next(RecordView* record) {
    RecordView read;
    if (!read_at(offset_, &read) || read.sequence != sequence_) return false;
    offset_ += record_bytes(read.payload.size());
    ++sequence_;
    *record = read;
    return true;
}

bool RecordCursor::skip_damage(std::uint64_t below) {
    for (std::size_t at = offset_; at < segment_.size(); at += 8) {
        RecordView read;
        if (!read_at(at, &read) || read.sequence < sequence_ || read.sequence >= below) continue;
        offset_ = at;
        sequence_ = read.sequence;
        return true;
    }
    return false;
}

std::string segment_name(std::string_view prefix, std::uint64_t number) {
    char digits[number_digits + 1];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
    return std::string(prefix).append(digits).append(suffix);
}

bool parse_segment_name(std::string_view name, std::string_view prefix, std::uint64_t* number) {
    if (name.size() != prefix.size() + number_digits + suffix.size()) return false;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return false;
    std::uint64_t value = 0;
    for (char c : name.substr(prefix.size(), number_digits)) {
        const int digit = hex_value(c);
        if (digit < 0) return false;
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    *number = value;
    return true;
}

}  // namespace cordon
