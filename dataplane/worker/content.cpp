// What objects hold beside their digests: the room `content`, wired to the line.

#include <algorithm>

#include "dataplane/http/syntax.h"
#include "dataplane/worker/line.h"

namespace cordon {

// A name is searched whatever the object holds: that of a form part or member, or for a body the
// path under which it will be stored.
void Worker::State::open_content(FlowNumber number, std::uint8_t object) {
    Exchange& exchange = exchanges[flows[number].exchange];
    ObjectContent& content = exchange.objects[object].content;
    contents.open(&content);
    if (contents.patterns() == nullptr) return;
    const BodyDecoder::Name name = name_of(exchange, object);
    contents.name(&content, name.file_name);
    contents.name(&content, name.member);
    if (name.form == ObjectForm::body) search_path(exchange.parser.head().target, &content);
}

// Where percent-encoding hides something, the path is searched as sent and decoded.
void Worker::State::search_path(std::string_view target, ObjectContent* content) {
    std::string_view path = target.substr(0, target.find('?'));
    contents.name(content, path);
    if (path.find('%') == std::string_view::npos) return;
    std::array<char, limits::name_search_bytes_max> decoded;
    std::size_t length = 0;
    while (!path.empty() && length < decoded.size())
        decoded[length++] = http::take_percent_decoded(&path);
    contents.name(content, {decoded.data(), length});
}

// A piece `left_alone` is searched with what is before it.
void Worker::State::content_bytes(OpenObject* object, Bytes bytes, bool left_alone) {
    if (object->content.decided && object->content.stream == PatternScanner::no_stream) return;
    if (left_alone) return contents.feed_type(&object->content, bytes);
    note_search(contents.feed(&object->content, bytes));
}

void Worker::State::end_content(OpenObject* object) {
    note_search(contents.end(&object->content));
}

void Worker::State::note_search(ContentScanner::Search search) {
    switch (search) {
        case ContentScanner::Search::none:
            return;
        case ContentScanner::Search::begun:
            return counters.count(Outcome::pattern_scanned);
        case ContentScanner::Search::full:
            return counters.count(Outcome::pattern_full);
    }
}

// The first bytes of what was put together of pieces went by with another message.
ContentType Worker::State::type_of(const Judged& judged) {
    if (judged.object == contained_object) return chain_found.type;
    const Exchange& exchange = exchanges[flows[judged.flow].exchange];
    if (judged.object == assembled_object) {
        const ChainContent* content = exchange.assembling == no_assembling
                                          ? nullptr
                                          : assemblings[exchange.assembling].content;
        return content == nullptr ? ContentType::unknown : contents.type_so_far(content->now.head);
    }
    return contents.type_so_far(exchange.objects[judged.object].content);
}

void Worker::State::count_type(const Judged& judged, TypeVerdict verdict) {
    const auto type = static_cast<std::size_t>(type_of(judged));
    counters.types[type][static_cast<std::size_t>(verdict)].add(judged.digests.size);
}

// The streams of objects under way belong to the index before, which is freed soon.
void Worker::State::move_contents(PatternScanner* patterns) {
    if (patterns == nullptr && contents.patterns() == nullptr) return;
    for (FlowNumber number = 0; number < options.flows_max; ++number) {
        const Flow& flow = flows[number];
        if (flow.phase == FlowPhase::free || flow.exchange == no_exchange) continue;
        Exchange& exchange = exchanges[flow.exchange];
        if (!exchange.object_open) continue;
        for (OpenObject& object : exchange.objects) {
            if (object.slot != no_object && contents.move(&object.content, patterns))
                counters.count(Outcome::stale_plan);
        }
    }
    contents.use(patterns);
}

}  // namespace cordon
