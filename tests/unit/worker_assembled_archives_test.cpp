// Known files in archives that are uploaded in pieces, through the whole line.
#include "tests/support/allocation_watch.h"
#include "tests/support/archives.h"
#include "tests/support/pieces_lab.h"
#include "tests/support/zip_builder.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

const std::string& known_member() {
    static const std::string content = known_content(3000);
    return content;
}

std::string noise(std::size_t bytes, unsigned seed = 1) {
    std::string text(bytes, '\0');
    for (char& c : text) {
        seed = seed * 1664525 + 1013904223;
        c = static_cast<char>(seed >> 24);
        if (c == 'P') c = 'Q';
    }
    return text;
}

std::string zip_of(std::string_view content, std::uint16_t method = 0) {
    ZipBuilder zip;
    zip.add("first", noise(900), method);
    zip.add("in/known.jpg", content, method);
    zip.add("after", noise(1200, 2), method);
    return zip.end();
}

std::string tar_of(std::string_view content) {
    return tar_file("first", noise(900)) + tar_file("in/known.jpg", content) +
           tar_file("after", noise(1200, 2)) + tar_end();
}

Pair& fresh(Pair* pair) {
    for (Lab* lab : {&pair->one, &pair->two})
        lab->use(index_of_contents({known_member()}));
    return *pair;
}

// Cut into as many parts as there are cuts and one.
std::vector<std::string_view> parts_of(std::string_view whole,
                                       std::initializer_list<std::size_t> cuts) {
    std::vector<std::string_view> parts;
    std::size_t at = 0;
    for (const std::size_t cut : cuts) {
        parts.push_back(whole.substr(at, cut - at));
        at = cut;
    }
    parts.push_back(whole.substr(at));
    return parts;
}

// A connection of its own for each request, as another one may have ended with a refusal.
bool passes(Pair* pair, Lab* lab, const std::string& request) {
    lab->connect();
    lab->send(request);
    pair->turn(400);
    if (lab->storage_reset || lab->stored.size() != request.size()) return false;
    lab->acknowledge();
    lab->respond(ok_answer);
    pair->turn(8);
    return true;
}

// `order`: numbers of parts; `workers`: bit by turn. True: the object became visible.
bool uploads(Pair* pair, const std::vector<std::string_view>& parts,
             std::initializer_list<int> order, unsigned workers = 0) {
    for (const int number : order) {
        Lab* lab = (workers & 1) != 0 ? &pair->two : &pair->one;
        workers >>= 1;
        if (!passes(pair, lab, part_of(number, parts[static_cast<std::size_t>(number - 1)])))
            return false;
    }
    return parts.size() == 2 ? passes(pair, &pair->one, complete({1, 2}))
                             : passes(pair, &pair->one, complete({1, 2, 3}));
}

std::uint64_t count(const Pair& pair, Outcome what) {
    return pair.one.count(what) + pair.two.count(what);
}

const IncidentRecord& only_incident(Pair& pair) {
    assert_int_equal(
        pair.one.recorder.decided_records.size() + pair.two.recorder.decided_records.size(), 1);
    return pair.one.recorder.decided_records.empty() ? pair.two.recorder.decided_records[0].record
                                                     : pair.one.recorder.decided_records[0].record;
}

void expect_member_record(Pair& pair) {
    const IncidentRecord& record = only_incident(pair);
    assert_int_equal(record.form, ObjectForm::archive_member);
    assert_int_equal(record.object_bytes, known_member().size());
    assert_true(std::string_view(record.member).ends_with("known.jpg"));
    assert_true(record.container[0] != '\0');
}

// A piece is refused with its match; what the storage has already does not become an object.
void a_match_stays_with_the_upload(void**) {
    for (const bool is_late : {false, true}) {
        Pair pair;
        fresh(&pair);
        const std::string archive = zip_of(known_member());
        const auto parts = parts_of(archive, {2000, 4000});
        if (is_late) assert_true(passes(&pair, &pair.two, part_of(3, parts[2])));
        assert_true(passes(&pair, &pair.one, part_of(1, parts[0])));
        assert_false(passes(&pair, &pair.one, part_of(2, parts[1])) &&
                     passes(&pair, &pair.one, part_of(3, parts[2])));
        const IncidentRecord& record = only_incident(pair);
        assert_string_equal(record.member, "in/known.jpg");
        assert_string_equal(record.container, "key");
        for (int n = 0; n < 2; ++n)
            assert_false(passes(&pair, &pair.two, complete({1, 2})));
    }
}

