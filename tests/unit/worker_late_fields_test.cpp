// Chunks of uploaders in browsers whose fields come behind the file: its place is known when the
// form has ended.
#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

std::string file_part(std::string_view bytes, std::string_view name = "a.bin") {
    return "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(name) +
           "\"\r\n\r\n" + std::string(bytes) + "\r\n";
}

std::string field(std::string_view name, std::string_view value) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
           std::string(value) + "\r\n";
}

std::string place(int index) {
    return field("dzuuid", "8f0b1c7e") + field("dzchunkindex", std::to_string(index)) +
           field("dztotalfilesize", "300000") + field("dztotalchunkcount", "3") +
           field("dzchunkbyteoffset", std::to_string(index * 100000));
}

std::string form(std::string body) {
    body += "--B--\r\n";
    return "POST /upload HTTP/1.1\r\nHost: files.example\r\n"
           "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunk(int index, std::string_view bytes) {
    return form(file_part(bytes) + place(index));
}

void expect_verdict(Pair* pair, const std::string& request, std::string_view refusal) {
    const std::size_t before = pair->one.stored.size();
    pair->one.send(request);
    pair->turn(300);
    if (refusal.empty()) {
        assert_false(pair->one.storage_reset);
        assert_int_equal(pair->one.stored.size(), before + request.size());
        pair->one.acknowledge();
        pair->one.respond(ok_answer);
        return;
    }
    assert_true(is_refused(pair->one, refusal));
    assert_true(pair->one.stored.size() < before + request.size());
}

void a_known_file_in_chunks_is_refused_with_its_last(void**) {
    const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (const auto& order : orders) {
        Pair pair;
        send(&pair.one, chunk(order[0], third(order[0] + 1)));
        send(&pair.two, chunk(order[1], third(order[1] + 1)));
        const std::size_t before = pair.one.stored.size();
        expect_verdict(&pair, chunk(order[2], third(order[2] + 1)), "403");
        // The end of the file was still here when its place was known.
        assert_true(pair.one.stored.find("dzuuid", before) == std::string::npos);
        const IncidentRecord& incident = pair.one.recorder.decided_records.back().record;
        assert_int_equal(incident.form, ObjectForm::assembled);
        assert_int_equal(incident.object_bytes, known().size());
    }
}

void clean_chunks_pass(void**) {
    Pair pair;
    for (const int index : {0, 2, 1})
        expect_verdict(&pair, chunk(index, third(1)), {});
    assert_int_equal(pair.one.count(Outcome::assembly_bad), 0);
    assert_int_equal(pair.one.count(Outcome::assembly_piece), 3);
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
}

void chunks_with_their_fields_before_and_behind_meet(void**) {
    Pair pair;
    send(&pair.one, form(place(0) + file_part(third(1))));
    send(&pair.one, chunk(1, third(2)));
    expect_verdict(&pair, form(place(2) + file_part(third(3))), "403");
}

void a_form_that_is_no_chunk_leaves_nothing(void**) {
    Pair pair;
    expect_verdict(&pair, form(file_part(third(1)) + field("comment", "none")), {});
    expect_verdict(&pair, form(file_part(third(1)) + file_part(third(2), "b.bin")), {});
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
    assert_int_equal(pair.assembly.uploads(), 0);
}

// Which of them is the chunk nothing says.
void two_files_before_the_fields_are_refused(void**) {
    Pair pair;
    expect_verdict(&pair, form(file_part(third(1)) + file_part(third(2), "b.bin") + place(0)),
                   "400");
}

void a_chunk_that_finds_no_room_is_refused_by_policy(void**) {
    for (const bool passes : {false, true}) {
        Options options = lab_options();
        options.spool_bytes_max = 128 * 1024;
        if (passes) options.services[0].on_limit = UninspectedAction::pass;
        Pair pair(options);
        expect_verdict(&pair, chunk(0, third(1)), passes ? "" : "503");
        assert_int_equal(pair.one.count(Outcome::assembly_full), 1);
        assert_int_equal(pair.assembly.spool().bytes_used(), 0);
    }
}

void a_chunk_that_breaks_off_leaves_nothing(void**) {
    Pair pair;
    const std::string request = chunk(0, third(1));
    pair.one.send(std::string_view(request).substr(0, request.size() - 60));
    assert_true(pair.assembly.spool().bytes_used() != 0);
    pair.one.send_fin();
    pair.turn(4);
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
    assert_int_equal(pair.assembly.uploads(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_file_in_chunks_is_refused_with_its_last),
        cmocka_unit_test(clean_chunks_pass),
        cmocka_unit_test(chunks_with_their_fields_before_and_behind_meet),
        cmocka_unit_test(a_form_that_is_no_chunk_leaves_nothing),
        cmocka_unit_test(two_files_before_the_fields_are_refused),
        cmocka_unit_test(a_chunk_that_finds_no_room_is_refused_by_policy),
        cmocka_unit_test(a_chunk_that_breaks_off_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
