// Names that get another object, or lose theirs, by COPY, MOVE and DELETE, and pieces that are
// written into them afterwards, through the whole line.
#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view no_content = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view not_found = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";

std::string most() {
    return std::string(known().substr(0, 200000));
}

std::string bare(std::string_view method, std::string_view target, std::string_view more = {},
                 std::string_view host = "files.example") {
    return std::string(method) + " " + std::string(target) +
           " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(more) + "\r\n";
}

std::string transfer(std::string_view method, std::string_view from, std::string_view to) {
    return bare(method, from, "Destination: http://files.example" + std::string(to) + "\r\n");
}

std::string range_into(std::string_view target, std::size_t begin, std::string_view bytes) {
    return put(target, bytes,
               "Content-Range: bytes " + std::to_string(begin) + "-" +
                   std::to_string(begin + bytes.size() - 1) + "/300000\r\n");
}

// What became of the last request: 0 when it went, else the status of the refusal.
int last_of(Pair* pair, std::initializer_list<std::string> requests) {
    std::size_t left = requests.size();
    for (const std::string& request : requests) {
        const std::size_t before = pair->one.stored.size();
        pair->one.send(request);
        pair->turn(50);
        if (pair->one.stored.size() == before + request.size()) {
            pair->one.acknowledge();
            pair->one.respond(request.starts_with("DELETE") || request.starts_with("MOVE") ||
                                      request.starts_with("COPY")
                                  ? no_content
                                  : ok_answer);
            --left;
            continue;
        }
        assert_int_equal(left, 1);
        assert_true(pair->one.storage_reset);
        return std::stoi(pair->one.answer.substr(pair->one.answer.rfind("HTTP/1.1 ") + 9, 3));
    }
    return 0;
}

void a_copy_is_judged_with_what_is_written_into_it(void**) {
    for (const std::string_view method : {"COPY", "MOVE"}) {
        Pair pair;
        assert_int_equal(
            last_of(&pair, {put("/dav/a", most()), transfer(method, "/dav/a", "/dav/b"),
                            range_into("/dav/b", 200000, third(3))}),
            403);
        Pair clean;
        assert_int_equal(
            last_of(&clean, {put("/dav/a", most()), transfer(method, "/dav/a", "/dav/b"),
                             range_into("/dav/b", 200000, third(1))}),
            0);
    }
}

// The first byte that is written could complete it.
void a_copy_of_what_is_not_known_is_not_written_into(void**) {
    Pair pair;
    assert_int_equal(last_of(&pair, {transfer("COPY", "/dav/older", "/dav/b"),
                                     range_into("/dav/b", 200000, third(3))}),
                     503);
    Pair begins;
    assert_int_equal(last_of(&begins, {transfer("COPY", "/dav/older", "/dav/b"),
                                       range_into("/dav/b", 0, third(1))}),
                     503);
}

void copies_of_storages_are_not_written_into(void**) {
    const std::string copies[] = {
        put("/dav/b", "", "x-amz-copy-source: /dav/a\r\n"),
        put("/dav/b", "", "x-ms-copy-source: http://files.example/dav/a\r\n"),
        put("/v1/AUTH_a/c/b", "", "X-Copy-From: c/a\r\n")};
    for (const std::string& copy : copies) {
        const std::string target = copy.starts_with("PUT /v1") ? "/v1/AUTH_a/c/b" : "/dav/b";
        Pair pair;
        assert_int_equal(
            last_of(&pair, {put("/dav/a", most()), copy, range_into(target, 200000, third(3))}),
            503);
    }
}

void a_copy_that_the_storage_refused_changes_nothing(void**) {
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", "decoy"), put("/dav/b", most())}), 0);
    send(&pair.one, transfer("COPY", "/dav/a", "/dav/b"), denied_answer);
    assert_int_equal(last_of(&pair, {range_into("/dav/b", 200000, third(3))}), 403);
}

