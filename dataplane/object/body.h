// From the body of a message to the objects in it: a chain of decoders, each fed with what the one
// before gives, each able to be an object of its own beside what is inside it.
//
//   body ─► [aws-chunked] ─► [gzip …] ─► [gzip …] ─► [parts] ─► [nested parts] ─► [base64 …] ─┐
//    │raw       │payload       │decoded    │decoded    │part       │part             │decoded   │
//    ▼          ▼              ▼           ▼           ▼           ▼                 ▼          │
//   object    object         object      object      object      object            object       │
//   ┌───────────────────────────────────────────────────────────────────────────────────────────┘
//   └─► [text with base64] ─► [archive] ─► [archive] ─► …   whatever comes last, by its first bytes
//           │decoded               │member      │member
//           ▼                      ▼            ▼
//         object                 object       object
//
// The body as it is is an object beside its decoded form as long as a server might store it so: for
// every method but POST with a form, and always until the framing of the form has been seen at its
// very beginning (a file cannot begin with it, so that a declared form is no disguise).
//
//     decoder.feed(bytes, at);  while (decoder.next(&event)) …     at the end: decoder.finish() and
//     while (decoder.next(&event)) …
//
// A form in a content coding is refused (coding_bad) when its delimiter shows in the coded bytes:
// most servers do not undo codings, and would find other parts than we. So is (as
// archive_inconsistent) what is declared to be a form, or coded by transfer, and begins as an
// archive: a server that leaves the declaration alone has the members.
//
// A member's verdict may fall when it ends (`end`): whoever has the container so far, has it.
//
// Owns:       the decoders' states; the memory of open() is the caller's: `out` for decoded runs,
//             and the pools for codings and archives, to which close() gives back what was taken.
// Invariants: objects and their bytes depend on the body only, not on how it was cut. Every opened
//             object is dropped or ended, unless a fault ends the decoding.
// Worker:     used by one worker only: no lock, no clock, no allocation.
// Limits:     objects_per_message_max, archive_depth_max, archive_wrappers_max, and those of the
//             decoders.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/http/chunked.h"
#include "dataplane/http/head.h"
#include "dataplane/object/archive.h"
#include "dataplane/object/archive_sniffer.h"
#include "dataplane/object/multipart.h"
#include "dataplane/object/object.h"
#include "dataplane/object/text_base64.h"
#include "dataplane/object/transfer_coding.h"
#include "dataplane/object/zip_search.h"

namespace cordon {

struct ObjectEvent {
    enum class Kind : std::uint8_t {
        open,     // an object begins
        bytes,    // a run of it
        end,      // it is complete
        drop,     // it turned out not to be one
        may_end,  // to some readers it is complete, with `bytes`, which are told again
        unread,   // an object that could not be read, by `outcome`: only its name is known
        field,    // `bytes` are a short field of a form, or what a longer one begins with
        note,     // `outcome` happened; decoding goes on
        fault,    // `outcome`: what follows cannot be read, unless give_up() leaves it alone
    };
    Kind kind;
    std::uint8_t object;  // a small number, free again after its end or drop
    bool is_volatile;     // the bytes die with the next call, else with what was fed
    bool is_cut;          // of an end: it came early
    bool is_local;        // of a fault: an archive in the body, not the body, is in doubt
    Outcome outcome;
    Bytes bytes;
    std::uint64_t at;  // of bytes: the `at` of the feed in which the last of them came, or before
};

// What decoders work in.
struct DecoderMemory {
    MutableBytes out;  // written by next(), and read by the caller before its next call
    CodingPool* codings;
    ArchivePool* archives;
    std::uint64_t seed;  // a secret of this process
};

class BodyDecoder {
  public:
    // What a caller says of an open object.
    struct Name {
        ObjectForm form;
        std::string_view field;
        std::string_view file_name;
        std::string_view member;     // path in its archive
        std::string_view container;  // what the archive is called
    };

    // What the last segment of a target's path is called.
    static std::string_view name_in(std::string_view target);
    // False for a body that its head says is one plain object: it may be an archive.
    static bool needed(const Head& head);
    // The first bytes of such a body, `is_all`: and its last. False when they say that it is none,
    // nor a text with files in it.
    static bool needed(const Head& head, Bytes first, bool is_all);

