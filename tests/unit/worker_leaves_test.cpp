// Uploads in pieces against a list of trees, with no room for their bytes, through the whole line.
#include "dataplane/worker/assembling.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/pieces_lab.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t mib = tree_leaf_bytes;
constexpr std::size_t last_bytes = 300001;

// Three whole leaves and a part of one.
const std::string& listed() {
    static const std::string content = known_content(3 * mib + last_bytes);
    return content;
}

std::string_view piece(int number) {
    return std::string_view(listed()).substr(static_cast<std::size_t>(number - 1) * mib, mib);
}

Options without_room(UninspectedAction on_limit = UninspectedAction::refuse) {
    Options options = lab_options();
    options.spool_bytes_max = 0;
    options.services[0].on_limit = on_limit;
    return options;
}

struct Trees : Pair {
    explicit Trees(const Options& options = without_room(), bool also_others = false)
        : Pair(options) {
        for (Lab* lab : {&one, &two})
            lab->use(index_of_tree(listed(), also_others));
    }
};

void send_large(Lab* lab, const std::string& bytes, std::string_view answer = ok_answer) {
    lab->send(bytes, 1400);
    lab->acknowledge();
    if (!answer.empty()) lab->respond(answer);
}

bool is_committed(const Lab& lab) {
    return lab.stored.find("</CompleteMultipartUpload>") != std::string::npos;
}

void a_listed_tree_is_refused_in_any_order_without_room_for_a_byte(void**) {
    const int orders[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {2, 4, 1, 3}, {3, 1, 4, 2}};
    for (const auto& order : orders) {
        Trees pair;
        for (int n = 0; n < 4; ++n)
            send_large(n % 2 == 0 ? &pair.one : &pair.two, part_of(order[n], piece(order[n])));
        pair.turn(8);
        pair.two.send(complete({1, 2, 3, 4}));
        pair.turn(50);
        assert_true(is_refused(pair.two, "403"));
        assert_false(is_committed(pair.two));
        const IncidentRecord& incident = pair.two.recorder.decided_records.back().record;
        assert_int_equal(incident.form, ObjectForm::assembled);
        assert_int_equal(incident.object_bytes, listed().size());
        assert_int_equal(incident.matches[0].kinds, KindSet{IndicatorKind::sha256_tree}.bits);
        const bool in_order = order[0] == 1 && order[1] == 2;
        assert_int_equal(pair.two.count(Outcome::assembly_by_leaves), in_order ? 0 : 1);
        assert_int_equal(pair.assembly.spool().bytes_used(), 0);
    }
}

void parts_that_come_at_once_are_judged_by_their_leaves(void**) {
    Trees pair;
    const std::string one = part_of(1, piece(1)), two = part_of(2, piece(2));
    pair.one.send(std::string_view(one).substr(0, 500000), 1400);
    send_large(&pair.two, two);
    pair.one.send(std::string_view(one).substr(500000), 1400);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    send_large(&pair.two, part_of(4, piece(4)));
    send_large(&pair.one, part_of(3, std::string(mib, 'x')));
    send_large(&pair.one, part_of(3, piece(3)));  // and counts
    pair.turn(8);
    pair.one.send(complete({1, 2, 3, 4}));
    pair.turn(50);
    assert_true(is_refused(pair.one, "403"));
    assert_int_equal(pair.one.count(Outcome::assembly_by_leaves), 1);
}

void a_subset_is_judged_as_it_is_named(void**) {
    Trees pair;
    send_large(&pair.one, part_of(9, std::string(mib, 'y')));
    for (const int number : {4, 3, 2, 1})
        send_large(&pair.two, part_of(number, piece(number)));
    pair.turn(8);
    pair.one.send(complete({1, 2, 3, 4}));
    pair.turn(50);
    assert_true(is_refused(pair.one, "403"));
}

// Nothing else is asked for, and no piece has the mark of an archive in it.
void a_clean_object_passes_by_its_leaves(void**) {
    Trees pair;
    for (const int number : {4, 3, 1, 2})
        send_large(&pair.one, part_of(number, piece(number == 3 ? 2 : number)));
    pair.turn(8);
    pair.one.send(complete({1, 2, 3, 4}));
    pair.turn(50);
    assert_true(is_committed(pair.one));
    assert_false(pair.one.storage_reset);
    assert_int_equal(pair.one.count(Outcome::assembly_by_leaves), 1);
    assert_int_equal(pair.one.count(Outcome::assembly_unread), 0);
    // Parts that left nothing but leaves were inspected, too.
    assert_int_equal(
        pair.one.worker->counters().objects[object_class(ObjectClass::inspected)].bytes.read(),
        pair.one.worker->counters().body_bytes.read());
}

