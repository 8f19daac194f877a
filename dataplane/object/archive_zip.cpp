#include "dataplane/object/archive_zip.h"

#include <xxhash.h>
#include <zlib.h>

#include <algorithm>

#include "dataplane/base/invariant.h"
#include "dataplane/object/zip_name.h"

namespace cordon {

using namespace zip;

void ZipDecoder::open(CodingPool* pool, std::uint64_t seed, bool leads, std::uint64_t at) {
    INVARIANT(!coding_.is_open());
    *this = ZipDecoder();
    pool_ = pool;
    seed_ = seed;
    leads_ = leads;
    directory_.open(seed);
    ends_.open(at);
    at_ = at;
    state_ = leads ? State::record : State::search;
}

ZipDecoder::Result ZipDecoder::next(Bytes* input, MutableBytes out, Bytes* data) {
    while (state_ != State::failed) {
        from_replay_ = replay_at_ < replay_end_;
        source_ = from_replay_ ? Bytes(replay_).first(replay_end_).subspan(replay_at_) : *input;
        if (source_.empty() && !works_without_input()) return Result::more;
        pushed_ = false;
        const Result result = step(out, data);
        if (!from_replay_) {
            *input = input->last(source_.size());
        } else if (!pushed_) {
            replay_at_ = static_cast<std::uint8_t>(replay_end_ - source_.size());
        }
        if (result != Result::more) return result;
    }
    return Result::limit;
}

bool ZipDecoder::works_without_input() const {
    switch (state_) {
        case State::known:
        case State::passed:
        case State::entry_comment:
        case State::signature_rest:
            return left_ == 0;
        case State::coded:
            return coded_over_ || coding_.has_more() || (length_known_ && left_ == 0);
        case State::local_name:
        case State::entry_name:
            return name_left_ == 0;
        case State::local_extra:
        case State::entry_extra:
            return extra_.is_done();
        case State::search:
        case State::record:
        case State::local:
        case State::scan:
        case State::descriptor:
        case State::entry:
        case State::end64:
        case State::locator:
        case State::signature:
        case State::end:
        case State::failed:
            return false;
    }
    return false;
}

ZipDecoder::Result ZipDecoder::step(MutableBytes out, Bytes* data) {
    switch (state_) {
        case State::search:
            return step_search();
        case State::record:
            return step_record();
        case State::local:
        case State::local_name:
        case State::local_extra:
            return step_local();
        case State::known:
            return step_known(data);
        case State::scan:
            return step_scan(data);
        case State::coded:
            return step_coded(out, data);
        case State::passed:
        case State::signature_rest:
            return step_passed();
        case State::descriptor:
            return step_descriptor();
        case State::entry:
        case State::entry_name:
        case State::entry_extra:
        case State::entry_comment:
            return step_entry();
        case State::end64:
        case State::locator:
        case State::signature:
            return step_tail();
        case State::end:
            return step_end();
        case State::failed:
            return Result::limit;
    }
    return Result::limit;
}

void ZipDecoder::advance(std::size_t bytes) {
    if (!from_replay_) ends_.feed(source_.first(bytes));
    source_ = source_.subspan(bytes);
    at_ += bytes;
}

// True when so many bytes of the record came.
bool ZipDecoder::collect(std::size_t bytes) {
    const std::size_t size = std::min(bytes - buffer_used_, source_.size());
    std::copy_n(source_.begin(), size, buffer_.begin() + buffer_used_);
    buffer_used_ = static_cast<std::uint8_t>(buffer_used_ + size);
    advance(size);
    return buffer_used_ == bytes;
}

// They are read again, before what is left of the source.
void ZipDecoder::push_back(Bytes bytes) {
    std::array<std::uint8_t, replay_bytes_max> joined;
    const std::size_t rest = from_replay_ ? source_.size() : 0;
    INVARIANT(bytes.size() + rest <= joined.size());
    std::copy_n(bytes.begin(), bytes.size(), joined.begin());
    if (rest != 0) std::copy_n(source_.begin(), rest, joined.data() + bytes.size());
    replay_ = joined;
    replay_at_ = 0;
    replay_end_ = static_cast<std::uint8_t>(bytes.size() + rest);
    at_ -= bytes.size();
    pushed_ = true;
}

// What was taken for a record is none: the search goes on behind the first `kept` bytes of it.
void ZipDecoder::lose_track(std::size_t kept) {
    push_back(Bytes(buffer_).first(buffer_used_).subspan(kept));
    buffer_used_ = 0;
    state_ = State::search;
}

void ZipDecoder::await_record() {
    state_ = State::record;
    searching_ = false;
    buffer_used_ = 0;
}

ZipDecoder::Result ZipDecoder::fail(Outcome outcome) {
    coding_.close();
    outcome_ = outcome;
    state_ = State::failed;
    return Result::limit;
}

ZipDecoder::Result ZipDecoder::step_search() {
    std::size_t mark = find_zip_mark(source_);
    if (mark == source_.size() && source_.back() == 'P') --mark;
    advance(mark);
    if (source_.empty()) return Result::more;
    await_record();
    searching_ = true;
    return Result::more;
}

ZipDecoder::Result ZipDecoder::step_record() {
    if (!collect(4)) return Result::more;
    record_at_ = at_ - 4;
    begin_record(load32(buffer_.data()));
    return Result::more;
}

void ZipDecoder::begin_record(std::uint32_t signature) {
    // Among other bytes, a directory of nothing is believed no more than any other bytes.
    const bool is_expected = !searching_ || directory_.has_members();
    if (signature == local_signature) {
        state_ = State::local;
    } else if (signature == end_signature) {
        state_ = State::end;
    } else if (signature == entry_signature && is_expected) {
        state_ = State::entry;
    } else if (signature == end64_signature && is_expected) {
        state_ = State::end64;
    } else if (signature == locator_signature && is_expected) {
        state_ = State::locator;
    } else if (signature == signed_signature && !searching_) {
        state_ = State::signature;
    } else if (signature == encrypted_signature && !searching_) {
        directory_.mark_encrypted();
        lose_track(4);
    } else if (leads_ && record_at_ == 0 &&
               (signature == descriptor_signature || signature == single_signature)) {
        await_record();
    } else {
        lose_track(1);
    }
}

ZipDecoder::Result ZipDecoder::step_local() {
    if (state_ == State::local) {
        if (!collect(local_bytes)) return Result::more;
        member_ = read_zip_local(buffer_.data());
        if (searching_ && !is_believable(member_)) {
            lose_track(1);
            return Result::more;
        }
        begin_name();
        state_ = State::local_name;
    }
    if (state_ == State::local_name) {
        if (!take_name()) return Result::more;
        state_ = State::local_extra;
    }
    if (!take_extra()) return Result::more;
    settle_name();
    return begin_member();
}

void ZipDecoder::begin_name() {
    name_left_ = member_.name_bytes;
    raw_used_ = 0;
    name_rest_hash_ = seed_;
    extra_.open(member_.extra_bytes);
}

bool ZipDecoder::take_name() {
    const std::size_t size = std::min<std::size_t>(name_left_, source_.size());
    const std::size_t kept = std::min(size, raw_name_.size() - raw_used_);
    std::memcpy(raw_name_.data() + raw_used_, source_.data(), kept);
    raw_used_ = static_cast<std::uint16_t>(raw_used_ + kept);
    constexpr std::uint64_t prime = 0x9e3779b97f4a7c15;
    for (const std::uint8_t byte : source_.subspan(kept, size - kept))
        name_rest_hash_ = (name_rest_hash_ ^ byte) * prime;
    name_left_ -= static_cast<std::uint32_t>(size);
    advance(size);
    return name_left_ == 0;
}

bool ZipDecoder::take_extra() {
    Bytes rest = source_;
    const bool done = extra_.take(&rest);
    advance(source_.size() - rest.size());
    return done;
}

std::uint64_t ZipDecoder::name_hash() const {
    return XXH3_64bits_withSeed(raw_name_.data(), raw_used_, seed_) + name_rest_hash_;
}

void ZipDecoder::settle_name() {
    const std::string_view raw(raw_name_.data(), raw_used_);
    name_ = zip_name_text(raw, text_);
    if (!extra_.has_unicode_name()) return;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(raw.data()), static_cast<uInt>(raw.size())));
    const std::string_view unicode = extra_.unicode_name(crc);
    if (!unicode.empty() && is_utf8(unicode)) name_ = unicode;
}

