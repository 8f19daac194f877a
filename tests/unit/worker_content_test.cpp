// Types and patterns through the whole line: what coverage and incidents say of uploads that are
// texts, pictures, forms, in codings; and that a pattern reports and does not block.

#include "tests/support/compressed.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const std::string listed = "http://files.example/known/17";

std::string page(std::string_view address, std::size_t bytes = 3000) {
    std::string text = "<!doctype html><p>see <a href=\"" + std::string(address) + "\">here</a>\n";
    while (text.size() < bytes)
        text += "nothing else to see. ";
    text.resize(bytes);
    return text;
}

// A digest and a pattern, each in a section of its own that may block.
AlignedBytes digest_and_pattern(std::string_view content,
                                std::uint8_t flags = record_flag::report_only) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t digests = *builder.add_section({.name = "files"}, key_of(1));
    std::uint8_t digest[32];
    SHA256(as_bytes(content).data(), content.size(), digest);
    builder.add(digests, {.digest = digest, .reference = 4711});
    const std::uint32_t patterns = *builder.add_section({.name = "addresses"}, key_of(2));
    std::string why;
    INVARIANT(builder.add_pattern(patterns, {.text = listed, .reference = 900, .flags = flags},
                                  &why) == AddOutcome::added);
    return built(&builder);
}

int setup(void** state) {
    auto* lab = new Lab();
    lab->use(digest_and_pattern(known_content()));
    lab->connect();
    *state = lab;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Lab*>(*state);
    return 0;
}

Lab& lab_of(void** state) {
    return *static_cast<Lab*>(*state);
}

std::uint64_t outcome(Lab& lab, Outcome which) {
    return lab.worker->counters().read(which);
}

std::uint64_t of_type(Lab& lab, ContentType type, TypeVerdict verdict) {
    return lab.worker->counters()
        .types[static_cast<std::size_t>(type)][static_cast<std::size_t>(verdict)]
        .count.read();
}

std::vector<IncidentRecord> incidents(const Lab& lab) {
    std::vector<IncidentRecord> records;
    for (const auto& decided : lab.recorder.decided_records)
        records.push_back(decided.record);
    return records;
}

// Everything was stored, and one incident tells of the pattern.
void assert_reported(Lab& lab, std::string_view request) {
    assert_true(lab.stored == request);
    assert_int_equal(incidents(lab).size(), 1);
    const IncidentRecord incident = incidents(lab)[0];
    assert_int_equal(incident.action, MatchAction::report);
    assert_int_equal(incident.match_count, 1);
    assert_int_equal(incident.matches[0].reference, 900);
    assert_int_equal(incident.matches[0].kinds, KindSet{IndicatorKind::pattern}.bits);
    assert_string_equal(incident.matches[0].section, "addresses");
    assert_int_equal(outcome(lab, Outcome::pattern_matched), 1);
    assert_int_equal(outcome(lab, Outcome::match_reported), 1);
    assert_int_equal(outcome(lab, Outcome::match_blocked), 0);
}

void a_page_with_a_listed_address_is_reported_and_stored(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/page", page(listed));
    lab.send(request);
    lab.respond(created);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::html);
    assert_int_equal(incidents(lab)[0].complete, 1);
    assert_int_equal(of_type(lab, ContentType::html, TypeVerdict::matched), 1);
    assert_int_equal(outcome(lab, Outcome::pattern_scanned), 1);
}

void one_byte_segments_make_no_difference(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/page", page(listed, 700));
    lab.send(request, 1);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::html);
}

// As long as the type is not decided, and one that is shorter than what decides it.
void a_short_text_is_searched_at_its_end(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/note", "see " + listed);
    lab.send(request, 20);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::text);
}

void a_text_in_a_coding_is_searched_as_decoded(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/page", gzip_file(page(listed)), "Content-Encoding: gzip\r\n");
    lab.send(request, 100);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::html);
    assert_int_equal(incidents(lab)[0].form, ObjectForm::decoded);
    assert_int_equal(of_type(lab, ContentType::gzip, TypeVerdict::clean) +
                         of_type(lab, ContentType::gzip, TypeVerdict::uninspected),
                     1);
}

