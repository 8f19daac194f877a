#include "dataplane/content/pattern_scanner.h"

#include <hs/hs.h>

#include <algorithm>

#include "dataplane/base/invariant.h"

namespace cordon {

// What the library tells of goes into `hits`, until they are full.
struct PatternScanner::Found {
    PatternHits* hits;
    std::uint16_t section;

    static int take(unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
        auto* found = static_cast<Found*>(context);
        PatternHits& hits = *found->hits;
        const PatternHit hit{found->section, static_cast<std::uint16_t>(id)};
        const auto same = [&](const PatternHit& one) {
            return one.section == hit.section && one.entry == hit.entry;
        };
        // A name and its content may hold the same.
        const auto known = hits.found();
        if (std::any_of(known.begin(), known.end(), same)) return 0;
        if (hits.count == PatternHits::max) return 1;
        hits.hits[hits.count++] = hit;
        return hits.count == PatternHits::max ? 1 : 0;
    }
};

std::uint32_t PatternScanner::streams_for(const PatternView& view) {
    if (view.empty()) return 0;
    const std::size_t fitting = limits::pattern_streams_bytes_max / view.state_bytes();
    return static_cast<std::uint32_t>(std::min<std::size_t>(limits::pattern_streams_max, fitting));
}

std::unique_ptr<PatternScanner> PatternScanner::make(const PatternView& view,
                                                     std::uint32_t streams) {
    auto made = std::make_unique<PatternScanner>(view, streams);
    if (!made->complete_) made.reset();
    return made;
}

PatternScanner::PatternScanner(const PatternView& view, std::uint32_t streams) : view_(view) {
    for (std::size_t section = 0; section < limits::sections_max && complete_; ++section) {
        if (view.database(section) != nullptr)
            complete_ = open_section(static_cast<std::uint16_t>(section), streams);
    }
    for (std::uint32_t n = streams; n > 0; --n)
        free_.push_back(n - 1);
}

bool PatternScanner::open_section(std::uint16_t number, std::uint32_t streams) {
    const hs_database* database = view_.database(number);
    Section& section = sections_.emplace_back();
    section.number = number;
    if (hs_alloc_scratch(database, &scratch_) != HS_SUCCESS) return false;
    if (hs_open_stream(database, 0, &section.names) != HS_SUCCESS) return false;
    section.streams.reserve(streams);
    for (std::uint32_t n = 0; n < streams; ++n) {
        hs_stream* stream = nullptr;
        if (hs_open_stream(database, 0, &stream) != HS_SUCCESS) return false;
        section.streams.push_back(stream);
    }
    return true;
}

PatternScanner::~PatternScanner() {
    for (const Section& section : sections_) {
        for (hs_stream* stream : section.streams)
            hs_close_stream(stream, nullptr, nullptr, nullptr);
        if (section.names != nullptr) hs_close_stream(section.names, nullptr, nullptr, nullptr);
    }
    if (scratch_ != nullptr) hs_free_scratch(scratch_);
}

PatternScanner::Stream PatternScanner::open() {
    if (free_.empty()) return no_stream;
    const Stream stream = free_.back();
    free_.pop_back();
    ++used_;
    return stream;
}

// Once it has told enough, the library answers HS_SCAN_TERMINATED until the stream is reset.
void PatternScanner::scan(const Section& section, hs_stream* stream, const char* run,
                          std::size_t bytes, PatternHits* hits) {
    Found found{hits, section.number};
    const hs_error_t status =
        hs_scan_stream(stream, run, static_cast<unsigned>(bytes), 0, scratch_, Found::take, &found);
    INVARIANT(status == HS_SUCCESS || status == HS_SCAN_TERMINATED);
}

void PatternScanner::scan(Stream stream, Bytes bytes, PatternHits* hits) {
    while (!bytes.empty()) {
        const Bytes run = bytes.first(std::min(bytes.size(), room_.bytes_max));
        const char* copy = room_.take(run);
        for (const Section& section : sections_)
            scan(section, section.streams[stream], copy, run.size(), hits);
        bytes = bytes.subspan(run.size());
    }
}

void PatternScanner::end(Stream stream, PatternHits* hits) {
    for (const Section& section : sections_) {
        Found found{hits, section.number};
        hs_reset_stream(section.streams[stream], 0, scratch_, Found::take, &found);
    }
    free_.push_back(stream);
    --used_;
}

void PatternScanner::drop(Stream stream) {
    for (const Section& section : sections_)
        hs_reset_stream(section.streams[stream], 0, nullptr, nullptr, nullptr);
    free_.push_back(stream);
    --used_;
}

void PatternScanner::scan_name(std::string_view name, PatternHits* hits) {
    const Bytes run = as_bytes(name.substr(0, room_.bytes_max));
    const char* copy = room_.take(run);
    for (const Section& section : sections_) {
        scan(section, section.names, copy, run.size(), hits);
        Found found{hits, section.number};
        hs_reset_stream(section.names, 0, scratch_, Found::take, &found);
    }
}

}  // namespace cordon