void a_copy_without_an_answer_leaves_a_name_that_is_not_known(void**) {
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", "decoy"), put("/dav/b", most())}), 0);
    pair.one.send(transfer("COPY", "/dav/a", "/dav/b"));
    pair.two.send(range_into("/dav/b", 200000, third(1)));
    pair.turn(50);
    assert_true(is_refused(pair.two, "503"));  // under way
    pair.one.segment(pair.one.client_next - pair.one.isn - 1, {}, tcp_flag::rst | tcp_flag::ack);
    pair.turn(5);
    pair.two.connect();
    pair.two.send(range_into("/dav/b", 200000, third(1)));
    pair.turn(50);
    assert_true(is_refused(pair.two, "503"));
}

// The source changes while it is copied: of which of the two is the copy?
void a_copy_of_what_changes_meanwhile_is_not_known(void**) {
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", most())}), 0);
    pair.two.send(transfer("COPY", "/dav/a", "/dav/b"));
    assert_int_equal(last_of(&pair, {put("/dav/a", "decoy")}), 0);
    pair.two.acknowledge();
    pair.two.respond(created);
    assert_int_equal(last_of(&pair, {range_into("/dav/b", 5, third(3))}), 503);
}

void what_comes_with_a_folder_is_not_written_into(void**) {
    for (const std::string_view method : {"COPY", "MOVE"}) {
        for (const std::string_view target : {"/dav/new/a", "/dav/new/deeper/a"}) {
            Pair pair;
            assert_int_equal(
                last_of(&pair, {put("/dav/old/a", most()), transfer(method, "/dav/old", "/dav/new"),
                                range_into(target, 200000, third(3))}),
                503);
        }
        // Of others it says nothing, and a whole object is known.
        Pair other;
        assert_int_equal(
            last_of(&other, {transfer(method, "/dav/old", "/dav/new"),
                             range_into("/dav/newer/a", 0, third(1)), put("/dav/new/a", third(1)),
                             range_into("/dav/new/a", 100000, third(1))}),
            0);
    }
}

void a_deleted_name_is_free(void**) {
    Pair pair;
    assert_int_equal(
        last_of(&pair, {range_into("/dav/a", 0, third(1)), range_into("/dav/a", 100000, third(1)),
                        bare("DELETE", "/dav/a"), range_into("/dav/a", 0, third(2)),
                        range_into("/dav/a", 100000, third(2))}),
        0);
    // And so is the name that was moved away.
    Pair moved;
    assert_int_equal(last_of(&moved, {put("/dav/a", most()), transfer("MOVE", "/dav/a", "/dav/b"),
                                      range_into("/dav/a", 0, third(2))}),
                     0);
    Pair known_again;
    assert_int_equal(last_of(&known_again, {put("/dav/a", "other"), bare("DELETE", "/dav/a"),
                                            range_into("/dav/a", 0, third(1)),
                                            range_into("/dav/a", 100000, third(2)),
                                            range_into("/dav/a", 200000, third(3))}),
                     403);
}

void a_deleted_name_is_free_when_it_was_forgotten(void**) {
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", most())}), 0);
    for (Lab* lab : {&pair.one, &pair.two})
        lab->step(std::uint64_t{limits::assembly_seconds} * 1'000'000);
    pair.turn(100);
    assert_int_equal(pair.assembly.uploads(), 0);
    pair.one.connect();
    assert_int_equal(last_of(&pair, {bare("DELETE", "/dav/a"), range_into("/dav/a", 0, third(2))}),
                     0);
}

// Only the storage can take away what there is, and only under the name that it has.
void a_delete_that_did_nothing_frees_nothing(void**) {
    const std::string last = range_into("/dav/a", 200000, third(3));
    for (const std::string_view answer : {not_found, denied_answer}) {
        Pair pair;
        assert_int_equal(last_of(&pair, {put("/dav/a", most())}), 0);
        send(&pair.one, bare("DELETE", "/dav/a"), answer);
        assert_int_equal(last_of(&pair, {last}), 403);
    }
    const std::string deletes[] = {bare("DELETE", "/dav/a", "", "other.example"),
                                   bare("DELETE", "/dav/x/%2e%2e/a"),
                                   bare("DELETE", "/dav//a"),
                                   bare("DELETE", "/dav/a?versionId=1"),
                                   bare("POST", "/dav/a", "X-HTTP-Method-Override: DELETE\r\n"),
                                   bare("DELETE", "/dav/a", "x-ms-delete-snapshots: only\r\n")};
    for (const std::string& request : deletes) {
        Pair pair;
        assert_int_equal(last_of(&pair, {put("/dav/a", most()), request, last}), 403);
    }
    // Nor of what was forgotten.
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", most())}), 0);
    for (Lab* lab : {&pair.one, &pair.two})
        lab->step(std::uint64_t{limits::assembly_seconds} * 1'000'000);
    pair.turn(100);
    pair.one.connect();
    assert_int_equal(last_of(&pair, {bare("DELETE", "/dav/a", "", "other.example"), last}), 503);
}

