#include "dataplane/content/content_scanner.h"

#include <algorithm>
#include <cstring>

namespace cordon {

void ContentScanner::open(ObjectContent* object) const {
    object->type = ContentType::unknown;
    object->decided = false;
    object->head_bytes = 0;
    object->stream = PatternScanner::no_stream;
    object->hits.clear();
}

void ContentScanner::name(ObjectContent* object, std::string_view text) {
    if (patterns_ != nullptr && !text.empty()) patterns_->scan_name(text, &object->hits);
}

ContentScanner::Search ContentScanner::feed(ObjectContent* object, Bytes bytes) {
    Search begun = Search::none;
    if (!object->decided) {
        const bool at_once = object->head_bytes == 0 && bytes.size() >= limits::type_head_bytes;
        if (at_once) {
            begun = decide(object, bytes.first(limits::type_head_bytes));
        } else {
            const std::size_t taken =
                std::min(bytes.size(), limits::type_head_bytes - object->head_bytes);
            std::memcpy(object->head.data() + object->head_bytes, bytes.data(), taken);
            object->head_bytes = static_cast<std::uint16_t>(object->head_bytes + taken);
            if (object->head_bytes < limits::type_head_bytes) return Search::none;
            begun = decide(object, object->head);
            bytes = bytes.subspan(taken);
            if (object->stream != PatternScanner::no_stream)
                patterns_->scan(object->stream, object->head, &object->hits);
        }
    }
    if (object->stream != PatternScanner::no_stream && !bytes.empty())
        patterns_->scan(object->stream, bytes, &object->hits);
    return begun;
}

bool ContentScanner::feed_apart(ObjectContent* object, TextTail* tail, Bytes bytes,
                                std::uint64_t generation) {
    const bool is_stale = tail->generation != generation && object->hits.count != 0;
    if (tail->generation != generation) object->hits.clear();
    tail->generation = generation;
    const std::size_t in_head = object->head_bytes;
    const bool was_decided = object->decided;
    feed_type(object, bytes);
    if (!object->decided || patterns_ == nullptr || !is_text(object->type)) return is_stale;
    if (!was_decided) {
        search_apart(tail, object->head, &object->hits);
        bytes = bytes.subspan(limits::type_head_bytes - in_head);
    }
    search_apart(tail, bytes, &object->hits);
    return is_stale;
}

void ContentScanner::search_apart(TextTail* tail, Bytes bytes, PatternHits* hits) {
    std::array<std::uint8_t, 8 * limits::pattern_bytes_max> window;
    while (!bytes.empty()) {
        const std::size_t before = tail->count;
        const std::size_t fresh = std::min(bytes.size(), window.size() - before);
        std::copy_n(tail->bytes.begin(), before, window.begin());
        std::copy_n(bytes.begin(), fresh, window.begin() + static_cast<std::ptrdiff_t>(before));
        const Bytes all = Bytes(window).first(before + fresh);
        patterns_->scan_name(as_text(all), hits);
        const Bytes last = all.last(std::min(all.size(), tail->bytes.size()));
        std::copy(last.begin(), last.end(), tail->bytes.begin());
        tail->count = static_cast<std::uint16_t>(last.size());
        bytes = bytes.subspan(fresh);
    }
}

void ContentScanner::feed_type(ObjectContent* object, Bytes bytes) {
    if (object->decided) return;
    const std::size_t taken = std::min(bytes.size(), limits::type_head_bytes - object->head_bytes);
    if (taken != 0) std::memcpy(object->head.data() + object->head_bytes, bytes.data(), taken);
    object->head_bytes = static_cast<std::uint16_t>(object->head_bytes + taken);
    if (object->head_bytes < limits::type_head_bytes) return;
    object->type = types_.type_of(object->head);
    object->decided = true;
}

ContentScanner::Search ContentScanner::decide(ObjectContent* object, Bytes head) {
    object->type = types_.type_of(head);
    object->decided = true;
    return is_text(object->type) ? begin_search(object, patterns_) : Search::none;
}

ContentScanner::Search ContentScanner::begin_search(ObjectContent* object,
                                                    PatternScanner* patterns) {
    if (patterns == nullptr) return Search::none;
    object->stream = patterns->open();
    return object->stream == PatternScanner::no_stream ? Search::full : Search::begun;
}

ContentScanner::Search ContentScanner::end(ObjectContent* object) {
    Search begun = Search::none;
    if (!object->decided) {
        const Bytes head = Bytes(object->head).first(object->head_bytes);
        begun = decide(object, head);
        if (object->stream != PatternScanner::no_stream)
            patterns_->scan(object->stream, head, &object->hits);
    }
    if (object->stream != PatternScanner::no_stream) patterns_->end(object->stream, &object->hits);
    object->stream = PatternScanner::no_stream;
    return begun;
}

void ContentScanner::drop(ObjectContent* object) {
    if (object->stream != PatternScanner::no_stream) patterns_->drop(object->stream);
    object->stream = PatternScanner::no_stream;
}

ContentType ContentScanner::type_so_far(const ObjectContent& object) {
    if (object.decided) return object.type;
    return types_.type_of(Bytes(object.head).first(object.head_bytes));
}

void ContentScanner::search_so_far(const ObjectContent& object, PatternHits* hits) {
    *hits = object.hits;
    if (object.decided || !is_text(type_so_far(object))) return;
    if (patterns_ != nullptr)
        patterns_->scan_name(as_text(Bytes(object.head).first(object.head_bytes)), hits);
}

bool ContentScanner::move(ObjectContent* object, PatternScanner* to) {
    PatternHits kept{};
    for (const PatternHit& hit : object->hits.found()) {
        PatternHit now{};
        if (to != nullptr && to->view().find_again(patterns_->view(), hit, &now))
            kept.hits[kept.count++] = now;
    }
    object->hits = kept;
    drop(object);
    if (!object->decided || !is_text(object->type) || to == nullptr) return false;
    begin_search(object, to);
    return true;
}

}  // namespace cordon
