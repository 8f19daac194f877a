// Objects that a later request makes of several, through the whole line: manifests of Swift,
// compositions of Google, partial uploads of tus.
#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

const std::string folder = "/v1/AUTH_t/c_segments/big/slo/1.5/300000/100000/";

std::string name_of(int number) {
    return "0000000" + std::to_string(number);
}

std::string segment(const std::string& name, std::string_view bytes, std::string_view more = {}) {
    return put(folder + name, bytes, more);
}

std::string manifest(const std::vector<NamedSegment>& segments, bool has_digests = true) {
    return put_manifest(folder.substr(10), segments, has_digests);
}

std::vector<NamedSegment> thirds() {
    return {{name_of(0), third(1)}, {name_of(1), third(2)}, {name_of(2), third(3)}};
}

void expect_verdict(Pair* pair, const std::string& request, std::string_view refusal) {
    const std::size_t before = pair->one.stored.size();
    pair->one.send(request);
    pair->turn(300);
    if (refusal.empty()) {
        assert_false(pair->one.storage_reset);
        assert_int_equal(pair->one.stored.size(), before + request.size());
        return;
    }
    assert_true(is_refused(pair->one, refusal));
    assert_true(pair->one.stored.size() < before + request.size());
}

// Whichever segment comes first, on whichever worker.
void a_known_file_in_segments_is_refused_at_its_manifest(void**) {
    const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (const auto& order : orders) {
        for (int workers = 0; workers < 8; ++workers) {
            Pair pair;
            for (const int n : order)
                send((workers >> n & 1) != 0 ? &pair.two : &pair.one,
                     segment(name_of(n), third(n + 1)));
            pair.turn(8);
            expect_verdict(&pair, manifest(thirds()), "403");
            const IncidentRecord& incident = pair.one.recorder.decided_records.back().record;
            assert_int_equal(incident.form, ObjectForm::assembled);
            assert_int_equal(incident.object_bytes, known().size());
        }
    }
}

void segments_on_their_way_together_are_put_in_order(void**) {
    Pair pair;
    const std::string one = segment(name_of(1), third(2));
    const std::string zero = segment(name_of(0), third(1));
    pair.one.send(one.substr(0, 50000));
    pair.two.send(zero.substr(0, 50000));
    pair.one.send(one.substr(50000));
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    pair.two.send(zero.substr(50000));
    pair.two.acknowledge();
    pair.two.respond(ok_answer);
    pair.turn(8);
    send(&pair.two, segment(name_of(2), third(3)));
    assert_true(
        pair.one.count(Outcome::assembly_chained) + pair.two.count(Outcome::assembly_chained) != 0);
    expect_verdict(&pair, manifest(thirds()), "403");
}

void clean_segments_pass_with_their_manifest(void**) {
    Pair pair;
    const std::string bytes(90000, 'x');
    for (const int n : {1, 0, 2})
        send(&pair.one, segment(name_of(n), bytes));
    expect_verdict(&pair, manifest({{name_of(0), bytes}, {name_of(1), bytes}, {name_of(2), bytes}}),
                   {});
    assert_int_equal(pair.one.count(Outcome::assembly_committed), 1);
}

// The manifest decides the order, and which segments.
void a_manifest_in_another_order_is_judged_as_it_stands(void**) {
    const std::vector<NamedSegment> shuffled = {
        {name_of(2), third(1)}, {name_of(0), third(2)}, {name_of(1), third(3)}};
    for (const bool listed_right : {true, false}) {
        Pair pair;
        for (const NamedSegment& each : shuffled)
            send(&pair.one, segment(each.name, each.bytes));
        send(&pair.two, segment(name_of(3), "decoy"));
        std::vector<NamedSegment> listed = shuffled;
        if (!listed_right) std::swap(listed[0], listed[1]);
        expect_verdict(&pair, manifest(listed), listed_right ? "403" : "");
    }
}

void one_segment_twice_is_read_twice(void**) {
    Pair pair;
    const std::string half(1000, 'h');
    for (Lab* lab : {&pair.one, &pair.two})
        lab->use(index_of_contents({half + half}));
    send(&pair.one, segment(name_of(0), half));
    expect_verdict(&pair, manifest({{name_of(0), half}, {name_of(0), half}}), "403");
}

void names_that_differ_in_their_zeros_are_two_segments(void**) {
    Pair pair;
    send(&pair.one, segment("1", third(1)));
    send(&pair.one, segment("01", third(2)));
    send(&pair.one, segment("2", third(3)));
    expect_verdict(&pair, manifest({{"1", third(1)}, {"01", third(2)}, {"2", third(3)}}), "403");
}

