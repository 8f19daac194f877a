#include "dataplane/assembly/content_reader.h"

#include <algorithm>
#include <new>

namespace cordon {

namespace {

// No client pauses so between two pieces, but for one that has lost its connection.
constexpr std::uint64_t patience_ns = 10 * ns_per_s;

}  // namespace

ContentReader::ContentReader(WindowBlocks* windows)
    : sides_(std::make_unique_for_overwrite<Place[]>(2)),
      archives_(stages),
      archives_marked_(stages),
      codings_(limits::reader_blocks, windows),
      codings_marked_(limits::reader_blocks, windows) {}

std::uint64_t ContentReader::memory_bytes() {
    return 2 * (sizeof(Place) + stages * sizeof(ArchiveStage) +
                limits::reader_blocks * CodingPool::small_bytes());
}

void ContentReader::open(std::string_view name, std::uint64_t seed) {
    close();
    new (&sides_[0]) Side;
    is_open_ = true;
    now().open = 0;
    const std::size_t length = std::min(name.size(), name_.size());
    std::copy_n(name.begin(), length, name_.begin());
    now().decoder.open_assembled({name_.data(), length}, {{}, &codings_, &archives_, seed});
}

void ContentReader::close() {
    if (is_open_) now().decoder.close();
    is_open_ = has_mark_ = false;
}

void ContentReader::open_object(std::uint8_t object, KindSet kinds) {
    now().open = static_cast<std::uint16_t>(now().open | 1u << object);
    now().digests[object].start(kinds);
    now().contents[object] = ObjectContent{};
    now().tails[object] = TextTail{};
}

void ContentReader::close_object(std::uint8_t object) {
    now().open = static_cast<std::uint16_t>(now().open & ~(1u << object));
}

// The decoder points into its own memory and that of its pools: a copy is of use only there.
void ContentReader::copy(const Side& from, Side* to) {
    to->decoder = from.decoder;
    to->open = from.open;
    for (std::size_t n = 0; n < from.digests.size(); ++n) {
        if ((from.open >> n & 1) == 0) continue;
        to->digests[n] = from.digests[n];
        to->contents[n] = from.contents[n];
        to->tails[n] = from.tails[n];
    }
}

bool ContentReader::mark() {
    has_mark_ = !codings_.has_windows();
    if (!has_mark_) return false;
    new (&sides_[1]) Side;
    copy(side(0), &side(1));
    archives_marked_.copy_from(archives_);
    codings_marked_.copy_from(codings_);
    return true;
}

bool ContentReader::go_back() {
    if (!has_mark_) return false;
    copy(side(1), &side(0));
    archives_.copy_from(archives_marked_);
    codings_.copy_from(codings_marked_);
    return true;
}

ContentReaders::ContentReaders(std::uint32_t count)
    : windows_(limits::reader_windows), count_(count), readers_(std::make_unique<Reader[]>(count)) {
    for (std::uint32_t n = 0; n < count; ++n)
        readers_[n].reader = std::make_unique<ContentReader>(&windows_);
}

ContentReader* ContentReaders::begin(std::uint32_t number, std::uint64_t word, Now now,
                                     ReaderTicket* ticket) {
    const auto generation = static_cast<std::uint32_t>(word >> 8) + 1;
    Reader& reader = readers_[number];
    if (!reader.word.compare_exchange_strong(word, word_of(generation, State::busy),
                                             std::memory_order_acquire))
        return nullptr;
    reader.until_ns.store(now.ns + patience_ns, std::memory_order_relaxed);
    *ticket = {number, generation};
    return reader.reader.get();
}

ContentReader* ContentReaders::take(Now now, ReaderTicket* ticket) {
    std::uint32_t slowest = count_;
    std::uint64_t slowest_word = 0;
    std::uint64_t slowest_ns = now.ns;
    for (std::uint32_t n = 0; n < count_; ++n) {
        const std::uint64_t word = readers_[n].word.load(std::memory_order_relaxed);
        if (state_of(word) == State::free) {
            ContentReader* reader = begin(n, word, now, ticket);
            if (reader != nullptr) return reader;
        }
        const std::uint64_t until_ns = readers_[n].until_ns.load(std::memory_order_relaxed);
        if (state_of(word) != State::idle || until_ns >= slowest_ns) continue;
        slowest = n;
        slowest_word = word;
        slowest_ns = until_ns;
    }
    return slowest == count_ ? nullptr : begin(slowest, slowest_word, now, ticket);
}

ContentReader* ContentReaders::enter(const ReaderTicket& ticket) {
    if (!ticket) return nullptr;
    std::uint64_t word = word_of(ticket.generation, State::idle);
    Reader& reader = readers_[ticket.number];
    return reader.word.compare_exchange_strong(word, word_of(ticket.generation, State::busy),
                                               std::memory_order_acquire)
               ? reader.reader.get()
               : nullptr;
}

// Bytes earn time, up to `patience`.
void ContentReaders::leave(const ReaderTicket& ticket, std::size_t bytes_read, Now now) {
    Reader& reader = readers_[ticket.number];
    const std::uint64_t earned = bytes_read * (ns_per_s / limits::slow_bytes_per_s);
    const std::uint64_t until_ns = reader.until_ns.load(std::memory_order_relaxed) + earned;
    reader.until_ns.store(std::min(until_ns, now.ns + patience_ns), std::memory_order_relaxed);
    reader.word.store(word_of(ticket.generation, State::idle), std::memory_order_release);
}

void ContentReaders::give_back(ReaderTicket* ticket) {
    if (ContentReader* reader = enter(*ticket); reader != nullptr) {
        reader->close();
        readers_[ticket->number].word.store(word_of(ticket->generation, State::free),
                                            std::memory_order_release);
    }
    *ticket = {};
}

std::uint32_t ContentReaders::used() const {
    std::uint32_t used = 0;
    for (std::uint32_t n = 0; n < count_; ++n)
        used += state_of(readers_[n].word.load(std::memory_order_relaxed)) == State::free ? 0u : 1u;
    return used;
}

}  // namespace cordon
