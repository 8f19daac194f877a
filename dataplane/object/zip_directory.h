// Whether the directory of a zip says the same as its members, and which end record a reader finds:
// without a list of either.
//
// Each member adds a keyed hash of what it is to a sum, and that hash times its place to another.
// The directory adds up the same from its entries. Places in it count from where the archive
// begins, which only the end record tells: as the second sum is linear in the place, that can be
// taken off at the end. The order is free. Who does not know the key cannot aim at a sum.
//
// Owns:       sums, and the places of the last end records.
// Invariants: memory does not grow with the archive.
// Worker:     used by one decoder only.
// Limits:     end_records_kept, strays_kept: with more of them, whatever may be is taken to be.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/object/zip_record.h"

namespace cordon {

// Over a set of members: hashes, and hashes times places.
struct ZipSum {
    std::uint64_t count = 0;
    std::array<std::uint64_t, 2> hashes{};
    std::array<std::uint64_t, 2> places{};

    void add(const ZipMember& member, std::uint64_t name_hash, std::uint64_t seed,
             std::uint64_t place);
    // The same members, with the places of `other` counted from `base`. `mask`: of the places.
    bool equals(const ZipSum& other, std::uint64_t base, std::uint64_t mask) const;
};

// One archive in the file: its members so far, the directory so far, and what ends it.
class ZipDirectory {
  public:
    enum class Verdict : std::uint8_t {
        none,
        consistent,
        inconsistent,
        volumes,    // one of several volumes
        encrypted,  // the directory is
    };

    void open(std::uint64_t seed);
    // Members and entries from here on are of another archive.
    void start_over();

    void add_member(const ZipMember& member, std::uint64_t name_hash, std::uint64_t at);
    // An entry that ends at `end_at`; the first one, or not right behind the last, begins anew.
    void add_entry(const ZipMember& entry, std::uint64_t name_hash, bool has_zip64,
                   std::uint64_t at, std::uint64_t end_at);
    void add_signature(std::uint64_t at, std::uint64_t end_at);
    void add_end64(const ZipEnd& end, std::uint64_t at);
    void add_locator(Bytes record, std::uint64_t at);
    void mark_damaged() { damaged_ = true; }
    void mark_encrypted() { encrypted_ = true; }

    bool has_members() const { return members_.count != 0; }
    bool has_locator() const { return has_locator_; }
    // What the end record at `at` makes of all this.
    Verdict judge(const ZipEnd& end, std::uint64_t at);
    // Of a consistent one: where readers look that do not know that something stands before the
    // archive, for the directory and for the 64-bit end. `false`: nothing does.
    bool has_base() const { return base_ != 0; }
    std::uint64_t told_directory_at() const { return directory_at_ - base_; }
    std::uint64_t told_end64_at() const { return has_end64_ ? locator_offset_ : directory_at_; }

  private:
    bool agrees(ZipEnd end, std::uint64_t at);
    bool agrees_with_end64(ZipEnd* end, std::uint64_t base) const;

    std::uint64_t seed_ = 0;
    ZipSum members_;
    ZipSum members32_;  // with lengths cut to 32 bits, as some programs write them
    ZipSum entries_;
    std::uint64_t first_at_ = 0;
    std::uint64_t base_ = 0;  // what places count from
    std::uint64_t directory_at_ = 0;
    std::uint64_t directory_end_ = 0;
    std::uint64_t signature_bytes_ = 0;
    std::uint64_t end64_at_ = 0;
    std::uint64_t locator_offset_ = 0;
    std::uint64_t joined_to_ = 0;  // entries and what follows them touch each other up to here
    ZipEnd end64_;
    bool has_directory_ = false;
    bool has_end64_ = false;
    bool has_locator_ = false;
    bool is_wide_ = false;  // an entry has a zip64 field
    bool damaged_ = false;
    bool encrypted_ = false;
    bool volumes_ = false;
};

// Watches all bytes of a file for end records, whatever they are to the decoder: readers take the
// last one within the last 64 KiB.
class ZipEndFinder {
  public:
    void open(std::uint64_t at);
    void feed(Bytes run);

    struct Found {
        std::uint64_t at;
        std::uint64_t ends_at;  // of its comment
        bool can_be;            // its fields make sense at this place
        bool has_locator;       // a 64-bit locator stands right before it
        bool exact;             // its comment reaches just to the end of the file
    };
    // The last end record that readers of this file look for, if there is one.
    bool last(Found* found) const;
    // Another one than the last has a comment that fits the end of the file.
    bool has_rival() const;
    // The signature of a directory, or of a 64-bit end, stands there, and is not known for one.
    bool has_stray(std::uint64_t at) const;
    void forget_stray(std::uint64_t at);

  private:
    static constexpr std::size_t end_records_kept = 8;
    static constexpr std::size_t strays_kept = 64;
    static constexpr std::uint64_t reach = 0xffff + zip::end_bytes;

    void note(std::uint64_t at, std::uint32_t signature);
    void settle();
    bool in_reach(const Found& found) const;

    std::uint64_t at_ = 0;
    std::uint64_t count_ = 0;
    std::array<Found, end_records_kept> ends_;
    std::array<std::uint64_t, strays_kept> strays_;
    std::size_t stray_count_ = 0;
    bool strays_full_ = false;
    std::uint64_t locator_at_ = 0;
    bool has_locator_ = false;
    std::array<std::uint8_t, 3> carry_;
    std::uint8_t carry_bytes_ = 0;
    std::array<std::uint8_t, zip::end_bytes> record_;
    std::uint8_t record_bytes_ = 0;  // of the record under way
    bool collects_ = false;
};

}  // namespace cordon
