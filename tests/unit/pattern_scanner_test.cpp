// Patterns in streams: what is found and told, whatever the cuts; what an object holds; another
// index in the middle of a text.
#include "dataplane/content/pattern_scanner.h"

#include <set>
#include <string>
#include <vector>

#include "control/index/list_parser.h"
#include "dataplane/content/content_scanner.h"
#include "tests/support/allocation_watch.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"
#include "tests/support/index_images.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

const std::string listed = "http://files.example/known/17";
const std::string other = "http://other.example/?a=1&b=(2)";

// An index with what is needed to scan for its patterns.
struct Loaded {
    AlignedBytes image;
    IndexView view;
    PatternView patterns;
    std::unique_ptr<PatternScanner> scanner;

    explicit Loaded(AlignedBytes made, std::uint32_t streams = 4) : image(std::move(made)) {
        const char* why = "";
        assert_int_equal(IndexView::open(image.bytes(), true, &view, &why), IndexStatus::ok);
        assert_true(PatternView::open(view, &patterns).has_value());
        scanner = PatternScanner::make(patterns, streams);
        assert_non_null(scanner.get());
    }
    std::set<std::uint64_t> references(const PatternHits& hits) const {
        std::set<std::uint64_t> found;
        for (const PatternHit& hit : hits.found())
            found.insert(view.pattern_match(hit.section, hit.entry).reference);
        return found;
    }
};

std::set<std::uint64_t> found_in(Loaded* index, const std::vector<Bytes>& pieces) {
    PatternHits hits{};
    const PatternScanner::Stream stream = index->scanner->open();
    for (const Bytes piece : pieces) {
        const GuardedBytes guarded(piece);
        index->scanner->scan(stream, guarded.bytes(), &hits);
    }
    index->scanner->end(stream, &hits);
    return index->references(hits);
}

using References = std::set<std::uint64_t>;

const TypeDatabases* types() {
    static const TypeDatabases databases;
    return &databases;
}

void finds_a_pattern_at_every_split(void**) {
    Loaded index(index_of_patterns({listed, other}));
    const std::string text = "<a href=\"" + listed + "\">x</a> and HTTP://OTHER.example/?A=1&b=(2)";
    every_split(as_bytes(text), [&](const std::vector<Bytes>& pieces) {
        assert_true(found_in(&index, pieces) == References({900, 901}));
    });
    assert_int_equal(index.scanner->used(), 0);
}

void a_literal_means_itself_only(void**) {
    Loaded index(index_of_patterns({other, "a+b*[c].d|e\\f{2}$"}));
    const auto of = [&](std::string_view text) { return found_in(&index, {as_bytes(text)}); };
    assert_true(of("http://other.example/Xa=1&b=(2)").empty());
    assert_true(of("http://otherXexample/?a=1&b=(2)").empty());
    assert_true(of("aab c.d").empty());
    assert_true(of("see a+b*[c].d|e\\f{2}$ there") == References{901});
}

void nothing_carries_over_from_one_text_to_the_next(void**) {
    Loaded index(index_of_patterns({listed}), 1);
    assert_true(found_in(&index, {as_bytes(listed).first(10)}).empty());
    assert_true(found_in(&index, {as_bytes(listed).subspan(10)}).empty());
    PatternHits hits{};
    const PatternScanner::Stream stream = index.scanner->open();
    index.scanner->scan(stream, as_bytes(listed).first(10), &hits);
    index.scanner->drop(stream);
    assert_true(found_in(&index, {as_bytes(listed).subspan(10)}).empty());
    index.scanner->scan_name(listed.substr(0, 10), &hits);
    index.scanner->scan_name(listed.substr(10), &hits);
    assert_int_equal(hits.count, 0);
    index.scanner->scan_name(listed, &hits);
    assert_int_equal(hits.count, 1);
}

// An expression may end at the end of a text: nothing is told before.
void an_expression_may_ask_for_the_end(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section({.name = "list"}, key_of(1));
    std::string why;
    assert_int_equal(builder.add_pattern(section,
                                         {.text = "files\\.example/[0-9]+$",
                                          .syntax = PatternSyntax::expression,
                                          .reference = 7},
                                         &why),
                     AddOutcome::added);
    Loaded index(built(&builder));
    const std::string text = "at files.example/42";
    every_split(as_bytes(text), [&](const std::vector<Bytes>& pieces) {
        assert_true(found_in(&index, pieces) == References{7});
    });
    assert_true(found_in(&index, {as_bytes(text + " there")}).empty());
}

