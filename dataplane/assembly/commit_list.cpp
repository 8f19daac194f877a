#include "dataplane/assembly/commit_list.h"

#include <algorithm>

#include "dataplane/assembly/recipe_view.h"
#include "dataplane/assembly/storage_names.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trim_space(std::string_view text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

bool has_space(std::string_view text) {
    return std::any_of(text.begin(), text.end(), is_space);
}

bool has_line_end(std::string_view text) {
    return text.find_first_of("\r\n") != std::string_view::npos;
}

// BUCKET and OBJECT, or ACCOUNT and CONTAINER/OBJECT.
void name_object(std::string_view before, std::string_view object, std::uint64_t seed,
                 CommitEntry* entry) {
    std::array<char, limits::head_bytes_max> text;
    std::size_t used = fold_path(before, PathText::plain, text);
    used += fold_path(object, PathText::plain, std::span(text).subspan(used));
    PieceRequest named;
    set_group({text.data(), used}, seed, &named);
    entry->from = CommitEntry::From::object;
    entry->name = object_key(before, object, seed);
    entry->group = named.group;
    entry->position = named.position;
}

constexpr unsigned bit(auto field) {
    return 1u << static_cast<unsigned>(field);
}

}  // namespace

void CommitList::open(const Head& head, const PieceRequest& request, std::uint64_t seed) {
    state_ = State::open;
    format_ = request.list;
    begun_ = ended_ = in_value_ = in_list_ = list_seen_ = list_due_ = false;
    seen_ = 0;
    field_ = Field::none;
    value_bytes_ = 0;
    entries_ = 0;
    seed_ = seed;
    last_index_ = 0;
    input_ = {};
    head_ = &head;
    blob_ = request.key;
    item_ = CommitEntry{};
    xml_.open();
    json_.open();
    const TargetParts target = split_target(head.target);
    const std::string_view path{before_text_.data(),
                                fold_path(target.path, PathText::encoded, before_text_)};
    std::string_view rest = path;
    before_ = {};
    partials_ = {};
    if (format_ == ListFormat::swift_segments) before_ = swift_account(path);
    if (format_ == ListFormat::gcs_sources) split_gcs_path(path, &before_, &rest);
    if (format_ == ListFormat::gcs_components) before_ = take_segment(&rest);
    if (format_ == ListFormat::tus_partials) {
        partials_ = head.find("upload-concat").value_or("");
        take_piece(&partials_, ';');
    }
}

void CommitList::finish() {
    ended_ = true;
}

bool CommitList::next(CommitEntry* entry) {
    if (state_ != State::open) return false;
    if (format_ == ListFormat::tus_partials) return next_partial(entry);
    if (!begins_well()) return false;
    if (is_json() ? next_json(entry) : next_xml(entry)) return true;
    if (state_ != State::open || !ended_) return false;
    const bool is_whole = begun_ && (is_json() ? json_.is_over() : xml_.is_over());
    state_ = is_whole && entries_ != 0 ? State::complete : State::bad;
    return false;
}

bool CommitList::is_json() const {
    return format_ == ListFormat::swift_segments || format_ == ListFormat::gcs_sources;
}

std::uint32_t CommitList::entries_max() const {
    switch (format_) {
        case ListFormat::s3_parts:
            return limits::commit_parts_max;
        case ListFormat::azure_blocks:
            return limits::commit_blocks_max;
        case ListFormat::swift_segments:
            return limits::commit_segments_max;
        case ListFormat::gcs_sources:
        case ListFormat::gcs_components:
            return limits::commit_components_max;
        case ListFormat::tus_partials:
            return limits::commit_parts_max;
        case ListFormat::none:
            break;
    }
    return 0;
}

// The first byte tells whether it is a document at all. Text in another encoding is none that is
// foreign: a storage might decode it.
bool CommitList::begins_well() {
    while (!begun_ && !input_.empty()) {
        const auto c = static_cast<char>(input_.front());
        if (is_space(c)) {
            input_ = input_.subspan(1);
            continue;
        }
        const char expected = format_ == ListFormat::swift_segments ? '['
                              : format_ == ListFormat::gcs_sources  ? '{'
                                                                    : '<';
        const bool is_text = static_cast<std::uint8_t>(c) > 0x20 && c < 0x7f && c > 0;
        if (is_text && c != expected) {
            state_ = State::foreign;
            return false;
        }
        begun_ = true;
    }
    if (!begun_ && ended_) state_ = State::foreign;
    return state_ == State::open;
}