std::vector<std::string> archives_with(std::string_view content) {
    return {zip_of(content),
            zip_of(content, 8),
            tar_of(content),
            gzip_file(tar_of(content), "up.tar"),
            zstd_file(tar_of(content)),
            noise(700) + zip_of(content),
            tar_file("inner.zip", zip_of(content, 8)) + tar_end()};
}

void a_known_member_is_refused_wherever_the_parts_are_cut(void**) {
    for (const std::string& archive : archives_with(known_member())) {
        for (std::size_t at = 100; at + 150 < archive.size(); at += 331) {
            Pair pair;
            fresh(&pair);
            assert_false(uploads(&pair, parts_of(archive, {at}), {1, 2}, 2));
            expect_member_record(pair);
        }
    }
}

void a_known_member_is_refused_in_every_order_of_parts(void**) {
    for (const std::string& archive : archives_with(known_member())) {
        const std::size_t third = archive.size() / 3;
        for (const auto& order : {std::initializer_list<int>{1, 2, 3},
                                  {1, 3, 2},
                                  {2, 1, 3},
                                  {2, 3, 1},
                                  {3, 1, 2},
                                  {3, 2, 1}}) {
            for (unsigned workers = 0; workers < 8; workers += 3) {
                Pair pair;
                fresh(&pair);
                const auto parts = parts_of(archive, {third, 2 * third});
                assert_false(uploads(&pair, parts, order, workers));
                expect_member_record(pair);
            }
        }
    }
}

void clean_archives_pass_and_their_members_are_counted(void**) {
    for (const std::string& archive : archives_with(noise(3000, 7))) {
        for (const auto& order : {std::initializer_list<int>{1, 2, 3}, {2, 3, 1}, {3, 1, 2}}) {
            Pair pair;
            fresh(&pair);
            const std::size_t third = archive.size() / 3;
            assert_true(uploads(&pair, parts_of(archive, {third, 2 * third}), order, 5));
            assert_true(count(pair, Outcome::archive_member) >= 3);
            assert_int_equal(count(pair, Outcome::assembly_unread), 0);
            assert_int_equal(count(pair, Outcome::archive_inconsistent), 0);
        }
    }
}

// The same bytes once more after a connection broke in the middle of a part.
void a_part_that_broke_off_is_read_once(void**) {
    for (const std::string& content : {known_member(), noise(3000, 7)}) {
        for (const std::string& archive : archives_with(content)) {
            const bool is_zstd = archive.starts_with("\x28\xb5\x2f\xfd");
            Pair pair;
            fresh(&pair);
            const std::size_t half = archive.size() / 4;
            const auto parts = parts_of(archive, {half, archive.size() - 100});
            assert_true(passes(&pair, &pair.one, part_of(1, parts[0])));
            const std::string second = part_of(2, parts[1]);
            pair.one.connect();
            pair.one.send(second.substr(0, second.size() - parts[1].size() + 200));
            pair.turn(8);
            pair.one.segment(pair.one.client_next - pair.one.isn - 1, {}, tcp_flag::rst);
            pair.turn(8);
            const bool visible = passes(&pair, &pair.two, second) &&
                                 passes(&pair, &pair.two, part_of(3, parts[2])) &&
                                 passes(&pair, &pair.one, complete({1, 2, 3}));
            // A window of zstd is not copied: then the upload is not judged, and policy decides.
            assert_int_equal(visible, content != known_member() && !is_zstd);
            assert_int_equal(count(pair, Outcome::assembly_unread), is_zstd ? 1 : 0);
        }
    }
}