ZipDecoder::Result ZipDecoder::step_entry() {
    if (state_ == State::entry) {
        if (!collect(entry_bytes)) return Result::more;
        member_ = read_zip_entry(buffer_.data());
        begin_name();
        state_ = State::entry_name;
    }
    if (state_ == State::entry_name) {
        if (!take_name()) return Result::more;
        state_ = State::entry_extra;
    }
    if (state_ == State::entry_extra) {
        if (!take_extra()) return Result::more;
        left_ = member_.comment_bytes;
        state_ = State::entry_comment;
    }
    const std::size_t size = std::min<std::size_t>(left_, source_.size());
    left_ -= size;
    advance(size);
    if (left_ != 0) return Result::more;
    extra_.widen(&member_);
    if (extra_.is_ambiguous()) directory_.mark_damaged();
    ends_.forget_stray(record_at_);
    directory_.add_entry(member_, name_hash(), extra_.has_zip64(), record_at_, at_);
    await_record();
    return Result::more;
}

// What stands between the directory and the end record.
ZipDecoder::Result ZipDecoder::step_tail() {
    if (state_ == State::end64) {
        if (!collect(end64_bytes)) return Result::more;
        ends_.forget_stray(record_at_);
        directory_.add_end64(read_zip_end64(buffer_.data()), record_at_);
    } else if (state_ == State::locator) {
        if (!collect(locator_bytes)) return Result::more;
        directory_.add_locator(Bytes(buffer_).first(locator_bytes), record_at_);
    } else {
        if (!collect(6)) return Result::more;
        left_ = load16(buffer_.data() + 4);
        directory_.add_signature(record_at_, at_ + left_);
        state_ = State::signature_rest;
        return Result::more;
    }
    await_record();
    return Result::more;
}

