// What an upload in pieces holds: archives of every kind, cut into pieces in every way, with pieces
// that break off, come again, or come with other bytes first.
#include "dataplane/assembly/content_reader.h"

#include <memory>

#include "dataplane/assembly/chain_content.h"
#include "tests/support/archives.h"
#include "tests/support/base64_text.h"
#include "tests/support/content_reading.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"
#include "tests/support/zip_builder.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

struct Sample {
    const char* name;
    std::string bytes;
    std::size_t members;  // that end, and prefixes that some reader takes for all
};

std::string noise(std::size_t bytes, unsigned seed) {
    std::string text;
    while (text.size() < bytes) {
        seed = seed * 1664525 + 1013904223;
        text += static_cast<char>(seed >> 24);
    }
    return text;
}

std::string zip_of(std::uint16_t method, unsigned descriptor = 0, bool is_wide = false) {
    BuiltMember member;
    member.name = "in/second";
    member.content = noise(60, 2) + std::string(40, 'x');
    member.method = method;
    member.descriptor = descriptor;
    member.is_wide = is_wide;
    ZipBuilder zip;
    return zip.add("first", "content of the first", method).add(member).end();
}

std::string tar_of(std::string_view content) {
    return tar_file("first", "content") + tar_file("second", content) + tar_end();
}

const std::vector<Sample>& samples() {
    static const std::vector<Sample> all = [] {
        const std::string file = base64_of(noise(200, 5));
        const std::string middle = file.substr(0, 163) + "=" + file.substr(163);
        return std::vector<Sample>{
            {"plain", noise(300, 1), 0},
            {"zip", zip_of(0), 2},
            {"zip, deflated", zip_of(8), 2},
            {"zip with sizes behind", zip_of(8, 4), 2},
            {"zip64", zip_of(8, 8, true), 2},
            {"zip behind junk", "MZ" + noise(150, 3) + zip_of(0), 2},
            {"tar", tar_of(noise(30, 4)), 2},
            {"gzip", gzip_file("the content of one file, of one file"), 1},
            {"two pieces of gzip", gzip_file("one") + gzip_file("two"), 2},
            {"tar.gz", gzip_file(tar_of("small"), "a.tar"), 3},
            {"zip in tar.gz", gzip_file(tar_of(zip_of(8))), 5},
            {"zip in zip", ZipBuilder().add("inner.zip", zip_of(8)).end(), 3},
            {"text", file, 1},
            {"JSON", "{\"a\": \"" + file + "\", \"b\": [\"" + file + "\"]}", 2},
            {"padded in the middle", middle, 2},
            {"zip in text", base64_of(zip_of(0)), 3},
        };
    }();
    return all;
}