void tells_no_more_than_an_incident_names(void**) {
    std::vector<std::string> texts;
    std::string all;
    for (int n = 0; n < 20; ++n) {
        texts.push_back("pattern number " + std::to_string(100 + n));
        all += texts.back() + " " + texts.back() + "\n";
    }
    Loaded index(index_of_patterns(texts));
    every_split(as_bytes(all), [&](const std::vector<Bytes>& pieces) {
        assert_int_equal(found_in(&index, pieces).size(), PatternHits::max);
    });
}

void every_section_with_patterns_is_searched(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = index_now_s});
    std::string why;
    for (int n = 0; n < 3; ++n) {
        const std::uint32_t section =
            *builder.add_section({.name = "list" + std::to_string(n)}, key_of(1));
        builder.add(section, indicator(IndicatorKind::sha256, digest_of(1), 5));
        if (n == 1) continue;
        builder.add_pattern(section, {.text = listed, .reference = 10u + unsigned(n)}, &why);
    }
    Loaded index(built(&builder));
    assert_true(found_in(&index, {as_bytes(listed)}) == References({10, 12}));
    assert_true(index.view.plan(index_now_s).has(IndicatorKind::pattern));
    assert_int_equal(index.view.indicator_count(), 5);
}

void streams_are_as_many_as_there_is_room_for(void**) {
    Loaded index(index_of_patterns({listed}), 2);
    const auto first = index.scanner->open();
    const auto second = index.scanner->open();
    assert_int_equal(index.scanner->open(), PatternScanner::no_stream);
    index.scanner->drop(first);
    assert_int_equal(index.scanner->open(), first);
    index.scanner->drop(first);
    index.scanner->drop(second);
    const std::size_t streams = PatternScanner::streams_for(index.patterns);
    assert_int_equal(streams, limits::pattern_streams_max);
}

// --- an index whose database is of no use here ---------------------------------------------------

MutableBytes database_in(AlignedBytes* image) {
    const auto* head = reinterpret_cast<const IndexHead*>(image->bytes().data());
    const PartDescriptor& part =
        head->sections[0].parts[static_cast<std::size_t>(IndexPart::patterns)];
    const MutableBytes bytes = image->mutable_bytes().subspan(part.offset, part.bytes);
    return bytes.subspan(pattern_database_at(*reinterpret_cast<PatternHead*>(bytes.data())));
}

void a_database_of_another_release_is_compiled_anew(void**) {
    AlignedBytes image = index_of_patterns({listed, other});
    database_in(&image)[4] ^= 1;  // the version, behind the magic
    reseal(image.mutable_bytes());
    Loaded index(std::move(image));
    assert_true(index.patterns.compiled_anew());
    assert_true(found_in(&index, {as_bytes(other)}) == References{901});
}

void a_database_for_another_processor_is_compiled_anew(void**) {
    AlignedBytes image = index_of_patterns({listed, other});
    database_in(&image)[15] ^= 0x40;  // of the platform's bits
    reseal(image.mutable_bytes());
    Loaded index(std::move(image));
    assert_true(index.patterns.compiled_anew());
    assert_true(found_in(&index, {as_bytes(listed)}) == References{900});
}

void a_damaged_database_is_refused(void**) {
    for (const std::size_t at : {0u, 20u, 100u, 900u}) {  // magic, checksum, program
        AlignedBytes image = index_of_patterns({listed});
        const MutableBytes database = database_in(&image);
        database[at] ^= 0xff;
        reseal(image.mutable_bytes());
        IndexView view;
        const char* why = "";
        assert_int_equal(IndexView::open(image.bytes(), true, &view, &why), IndexStatus::ok);
        PatternView patterns;
        assert_false(PatternView::open(view, &patterns).has_value());
        assert_true(patterns.empty());
    }
}

IndexStatus status_of(AlignedBytes* image, IndexView* view) {
    reseal(image->mutable_bytes());
    const char* why = "";
    return IndexView::open(image->bytes(), true, view, &why);
}

