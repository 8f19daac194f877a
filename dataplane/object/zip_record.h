// The records of a zip archive as they stand in the file (APPNOTE 6.3.10 §4.3): fixed fields, extra
// fields, descriptors behind data, and the search for their signatures.
//
// Owns:       ZipExtra: the payload of the few extra fields that change what a member is.
// Invariants: the readers take exactly the bytes that their record's fixed part has.
// Worker:     pure; ZipExtra is used by one decoder.
// Limits:     archive_name_bytes_max for a name in an extra field.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/byte_pair.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace zip {

inline constexpr std::size_t local_bytes = 30;
inline constexpr std::size_t entry_bytes = 46;
inline constexpr std::size_t end_bytes = 22;
inline constexpr std::size_t end64_bytes = 56;
inline constexpr std::size_t locator_bytes = 20;
inline constexpr std::size_t descriptor_bytes_max = 24;
inline constexpr std::uint32_t marker32 = 0xffffffff;  // the value stands in the zip64 field
inline constexpr std::uint16_t marker16 = 0xffff;

enum Signature : std::uint32_t {
    local_signature = 0x04034b50,
    entry_signature = 0x02014b50,
    end_signature = 0x06054b50,
    end64_signature = 0x06064b50,
    locator_signature = 0x07064b50,
    descriptor_signature = 0x08074b50,  // at the beginning of a file: of several volumes
    single_signature = 0x30304b50,      // made for several volumes, but one was enough
    encrypted_signature = 0x08064b50,   // archive extra data: an encrypted directory
    signed_signature = 0x05054b50,      // digital signature behind the directory
};

enum Flag : std::uint16_t {
    flag_encrypted = 1u << 0,
    flag_descriptor = 1u << 3,
    flag_utf8 = 1u << 11,
    flag_masked = 1u << 13,     // fields of the local header are masked
    flags_unassigned = 0xd780,  // 7 to 10, 12, 14, 15
};

enum Method : std::uint16_t { stored = 0, deflated = 8, zstandard = 93, aes = 99 };

inline std::uint16_t load16(const std::uint8_t* p) {
    return static_cast<std::uint16_t>(p[0] | p[1] << 8);
}
inline std::uint32_t load32(const std::uint8_t* p) {
    std::uint32_t value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

}  // namespace zip

// What a local header and an entry of the directory say of a member.
struct ZipMember {
    std::uint16_t version = 0;
    std::uint16_t flags = 0;
    std::uint16_t method = 0;
    std::uint32_t crc = 0;
    std::uint64_t packed = 0;
    std::uint64_t plain = 0;
    std::uint16_t name_bytes = 0;
    std::uint16_t extra_bytes = 0;
    std::uint16_t comment_bytes = 0;  // of an entry, as the following
    std::uint16_t disk = 0;
    std::uint64_t offset = 0;

    bool has(zip::Flag flag) const { return (flags & flag) != 0; }
    bool is_encrypted() const {
        return has(zip::flag_encrypted) || has(zip::flag_masked) || method == zip::aes;
    }
};

struct ZipEnd {
    std::uint32_t disk = 0;
    std::uint32_t directory_disk = 0;
    std::uint64_t entries_here = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t offset = 0;
    std::uint16_t comment_bytes = 0;
    std::uint64_t record_bytes = 0;  // of a 64-bit one: what follows its first 12 bytes
};

ZipMember read_zip_local(const std::uint8_t* record);
ZipMember read_zip_entry(const std::uint8_t* record);
ZipEnd read_zip_end(const std::uint8_t* record);
ZipEnd read_zip_end64(const std::uint8_t* record);

// Found among bytes that may be anything, a local header must be one that some program writes.
bool is_believable(const ZipMember& local);

// The signature of what may follow a member.
bool is_zip_record(std::uint32_t signature);

inline constexpr BytePair zip_mark = {'P', 'K'};  // every signature begins with it
// Where one stands first; the size when none does.
std::size_t find_zip_mark(Bytes bytes);

// What is known of the member that a descriptor may stand behind.
struct ZipMeasured {
    std::uint32_t crc;
    std::uint64_t packed;
    std::uint64_t plain;
    bool is_opaque;  // only `packed` is known
    bool is_64;      // the local header has a zip64 field
    bool ends_here;  // said by the data itself; else a record must follow what has no signature
};

// Length of the descriptor at the front of `bytes` (descriptor_bytes_max of them), 0 when there is
// none that fits. With `sizes_only` its check sum is not compared.
std::size_t zip_descriptor_bytes(const std::uint8_t* bytes, const ZipMeasured& measured,
                                 bool sizes_only);
// The check sum and plain length that a fitting one of an opaque member has.
void read_zip_descriptor(const std::uint8_t* bytes, std::size_t size, ZipMember* member);

// Extra fields (§4.5) of one header, taken as they come.
class ZipExtra {
  public:
    void open(std::uint16_t bytes);
    // Takes what belongs to the fields; true when all of them came.
    bool take(Bytes* input);

    bool is_done() const { return left_ == 0; }
    bool has_zip64() const { return zip64_seen_; }
    // Two zip64 fields: which one counts is up to the reader.
    bool is_ambiguous() const { return ambiguous_; }
    bool has_unicode_name() const { return unicode_bytes_ != 0; }

    // Puts 64-bit values where the header has markers (§4.5.3).
    void widen(ZipMember* member) const;
    // A name in UTF-8 for the one in the header (§4.6.9), empty when there is none for it.
    std::string_view unicode_name(std::uint32_t name_crc) const;

  private:
    void take_field(Bytes run);

    std::uint32_t left_ = 0;        // of all fields
    std::uint32_t field_left_ = 0;  // of the one under way
    std::uint8_t head_used_ = 0;
    std::array<std::uint8_t, 4> head_;
    std::uint16_t id_ = 0;
    std::uint16_t field_at_ = 0;
    bool zip64_seen_ = false;
    bool ambiguous_ = false;
    std::uint8_t zip64_bytes_ = 0;
    std::array<std::uint8_t, 28> zip64_;
    std::uint16_t unicode_bytes_ = 0;
    std::array<std::uint8_t, 5 + limits::archive_name_bytes_max> unicode_;
};

}  // namespace cordon
