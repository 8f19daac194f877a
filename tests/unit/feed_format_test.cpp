// The format of a feed: canonical JSON, records and their state, sealing, grants.
#include <sodium.h>

#include <algorithm>

#include "control/feed/canonical_json.h"
#include "control/feed/grant.h"
#include "control/feed/records.h"
#include "control/feed/sealed_file.h"
#include "control/feed/sealed_part.h"
#include "tests/support/guard_page.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::feed;

namespace {

std::string canonical(const std::string& text) {
    const auto value = parse_json(as_bytes(text));
    return value ? canonical_json(*value) : "refused: " + value.error().text;
}

bool is_refused(const std::string& text) {
    return !parse_json(as_bytes(text)).has_value();
}

void writes_json_in_one_way_only(void**) {
    assert_string_equal(canonical(" { \"b\" : [ 1 , -2 ] , \"a\" : null } ").c_str(),
                        "{\"a\":null,\"b\":[1,-2]}");
    assert_string_equal(canonical("{\"ab\":1,\"B\":2,\"a\":3,\"a b\":4}").c_str(),
                        "{\"B\":2,\"a\":3,\"a b\":4,\"ab\":1}");
    assert_string_equal(canonical("[]").c_str(), "[]");
    assert_string_equal(canonical("{}").c_str(), "{}");
    // Control characters stand raw; only these two are escaped.
    assert_string_equal(canonical("\"\\n\\u0001\\\\\\\"\\/\\u00e4\"").c_str(),
                        "\"\n\x01\\\\\\\"/\xc3\xa4\"");
}

void refuses_json_without_a_single_meaning(void**) {
    for (const char* text :
         {"{\"a\":1,\"a\":2}", "1.5", "1e3", "9007199254740993", "-9007199254740993",
          "{\"\xc3\xa4\":1}", "{\"a\\u0000\":1}", "\"\xff\"", "[1] 2", "", "[1,]", "nul",
          "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "18446744073709551616"}) {
        assert_true(is_refused(text));
    }
    assert_false(is_refused("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
    assert_false(is_refused("9007199254740992"));
}

FeedRecord record(std::uint8_t n, std::uint8_t flags = 0) {
    FeedRecord one;
    one.tag.fill(n);
    one.reference = 1000u + n;
    one.kind = n % 2 == 0 ? IndicatorKind::sha256 : IndicatorKind::md5;
    one.flags = flags;
    one.source = 3;
    one.category = 5;
    if ((flags & record_flag::has_size) != 0) one.size = 77u * n;
    if ((flags & record_flag::has_head) != 0) one.head.fill(n);
    return one;
}

constexpr std::uint8_t sized = record_flag::has_size;
constexpr std::uint8_t headed = record_flag::has_size | record_flag::has_head;

const SecretKey& part_secret() {
    static const SecretKey key = SecretKey::random();
    return key;
}

FeedRecord sealed(IndicatorKind kind, const std::string& plain) {
    FeedRecord one = record(0, record_flag::report_only);
    PartSealer(part_secret()).seal(kind, as_bytes(plain), &one);
    return one;
}

FeedRecord pattern(const std::string& text) {
    return sealed(IndicatorKind::pattern, pattern_part(PatternSyntax::literal, text));
}

FeedRecord picture(std::uint8_t n, std::uint8_t distance = 31) {
    FeedRecord one = sealed(IndicatorKind::pdq, std::string(pdq_bytes, static_cast<char>(n)));
    one.distance = distance;
    return one;
}

RecordSet set_of(std::vector<FeedRecord> records) {
    return *RecordSet::of(std::move(records));
}

RecordFile change_between(const RecordSet& from, const RecordSet& to) {
    RecordFile file;
    file.base = 1;
    file.generation = 2;
    file.epoch = 1;
    from.changes_to(to, &file);
    return file;
}

void a_change_survives_its_bytes_and_leads_to_the_signed_state(void**) {
    const RecordSet from = set_of({record(1), record(2, sized), record(3, headed), record(4),
                                   picture(1), picture(2), pattern("a text"), pattern("another")});
    FeedRecord changed = record(2, sized);
    changed.category = 7;
    const RecordSet to =
        set_of({record(1), changed, record(5, headed), record(4, sized), picture(1, 30), picture(3),
                pattern("another"), pattern(std::string(512, 'x'))});
    const std::string bytes = encode_records(change_between(from, to));
    const test::GuardedBytes guarded(as_bytes(bytes));
    const auto read = decode_records(guarded.bytes());
    assert_true(read.has_value());
    assert_int_equal(read->removed.size(), 6);
    const auto after = from.apply(*read);
    assert_true(after.has_value());
    assert_true(after->records() == to.records());
    assert_true(after->state() == to.state());
}

void the_state_does_not_depend_on_the_way(void**) {
    const RecordSet empty;
    const RecordSet both = set_of({record(9), record(8)});
    const RecordSet one = set_of({record(9)});
    const auto by_steps = one.apply(change_between(one, both));
    assert_true(by_steps->state() == both.state());
    const auto back = both.apply(change_between(both, empty));
    assert_true(back->state() == State{});
    assert_true(back->state().bytes() == Hash{});
}

void refuses_to_remove_what_is_absent_or_add_what_is_present(void**) {
    const RecordSet set = set_of({record(1), record(2)});
    RecordFile file = change_between(set, set);
    file.removed = {record(3)};
    assert_false(set.apply(file).has_value());
    file.removed = {record(1, sized)};  // the tag is there, in another section
    assert_false(set.apply(file).has_value());
    FeedRecord other = record(1);
    other.kind = IndicatorKind::pattern;
    file.removed = {other};
    assert_false(set.apply(file).has_value());
    file.removed = {};
    file.added = {record(2)};
    assert_false(set.apply(file).has_value());
    file.added = {record(3)};  // but the state is that of another set
    assert_false(set.apply(file).has_value());
}

void a_full_set_begins_what_was_signed_and_nothing_else(void**) {
    const RecordSet set = set_of({record(1), record(2, sized), record(3, headed)});
    RecordFile file = change_between({}, set);
    file.base = 0;
    file.check = {};
    assert_true(encode_set(set, file.generation, file.epoch) == encode_records(file));
    const auto begun = RecordSet::begun_by(file);
    assert_true(begun->records() == set.records());
    assert_true(begun->state() == set.state());
    RecordFile other = file;
    other.state[31] ^= 1;
    assert_false(RecordSet::begun_by(other).has_value());
    other = file;
    other.added.push_back(record(1));
    assert_false(RecordSet::begun_by(other).has_value());
    other = file;
    other.removed = {record(4)};
    assert_false(RecordSet::begun_by(other).has_value());
}

void counts_the_changes_that_it_would_tell(void**) {
    const RecordSet from = set_of({record(1), record(2), record(4)});
    for (const RecordSet& to : {set_of({}), from, set_of({record(2, sized), record(3)}),
                                set_of({record(1), record(2), record(3), record(4), record(5)})}) {
        const RecordFile told = change_between(from, to);
        const RecordSet::Changes counted = from.count_changes(to);
        assert_int_equal(counted.removed, told.removed.size());
        assert_int_equal(counted.added, told.added.size());
        assert_true(from.apply(told)->records() == to.records());
    }
}

void refuses_every_truncation_and_every_flipped_byte_of_the_frame(void**) {
    const RecordSet set = set_of({record(1), record(2, sized), record(3, headed), picture(4),
                                  pattern("a text"), pattern("another text")});
    RecordFile file = change_between({}, set);
    file.base = 0;
    file.generation = 7;
    const std::string bytes = encode_records(file);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const test::GuardedBytes guarded(as_bytes(bytes).first(size));
        assert_false(decode_records(guarded.bytes()).has_value());
    }
    assert_false(decode_records(as_bytes(bytes + '\0')).has_value());
    // Magic, section count, reserved bytes and section table: none of them may be something else.
    for (std::size_t at = 0; at < 96 + 5 * 24; ++at) {
        if ((at >= 8 && at < 28) || (at >= 32 && at < 80)) continue;  // values, checked by others
        std::string other = bytes;
        other[at] = static_cast<char>(other[at] ^ 0x40);
        assert_false(decode_records(as_bytes(other)).has_value());
    }
}

void refuses_records_that_a_reader_must_not_accept(void**) {
    const auto decoded = [](const FeedRecord& one) {
        RecordFile file;
        file.generation = 1;
        file.added = {one};
        return decode_records(as_bytes(encode_records(file))).has_value();
    };
    assert_true(decoded(record(2)));
    assert_true(decoded(picture(1, 31)));
    assert_true(decoded(picture(1, 0)));
    assert_true(decoded(pattern("sixsix")));
    assert_true(decoded(pattern(std::string(512, 'x'))));
    FeedRecord odd = record(2);
    odd.kind = IndicatorKind::pattern;  // without a text
    assert_false(decoded(odd));
    odd = record(2);
    odd.kind = IndicatorKind::pdq;  // without a hash
    assert_false(decoded(odd));
    odd = record(2);
    odd.kind = IndicatorKind::head;
    assert_false(decoded(odd));
    odd = record(2);
    odd.distance = 1;  // of a digest
    assert_false(decoded(odd));
    odd = pattern("a text");
    odd.distance = 1;
    assert_false(decoded(odd));
    assert_false(decoded(picture(1, 32)));
    for (const std::uint8_t flag : {sized, headed}) {
        odd = pattern("a text");
        odd.flags = flag;
        assert_false(decoded(odd));
        odd = picture(1);
        odd.flags = flag;
        assert_false(decoded(odd));
    }
    for (const std::size_t size : {22ul, 530ul}) {
        odd = pattern("a text");
        odd.sealed = SealedBytes(as_bytes(std::string(size, 'x')));
        assert_false(decoded(odd));
    }
    odd = record(2, 64);
    assert_false(decoded(odd));
    odd = record(2, record_flag::has_head);  // a head without a size
    assert_false(decoded(odd));
    RecordFile file;
    file.generation = 1;
    file.added = {record(2), record(1)};  // out of order
    assert_false(decode_records(as_bytes(encode_records(file))).has_value());
    file.added = {record(1), record(1, sized)};  // one tag, two sections
    assert_false(decode_records(as_bytes(encode_records(file))).has_value());
}

// How an appliance says that the Centre is ahead of it.
void a_section_of_a_newer_format_is_refused_by_that_word(void**) {
    RecordFile file = change_between({}, set_of({pattern("a text")}));
    file.base = 0;
    std::string bytes = encode_records(file);
    bytes[96] = 6;
    const auto read = decode_records(as_bytes(bytes));
    assert_false(read.has_value());
    assert_true(read.error().text.find("section 6 is of a newer version") != std::string::npos);
}

void a_set_holds_as_many_patterns_as_an_index(void**) {
    RecordFile file;
    file.generation = 1;
    for (std::size_t i = 0; i <= limits::patterns_max; ++i) {
        FeedRecord one = pattern("a text");  // sealed once; only tags differ
        one.tag = {static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                   static_cast<std::uint8_t>(i)};
        file.added.push_back(one);
    }
    const auto applied = [&file] {
        file.state = set_of(file.added).state().bytes();
        return RecordSet().apply(file);
    };
    const auto over = applied();
    assert_false(over.has_value());
    assert_true(over.error().text.find("too many patterns") != std::string::npos);
    file.added.pop_back();
    assert_int_equal(applied()->count(IndicatorKind::pattern), limits::patterns_max);
}

void what_is_sealed_in_a_record_opens_with_its_key_and_tag_only(void**) {
    const PartSealer sealer(part_secret());
    const FeedRecord one = pattern("https://example.test/page");
    assert_true(one == pattern("https://example.test/page"));  // one spelling in every file
    PatternSyntax syntax = {};
    std::string_view text;
    const auto opened = sealer.open(one);
    assert_true(opened && read_pattern_part(*opened, &syntax, &text));
    assert_true(syntax == PatternSyntax::literal && text == "https://example.test/page");
    assert_true(*sealer.open(picture(7)) == std::string(pdq_bytes, 7));
    assert_false(PartSealer(SecretKey::random()).open(one).has_value());
    for (std::size_t at = 0; at < one.tag.size(); ++at) {
        FeedRecord other = one;
        other.tag[at] ^= 1;
        assert_false(sealer.open(other).has_value());
    }
    const std::string bytes(as_text(one.sealed.bytes()));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        FeedRecord other = one;
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        other.sealed = SealedBytes(as_bytes(changed));
        assert_false(sealer.open(other).has_value());
        other.sealed = SealedBytes(as_bytes(bytes).first(at));
        assert_false(sealer.open(other).has_value());
    }
    FeedRecord other = picture(7);
    other.kind = IndicatorKind::pattern;  // the tag is over the kind as well
    assert_false(sealer.open(other).has_value());
    for (const std::string& part :
         {std::string("\1short"), "\1" + std::string(513, 'x'), std::string("\3a text that"),
          std::string("\0a text that", 12), std::string("\1a te\0xt", 8), std::string()})
        assert_false(read_pattern_part(part, &syntax, &text));
}

std::string bytes_of(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t value = 1;
    for (char& byte : bytes)
        byte = static_cast<char>((value = value * 1664525 + 1013904223) >> 24);
    return bytes;
}

void sealing_gives_back_every_length(void**) {
    const SecretKey key = SecretKey::random();
    for (const std::size_t size : {0ul, 1ul, 65535ul, 65536ul, 65537ul, 200000ul}) {
        const std::string plain = bytes_of(size);
        const auto sealed = seal_target(key, "full/1.rec", as_bytes(plain));
        const auto opened = open_target(key, "full/1.rec", as_bytes(*sealed), plain.size());
        assert_true(opened.has_value());
        assert_true(*opened == plain);
        assert_false(open_target(key, "full/2.rec", as_bytes(*sealed), size).has_value());
        assert_false(open_target(key, "full/1.rec", as_bytes(*sealed), size + 1).has_value());
        if (size > 0)
            assert_false(open_target(key, "full/1.rec", as_bytes(*sealed), size - 1).has_value());
    }
}

void sealing_notices_what_was_cut_off_swapped_or_appended(void**) {
    const SecretKey key = SecretKey::random();
    const std::string plain = bytes_of(200000);
    const std::string sealed = *seal_target(key, "n", as_bytes(plain));
    const std::size_t piece = 65536 + crypto_secretstream_xchacha20poly1305_ABYTES;
    const auto opens = [&](const std::string& bytes) {
        return open_target(key, "n", as_bytes(bytes), plain.size()).has_value();
    };
    assert_true(opens(sealed));
    assert_false(opens(sealed.substr(0, 24 + piece)));  // a whole piece, and no end
    assert_false(opens(sealed.substr(0, sealed.size() - 1)));
    assert_false(opens(sealed + "x"));
    std::string swapped = sealed;
    std::swap_ranges(swapped.begin() + 24, swapped.begin() + 24 + 100,
                     swapped.begin() + 24 + static_cast<std::ptrdiff_t>(piece));
    assert_false(opens(swapped));
    assert_false(opens(""));
}

struct GrantCase {
    SecretKey signer = SecretKey::random();
    SecretKey node = SecretKey::random();
    TargetsMetadata targets;
    Grant grant;

    GrantCase() {
        const PublicKey key = signing_public(signer);
        targets.keys[key_id(key)] = key;
        targets.grants.keyids = {key_id(key)};
        grant.feed = "eu/known";
        grant.node = "box-1";
        grant.serial = 4;
        grant.issued_s = grant.not_before_s = 1'800'000'000;
        grant.not_after_s = grant.not_before_s + 31 * day_s;
        grant.epochs[2] = SecretKey::random();
    }
    std::string text(const nlohmann::json& body) const {
        const std::string bytes = canonical_json(body);
        return write_envelope(body,
                              {{key_id(signing_public(signer)), sign(signer, as_bytes(bytes))}});
    }
    std::string text() const { return text(grant_body(grant, box_public(node))); }
    Result<Grant> open(const std::string& bytes) const {
        return open_grant(as_bytes(bytes), targets, "eu/known", "box-1", node);
    }
};

void a_grant_opens_for_its_node_only(void**) {
    GrantCase one;
    const auto opened = one.open(one.text());
    assert_true(opened.has_value());
    assert_true(opened->epochs.at(2).bytes == one.grant.epochs.at(2).bytes);
    assert_int_equal(opened->serial, 4);
    const std::string text = one.text();
    assert_false(
        open_grant(as_bytes(text), one.targets, "eu/known", "box-2", one.node).has_value());
    assert_false(
        open_grant(as_bytes(text), one.targets, "eu/other", "box-1", one.node).has_value());
    assert_false(open_grant(as_bytes(text), one.targets, "eu/known", "box-1", SecretKey::random())
                     .has_value());
}

void a_forged_grant_is_refused(void**) {
    GrantCase one;
    std::string text = one.text();
    const std::size_t at = text.find("box-1");
    text[at + 4] = '2';
    assert_false(
        open_grant(as_bytes(text), one.targets, "eu/known", "box-2", one.node).has_value());
    GrantCase other;  // signed by a key that targets does not name
    other.targets = one.targets;
    assert_false(other.open(other.text()).has_value());
    nlohmann::json body = grant_body(one.grant, box_public(one.node));
    body["expires"] = write_time(one.grant.not_before_s + 32 * day_s);
    assert_false(one.open(one.text(body)).has_value());
    body = grant_body(one.grant, box_public(one.node));
    body["sealed"] = "00";
    assert_false(one.open(one.text(body)).has_value());
    body.erase("sealed");
    assert_false(one.open(one.text(body)).has_value());
}

void an_older_grant_and_one_out_of_its_time_are_not_taken(void**) {
    const GrantCase one;
    const std::uint64_t start = one.grant.not_before_s;
    assert_null(refuse_grant(one.grant, 3, start));
    assert_non_null(refuse_grant(one.grant, 4, start));
    assert_non_null(refuse_grant(one.grant, 5, start));
    assert_non_null(refuse_grant(one.grant, 3, start - 1));
    assert_non_null(refuse_grant(one.grant, 3, one.grant.not_after_s));
}

void times_have_one_spelling(void**) {
    assert_string_equal(write_time(1'800'000'000).c_str(), "2027-01-15T08:00:00Z");
    assert_int_equal(*read_time("2027-01-15T08:00:00Z"), 1'800'000'000);
    for (const char* text :
         {"2027-02-31T08:00:00Z", "2027-01-15T08:00:00", "2027-1-15T08:00:00Z",
          "2027-01-15T08:00:00+", "2027-01-15 08:00:00Z", "1969-12-31T23:59:59Z", ""}) {
        assert_false(read_time(text).has_value());
    }
}

void two_ids_of_one_key_are_one_signature(void**) {
    const SecretKey seed = SecretKey::random();
    const PublicKey key = signing_public(seed);
    const nlohmann::json body = {{"_type", "root"}};
    const Signature signature = sign(seed, as_bytes(canonical_json(body)));
    Envelope envelope;
    envelope.signed_bytes = canonical_json(body);
    envelope.signatures = {{"a", signature}, {"b", signature}};
    const Keys keys = {{"a", key}, {"b", key}};
    assert_int_equal(signed_by(envelope, keys, {{"a", "b"}, 2}), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_json_in_one_way_only),
        cmocka_unit_test(refuses_json_without_a_single_meaning),
        cmocka_unit_test(a_change_survives_its_bytes_and_leads_to_the_signed_state),
        cmocka_unit_test(the_state_does_not_depend_on_the_way),
        cmocka_unit_test(refuses_to_remove_what_is_absent_or_add_what_is_present),
        cmocka_unit_test(a_full_set_begins_what_was_signed_and_nothing_else),
        cmocka_unit_test(counts_the_changes_that_it_would_tell),
        cmocka_unit_test(refuses_every_truncation_and_every_flipped_byte_of_the_frame),
        cmocka_unit_test(refuses_records_that_a_reader_must_not_accept),
        cmocka_unit_test(a_section_of_a_newer_format_is_refused_by_that_word),
        cmocka_unit_test(a_set_holds_as_many_patterns_as_an_index),
        cmocka_unit_test(what_is_sealed_in_a_record_opens_with_its_key_and_tag_only),
        cmocka_unit_test(sealing_gives_back_every_length),
        cmocka_unit_test(sealing_notices_what_was_cut_off_swapped_or_appended),
        cmocka_unit_test(a_grant_opens_for_its_node_only),
        cmocka_unit_test(a_forged_grant_is_refused),
        cmocka_unit_test(an_older_grant_and_one_out_of_its_time_are_not_taken),
        cmocka_unit_test(times_have_one_spelling),
        cmocka_unit_test(two_ids_of_one_key_are_one_signature),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