void segments_of_two_folders_are_put_together(void**) {
    Pair pair;
    send(&pair.one, segment("a0", third(1)));
    send(&pair.two, segment("b7", third(2)));
    send(&pair.one, segment("a1", third(3)));
    expect_verdict(&pair, manifest({{"a0", third(1)}, {"b7", third(2)}, {"a1", third(3)}}), "403");
}

void a_segment_that_nobody_saw_is_a_gap(void**) {
    Options options = lab_options();
    options.services[0].on_midstream = MidstreamAction::refuse;
    Pair pair(options);
    send(&pair.one, segment(name_of(0), third(1)));
    expect_verdict(&pair, manifest({{name_of(0), third(1)}, {name_of(1), third(2)}}), "503");
    assert_int_equal(pair.one.count(Outcome::assembly_gap), 1);
}

void segments_without_digests_can_only_be_bad(void**) {
    Pair bad;
    for (int n = 0; n < 3; ++n)
        send(&bad.one, segment(name_of(n), third(n + 1)));
    expect_verdict(&bad, manifest(thirds(), false), "403");
    Pair pair;
    for (int n = 0; n < 3; ++n)
        send(&pair.one, segment(name_of(n), std::string(1000, 'x')));
    expect_verdict(&pair, manifest({{name_of(0), std::string(1000, 'x')}}, false), "503");
}

// What is there may have come another way: the storage would take this list.
void a_segment_of_other_content_is_a_gap(void**) {
    Pair pair;
    send(&pair.one, segment(name_of(0), "clean"));
    send(&pair.one, segment(name_of(1), third(2)));
    expect_verdict(&pair, manifest({{name_of(0), third(1)}, {name_of(1), third(2)}}), "503");
}

void a_segment_sent_again_counts_as_it_was_last(void**) {
    for (const bool accepted : {true, false}) {
        Pair pair;
        for (int n = 0; n < 2; ++n)
            send(&pair.one, segment(name_of(n), third(n + 1)));
        send(&pair.one, segment(name_of(2), accepted ? std::string_view("decoy") : third(3)));
        send(&pair.two, segment(name_of(2), accepted ? third(3) : std::string_view("decoy")),
             accepted ? ok_answer : denied_answer);
        pair.turn(8);
        expect_verdict(&pair, manifest(thirds()), "403");
    }
}

void what_the_storage_copies_over_a_segment_is_not_known(void**) {
    Pair pair;
    const std::string bytes(1000, 'x');
    for (int n = 0; n < 2; ++n)
        send(&pair.one, segment(name_of(n), bytes));
    send(&pair.two, put(folder + name_of(1), "", "X-Copy-From: c/other\r\n"));
    expect_verdict(&pair, manifest({{name_of(0), bytes}, {name_of(1), bytes}}), "503");
}

void a_copy_that_the_storage_refused_changes_nothing(void**) {
    Pair pair;
    for (int n = 0; n < 3; ++n)
        send(&pair.one, segment(name_of(n), third(n + 1)));
    send(&pair.two, put(folder + name_of(1), "", "X-Copy-From: c/other\r\n"), denied_answer);
    expect_verdict(&pair, manifest(thirds()), "403");
}

// One that is chained needs no room; one that is not and has none is an object like others.
void segments_without_room_pass_and_their_manifest_is_a_gap(void**) {
    Options options = lab_options();
    options.spool_bytes_max = 256 * 1024;
    for (const bool in_order : {true, false}) {
        Pair pair(options);
        for (const int n : {0, 1, 2}) {
            const int which = in_order ? n : 2 - n;
            send(&pair.one, segment(name_of(which), third(which + 1)));
            assert_false(pair.one.storage_reset);
        }
        expect_verdict(&pair, manifest(thirds()), in_order ? "403" : "503");
    }
}

std::string dynamic(std::string_view prefix) {
    return put("/v1/AUTH_t/c/big", "", "X-Object-Manifest: " + std::string(prefix) + "\r\n");
}

void a_known_file_under_a_prefix_is_refused_at_its_manifest(void**) {
    Pair pair;
    for (const int n : {0, 2, 1})
        send(&pair.one, segment(name_of(n), third(n + 1)));
    pair.turn(8);
    expect_verdict(&pair, dynamic(folder.substr(11)), "403");
    assert_int_equal(pair.one.count(Outcome::match_blocked), 1);
}

// More may be there under that prefix than what we saw.
void a_prefix_that_looks_clean_is_a_gap(void**) {
    Pair pair;
    send(&pair.one, segment(name_of(0), "clean"));
    expect_verdict(&pair, dynamic(folder.substr(11)), "503");
}