    // The head stays valid until the message ends. `is_open`: the object of a plain body is number
    // 0 and open already.
    void open(const Head& head, const DecoderMemory& memory, bool is_open = false);
    // The same for an object that many messages bring (ObjectForm::assembled): it is number 0 and
    // open already. `name` stays valid as a head does. Elsewhere it goes on with another `out`.
    static bool needed(Bytes first, bool is_all);
    void open_assembled(std::string_view name, const DecoderMemory& memory);
    void write_to(MutableBytes out) { memory_.out = out; }
    // The object is one of the pieces of such a one: what is in it is not looked for here.
    void leave_alone(std::uint8_t object);
    // After open(), of a plain body that is no archive by its first bytes: `at` bytes of it were
    // searched for a zip.
    void search_on(ZipSearch search, std::uint64_t at);
    void close();
    void feed(Bytes bytes, std::uint64_t at);
    void finish();
    bool next(ObjectEvent* event);

    // Of an object that is open or was just ended.
    Name name(std::uint8_t object) const;

    // What an open object would have besides its bytes if the message ended here. `room` takes
    // kept_back_bytes_max.
    static constexpr std::size_t kept_back_bytes_max =
        2 * (4 + limits::form_boundary_bytes_max) + ZipDecoder::kept_back_bytes_max;
    std::size_t kept_back(std::uint8_t object, MutableBytes room) const;

    // How long the payload of aws-chunked says it is. What is longer or shorter is a fault.
    std::optional<std::uint64_t> declared_payload() const;

    // After a fault: what it was in is left alone. That is the body, which counts as it is if it is
    // still open, or an archive in it (is_local). Objects that are not kept are gone.
    void give_up();
    bool keeps(std::uint8_t object) const;

    // Nothing but the one object of a plain body: number 0, which needs no decoder any more.
    bool is_plain() const;
    ZipSearch search() const { return levels_[0].search; }

  private:
    enum class Coding : std::uint8_t {
        none,
        aws_chunked,
        content,
        parts,
        transfer,
        sniffed,  // not known yet: an archive or none
        text,     // with files in base64
        archive,
    };
    static constexpr std::uint8_t no_object_number = 0xff;
    static constexpr std::size_t levels_max =
        5 + limits::codings_max + limits::archive_depth_max + limits::archive_wrappers_max;
    static_assert(levels_max <= limits::objects_per_message_max);

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
        bool bytes_due;       // the input is to be told as bytes of the object
        bool is_field;        // an object only when it becomes long enough
        bool is_coded_field;  // told as a field as well
        bool confirmed;       // the decoder has seen its framing
        bool scanned;         // the input was searched for the form in it
        bool over;            // the coded content is complete, or none: what comes is left alone
        bool ended;           // no further input
        bool rest_given;
        bool finished;  // the decoder has nothing left
        bool may_end_told;
        bool watched;  // it may begin as an archive, whatever it is declared to be
        bool opened;   // of an archive: told to be one
        bool may_be_text;
        bool zip_due;  // of a text: one begins where the input does
        bool is_cut;   // of a member: its archive ended early
        bool is_left_alone;
        ZipSearch search;
        std::uint64_t given;  // bytes of input, with those at hand
        Bytes replay;         // of an archive: first bytes that came before the input
        Bytes replay_next;    // behind them
        Bytes zip_rest;       // what was seen of the zip that begins behind a text
        ArchiveStage* archive;
    };

    void start(const DecoderMemory& memory);
    Level& push(Coding coding, ObjectForm form, std::uint8_t form_number);
    void pop(std::size_t number);
    void forget_object(std::uint8_t object);
    void give(std::size_t level, Bytes run, std::uint64_t at, bool is_volatile);
    static bool tell_open(Level& level, ObjectEvent* event);
    bool tell_may_end(std::size_t number, ObjectEvent* event);
    bool may_end_with(std::size_t number, Bytes more, ObjectEvent* event);
    bool tell(Level& level, ObjectEvent* event);
    bool hold_field(Level& level);
    void put_by_field(Bytes bytes);
    bool tell_field(std::uint8_t object, std::size_t bytes, ObjectEvent* event);
    bool step(std::size_t number, ObjectEvent* event);
    bool step_chunks(std::size_t number, ObjectEvent* event);
    bool step_coding(std::size_t number, ObjectEvent* event);
    bool end_coding(std::size_t number, Outcome why, ObjectEvent* event);
    bool has_input(const Level& level) const;
    MutableBytes room(std::size_t number) const;
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

