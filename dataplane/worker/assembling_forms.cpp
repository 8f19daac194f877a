#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

// What a chunking uploader sends in a form is told by its fields.
void Worker::State::begin_form(FlowNumber number, const PieceRequest& request) {
    Assembling& own = assemblings[open_assembling(number, request)];
    own.stage = Assembling::Stage::form;
    own.form = open_form_place();
    form_places[own.form].fields.open(assembly.seed());
}

std::uint32_t Worker::State::open_form_place() {
    const std::uint32_t place = form_places.allocate();
    INVARIANT(place != no_assembling);  // as many as messages, and one has a form or a creation
    form_places[place].is_aside = false;
    form_places[place].aside = {};
    return place;
}

void Worker::State::release_form_place(std::uint32_t place) {
    assembly.spool().drop(&form_places[place].aside);
    form_places.release(place);
}

// Without room it goes on as before: what comes behind it decides.
void Worker::State::set_aside(FormPlace* form, Bytes bytes) {
    form->is_aside = form->is_aside && assembly.set_aside(&form->aside, bytes);
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
    if (own.stage != Assembling::Stage::form || name.file_name.empty()) return true;
    FormFields& fields = form_places[own.form].fields;
    fields.file_name(name.file_name);
    const PieceRequest request = recipe_of(exchange.parser.head(), fields, assembly.seed());
    own.object = object;
    if (request.act == PieceAct::piece) return begin_piece(number, request);
    if (request.act != PieceAct::bad) return true;
    counters.count(Outcome::assembly_bad);
    return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
}

// Fields behind the file part may make a piece of it after all: its bytes are gone by then.
bool Worker::State::end_form(FlowNumber number) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    const std::uint32_t place = exchange.assembling;
    const PieceAct act = recipe_of(exchange.parser.head(),
                                   form_places[assemblings[place].form].fields, assembly.seed())
                             .act;
    end_look(place);
    if (act != PieceAct::piece && act != PieceAct::bad) return true;
    counters.count(Outcome::assembly_bad);
    return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
}

}  // namespace cordon