// Whatever a changed byte makes of heads, entries and texts: refused, or still whole.
void every_changed_byte_of_the_texts_is_refused_or_harmless(void**) {
    const AlignedBytes good = index_of_patterns({listed, other});
    const auto* head = reinterpret_cast<const IndexHead*>(good.bytes().data());
    const PartDescriptor part =
        head->sections[0].parts[static_cast<std::size_t>(IndexPart::patterns)];
    const std::size_t texts = listed.size() + other.size();
    const std::size_t end = sizeof(PatternHead) + 2 * sizeof(PatternEntry) + texts;
    int refused = 0;
    for (std::size_t at = 0; at < (end + 63) / 64 * 64; ++at) {
        for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
            AlignedBytes image = index_of_patterns({listed, other});
            std::uint8_t& byte = image.mutable_bytes()[part.offset + at];
            byte = static_cast<std::uint8_t>(byte ^ change);
            IndexView view;
            if (status_of(&image, &view) != IndexStatus::ok) {
                ++refused;
                continue;
            }
            const PatternPart patterns = view.patterns(0);
            assert_int_equal(patterns.entries.size(), 2);
            assert_int_equal(patterns.entries[0].length + patterns.entries[1].length, texts);
            for (std::size_t entry = 0; entry < 2; ++entry)
                assert_int_equal(view.pattern_match(0, entry).reference, 900 + entry);
        }
    }
    assert_true(refused > 300);
}

void patterns_in_an_index_for_production_are_refused(void**) {
    AlignedBytes image = index_of_patterns({listed});
    auto* head = reinterpret_cast<IndexHead*>(image.mutable_bytes().data());
    head->flags = 0;
    head->sections[0].kind = SectionKind::feed;
    std::memset(head->sections[0].key, 0, sizeof head->sections[0].key);
    IndexView view;
    assert_int_equal(status_of(&image, &view), IndexStatus::malformed);
    IndexBuilder builder({.lab = false, .generation = 1, .created_s = index_now_s});
    const std::uint32_t section =
        *builder.add_section({.name = "feed", .kind = SectionKind::feed}, key_of(1));
    std::string why;
    assert_int_equal(builder.add_pattern(section, {.text = listed}, &why), AddOutcome::bad_pattern);
    assert_true(why.find("in clear") != std::string::npos);
}

// --- adding --------------------------------------------------------------------------------------

void what_cannot_be_a_pattern_is_refused_with_a_reason(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section({.name = "list"}, key_of(1));
    const struct {
        std::string text;
        PatternSyntax syntax;
        const char* why;
    } cases[] = {
        {"short", PatternSyntax::literal, "shorter"},
        {std::string(limits::pattern_bytes_max + 1, 'x'), PatternSyntax::literal, "longer"},
        {std::string("a\0bcdefgh", 9), PatternSyntax::literal, "zero byte"},
        {"abc(defgh", PatternSyntax::expression, "parenthes"},
        {"abcdef|x", PatternSyntax::expression, "fewer than"},
        {"[a-z]*[0-9]*", PatternSyntax::expression, "fewer than"},
        {"(abcdef)\\1", PatternSyntax::expression, ""},
    };
    for (const auto& one : cases) {
        std::string why;
        assert_int_equal(
            builder.add_pattern(section, {.text = one.text, .syntax = one.syntax}, &why),
            AddOutcome::bad_pattern);
        assert_false(why.empty());
        if (why.find(one.why) == std::string::npos) fail_msg("%s", why.c_str());
    }
}

void a_pattern_that_is_listed_twice_is_kept_once_with_both_restraints(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section({.name = "list"}, key_of(1));
    std::string why;
    builder.add_pattern(section, {.text = listed, .reference = 1, .flags = 0}, &why);
    builder.add_pattern(section,
                        {.text = listed, .reference = 2, .flags = record_flag::provisional}, &why);
    AlignedBytes image;
    const Result<BuiltIndex> made = builder.build_image(&image);
    assert_true(made.has_value());
    assert_int_equal(made->patterns, 1);
    assert_int_equal(made->duplicates, 1);
    const Loaded index(std::move(image));
    assert_int_equal(index.view.pattern_match(0, 0).reference, 1);
    assert_int_equal(index.view.pattern_match(0, 0).flags, record_flag::provisional);
}

