// The stage of a BodyDecoder that undoes a coding of the whole body.
#include <algorithm>

#include "dataplane/base/invariant.h"
#include "dataplane/object/body.h"

namespace cordon {

bool BodyDecoder::step_coding(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    // What follows the coded content: a form, to servers that leave codings alone.
    if (level.over) {
        if (is_coded_form_) return fault(Outcome::coding_bad, event);
        level.input = {};
        return false;
    }
    const bool outermost = number == 0 || levels_[number - 1].coding != Coding::content;
    CodingDecoder& coding = codings_[level.form_number];
    if (coding.between_pieces() && !level.input.empty() && tell_may_end(number, event)) return true;
    if (is_coded_form_ && outermost && !level.scanned) {
        Bytes coded = level.input;
        Bytes data;
        level.scanned = true;
        const bool is_odd = coded_form_.next(&coded, &data) != MultipartDecoder::Result::more;
        if (is_odd || coded_form_.delimited()) return fault(Outcome::coding_bad, event);
    }
    std::size_t written = 0;
    const MutableBytes out = room(number);
    const Bytes before = level.input;
    const CodingDecoder::Result result = coding.next(&level.input, out, &written);
    sniffers_[number].put_by(before.first(before.size() - level.input.size()));
    if (written != 0) give(number + 1, out.first(written), level.at, true);
    if (is_too_much(written)) return fault(Outcome::coding_limit, event);
    switch (result) {
        case CodingDecoder::Result::more:
        case CodingDecoder::Result::data:
            return false;
        case CodingDecoder::Result::end:
            level.over = true;
            return false;
        case CodingDecoder::Result::bad:
            return end_coding(number, Outcome::coding_bad, event);
        case CodingDecoder::Result::limit:
            return fault(Outcome::coding_limit, event);
    }
    return false;
}

// To some readers what came out of this stage is all of it; told once.
bool BodyDecoder::tell_may_end(std::size_t number, ObjectEvent* event) {
    if (levels_[number].may_end_told || level_count_ <= number + 1) return false;
    event->kind = ObjectEvent::Kind::may_end;
    event->object = levels_[number + 1].object;
    // A short field is no object.
    if (event->object == no_object_number || levels_[number + 1].is_field) return false;
    levels_[number].may_end_told = true;
    return true;
}

// The same, with `more` behind it.
bool BodyDecoder::may_end_with(std::size_t number, Bytes more, ObjectEvent* event) {
    INVARIANT(level_count_ > number + 1);
    event->kind = ObjectEvent::Kind::may_end;
    event->object = levels_[number + 1].object;
    event->bytes = more;
    event->is_volatile = true;
    return true;
}

// What is no coding, or ends too early. A body that only claims to be coded is an object as it is;
// a form in it would be taken apart by servers that leave codings alone. Of a stream that is
// damaged further on, servers keep more or less.
bool BodyDecoder::end_coding(std::size_t number, Outcome why, ObjectEvent* event) {
    Level& level = levels_[number];
    level.over = true;
    const CodingDecoder& coding = codings_[level.form_number];
    if (is_coded_form_ || (!level.ended && !coding.is_bogus())) return fault(why, event);
    if (coding.is_bogus()) {  // it may be an archive as it is
        levels_[number + 1].ended = true;
        level.coding = Coding::sniffed;
        level.may_be_text = true;
        level.over = level.rest_given = false;
    }
    event->kind = ObjectEvent::Kind::note;
    event->outcome = why;
    return true;
}

}  // namespace cordon
