#include "dataplane/assembly/chain_content.h"

#include <algorithm>

namespace cordon {

namespace {

template <std::size_t n>
std::uint16_t copy_name(std::string_view text, std::array<char, n>* out) {
    const std::size_t length = std::min(text.size(), n);
    std::copy_n(text.begin(), length, out->begin());
    return static_cast<std::uint16_t>(length);
}

}  // namespace

void FoundMember::take_names(const BodyDecoder::Name& name) {
    form = name.form;
    member_bytes = copy_name(name.member, &member);
    container_bytes = copy_name(name.container, &container);
}

BodyDecoder::Name FoundMember::name() const {
    return {form, {}, {}, {member.data(), member_bytes}, {container.data(), container_bytes}};
}

void ChainContent::call(std::string_view target) {
    if (name_bytes == 0) name_bytes = copy_name(BodyDecoder::name_in(target), &name);
}

void ChainContent::start(std::uint64_t id, std::uint64_t bytes, ContentReaders* readers) {
    due = Due::none;
    if (id == 0) {
        readers->give_back(&reader);
        now = marked = Point{};
        at_id = marked_id = 0;
        solid = {};
        moving = has_mark = false;
    } else if (!moving && at_id == id) {
        due = Due::mark;
    } else if (has_mark && marked_id == id) {
        due = Due::go_back;
    } else if (solid.is_plain && solid.id == id) {
        readers->give_back(&reader);
        now.search = solid.search;
        now.tail = {};
        now.bytes = bytes;
        now.is_flawed = now.is_told = now.reads = now.finished = false;
        at_id = id;
        moving = has_mark = false;
        due = Due::mark;
    } else {
        now = Point{};
        now.bytes = bytes;
        now.begun = true;
        note_flaw(Outcome::assembly_unread);
        at_id = id;
        moving = has_mark = false;
    }
}

void ChainContent::stand_before_gap(std::uint64_t id) {
    const Point& there = moving ? marked : now;
    const bool stands = moving ? has_mark && marked_id == id : at_id == id;
    solid = {there.search, id,
             stands && there.begun && there.head.decided && !there.reads && !there.is_flawed};
}

void ChainContent::prepare(ContentReaders* readers, Now time) {
    if (due == Due::mark) {
        has_mark = true;
        if (now.reads) {
            ContentReader* entered = readers->enter(reader);
            if (entered == nullptr) note_flaw(Outcome::archive_full);
            has_mark = entered != nullptr && entered->mark();
            if (entered != nullptr) readers->leave(reader, 0, time);
        }
        marked = now;
        marked_id = at_id;
        if (!now.reads) readers->give_back(&reader);
    } else if (due == Due::go_back) {
        const bool was_reading = marked.reads;
        ContentReader* entered = was_reading ? readers->enter(reader) : nullptr;
        now = marked;
        at_id = marked_id;
        if (was_reading && entered == nullptr) note_flaw(Outcome::archive_full);
        if (entered != nullptr) {
            if (!entered->go_back()) note_flaw(Outcome::assembly_unread);
            readers->leave(reader, 0, time);
        }
        if (!was_reading) readers->give_back(&reader);
    }
    due = Due::none;
    moving = true;
}

void ChainContent::settle(std::uint64_t before, std::uint64_t id, std::uint64_t bytes) {
    if ((!moving && at_id != before) || now.bytes != bytes) return;
    at_id = id;
    moving = false;
    due = Due::none;
}

void ChainContent::copy(const Point& source, std::uint64_t id) {
    now = source;
    at_id = id;
}

void ChainContent::close(ContentReaders* readers) {
    start(0, 0, readers);
    has_found = false;
    name_bytes = 0;
}

void ChainContent::note_flaw(Outcome why) {
    now.is_flawed = true;
    now.reads = false;
    now.flaw = why;
}

void ChainContent::finish(ContentReaders* readers) {
    if (has_mark && !now.is_flawed && now.bytes == marked.bytes) moving = has_mark = false;
    stop_reading(readers);
}

// The reader stays as long as it may be gone back to.
void ChainContent::stop_reading(ContentReaders* readers) {
    now.reads = false;
    if (!has_mark || !marked.reads) readers->give_back(&reader);
}

}  // namespace cordon
