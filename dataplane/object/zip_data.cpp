// The data of members: where it ends, and what it is when it is not coded.
#include <zlib.h>

#include <algorithm>

#include "dataplane/object/archive_zip.h"

namespace cordon {

using namespace zip;

// Unless the header has them, the lengths stand behind the data.
ZipDecoder::Result ZipDecoder::begin_member() {
    opened_ = true;
    if (++members_ > limits::archive_members_max) return fail(Outcome::archive_limit);
    const bool is_marked = member_.packed == marker32 && !extra_.has_zip64();
    extra_.widen(&member_);
    if (extra_.is_ambiguous()) directory_.mark_damaged();
    // A length before data with a descriptor is a hint that some readers go by and some do not.
    length_known_ = !member_.has(flag_descriptor);
    hint_ = length_known_ || is_marked ? 0 : member_.packed;
    left_ = length_known_ ? member_.packed : 0;
    packed_ = plain_ = 0;
    crc_ = 0;
    joint_used_ = 0;
    coded_over_ = false;
    is_sound_ = true;
    const bool is_empty = length_known_ && left_ == 0;
    const bool is_coded = member_.method == deflated || member_.method == zstandard;
    is_opaque_ = !is_empty && (member_.is_encrypted() || (member_.method != stored && !is_coded));
    names_directory_ = !name_.empty() && name_.back() == '/';
    is_directory_ = names_directory_ && is_empty;
    state_ = length_known_ ? State::known : State::scan;
    if (is_opaque_) {
        outcome_ =
            member_.is_encrypted() ? Outcome::archive_encrypted : Outcome::archive_unsupported;
        return Result::note;
    }
    if (is_coded && !is_empty) {
        const ContentCoding coding =
            member_.method == deflated ? ContentCoding::raw_deflate : ContentCoding::zstd;
        if (!coding_.open(coding, pool_)) return fail(Outcome::archive_full);
        state_ = State::coded;
    }
    in_member_ = true;
    return Result::member;
}

std::optional<std::uint64_t> ZipDecoder::declared_bytes() const {
    if (member_.has(flag_descriptor) && member_.plain == 0) return std::nullopt;
    return member_.plain;
}

// Counts a run of data; true when it is to be told.
bool ZipDecoder::give(Bytes run, bool is_volatile, Bytes* data) {
    packed_ += run.size();
    if (is_opaque_ || run.empty()) return false;
    plain_ += run.size();
    crc_ = static_cast<std::uint32_t>(crc32_z(crc_, run.data(), run.size()));
    *data = run;
    data_is_volatile_ = is_volatile;
    return true;
}

ZipDecoder::Result ZipDecoder::step_known(Bytes* data) {
    if (left_ == 0) return end_data(true);
    const Bytes run =
        source_.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, source_.size())));
    left_ -= run.size();
    advance(run.size());
    return give(run, from_replay_, data) ? Result::data : Result::more;
}

// So many bytes decide whether a descriptor stands at the first of them.
constexpr std::size_t lookahead = descriptor_bytes_max;

// Data that ends where a descriptor fits it. What may be one is kept back.
ZipDecoder::Result ZipDecoder::step_scan(Bytes* data) {
    if (joint_used_ != 0) return scan_joint(data);
    if (source_.size() < lookahead) {
        std::copy_n(source_.begin(), source_.size(), joint_.begin());
        joint_used_ = static_cast<std::uint8_t>(source_.size());
        advance(source_.size());
        return Result::more;
    }
    const std::size_t at = find_descriptor(source_, source_.size() - (lookahead - 1));
    if (at == 0) return end_data(true);
    const Bytes run = source_.first(at);
    advance(at);
    return give(run, from_replay_, data) ? Result::data : Result::more;
}

// Decides about what was kept back with the next bytes of the source.
ZipDecoder::Result ZipDecoder::scan_joint(Bytes* data) {
    const std::size_t added = std::min(lookahead - 1, source_.size());
    std::copy_n(source_.begin(), added, joint_.begin() + joint_used_);
    const std::size_t size = joint_used_ + added;
    if (size < lookahead) {
        joint_used_ = static_cast<std::uint8_t>(size);
        advance(added);
        return Result::more;
    }
    const std::size_t decidable = size - (lookahead - 1);
    const std::size_t at = find_descriptor(Bytes(joint_).first(size), decidable);
    if (at == 0) {
        push_back(Bytes(joint_).first(joint_used_));
        joint_used_ = 0;
        return end_data(true);
    }
    std::copy_n(joint_.begin(), at, run_.begin());
    std::copy_n(joint_.begin() + static_cast<std::ptrdiff_t>(at), joint_used_ - at, joint_.begin());
    joint_used_ = static_cast<std::uint8_t>(joint_used_ - at);
    return give(Bytes(run_).first(at), true, data) ? Result::data : Result::more;
}