std::string form_of(std::string_view file_name, std::string_view content) {
    const std::string body = "--AaB03x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" +
                             std::string(file_name) + "\"\r\n\r\n" + std::string(content) +
                             "\r\n--AaB03x--\r\n";
    return "POST /up HTTP/1.1\r\nHost: files.example\r\nContent-Type: multipart/form-data; "
           "boundary=AaB03x\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

void a_page_in_a_form_is_searched(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = form_of("page.html", page(listed));
    lab.send(request);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].form, ObjectForm::form_part);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::html);
}

void the_name_of_a_file_is_searched_whatever_it_holds(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = form_of(listed + ".jpg", "\xff\xd8\xff\xe0 not much of a picture");
    lab.send(request);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::jpeg);
    assert_int_equal(outcome(lab, Outcome::pattern_scanned), 0);
}

void the_path_of_a_body_is_searched_decoded(void** state) {
    Lab& lab = lab_of(state);
    const std::string request =
        put("/a/http%3A%2F%2Ffiles.example%2Fknown%2F17?x=1", std::string(600, '\1'));
    lab.send(request);
    assert_reported(lab, request);
    assert_int_equal(incidents(lab)[0].content_type, ContentType::unknown);
}

void what_a_client_declares_is_not_believed(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/a", page("http://clean.example/"), "Content-Type: image/png\r\n"));
    lab.respond(created);
    std::string picture = "\x89PNG\r\n\x1a\n" + listed;
    lab.send(put("/b", picture, "Content-Type: text/html\r\n"));
    lab.respond(created);
    assert_int_equal(of_type(lab, ContentType::html, TypeVerdict::clean), 1);
    assert_int_equal(of_type(lab, ContentType::png, TypeVerdict::clean), 1);
    assert_int_equal(incidents(lab).size(), 0);
    assert_int_equal(outcome(lab, Outcome::pattern_scanned), 1);
}

void a_known_file_that_also_holds_a_pattern_is_blocked_with_both_named(void**) {
    Lab lab;
    const std::string known = page(listed);
    lab.use(digest_and_pattern(known));
    lab.connect();
    const std::string request = put("/a", known);
    lab.send(request);
    assert_true(lab.stored.size() < request.size());
    assert_int_equal(incidents(lab).size(), 1);
    assert_int_equal(incidents(lab)[0].action, MatchAction::block);
    assert_int_equal(incidents(lab)[0].match_count, 2);
    assert_int_equal(incidents(lab)[0].matches[0].reference, 4711);  // what led to it comes first
    assert_int_equal(incidents(lab)[0].matches[1].reference, 900);
}

// It takes a record without that restraint, and a service that lets weak matches block.
void a_pattern_blocks_only_where_list_and_service_both_say_so(void**) {
    for (const bool list_says : {false, true}) {
        for (const bool service_says : {false, true}) {
            Options options = lab_options();
            options.services[0].weak_blocks = service_says;
            Lab lab(options);
            lab.use(digest_and_pattern(known_content(), list_says ? 0 : record_flag::report_only));
            lab.connect();
            const std::string request = put("/a", page(listed));
            lab.send(request);
            const bool blocked = list_says && service_says;
            assert_int_equal(incidents(lab).size(), 1);
            assert_int_equal(incidents(lab)[0].action,
                             blocked ? MatchAction::block : MatchAction::report);
            assert_true((lab.stored == request) == !blocked);
        }
    }
}

// A client that hangs up before the end has uploaded a text that names the address all the same.
void an_upload_that_ends_early_is_reported(void** state) {
    Lab& lab = lab_of(state);
    for (const std::size_t bytes : {100u, 2000u}) {
        lab.connect();
        lab.send(put("/page", page(listed)).substr(0, bytes + 60));
        lab.send_fin();
    }
    assert_int_equal(incidents(lab).size(), 2);
    for (const IncidentRecord& incident : incidents(lab)) {
        assert_int_equal(incident.complete, 0);
        assert_int_equal(incident.action, MatchAction::report);
        assert_int_equal(incident.content_type, ContentType::html);
    }
}