// Behind one address there may be several storages, and each has its own object of that path.
void an_object_of_another_host_hides_nothing(void**) {
    std::string other = put("/dav/a", std::string(200000, 'x'));
    other.replace(other.find("files.example"), 13, "other.example");
    Pair pair;
    assert_int_equal(
        last_of(&pair, {put("/dav/a", most()), other, range_into("/dav/a", 200000, third(3))}),
        503);
    Pair back;
    assert_int_equal(last_of(&back, {other, put("/dav/a", most()), other, put("/dav/a", most()),
                                     range_into("/dav/a", 200000, third(3))}),
                     503);
    std::string range = range_into("/dav/a", 200000, third(3));
    range.replace(range.find("files.example"), 13, "other.example");
    Pair later;
    assert_int_equal(last_of(&later, {put("/dav/a", most()), range}), 503);
}

void a_port_makes_no_other_host(void**) {
    std::string range = range_into("/dav/a", 200000, third(1));
    range.replace(range.find("files.example"), 13, "Files.Example:80");
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", most()), range}), 0);
}

void an_empty_object_takes_the_place_of_what_was_there(void**) {
    Pair pair;
    assert_int_equal(
        last_of(&pair,
                {put("/dav/a", "decoy"), put("/dav/a", ""), range_into("/dav/a", 0, third(1)),
                 range_into("/dav/a", 100000, third(2)), range_into("/dav/a", 200000, third(3))}),
        403);
}

// Anybody may send one: it was refused, and nothing of it is there.
void a_range_that_was_refused_spoils_nothing(void**) {
    Pair pair;
    assert_int_equal(last_of(&pair, {put("/dav/a", most()), range_into("/dav/a", 0, third(2))}),
                     503);
    pair.one.connect();
    assert_int_equal(last_of(&pair, {range_into("/dav/a", 200000, third(1))}), 0);
    Options options = lab_options();
    options.services[0].on_limit = UninspectedAction::pass;
    Pair lenient(options);
    assert_int_equal(last_of(&lenient, {put("/dav/a", most()), range_into("/dav/a", 0, third(2))}),
                     0);
    assert_int_equal(lenient.one.count(Outcome::assembly_conflict), 1);
    assert_int_equal(last_of(&lenient, {range_into("/dav/a", 200000, third(3))}), 0);
    assert_int_equal(lenient.one.count(Outcome::assembly_conflict), 2);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_judged_with_what_is_written_into_it),
        cmocka_unit_test(a_copy_of_what_is_not_known_is_not_written_into),
        cmocka_unit_test(copies_of_storages_are_not_written_into),
        cmocka_unit_test(a_copy_that_the_storage_refused_changes_nothing),
        cmocka_unit_test(a_copy_without_an_answer_leaves_a_name_that_is_not_known),
        cmocka_unit_test(a_copy_of_what_changes_meanwhile_is_not_known),
        cmocka_unit_test(what_comes_with_a_folder_is_not_written_into),
        cmocka_unit_test(a_deleted_name_is_free),
        cmocka_unit_test(a_deleted_name_is_free_when_it_was_forgotten),
        cmocka_unit_test(a_delete_that_did_nothing_frees_nothing),
        cmocka_unit_test(an_object_of_another_host_hides_nothing),
        cmocka_unit_test(a_port_makes_no_other_host),
        cmocka_unit_test(an_empty_object_takes_the_place_of_what_was_there),
        cmocka_unit_test(a_range_that_was_refused_spoils_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