// Bytes that nothing is made of.
ZipDecoder::Result ZipDecoder::step_passed() {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, source_.size()));
    left_ -= size;
    packed_ += size;
    advance(size);
    if (left_ != 0) return Result::more;
    if (state_ == State::passed) {
        end_passed();
    } else {
        await_record();
    }
    return Result::more;
}

// Behind it is a comment, or what a reader takes for the end of the file. Both are searched: there
// may be another end record.
ZipDecoder::Result ZipDecoder::step_end() {
    if (!collect(end_bytes)) return Result::more;
    Verdict verdict = directory_.judge(read_zip_end(buffer_.data()), record_at_);
    // Some readers go by the places as they stand if they find a directory there.
    const bool is_doubtful = verdict == Verdict::consistent && directory_.has_base() &&
                             (ends_.has_stray(directory_.told_directory_at()) ||
                              ends_.has_stray(directory_.told_end64_at()));
    if (is_doubtful) verdict = Verdict::inconsistent;
    // Among other bytes, one that fits nothing is as good as none; so is that of an empty archive.
    const bool fits_nothing = verdict == Verdict::inconsistent ||
                              (verdict == Verdict::consistent && !directory_.has_members());
    if (searching_ && fits_nothing) {
        lose_track(4);
        return Result::more;
    }
    verdict_ = verdict;
    judged_at_ = record_at_;
    judged_locator_ = directory_.has_locator();
    opened_ = true;
    // Who reads from the front stops at the first end, or at a fault.
    front_disagrees_ = front_disagrees_ || (leads_ && verdict == Verdict::inconsistent);
    directory_.start_over();
    buffer_used_ = 0;
    state_ = State::search;
    return Result::more;
}

// What happened to all of a zip is told without a name. A member under way ends before that,
// because its own is asked for then.
ZipDecoder::Result ZipDecoder::finish(Bytes* data, bool in_member) {
    if (note_due_) {
        note_due_ = false;
        name_ = {};
        return Result::note;
    }
    if (state_ == State::failed) return Result::more;
    if (joint_used_ != 0 && !is_opaque_) {
        std::copy_n(joint_.begin(), joint_used_, run_.begin());
        *data = Bytes(run_).first(joint_used_);
        joint_used_ = 0;
        data_is_volatile_ = true;
        return Result::data;
    }
    if (finished_) return Result::more;
    finished_ = true;
    coding_.close();
    const Result result = judge();
    if (result != Result::note) return result;
    if (!in_member) name_ = {};
    note_due_ = in_member;
    is_sound_ = is_sound_ && !in_member;
    return in_member ? Result::member_end : Result::note;
}

// The end record that readers find must be the one that was read here, and its directory must say
// what was seen. Without one, nobody opens a file that does not begin as a zip.
ZipDecoder::Result ZipDecoder::judge() {
    ZipEndFinder::Found found;
    Verdict verdict = verdict_;
    if (ends_.last(&found) && (leads_ || found.can_be)) {
        const bool is_other = verdict_ == Verdict::none || judged_at_ != found.at ||
                              judged_locator_ != found.has_locator;
        if (is_other || (!found.exact && ends_.has_rival())) verdict = Verdict::inconsistent;
    } else if (!leads_) {
        return Result::more;
    }
    if (front_disagrees_) verdict = Verdict::inconsistent;
    switch (verdict) {
        case Verdict::none:
            outcome_ = Outcome::archive_bad;
            return Result::bad;
        case Verdict::consistent:
            return Result::more;
        case Verdict::inconsistent:
            outcome_ = Outcome::archive_inconsistent;
            return Result::inconsistent;
        case Verdict::volumes:
            outcome_ = Outcome::archive_unsupported;
            return Result::note;
        case Verdict::encrypted:
            outcome_ = Outcome::archive_encrypted;
            return Result::note;
    }
    return Result::more;
}

}  // namespace cordon
