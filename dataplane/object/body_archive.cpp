// The stages of a BodyDecoder that are archives.
#include <algorithm>
#include <bit>
#include <utility>

#include "dataplane/base/invariant.h"
#include "dataplane/object/body.h"

namespace cordon {

namespace {

// As gunzip and zstd name what they make of a file whose content has no name of its own.
std::string_view without_suffix(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

}  // namespace

// What is no archive by its first bytes may have a zip in it.
bool BodyDecoder::step_plain(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    leave_archive(number);  // one that ended: the names of its members were needed until now
    std::size_t at = 0;
    const bool found = level.object != no_object_number && !level.is_left_alone &&
                       level.search.find(level.input, &at);
    if (!found) {
        level.input = {};
        return false;
    }
    level.input = level.input.subspan(at);
    return begin_inside(number, {}, event);
}

// A zip begins with what was seen of its signature, and `rest`, before the input.
bool BodyDecoder::begin_inside(std::size_t number, Bytes rest, ObjectEvent* event) {
    Level& level = levels_[number];
    const Bytes seen = level.search.seen();
    level.search = {};
    level.coding = Coding::none;
    level.replay = {};
    // The signature stands in many programs, so that nothing is refused for its depth.
    if (!fits_archive(ArchiveFormat::zip)) {
        level.input = level.input.subspan(std::min<std::size_t>(level.input.size(), 1));
        return false;
    }
    level.archive = memory_.archives->take();
    if (level.archive == nullptr) return archive_fault(number, Outcome::archive_full, event);
    level.coding = Coding::archive;
    level.watched = false;
    level.replay = seen;
    level.replay_next = rest;
    level.archive->open_inside(memory_.codings, memory_.seed,
                               level.given - level.input.size() - rest.size() - seen.size());
    return false;
}

// A block behind the end of a tar, or of what was none: readers of zips do not mind it.
bool BodyDecoder::search_foreign(std::size_t number, Bytes block, ObjectEvent* event) {
    Level& level = levels_[number];
    std::size_t at = 0;
    if (!level.search.find(block, &at)) return false;
    // The block is in the stage that is left.
    sniffers_[number].open();
    sniffers_[number].put_by(block.subspan(at));
    const ZipSearch search = level.search;
    leave_archive(number);
    level.search = search;
    return begin_inside(number, sniffers_[number].before(), event);
}

bool BodyDecoder::step_sniffed(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    const ArchiveFormat format = sniffers_[number].look(level.input);
    if (format != ArchiveFormat::unsure) return begin_archive(number, format, event);
    level.input = {};
    return false;
}

bool BodyDecoder::finish_sniffed(std::size_t number, ObjectEvent* event) {
    levels_[number].rest_given = false;  // an archive has an end of its own
    return begin_archive(number, sniffers_[number].finish(), event);
}

bool BodyDecoder::begin_archive(std::size_t number, ArchiveFormat format, ObjectEvent* event) {
    Level& level = levels_[number];
    level.coding = Coding::none;
    // Zeros may be anything: nothing is refused for them.
    const bool is_none = sniffers_[number].is_blank() && !fits_archive(format);
    if (is_none || !is_taken_apart(format)) {
        std::size_t at = 0;
        level.search = {};
        const Bytes before = sniffers_[number].before();
        const bool is_opaque = is_opaque_archive(format);
        const bool found = level.search.find(before, &at);
        if (level.may_be_text && !is_opaque) {
            begin_text(number);
            if (found) end_text_at(level, at);
            return false;
        }
        if (found && begin_inside(number, before.subspan(at), event)) return true;
        return is_opaque && tell_unread(number, Outcome::archive_unknown, event);
    }
    if (!fits_archive(format)) return archive_fault(number, Outcome::archive_limit, event);
    level.archive = memory_.archives->take();
    if (level.archive == nullptr) return archive_fault(number, Outcome::archive_full, event);
    level.coding = Coding::archive;
    level.watched = format != ArchiveFormat::tar;
    level.scanned = false;
    level.replay = sniffers_[number].before();
    if (!level.archive->open(format, memory_.codings, memory_.seed))
        return archive_fault(number, Outcome::archive_full, event);
    return false;
}

// Compressed files are counted apart, so that tar.gz of a zip of tar.gz is within the depth.
bool BodyDecoder::fits_archive(ArchiveFormat format) const {
    const bool is_wrapper = format == ArchiveFormat::gzip || format == ArchiveFormat::zstd;
    const auto same = std::count_if(
        levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(level_count_),
        [&](const Level& level) {
            return level.archive != nullptr && level.archive->is_wrapper() == is_wrapper;
        });
    return static_cast<std::size_t>(same) <
           (is_wrapper ? limits::archive_wrappers_max : limits::archive_depth_max);
}

bool BodyDecoder::step_archive(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    if (begins_as_tar(number)) return archive_fault(number, Outcome::archive_inconsistent, event);
    if (level.replay.empty()) std::swap(level.replay, level.replay_next);
    const bool replays = !level.replay.empty();
    ArchiveEvent what;
    level.archive->next(replays ? &level.replay : &level.input, room(number), &what);
    // What is replayed stands in a place that the next object in this stage will take.
    what.is_volatile = what.is_volatile || level.is_volatile || replays;
    return archive_event(number, what, event);
}

bool BodyDecoder::archive_event(std::size_t number, const ArchiveEvent& what, ObjectEvent* event) {
    Level& level = levels_[number];
    event->outcome = what.outcome;
    switch (what.kind) {
        case ArchiveEvent::Kind::more:
            return false;
        case ArchiveEvent::Kind::member:
            return begin_member(number, event);
        case ArchiveEvent::Kind::data:
            INVARIANT(level_count_ > number + 1);
            give(number + 1, what.data, level.at, what.is_volatile);
            return is_too_much(what.is_coded ? what.data.size() : 0) &&
                   archive_fault(number, Outcome::archive_limit, event);
        case ArchiveEvent::Kind::member_end:
            levels_[number + 1].ended = true;
            levels_[number + 1].is_cut = what.is_cut;
            return false;
        case ArchiveEvent::Kind::may_end:
            INVARIANT(level_count_ > number + 1);
            event->kind = ObjectEvent::Kind::may_end;
            event->object = levels_[number + 1].object;
            return true;
        case ArchiveEvent::Kind::unread:
            return tell_unread(number, what.outcome, event);
        case ArchiveEvent::Kind::note:
            event->kind = ObjectEvent::Kind::note;
            return true;
        case ArchiveEvent::Kind::foreign:
            return search_foreign(number, what.data, event);
        case ArchiveEvent::Kind::end: {
            std::size_t at = 0;
            end_archive(number, false);
            level.search.find(what.data, &at);
            return false;
        }
        case ArchiveEvent::Kind::bogus:
            if (search_foreign(number, what.data, event)) return true;
            if (level.coding == Coding::archive && !level.archive->is_inside())
                end_archive(number, true);
            return false;
        case ArchiveEvent::Kind::bad:
            end_archive(number, what.is_cut);
            event->kind = ObjectEvent::Kind::note;
            event->outcome = Outcome::archive_bad;
            return true;
        case ArchiveEvent::Kind::fault:
            return archive_fault(number, what.outcome, event);
    }
    return false;
}

// All codings of a message have one bound: nested, each of them would have its own.
bool BodyDecoder::is_too_much(std::size_t written) {
    decoded_bytes_ += written;
    return written != 0 &&
           decoded_bytes_ > limits::archive_free_bytes + limits::archive_ratio_max * fed_bytes_;
}

bool BodyDecoder::begin_member(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    const ObjectInfo& container = infos_[level.object];
    Level& member = push(Coding::sniffed, ObjectForm::archive_member, container.form_number);
    infos_[member.object].archive = static_cast<std::uint8_t>(number);
    member.open_due = true;
    if (level.opened) return false;
    level.opened = true;
    event->kind = ObjectEvent::Kind::note;
    event->outcome = Outcome::archive_opened;
    return true;
}

// A number for as long as it is told: the name is asked for by it.
bool BodyDecoder::tell_unread(std::size_t number, Outcome why, ObjectEvent* event) {
    const bool is_member = why != Outcome::archive_unknown;
    const auto object = static_cast<std::uint8_t>(std::countr_one(objects_used_));
    INVARIANT(object < infos_.size());
    infos_[object] = infos_[levels_[number].object];
    if (is_member) {
        infos_[object].form = ObjectForm::archive_member;
        infos_[object].archive = static_cast<std::uint8_t>(number);
    }
    event->kind = ObjectEvent::Kind::unread;
    event->object = object;
    event->outcome = why;
    return true;
}

// What follows in this stage is no part of the archive. A member under way ends.
void BodyDecoder::end_archive(std::size_t number, bool is_cut) {
    Level& level = levels_[number];
    level.coding = Coding::none;
    level.search = {};
    if (level_count_ <= number + 1) return leave_archive(number);
    levels_[number + 1].ended = true;
    levels_[number + 1].is_cut = is_cut;
}

bool BodyDecoder::finish_archive(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    ArchiveEvent what;
    level.archive->finish(&what);
    level.rest_given = what.kind == ArchiveEvent::Kind::more;
    return archive_event(number, what, event);
}

bool BodyDecoder::archive_fault(std::size_t number, Outcome why, ObjectEvent* event) {
    fault(why, event);
    fault_level_ = number;
    event->is_local = true;
    event->object = levels_[number].object;
    return true;
}

void BodyDecoder::leave_archive(std::size_t number) {
    Level& level = levels_[number];
    if (level.archive == nullptr) return;
    memory_.archives->give_back(level.archive);
    level.archive = nullptr;
    level.replay = level.replay_next = {};
}

// For what is declared to be something else. A server that leaves the declaration alone, as most do
// with transfer codings and with forms that are PUT, stores an archive.
bool BodyDecoder::begins_as_archive(std::size_t number) {
    Level& level = levels_[number];
    if (!level.watched || level.scanned || level.object == no_object_number) return false;
    level.scanned = true;
    const ArchiveFormat format = sniffers_[number].look(level.input);
    level.watched = format == ArchiveFormat::unsure;
    return is_taken_apart(format) && !sniffers_[number].is_blank();
}

// The name of a tar's first member may be the signature of another format: readers that are told
// which one it is, or try them in another order than we, have other members.
bool BodyDecoder::begins_as_tar(std::size_t number) {
    Level& level = levels_[number];
    if (!level.watched || level.scanned) return false;
    level.scanned = true;
    const bool seen = sniffers_[number].put_by(level.input);
    level.watched = !seen;
    return seen && is_tar_header(sniffers_[number].before());
}

std::string_view BodyDecoder::member_of(std::size_t number) const {
    const std::string_view name = levels_[number].archive->member();
    return name.empty() && levels_[number].archive->is_wrapper()
               ? without_suffix(container_of(number))
               : name;
}

std::string_view BodyDecoder::container_of(std::size_t number) const {
    const ObjectInfo& info = infos_[levels_[number].object];
    if (info.archive != no_level) return member_of(info.archive);
    const std::string_view file_name =
        info.form_number != no_form ? forms_[info.form_number].head().file_name() : "";
    return file_name.empty() ? target_name_ : file_name;
}

}  // namespace cordon