    // --- body_archive.cpp ---
    bool step_plain(std::size_t number, ObjectEvent* event);
    bool search_zip(std::size_t number, Bytes run, ObjectEvent* event);
    bool begin_inside(std::size_t number, Bytes rest, ObjectEvent* event);
    bool search_foreign(std::size_t number, Bytes block, ObjectEvent* event);
    bool step_sniffed(std::size_t number, ObjectEvent* event);
    bool begin_archive(std::size_t number, ArchiveFormat format, ObjectEvent* event);
    bool fits_archive(ArchiveFormat format) const;
    bool step_archive(std::size_t number, ObjectEvent* event);
    bool archive_event(std::size_t number, const ArchiveEvent& what, ObjectEvent* event);
    bool begin_member(std::size_t number, ObjectEvent* event);
    bool tell_unread(std::size_t number, Outcome why, ObjectEvent* event);
    void end_archive(std::size_t number, bool is_cut);
    bool finish_sniffed(std::size_t number, ObjectEvent* event);
    bool finish_archive(std::size_t number, ObjectEvent* event);
    bool archive_fault(std::size_t number, Outcome why, ObjectEvent* event);
    bool begins_as_archive(std::size_t number);
    bool begins_as_tar(std::size_t number);
    void leave_archive(std::size_t number);
    bool is_too_much(std::size_t written);
    // --- body_text.cpp ---
    static bool begins_with_files(std::string_view content_type, Bytes first, bool is_all);
    void begin_text(std::size_t number);
    static void search_text(Level& level);
    static void end_text_at(Level& level, std::size_t at);
    bool step_text(std::size_t number, ObjectEvent* event);
    bool text_event(std::size_t number, TextDecoder::Result result, Bytes data, ObjectEvent* event);
    bool begin_text_file(std::size_t number, ObjectEvent* event);
    bool finish_text(std::size_t number, ObjectEvent* event);

    std::string_view member_of(std::size_t number) const;
    std::string_view container_of(std::size_t number) const;

    std::array<Level, levels_max> levels_;
    std::size_t level_count_ = 0;
    std::uint16_t objects_used_ = 0;  // bit by number
    std::size_t fault_level_ = 0;
    bool faulted_ = false;
    bool is_post_ = false;
    bool prefix_due_ = false;  // of a field that became an object: field_text_
    bool has_declared_ = false;
    bool is_coded_form_ = false;
    std::optional<Outcome> fault_due_;
    std::uint8_t field_bytes_ = 0;
    std::uint64_t declared_ = 0;  // x-amz-decoded-content-length
    std::uint64_t payload_bytes_ = 0;
    std::uint64_t fed_bytes_ = 0;
    std::uint64_t decoded_bytes_ = 0;  // of all codings and archives
    ObjectForm part_form_ = ObjectForm::form_part;
    DecoderMemory memory_{};
    std::string_view target_name_;  // last segment of the target's path
    struct ObjectInfo {
        ObjectForm form;
        std::uint8_t form_number;
        std::uint8_t archive;  // the level whose member it is
        bool is_in_text;
    };
    static constexpr std::uint8_t no_form = 0xff;
    static constexpr std::uint8_t no_level = 0xff;
    std::array<ObjectInfo, limits::objects_per_message_max> infos_;
    std::array<std::uint8_t, limits::form_field_bytes_max> field_text_;
    ChunkedDecoder chunks_;
    TransferDecoder transfer_;
    TextDecoder text_;
    bool text_finished_ = false;
    bool text_has_more_ = false;
    std::string_view content_type_;
    std::array<MultipartDecoder, 2> forms_;
    std::array<CodingDecoder, limits::codings_max> codings_;
    MultipartDecoder coded_form_;                      // looks for the form in its coded bytes
    std::array<ArchiveSniffer, levels_max> sniffers_;  // by level
};

}  // namespace cordon
