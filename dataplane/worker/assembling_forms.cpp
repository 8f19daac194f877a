#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

constexpr std::uint8_t no_part = 0xff;  // in place of the number of an object

}  // namespace

// What a chunking uploader sends in a form is told by its fields.
void Worker::State::begin_form(FlowNumber number, const PieceRequest& request) {
    Assembling& own = assemblings[open_assembling(number, request)];
    own.stage = Assembling::Stage::form;
    own.form = open_form_place();
    own.object = no_part;
    form_places[own.form].fields.open(assembly.seed());
}

std::uint32_t Worker::State::open_form_place() {
    const std::uint32_t place = form_places.allocate();
    INVARIANT(place != no_assembling);  // as many as messages, and one has a form or a creation
    form_places[place].is_aside = form_places[place].is_full = false;
    form_places[place].aside = {};
    return place;
}

void Worker::State::release_form_place(std::uint32_t place) {
    assembly.spool().drop(&form_places[place].aside);
    form_places[place].content.close(&assembly.readers());
    form_places.release(place);
}

// Without room it goes on as before: what comes behind it decides.
void Worker::State::set_aside(FormPlace* form, Bytes bytes) {
    if (!form->is_aside) return;
    form->is_aside = assembly.set_aside(&form->aside, bytes);
    form->is_full = !form->is_aside;
}

void Worker::State::take_field(const Exchange& exchange, std::uint8_t object, Bytes text) {
    if (exchange.assembling == no_assembling) return;
    const Assembling& own = assemblings[exchange.assembling];
    if (own.form == no_assembling) return;
    form_places[own.form].fields.take(name_of(exchange, object).field, as_text(text));
}

// The file part begins. False: it was refused.
bool Worker::State::begin_form_piece(FlowNumber number, std::uint8_t object) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.assembling == no_assembling) return true;
    Assembling& own = assemblings[exchange.assembling];
    const BodyDecoder::Name name = name_of(exchange, object);
    // Not what is found in a part.
    const bool is_part = name.form == ObjectForm::form_part || name.form == ObjectForm::piece;
    if (own.stage != Assembling::Stage::form || name.file_name.empty() || !is_part) return true;
    FormPlace& form = form_places[own.form];
    form.fields.file_name(name.file_name);
    const PieceRequest request = recipe_of(exchange.parser.head(), form.fields, assembly.seed());
    // An uploader sends one file. Of two, nothing behind them says which is a piece.
    const bool is_only = own.object == no_part;
    give_up_aside(&own);
    own.object = object;
    if (request.act == PieceAct::piece) return begin_piece(number, request);
    form.is_aside = is_only;
    if (request.act != PieceAct::bad) return true;
    counters.count(Outcome::assembly_bad);
    return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
}

void Worker::State::give_up_aside(Assembling* own) {
    FormPlace& form = form_places[own->form];
    assembly.spool().drop(&form.aside);
    form.is_aside = own->summed = own->has_bytes = false;
}

// Fields behind the file part may make a piece of it after all: its bytes were set aside, or are
// gone by then.
bool Worker::State::end_form(FlowNumber number) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    const std::uint32_t place = exchange.assembling;
    const Assembling& own = assemblings[place];
    const FormPlace& form = form_places[own.form];
    const PieceRequest request = recipe_of(exchange.parser.head(), form.fields, assembly.seed());
    if (request.act == PieceAct::piece && form.is_aside && own.summed)
        return end_aside(number, request);
    const bool is_full = request.act == PieceAct::piece && form.is_full;
    end_look(place);
    if (request.act != PieceAct::piece && request.act != PieceAct::bad) return true;
    counters.count(is_full ? Outcome::assembly_full : Outcome::assembly_bad);
    return passes_unassembled(number, is_full ? PolicyCase::limit : PolicyCase::unparsable,
                              is_full ? VerifyReason::full : VerifyReason::undecoded);
}

bool Worker::State::end_aside(FlowNumber number, PieceRequest request) {
    const std::uint32_t place = exchanges[flows[number].exchange].assembling;
    Assembling& own = assemblings[place];
    request.is_aside = true;
    if (!begin_piece(number, request)) return false;
    if (own.stage == Assembling::Stage::form)
        return end_look(place);  // refused where policy is not
    assembly.adopt(own.ticket, &form_places[own.form].aside);
    return end_piece(number);
}

}  // namespace cordon
