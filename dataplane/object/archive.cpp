#include "dataplane/object/archive.h"

#include <new>

namespace cordon {

using Kind = ArchiveEvent::Kind;

bool ArchiveStage::open(ArchiveFormat format, CodingPool* pool, std::uint64_t) {
    format_ = format;
    finished_ = false;
    if (format == ArchiveFormat::tar) {
        tar_.open();
        return true;
    }
    const bool is_gzip = format == ArchiveFormat::gzip;
    return single_.open(is_gzip ? ContentCoding::gzip : ContentCoding::zstd, pool);
}

void ArchiveStage::next(Bytes* input, MutableBytes out, ArchiveEvent* event) {
    *event = ArchiveEvent{};
    if (format_ == ArchiveFormat::tar) return next_tar(input, event);
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
            return;
        case SingleDecoder::Result::bad:
            event->kind = single_.is_bogus() ? Kind::bogus : Kind::bad;
            event->is_cut = !single_.is_complete();
            return;
        case SingleDecoder::Result::limit:
            event->kind = Kind::fault;
            event->outcome = Outcome::archive_limit;
            return;
    }
}

void ArchiveStage::finish(ArchiveEvent* event) {
    *event = ArchiveEvent{};
    event->kind = Kind::more;
    if (finished_) return;
    finished_ = true;
    const bool is_tar = format_ == ArchiveFormat::tar;
    if (is_tar ? tar_.is_complete() : single_.is_complete()) return;
    const bool is_bogus = is_tar ? !tar_.opened() : single_.is_bogus();
    event->kind = is_bogus ? Kind::bogus : Kind::bad;
    event->is_cut = true;
}

void ArchiveStage::close() {
    if (format_ == ArchiveFormat::gzip || format_ == ArchiveFormat::zstd) single_.close();
    format_ = ArchiveFormat::none;
}

std::string_view ArchiveStage::member() const {
    return format_ == ArchiveFormat::tar ? tar_.name() : single_.name();
}

bool ArchiveStage::opened() const {
    return format_ == ArchiveFormat::tar ? tar_.opened() : single_.opened();
}

bool ArchiveStage::has_more() const {
    return format_ == ArchiveFormat::tar ? tar_.has_more() : single_.has_more();
}

bool ArchiveStage::is_wrapper() const {
    return format_ == ArchiveFormat::gzip || format_ == ArchiveFormat::zstd;
}

ArchivePool::ArchivePool(std::uint32_t stages)
    : places_(std::make_unique_for_overwrite<Place[]>(stages)), stages_(stages) {
    free_.reserve(stages);
}

ArchiveStage* ArchivePool::take() {
    if (!free_.empty()) {
        ArchiveStage* stage = free_.back();
        free_.pop_back();
        return stage;
    }
    if (untouched_ == stages_) return nullptr;
    return new (&places_[untouched_++]) ArchiveStage;
}

void ArchivePool::give_back(ArchiveStage* stage) {
    stage->close();
    free_.push_back(stage);
}

}  // namespace cordon
