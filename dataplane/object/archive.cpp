#include "dataplane/object/archive.h"

#include <cstring>
#include <new>

#include "dataplane/base/invariant.h"

namespace cordon {

using Kind = ArchiveEvent::Kind;

bool ArchiveStage::open(ArchiveFormat format, CodingPool* pool, std::uint64_t seed) {
    format_ = format;
    finished_ = in_member_ = is_inside_ = false;
    if (is_zip()) {
        zip_.open(pool, seed, true);
        return true;
    }
    if (format == ArchiveFormat::tar) {
        tar_.open();
        return true;
    }
    const bool is_gzip = format == ArchiveFormat::gzip;
    return single_.open(is_gzip ? ContentCoding::gzip : ContentCoding::zstd, pool);
}

void ArchiveStage::open_inside(CodingPool* pool, std::uint64_t seed, std::uint64_t at) {
    format_ = ArchiveFormat::zip;
    finished_ = in_member_ = false;
    is_inside_ = true;
    zip_.open(pool, seed, false, at);
}

void ArchiveStage::next(Bytes* input, MutableBytes out, ArchiveEvent* event) {
    *event = ArchiveEvent{};
    if (is_tar()) return next_tar(input, event);
    if (is_zip()) return next_zip(input, out, event);
    next_single(input, out, event);
}

void ArchiveStage::next_tar(Bytes* input, ArchiveEvent* event) {
    switch (tar_.next(input, &event->data)) {
        case TarDecoder::Result::more:
            event->kind = Kind::more;
            return;
        case TarDecoder::Result::member:
            event->kind = Kind::member;
            return;
        case TarDecoder::Result::data:
            event->kind = Kind::data;
            return;
        case TarDecoder::Result::member_end:
            event->kind = Kind::member_end;
            return;
        case TarDecoder::Result::unsupported:
            event->kind = Kind::unread;
            event->outcome = Outcome::archive_unsupported;
            return;
        case TarDecoder::Result::damaged:
            event->kind = Kind::note;
            event->outcome = Outcome::archive_bad;
            return;
        case TarDecoder::Result::foreign:
            event->kind = Kind::foreign;
            return;
        case TarDecoder::Result::inconsistent:
            event->kind = Kind::fault;
            event->outcome = Outcome::archive_inconsistent;
            return;
        case TarDecoder::Result::limit:
            event->kind = Kind::fault;
            event->outcome = Outcome::archive_limit;
            return;
        case TarDecoder::Result::bogus:
            event->kind = Kind::bogus;
            return;
    }
}

void ArchiveStage::next_single(Bytes* input, MutableBytes out, ArchiveEvent* event) {
    event->is_volatile = event->is_coded = true;
    switch (single_.next(input, out, &event->data)) {
        case SingleDecoder::Result::more:
            event->kind = Kind::more;
            return;
        case SingleDecoder::Result::member:
            event->kind = Kind::member;
            return;
        case SingleDecoder::Result::data:
            event->kind = Kind::data;
            return;
        case SingleDecoder::Result::may_end:
            event->kind = Kind::may_end;
            return;
        case SingleDecoder::Result::end:
            event->kind = Kind::end;
            event->data = single_.foreign();
            return;
        case SingleDecoder::Result::bad:
            event->kind = single_.is_disputed() ? Kind::fault
                          : single_.is_bogus()  ? Kind::bogus
                                                : Kind::bad;
            event->outcome = Outcome::archive_inconsistent;
            event->is_cut = !single_.is_complete();
            return;
        case SingleDecoder::Result::limit:
            event->kind = Kind::fault;
            event->outcome = Outcome::archive_limit;
            return;
    }
}

void ArchiveStage::next_zip(Bytes* input, MutableBytes out, ArchiveEvent* event) {
    take(zip_.next(input, out, &event->data), event);
}

void ArchiveStage::take(ZipDecoder::Result result, ArchiveEvent* event) {
    event->outcome = zip_.outcome();
    switch (result) {
        case ZipDecoder::Result::more:
            event->kind = Kind::more;
            return;
        case ZipDecoder::Result::member:
            in_member_ = true;
            event->kind = Kind::member;
            return;
        case ZipDecoder::Result::data:
            event->kind = Kind::data;
            event->is_volatile = event->is_coded = zip_.data_is_volatile();
            return;
        case ZipDecoder::Result::member_end:
            in_member_ = false;
            event->kind = Kind::member_end;
            event->is_cut = !zip_.member_is_sound();
            return;
        case ZipDecoder::Result::note:
            event->kind = Kind::unread;
            return;
        case ZipDecoder::Result::bad:
            event->kind = Kind::bad;
            event->is_cut = in_member_;
            return;
        case ZipDecoder::Result::inconsistent:
        case ZipDecoder::Result::limit:
            event->kind = Kind::fault;
            return;
    }
}

void ArchiveStage::finish(ArchiveEvent* event) {
    *event = ArchiveEvent{};
    if (is_zip()) return take(zip_.finish(&event->data, in_member_), event);
    event->kind = Kind::more;
    if (finished_) return;
    finished_ = true;
    if (is_tar() ? tar_.is_complete() : single_.is_complete()) {
        if (!is_tar() || tar_.rest().empty()) return;
        event->kind = Kind::foreign;
        event->data = tar_.rest();
        return;
    }
    event->data = is_tar() ? tar_.rest() : Bytes{};
    const bool is_bogus = is_tar() ? !tar_.opened() : single_.is_bogus();
    event->kind = is_bogus ? Kind::bogus : Kind::bad;
    event->is_cut = true;
}

void ArchiveStage::close() {
    if (is_zip()) zip_.close();
    if (is_wrapper()) single_.close();
    format_ = ArchiveFormat::none;
}

std::string_view ArchiveStage::member() const {
    return is_zip() ? zip_.name() : is_tar() ? tar_.name() : single_.name();
}

bool ArchiveStage::has_more() const {
    return is_zip() ? zip_.has_more() : is_tar() ? tar_.has_more() : single_.has_more();
}

Bytes ArchiveStage::kept_back() const {
    return is_zip() ? zip_.kept_back() : Bytes{};
}

bool ArchiveStage::is_wrapper() const {
    return format_ == ArchiveFormat::gzip || format_ == ArchiveFormat::zstd;
}

ArchivePool::ArchivePool(std::uint32_t stages)
    : places_(std::make_unique_for_overwrite<Place[]>(stages)), stages_(stages) {
    free_.reserve(stages);
}

ArchiveStage* ArchivePool::stage(std::uint32_t number) {
    return std::launder(reinterpret_cast<ArchiveStage*>(&places_[number]));
}

ArchiveStage* ArchivePool::take() {
    if (!free_.empty()) {
        const std::uint32_t number = free_.back();
        free_.pop_back();
        return stage(number);
    }
    if (untouched_ == stages_) return nullptr;
    return new (&places_[untouched_++]) ArchiveStage;
}

void ArchivePool::give_back(ArchiveStage* stage) {
    stage->close();
    free_.push_back(static_cast<std::uint32_t>(reinterpret_cast<Place*>(stage) - places_.get()));
}

void ArchivePool::copy_from(const ArchivePool& other) {
    INVARIANT(stages_ == other.stages_);
    free_ = other.free_;  // it has room for all
    untouched_ = other.untouched_;
    std::memcpy(places_.get(), other.places_.get(), untouched_ * sizeof(Place));
}

}  // namespace cordon