void lines_of_a_list_name_patterns(void**) {
    ListEntry entry;
    assert_int_equal(parse_list_line(" pattern: http://a/b#c, d ", &entry), ListLineStatus::entry);
    assert_int_equal(entry.kind, IndicatorKind::pattern);
    assert_true(entry.pattern == "http://a/b#c, d" && entry.syntax == PatternSyntax::literal);
    assert_int_equal(parse_list_line("expression:x{6}\r", &entry), ListLineStatus::entry);
    assert_true(entry.pattern == "x{6}" && entry.syntax == PatternSyntax::expression);
    assert_int_equal(parse_list_line("pattern: ", &entry), ListLineStatus::no_pattern);
    assert_int_equal(parse_list_line("# pattern: x", &entry), ListLineStatus::blank);
    assert_int_equal(parse_list_line("patterns: x", &entry), ListLineStatus::bad_digit);
}

// --- objects -------------------------------------------------------------------------------------

struct Read {
    ContentType type;
    References found;
    int searches;
};

Read read(ContentScanner* contents, Loaded* index, const std::vector<Bytes>& pieces) {
    ObjectContent object;
    std::memset(static_cast<void*>(&object), 0xee, sizeof object);
    contents->open(&object);
    int searches = 0;
    for (const Bytes piece : pieces)
        searches += contents->feed(&object, piece) == ContentScanner::Search::begun ? 1 : 0;
    searches += contents->end(&object) == ContentScanner::Search::begun ? 1 : 0;
    return {object.type, index->references(object.hits), searches};
}

void an_object_is_the_same_at_every_split(void**) {
    Loaded index(index_of_patterns({listed, other}));
    ContentScanner contents(types());
    contents.use(index.scanner.get());
    std::string page = "<!doctype html>" + listed + std::string(limits::type_head_bytes, ' ');
    page.replace(limits::type_head_bytes - 7, other.size(), other);  // across the decision
    every_split(as_bytes(page), [&](const std::vector<Bytes>& pieces) {
        const Read result = read(&contents, &index, pieces);
        assert_int_equal(result.type, ContentType::html);
        assert_true(result.found == References({900, 901}));
        assert_int_equal(result.searches, 1);
    });
    const std::string picture = "\x89PNG\r\n\x1a\n" + listed;
    every_split(as_bytes(picture), [&](const std::vector<Bytes>& pieces) {
        const Read result = read(&contents, &index, pieces);
        assert_int_equal(result.type, ContentType::png);
        assert_true(result.found.empty());
        assert_int_equal(result.searches, 0);
    });
    assert_int_equal(read(&contents, &index, {}).type, ContentType::empty);
    assert_int_equal(index.scanner->used(), 0);
}

void what_is_looked_at_early_is_not_changed_by_it(void**) {
    Loaded index(index_of_patterns({listed}));
    ContentScanner contents(types());
    contents.use(index.scanner.get());
    ObjectContent object;
    contents.open(&object);
    contents.feed(&object, as_bytes(listed).first(12));
    PatternHits hits;
    contents.search_so_far(object, &hits);
    assert_int_equal(hits.count, 0);
    contents.feed(&object, as_bytes(listed).subspan(12));
    contents.search_so_far(object, &hits);
    assert_int_equal(hits.count, 1);
    assert_int_equal(contents.type_so_far(object), ContentType::text);
    assert_false(object.decided);
    contents.feed(&object, as_bytes(std::string_view("\0", 1)));
    contents.end(&object);
    assert_int_equal(object.type, ContentType::unknown);
    assert_int_equal(object.hits.count, 0);
}

void without_a_free_stream_a_text_is_not_searched(void**) {
    Loaded index(index_of_patterns({listed}), 1);
    ContentScanner contents(types());
    contents.use(index.scanner.get());
    const std::string page = listed + std::string(limits::type_head_bytes, ' ');
    ObjectContent first;
    ObjectContent second;
    contents.open(&first);
    contents.open(&second);
    assert_int_equal(contents.feed(&first, as_bytes(page)), ContentScanner::Search::begun);
    assert_int_equal(contents.feed(&second, as_bytes(page)), ContentScanner::Search::full);
    contents.end(&second);
    assert_int_equal(second.hits.count, 0);
    assert_int_equal(second.type, ContentType::text);
    contents.end(&first);
    assert_int_equal(first.hits.count, 1);
    assert_int_equal(index.scanner->used(), 0);
}

// --- another index in the middle of a text -------------------------------------------------------