// Another part in place of one that the storage had taken: only what counts is read.
void a_part_that_is_replaced_counts_no_more(void**) {
    const std::string clean = zip_of(noise(3000, 7));
    const std::string bad = zip_of(known_member());
    assert_int_equal(clean.size(), bad.size());
    const std::size_t at = clean.size() / 2;
    for (const bool ends_bad : {false, true}) {
        Pair pair;
        fresh(&pair);
        const auto first = parts_of(ends_bad ? bad : clean, {at});
        const auto other = parts_of(ends_bad ? clean : bad, {at});
        assert_true(passes(&pair, &pair.one, part_of(1, first[0])));
        assert_true(passes(&pair, &pair.two, part_of(2, other[1])));
        const bool visible = passes(&pair, &pair.two, part_of(2, first[1])) &&
                             passes(&pair, &pair.one, complete({1, 2}));
        assert_int_equal(visible, !ends_bad);
    }
}

// The commit decides over what it names: without the last part, or with none of the order.
void a_commit_of_some_parts_is_read_as_it_names_them(void**) {
    Pair pair;
    fresh(&pair);
    const std::string archive = zip_of(noise(3000, 7), 8);
    const auto parts = parts_of(archive, {archive.size() / 2});
    assert_true(passes(&pair, &pair.one, part_of(1, parts[0])));
    assert_true(passes(&pair, &pair.two, part_of(2, parts[1])));
    assert_true(passes(&pair, &pair.two, part_of(3, "something else")));
    assert_true(passes(&pair, &pair.one, complete({1, 2})));
    assert_int_equal(count(pair, Outcome::archive_inconsistent), 0);
}

void a_directory_that_disagrees_is_refused_at_the_commit(void**) {
    ZipWriter zip;
    zip.add("a", noise(3000, 3));
    std::string archive = zip.finish();
    archive[archive.rfind("PK\1\2") + 46] = 'b';  // another name
    for (const bool passing : {false, true}) {
        Options options = lab_options();
        if (passing) options.services[0].on_unparsable = UninspectedAction::pass;
        Pair pair(options);
        fresh(&pair);
        const std::size_t third = archive.size() / 3;
        const auto parts = parts_of(archive, {third, 2 * third});
        for (int n = 1; n <= 3; ++n)
            assert_true(
                passes(&pair, &pair.two, part_of(n, parts[static_cast<std::size_t>(n - 1)])));
        assert_int_equal(passes(&pair, &pair.one, complete({1, 2, 3})), passing);
        assert_int_equal(count(pair, Outcome::archive_inconsistent), 1);
    }
}

void an_encrypted_member_is_counted_and_passes(void**) {
    ZipWriter zip;
    zip.add("secret", noise(3000, 3), 1);
    const std::string archive = zip.finish();
    Pair pair;
    fresh(&pair);
    assert_true(uploads(&pair, parts_of(archive, {1000, 2000}), {1, 2, 3}));
    assert_int_equal(count(pair, Outcome::archive_encrypted), 1);
}

// Bytes that say nothing of an archive take no reader.
void what_is_no_archive_takes_no_reader(void**) {
    Pair pair;
    fresh(&pair);
    const std::string plain = noise(6000, 5);
    assert_true(passes(&pair, &pair.one, part_of(1, plain)));
    assert_int_equal(pair.assembly.readers().used(), 0);
    assert_true(passes(&pair, &pair.one, part_of(2, zip_of(noise(3000, 7)))));
    assert_int_equal(pair.assembly.readers().used(), 1);
}

// Uploads that stand still keep readers for ten seconds; then others have them.
void readers_of_uploads_that_stand_still_go_to_others(void**) {
    Pair pair;
    fresh(&pair);
    const std::string archive = zip_of(noise(3000, 7));
    const auto parts = parts_of(archive, {archive.size() / 2});
    const std::uint32_t all = pair.assembly.readers().count();
    for (std::uint32_t n = 0; n < all; ++n)
        assert_true(passes(&pair, &pair.one, part_of(1, parts[0], "S" + std::to_string(n))));
    assert_int_equal(pair.assembly.readers().used(), all);
    assert_true(passes(&pair, &pair.one, part_of(1, parts[0], "full")));
    assert_true(passes(&pair, &pair.one, part_of(2, parts[1], "full")));
    assert_int_equal(count(pair, Outcome::archive_full), 1);
    assert_false(passes(&pair, &pair.one, complete({1, 2}, "full")));
    pair.one.step(20'000'000);
    pair.two.step(20'000'000);
    assert_true(passes(&pair, &pair.one, part_of(1, parts[0])));
    assert_true(passes(&pair, &pair.one, part_of(2, parts[1])));
    assert_true(passes(&pair, &pair.one, complete({1, 2})));
    // The one that stood still the longest cannot be judged any more.
    assert_true(passes(&pair, &pair.one, part_of(2, parts[1], "S0")));
    assert_false(passes(&pair, &pair.one, complete({1, 2}, "S0")));
    assert_int_equal(count(pair, Outcome::archive_full), 2);
}

