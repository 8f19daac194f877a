#include "dataplane/object/zip_directory.h"

#include <xxhash.h>

#include <algorithm>

namespace cordon {

using namespace zip;

void ZipSum::add(const ZipMember& member, std::uint64_t name_hash, std::uint64_t seed,
                 std::uint64_t place) {
    struct {
        std::uint64_t name;
        std::uint64_t packed;
        std::uint64_t plain;
        std::uint32_t crc;
        std::uint16_t method;
        std::uint16_t encrypted;
    } const same{name_hash,  member.packed, member.plain,
                 member.crc, member.method, static_cast<std::uint16_t>(member.has(flag_encrypted))};
    static_assert(sizeof same == 32, "no byte without a value");
    const XXH128_hash_t hash = XXH3_128bits_withSeed(&same, sizeof same, seed);
    ++count;
    hashes[0] += hash.low64;
    hashes[1] += hash.high64;
    places[0] += hash.low64 * place;
    places[1] += hash.high64 * place;
}

bool ZipSum::equals(const ZipSum& other, std::uint64_t base, std::uint64_t mask) const {
    for (std::size_t n = 0; n < places.size(); ++n) {
        const std::uint64_t counted = other.places[n] - base * other.hashes[n];
        if (((places[n] ^ counted) & mask) != 0) return false;
    }
    return count == other.count && hashes == other.hashes;
}

void ZipDirectory::open(std::uint64_t seed) {
    *this = ZipDirectory();
    seed_ = seed;
}

void ZipDirectory::start_over() {
    open(seed_);
}

void ZipDirectory::add_member(const ZipMember& member, std::uint64_t name_hash, std::uint64_t at) {
    if (members_.count == 0) first_at_ = at;
    members_.add(member, name_hash, seed_, at);
    ZipMember cut = member;
    cut.packed = static_cast<std::uint32_t>(member.packed);
    cut.plain = static_cast<std::uint32_t>(member.plain);
    members32_.add(cut, name_hash, seed_, at);
}

void ZipDirectory::add_entry(const ZipMember& entry, std::uint64_t name_hash, bool has_zip64,
                             std::uint64_t at, std::uint64_t end_at) {
    if (!has_directory_ || joined_to_ != at || signature_bytes_ != 0 || has_end64_) {
        entries_ = ZipSum{};
        directory_at_ = at;
        has_directory_ = true;
        signature_bytes_ = 0;
        has_end64_ = has_locator_ = is_wide_ = false;
    }
    entries_.add(entry, name_hash, seed_, entry.offset);
    is_wide_ = is_wide_ || has_zip64;
    volumes_ = volumes_ || entry.disk != 0;
    joined_to_ = directory_end_ = end_at;
}

void ZipDirectory::add_signature(std::uint64_t at, std::uint64_t end_at) {
    if (!has_directory_ || joined_to_ != at) return;
    signature_bytes_ = end_at - at;
    joined_to_ = directory_end_ = end_at;
}

void ZipDirectory::add_end64(const ZipEnd& end, std::uint64_t at) {
    if (!has_directory_ || joined_to_ != at) return;
    end64_ = end;
    end64_at_ = at;
    has_end64_ = true;
    joined_to_ = at + end64_bytes;
}

void ZipDirectory::add_locator(Bytes record, std::uint64_t at) {
    if (!has_end64_ || joined_to_ != at) return;
    locator_offset_ = load_le64(record.data() + 8);
    has_locator_ = true;
    joined_to_ = at + locator_bytes;
}

ZipDirectory::Verdict ZipDirectory::judge(const ZipEnd& end, std::uint64_t at) {
    if (agrees(end, at)) return Verdict::consistent;
    if (encrypted_ && entries_.count == 0) return Verdict::encrypted;
    const bool has_volumes = has_directory_ && joined_to_ == at && (end.disk != 0 || volumes_);
    return has_volumes ? Verdict::volumes : Verdict::inconsistent;
}

bool ZipDirectory::agrees(ZipEnd end, std::uint64_t at) {
    base_ = 0;
    if (damaged_) return false;
    if (!has_directory_)
        return members_.count == 0 && end.entries == 0 && end.bytes == 0 && end.disk == 0;
    if (joined_to_ != at || has_end64_ != has_locator_) return false;
    // Without 64-bit records, programs cut what is too large.
    const std::uint64_t mask = has_end64_ ? ~std::uint64_t{0} : marker32;
    std::uint64_t base = 0;
    const std::uint64_t offset = has_end64_ ? end64_.offset : end.offset;
    if ((directory_at_ & mask) != offset) {
        if (offset > directory_at_) return false;
        base = directory_at_ - offset;
    }
    // Something stands before the archive, and its places count from behind that.
    if (base > first_at_) return false;
    base_ = base;
    if (has_end64_ && !agrees_with_end64(&end, base)) return false;
    const std::uint64_t bytes = directory_end_ - directory_at_;
    const std::uint64_t unsigned_bytes = bytes - signature_bytes_;
    if ((bytes & mask) != end.bytes && (unsigned_bytes & mask) != end.bytes) return false;
    const std::uint64_t count_mask = has_end64_ ? mask : marker16;
    if ((entries_.count & count_mask) != end.entries || end.entries_here != end.entries)
        return false;
    if (end.disk != 0 || end.directory_disk != 0) return false;
    return entries_.equals(members_, base, ~std::uint64_t{0}) ||
           (!is_wide_ && entries_.equals(members32_, base, mask));
}

// A field of the 32-bit record is a marker or says the same: some readers look for the 64-bit one
// only at a marker, others always.
bool ZipDirectory::agrees_with_end64(ZipEnd* end, std::uint64_t base) const {
    constexpr std::uint64_t fixed_bytes = end64_bytes - 12;
    if (end64_.record_bytes != fixed_bytes || locator_offset_ + base != end64_at_) return false;
    const auto same = [](std::uint64_t narrow, std::uint64_t wide, std::uint64_t marker) {
        return narrow == marker || narrow == wide;
    };
    const bool agrees = same(end->disk, end64_.disk, marker16) &&
                        same(end->directory_disk, end64_.directory_disk, marker16) &&
                        same(end->entries_here, end64_.entries_here, marker16) &&
                        same(end->entries, end64_.entries, marker16) &&
                        same(end->bytes, end64_.bytes, marker32) &&
                        same(end->offset, end64_.offset, marker32);
    *end = end64_;
    return agrees;
}

void ZipEndFinder::open(std::uint64_t at) {
    at_ = at;
    count_ = 0;
    stray_count_ = 0;
    has_locator_ = collects_ = strays_full_ = false;
    carry_bytes_ = record_bytes_ = 0;
}

namespace {

bool is_noted(std::uint32_t signature) {
    return signature == end_signature || signature == locator_signature ||
           signature == entry_signature || signature == end64_signature;
}

}  // namespace

// A signature across the end of a run is found with what came before: at most three bytes.
void ZipEndFinder::feed(Bytes run) {
    std::array<std::uint8_t, 6> seam;
    const std::size_t front = std::min<std::size_t>(run.size(), 3);
    std::copy_n(carry_.begin(), carry_bytes_, seam.begin());
    std::copy_n(run.begin(), front, seam.begin() + carry_bytes_);
    const std::size_t seam_bytes = carry_bytes_ + front;
    const std::uint64_t seam_at = at_ - carry_bytes_;
    // Of a record that has begun, this run has the next bytes.
    std::size_t taken = 0;
    const auto collect_to = [&](std::size_t until) {
        if (!collects_ || until <= taken) return;
        const std::size_t size = std::min(until - taken, record_.size() - record_bytes_);
        std::memcpy(record_.data() + record_bytes_, run.data() + taken, size);
        record_bytes_ = static_cast<std::uint8_t>(record_bytes_ + size);
        if (record_bytes_ == record_.size()) settle();
    };
    for (std::size_t n = 0; n < carry_bytes_ && n + 4 <= seam_bytes; ++n) {
        const std::uint32_t signature = load32(seam.data() + n);
        if (!is_noted(signature)) continue;
        const std::size_t used = n + 4 - carry_bytes_;  // of the run
        collect_to(used);
        taken = std::max(taken, used);
        note(seam_at + n, signature);
    }
    Bytes rest = run;
    std::size_t at = 0;
    while (true) {
        at += find_zip_mark(rest);
        if (at + 4 > run.size()) break;
        const std::uint32_t signature = load32(run.data() + at);
        if (is_noted(signature)) {
            collect_to(at + 4);
            taken = std::max(taken, at + 4);
            note(at_ + at, signature);
        }
        at += 2;
        rest = run.subspan(at);
    }
    collect_to(run.size());
    at_ += run.size();
    const std::size_t kept = std::min<std::size_t>(3, seam_bytes);
    if (run.size() >= 3) {
        std::copy_n(run.end() - 3, 3, carry_.begin());
    } else {
        std::copy_n(seam.begin() + static_cast<std::ptrdiff_t>(seam_bytes - kept), kept,
                    carry_.begin());
    }
    carry_bytes_ = static_cast<std::uint8_t>(run.size() >= 3 ? 3 : kept);
}

void ZipEndFinder::note(std::uint64_t at, std::uint32_t signature) {
    if (signature == locator_signature) {
        locator_at_ = at;
        has_locator_ = true;
        return;
    }
    if (signature != end_signature) {
        strays_full_ = strays_full_ || stray_count_ == strays_.size();
        if (stray_count_ < strays_.size()) strays_[stray_count_++] = at;
        return;
    }
    // One inside another: what the outer one says is not looked at any more, so it may be anything.
    Found& found = ends_[count_++ % ends_.size()];
    found = Found{at, 0, true, has_locator_ && locator_at_ + locator_bytes == at, false};
    collects_ = true;
    record_bytes_ = 4;
}

void ZipEndFinder::settle() {
    collects_ = false;
    Found& found = ends_[(count_ - 1) % ends_.size()];
    const ZipEnd end = read_zip_end(record_.data());
    found.ends_at = found.at + end_bytes + end.comment_bytes;
    const bool names_some = end.entries != 0 || end.bytes != 0;
    const bool is_placed = end.offset <= found.at || end.offset == marker32;
    found.can_be = found.has_locator || (names_some && is_placed);
}

bool ZipEndFinder::has_stray(std::uint64_t at) const {
    const auto end = strays_.begin() + static_cast<std::ptrdiff_t>(stray_count_);
    return strays_full_ || std::find(strays_.begin(), end, at) != end;
}

void ZipEndFinder::forget_stray(std::uint64_t at) {
    for (std::size_t n = stray_count_; n-- > 0;) {
        if (strays_[n] != at) continue;
        strays_[n] = strays_[--stray_count_];
        return;
    }
}

bool ZipEndFinder::in_reach(const Found& found) const {
    return found.at + end_bytes <= at_ && at_ - found.at <= reach;
}

bool ZipEndFinder::last(Found* found) const {
    const std::uint64_t kept = std::min<std::uint64_t>(count_, ends_.size());
    for (std::uint64_t n = 1; n <= kept; ++n) {
        *found = ends_[(count_ - n) % ends_.size()];
        found->exact = found->ends_at == at_;
        if (in_reach(*found)) return true;
    }
    return false;
}

bool ZipEndFinder::has_rival() const {
    Found newest;
    if (!last(&newest)) return false;
    const std::uint64_t kept = std::min<std::uint64_t>(count_, ends_.size());
    for (std::uint64_t n = 1; n <= kept; ++n) {
        const Found& found = ends_[(count_ - n) % ends_.size()];
        if (found.at == newest.at || !in_reach(found)) continue;
        if (found.ends_at == at_ || found.ends_at == 0) return true;
        if (n == kept && count_ > kept) return true;
    }
    return false;
}

}  // namespace cordon
