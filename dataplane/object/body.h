// From the body of a message to the objects in it: a chain of decoders, each fed with what the one
// before gives, each able to be an object of its own beside what is inside it.
//
//   body ─► [aws-chunked] ─► [gzip …] ─► [gzip …] ─► [parts] ─► [nested parts] ─► [base64 …]
//    │raw       │payload       │decoded    │decoded    │part       │part             │decoded
//    ▼          ▼              ▼           ▼           ▼           ▼                 ▼
//   object    object         object      object      object      object            object
//
// The body as it is is an object beside its decoded form as long as a server might store it so: for
// every method but POST with a form, and always until the framing of the form has been seen at its
// very beginning (a file cannot begin with it, so that a declared form is no disguise).
//
//     decoder.feed(bytes, at);  while (decoder.next(&event)) …     at the end: decoder.finish() and
//     while (decoder.next(&event)) …
//
// A form in a content coding is refused (coding_bad) when its delimiter shows in the coded bytes:
// most servers do not undo codings, and would find other parts than we.
//
// Owns:       the decoders' states; `out` of open() is the caller's, for decoded runs, and the
//             pool with the memory for codings, of which close() gives back what was taken.
// Invariants: objects and their bytes depend on the body only, not on how it was cut. Every opened
//             object is dropped or ended, unless a fault ends the decoding.
// Worker:     used by one worker only: no lock, no clock, no allocation.
// Limits:     objects_per_message_max, and those of the decoders.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/http/chunked.h"
#include "dataplane/http/head.h"
#include "dataplane/object/multipart.h"
#include "dataplane/object/object.h"
#include "dataplane/object/transfer_coding.h"

namespace cordon {

struct ObjectEvent {
    enum class Kind : std::uint8_t {
        open,   // an object begins
        bytes,  // a run of it
        end,    // it is complete
        drop,   // it turned out not to be one
        note,   // `outcome` happened; decoding goes on
        fault,  // `outcome`: the form cannot be read; only open objects and raw bytes remain
    };
    Kind kind;
    std::uint8_t object;  // a small number, free again after its end or drop
    bool is_volatile;     // the bytes die with the next call, else with what was fed
    Outcome outcome;
    Bytes bytes;
    std::uint64_t at;  // of bytes: the `at` of the feed in which the last of them came, or before
};

class BodyDecoder {
  public:
    // What a caller says of an open object.
    struct Name {
        ObjectForm form;
        std::string_view field;
        std::string_view file_name;
    };

    // False for a body that is one plain object: that needs no decoder.
    static bool needed(const Head& head);

    // `out` is written by next() and read by the caller before its next call. The head stays valid
    // until the message ends.
    void open(const Head& head, MutableBytes out, CodingPool* pool);
    void close();
    void feed(Bytes bytes, std::uint64_t at);
    void finish();
    bool next(ObjectEvent* event);

    // Of an object that is open or was just ended.
    Name name(std::uint8_t object) const;

    // What an open object would have besides its bytes if the message ended here. `room` takes
    // kept_back_bytes_max.
    static constexpr std::size_t kept_back_bytes_max = 2 * (4 + limits::form_boundary_bytes_max);
    std::size_t kept_back(std::uint8_t object, MutableBytes room) const;

    // After a fault: only the body as it is counts from here on, if it is still open.
    void give_up();
    bool is_body(std::uint8_t object) const { return object == levels_[0].object; }

  private:
    enum class Coding : std::uint8_t { none, aws_chunked, content, parts, transfer };
    static constexpr std::uint8_t no_object_number = 0xff;
    static constexpr std::size_t levels_max = 5 + limits::codings_max;

    // One stage of the chain: what flows into it may be an object, and what its decoder makes of it
    // flows into the next.
    struct Level {
        Bytes input;
        std::uint64_t at;       // of the input
        std::uint64_t kept_at;  // of the bytes that the decoder keeps back
        Coding coding;
        std::uint8_t object;
        std::uint8_t form_number;  // which of forms_ with Coding::parts, of codings_ with content
        bool is_volatile;          // the input lies in out_
        bool open_due;
        bool drop_due;
        bool bytes_due;  // the input is to be told as bytes of the object
        bool is_field;   // an object only when it becomes long enough
        bool confirmed;  // the decoder has seen its framing
        bool scanned;    // the input was searched for the form in it
        bool over;       // the coded content is complete, or none: what comes is left alone
        bool ended;      // no further input
        bool rest_given;
        bool finished;  // the decoder has nothing left
    };

    Level& push(Coding coding, ObjectForm form, std::uint8_t form_number);
    void give(std::size_t level, Bytes run, std::uint64_t at, bool is_volatile);
    static bool tell_open(Level& level, ObjectEvent* event);
    bool tell(Level& level, ObjectEvent* event);
    bool hold_field(Level& level);
    bool step(std::size_t number, ObjectEvent* event);
    bool step_chunks(std::size_t number, ObjectEvent* event);
    bool step_coding(std::size_t number, ObjectEvent* event);
    bool end_coding(std::size_t number, Outcome why, ObjectEvent* event);
    bool has_input(const Level& level) const;
    MutableBytes room(std::size_t area) const;
    bool open_form(const Head& head);
    void open_chunks(const Head& head, ObjectForm raw);
    bool step_parts(std::size_t number, ObjectEvent* event);
    bool open_part(std::size_t number, ObjectEvent* event);
    bool end_level(std::size_t number, ObjectEvent* event);
    bool finish_chunks(ObjectEvent* event);
    bool finish_parts(std::size_t number, ObjectEvent* event);
    void confirm(Level& level, bool is_pure_framing);
    std::size_t rest_into(std::size_t number, MutableBytes room) const;
    bool fault(Outcome outcome, ObjectEvent* event);

    std::array<Level, levels_max> levels_;
    std::size_t level_count_ = 0;
    std::uint8_t objects_used_ = 0;  // bit by number
    bool faulted_ = false;
    bool is_post_ = false;
    bool prefix_due_ = false;  // of a field that became an object: field_text_
    bool has_declared_ = false;
    bool is_coded_form_ = false;
    std::optional<Outcome> fault_due_;
    std::uint8_t field_bytes_ = 0;
    std::uint64_t declared_ = 0;  // x-amz-decoded-content-length
    std::uint64_t payload_bytes_ = 0;
    ObjectForm part_form_ = ObjectForm::form_part;
    MutableBytes out_;
    struct ObjectInfo {
        ObjectForm form;
        std::uint8_t form_number;
    };
    static constexpr std::uint8_t no_form = 0xff;
    std::array<ObjectInfo, limits::objects_per_message_max> infos_;
    std::array<std::uint8_t, limits::form_field_bytes_max> field_text_;
    ChunkedDecoder chunks_;
    TransferDecoder transfer_;
    std::array<MultipartDecoder, 2> forms_;
    std::array<CodingDecoder, limits::codings_max> codings_;
    MultipartDecoder coded_form_;  // looks for the form in its coded bytes
    CodingPool* pool_ = nullptr;
};

}  // namespace cordon