void an_upload_that_ends_gives_its_reader_back(void**) {
    Pair pair;
    fresh(&pair);
    const std::string archive = zip_of(noise(3000, 7));
    assert_true(uploads(&pair, parts_of(archive, {archive.size() / 2}), {1, 2}));
    assert_int_equal(pair.assembly.readers().used(), 0);
    assert_true(passes(&pair, &pair.one, part_of(1, archive.substr(0, 2000), "gone")));
    assert_int_equal(pair.assembly.readers().used(), 1);
    assert_true(passes(&pair, &pair.one,
                       "DELETE /bucket/key?uploadId=gone HTTP/1.1\r\nHost: s3.example\r\n\r\n"));
    assert_int_equal(pair.assembly.readers().used(), 0);
}

std::string tus(std::size_t offset, std::string_view bytes) {
    return "PATCH /files/up1 HTTP/1.1\r\nHost: t\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: " +
           std::to_string(offset) +
           "\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: " +
           std::to_string(bytes.size()) + "\r\n\r\n" + std::string(bytes);
}

// Visible with each piece: the one with which the member is complete does not reach its end.
void a_member_in_appended_pieces_is_refused_with_the_piece(void**) {
    for (const std::string& archive : archives_with(known_member())) {
        for (std::size_t at = 100; at + 150 < archive.size(); at += 331) {
            Pair pair;
            fresh(&pair);
            const auto parts = parts_of(archive, {at});
            const bool first = passes(&pair, &pair.one, tus(0, parts[0]));
            assert_false(first && passes(&pair, &pair.two, tus(at, parts[1])));
            const IncidentRecord& record = only_incident(pair);
            assert_int_equal(record.form, ObjectForm::archive_member);
            // Nor does it later.
            if (first) assert_false(passes(&pair, &pair.two, tus(at, parts[1])));
        }
    }
}

// --- types and patterns ---

void an_upload_has_the_type_of_its_first_bytes(void**) {
    const std::string picture = "\x89PNG\r\n\x1a\n" + noise(4000, 9);
    for (const auto& order : {std::initializer_list<int>{1, 2, 3}, {3, 1, 2}, {2, 3, 1}}) {
        for (const std::size_t first : {4u, 100u, 2000u}) {
            Pair pair;
            for (Lab* lab : {&pair.one, &pair.two})
                lab->use(index_of_contents({picture}));
            assert_false(uploads(&pair, parts_of(picture, {first, first + 1000}), order, 2));
            const IncidentRecord& record = only_incident(pair);
            assert_int_equal(record.form, ObjectForm::assembled);
            assert_int_equal(record.content_type, ContentType::png);
        }
    }
}

const std::string listed = "http://files.example/known/17";

AlignedBytes index_of_address() {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t digests = *builder.add_section({.name = "files"}, key_of(1));
    const std::vector<std::uint8_t> digest(32, 7);
    builder.add(digests, {.digest = digest, .reference = 4711});
    const std::uint32_t patterns = *builder.add_section({.name = "addresses"}, key_of(2));
    std::string why;
    INVARIANT(builder.add_pattern(
                  patterns, {.text = listed, .reference = 900, .flags = record_flag::report_only},
                  &why) == AddOutcome::added);
    return built(&builder);
}