bool CommitList::fail() {
    state_ = State::bad;
    return false;
}

bool CommitList::give(CommitEntry* entry) {
    if (entries_ == entries_max()) return fail();
    ++entries_;
    *entry = item_;
    return true;
}

// --- XML -----------------------------------------------------------------------------------------

bool CommitList::next_xml(CommitEntry* entry) {
    for (;;) {
        const XmlReader::Token token = xml_.next(&input_);
        if (token == XmlReader::Token::more || state_ != State::open) return false;
        if (take_xml(token, entry)) return true;
    }
}

bool CommitList::take_xml(XmlReader::Token token, CommitEntry* entry) {
    switch (token) {
        case XmlReader::Token::more:
            return false;
        case XmlReader::Token::open:
            return open_element();
        case XmlReader::Token::close:
            return close_element(entry);
        case XmlReader::Token::text:
            if (!in_value_) return false;
            if (value_bytes_ == value_.size()) return fail();
            value_[value_bytes_++] = xml_.text();
            return false;
        case XmlReader::Token::comment:
            // Readers differ in whether the text goes on behind it.
            return in_value_ && fail();
        case XmlReader::Token::bad:
            return fail();
    }
    return false;
}

// Where the element stands that is the value: <Part><PartNumber>, <Component><Name>, or the item
// itself (<Latest>).
bool CommitList::open_element() {
    if (in_value_) return fail();
    const std::string_view name = xml_.name();
    const std::size_t depth = xml_.depth();
    value_bytes_ = 0;
    if (format_ == ListFormat::azure_blocks) {
        if (depth != 2) return false;
        in_value_ = true;
        item_ = CommitEntry{};
        if (name == "Latest") {
            item_.from = CommitEntry::From::name;
        } else if (name == "Uncommitted") {
            item_.from = CommitEntry::From::staged;
        } else if (name == "Committed") {
            item_.from = CommitEntry::From::committed;
        } else {
            return fail();
        }
        return false;
    }
    const bool is_s3 = format_ == ListFormat::s3_parts;
    if (depth == 2) {
        in_list_ = name == (is_s3 ? "Part" : "Component");
        seen_ = 0;
        item_ = CommitEntry{};
    }
    in_value_ = depth == 3 && in_list_ && name == (is_s3 ? "PartNumber" : "Name");
    return in_value_ && (seen_ & bit(Field::place)) != 0 && fail();
}

bool CommitList::close_element(CommitEntry* entry) {
    const std::string_view text = trim_space(value());
    if (format_ == ListFormat::azure_blocks) {
        if (!in_value_) return false;
        in_value_ = false;
        if (text.empty() || has_space(text)) return fail();
        item_.name = azure_block_name(blob_, text, false, seed_);
        return give(entry);
    }
    if (in_value_) {
        in_value_ = false;
        seen_ |= static_cast<std::uint8_t>(bit(Field::place));
        if (format_ == ListFormat::gcs_components) {
            name_object(before_, value(), seed_, &item_);
            // Line ends reach readers in several ways (XML 1.0 §2.11).
            return (text.empty() || has_line_end(value())) && fail();
        }
        const auto index = text.find_first_not_of("0123456789") == std::string_view::npos
                               ? number_in(text)
                               : std::nullopt;
        if (!index || (entries_ != 0 && *index <= last_index_)) return fail();
        item_.index = last_index_ = *index;
        return false;
    }
    if (xml_.depth() != 1 || !in_list_) return false;
    in_list_ = false;
    return (seen_ & bit(Field::place)) != 0 ? give(entry) : fail();
}

// --- JSON ----------------------------------------------------------------------------------------

bool CommitList::next_json(CommitEntry* entry) {
    for (;;) {
        const JsonReader::Token token = json_.next(&input_);
        if (token == JsonReader::Token::more || state_ != State::open) return false;
        if (take_json(token, entry)) return true;
    }
}

// Where the items stand: in the array that is the document, or in that of "sourceObjects".
bool CommitList::in_list() const {
    return in_list_ || format_ == ListFormat::swift_segments;
}

std::size_t CommitList::item_depth() const {
    return format_ == ListFormat::swift_segments ? 2 : 3;
}