std::size_t lines(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

ContentReading::Seen seen_in_one(std::string_view object) {
    ContentReading reading;
    reading.feed(as_bytes(object));
    reading.finish();
    return reading.seen;
}

void feed_guarded(ContentReading* reading, std::string_view bytes) {
    const GuardedBytes guarded(as_bytes(bytes));
    reading->feed(guarded.bytes());
}

// Of the upload itself its owner takes the digests.
void every_kind_is_read_alike_however_it_is_cut(void**) {
    for (const Sample& one : samples()) {
        const ContentReading::Seen whole = seen_in_one(one.bytes);
        assert_false(whole.fault);
        every_split(as_bytes(one.bytes), [&](const std::vector<Bytes>& pieces) {
            ContentReading reading;
            for (const Bytes piece : pieces)
                feed_guarded(&reading, as_text(piece));
            reading.finish();
            if (!(reading.seen == whole)) fail_msg("%s in %zu pieces", one.name, pieces.size());
        });
    }
}

void nothing_in_them_is_missed(void**) {
    for (const Sample& one : samples()) {
        const std::size_t seen = lines(seen_in_one(one.bytes).ended);
        if (seen != one.members) fail_msg("%s: %zu", one.name, seen);
    }
}

// At every place: a piece that broke off, one with other bytes, and an end that was none.
void what_broke_off_leaves_no_trace(void**) {
    for (const Sample& one : samples()) {
        const ContentReading::Seen whole = seen_in_one(one.bytes);
        for (std::size_t at = 1; at < one.bytes.size(); ++at) {
            const std::string_view rest = std::string_view(one.bytes).substr(at);
            ContentReading reading;
            feed_guarded(&reading, one.bytes.substr(0, at));
            assert_true(reading.mark());
            feed_guarded(&reading, rest.substr(0, 1 + at * 7 % rest.size()));
            assert_true(reading.go_back());
            feed_guarded(&reading, std::string_view(one.bytes).substr(0, 40 + at % 100));
            assert_true(reading.go_back());
            feed_guarded(&reading, rest.substr(0, rest.size() / 2));
            reading.finish();
            assert_true(reading.go_back());
            feed_guarded(&reading, rest);
            reading.finish();
            if (!(reading.seen == whole)) fail_msg("%s at %zu", one.name, at);
        }
    }
}

// A mark at each byte, and each byte twice.
void every_byte_may_come_twice(void**) {
    for (const Sample& one : samples()) {
        ContentReading reading;
        for (const char c : one.bytes) {
            assert_true(reading.mark());
            feed_guarded(&reading, {&c, 1});
            assert_true(reading.go_back());
            feed_guarded(&reading, {&c, 1});
        }
        reading.finish();
        if (!(reading.seen == seen_in_one(one.bytes))) fail_msg("%s", one.name);
    }
}

// 10 MiB are not copied for each piece: it is read in order, and there is no going back.
void a_window_of_zstd_has_no_mark(void**) {
    const std::string archive = zstd_file(tar_of(noise(700, 6)));
    ContentReading::Seen whole = seen_in_one(archive);
    assert_int_equal(lines(whole.ended), 3);
    for (std::size_t at = 1; at < archive.size(); ++at) {
        ContentReading reading;
        assert_true(reading.mark());
        feed_guarded(&reading, archive.substr(0, at));
        const bool has_window = at >= 13;  // so many bytes until a signature is believed
        assert_int_equal(reading.mark(), !has_window);
        assert_int_equal(reading.go_back(), !has_window);
        feed_guarded(&reading, archive.substr(at));
        reading.finish();
        if (!(reading.seen == whole)) fail_msg("at %zu", at);
    }
}

// --- who has one ---------------------------------------------------------------------------------

constexpr Now at_second(std::uint64_t second) {
    return {second * ns_per_s, 0};
}

void a_reader_is_its_owners_until_it_is_given_back(void**) {
    ContentReaders readers(2);
    ReaderTicket first, second, third;
    assert_non_null(readers.take(at_second(1), &first));
    assert_non_null(readers.take(at_second(1), &second));
    assert_null(readers.take(at_second(1), &third));  // both are busy
    assert_null(readers.enter(first));
    assert_int_equal(readers.used(), 2);
    readers.leave(first, 0, at_second(1));
    assert_non_null(readers.enter(first));
    readers.leave(first, 0, at_second(1));
    assert_null(readers.take(at_second(1), &third));  // it has its patience
    readers.give_back(&first);
    assert_false(static_cast<bool>(first));
    assert_null(readers.enter(first));
    assert_non_null(readers.take(at_second(1), &third));
}

void one_that_was_left_for_long_goes_to_another(void**) {
    ContentReaders readers(2);
    ReaderTicket slow, busy, other;
    for (ReaderTicket* ticket : {&slow, &busy}) {
        ContentReader* reader = readers.take(at_second(1), ticket);
        reader->open("key", 1);
        readers.leave(*ticket, 0, at_second(1));
    }
    // Bytes earn time: a megabyte more than there is patience for.
    assert_non_null(readers.enter(busy));
    readers.leave(busy, 1 << 20, at_second(8));
    assert_null(readers.take(at_second(10), &other));
    ContentReader* taken = readers.take(at_second(12), &other);
    assert_non_null(taken);
    taken->open("another", 1);
    assert_null(readers.enter(slow));
    assert_non_null(readers.enter(busy));
    readers.give_back(&slow);  // it is none of his any more
    assert_int_equal(readers.used(), 2);
}

// --- where the chain stands ----------------------------------------------------------------------

// One upload whose chain moves: each state of it has a number.
class Chain {
  public:
    explicit Chain(ContentReaders* readers) : readers_(readers) {}
    ~Chain() { content.close(readers_); }
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    void begin(std::uint64_t id, std::uint64_t bytes) {
        content.start(id, bytes, readers_);
        before_ = id;
    }
    void read(std::string_view bytes) {
        if (!content.moving || content.due != ChainContent::Due::none)
            content.prepare(readers_, at_second(1));
        content.now.bytes += bytes.size();
        if (content.now.is_flawed) return;
        if (!content.now.begun) {
            content.now.begun = content.now.reads = true;
            readers_->take(at_second(1), &content.reader)->open("key", 1);
            readers_->leave(content.reader, 0, at_second(1));
        }
        ContentReader* reader = readers_->enter(content.reader);
        assert_non_null(reader);
        members_ += take(reader, bytes, false);
        readers_->leave(content.reader, bytes.size(), at_second(1));
    }
    void settle(std::uint64_t id) { content.settle(before_, id, content.now.bytes); }
    std::size_t finish() {
        ContentReader* reader = readers_->enter(content.reader);
        assert_non_null(reader);
        const std::size_t ended = take(reader, "", true);
        readers_->leave(content.reader, 0, at_second(1));
        return ended;
    }

    ChainContent content;

  private:
    static std::size_t take(ContentReader* reader, std::string_view bytes, bool ends) {
        std::vector<std::uint8_t> room(limits::decode_run_bytes);
        const GuardedBytes guarded(as_bytes(bytes));
        reader->decoder().write_to(room);
        if (!bytes.empty()) reader->decoder().feed(guarded.bytes(), 0);
        if (ends) reader->decoder().finish();
        ObjectEvent event;
        std::size_t ended = 0;
        while (reader->decoder().next(&event))
            ended += event.kind == ObjectEvent::Kind::end ? 1 : 0;
        return ended;
    }
    ContentReaders* readers_;
    std::uint64_t before_ = 0;
    std::size_t members_ = 0;
};

void a_chain_goes_back_by_one_piece_at_every_place(void**) {
    const std::string archive = zip_of(8);
    ContentReaders readers(1);
    for (std::size_t at = 1; at < archive.size(); ++at) {
        Chain chain(&readers);
        chain.begin(0, 0);
        chain.read(archive.substr(0, at));
        chain.settle(1);
        chain.begin(1, at);
        chain.read(archive.substr(at / 2));  // a piece that is replaced
        chain.settle(2);
        chain.begin(1, at);
        assert_int_equal(chain.content.due, ChainContent::Due::go_back);
        chain.read(archive.substr(at));
        assert_false(chain.content.now.is_flawed);
        assert_int_equal(chain.content.now.bytes, archive.size());
        chain.settle(3);
        chain.begin(3, archive.size());
        assert_int_equal(chain.content.due, ChainContent::Due::mark);
    }
    assert_int_equal(readers.used(), 0);
}

// It broke off before it was put behind the others: nobody told the chain.
void a_lease_that_ends_in_between_goes_back(void**) {
    const std::string archive = zip_of(8);
    ContentReaders readers(1);
    for (std::size_t at = 1; at + 1 < archive.size(); ++at) {
        Chain chain(&readers);
        chain.begin(0, 0);
        chain.read(archive.substr(0, at));
        chain.settle(1);
        for (int n = 0; n < 3; ++n) {
            chain.begin(1, at);
            chain.read(archive.substr(at, 1 + (archive.size() - at) / 2));
        }
        chain.begin(1, at);
        chain.read(archive.substr(at));
        chain.settle(2);
        assert_false(chain.content.now.is_flawed);
        assert_int_equal(chain.content.now.bytes, archive.size());
        assert_int_equal(chain.finish(), 1);  // the upload; its members ended before
    }
}

void where_a_chain_cannot_follow_it_is_flawed(void**) {
    const std::string archive = zip_of(8);
    ContentReaders readers(1);
    Chain chain(&readers);
    chain.begin(0, 0);
    chain.read(archive.substr(0, 50));
    chain.settle(1);
    chain.begin(1, 50);
    chain.read(archive.substr(50, 50));
    chain.settle(2);
    chain.begin(2, 100);
    chain.read(archive.substr(100, 10));
    chain.settle(3);
    chain.begin(1, 50);  // two pieces back
    chain.read(archive.substr(50));
    assert_true(chain.content.now.is_flawed);
    assert_int_equal(chain.content.now.flaw, Outcome::assembly_unread);
    // From its beginning on it is read anew.
    chain.begin(0, 0);
    chain.read(archive);
    assert_false(chain.content.now.is_flawed);
}

void a_chain_whose_reader_went_to_another_is_flawed(void**) {
    const std::string archive = zip_of(8);
    ContentReaders readers(1);
    Chain chain(&readers);
    chain.begin(0, 0);
    chain.read(archive.substr(0, 50));
    chain.settle(1);
    ReaderTicket other;
    assert_non_null(readers.take(at_second(100), &other));
    readers.leave(other, 0, at_second(100));
    chain.begin(1, 50);
    chain.read(archive.substr(50));
    assert_true(chain.content.now.is_flawed);
    assert_int_equal(chain.content.now.flaw, Outcome::archive_full);
}

// Its names are kept for a record, cut to their limit.
void names_of_a_found_member_are_copies(void**) {
    const std::string member(limits::assembly_name_bytes + 20, 'm');
    const GuardedBytes guarded(as_bytes(member));
    FoundMember found{};
    found.take_names({ObjectForm::archive_member, {}, {}, as_text(guarded.bytes()), "a.zip"});
    assert_int_equal(found.name().form, ObjectForm::archive_member);
    assert_true(found.name().member == std::string(limits::assembly_name_bytes, 'm'));
    assert_true(found.name().container == "a.zip");
    ChainContent content;
    content.call("/dir/name.zip?upload=1");
    content.call("/dir/later.zip");
    assert_true(content.called() == "name.zip");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_alike_however_it_is_cut),
        cmocka_unit_test(nothing_in_them_is_missed),
        cmocka_unit_test(what_broke_off_leaves_no_trace),
        cmocka_unit_test(every_byte_may_come_twice),
        cmocka_unit_test(a_window_of_zstd_has_no_mark),
        cmocka_unit_test(a_reader_is_its_owners_until_it_is_given_back),
        cmocka_unit_test(one_that_was_left_for_long_goes_to_another),
        cmocka_unit_test(a_chain_goes_back_by_one_piece_at_every_place),
        cmocka_unit_test(a_lease_that_ends_in_between_goes_back),
        cmocka_unit_test(where_a_chain_cannot_follow_it_is_flawed),
        cmocka_unit_test(a_chain_whose_reader_went_to_another_is_flawed),
        cmocka_unit_test(names_of_a_found_member_are_copies),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
