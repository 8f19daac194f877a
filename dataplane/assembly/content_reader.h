// Takes apart what an upload in pieces holds, as BodyDecoder does with a plain body, wherever its
// pieces come: with memory of its own, because that of a worker stays with the worker.
//
//   ContentReaders readers;  reader = readers.take(…, &ticket) … readers.leave(ticket, …)
//   next time, maybe on another worker:  reader = readers.enter(ticket) … leave()
//
// A piece may break off, or be replaced: the reader goes back to where it was marked. A mark is a
// copy of all it has (100 KiB for a zip), restored in its place. What needs a window of zstd has
// none: 10 MiB are too much to be copied for each piece.
//
// Readers are for whoever uses them. One that was left for long (patience), or is fed slower than
// slow_bytes_per_s, goes to another upload when none is free; enter() tells its owner.
//
// Owns:       ContentReader: decoder, digest states of the objects that it found, and the copies of
//             both; ContentReaders: all of them.
// Invariants: between take() or enter() and leave() nobody else has the reader.
// Worker:     any; no lock, no allocation after construction.
// Limits:     assembly_readers; reader_blocks and reader_windows, see limits.h.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "dataplane/base/limits.h"
#include "dataplane/base/time.h"
#include "dataplane/content/content_scanner.h"
#include "dataplane/fingerprint/digest_state.h"
#include "dataplane/object/body.h"

namespace cordon {

class ContentReader {
  public:
    explicit ContentReader(WindowBlocks* windows);

    void open(std::string_view name, std::uint64_t seed);
    void close();

    BodyDecoder& decoder() { return now().decoder; }

    // Of an object that the decoder has open, or just ended.
    void open_object(std::uint8_t object, KindSet kinds);
    void close_object(std::uint8_t object);
    bool has_object(std::uint8_t object) { return (now().open >> object & 1) != 0; }
    DigestState& digests(std::uint8_t object) { return now().digests[object]; }
    ObjectContent& content(std::uint8_t object) { return now().contents[object]; }
    TextTail& tail(std::uint8_t object) { return now().tails[object]; }

    // False: there is no going back.
    bool mark();
    bool go_back();

    static std::uint64_t memory_bytes();

  private:
    struct Side {
        BodyDecoder decoder;
        std::uint16_t open;  // bit by number
        std::array<DigestState, limits::objects_per_message_max> digests;
        std::array<ObjectContent, limits::objects_per_message_max> contents;
        std::array<TextTail, limits::objects_per_message_max> tails;
    };
    struct alignas(Side) Place {
        unsigned char bytes[sizeof(Side)];
    };
    static constexpr std::uint32_t stages =
        limits::archive_depth_max + limits::archive_wrappers_max;

    Side& side(std::size_t number) {
        return *std::launder(reinterpret_cast<Side*>(&sides_[number]));
    }
    Side& now() { return side(0); }
    static void copy(const Side& from, Side* to);

    std::unique_ptr<Place[]> sides_;  // as it is, and as it was; untouched they cost no memory
    ArchivePool archives_;
    ArchivePool archives_marked_;
    CodingPool codings_;
    CodingPool codings_marked_;
    bool is_open_ = false;
    bool has_mark_ = false;
    std::array<char, limits::assembly_name_bytes> name_;
};

struct ReaderTicket {
    std::uint32_t number = UINT32_MAX;
    std::uint32_t generation = 0;
    explicit operator bool() const { return number != UINT32_MAX; }
};

class ContentReaders {
  public:
    explicit ContentReaders(std::uint32_t count);

    // Null: all are in use.
    ContentReader* take(Now now, ReaderTicket* ticket);
    // Null: it went to another.
    ContentReader* enter(const ReaderTicket& ticket);
    void leave(const ReaderTicket& ticket, std::size_t bytes_read, Now now);
    void give_back(ReaderTicket* ticket);

    std::uint32_t count() const { return count_; }
    std::uint32_t used() const;

  private:
    enum class State : std::uint8_t { free, idle, busy };
    struct Reader {
        std::atomic<std::uint64_t> word{0};  // generation, state
        std::atomic<std::uint64_t> until_ns{0};
        std::unique_ptr<ContentReader> reader;
    };
    static std::uint64_t word_of(std::uint32_t generation, State state) {
        return std::uint64_t{generation} << 8 | static_cast<std::uint8_t>(state);
    }
    static State state_of(std::uint64_t word) { return static_cast<State>(word & 0xff); }
    ContentReader* begin(std::uint32_t number, std::uint64_t word, Now now, ReaderTicket* ticket);

    WindowBlocks windows_;
    std::uint32_t count_;
    std::unique_ptr<Reader[]> readers_;
};

}  // namespace cordon
