// What a BodyDecoder makes of a body that arrives in given pieces: every object with its bytes.
//
// Owns:       copies of everything, so that nothing of the decoder's views is kept.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/http/message.h"
#include "dataplane/object/body.h"

namespace cordon::test {

struct SeenObject {
    std::string form;
    std::string field;
    std::string file_name;
    std::string member;
    std::string container;
    std::string content;
    bool ended = false;
    bool dropped = false;
    bool cut = false;
    std::uint64_t last_at = 0;  // of its last bytes
    std::string kept_back;      // when the message was cut off
};

class BodyObjects {
  public:
    explicit BodyObjects(const Head& head) { decoder_.open(head, {out_, &pool(), &archives(), 1}); }

    void feed(Bytes bytes, std::uint64_t at) {
        decoder_.feed(bytes, at);
        take_events();
    }
    void finish() {
        decoder_.finish();
        take_events();
        decoder_.close();
    }
    void give_up() {
        fault.reset();
        decoder_.give_up();
        for (std::size_t number = 0; number < open_.size(); ++number) {
            if (!decoder_.keeps(static_cast<std::uint8_t>(number))) open_[number] = -1;
        }
        take_events();
    }
    // As if the connection ended here.
    void look_at_tails() {
        for (std::size_t number = 0; number < open_.size(); ++number) {
            if (open_[number] < 0) continue;
            std::array<std::uint8_t, BodyDecoder::kept_back_bytes_max> room;
            const auto object = static_cast<std::uint8_t>(number);
            const std::size_t size = decoder_.kept_back(object, room);
            objects[static_cast<std::size_t>(open_[number])].kept_back =
                as_text(Bytes(room).first(size));
        }
    }

    // Everything but where the runs were cut. At a fault that is what was complete before it.
    std::string trace() const {
        std::string text;
        for (const SeenObject& object : objects) {
            if (fault && !object.ended) continue;
            text += object.form + "|" + object.field + "|" + object.file_name + "|";
            if (!object.container.empty()) text += object.container + "|" + object.member + "|";
            text += object.content;
            if (object.cut) text += "|cut";
            text += object.ended ? "|ended\n" : object.dropped ? "|\n" : "|open\n";
        }
        if (fault) text += "fault " + std::to_string(static_cast<int>(*fault));
        for (const std::string& name : unread)
            text += "unread " + name + "\n";
        for (const std::string& field : fields)
            text += "field " + field + "\n";
        return text + " notes " + std::to_string(notes.size());
    }

    std::vector<SeenObject> objects;
    std::vector<Outcome> notes;
    std::vector<std::string> fields;    // name=value
    std::vector<std::string> unread;    // outcome, container, member
    std::vector<std::string> prefixes;  // what could have been all of an object
    std::optional<Outcome> fault;
    bool gives_up = false;  // after a fault: the test does

  private:
    void take_events() {
        ObjectEvent event;
        while (decoder_.next(&event))
            take(event);
    }

    static CodingPool& pool() {
        static CodingPool blocks(8, 4);
        return blocks;
    }

    static ArchivePool& archives() {
        static ArchivePool stages(8);
        return stages;
    }

    SeenObject& at(std::uint8_t number) {
        INVARIANT(number < open_.size() && open_[number] >= 0);
        return objects[static_cast<std::size_t>(open_[number])];
    }

    void take(const ObjectEvent& event) {
        INVARIANT(!fault);
        switch (event.kind) {
            case ObjectEvent::Kind::open: {
                INVARIANT(open_[event.object] < 0);
                open_[event.object] = static_cast<int>(objects.size());
                const BodyDecoder::Name name = decoder_.name(event.object);
                objects.push_back({std::string(form_name(name.form)),
                                   std::string(name.field),
                                   std::string(name.file_name),
                                   std::string(name.member),
                                   std::string(name.container),
                                   {},
                                   false,
                                   false,
                                   false,
                                   0,
                                   {}});
                return;
            }
            case ObjectEvent::Kind::bytes:
                INVARIANT(!event.bytes.empty());
                at(event.object).content += as_text(event.bytes);
                at(event.object).last_at = event.at;
                return;
            case ObjectEvent::Kind::end:
                at(event.object).ended = true;
                at(event.object).cut = event.is_cut;
                INVARIANT(decoder_.name(event.object).member == at(event.object).member);
                INVARIANT(decoder_.name(event.object).field == at(event.object).field);
                open_[event.object] = -1;
                return;
            case ObjectEvent::Kind::drop:
                at(event.object).dropped = true;
                at(event.object).content.clear();  // how much came before depends on the cuts
                open_[event.object] = -1;
                return;
            case ObjectEvent::Kind::may_end:
                prefixes.push_back(at(event.object).content + std::string(as_text(event.bytes)));
                return;
            case ObjectEvent::Kind::unread: {
                const BodyDecoder::Name name = decoder_.name(event.object);
                unread.push_back(std::to_string(static_cast<int>(event.outcome)) + "|" +
                                 std::string(name.container) + "|" + std::string(name.member));
                return;
            }
            case ObjectEvent::Kind::field:
                fields.push_back(std::string(decoder_.name(event.object).field) + "=" +
                                 std::string(as_text(event.bytes)));
                return;
            case ObjectEvent::Kind::note:
                notes.push_back(event.outcome);
                return;
            case ObjectEvent::Kind::fault:
                fault = event.outcome;
                if (!gives_up) decoder_.close();
                return;
        }
    }

    BodyDecoder decoder_;
    std::array<std::uint8_t, 2048> out_;  // small, so that decoding goes in many steps
    std::array<int, limits::objects_per_message_max> open_ = [] {
        std::array<int, limits::objects_per_message_max> none;
        none.fill(-1);
        return none;
    }();
};

// A head as the http room reads it. The storage must outlive the parser.
class ParsedHead {
  public:
    explicit ParsedHead(std::string_view method, std::string_view fields,
                        std::string_view target = "/up") {
        text_ = std::string(method) + " " + std::string(target) +
                " HTTP/1.1\r\nHost: files.example\r\nTransfer-Encoding: chunked\r\n" +
                std::string(fields) + "\r\n";
        parser_.open(storage_);
        parser_.feed(as_bytes(text_));
        RequestEvent event;
        INVARIANT(parser_.next(&event) && event.kind == RequestEvent::Kind::head);
    }
    ParsedHead(const ParsedHead&) = delete;
    ParsedHead& operator=(const ParsedHead&) = delete;
    const Head& head() const { return parser_.head(); }

  private:
    std::string text_;
    std::array<std::uint8_t, limits::head_bytes_max> storage_;
    RequestParser parser_;
};

inline BodyObjects objects_of(const Head& head, const std::vector<Bytes>& pieces) {
    BodyObjects seen(head);
    std::uint64_t at = 1000;
    for (const Bytes piece : pieces) {
        seen.feed(piece, at);
        at += piece.size();
        if (seen.fault) return seen;
    }
    seen.finish();
    return seen;
}

}  // namespace cordon::test