void another_index_in_the_middle_of_a_text_leaves_no_stream_behind(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/page", page(listed));
    lab.send(request.substr(0, 1500));
    lab.use(digest_and_pattern(known_content()));  // frees the index before
    assert_int_equal(outcome(lab, Outcome::stale_plan), 1);
    lab.send(request.substr(1500));
    assert_reported(lab, request);
    assert_int_equal(lab.index->scanner->used(), 0);
}

void an_index_without_patterns_ends_the_search(void** state) {
    Lab& lab = lab_of(state);
    const std::string request = put("/page", page(listed));
    lab.send(request.substr(0, 1500));
    lab.use(index_of_contents({known_content()}));
    lab.send(request.substr(1500));
    assert_true(lab.stored == request);
    assert_int_equal(incidents(lab).size(), 0);
}

void with_all_streams_taken_a_text_passes_and_is_counted(void**) {
    Lab lab;
    lab.pattern_streams = 1;
    lab.use(digest_and_pattern(known_content()));
    lab.connect();
    lab.send(put("/page", page(listed)).substr(0, 1500));
    lab.connect();
    const std::string request = put("/page", page(listed));
    lab.send(request);
    assert_true(lab.stored == request);
    assert_int_equal(outcome(lab, Outcome::pattern_full), 1);
    assert_int_equal(incidents(lab).size(), 0);
    assert_int_equal(of_type(lab, ContentType::html, TypeVerdict::clean), 1);
}

void coverage_counts_each_object_in_one_type_and_verdict(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put("/a", known_content()));
    lab.connect();
    lab.send(put("/b", "GIF89a" + std::string(100, '\0')));
    lab.respond(created);
    lab.send(put("/c", "\x1a\x45\xdf\xa3 half a film" + std::string(3000, '\0')).substr(0, 1000));
    lab.send_fin();
    assert_int_equal(of_type(lab, ContentType::text, TypeVerdict::matched), 1);
    assert_int_equal(of_type(lab, ContentType::gif, TypeVerdict::clean), 1);
    assert_int_equal(of_type(lab, ContentType::mkv, TypeVerdict::uninspected), 1);
    std::uint64_t all = 0;
    for (const auto& type : lab.worker->counters().types) {
        for (const Tally& tally : type)
            all += tally.count.read();
    }
    assert_int_equal(all, 3);
}

}  // namespace

int main() {
#define WITH_LAB(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const CMUnitTest tests[] = {
        WITH_LAB(a_page_with_a_listed_address_is_reported_and_stored),
        WITH_LAB(one_byte_segments_make_no_difference),
        WITH_LAB(a_short_text_is_searched_at_its_end),
        WITH_LAB(a_text_in_a_coding_is_searched_as_decoded),
        WITH_LAB(a_page_in_a_form_is_searched),
        WITH_LAB(the_name_of_a_file_is_searched_whatever_it_holds),
        WITH_LAB(the_path_of_a_body_is_searched_decoded),
        WITH_LAB(what_a_client_declares_is_not_believed),
        cmocka_unit_test(a_known_file_that_also_holds_a_pattern_is_blocked_with_both_named),
        cmocka_unit_test(a_pattern_blocks_only_where_list_and_service_both_say_so),
        WITH_LAB(an_upload_that_ends_early_is_reported),
        WITH_LAB(another_index_in_the_middle_of_a_text_leaves_no_stream_behind),
        WITH_LAB(an_index_without_patterns_ends_the_search),
        cmocka_unit_test(with_all_streams_taken_a_text_passes_and_is_counted),
        WITH_LAB(coverage_counts_each_object_in_one_type_and_verdict),
    };
#undef WITH_LAB
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
