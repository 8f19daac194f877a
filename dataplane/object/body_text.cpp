// The stage of a BodyDecoder that finds files in base64 in a text. One text is under way at a time:
// what is found in one, or in an archive, is not searched for more.
#include "dataplane/base/invariant.h"
#include "dataplane/object/body.h"

namespace cordon {

// Most bodies are no text by their first byte or two.
bool BodyDecoder::needed(const Head& head, Bytes first, bool is_all) {
    if (ArchiveSniffer::first_look(first, is_all) != ArchiveFormat::none) return true;
    TextDecoder text;
    std::array<std::uint8_t, TextDecoder::room_min> room;
    std::size_t written = 0;
    text.open(head.content_type);
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

bool BodyDecoder::step_text(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    const bool is_fresh = !level.scanned && !level.input.empty();
    std::size_t at = 0;
    if (is_fresh) level.scanned = true;
    if (is_fresh && level.search.find(level.input, &at)) {  // this is no text
        if (level_count_ > number + 1) levels_[number + 1].ended = true;
        level.input = level.input.subspan(at);
        return begin_inside(number, {}, event);
    }
    const MutableBytes out = room(number);
    std::size_t written = 0;
    Bytes* input = level.replay.empty() ? &level.input : &level.replay;
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
        case TextResult::end:
            levels_[number + 1].ended = true;
            return false;
        case TextResult::none:
            level.coding = Coding::none;
            // It was searched already.
            level.input = level.replay = {};
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
    if (!text_finished_) text_.finish();
    text_finished_ = true;
    const MutableBytes out = room(number);
    std::size_t written = 0;
    Bytes nothing;
    const TextResult result = text_.next(&nothing, out, &written);
    level.rest_given = result == TextResult::none || result == TextResult::more;
    return text_event(number, result, out.first(written), event);
}

}  // namespace cordon