// --- Google --------------------------------------------------------------------------------------

std::string upload_to_google(int number, std::string_view bytes) {
    return "POST /upload/storage/v1/b/box/o?uploadType=media&name=tmp%2Fbig_" +
           std::to_string(number) +
           " HTTP/1.1\r\nHost: storage.example\r\nContent-Length: " + std::to_string(bytes.size()) +
           "\r\n\r\n" + std::string(bytes);
}

std::string composition(std::initializer_list<int> numbers) {
    std::string list;
    for (const int number : numbers)
        list += (list.empty() ? "{\"name\":\"tmp/big_" : ",{\"name\":\"tmp/big_") +
                std::to_string(number) + "\"}";
    list = "{\"sourceObjects\":[" + list + "]}";
    return "POST /storage/v1/b/box/o/big/compose HTTP/1.1\r\nHost: storage.example\r\n"
           "Content-Length: " +
           std::to_string(list.size()) + "\r\n\r\n" + list;
}

void a_composition_of_a_known_file_is_refused_as_such(void**) {
    for (const bool is_known : {true, false}) {
        Pair pair;
        send(&pair.one, upload_to_google(2, third(1)));
        send(&pair.two, upload_to_google(9, third(2)));
        send(&pair.one, upload_to_google(10, third(3)));
        expect_verdict(&pair, is_known ? composition({2, 9, 10}) : composition({2, 10, 9}),
                       is_known ? "403" : "503");
    }
}

// --- tus -----------------------------------------------------------------------------------------

std::string partial(std::size_t length, std::string_view bytes = {}) {
    return "POST /files HTTP/1.1\r\nHost: files.example\r\nUpload-Concat: partial\r\n"
           "Upload-Length: " +
           std::to_string(length) + "\r\nContent-Length: " + std::to_string(bytes.size()) +
           "\r\n\r\n" + std::string(bytes);
}

std::string created(int number) {
    return "HTTP/1.1 201 Created\r\nLocation: http://files.example/files/p" +
           std::to_string(number) + "\r\nContent-Length: 0\r\n\r\n";
}

std::string patch(int number, std::size_t offset, std::string_view bytes) {
    return "PATCH /files/p" + std::to_string(number) +
           " HTTP/1.1\r\nHost: files.example\r\nUpload-Offset: " + std::to_string(offset) +
           "\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + std::string(bytes);
}

std::string final_of(std::initializer_list<int> numbers) {
    std::string urls;
    for (const int number : numbers)
        urls += (urls.empty() ? "/files/p" : " /files/p") + std::to_string(number);
    return "POST /files HTTP/1.1\r\nHost: files.example\r\nUpload-Concat: final;" + urls +
           "\r\nContent-Length: 0\r\n\r\n";
}

// All are created at once, and then come in two requests each, next to each other.
void upload_partials(Pair* pair, std::initializer_list<std::string_view> contents) {
    int number = 0;
    for (const std::string_view content : contents) {
        ++number;
        send(number % 2 != 0 ? &pair->one : &pair->two, partial(content.size()), created(number));
    }
    for (const bool is_first : {true, false}) {
        number = 0;
        for (const std::string_view content : contents) {
            const std::size_t half = content.size() / 3;
            ++number;
            send(number % 2 != 0 ? &pair->two : &pair->one,
                 is_first ? patch(number, 0, content.substr(0, half))
                          : patch(number, half, content.substr(half)));
        }
    }
}

void a_known_file_in_partial_uploads_is_refused_at_its_concatenation(void**) {
    Pair pair;
    upload_partials(&pair, {third(1), third(2), third(3)});
    expect_verdict(&pair, final_of({1, 2, 3}), "403");
    assert_int_equal(pair.one.recorder.decided_records.back().record.form, ObjectForm::assembled);
}

void partial_uploads_are_judged_in_the_order_of_their_concatenation(void**) {
    for (const bool is_right : {true, false}) {
        Pair pair;
        upload_partials(&pair, {third(3), third(1), third(2)});
        expect_verdict(&pair, is_right ? final_of({2, 3, 1}) : final_of({1, 2, 3}),
                       is_right ? "403" : "");
        assert_int_equal(pair.one.count(Outcome::assembly_gap), 0);
    }
}

void partial_uploads_that_begin_with_their_creation_are_put_together(void**) {
    Pair pair;
    for (const int number : {1, 2, 3}) {
        send(&pair.one, partial(100000, third(number).substr(0, 70000)), created(number));
        send(&pair.two, patch(number, 70000, third(number).substr(70000)));
    }
    expect_verdict(&pair, final_of({1, 2, 3}), "403");
}