void what_was_found_stands_when_the_next_index_lists_it(void**) {
    Loaded before(index_of_patterns({other, listed}));
    Loaded after(index_of_patterns({"something else entirely", listed, "third pattern"}));
    ContentScanner contents(types());
    contents.use(before.scanner.get());
    ObjectContent object;
    contents.open(&object);
    const std::string page = other + listed + std::string(limits::type_head_bytes, ' ');
    contents.feed(&object, as_bytes(page));
    assert_int_equal(object.hits.count, 2);
    assert_true(contents.move(&object, after.scanner.get()));
    contents.use(after.scanner.get());
    assert_int_equal(before.scanner->used(), 0);
    assert_true(after.references(object.hits) == References{901});  // `other` was withdrawn
    contents.feed(&object, as_bytes("a third pattern"));
    contents.end(&object);
    assert_true(after.references(object.hits) == References({901, 902}));
}

void a_section_of_another_name_is_another_list(void**) {
    Loaded before(index_of_patterns({listed}));
    Loaded after(index_of_patterns({listed}, record_flag::report_only, "renamed"));
    ContentScanner contents(types());
    contents.use(before.scanner.get());
    ObjectContent object;
    contents.open(&object);
    contents.name(&object, listed);
    assert_int_equal(object.hits.count, 1);
    assert_false(contents.move(&object, after.scanner.get()));  // its type is not decided yet
    assert_int_equal(object.hits.count, 0);
}

void with_no_next_index_nothing_stands(void**) {
    Loaded before(index_of_patterns({listed}));
    ContentScanner contents(types());
    contents.use(before.scanner.get());
    ObjectContent object;
    contents.open(&object);
    contents.feed(&object, as_bytes(listed + std::string(limits::type_head_bytes, ' ')));
    assert_false(contents.move(&object, nullptr));
    contents.use(nullptr);
    assert_int_equal(before.scanner->used(), 0);
    assert_int_equal(object.hits.count, 0);
    contents.feed(&object, as_bytes(listed));
    contents.end(&object);
}

void a_scanner_at_work_allocates_nothing(void**) {
    Loaded index(index_of_patterns({listed, other}));
    ContentScanner contents(types());
    contents.use(index.scanner.get());
    ObjectContent object;
    const std::string page = "<html>" + listed + std::string(3000, ' ');
    const AllocationWatch watch;
    for (int n = 0; n < 50; ++n) {
        contents.open(&object);
        contents.name(&object, other);
        for (std::size_t at = 0; at < page.size(); at += 100)
            contents.feed(&object,
                          as_bytes(page).subspan(at, std::min<std::size_t>(100, page.size() - at)));
        contents.end(&object);
        assert_int_equal(object.hits.count, 2);
    }
    assert_int_equal(watch.count(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_pattern_at_every_split),
        cmocka_unit_test(a_literal_means_itself_only),
        cmocka_unit_test(nothing_carries_over_from_one_text_to_the_next),
        cmocka_unit_test(an_expression_may_ask_for_the_end),
        cmocka_unit_test(tells_no_more_than_an_incident_names),
        cmocka_unit_test(every_section_with_patterns_is_searched),
        cmocka_unit_test(streams_are_as_many_as_there_is_room_for),
        cmocka_unit_test(a_database_of_another_release_is_compiled_anew),
        cmocka_unit_test(a_database_for_another_processor_is_compiled_anew),
        cmocka_unit_test(a_damaged_database_is_refused),
        cmocka_unit_test(every_changed_byte_of_the_texts_is_refused_or_harmless),
        cmocka_unit_test(patterns_in_an_index_for_production_are_refused),
        cmocka_unit_test(what_cannot_be_a_pattern_is_refused_with_a_reason),
        cmocka_unit_test(a_pattern_that_is_listed_twice_is_kept_once_with_both_restraints),
        cmocka_unit_test(lines_of_a_list_name_patterns),
        cmocka_unit_test(an_object_is_the_same_at_every_split),
        cmocka_unit_test(what_is_looked_at_early_is_not_changed_by_it),
        cmocka_unit_test(without_a_free_stream_a_text_is_not_searched),
        cmocka_unit_test(what_was_found_stands_when_the_next_index_lists_it),
        cmocka_unit_test(a_section_of_another_name_is_another_list),
        cmocka_unit_test(with_no_next_index_nothing_stands),
        cmocka_unit_test(a_scanner_at_work_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