// What could be taken apart was not: in the middle of a piece, across two, or as its beginning.
void what_may_be_an_archive_goes_by_policy(void**) {
    for (const int where : {0, 1, 2, 3}) {
        for (const UninspectedAction action :
             {UninspectedAction::refuse, UninspectedAction::pass}) {
            std::string content(2 * mib + 100, '\xb1');
            const std::size_t at = where == 0 ? 0 : where == 1 ? mib - 2 : 700000;
            if (where != 3) content.replace(at, 4, "PK\3\4");
            Trees pair(without_room(action));
            send_large(&pair.one, part_of(3, content.substr(2 * mib)));
            send_large(&pair.one, part_of(2, content.substr(mib, mib)));
            send_large(&pair.one, part_of(1, content.substr(0, mib)));
            pair.turn(8);
            pair.one.send(complete({1, 2, 3}));
            pair.turn(50);
            const bool passes = where == 3 || action == UninspectedAction::pass;
            assert_int_equal(pair.one.count(Outcome::assembly_unread), where == 3 ? 0 : 1);
            assert_int_equal(is_committed(pair.one), passes);
            assert_int_equal(is_refused(pair.one, "503"), !passes);
        }
    }
}

// Two of them cannot be the last: the second one waits for room, as without trees.
void pieces_that_are_no_whole_leaves_need_room(void**) {
    Trees pair;
    send_large(&pair.one, part_of(3, piece(1).substr(5)));
    assert_false(pair.one.storage_reset);
    pair.two.send(part_of(2, piece(2).substr(5)), 1400);
    assert_true(is_refused(pair.two, "503"));
    assert_int_equal(pair.two.count(Outcome::assembly_full), 1);
}

// Other digests were not computed: what matches is refused, what does not goes by policy.
void with_other_lists_a_tree_is_looked_up_and_clears_nothing(void**) {
    for (const bool is_listed : {true, false}) {
        for (const bool verifies : {false, true}) {
            Options options =
                without_room(verifies ? UninspectedAction::refuse : UninspectedAction::pass);
            options.services[0].verify = verifies ? 1 : 0;
            Trees pair(options, true);
            for (const int number : {4, 3, 2, 1})
                send_large(&pair.one,
                           part_of(number, piece(is_listed || number == 4 ? number : 1)));
            pair.turn(8);
            pair.one.recorder.at_once = RecordState::durable;
            pair.one.send(complete({1, 2, 3, 4}));
            pair.turn(50);
            assert_int_equal(is_refused(pair.one, "403"), is_listed);
            assert_int_equal(is_committed(pair.one), !is_listed);
            assert_int_equal(pair.one.count(Outcome::assembly_gap), is_listed ? 0 : 1);
            const bool asks = verifies && !is_listed;
            assert_int_equal(pair.one.recorder.verify_records.size(), asks ? 1 : 0);
        }
    }
    Trees pair(without_room(), true);  // and a client that can wait is told to
    pair.one.send(part_of(2, piece(2)), 1400);
    assert_true(is_refused(pair.one, "503"));
}