void a_partial_upload_that_is_not_whole_is_a_gap(void**) {
    Options options = lab_options();
    options.services[0].on_midstream = MidstreamAction::refuse;
    Pair pair(options);
    send(&pair.one, partial(100000), created(1));
    send(&pair.one, patch(1, 0, third(1).substr(0, 50000)));
    expect_verdict(&pair, final_of({1}), "503");
}

void a_partial_upload_that_broke_off_is_gone_on_with(void**) {
    Pair pair;
    send(&pair.one, partial(100000), created(1));
    send(&pair.one, partial(200000), created(2));
    send(&pair.one, patch(1, 0, third(1)));
    const std::string request = patch(2, 0, std::string_view(known()).substr(100000));
    pair.two.send(std::string_view(request).substr(0, request.size() - 120000));
    pair.two.acknowledge();
    pair.two.send_fin();
    pair.turn(4);
    send(&pair.one, patch(2, 80000, std::string_view(known()).substr(180000)));
    expect_verdict(&pair, final_of({1, 2}), "403");
}

void partial_uploads_without_room_are_a_gap_but_for_the_first(void**) {
    Options options = lab_options();
    options.spool_bytes_max = 256 * 1024;
    Pair pair(options);
    upload_partials(&pair, {third(1), third(2), third(3)});
    expect_verdict(&pair, final_of({1, 2, 3}), "503");
    Pair alone(options);
    upload_partials(&alone, {third(1)});
    expect_verdict(&alone, final_of({1}), {});
}

// Such a commit has no body: what is kept of a message is not of the one before it.
void a_commit_without_a_body_is_not_taken_for_the_message_before(void**) {
    Options options = lab_options();
    options.services[0].on_unparsable = UninspectedAction::pass;
    Pair pair(options);
    upload_partials(&pair, {std::string(100000, 'a'), std::string(100000, 'b')});
    const std::string broken =
        "--xyz\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n"
        "bytes\r\n--xyz?\r\n";
    send(&pair.one,
         "POST /odd HTTP/1.1\r\nHost: files.example\r\n"
         "Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: " +
             std::to_string(broken.size()) + "\r\n\r\n" + broken);
    pair.turn(8);
    const auto unread = [&] {
        const Counters& counters = pair.one.worker->counters();
        return counters.objects[object_class(UninspectedReason::form)].count.read();
    };
    assert_int_equal(pair.one.count(Outcome::form_bad_delimiter), 1);
    const std::uint64_t before = unread();
    expect_verdict(&pair, final_of({1, 2}), {});
    assert_int_equal(unread(), before);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_file_in_segments_is_refused_at_its_manifest),
        cmocka_unit_test(segments_on_their_way_together_are_put_in_order),
        cmocka_unit_test(clean_segments_pass_with_their_manifest),
        cmocka_unit_test(a_manifest_in_another_order_is_judged_as_it_stands),
        cmocka_unit_test(one_segment_twice_is_read_twice),
        cmocka_unit_test(names_that_differ_in_their_zeros_are_two_segments),
        cmocka_unit_test(segments_of_two_folders_are_put_together),
        cmocka_unit_test(a_segment_that_nobody_saw_is_a_gap),
        cmocka_unit_test(segments_without_digests_can_only_be_bad),
        cmocka_unit_test(a_segment_of_other_content_is_a_gap),
        cmocka_unit_test(a_segment_sent_again_counts_as_it_was_last),
        cmocka_unit_test(what_the_storage_copies_over_a_segment_is_not_known),
        cmocka_unit_test(a_copy_that_the_storage_refused_changes_nothing),
        cmocka_unit_test(segments_without_room_pass_and_their_manifest_is_a_gap),
        cmocka_unit_test(a_known_file_under_a_prefix_is_refused_at_its_manifest),
        cmocka_unit_test(a_prefix_that_looks_clean_is_a_gap),
        cmocka_unit_test(a_composition_of_a_known_file_is_refused_as_such),
        cmocka_unit_test(a_known_file_in_partial_uploads_is_refused_at_its_concatenation),
        cmocka_unit_test(partial_uploads_are_judged_in_the_order_of_their_concatenation),
        cmocka_unit_test(partial_uploads_that_begin_with_their_creation_are_put_together),
        cmocka_unit_test(a_partial_upload_that_is_not_whole_is_a_gap),
        cmocka_unit_test(a_partial_upload_that_broke_off_is_gone_on_with),
        cmocka_unit_test(partial_uploads_without_room_are_a_gap_but_for_the_first),
        cmocka_unit_test(a_commit_without_a_body_is_not_taken_for_the_message_before),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
