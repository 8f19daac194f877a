// The stage of a BodyDecoder that finds files in base64 in a text. One text is under way at a time:
// what is found in one, or in an archive, is not searched for more.
#include <algorithm>
#include <utility>

#include "dataplane/base/invariant.h"
#include "dataplane/object/body.h"

namespace cordon {

// Most bodies are no text by their first byte or two.
bool BodyDecoder::needed(const Head& head, Bytes first, bool is_all) {
    return begins_with_files(head.content_type, first, is_all);
}

bool BodyDecoder::needed(Bytes first, bool is_all) {
    return begins_with_files({}, first, is_all);
}

bool BodyDecoder::begins_with_files(std::string_view content_type, Bytes first, bool is_all) {
    if (ArchiveSniffer::first_look(first, is_all) != ArchiveFormat::none) return true;
    TextDecoder text;
    std::array<std::uint8_t, TextDecoder::room_min> room;
    std::size_t written = 0;
    text.open(content_type);
    return text.next(&first, room, &written) != TextResult::none;
}

void BodyDecoder::begin_text(std::size_t number) {
    Level& level = levels_[number];
    // The type that a part claims does not say how its text is read, only that of a body does.
    const bool is_whole = infos_[level.object].form != ObjectForm::form_part;
    text_.open(is_whole ? content_type_ : std::string_view());
    text_finished_ = text_has_more_ = false;
    level.coding = Coding::text;
    level.replay = sniffers_[number].before();
    level.scanned = false;
}

// Where a zip begins the text ends. What may be the first bytes of its signature is no part of the
// text until it is known, so that what is found does not depend on how the body was cut.
void BodyDecoder::search_text(Level& level) {
    const Bytes held = level.search.seen();
    const std::size_t size = level.input.size();
    // No byte of a signature stands in it twice: what begins with its first one begins anew.
    const bool may_go_on = !held.empty() && level.input.front() != 'P';
    std::size_t at = 0;
    const bool found = level.search.find(level.input, &at);
    const std::size_t seen = found ? 0 : level.search.seen().size();
    if (may_go_on && (found ? at == 0 : seen > size)) {
        if (!level.replay.empty())
            level.replay = level.replay.first(level.replay.size() - held.size());
    } else if (level.replay.empty()) {
        level.replay = held;
    }
    if (!found) {
        level.input = level.input.first(size - std::min(seen, size));
        return;
    }
    level.zip_due = true;
    level.replay_next = level.input.first(at);
    level.input = level.input.subspan(at);
}

// A zip begins in what is replayed.
void BodyDecoder::end_text_at(Level& level, std::size_t at) {
    level.zip_rest = level.replay.subspan(at);
    level.replay = level.replay.first(at);
    level.zip_due = level.scanned = true;
}

bool BodyDecoder::step_text(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    if (!level.scanned && !level.input.empty()) {
        level.scanned = true;
        search_text(level);
    }
    if (level.replay.empty()) std::swap(level.replay, level.replay_next);
    const bool is_over = level.zip_due && level.replay.empty();
    if (is_over && !text_has_more_) {
        if (level_count_ > number + 1) levels_[number + 1].ended = true;
        level.zip_due = false;
        return begin_inside(number, std::exchange(level.zip_rest, {}), event);
    }
    const MutableBytes out = room(number);
    std::size_t written = 0;
    Bytes none;
    Bytes* input = is_over ? &none : level.replay.empty() ? &level.input : &level.replay;
    const TextResult result = text_.next(input, out, &written);
    return text_event(number, result, out.first(written), event);
}

bool BodyDecoder::text_event(std::size_t number, TextResult result, Bytes data,
                             ObjectEvent* event) {
    Level& level = levels_[number];
    text_has_more_ = result != TextResult::more && result != TextResult::none;
    switch (result) {
        case TextResult::more:
            return false;
        case TextResult::open:
            return begin_text_file(number, event);
        case TextResult::data:
            INVARIANT(level_count_ > number + 1);
            give(number + 1, data, level.at, true);
            return false;
        case TextResult::odd:
            event->kind = ObjectEvent::Kind::note;
            event->outcome = Outcome::text_bad;
            return true;
        case TextResult::may_end:
            return may_end_with(number, data, event);
        case TextResult::end:
            levels_[number + 1].ended = true;
            return false;
        case TextResult::none:
            level.replay = level.replay_next = {};
            if (level.zip_due) return false;
            level.coding = Coding::none;
            level.input = {};  // it was searched already
            return false;
    }
    return false;
}

bool BodyDecoder::begin_text_file(std::size_t number, ObjectEvent* event) {
    const ObjectInfo& text = infos_[levels_[number].object];
    const bool is_piece = text.form == ObjectForm::piece;
    Level& file =
        push(Coding::sniffed, is_piece ? ObjectForm::piece : ObjectForm::decoded, text.form_number);
    infos_[file.object].is_in_text = true;
    file.open_due = true;
    event->kind = ObjectEvent::Kind::note;
    event->outcome = Outcome::text_decoded;
    return true;
}

bool BodyDecoder::finish_text(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    const MutableBytes out = room(number);
    std::size_t written = 0;
    if (!text_finished_) {  // what began like a zip was none
        level.replay = level.search.seen();
        level.search = {};
    }
    if (!level.replay.empty()) {
        const TextResult result = text_.next(&level.replay, out, &written);
        return text_event(number, result, out.first(written), event);
    }
    if (!text_finished_) text_.finish();
    text_finished_ = true;
    Bytes nothing;
    const TextResult result = text_.next(&nothing, out, &written);
    level.rest_given = result == TextResult::none || result == TextResult::more;
    return text_event(number, result, out.first(written), event);
}

}  // namespace cordon