// Chunks of forms, which need no commit: the one with which all are there.
std::string chunk(int index, std::string_view bytes) {
    std::string body;
    const auto field = [&](std::string_view name, const std::string& value) {
        body += "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
                "\"\r\n\r\n" + value + "\r\n";
    };
    field("dzuuid", "8f0b1c7e-5a0b-4c58-9f3c-1d2e3f405162");
    field("dzchunkindex", std::to_string(index));
    field("dztotalfilesize", std::to_string(listed().size()));
    field("dzchunksize", std::to_string(mib));
    field("dztotalchunkcount", "4");
    field("dzchunkbyteoffset", std::to_string(static_cast<std::size_t>(index) * mib));
    body +=
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n" +
        std::string(bytes) + "\r\n--B--\r\n";
    return "POST /upload HTTP/1.1\r\nHost: files.example\r\n"
           "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

void the_last_chunk_of_a_listed_tree_is_refused_where_the_others_passed(void**) {
    for (const bool is_listed : {true, false}) {
        Trees pair(without_room(UninspectedAction::pass));
        for (const int index : {3, 1, 2})
            send_large(&pair.one, chunk(index, piece(is_listed || index == 3 ? index + 1 : 1)));
        pair.turn(8);
        assert_false(pair.one.storage_reset);
        const std::size_t before = pair.one.stored.size();
        const std::string last = chunk(0, piece(1));
        pair.one.send(last, 1400);
        pair.turn(50);
        assert_int_equal(is_refused(pair.one, "403"), is_listed);
        assert_int_equal(pair.one.stored.size() == before + last.size(), !is_listed);
    }
}

std::string signed_part(int number, std::string_view bytes) {
    std::string body;
    char size[32];
    for (std::size_t at = 0; at < bytes.size(); at += 65536) {
        const std::string_view chunk_bytes = bytes.substr(at, 65536);
        std::snprintf(size, sizeof size, "%zx\r\n", chunk_bytes.size());
        body += size + std::string(chunk_bytes) + "\r\n";
    }
    body += "0\r\n\r\n";
    return put("/bucket/key?partNumber=" + std::to_string(number) + "&uploadId=U1", body,
               "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
               "X-Amz-Decoded-Content-Length: " +
                   std::to_string(bytes.size()) + "\r\n");
}

std::string folder_chunk(int number, std::string_view bytes) {
    return put("/remote.php/dav/uploads/u/id/" + std::to_string(number), bytes);
}
const std::string move_of_folder =
    "MOVE /remote.php/dav/uploads/u/id/.file HTTP/1.1\r\nHost: files.example\r\n"
    "Destination: http://files.example/remote.php/dav/files/u/x\r\n\r\n";

// Folders are in the order of their numbers, which begin with 0 or 1.
void chunks_of_a_folder_are_judged_by_their_leaves(void**) {
    for (const int from : {0, 1}) {
        for (const bool is_listed : {true, false}) {
            Trees pair;
            for (const int number : {2, 1, 4, 3})
                send_large(&pair.one, folder_chunk(number - 1 + from,
                                                   piece(is_listed || number == 4 ? number : 1)));
            pair.turn(8);
            const std::size_t before = pair.one.stored.size();
            pair.one.send(move_of_folder);
            pair.turn(50);
            assert_int_equal(is_refused(pair.one, "403"), is_listed);
            assert_int_equal(pair.one.stored.size() > before, !is_listed);
            assert_int_equal(pair.one.count(Outcome::assembly_by_leaves), 1);
        }
    }
}

// What is there of it came while we looked: it is none that began before us.
void a_chunk_that_is_missing_is_not_taken_for_an_older_one(void**) {
    Trees pair;
    send_large(&pair.one, folder_chunk(3, piece(3)));
    send_large(&pair.one, folder_chunk(5, piece(4)));
    pair.turn(8);
    pair.one.send(move_of_folder);
    pair.turn(50);
    assert_true(is_refused(pair.one, "503"));
}

void blocks_are_judged_by_their_leaves_in_the_order_of_their_list(void**) {
    for (const bool is_listed : {true, false}) {
        Trees pair;
        const auto id = [](int number) { return "QUJDM" + std::to_string(number); };
        for (const int number : {3, 1, 4, 2})
            send_large(&pair.one, put("/blob/file?comp=block&blockid=" + id(number) + "%3D%3D",
                                      piece(number)));
        pair.turn(8);
        std::string list = "<?xml version=\"1.0\"?><BlockList>";
        for (const int number : {1, is_listed ? 2 : 3, is_listed ? 3 : 2, 4})
            list += "<Latest>" + id(number) + "==</Latest>";
        pair.one.send(put("/blob/file?comp=blocklist", list + "</BlockList>"));
        pair.turn(50);
        assert_int_equal(is_refused(pair.one, "403"), is_listed);
        assert_int_equal(pair.one.stored.find("</BlockList>") != std::string::npos, !is_listed);
    }
}

void leaves_are_of_the_payload_of_signed_chunks(void**) {
    Trees pair;
    for (const int number : {2, 4, 3, 1})
        send_large(&pair.one, signed_part(number, piece(number)));
    pair.turn(8);
    pair.one.send(complete({1, 2, 3, 4}));
    pair.turn(50);
    assert_true(is_refused(pair.one, "403"));
    assert_int_equal(pair.one.count(Outcome::assembly_by_leaves), 1);
}

// --- objects made of others ---

const std::string segments = "/v1/AUTH_t/c_segments/big/";

std::string manifest(std::initializer_list<std::pair<int, std::string_view>> list,
                     bool has_digests = true) {
    std::vector<NamedSegment> named;
    for (const auto& [number, bytes] : list)
        named.push_back({std::to_string(number), bytes});
    return put_manifest("c_segments/big/", named, has_digests);
}

void expect_composed(Trees* pair, const std::string& request, std::string_view refusal) {
    pair->turn(8);
    const std::size_t before = pair->two.stored.size();
    pair->two.send(request);
    pair->turn(60);
    if (!refusal.empty()) {
        assert_true(is_refused(pair->two, refusal));
        return;
    }
    assert_false(pair->two.storage_reset);
    assert_int_equal(pair->two.stored.size(), before + request.size());
}

void segments_are_judged_by_their_leaves_as_the_manifest_names_them(void**) {
    const int orders[][4] = {{4, 3, 2, 1}, {2, 4, 1, 3}, {3, 1, 4, 2}};
    for (const auto& order : orders) {
        for (const bool is_listed : {true, false}) {
            Trees pair;
            for (int n = 0; n < 4; ++n)
                send_large(n % 2 == 0 ? &pair.one : &pair.two,
                           put(segments + std::to_string(order[n]), piece(order[n])));
            const std::string request =
                is_listed ? manifest({{1, piece(1)}, {2, piece(2)}, {3, piece(3)}, {4, piece(4)}})
                          : manifest({{1, piece(1)}, {3, piece(3)}, {4, piece(4)}});
            expect_composed(&pair, request, is_listed ? "403" : "");
            assert_int_equal(pair.two.count(Outcome::assembly_by_leaves), 1);
            assert_int_equal(pair.assembly.spool().bytes_used(), 0);
        }
    }
}

void one_segment_that_is_named_twice_has_its_leaves_twice(void**) {
    const std::string_view segment = piece(1);
    for (const bool is_listed : {true, false}) {
        Trees pair;
        if (is_listed) {
            for (Lab* lab : {&pair.one, &pair.two})
                lab->use(index_of_tree(std::string(segment) + std::string(segment)));
        }
        send_large(&pair.one, put(segments + "2", piece(2)));
        send_large(&pair.one, put(segments + "1", segment));
        expect_composed(&pair, manifest({{1, segment}, {1, segment}}), is_listed ? "403" : "");
    }
}

void segments_of_other_content_or_that_nobody_saw_are_a_gap(void**) {
    Options options = without_room();
    options.services[0].on_midstream = MidstreamAction::refuse;
    enum class How { unseen, other, ragged, known };
    for (const How how : {How::unseen, How::other, How::ragged, How::known}) {
        Trees pair(options);
        const bool is_ragged = how == How::ragged;  // only the last one may be
        send_large(&pair.one, put(segments + "1", piece(1)));
        if (how != How::unseen)
            send_large(&pair.one, put(segments + "2", how == How::other ? piece(3) : piece(2)));
        send_large(&pair.one, put(segments + "4", piece(4)));
        expect_composed(&pair,
                        is_ragged ? manifest({{1, piece(1)}, {4, piece(4)}, {2, piece(2)}})
                                  : manifest({{1, piece(1)}, {2, piece(2)}, {4, piece(4)}}),
                        how == How::known ? "" : "503");
        assert_int_equal(pair.two.count(Outcome::assembly_by_leaves), how == How::known);
    }
}

void a_listed_tree_that_only_names_tell_is_refused_and_nothing_cleared(void**) {
    for (const bool is_listed : {true, false}) {
        Trees pair;
        for (const int number : {4, 2, 3, 1})
            send_large(&pair.one, put(segments + std::to_string(number), piece(number)));
        expect_composed(
            &pair,
            is_listed
                ? manifest({{1, piece(1)}, {2, piece(2)}, {3, piece(3)}, {4, piece(4)}}, false)
                : manifest({{3, piece(3)}, {4, piece(4)}}, false),
            is_listed ? "403" : "503");
    }
    const std::string dynamic =
        put("/v1/AUTH_t/c/big", "", "X-Object-Manifest: c_segments/big/\r\n");
    for (const bool is_listed : {true, false}) {
        Trees pair;
        for (const int number : {4, 2, 3, 1})
            send_large(&pair.one, put(segments + std::to_string(number),
                                      piece(is_listed || number == 4 ? number : 1)));
        expect_composed(&pair, dynamic, is_listed ? "403" : "503");
    }
}

void a_composition_of_a_listed_tree_is_refused_by_its_leaves(void**) {
    for (const bool is_listed : {true, false}) {
        Trees pair;
        for (const int number : {4, 2, 3, 1}) {
            const std::string body(piece(number));
            send_large(&pair.one,
                       "POST /upload/storage/v1/b/box/o?uploadType=media&name=tmp%2Fbig_" +
                           std::to_string(number) +
                           " HTTP/1.1\r\nHost: storage.example\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n\r\n" + body);
        }
        const std::string list =
            is_listed ? "{\"sourceObjects\":[{\"name\":\"tmp/big_1\"},{\"name\":\"tmp/big_2\"},"
                        "{\"name\":\"tmp/big_3\"},{\"name\":\"tmp/big_4\"}]}"
                      : "{\"sourceObjects\":[{\"name\":\"tmp/big_3\"},{\"name\":\"tmp/big_4\"}]}";
        expect_composed(&pair,
                        "POST /storage/v1/b/box/o/big/compose HTTP/1.1\r\nHost: storage.example"
                        "\r\nContent-Length: " +
                            std::to_string(list.size()) + "\r\n\r\n" + list,
                        is_listed ? "403" : "503");
    }
}

// The list came while a part was under way: what it asks for is not there.
void a_list_that_comes_in_the_middle_finds_no_leaves(void**) {
    Pair pair(without_room());
    pair.one.send(part_of(1, piece(1)).substr(0, 600000), 1400);
    pair.one.use(index_of_tree(listed()));
    pair.one.send(part_of(1, piece(1)).substr(600000), 1400);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    pair.turn(8);
    pair.one.send(complete({1}));
    pair.turn(50);
    assert_true(pair.one.count(Outcome::assembly_by_leaves) == 0);
}

void leaves_leave_nothing_behind(void**) {
    Trees pair;
    for (const int number : {4, 3, 2, 1})
        send_large(&pair.one, part_of(number, piece(number)));
    assert_true(pair.assembly.leaf_spool().bytes_used() != 0);
    for (int n = 0; n < 200; ++n)
        pair.one.step(std::uint64_t{limits::assembly_seconds} * 100'000);
    assert_int_equal(pair.assembly.uploads(), 0);
    assert_int_equal(pair.assembly.leaf_spool().bytes_used(), 0);
    assert_int_equal(pair.assembly.lists().bytes_used(), 0);
}

void a_worker_allocates_nothing_for_leaves(void**) {
    Trees pair;
    send_large(&pair.two, part_of(2, piece(2)));
    const std::string parts = part_of(3, piece(3)) + part_of(1, piece(1)) + complete({1, 2, 3});
    assert_int_equal(allocations_of(&pair.one, parts, 1400), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_tree_is_refused_in_any_order_without_room_for_a_byte),
        cmocka_unit_test(parts_that_come_at_once_are_judged_by_their_leaves),
        cmocka_unit_test(a_subset_is_judged_as_it_is_named),
        cmocka_unit_test(a_clean_object_passes_by_its_leaves),
        cmocka_unit_test(what_may_be_an_archive_goes_by_policy),
        cmocka_unit_test(pieces_that_are_no_whole_leaves_need_room),
        cmocka_unit_test(with_other_lists_a_tree_is_looked_up_and_clears_nothing),
        cmocka_unit_test(the_last_chunk_of_a_listed_tree_is_refused_where_the_others_passed),
        cmocka_unit_test(chunks_of_a_folder_are_judged_by_their_leaves),
        cmocka_unit_test(a_chunk_that_is_missing_is_not_taken_for_an_older_one),
        cmocka_unit_test(blocks_are_judged_by_their_leaves_in_the_order_of_their_list),
        cmocka_unit_test(leaves_are_of_the_payload_of_signed_chunks),
        cmocka_unit_test(segments_are_judged_by_their_leaves_as_the_manifest_names_them),
        cmocka_unit_test(one_segment_that_is_named_twice_has_its_leaves_twice),
        cmocka_unit_test(segments_of_other_content_or_that_nobody_saw_are_a_gap),
        cmocka_unit_test(a_listed_tree_that_only_names_tell_is_refused_and_nothing_cleared),
        cmocka_unit_test(a_composition_of_a_listed_tree_is_refused_by_its_leaves),
        cmocka_unit_test(a_list_that_comes_in_the_middle_finds_no_leaves),
        cmocka_unit_test(leaves_leave_nothing_behind),
        cmocka_unit_test(a_worker_allocates_nothing_for_leaves),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
