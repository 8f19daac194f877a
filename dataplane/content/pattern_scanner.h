// Scans texts for the patterns of one index, while they stream by.
//
//   stream = scanner.open();  scanner.scan(stream, bytes, &hits);  …  scanner.end(stream, &hits);
//   scanner.scan_name(name, &hits);
//
// Bound to one index: with the next one comes another scanner, and streams of the old one end.
//
// Owns:       the scratch space, and one Hyperscan stream a section for each text at once: all
//             opened when it is made.
// Invariants: what is found does not depend on where a text was cut. A pattern is told once in a
//             text. With PatternHits full, the rest of a text is not scanned.
// Worker:     made in a control thread, used by one worker only; no allocation after construction.
// Limits:     `streams` texts at once; PatternHits::max patterns of one text.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/content/pattern_view.h"
#include "dataplane/content/scan_room.h"

struct hs_scratch;
struct hs_stream;

namespace cordon {

struct PatternHits {
    static constexpr std::size_t max = 8;  // as many as an incident names
    std::array<PatternHit, max> hits;
    std::uint8_t count;

    void clear() { count = 0; }
    std::span<const PatternHit> found() const { return std::span(hits).first(count); }
};

class PatternScanner {
  public:
    using Stream = std::uint32_t;
    static constexpr Stream no_stream = UINT32_MAX;

    // How many texts at once fit into what a worker has for them.
    static std::uint32_t streams_for(const PatternView& view);

    // Null: no memory.
    static std::unique_ptr<PatternScanner> make(const PatternView& view, std::uint32_t streams);
    // For make(): without the memory that it needs it can scan nothing.
    PatternScanner(const PatternView& view, std::uint32_t streams);
    ~PatternScanner();
    PatternScanner(const PatternScanner&) = delete;
    PatternScanner& operator=(const PatternScanner&) = delete;

    Stream open();  // no_stream: all are taken
    void scan(Stream stream, Bytes bytes, PatternHits* hits);
    void end(Stream stream, PatternHits* hits);  // of the text; gives the stream back
    void drop(Stream stream);                    // the same, and the text may go on

    void scan_name(std::string_view name, PatternHits* hits);

    const PatternView& view() const { return view_; }
    std::uint32_t used() const { return used_; }

  private:
    struct Section {
        std::uint16_t number;
        hs_stream* names = nullptr;
        std::vector<hs_stream*> streams;
    };
    struct Found;

    void scan(const Section& section, hs_stream* stream, const char* run, std::size_t bytes,
              PatternHits* hits);
    bool open_section(std::uint16_t number, std::uint32_t streams);

    const PatternView& view_;
    hs_scratch* scratch_ = nullptr;
    ScanRoom<4096> room_;
    std::vector<Section> sections_;
    std::vector<Stream> free_;
    std::uint32_t used_ = 0;
    bool complete_ = true;
};

}  // namespace cordon
