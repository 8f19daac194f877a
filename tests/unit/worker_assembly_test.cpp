// Uploads in pieces through the whole line. Two workers share one Assembly, each with a client and
// a storage connection of its own.
#include "dataplane/worker/assembling.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

// Which parts go where, in every order, over two workers.
void a_known_file_in_parts_is_refused_at_its_commit(void**) {
    const int orders[6][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    for (const auto& order : orders) {
        for (int workers = 0; workers < 8; ++workers) {
            Pair pair;
            for (int n = 0; n < 3; ++n)
                send((workers >> n & 1) != 0 ? &pair.two : &pair.one,
                     part_of(order[n], third(order[n])));
            pair.turn(8);
            pair.one.send(complete({1, 2, 3}));
            pair.turn(300);
            assert_true(is_refused(pair.one, "403"));
            assert_int_equal(pair.one.count(Outcome::match_blocked), 1);
            const IncidentRecord& incident = pair.one.recorder.decided_records.back().record;
            assert_int_equal(incident.form, ObjectForm::assembled);
            assert_int_equal(incident.complete, 1);
            assert_int_equal(incident.object_bytes, known().size());
            assert_true(pair.one.stored.find("</CompleteMultipartUpload>") == std::string::npos);
        }
    }
}

void clean_parts_pass_with_their_commit(void**) {
    Pair pair;
    send(&pair.two, part_of(2, std::string(70000, '\xb1')));
    send(&pair.one, part_of(1, std::string(70000, '\xb2')));
    pair.turn(8);
    pair.one.send(complete({1, 2}));
    pair.turn(100);
    assert_true(pair.one.stored.find("</CompleteMultipartUpload>") != std::string::npos);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    assert_false(pair.one.storage_reset);
    assert_int_equal(pair.one.count(Outcome::assembly_committed), 1);
    assert_int_equal(pair.one.count(Outcome::object_clean), 3);
}

void a_commit_that_leaves_a_decoy_out_is_not_believed(void**) {
    Pair pair;
    send(&pair.one, part_of(1, third(1)));
    send(&pair.one, part_of(2, "decoy"));
    send(&pair.one, part_of(3, third(2)));
    send(&pair.one, part_of(4, third(3)));
    pair.turn(8);
    pair.one.send(complete({1, 3, 4}));
    pair.turn(300);
    assert_true(is_refused(pair.one, "403") || is_refused(pair.one, "503"));
}

void a_decoy_that_the_storage_refused_hides_nothing(void**) {
    Pair pair;
    for (int n = 1; n <= 3; ++n)
        send(&pair.one, part_of(n, third(n)));
    send(&pair.one, part_of(3, "decoy"), denied_answer);
    pair.turn(8);
    pair.one.send(complete({1, 2, 3}));
    pair.turn(300);
    assert_true(is_refused(pair.one, "403"));
}

void a_part_sent_again_counts_when_the_storage_took_it(void**) {
    Pair pair;
    send(&pair.one, part_of(1, third(1)));
    send(&pair.one, part_of(2, third(2)));
    send(&pair.one, part_of(3, "decoy"));
    send(&pair.one, part_of(3, third(3)));
    pair.turn(8);
    pair.one.send(complete({1, 2, 3}));
    pair.turn(300);
    assert_true(is_refused(pair.one, "403"));
}

void a_commit_waits_for_a_part_on_its_way(void**) {
    Pair pair;
    send(&pair.one, part_of(1, third(1)));
    send(&pair.one, part_of(2, third(2)));
    const std::string last = part_of(3, third(3));
    pair.two.send(std::string_view(last).substr(0, last.size() - 10));
    pair.one.send(complete({1, 2, 3}));
    pair.turn(50);
    assert_true(pair.one.stored.find("</CompleteMultipartUpload>") == std::string::npos);
    assert_true(pair.one.answer.find("403") == std::string::npos);
    pair.two.send(std::string_view(last).substr(last.size() - 10));
    pair.turn(300);
    assert_true(is_refused(pair.one, "403"));
}

void a_commit_that_waits_never_goes_with_its_client(void**) {
    for (const std::uint8_t flag : {tcp_flag::rst, tcp_flag::fin}) {
        Pair pair;
        const std::string first = part_of(1, known());
        pair.two.send(std::string_view(first).substr(0, first.size() - 10));
        pair.one.send(complete({1}));
        pair.turn(20);
        pair.one.segment(pair.one.client_next - pair.one.isn - 1, {},
                         static_cast<std::uint8_t>(flag | tcp_flag::ack));
        pair.turn(20);
        assert_true(pair.one.stored.find("</CompleteMultipartUpload>") == std::string::npos);
        // And no longer than a client would.
        for (int n = 0; n < 12; ++n) {
            pair.one.step(1'000'000);
            pair.two.step(10);
        }
        pair.turn(50);
        assert_true(pair.one.stored.find("</CompleteMultipartUpload>") == std::string::npos);
    }
}

void a_commit_of_what_nobody_saw_passes_only_after_a_start(void**) {
    Pair pair;
    pair.one.send(complete({1, 2}, "older"));
    pair.turn(20);
    assert_true(pair.one.stored.find("</CompleteMultipartUpload>") != std::string::npos);
    assert_int_equal(pair.one.count(Outcome::assembly_gap), 1);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    for (Lab* lab : {&pair.one, &pair.two})
        lab->step(std::uint64_t{limits::assembly_seconds} * 1'000'000);
    pair.two.connect();
    pair.two.send(complete({1, 2}, "older"));
    pair.turn(20);
    assert_true(is_refused(pair.two, "503"));
}

std::string range_put(std::size_t begin, std::string_view bytes, std::size_t total) {
    return put("/upload/session?upload_id=abc", bytes,
               "Content-Range: bytes " + std::to_string(begin) + "-" +
                   std::to_string(begin + bytes.size() - 1) + "/" + std::to_string(total) + "\r\n");
}

void the_range_that_completes_a_known_file_is_refused(void**) {
    Pair pair;
    send(&pair.one, range_put(0, third(1), 300000));
    send(&pair.two, range_put(100000, third(2), 300000));
    const std::string last = range_put(200000, third(3), 300000);
    const std::size_t before = pair.one.stored.size();
    pair.one.send(last);
    pair.turn(300);
    assert_true(is_refused(pair.one, "403"));
    assert_true(pair.one.stored.size() < before + last.size());
    assert_int_equal(pair.one.recorder.decided_records.back().record.form, ObjectForm::assembled);
    // Once more: it is judged again.
    const std::size_t again = pair.two.stored.size();
    pair.two.send(last);
    pair.turn(300);
    assert_true(is_refused(pair.two, "403"));
    assert_true(pair.two.stored.size() < again + last.size());
}

void clean_ranges_pass(void**) {
    Pair pair;
    send(&pair.one, range_put(0, third(1), 300000));
    send(&pair.two, range_put(100000, third(2), 300000));
    const std::string last = range_put(200000, third(1), 300000);
    const std::size_t before = pair.one.stored.size();
    pair.one.send(last);
    pair.turn(50);
    assert_int_equal(pair.one.stored.size(), before + last.size());
    assert_false(pair.one.storage_reset);
}

std::string chunk_form(int index, std::string_view bytes) {
    std::string body;
    const auto field = [&](std::string_view name, const std::string& value) {
        body += "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
                "\"\r\n\r\n" + value + "\r\n";
    };
    field("dzuuid", "8f0b1c7e-5a0b-4c58-9f3c-1d2e3f405162");
    field("dzchunkindex", std::to_string(index));
    field("dztotalfilesize", "300000");
    field("dzchunksize", "100000");
    field("dztotalchunkcount", "3");
    field("dzchunkbyteoffset", std::to_string(index * 100000));
    body +=
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n" +
        std::string(bytes) + "\r\n--B--\r\n";
    return "POST /upload HTTP/1.1\r\nHost: files.example\r\n"
           "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

void the_chunk_of_a_form_that_completes_a_known_file_is_refused(void**) {
    const int orders[4][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {2, 1, 0}};
    for (const auto& order : orders) {
        Pair pair;
        send(&pair.one, chunk_form(order[0], third(order[0] + 1)));
        send(&pair.two, chunk_form(order[1], third(order[1] + 1)));
        assert_int_equal(pair.one.count(Outcome::assembly_piece), 1);
        const std::string last = chunk_form(order[2], third(order[2] + 1));
        const std::size_t before = pair.one.stored.size();
        pair.one.send(last);
        pair.turn(300);
        assert_true(is_refused(pair.one, "403"));
        assert_true(pair.one.stored.size() < before + last.size());
    }
}

void clean_chunks_of_forms_pass(void**) {
    Pair pair;
    for (const int index : {0, 2, 1}) {
        const std::string request = chunk_form(index, third(1));
        const std::size_t before = pair.one.stored.size();
        pair.one.send(request);
        pair.turn(50);
        assert_int_equal(pair.one.stored.size(), before + request.size());
        pair.one.acknowledge();
        pair.one.respond(ok_answer);
    }
    assert_false(pair.one.storage_reset);
    assert_int_equal(pair.one.count(Outcome::assembly_piece), 3);
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
}

std::string block_put(int number, std::string_view bytes) {
    return put("/blob/file?comp=block&blockid=QUJDM" + std::to_string(number) + "%3D%3D", bytes);
}

std::string block_list(std::initializer_list<int> blocks) {
    std::string list = "<?xml version=\"1.0\"?><BlockList>";
    for (const int number : blocks)
        list += "<Latest>QUJDM" + std::to_string(number) + "==</Latest>";
    return put("/blob/file?comp=blocklist", list + "</BlockList>");
}

// In every order, over two workers; in the order of their coming, and at the same time.
void blocks_are_judged_in_the_order_of_their_list(void**) {
    const int orders[6][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    for (const auto& order : orders) {
        for (const bool is_known : {true, false}) {
            for (const bool at_once : {true, false}) {
                Pair pair;
                const auto bytes = [&](int n) { return third(is_known ? order[n] : 1); };
                const std::string first = block_put(order[0], bytes(0));
                const std::size_t cut = at_once ? 50000 : first.size();
                pair.two.send(std::string_view(first).substr(0, cut));
                send(&pair.one, block_put(order[1], bytes(1)));
                pair.two.send(std::string_view(first).substr(cut));
                pair.two.acknowledge();
                pair.two.respond(ok_answer);
                send(&pair.one, block_put(order[2], bytes(2)));
                pair.turn(8);
                pair.one.send(block_list({1, 2, 3}));
                pair.turn(300);
                const bool went = pair.one.stored.find("</BlockList>") != std::string::npos;
                assert_int_equal(went, !is_known);
                assert_int_equal(is_refused(pair.one, "403"), is_known);
            }
        }
    }
}

void what_is_written_behind_a_whole_object_is_judged_with_it(void**) {
    const std::string most(std::string_view(known()).substr(0, 200000));
    for (const bool is_known : {true, false}) {
        const std::string rest(third(is_known ? 3 : 1));
        for (const std::string& last : {dav_range(200000, rest), dav_patch("append", rest),
                                        dav_patch("bytes=200000-299999", rest)}) {
            Pair pair;
            expect_of(&pair, {dav_put(most), last}, is_known ? "403" : "");
            Pair another;
            expect_of(&another,
                      {dav_put(third(1)), dav_patch("append", third(2)),
                       dav_patch("bytes=200000-299999", rest)},
                      is_known ? "403" : "");
        }
    }
}

void what_is_written_into_a_whole_object_is_refused(void**) {
    std::string other = known();
    other[100] = static_cast<char>(other[100] ^ 1);
    Pair pair;
    expect_of(&pair, {dav_put(other), dav_range(0, third(1))}, "503");
}

void ranges_of_a_finished_object_come_once_more(void**) {
    const std::string a(third(1));
    const std::string b(third(3));
    Pair pair;
    const std::string ranges[] = {dav_range(0, a), dav_range(100000, b), dav_range(200000, a)};
    expect_of(&pair,
              {ranges[0], ranges[1], ranges[2], ranges[2], ranges[0], ranges[1],
               dav_range(100000, std::string_view(b).substr(0, 700))},
              "");
    assert_int_equal(pair.one.count(Outcome::assembly_conflict), 0);
    // Other bytes are not written into what is there.
    std::string other = b;
    other[90000] = static_cast<char>(other[90000] ^ 1);
    const std::string request = dav_range(100000, other);
    const std::size_t before = pair.one.stored.size();
    pair.one.send(request);
    pair.turn(50);
    assert_true(is_refused(pair.one, "503"));
    assert_true(pair.one.stored.size() - before <= request.size() - 10000);
}

void a_whole_object_takes_the_place_of_what_was_there(void**) {
    Pair pair;
    expect_of(&pair,
              {dav_put(third(2)), dav_put(third(1)), dav_range(100000, third(2)),
               dav_put(known_content(5)), dav_put(third(1)), dav_patch("append", third(2)),
               dav_patch("append", third(3))},
              "403");
}

// What was there before is still there, but which of them is it?
void a_whole_object_that_the_storage_refused_hides_nothing(void**) {
    const std::string most(std::string_view(known()).substr(0, 200000));
    Pair pair;
    expect_of(&pair, {dav_put(most)}, "");
    send(&pair.one, dav_put("decoy"), denied_answer);
    expect_of(&pair, {dav_range(200000, third(3))}, "503");
    Pair fresh;
    send(&fresh.one, dav_put("decoy"), denied_answer);
    expect_of(&fresh, {dav_range(0, third(1)), dav_range(100000, third(1))}, "");
}

void an_object_that_was_forgotten_is_not_written_into(void**) {
    Pair pair;
    expect_of(&pair, {dav_put(std::string_view(known()).substr(0, 200000))}, "");
    for (Lab* lab : {&pair.one, &pair.two})
        lab->step(std::uint64_t{limits::assembly_seconds} * 1'000'000);
    pair.turn(100);
    assert_int_equal(pair.assembly.uploads(), 0);
    pair.one.connect();
    expect_of(&pair, {dav_range(200000, third(3))}, "503");
}

void a_crowd_of_whole_objects_takes_no_place_of_uploads(void**) {
    Pair pair;
    expect_of(&pair, {part_of(1, third(1)), part_of(2, third(2)), part_of(3, third(3))}, "");
    for (int n = 0; n < 600; ++n)
        send(&pair.one, put("/crowd/" + std::to_string(n), "content"));
    assert_true(pair.assembly.uploads() < 128);
    expect_of(&pair, {complete({1, 2, 3})}, "403");
    Pair another;
    expect_of(&another, {dav_put(std::string_view(known()).substr(0, 200000))}, "");
    for (int n = 0; n < 600; ++n)
        send(&another.one, put("/crowd/" + std::to_string(n), "content"));
    expect_of(&another, {dav_range(200000, third(3))}, "503");
}

void a_claim_of_more_bytes_than_will_come_gains_nothing(void**) {
    Pair pair;
    send(&pair.one, range_put(0, third(1), 999999999));
    send(&pair.one, range_put(100000, third(2), 999999999));
    pair.one.send(range_put(200000, third(3), 999999999));
    pair.turn(300);
    assert_true(is_refused(pair.one, "403"));
}

void a_piece_that_finds_no_room_is_refused(void**) {
    Options options = lab_options();
    options.spool_bytes_max = 2 * Spool::block_bytes;
    Pair pair(options);
    const std::string first = part_of(1, third(1));
    pair.one.send(std::string_view(first).substr(0, 5000));
    pair.two.send(part_of(2, known()));
    pair.turn(20);
    assert_true(is_refused(pair.two, "503"));
    assert_int_equal(pair.two.count(Outcome::assembly_full), 1);
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
}

// The creation of an upload with its first bytes, and what goes on behind them.
std::string creation(std::string_view recipe, std::string_view bytes) {
    const std::string fields =
        recipe == "tus" ? "Upload-Length: 300000\r\n" : "Upload-Complete: ?0\r\n";
    return "POST /files HTTP/1.1\r\nHost: files.example\r\n" + fields +
           "Content-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + std::string(bytes);
}
std::string go_on(std::string_view recipe, std::size_t offset, std::string_view bytes) {
    const std::string fields = recipe == "tus"                   ? ""
                               : offset + bytes.size() == 300000 ? "Upload-Complete: ?1\r\n"
                                                                 : "Upload-Complete: ?0\r\n";
    return "PATCH /files/one HTTP/1.1\r\nHost: files.example\r\n" + fields +
           "Upload-Offset: " + std::to_string(offset) +
           "\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + std::string(bytes);
}
constexpr std::string_view created_answer =
    "HTTP/1.1 201 Created\r\nLocation: http://files.example/files/one\r\n"
    "Content-Length: 0\r\n\r\n";

// Long behind the start, when nothing is older than we.
void let_time_pass(Pair* pair) {
    for (Lab* lab : {&pair->one, &pair->two}) {
        lab->step();
        lab->step(std::uint64_t{limits::assembly_seconds} * 1'000'000 + 1'000'000);
        lab->connect();
    }
}

void first_bytes_that_come_with_a_creation_are_joined(void**) {
    for (const std::string_view recipe : {"tus", "draft"}) {
        for (const bool is_known : {true, false}) {
            Pair pair;
            let_time_pass(&pair);
            send(&pair.one, creation(recipe, third(1)), created_answer);
            send(&pair.two, go_on(recipe, 100000, third(2)));
            const std::string last = go_on(recipe, 200000, third(is_known ? 3 : 1));
            const std::size_t before = pair.one.stored.size();
            pair.one.send(last);
            pair.turn(100);
            assert_int_equal(is_refused(pair.one, "403"), is_known);
            assert_int_equal(pair.one.stored.size() < before + last.size(), is_known);
            assert_int_equal(pair.one.count(Outcome::assembly_gap), 0);
        }
    }
}

// The answer does not tell one name, or the upload was not created: nothing follows from it.
void a_creation_that_cannot_be_joined_leaves_a_gap(void**) {
    const std::string too_long = "HTTP/1.1 201 Created\r\nLocation: /files/one?" +
                                 std::string(location_bytes_max, 'x') +
                                 "\r\nContent-Length: 0\r\n\r\n";
    const std::string_view answers[] = {
        ok_answer, too_long,
        "HTTP/1.1 201 Created\r\nLocation: /files/one\r\nLocation: /files/two\r\n"
        "Content-Length: 0\r\n\r\n",
        "HTTP/1.1 201 Created\r\nLocation: /files/one\r\n two\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 No\r\nLocation: /files/one\r\nContent-Length: 0\r\n\r\n"};
    for (const std::string_view answer : answers) {
        Pair pair;
        let_time_pass(&pair);
        send(&pair.one, creation("tus", third(1)), answer);
        const std::string next = go_on("tus", 100000, third(2));
        const std::size_t before = pair.one.stored.size();
        pair.one.send(next);
        pair.turn(100);
        assert_true(is_refused(pair.one, "503"));
        assert_true(pair.one.stored.size() < before + next.size());
    }
}

// The draft's 104 tells the name while the bytes are coming; the client goes on where it was cut.
void a_creation_that_broke_off_is_gone_on_with(void**) {
    for (const bool is_known : {true, false}) {
        Pair pair;
        let_time_pass(&pair);
        const std::string begun = creation("draft", known());
        const std::size_t head = begun.find("\r\n\r\n") + 4;
        pair.one.send(std::string_view(begun).substr(0, head + 50000));
        pair.one.respond(
            "HTTP/1.1 104 Upload Resumption Supported\r\nLocation: /files/one\r\n\r\n");
        pair.one.send(std::string_view(begun).substr(head + 50000, 50000));
        pair.one.acknowledge();
        pair.one.segment(pair.one.client_next - pair.one.isn - 1, {},
                         tcp_flag::rst | tcp_flag::ack);
        const std::string rest =
            go_on("draft", 100000, std::string(third(2)) + std::string(third(is_known ? 3 : 1)));
        pair.two.send(rest);
        pair.turn(100);
        assert_int_equal(is_refused(pair.two, "403"), is_known);
        assert_int_equal(pair.two.stored.size() < rest.size(), is_known);
    }
}

// Its head is gone when the next one has begun.
void a_creation_before_a_pipelined_request_is_not_joined(void**) {
    Pair pair;
    let_time_pass(&pair);
    pair.one.send(creation("tus", third(1)) + "GET / HTTP/1.1\r\nHost: files.example\r\n");
    pair.one.acknowledge();
    pair.one.respond(created_answer);
    pair.two.send(go_on("tus", 100000, third(2)));
    pair.turn(100);
    assert_true(is_refused(pair.two, "503"));
}

Options verified_options(UninspectedAction on_limit = UninspectedAction::refuse) {
    Options options = lab_options();
    options.services[0].verify = 1;
    options.services[0].on_limit = on_limit;
    options.spool_bytes_max = 2 * Spool::block_bytes;
    return options;
}

// A part before its predecessor, for which the spool has no room, and its Complete, held.
void commit_without_room(Pair* pair) {
    send(&pair->two, part_of(2, std::string(300000, 'x')));
    assert_int_equal(pair->two.count(Outcome::assembly_full), 1);
    assert_int_equal(pair->two.recorder.verify_records.size(), 0);  // nothing is visible yet
    send(&pair->one, part_of(1, "first"));
    pair->turn(8);
    pair->one.send(complete({1, 2}));
    pair->turn(30);
}

bool is_committed(const Lab& lab) {
    return lab.stored.find("</CompleteMultipartUpload>") != std::string::npos;
}

void with_a_verifier_a_commit_goes_when_it_is_on_record(void**) {
    for (const RecordState settled : {RecordState::durable, RecordState::failed}) {
        Pair pair(verified_options());
        pair.one.recorder.at_once = RecordState::pending;
        commit_without_room(&pair);
        assert_int_equal(pair.one.recorder.verify_records.size(), 1);
        const VerifyRecord& record = pair.one.recorder.verify_records[0];
        assert_string_equal(record.target, "/bucket/key");
        assert_string_equal(record.host, "s3.example");
        assert_int_equal(record.reason, VerifyReason::full);
        assert_false(is_committed(pair.one));
        pair.one.recorder.at_once = settled;
        for (int n = 0; n < 3; ++n)
            pair.one.step(1000);
        assert_int_equal(is_committed(pair.one), settled == RecordState::durable);
        assert_int_equal(is_refused(pair.one, "503"), settled == RecordState::failed);
        assert_int_equal(pair.one.recorder.verify_records.size(), 1);
    }
}

void a_commit_that_cannot_be_put_on_record_is_refused(void**) {
    {
        Pair pair(verified_options());
        pair.one.recorder.full = true;
        commit_without_room(&pair);
        assert_true(is_refused(pair.one, "503"));
        assert_false(is_committed(pair.one));
    }
    Pair pair(verified_options());
    pair.one.recorder.at_once = RecordState::pending;
    commit_without_room(&pair);
    for (int n = 0; n < 10; ++n)
        pair.one.step(limits::journal_ms_max * 200);
    assert_true(is_refused(pair.one, "503"));
    assert_false(is_committed(pair.one));
}

// A commit that waits for its record never goes without it.
void a_client_that_hangs_up_frees_no_commit_that_waits_for_its_record(void**) {
    Pair pair(verified_options());
    pair.one.recorder.at_once = RecordState::pending;
    commit_without_room(&pair);
    pair.one.segment(pair.one.client_next - pair.one.isn - 1, {}, tcp_flag::rst | tcp_flag::ack);
    pair.one.recorder.at_once = RecordState::durable;
    pair.turn(20);
    assert_false(is_committed(pair.one));
}

void parts_that_the_storage_copies_are_verified(void**) {
    for (const int verify : {1, 0}) {
        Options options = verified_options();
        options.services[0].verify = verify != 0 ? 1 : 0;
        Pair pair(options);
        send(&pair.one, part_of(1, "first"));
        send(&pair.one,
             put("/bucket/key?partNumber=2&uploadId=U1", "", "x-amz-copy-source: /bucket/old\r\n"));
        pair.one.send(complete({1, 2}));
        pair.turn(30);
        assert_int_equal(is_committed(pair.one), verify);
        assert_int_equal(is_refused(pair.one, "503"), 1 - verify);
        assert_int_equal(pair.one.recorder.verify_records.size(), verify);
        if (verify != 0)
            assert_int_equal(pair.one.recorder.verify_records[0].reason, VerifyReason::copied);
    }
}

// Both at once: only a client that wants to is in conflict with itself.
void a_conflict_is_refused_also_with_a_verifier(void**) {
    Pair pair(verified_options());
    const std::string begun = part_of(1, "first");
    pair.two.send(std::string_view(begun).substr(0, begun.size() - 1));
    send(&pair.one, part_of(1, "other"));
    pair.two.send(std::string_view(begun).substr(begun.size() - 1));
    pair.turn(8);
    pair.one.send(complete({1}));
    pair.turn(30);
    assert_true(is_refused(pair.one, "503"));
    assert_int_equal(pair.one.recorder.verify_records.size(), 0);
}

std::string place_put(std::string_view target, std::size_t begin, std::string_view bytes) {
    return put(target, bytes,
               "Content-Range: bytes " + std::to_string(begin) + "-" +
                   std::to_string(begin + bytes.size() - 1) + "/400000000\r\n");
}

// What becomes visible without a commit is refused, or verified where policy lets it pass: under
// the name that it has, and not where only the server knows that.
void what_passes_in_place_is_verified_under_its_name(void**) {
    for (const std::string_view target : {"/files/a?x=1", "/upload/session?upload_id=abc"}) {
        Pair pair(verified_options(UninspectedAction::pass));
        const std::string request = place_put(target, 200000000, std::string(300000, 'x'));
        pair.one.send(std::string_view(request).substr(0, request.size() - 1));
        assert_int_equal(pair.one.recorder.verify_records.size(), 0);
        pair.one.send(std::string_view(request).substr(request.size() - 1));
        pair.turn(20);
        assert_true(pair.one.stored == request);
        const bool known_name = target[1] == 'f';
        assert_true(pair.one.recorder.verify_records.empty() != known_name);
        if (known_name) assert_string_equal(pair.one.recorder.verify_records[0].target, "/files/a");

        Pair strict(verified_options());
        strict.one.send(request);
        strict.turn(20);
        assert_true(is_refused(strict.one, "503"));
        assert_true(strict.one.recorder.verify_records.empty());
    }
}

std::string resumable_chunk(int number, std::string_view bytes) {
    const std::string target =
        "/upload?resumableChunkNumber=" + std::to_string(number) +
        "&resumableChunkSize=100000&resumableCurrentChunkSize=100000&resumableTotalSize=300000" +
        "&resumableIdentifier=300000-file&resumableTotalChunks=3&resumableFilename=file";
    return "POST " + target +
           " HTTP/1.1\r\nHost: files.example\r\nContent-Type: application/octet-stream\r\n"
           "Content-Length: " +
           std::to_string(bytes.size()) + "\r\n\r\n" + std::string(bytes);
}

// True: each chunk of it was accepted.
bool sends_chunks(Pair* pair, std::string_view content) {
    for (int n = 1; n <= 3; ++n) {
        const std::string chunk =
            resumable_chunk(n, content.substr(static_cast<std::size_t>(n - 1) * 100000, 100000));
        const std::size_t before = pair->one.stored.size();
        pair->one.send(chunk);
        pair->turn(100);
        if (pair->one.storage_reset || pair->one.stored.size() != before + chunk.size())
            return false;
        pair->one.acknowledge();
        pair->one.respond(ok_answer);
    }
    return true;
}

// resumable.js makes the identifier of a file of its size and name, so it comes again.
void a_file_is_judged_again_under_the_identifier_of_another(void**) {
    std::string clean = known();
    clean[250000] = '!';
    Pair again;
    assert_true(sends_chunks(&again, clean));
    assert_true(sends_chunks(&again, clean));
    Pair other;
    assert_true(sends_chunks(&other, clean));
    assert_false(sends_chunks(&other, known()));
    Pair first;
    assert_false(sends_chunks(&first, known()));
    assert_true(is_refused(first.one, "403"));
    first.one.connect();
    assert_false(sends_chunks(&first, known()));
}

void in_observe_nothing_waits_in_vain(void**) {
    Options options = lab_options();
    options.services[0].mode = ServiceMode::observe;
    Pair pair(options);
    send(&pair.two, part_of(3, third(3)));
    send(&pair.one, part_of(1, third(1)));
    send(&pair.one, part_of(2, third(2)));
    pair.turn(8);
    pair.one.send(complete({1, 2, 3}));
    pair.turn(100);
    assert_true(pair.one.stored.find("</CompleteMultipartUpload>") != std::string::npos);
    assert_int_equal(pair.one.count(Outcome::match_observed), 1);
}

void lists_that_servers_read_differently_are_refused(void**) {
    Pair pair;
    send(&pair.one, part_of(1, third(1)));
    std::string request = complete({1});
    const std::size_t at = request.find("<PartNumber>1<");
    request.replace(at, 14, "<PartNumber>x<");
    pair.one.send(request);
    pair.turn(20);
    assert_true(is_refused(pair.one, "400"));
    assert_int_equal(pair.one.count(Outcome::assembly_bad), 1);
}

void uploads_leave_nothing_behind(void**) {
    Pair pair;
    for (int n = 1; n <= 20; ++n) {
        const std::string cut_one = part_of(n, third(1), "U" + std::to_string(n));
        pair.one.send(std::string_view(cut_one).substr(0, 9000));
        pair.one.segment(pair.one.client_next - pair.one.isn - 1, {},
                         tcp_flag::rst | tcp_flag::ack);
        pair.one.connect();
    }
    assert_int_equal(pair.assembly.pieces(), 0);
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_file_in_parts_is_refused_at_its_commit),
        cmocka_unit_test(clean_parts_pass_with_their_commit),
        cmocka_unit_test(a_commit_that_leaves_a_decoy_out_is_not_believed),
        cmocka_unit_test(a_decoy_that_the_storage_refused_hides_nothing),
        cmocka_unit_test(a_part_sent_again_counts_when_the_storage_took_it),
        cmocka_unit_test(a_commit_waits_for_a_part_on_its_way),
        cmocka_unit_test(a_commit_that_waits_never_goes_with_its_client),
        cmocka_unit_test(a_commit_of_what_nobody_saw_passes_only_after_a_start),
        cmocka_unit_test(the_range_that_completes_a_known_file_is_refused),
        cmocka_unit_test(clean_ranges_pass),
        cmocka_unit_test(the_chunk_of_a_form_that_completes_a_known_file_is_refused),
        cmocka_unit_test(clean_chunks_of_forms_pass),
        cmocka_unit_test(blocks_are_judged_in_the_order_of_their_list),
        cmocka_unit_test(what_is_written_behind_a_whole_object_is_judged_with_it),
        cmocka_unit_test(what_is_written_into_a_whole_object_is_refused),
        cmocka_unit_test(ranges_of_a_finished_object_come_once_more),
        cmocka_unit_test(a_whole_object_takes_the_place_of_what_was_there),
        cmocka_unit_test(a_whole_object_that_the_storage_refused_hides_nothing),
        cmocka_unit_test(an_object_that_was_forgotten_is_not_written_into),
        cmocka_unit_test(a_crowd_of_whole_objects_takes_no_place_of_uploads),
        cmocka_unit_test(a_claim_of_more_bytes_than_will_come_gains_nothing),
        cmocka_unit_test(a_piece_that_finds_no_room_is_refused),
        cmocka_unit_test(first_bytes_that_come_with_a_creation_are_joined),
        cmocka_unit_test(a_creation_that_cannot_be_joined_leaves_a_gap),
        cmocka_unit_test(a_creation_that_broke_off_is_gone_on_with),
        cmocka_unit_test(a_creation_before_a_pipelined_request_is_not_joined),
        cmocka_unit_test(with_a_verifier_a_commit_goes_when_it_is_on_record),
        cmocka_unit_test(a_commit_that_cannot_be_put_on_record_is_refused),
        cmocka_unit_test(a_client_that_hangs_up_frees_no_commit_that_waits_for_its_record),
        cmocka_unit_test(parts_that_the_storage_copies_are_verified),
        cmocka_unit_test(a_conflict_is_refused_also_with_a_verifier),
        cmocka_unit_test(what_passes_in_place_is_verified_under_its_name),
        cmocka_unit_test(a_file_is_judged_again_under_the_identifier_of_another),
        cmocka_unit_test(in_observe_nothing_waits_in_vain),
        cmocka_unit_test(lists_that_servers_read_differently_are_refused),
        cmocka_unit_test(uploads_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