// Reported once, wherever the text is cut, and stored.
void a_pattern_across_pieces_is_reported(void**) {
    std::string page = "<!doctype html><p>see ";
    while (page.size() < 1500)
        page += "nothing here to see. ";
    const std::size_t begins = page.size();
    page += listed + "\n";
    while (page.size() < 4000)
        page += "nothing else to see. ";
    const std::string in_name = tar_file(listed, noise(600)) + tar_end();
    for (const std::string& upload : {page, zip_of(page), zip_of(page, 8), in_name}) {
        for (const auto& order : {std::initializer_list<int>{1, 2}, {2, 1}}) {
            for (std::size_t n = 1; n < listed.size(); n += 7) {
                const std::size_t in_zip = upload.find(listed);
                const std::size_t at = in_zip == std::string::npos ? begins : in_zip;
                Pair pair;
                for (Lab* lab : {&pair.one, &pair.two})
                    lab->use(index_of_address());
                const std::size_t cut = std::min(at + n, upload.size() - 10);
                assert_true(uploads(&pair, parts_of(upload, {cut}), order, 2));
                const IncidentRecord& record = only_incident(pair);
                assert_int_equal(record.action, MatchAction::report);
                assert_int_equal(record.matches[0].reference, 900);
            }
        }
    }
}

// Segment by segment, and while what was spooled is read.
void nothing_is_allocated(void**) {
    Pair pair;
    fresh(&pair);
    std::uint64_t seen = 0;
    const auto turn = [&] {
        pair.one.port.accept_at_most(Side::storage, 0);  // else it would copy what was sent
        pair.one.now_ns += ns_per_ms;
        const AllocationWatch watch;
        pair.one.worker->poll({pair.one.now_ns, index_now_s * ns_per_s});
        seen += watch.count();
    };
    for (const std::string& archive : archives_with(noise(3000, 7))) {
        const std::size_t third = archive.size() / 3;
        const auto parts = parts_of(archive, {third, 2 * third});
        const std::string sent = part_of(1, parts[0]) + part_of(3, parts[2]) +
                                 part_of(2, parts[1]) + complete({1, 2, 3});
        pair.one.connect();
        for (std::size_t at = 0; at < sent.size(); at += 500) {
            pair.one.port.push(Side::client,
                               pair.one.client_packet()
                                   .sequence(client_isn + 1 + static_cast<std::uint32_t>(at))
                                   .acknowledgement(pair.one.client_acked)
                                   .flags(tcp_flag::ack)
                                   .payload(std::string_view(sent).substr(at, 500))
                                   .frame());
            turn();
        }
        for (int n = 0; n < 20; ++n)
            turn();
        pair.one.port.accept_at_most(Side::storage, SIZE_MAX);
        assert_true(
            passes(&pair, &pair.two, "DELETE /bucket/key?uploadId=U1 HTTP/1.1\r\nHost: s\r\n\r\n"));
    }
    assert_int_equal(seen, 0);
    assert_true(count(pair, Outcome::assembly_committed) >= 6);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_member_is_refused_wherever_the_parts_are_cut),
        cmocka_unit_test(a_match_stays_with_the_upload),
        cmocka_unit_test(a_known_member_is_refused_in_every_order_of_parts),
        cmocka_unit_test(clean_archives_pass_and_their_members_are_counted),
        cmocka_unit_test(a_part_that_broke_off_is_read_once),
        cmocka_unit_test(a_part_that_is_replaced_counts_no_more),
        cmocka_unit_test(a_commit_of_some_parts_is_read_as_it_names_them),
        cmocka_unit_test(a_directory_that_disagrees_is_refused_at_the_commit),
        cmocka_unit_test(an_encrypted_member_is_counted_and_passes),
        cmocka_unit_test(what_is_no_archive_takes_no_reader),
        cmocka_unit_test(readers_of_uploads_that_stand_still_go_to_others),
        cmocka_unit_test(an_upload_that_ends_gives_its_reader_back),
        cmocka_unit_test(a_member_in_appended_pieces_is_refused_with_the_piece),
        cmocka_unit_test(an_upload_has_the_type_of_its_first_bytes),
        cmocka_unit_test(a_pattern_across_pieces_is_reported),
        cmocka_unit_test(nothing_is_allocated),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
