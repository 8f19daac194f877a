// Known files in archives, through the whole line.
#include "tests/support/archives.h"
#include "tests/support/every_split.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

int setup(void** state) {
    auto* lab = new Lab();
    lab->use(index_of_contents({known_content()}));
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

std::string put_body(std::string_view body, std::string_view more = "",
                     std::string_view target = "/dir/up.zip?x=1") {
    return "PUT " + std::string(target) +
           " HTTP/1.1\r\nHost: files.example\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(more) + "\r\n" + std::string(body);
}

std::string in_form(std::string_view content) {
    const std::string body =
        "--AaB03x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"up.zip\"\r\n\r\n" +
        std::string(content) + "\r\n--AaB03x--\r\n";
    return "POST /up HTTP/1.1\r\nHost: files.example\r\nContent-Length: " +
           std::to_string(body.size()) +
           "\r\nContent-Type: multipart/form-data; boundary=AaB03x\r\n\r\n" + body;
}

bool answered(Lab& lab, std::string_view status) {
    lab.step(2000);
    lab.send_ack();
    return lab.storage_reset && lab.client_fin && !lab.client_reset &&
           lab.answer.starts_with("HTTP/1.1 " + std::string(status));
}

const IncidentRecord& incident_of(Lab& lab) {
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    return lab.recorder.decided_records[0].record;
}

// However it is cut: the storage never has all of the member, and the record says where it was.
void a_known_member_is_blocked_wherever_the_archive_is_cut(void**) {
    const std::string content = known_content(300);
    const std::string tar = tar_file("first", "clean") + tar_file("in/known.jpg", content) +
                            tar_file("after", "never seen") + tar_end();
    ZipWriter zip;
    zip.add("first", "clean");
    zip.add("in/known.jpg", content);
    zip.add("after", "never seen");
    for (const std::string& archive :
         {tar, gzip_file(content, "in/known.jpg"), zip.finish(), "MZ" + zip.finish(),
          tar_file("in.tar", tar), gzip_file(tar, "up.tar"), zstd_file(tar)}) {
        for (const std::string& sent : {put_body(archive), in_form(archive)}) {
            const std::size_t step = archive.size() > 2000 ? 61 : 7;
            for (std::size_t at = 1; at < sent.size(); at += step) {
                Lab lab;
                lab.use(index_of_contents({content}));
                lab.connect();
                lab.send(sent.substr(0, at));
                lab.send(sent.substr(at));
                assert_true(answered(lab, "403 "));
                const IncidentRecord& record = incident_of(lab);
                assert_int_equal(record.form, ObjectForm::archive_member);
                assert_int_equal(record.object_bytes, content.size());
                if (archive[0] != '\x28') assert_true(std::strlen(record.container) >= 5);
                assert_string_equal(record.member, "in/known.jpg");
                assert_true(lab.stored.find(content) == std::string::npos);
                assert_true(lab.stored.find("never seen") == std::string::npos);
            }
        }
    }
}

void a_known_archive_is_blocked_as_it_is(void**) {
    for (const std::string& archive :
         {tar_file("a", "clean") + tar_end(), gzip_file("clean"), zip_file("a", "clean")}) {
        Lab lab;
        lab.use(index_of_contents({archive}));
        lab.connect();
        lab.send(put_body(archive));
        assert_true(answered(lab, "403 "));
        assert_int_equal(incident_of(lab).form, ObjectForm::body);
    }
}

// The storage is reset when the member ends, the client is answered at the end of its body.
void a_match_in_the_middle_is_answered_at_the_end(void** state) {
    Lab& lab = lab_of(state);
    const std::string sent = put_body(tar_file("known", known_content()) +
                                      tar_file("large", std::string(200000, 'z')) + tar_end());
    const std::size_t end = sent.find(std::string(100, 'z'));
    lab.send(sent.substr(0, end));
    lab.step(20'000);
    assert_true(lab.storage_reset);
    assert_string_equal(lab.answer.c_str(), "");
    assert_true(lab.stored.find(known_content()) == std::string::npos);
    lab.send(sent.substr(end));
    assert_true(answered(lab, "403 "));
}

void clean_archives_pass_byte_for_byte(void** state) {
    Lab& lab = lab_of(state);
    ZipWriter zip;
    zip.add("a", "one");
    zip.add("b", std::string(5000, 'b'));
    const std::string tar =
        tar_file("a", "one") + tar_file("b", std::string(4000, 'b')) + tar_end();
    std::string sent;
    for (const std::string& archive : {tar, gzip_file(tar), zstd_file(tar), zip.finish()})
        sent += put_body(archive) + in_form(archive);
    lab.send(sent, 700);
    lab.step(2000);
    assert_true(lab.stored == sent);
    assert_int_equal(lab.count(Outcome::archive_opened), 2 * (1 + 2 + 2 + 1));
    assert_int_equal(lab.count(Outcome::archive_member), 2 * (2 + 3 + 3 + 2));
    assert_int_equal(lab.count(Outcome::object_clean), 2 * (4 + 10));
    // The bytes of members are those of their archives.
    assert_int_equal(lab.worker->object_bytes_open(), 0);
    for (int n = 0; n < 8; ++n)
        lab.respond(created);
    assert_int_equal(lab.worker->kept_bytes(), 0);
}

void the_end_of_a_first_piece_may_be_the_end_of_the_file(void** state) {
    Lab& lab = lab_of(state);
    lab.send(put_body(gzip_file(known_content()) + gzip_file("and more")));
    assert_true(answered(lab, "403 "));
    assert_int_equal(incident_of(lab).form, ObjectForm::archive_member);
}

// A client that stops in an archive, or sends one that is cut short, has uploaded what it has.
void an_archive_that_is_cut_short_gains_nothing(void**) {
    const std::string content = known_content();
    const std::string tar = tar_file("a", content + "more") + tar_end();
    const std::size_t cut = tar.find("more");
    for (const bool ends : {true, false}) {
        Lab lab;
        lab.use(index_of_contents({content}));
        lab.connect();
        if (ends) {
            lab.send(put_body(tar.substr(0, cut)));
        } else {
            const std::string sent = put_body(tar);
            lab.send(sent.substr(0, sent.find("more")));
            lab.send_fin();
        }
        lab.step(2000);
        assert_int_equal(lab.recorder.decided_records.size(), 1);
        assert_true(lab.stored.find(content) == std::string::npos);
    }
}

void readers_that_differ_are_refused_and_limits_too(void**) {
    const std::string first = zip_file("a", "shown");
    const std::string second = zip_file("b", "other");
    std::string deep = "x";
    for (int n = 0; n < 4; ++n)
        deep = tar_file("t", deep);
    struct Case {
        std::string body;
        Outcome outcome;
    };
    for (const Case& one :
         {Case{first.substr(0, first.find("PK\1\2")) + second.substr(second.find("PK\1\2")),
               Outcome::archive_inconsistent},
          Case{tar_file("l", tar_file("in", "known"), '1'), Outcome::archive_inconsistent},
          Case{deep, Outcome::archive_limit},
          Case{zstd_file(std::string(std::size_t{8} << 20, '\0')), Outcome::archive_limit}}) {
        for (const bool passes : {false, true}) {
            Options options = lab_options();
            options.services[0].on_limit = options.services[0].on_unparsable =
                passes ? UninspectedAction::pass : UninspectedAction::refuse;
            Lab lab(options);
            lab.use(index_of_contents({known_content()}));
            lab.connect();
            const std::string sent = put_body(one.body);
            lab.send(sent);
            if (passes) {
                lab.step(2000);
                assert_true(lab.stored == sent);
                // What is behind it is inspected again.
                lab.respond(created);
                lab.answer.clear();
                lab.send(put_body(tar_file("k", known_content())));
                assert_true(answered(lab, "403 "));
            } else {
                assert_true(answered(lab, "400 "));
            }
            assert_int_equal(lab.count(one.outcome), 1);
        }
    }
}

// An archive that is given up in a form does not end what is seen of the form.
void behind_an_archive_that_passes_the_rest_is_seen(void**) {
    std::string deep = "x";
    for (int n = 0; n < 4; ++n)
        deep = tar_file("t", deep);
    Options options = lab_options();
    options.services[0].on_limit = UninspectedAction::pass;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(put_body(tar_file("deep", deep) + tar_file("k", known_content()) + tar_end()));
    assert_true(answered(lab, "403 "));
    assert_int_equal(lab.count(Outcome::archive_limit), 1);
}

void encrypted_members_are_counted_and_named(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    ZipWriter zip;
    zip.add("secret", known_content(), 1);
    zip.add("b", "clean");
    const std::string sent = put_body(zip.finish());
    lab.send(sent);
    lab.step(2000);
    assert_true(lab.stored == sent);
    assert_int_equal(lab.count(Outcome::archive_encrypted), 1);
    const auto& classes = lab.worker->counters().objects;
    assert_int_equal(classes[object_class(UninspectedReason::encrypted)].count.read(), 1);
    assert_int_equal(classes[object_class(UninspectedReason::encrypted)].bytes.read(), 0);
    assert_int_equal(classes[object_class(ObjectClass::inspected)].count.read(), 2);
}

void archives_pass_without_an_allocation(void** state) {
    Lab& lab = lab_of(state);
    const std::string tar =
        tar_file("a", "one") + tar_file("b", std::string(4000, 'b')) + tar_end();
    const std::string sent = put_body(tar) + put_body(gzip_file(tar)) + put_body(zstd_file(tar)) +
                             put_body("MZ" + zip_file("k", tar)) + in_form(tar);
    assert_int_equal(allocations_of(&lab, sent, 500), 0);
    assert_int_equal(lab.count(Outcome::archive_member), 2 + 3 + 3 + 3 + 2);
}

// With every decoder taken an archive that needs one is refused, and others pass.
void no_free_decoder_is_no_bypass(void** state) {
    Lab& lab = lab_of(state);
    std::string text;
    for (int n = 0; n < 600; ++n)
        text += std::to_string(n * n);
    const std::string sent = put_body(zstd_file(text));
    for (std::uint32_t n = 0; n < limits::coding_large_blocks; ++n) {
        lab.send(sent.substr(0, sent.size() - 20));
        lab.connect();
    }
    assert_int_equal(lab.count(Outcome::archive_full), 0);
    lab.send(sent);
    assert_true(answered(lab, "503 "));
    assert_int_equal(lab.count(Outcome::archive_full), 1);
    lab.connect();
    lab.send(put_body(tar_file("a", "clean") + tar_end()));
    assert_int_equal(lab.count(Outcome::object_clean), 2);
}

// A body that begins in small segments has a decoder until it is known to be none.
void a_plain_body_in_small_segments_is_judged_as_ever(void** state) {
    Lab& lab = lab_of(state);
    const std::string sent = put_body(known_content());
    for (std::size_t at = 0; at < sent.size(); ++at)
        lab.send(sent.substr(at, 1));
    assert_true(answered(lab, "403 "));
    assert_int_equal(incident_of(lab).form, ObjectForm::body);
    assert_int_equal(incident_of(lab).object_bytes, known_content().size());
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_member_is_blocked_wherever_the_archive_is_cut),
        cmocka_unit_test(a_known_archive_is_blocked_as_it_is),
        TEST(a_match_in_the_middle_is_answered_at_the_end),
        TEST(clean_archives_pass_byte_for_byte),
        TEST(the_end_of_a_first_piece_may_be_the_end_of_the_file),
        cmocka_unit_test(an_archive_that_is_cut_short_gains_nothing),
        cmocka_unit_test(readers_that_differ_are_refused_and_limits_too),
        cmocka_unit_test(behind_an_archive_that_passes_the_rest_is_seen),
        cmocka_unit_test(encrypted_members_are_counted_and_named),
        TEST(archives_pass_without_an_allocation),
        TEST(no_free_decoder_is_no_bypass),
        TEST(a_plain_body_in_small_segments_is_judged_as_ever),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