bool CommitList::take_json(JsonReader::Token token, CommitEntry* entry) {
    const std::size_t depth = json_.depth();
    switch (token) {
        case JsonReader::Token::more:
            return false;
        case JsonReader::Token::bad:
            return fail();
        case JsonReader::Token::object:
            if (list_due_ || field_ != Field::none) return fail();
            if (depth != item_depth() || !in_list()) return false;
            item_ = CommitEntry{};
            seen_ = 0;
            return false;
        case JsonReader::Token::array:
            if (field_ != Field::none || (depth == item_depth() && in_list())) return fail();
            in_list_ = in_list_ || list_due_;
            list_due_ = false;
            return false;
        case JsonReader::Token::array_end:
            if (depth == 1) in_list_ = false;
            return false;
        case JsonReader::Token::object_end:
            return depth + 1 == item_depth() && in_list() && end_item(entry);
        case JsonReader::Token::key:
            return take_key();
        case JsonReader::Token::string:
        case JsonReader::Token::literal:
            return take_json_value(token);
    }
    return false;
}

// False: goes on; where a field comes twice, readers take the first or the last.
bool CommitList::take_key() {
    const std::string_view name = json_.text();
    field_ = Field::none;
    list_due_ = false;
    if (!in_list() && json_.depth() == 1 && name == "sourceObjects") {
        list_due_ = true;
        if (list_seen_) return fail();
        list_seen_ = true;
        return false;
    }
    if (!in_list() || json_.depth() != item_depth()) return false;
    const bool is_slo = format_ == ListFormat::swift_segments;
    if (name == (is_slo ? "path" : "name")) field_ = Field::place;
    if (is_slo && name == "range") field_ = Field::range;
    if (is_slo && name == "data") field_ = Field::inlined;
    if (is_slo && name == "etag") field_ = Field::etag;
    if (field_ == Field::none) return false;
    if ((seen_ & bit(field_)) != 0) return fail();
    seen_ = static_cast<std::uint8_t>(seen_ | bit(field_));
    return false;
}

bool CommitList::take_json_value(JsonReader::Token token) {
    if (list_due_ || (in_list() && json_.depth() + 1 == item_depth())) return fail();
    const Field field = field_;
    field_ = Field::none;
    if (field == Field::none) return false;
    if (field == Field::etag) return take_etag(token);
    const std::string_view text = json_.text();
    if (field == Field::range && token == JsonReader::Token::literal && text == "null")
        return false;
    if (token != JsonReader::Token::string) return fail();
    if (field == Field::inlined) {
        item_.from = CommitEntry::From::list;
        return false;
    }
    if (json_.is_cut() || text.empty()) return fail();
    if (field == Field::place) {
        name_object(before_, text, seed_, &item_);
        return false;
    }
    const auto range = parse_range(text);
    if (!range) return fail();
    const bool suffix = range->first == piece_unknown;
    item_.offset = range->first;
    item_.length = suffix ? range->last : range->length();
    return false;
}

// One that is no MD5, or none, says nothing.
bool CommitList::take_etag(JsonReader::Token token) {
    std::string_view text = json_.text();
    if (token == JsonReader::Token::literal) return text != "null" && fail();
    if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
        text = text.substr(1, text.size() - 2);
    const bool is_md5 = text.size() == 2 * item_.md5.size() && !json_.is_cut() &&
                        text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!is_md5) return false;
    for (std::size_t n = 0; n < item_.md5.size(); ++n)
        item_.md5[n] =
            static_cast<std::uint8_t>(hex_digit(text[2 * n]) * 16 + hex_digit(text[2 * n + 1]));
    item_.has_md5 = true;
    return false;
}

bool CommitList::end_item(CommitEntry* entry) {
    const bool named = (seen_ & bit(Field::place)) != 0;
    const bool inlined = (seen_ & bit(Field::inlined)) != 0;
    return named != inlined ? give(entry) : fail();
}

// --- in the head ---------------------------------------------------------------------------------

// "final;/files/a /files/b": tus 1.0, concatenation.
bool CommitList::next_partial(CommitEntry* entry) {
    while (!partials_.empty()) {
        const std::string_view url = take_piece(&partials_, ' ');
        if (url.empty()) continue;
        item_.from = CommitEntry::From::object;
        item_.name = key_of_location(*head_, url, seed_);
        return give(entry);
    }
    if (ended_) state_ = entries_ != 0 ? State::complete : State::bad;
    return false;
}

}  // namespace cordon
