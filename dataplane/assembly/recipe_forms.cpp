// Recipes of uploaders in browsers: a form for each chunk, whose fields say where it belongs.
#include <algorithm>

#include "dataplane/assembly/form_fields.h"
#include "dataplane/assembly/recipe_view.h"
#include "dataplane/http/syntax.h"
#include "dataplane/object/parameters.h"

namespace cordon {

using namespace http;

namespace {

// The names of a library's fields in the order of FormSlot; "" where it has none. A `generic` row
// has names that other forms use as well: what does not fit it is no chunk, and not refused.
struct FormRow {
    Recipe recipe;
    std::uint8_t base;  // the number of the first chunk
    bool generic;
    std::string_view names[form_slots];
    std::string_view source;
};

// clang-format off
constexpr FormRow form_table[form_recipes] = {
    {Recipe::dropzone, 0, false, {"dzuuid", "dzchunkindex", "dztotalchunkcount", "dzchunkbyteoffset", "dztotalfilesize"}, "Dropzone 5 and 6, options.params"},
    {Recipe::resumable_js, 1, false, {"resumableIdentifier", "resumableChunkNumber", "resumableTotalChunks", "", "resumableTotalSize"}, "resumable.js README: handling file chunks"},
    {Recipe::flow_js, 1, false, {"flowIdentifier", "flowChunkNumber", "flowTotalChunks", "", "flowTotalSize"}, "flow.js README: handling file chunks"},
    {Recipe::fine_uploader, 0, false, {"qquuid", "qqpartindex", "qqtotalparts", "qqpartbyteoffset", "qqtotalfilesize"}, "Fine Uploader: chunking.paramNames"},
    {Recipe::simple_uploader, 1, true, {"identifier", "chunkNumber", "totalChunks", "", "totalSize"}, "simple-uploader.js README: handling file chunks"},
    {Recipe::plupload, 0, true, {"name", "chunk", "chunks", "", ""}, "Plupload: chunking; WebUploader"},
    {Recipe::plupload, 0, true, {"name", "", "", "offset", "total"}, "Plupload: send_chunk_number = false"},
};
// clang-format on

std::string_view name_of(std::size_t recipe, FormSlot slot) {
    return form_table[recipe].names[static_cast<std::size_t>(slot)];
}

// A value that a chunk must, or may, have.
enum class Fit : std::uint8_t { yes, absent, odd };

Fit fit_of(const FormFields::Value& value, FormSlot slot) {
    if (!value.present) return Fit::absent;
    if (value.ambiguous || (slot != FormSlot::id && !value.is_number)) return Fit::odd;
    return Fit::yes;
}

std::uint64_t number_of(const FormFields::Value& value) {
    return value.present ? value.number : piece_unknown;
}

// Which of a row's fields a chunk has.
struct RowFit {
    bool all = true;   // those that it must have
    bool odd = false;  // one that no server reads as we would have to
};

RowFit fit_row(std::size_t number, const FormFields& fields, bool by_offset) {
    RowFit row;
    for (std::size_t at = 0; at < form_slots; ++at) {
        const FormSlot slot{static_cast<std::uint8_t>(at)};
        if (name_of(number, slot).empty()) continue;
        const Fit fit = fit_of(fields.value(number, slot), slot);
        row.odd = row.odd || fit == Fit::odd;
        if (fit == Fit::absent && (at <= static_cast<std::size_t>(FormSlot::count) || by_offset))
            row.all = false;
    }
    return row;
}

// The place as the recipe has it, from 0 on; false where there can be none.
bool settle_place(const FormRow& row, bool by_offset, PieceRequest* request) {
    if (by_offset) return request->offset < request->total;
    if (request->index < row.base) return false;
    request->index -= row.base;
    return request->index < request->pieces;
}

// False: the fields are not those of this row.
bool read_row(std::size_t number, const FormFields& fields, PieceRequest* request) {
    const FormRow& row = form_table[number];
    const auto value = [&](FormSlot slot) -> const FormFields::Value& {
        return fields.value(number, slot);
    };
    const bool by_offset = name_of(number, FormSlot::number).empty();
    if (!value(by_offset ? FormSlot::offset : FormSlot::number).present) return false;
    const RowFit fit = fit_row(number, fields, by_offset);
    request->pieces = number_of(value(FormSlot::count));
    if (row.generic && (!fit.all || (by_offset && fit.odd) || request->pieces == 0)) return false;
    request->recipe = row.recipe;
    request->order = by_offset ? PieceOrder::offset : PieceOrder::index;
    request->key = value(FormSlot::id).identity;
    request->index = number_of(value(FormSlot::number));
    request->offset = number_of(value(FormSlot::offset));
    request->total = number_of(value(FormSlot::total));
    const bool placed = fit.all && !fit.odd && settle_place(row, by_offset, request);
    request->act = placed ? PieceAct::piece : PieceAct::bad;
    return true;
}

bool read_rows(const FormFields& fields, PieceRequest* request) {
    for (std::size_t row = 0; row < form_recipes; ++row) {
        *request = PieceRequest{};
        if (read_row(row, fields, request)) return true;
    }
    *request = PieceRequest{};
    return false;
}

// The file name of Content-Disposition of the request, where a library has it instead of a part's.
AssemblyKey file_key(const RequestView& view, const AssemblyKey& of_part) {
    const auto disposition = view.head.find("content-disposition");
    if (!disposition) return of_part;
    std::string_view rest = *disposition;
    take_main_value(&rest);
    Parameter parameter;
    while (take_parameter(&rest, &parameter)) {
        if (!starts_ignoring_case(parameter.name, "filename")) continue;
        return KeyWriter(KeyKind::file, view.seed).text(parameter.value).get();
    }
    return of_part;
}

// blueimp, Seafile: the place is in Content-Range, which counts the bytes of the file, not of the
// form.
PieceRequest read_form_range(const RequestView& view, const FormFields& fields) {
    PieceRequest request;
    const QueryValue text = view.field("content-range");
    const auto range = parse_content_range(text.encoded);
    request.recipe = Recipe::form_range;
    request.act = PieceAct::bad;
    request.key = file_key(view, fields.file_identity());
    if (!range || !range->has_range || text.ambiguous) return request;
    request.act = PieceAct::piece;
    request.offset = range->first;
    request.length = range->length();
    request.total = range->total;
    return request;
}

}  // namespace

void FormFields::open(std::uint64_t seed) {
    seed_ = seed;
    recipe_ = no_field;
    bytes_ = 0;
    values_ = {};
    file_name("");
}

// A server trims the names of fields.
void FormFields::begin(std::string_view name) {
    name = trim(name);
    bytes_ = 0;
    recipe_ = no_field;
    for (std::uint8_t row = 0; row < form_recipes && !name.empty(); ++row) {
        for (std::uint8_t slot = 0; slot < form_slots; ++slot) {
            if (form_table[row].names[slot] != name) continue;
            recipe_ = row;
            slot_ = FormSlot{slot};
            return;
        }
    }
}

void FormFields::add(Bytes bytes) {
    if (recipe_ == no_field) return;
    const std::size_t taken = std::min(bytes.size(), text_.size() - bytes_);
    std::copy_n(bytes.begin(), taken, text_.begin() + bytes_);
    bytes_ = static_cast<std::uint16_t>(bytes_ + taken);
}

// Several rows may have the name.
void FormFields::end() {
    if (recipe_ == no_field) return;
    const std::string_view name = name_of(recipe_, slot_);
    for (std::size_t row = 0; row < form_recipes; ++row) {
        for (std::size_t slot = 0; slot < form_slots; ++slot) {
            if (form_table[row].names[slot] == name) set(&values_[row][slot]);
        }
    }
    recipe_ = no_field;
}

void FormFields::take(std::string_view name, std::string_view value) {
    begin(name);
    add(as_bytes(value));
    end();
}

void FormFields::set(Value* value) {
    const std::string_view text(text_.data(), bytes_);
    // Nothing is percent-encoded here.
    const auto number =
        text.find_first_of("%+") == std::string_view::npos ? number_in(text) : std::nullopt;
    const AssemblyKey identity = KeyWriter(KeyKind::file, seed_).plain(text).get();
    if (value->present && value->identity != identity) value->ambiguous = true;
    value->present = true;
    value->is_number = number.has_value();
    value->number = number.value_or(0);
    value->identity = identity;
}

void FormFields::file_name(std::string_view name) {
    file_identity_ = KeyWriter(KeyKind::file, seed_).plain(name).get();
}

void FormFields::take_query(std::string_view query) {
    for (std::size_t row = 0; row < form_recipes && !query.empty(); ++row) {
        for (const std::string_view name : form_table[row].names) {
            if (name.empty()) continue;
            const QueryValue value = find_query(query, name);
            if (!value.present) continue;
            begin(name);
            for (std::string_view rest = value.encoded; !rest.empty();) {
                char c = rest.front() == '+' ? ' ' : rest.front();
                if (c == ' ') {
                    rest.remove_prefix(1);
                } else {
                    c = take_percent_decoded(&rest);
                }
                add(as_bytes({&c, 1}));
            }
            end();
            if (value.ambiguous) mark_ambiguous(name);
        }
    }
}

void FormFields::mark_ambiguous(std::string_view name) {
    for (std::size_t row = 0; row < form_recipes; ++row) {
        for (std::size_t slot = 0; slot < form_slots; ++slot) {
            if (form_table[row].names[slot] == name) values_[row][slot].ambiguous = true;
        }
    }
}

PieceRequest recipe_of(const Head& head, const FormFields& fields, std::uint64_t seed) {
    const RequestView view(head, seed);
    if (!view.is_form()) return recipe_of(head, seed);
    if (view.has("content-range")) return read_form_range(view, fields);
    PieceRequest request;
    FormFields all = fields;
    all.take_query(view.target.query);
    read_rows(all, &request);
    return request;
}

void read_form(const RequestView& view, PieceRequest* request) {
    if (view.is_form()) request->act = PieceAct::form;
}

// The same fields in the query, and the chunk as the body.
void read_query_chunk(const RequestView& view, PieceRequest* request) {
    if (view.target.query.empty() || view.is_form() || !view.has_body()) return;
    FormFields fields;
    fields.open(view.seed);
    fields.take_query(view.target.query);
    if (read_rows(fields, request)) request->length = view.body_length();
}

}  // namespace cordon
