#include "dataplane/object/body.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

bool has_boundary(std::string_view content_type) {
    return http::contains_ignoring_case(content_type, "boundary");
}

bool has_parts(const Head& head) {
    return is_multipart(head.content_type) && has_boundary(head.content_type) &&
           !codings_of(head).unknown;
}

}  // namespace

// What stands behind the last slash of the path.
std::string_view BodyDecoder::name_in(std::string_view target) {
    std::string_view path = target.substr(0, target.find_first_of("?#"));
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

// A multipart type without a boundary is a file of that type to whoever takes it (.mhtml).
bool BodyDecoder::needed(const Head& head) {
    const CodingList list = codings_of(head);
    return is_aws_chunked(head) || has_parts(head) || (list.count != 0 && !list.unknown);
}

void BodyDecoder::start(const DecoderMemory& memory) {
    level_count_ = fault_level_ = 0;
    objects_used_ = 0;
    faulted_ = prefix_due_ = false;
    fault_due_.reset();
    field_bytes_ = 0;
    payload_bytes_ = fed_bytes_ = decoded_bytes_ = 0;
    has_declared_ = false;
    memory_ = memory;
}

void BodyDecoder::open_assembled(std::string_view name, const DecoderMemory& memory) {
    start(memory);
    is_post_ = is_coded_form_ = has_declared_ = false;
    target_name_ = name;
    content_type_ = {};
    push(Coding::sniffed, ObjectForm::assembled, no_form).may_be_text = true;
}

void BodyDecoder::leave_alone(std::uint8_t object) {
    for (std::size_t number = 0; number < level_count_; ++number) {
        Level& level = levels_[number];
        if (level.object != object || level.coding != Coding::sniffed) continue;
        level.coding = Coding::none;
        level.is_left_alone = true;
    }
}

void BodyDecoder::open(const Head& head, const DecoderMemory& memory, bool is_open) {
    start(memory);
    is_post_ = head.method == "POST";
    target_name_ = name_in(head.target);
    content_type_ = head.content_type;
    const ObjectForm payload = form_of(head);
    const bool is_piece = payload == ObjectForm::piece;
    part_form_ = is_piece ? ObjectForm::piece : ObjectForm::form_part;
    const ObjectForm raw = is_piece ? ObjectForm::piece : ObjectForm::body;
    if (is_aws_chunked(head)) open_chunks(head, raw);
    ObjectForm form = level_count_ == 0 && needed(head) ? raw : payload;
    const CodingList list = codings_of(head);
    for (std::size_t n = list.unknown ? 0 : list.count; n-- > 0;) {
        Level& level = push(Coding::content, form, no_form);
        level.open_due = true;
        level.form_number = static_cast<std::uint8_t>(n);
        if (!codings_[n].open(list.codings[n], memory.codings)) fault_due_ = Outcome::coding_full;
        form = is_piece ? ObjectForm::piece : ObjectForm::decoded;
    }
    if (list.too_many) fault_due_ = Outcome::coding_limit;
    const bool parts = has_parts(head);
    is_coded_form_ = parts && list.count != 0;
    push(parts ? Coding::parts : Coding::sniffed, form, no_form).open_due = !is_open;
    levels_[level_count_ - 1].form_number = 0;
    levels_[level_count_ - 1].may_be_text = !parts;
    if (parts && !open_form(head)) fault_due_ = Outcome::form_bad_boundary;
}

void BodyDecoder::search_on(ZipSearch search, std::uint64_t at) {
    levels_[0].coding = Coding::none;
    levels_[0].search = search;
    levels_[0].given = fed_bytes_ = at;
}

bool BodyDecoder::open_form(const Head& head) {
    return forms_[0].open(head.content_type) && coded_form_.open(head.content_type);
}

void BodyDecoder::open_chunks(const Head& head, ObjectForm raw) {
    chunks_.open(ChunkStrictness::strict);
    const auto length = head.find("x-amz-decoded-content-length");
    has_declared_ = length.has_value();
    push(Coding::aws_chunked, raw, no_form).open_due = true;
    if (!length) return;
    const char* end = length->data() + length->size();
    const auto [stop, error] = std::from_chars(length->data(), end, declared_);
    if (error != std::errc() || stop != end) fault_due_ = Outcome::aws_bad_length;
}

std::optional<std::uint64_t> BodyDecoder::declared_payload() const {
    if (!has_declared_ || fault_due_) return {};
    return declared_;
}

void BodyDecoder::close() {
    for (CodingDecoder& coding : codings_)
        coding.close();
    for (std::size_t number = 0; number < level_count_; ++number)
        leave_archive(number);
}

BodyDecoder::Level& BodyDecoder::push(Coding coding, ObjectForm form, std::uint8_t form_number) {
    INVARIANT(level_count_ < levels_max);
    const auto object = static_cast<std::uint8_t>(std::countr_one(objects_used_));
    INVARIANT(object < limits::objects_per_message_max);
    objects_used_ = static_cast<std::uint16_t>(objects_used_ | 1u << object);
    infos_[object] = {form, form_number, no_level, false};
    sniffers_[level_count_].open();
    Level& level = levels_[level_count_++];
    level = Level{};
    level.coding = coding;
    level.object = object;
    level.watched = coding == Coding::parts || coding == Coding::transfer;
    return level;
}

// The deepest stage is over, or left alone.
void BodyDecoder::pop(std::size_t number) {
    leave_archive(number);
    forget_object(levels_[number].object);
    level_count_ = number;
}

void BodyDecoder::forget_object(std::uint8_t object) {
    if (object != no_object_number)
        objects_used_ = static_cast<std::uint16_t>(objects_used_ & ~(1u << object));
}

void BodyDecoder::feed(Bytes bytes, std::uint64_t at) {
    INVARIANT(level_count_ > 0);
    fed_bytes_ += bytes.size();
    give(0, bytes, at, false);
}

void BodyDecoder::finish() {
    INVARIANT(level_count_ > 0);
    levels_[0].ended = true;
}

void BodyDecoder::give(std::size_t number, Bytes run, std::uint64_t at, bool is_volatile) {
    Level& level = levels_[number];
    level.input = run;
    level.given += run.size();
    level.at = at;
    level.is_volatile = is_volatile;
    level.scanned = false;
    level.bytes_due = level.object != no_object_number && !run.empty();
}

// The deepest stage first: what one stage gave is used up before it gives more.
bool BodyDecoder::next(ObjectEvent* event) {
    *event = ObjectEvent{};
    while (!faulted_) {
        bool moved = false;
        for (std::size_t number = 0; number < level_count_; ++number) {
            if (levels_[number].open_due) return tell_open(levels_[number], event);
        }
        for (std::size_t number = level_count_; !moved && number-- > 0;) {
            Level& level = levels_[number];
            if (tell(level, event)) return true;
            const bool has_work = has_input(level);
            moved = has_work || level.ended;
            if (has_work ? step(number, event) : level.ended && end_level(number, event))
                return true;
        }
        if (!moved) return false;
    }
    return false;
}

bool BodyDecoder::has_input(const Level& level) const {
    if (!level.input.empty()) return true;
    if (level.over) return false;
    if (level.coding == Coding::archive)
        return !level.replay.empty() || !level.replay_next.empty() || level.archive->has_more();
    if (level.coding == Coding::text)
        return !level.replay.empty() || level.zip_due || text_has_more_;
    if (level.coding == Coding::transfer) return transfer_.is_odd();
    return level.coding == Coding::content && codings_[level.form_number].has_more();
}

// Each stage that writes has a part of the room to itself: the next one reads there.
MutableBytes BodyDecoder::room(std::size_t number) const {
    const std::size_t each = memory_.out.size() / levels_max;
    return memory_.out.subspan(number * each, each);
}

bool BodyDecoder::tell_open(Level& level, ObjectEvent* event) {
    event->kind = ObjectEvent::Kind::open;
    event->object = level.object;
    level.open_due = false;
    return true;
}

// What is to be said of the object of a stage before its input is decoded.
bool BodyDecoder::tell(Level& level, ObjectEvent* event) {
    event->object = level.object;
    if (level.drop_due) {
        event->kind = ObjectEvent::Kind::drop;
        forget_object(level.object);
        level.drop_due = level.bytes_due = false;
        level.object = no_object_number;
        return true;
    }
    if (level.bytes_due && level.is_field) {
        if (hold_field(level)) return false;
        level.open_due = true;
        return tell_field(level.object, field_text_.size(), event);
    }
    event->kind = ObjectEvent::Kind::bytes;
    event->at = level.at;
    event->is_volatile = level.is_volatile;
    if (level.bytes_due && prefix_due_) {
        event->bytes = Bytes(field_text_).first(field_bytes_);
        event->is_volatile = true;
        prefix_due_ = false;
        field_bytes_ = 0;
        if (!event->bytes.empty()) return true;
    }
    if (!level.bytes_due) return false;
    event->bytes = level.input;
    level.bytes_due = false;
    return true;
}

bool BodyDecoder::tell_field(std::uint8_t object, std::size_t bytes, ObjectEvent* event) {
    event->kind = ObjectEvent::Kind::field;
    event->object = object;
    event->bytes = Bytes(field_text_).first(bytes);
    event->is_volatile = true;
    return true;
}

// Most servers take the text of a field as it is, whatever coding its head declares.
void BodyDecoder::put_by_field(Bytes bytes) {
    const std::size_t taken = std::min(bytes.size(), field_text_.size() - field_bytes_);
    std::copy_n(bytes.begin(), taken, field_text_.begin() + field_bytes_);
    field_bytes_ = static_cast<std::uint8_t>(field_bytes_ + taken);
}

// True: the field is still short, and its bytes are put by.
bool BodyDecoder::hold_field(Level& level) {
    if (field_bytes_ + level.input.size() > field_text_.size()) {
        level.is_field = false;
        prefix_due_ = true;
        // What is told of it does not depend on how it is cut.
        std::copy_n(level.input.begin(), field_text_.size() - field_bytes_,
                    field_text_.begin() + field_bytes_);
        sniffers_[level_count_ - 1].put_by(Bytes(field_text_).first(field_bytes_));
        return false;
    }
    std::memcpy(field_text_.data() + field_bytes_, level.input.data(), level.input.size());
    field_bytes_ = static_cast<std::uint8_t>(field_bytes_ + level.input.size());
    level.input = {};
    level.bytes_due = false;
    return true;
}

bool BodyDecoder::step(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    if (fault_due_ && number == 0) return fault(*fault_due_, event);
    switch (level.coding) {
        case Coding::none:
            return step_plain(number, event);
        case Coding::aws_chunked:
            return step_chunks(number, event);
        case Coding::content:
            return step_coding(number, event);
        case Coding::parts:
            return step_parts(number, event);
        case Coding::transfer: {
            if (begins_as_archive(number)) return fault(Outcome::archive_inconsistent, event);
            if (transfer_.is_odd()) return fault(Outcome::form_bad_coding, event);
            const MutableBytes out = room(number);
            std::size_t written = 0;
            if (transfer_.take_may_end(out, &written))
                return may_end_with(number, out.first(written), event);
            const Bytes before = level.input;
            written = transfer_.next(&level.input, out);
            if (level.is_coded_field)
                put_by_field(before.first(before.size() - level.input.size()));
            give(number + 1, out.first(written), level.at, true);
            return false;
        }
        case Coding::sniffed:
            return step_sniffed(number, event);
        case Coding::archive:
            return step_archive(number, event);
        case Coding::text:
            return step_text(number, event);
    }
    return false;
}

bool BodyDecoder::step_chunks(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    Bytes data;
    const ChunkedDecoder::Result result = chunks_.next(&level.input, &data);
    if (chunks_.size_seen()) confirm(level, true);
    switch (result) {
        case ChunkedDecoder::Result::more:
            return false;
        case ChunkedDecoder::Result::data: {
            // A server may take the declared bytes and leave the rest: the object is looked up
            // there.
            const std::uint64_t room = declared_ - payload_bytes_;
            if (has_declared_ && data.size() > room) {
                data = data.first(static_cast<std::size_t>(room));
                fault_due_ = Outcome::aws_bad_length;
                level.input = {};
            }
            payload_bytes_ += data.size();
            give(number + 1, data, level.at, level.is_volatile);
            if (fault_due_ && data.empty()) return fault(*fault_due_, event);
            return false;
        }
        case ChunkedDecoder::Result::end:
            return !level.input.empty() && fault(Outcome::aws_bad_chunk, event);
        case ChunkedDecoder::Result::bad:
            return fault(Outcome::aws_bad_chunk, event);
    }
    return false;
}

bool BodyDecoder::step_parts(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    if (begins_as_archive(number)) return fault(Outcome::archive_inconsistent, event);
    MultipartDecoder& form = forms_[level.form_number];
    const Bytes before = form.kept_back();
    Bytes data;
    const MultipartDecoder::Result result = form.next(&level.input, &data);
    const bool was_kept = !before.empty() && result == MultipartDecoder::Result::data;
    const std::uint64_t at = was_kept ? level.kept_at : level.at;
    if (before.empty() || was_kept) level.kept_at = level.at;
    if (form.delimited()) confirm(level, number == 0 && is_post_ && !form.has_preamble());
    switch (result) {
        case MultipartDecoder::Result::more:
            return false;
        case MultipartDecoder::Result::part:
            return open_part(number, event);
        case MultipartDecoder::Result::data:
            give(number + 1, data, at, level.is_volatile && !was_kept);
            return false;
        case MultipartDecoder::Result::part_end:
            levels_[number + 1].ended = true;
            return false;
        case MultipartDecoder::Result::bad:
            return fault(form.outcome(), event);
    }
    return false;
}

bool BodyDecoder::open_part(std::size_t number, ObjectEvent* event) {
    const std::uint8_t form_number = levels_[number].form_number;
    const PartHead& head = forms_[form_number].head();
    if (is_multipart(head.content_type()) && has_boundary(head.content_type())) {
        if (form_number != 0) return fault(Outcome::form_too_deep, event);
        if (!forms_[1].open(head.content_type())) return fault(Outcome::form_bad_boundary, event);
        Level& level = push(Coding::parts, part_form_, form_number);
        level.open_due = true;
        level.form_number = 1;
    } else if (head.transfer() != TransferCoding::none) {
        transfer_.open(head.transfer());
        Level& coded = push(Coding::transfer, part_form_, form_number);
        coded.open_due = true;
        coded.is_coded_field = !head.is_file();
        field_bytes_ = 0;
        push(Coding::sniffed, ObjectForm::decoded, form_number).open_due = true;
    } else {
        Level& level = push(Coding::sniffed, part_form_, form_number);
        level.may_be_text = true;
        level.open_due = head.is_file();
        level.is_field = !head.is_file();
        field_bytes_ = 0;
    }
    return false;
}

// The framing of the form was seen: from its beginning on (`is_pure_framing`) the bytes as they are
// cannot be a file.
void BodyDecoder::confirm(Level& level, bool is_pure_framing) {
    if (level.confirmed) return;
    level.confirmed = true;
    level.drop_due = is_pure_framing && level.object != no_object_number;
}

// A stage without further input: its decoder gives what it has left, then the next stage is closed
// and this one's object ends.
bool BodyDecoder::end_level(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    if (!level.rest_given) {
        level.rest_given = true;
        if (fault_due_ && number == 0) return fault(*fault_due_, event);
        switch (level.coding) {
            case Coding::none:
                return false;
            case Coding::aws_chunked:
                return finish_chunks(event);
            case Coding::parts:
                return finish_parts(number, event);
            case Coding::transfer: {
                if (transfer_.ends_oddly()) return fault(Outcome::form_bad_coding, event);
                const MutableBytes out = room(number);
                give(number + 1, out.first(transfer_.rest(out)), level.at, true);
                return level.is_coded_field && tell_field(level.object, field_bytes_, event);
            }
            case Coding::sniffed:
                return finish_sniffed(number, event);
            case Coding::archive:
                return finish_archive(number, event);
            case Coding::text:
                return finish_text(number, event);
            case Coding::content:
                // A stream that is cut short gave what it had.
                return !level.over && !codings_[level.form_number].is_complete() &&
                       end_coding(number, Outcome::coding_bad, event);
        }
    }
    if (!level.finished) {
        level.finished = true;
        if (number + 1 < level_count_) levels_[number + 1].ended = true;
        return false;
    }
    event->kind = ObjectEvent::Kind::end;
    event->object = level.object;
    event->is_cut = level.is_cut;
    const bool is_open = level.object != no_object_number && !level.is_field;
    if (level.is_field) tell_field(level.object, field_bytes_, event);
    const bool is_told = is_open || level.is_field;
    pop(number);
    return is_told;
}

bool BodyDecoder::finish_chunks(ObjectEvent* event) {
    // The last CRLF is left out by some clients; servers count by the chunks.
    if (!chunks_.last_seen()) return fault(Outcome::aws_bad_chunk, event);
    if (has_declared_ && payload_bytes_ != declared_) return fault(Outcome::aws_bad_length, event);
    return false;
}

// The line break at the end of a part without a delimiter is none of it to some readers.
bool BodyDecoder::finish_parts(std::size_t number, ObjectEvent* event) {
    Level& level = levels_[number];
    const MultipartDecoder& form = forms_[level.form_number];
    // Whether the last line break is one of the text depends on the reader.
    const bool is_coded = number + 1 < level_count_ &&
                          levels_[number + 1].coding == Coding::transfer && transfer_.is_quoted();
    if (form.in_content() && is_coded && !form.kept_back().empty())
        return fault(Outcome::form_bad_coding, event);
    if (form.in_content() && !form.kept_back().empty() && tell_may_end(number, event)) {
        level.rest_given = false;
        return true;
    }
    if (form.in_content()) give(number + 1, form.kept_back(), level.kept_at, false);
    if (form.closed()) return false;
    event->kind = ObjectEvent::Kind::note;
    event->outcome = Outcome::form_unterminated;
    return true;
}

BodyDecoder::Name BodyDecoder::name(std::uint8_t object) const {
    const ObjectInfo& info = infos_[object];
    Name name{info.form, {}, {}, {}, {}};
    if (info.form_number != no_form) {
        // A part of a part belongs to the field of the outer one (RFC 2388 §4.2).
        name.field = forms_[0].head().field();
        name.file_name = forms_[info.form_number].head().file_name();
    }
    if (info.is_in_text && !text_.field().empty()) name.field = text_.field();
    if (info.archive != no_level) {
        name.member = member_of(info.archive);
        name.container = container_of(info.archive);
    }
    return name;
}

std::size_t BodyDecoder::kept_back(std::uint8_t object, MutableBytes room) const {
    for (std::size_t number = 0; number < level_count_; ++number) {
        if (levels_[number].object == object) return rest_into(number, room);
    }
    return 0;
}

// What would still flow into a stage if the message ended here.
std::size_t BodyDecoder::rest_into(std::size_t number, MutableBytes room) const {
    if (number == 0) return 0;
    const Level& from = levels_[number - 1];
    if (from.coding == Coding::transfer) return transfer_.rest(room);
    if (from.coding == Coding::text) return text_.rest(room);
    if (from.coding == Coding::archive) {
        const Bytes kept = from.archive->kept_back();
        std::copy(kept.begin(), kept.end(), room.begin());
        return kept.size();
    }
    if (from.coding != Coding::parts || !forms_[from.form_number].in_content()) return 0;
    const Bytes kept = forms_[from.form_number].kept_back();
    std::copy(kept.begin(), kept.end(), room.begin());
    return kept.size() + rest_into(number - 1, room.subspan(kept.size()));
}

bool BodyDecoder::fault(Outcome outcome, ObjectEvent* event) {
    faulted_ = true;
    fault_level_ = 0;
    event->kind = ObjectEvent::Kind::fault;
    event->outcome = outcome;
    event->is_local = false;
    return true;
}

void BodyDecoder::give_up() {
    Level& level = levels_[fault_level_];
    faulted_ = false;
    fault_due_.reset();
    while (level_count_ > fault_level_ + 1)
        pop(level_count_ - 1);
    leave_archive(fault_level_);
    level.coding = Coding::none;
    level.input = {};
    level.rest_given = level.finished = false;
}

bool BodyDecoder::keeps(std::uint8_t object) const {
    return std::any_of(levels_.begin(), levels_.begin() + level_count_,
                       [&](const Level& level) { return level.object == object; });
}

bool BodyDecoder::is_plain() const {
    const Level& level = levels_[0];
    return level_count_ == 1 && level.coding == Coding::none && level.object == 0 && !faulted_ &&
           !level.open_due && !level.bytes_due && level.input.empty();
}

}  // namespace cordon