// The first place before `decidable` where a descriptor may stand; `decidable` if there is none.
// The check sum is known, and compared, only at the front: elsewhere the run is cut there.
std::size_t ZipDecoder::find_descriptor(Bytes window, std::size_t decidable) const {
    const auto fits = [&](std::size_t at) {
        const std::uint64_t bytes = packed_ + at;
        const ZipMeasured here{crc_, bytes, bytes, is_opaque_, extra_.has_zip64(), false};
        return zip_descriptor_bytes(window.data() + at, here, at != 0) != 0;
    };
    // Some directories claim a descriptor and have none, and so do files whose length was told.
    const bool is_bare = names_directory_ && packed_ == 0 && is_zip_record(load32(window.data()));
    if (is_bare || (hint_ != 0 && hint_ == packed_) || fits(0)) return 0;
    if (hint_ > packed_ && hint_ - packed_ < decidable)
        decidable = static_cast<std::size_t>(hint_ - packed_);
    // It begins with the mark of its signature, or a record follows it.
    std::size_t at = 1;
    std::size_t best = decidable;
    const std::size_t end = std::min(window.size(), decidable + lookahead);
    while (at < end) {
        at += find_zip_mark(window.first(end).subspan(at));
        for (const std::size_t before : {std::size_t{20}, std::size_t{12}, std::size_t{0}}) {
            if (at < before + 1 || at - before >= best) continue;
            if (fits(at - before)) best = at - before;
        }
        if (best != decidable) return best;
        ++at;
    }
    return decidable;
}

ZipDecoder::Result ZipDecoder::step_coded(MutableBytes out, Bytes* data) {
    if (coded_over_) return end_data(coded_sound_);
    Bytes fed = source_;
    if (length_known_)
        fed = fed.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, fed.size())));
    const std::size_t before = fed.size();
    std::size_t written = 0;
    const CodingDecoder::Result result = coding_.next(&fed, out, &written);
    const std::size_t used = before - fed.size();
    advance(used);
    packed_ += used;
    if (length_known_) left_ -= used;
    const Bytes run = Bytes(out).first(written);
    plain_ += written;
    if (written != 0) crc_ = static_cast<std::uint32_t>(crc32_z(crc_, run.data(), run.size()));
    switch (result) {
        case CodingDecoder::Result::more:
        case CodingDecoder::Result::data: {
            if (coding_.has_more()) break;
            // A zstd frame that is complete has no more behind it.
            const bool is_end =
                member_.method == zstandard && packed_ != 0 && coding_.is_complete();
            coded_over_ = is_end || (length_known_ && left_ == 0);
            coded_sound_ = is_end;
            break;
        }
        case CodingDecoder::Result::end:
            coded_over_ = coded_sound_ = true;
            break;
        case CodingDecoder::Result::bad:
            coded_over_ = true;
            coded_sound_ = false;
            break;
        case CodingDecoder::Result::limit:
            return fail(Outcome::archive_limit);
    }
    if (written == 0) return Result::more;
    *data = run;
    data_is_volatile_ = true;
    return Result::data;
}

// What a header says before the data must be so: readers that believe it make another file of them.
// Zeros say nothing when a descriptor comes.
bool ZipDecoder::keeps_promises() const {
    if (is_opaque_) return true;
    const bool has_descriptor = member_.has(flag_descriptor);
    const auto keeps = [&](std::uint64_t promised, std::uint64_t measured) {
        return promised == measured || (has_descriptor && promised == 0);
    };
    return keeps(member_.crc, crc_) && keeps(member_.plain, plain_) &&
           keeps(member_.packed, packed_);
}

// What is behind coded data that has ended is seen by nobody, and a fault.
ZipDecoder::Result ZipDecoder::end_data(bool is_sound) {
    coding_.close();
    is_sound_ = is_sound && keeps_promises();
    const bool was_told = in_member_;
    in_member_ = false;
    if (state_ == State::coded && length_known_ && left_ != 0) {
        state_ = State::passed;
    } else {
        end_passed();
    }
    return was_told ? Result::member_end : Result::more;
}

void ZipDecoder::end_passed() {
    if (member_.has(flag_descriptor)) {
        state_ = State::descriptor;
        buffer_used_ = 0;
        return;
    }
    settle_member();
    await_record();
}

// Some programs leave it out: what follows is read as what it is then.
ZipDecoder::Result ZipDecoder::step_descriptor() {
    if (!collect(descriptor_bytes_max)) return Result::more;
    const ZipMeasured measured{crc_, packed_, plain_, is_opaque_, extra_.has_zip64(), !is_opaque_};
    const std::size_t size = zip_descriptor_bytes(buffer_.data(), measured, false);
    if (size == 0 && load32(buffer_.data()) == descriptor_signature) is_sound_ = false;
    if (size != 0 && is_opaque_) read_zip_descriptor(buffer_.data(), size, &member_);
    push_back(Bytes(buffer_).first(descriptor_bytes_max).subspan(size));
    settle_member();
    await_record();
    return Result::more;
}

// What begins as a zip is one, and a fault is a fault of the archive. What was found among other
// bytes may have been nothing.
void ZipDecoder::settle_member() {
    if (!is_sound_ && !leads_) {
        directory_.start_over();
        return;
    }
    if (!is_sound_) {
        directory_.mark_damaged();
        front_disagrees_ = true;
    }
    if (member_.has(flag_masked)) directory_.mark_encrypted();
    ZipMember seen = member_;
    seen.packed = packed_;
    if (!is_opaque_) {
        seen.plain = plain_;
        seen.crc = crc_;
    }
    directory_.add_member(seen, name_hash(), record_at_);
}

Bytes ZipDecoder::kept_back() const {
    if (!in_member_) return {};
    return Bytes(joint_).first(joint_used_);
}

}  // namespace cordon
