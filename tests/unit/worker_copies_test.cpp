// Parts that the storage copies from objects that came lately, through the whole line, with room
// for no byte: what they make is known by the leaves of what they are copied from.
#include "dataplane/worker/assembling.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/pieces_lab.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t mib = tree_leaf_bytes;

const std::string& listed() {
    static const std::string content = known_content(2 * mib + 4321);
    return content;
}
std::string junk(std::size_t bytes, char letter = '\xb1') {
    return std::string(bytes, letter);
}

Options following(std::string_view where = "path",
                  UninspectedAction on_limit = UninspectedAction::refuse) {
    Options options = lab_options();
    options.spool_bytes_max = 0;
    options.services[0].on_limit = on_limit;
    options.services[0].on_midstream = MidstreamAction::refuse;
    where.copy(options.services[0].copy_sources, sizeof options.services[0].copy_sources - 1);
    return options;
}

struct Copies : Pair {
    explicit Copies(const Options& options = following(), bool also_others = false)
        : Pair(options) {
        for (Lab* lab : {&one, &two})
            lab->use(index_of_tree(listed(), also_others));
    }
    std::uint64_t count(Outcome outcome) { return one.count(outcome) + two.count(outcome); }
};

std::string answer_of(std::string_view body, std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
const std::string copied_answer =
    answer_of("<?xml version=\"1.0\"?>\n<CopyPartResult><ETag>e</ETag></CopyPartResult>");
const std::string completed_answer =
    answer_of("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>");
const std::string failed_answer = answer_of("<Error><Code>InternalError</Code></Error>");

void exchange(Lab* lab, const std::string& request, std::string_view answer = ok_answer) {
    lab->send(request, 1400);
    lab->acknowledge();
    if (!answer.empty()) lab->respond(answer);
}

std::string copy_of(int number, std::string_view source, std::size_t begin, std::size_t bytes) {
    return put("/bucket/key?partNumber=" + std::to_string(number) + "&uploadId=U1", "",
               "x-amz-copy-source: " + std::string(source) + "\r\nx-amz-copy-source-range: bytes=" +
                   std::to_string(begin) + "-" + std::to_string(begin + bytes - 1) + "\r\n");
}
std::string copy_of(int number, std::string_view source) {
    return put("/bucket/key?partNumber=" + std::to_string(number) + "&uploadId=U1", "",
               "x-amz-copy-source: " + std::string(source) + "\r\n");
}

// What the commit of `parts` comes to: "" when it passes.
void expect_commit(Copies* pair, std::initializer_list<int> parts, std::string_view refusal) {
    pair->turn(8);
    const std::string request = complete(parts);
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

// Two objects with a half of a listed one in each, which are none themselves.
void put_halves(Copies* pair) {
    exchange(&pair->one, put("/b/first%20half", listed().substr(0, 2 * mib) + junk(mib)));
    exchange(&pair->two, put("/b/second", junk(mib) + listed().substr(2 * mib)));
    assert_int_equal(pair->count(Outcome::assembly_source), 2);
}

void a_listed_object_that_is_copied_together_is_refused(void**) {
    for (const char* where : {"path", ""}) {
        for (const bool also_others : {false, true}) {
            Copies pair(following(where), also_others);
            put_halves(&pair);
            exchange(&pair.two, copy_of(2, "b/second", mib, 4321), copied_answer);
            exchange(&pair.one, copy_of(1, "/b/first%20half", 0, 2 * mib), copied_answer);
            assert_int_equal(pair.count(Outcome::assembly_source_read), 2);
            expect_commit(&pair, {1, 2}, "403");
            const IncidentRecord& incident = pair.two.recorder.decided_records.back().record;
            assert_int_equal(incident.form, ObjectForm::assembled);
            assert_int_equal(incident.object_bytes, listed().size());
            assert_int_equal(pair.count(Outcome::assembly_by_leaves), 1);
        }
    }
}

void a_part_that_comes_and_one_that_is_copied_are_put_together(void**) {
    Copies pair;
    put_halves(&pair);
    exchange(&pair.one, part_of(1, listed().substr(0, mib)));
    exchange(&pair.two, copy_of(2, "/b/first%20half", mib, mib), copied_answer);
    exchange(&pair.one, part_of(3, listed().substr(2 * mib)));
    expect_commit(&pair, {1, 2, 3}, "403");
}

void a_clean_object_that_is_copied_in_parts_passes(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(3 * mib + 77)));
    exchange(&pair.one, copy_of(2, "/b/clean", 2 * mib, mib + 77), copied_answer);
    exchange(&pair.two, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    expect_commit(&pair, {1, 2}, "");
    assert_int_equal(pair.count(Outcome::assembly_by_leaves), 1);
    assert_int_equal(pair.count(Outcome::assembly_conflict), 0);
}

void an_object_that_is_copied_as_one_part_passes(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(mib + 77)));
    exchange(&pair.one, copy_of(1, "/b/clean"), copied_answer);
    expect_commit(&pair, {1}, "");
}

// Where nobody said what its name means, or other digests are asked for, it clears nothing.
void what_is_copied_from_a_doubtful_name_goes_by_policy(void**) {
    for (const UninspectedAction action : {UninspectedAction::refuse, UninspectedAction::pass}) {
        for (const bool also_others : {false, true}) {
            Copies pair(following(also_others ? "path" : "", action), also_others);
            exchange(&pair.one, put("/b/clean", junk(mib + 77)));
            exchange(&pair.one, copy_of(1, "/b/clean"), copied_answer);
            expect_commit(&pair, {1}, action == UninspectedAction::pass ? "" : "503");
        }
    }
}

// In its middle an object may begin as anything, and two may have a mark where they meet.
void what_meets_or_begins_in_the_middle_is_unread(void**) {
    for (const int how : {0, 1}) {
        Copies pair;
        exchange(&pair.one, put("/b/clean", junk(3 * mib)));
        exchange(&pair.one, put("/b/other", junk(3 * mib, 'x')));
        exchange(&pair.one, copy_of(1, "/b/clean", how == 0 ? mib : 0, mib), copied_answer);
        exchange(&pair.one, copy_of(2, how == 0 ? "/b/clean" : "/b/other", 2 * mib, mib),
                 copied_answer);
        expect_commit(&pair, {1, 2}, "503");
        assert_int_equal(pair.count(Outcome::assembly_unread), 1);
    }
}

void a_source_with_the_mark_of_an_archive_is_unread(void**) {
    Copies pair;
    std::string content = junk(2 * mib);
    content.replace(mib + 5, 4, "PK\3\4");
    exchange(&pair.one, put("/b/zip", content));
    exchange(&pair.one, copy_of(1, "/b/zip", 0, mib), copied_answer);
    expect_commit(&pair, {1}, "503");
}

// An object that was itself put together from parts.
void the_leaves_of_an_object_in_parts_are_kept(void**) {
    for (const bool is_listed : {true, false}) {
        Copies pair;
        const std::string content = is_listed ? listed() : junk(listed().size());
        exchange(&pair.one, put("/b/big?partNumber=2&uploadId=U0", junk(mib, 'e')));
        exchange(&pair.two, put("/b/big?partNumber=1&uploadId=U0", content.substr(0, 2 * mib)));
        pair.turn(8);
        std::string commit = complete({1, 2}, "U0");
        commit.replace(commit.find("/bucket/key"), 11, "/b/big");
        pair.one.send(commit);
        pair.turn(60);
        pair.one.acknowledge();
        pair.one.respond(completed_answer);
        assert_int_equal(pair.count(Outcome::assembly_source), 1);
        exchange(&pair.one, copy_of(1, "/b/big", 0, 2 * mib), copied_answer);
        exchange(&pair.one, part_of(2, content.substr(2 * mib)));
        expect_commit(&pair, {1, 2}, is_listed ? "403" : "503");  // what follows it is not known
    }
}

void copies_of_copies_are_followed(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib + 5)));
    exchange(&pair.one, copy_of(1, "/b/clean"), copied_answer);
    pair.turn(8);
    pair.two.send(complete({1}));
    pair.turn(60);
    pair.two.acknowledge();
    pair.two.respond(completed_answer);
    assert_int_equal(pair.count(Outcome::assembly_source), 2);
    exchange(&pair.one,
             put("/b/next?partNumber=1&uploadId=U2", "", "x-amz-copy-source: /bucket/key\r\n"),
             copied_answer);
    assert_int_equal(pair.count(Outcome::assembly_source_read), 2);
}

// --- what is not known ---------------------------------------------------------------------------

// Each makes another object of the source, or may.
void a_source_that_may_have_changed_is_not_known(void**) {
    const std::string other = junk(2 * mib, 'o');
    const struct {
        std::string request;
        std::string_view answer;
    } cases[] = {
        {put("/b/clean?tagging", "<Tagging/>"), ok_answer},
        {put("/b//clean", junk(mib)), ok_answer},
        {put("/b/CLEAN", junk(mib)), ok_answer},
        {put("/b/clean", "x", "x-amz-write-offset-bytes: 2097152\r\n"), ok_answer},
        {put("/b/clean", "", "x-amz-copy-source: /b/bad\r\n"), ok_answer},
        {"DELETE /b/clean HTTP/1.1\r\nHost: files.example\r\n\r\n", ok_answer},
        {"DELETE /b/clean?versionId=7 HTTP/1.1\r\nHost: files.example\r\n\r\n", ok_answer},
        {"POST /b?delete HTTP/1.1\r\nHost: files.example\r\nContent-Length: 2\r\n\r\n{}",
         ok_answer},
        {put("/b/clean", other), "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
    };
    for (const auto& each : cases) {
        Copies pair;
        exchange(&pair.one, put("/b/clean", junk(2 * mib)));
        exchange(&pair.two, each.request, each.answer);
        exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
        assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
        expect_commit(&pair, {1}, "503");
    }
}

void a_change_that_was_refused_is_none(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    exchange(&pair.two, put("/b/clean", junk(2 * mib, 'o')), denied_answer);
    exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    expect_commit(&pair, {1}, "");
}

void requests_of_uploads_and_reads_change_nothing(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    exchange(&pair.two,
             "POST /b/x?uploads HTTP/1.1\r\nHost: files.example\r\n"
             "Content-Length: 0\r\n\r\n");
    exchange(&pair.two, "GET /b/clean HTTP/1.1\r\nHost: files.example\r\n\r\n");
    exchange(&pair.two, "DELETE /b/x?uploadId=U9 HTTP/1.1\r\nHost: files.example\r\n\r\n");
    exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    expect_commit(&pair, {1}, "");
}

// While the copy was asked for, or was under way; of two that were under way together the later.
void a_source_that_changes_meanwhile_is_not_known(void**) {
    for (const int when : {0, 1, 2}) {
        Copies pair;
        const std::string other = put("/b/clean", junk(2 * mib, 'o'));
        if (when == 2) pair.two.send(std::string_view(other).substr(0, 5000));
        exchange(&pair.one, put("/b/clean", junk(2 * mib)));
        if (when == 0) pair.two.send(std::string_view(other).substr(0, 5000));
        pair.one.send(copy_of(1, "/b/clean", 0, 2 * mib));
        if (when == 1) pair.two.send(std::string_view(other).substr(0, 5000));
        pair.one.acknowledge();
        pair.one.respond(copied_answer);
        pair.two.send(std::string_view(other).substr(5000), 1400);
        pair.two.acknowledge();
        pair.two.respond(ok_answer);
        assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
        expect_commit(&pair, {1}, "503");
    }
}

void a_copy_that_is_not_known_to_be_made_is_none(void**) {
    const std::string_view answers[] = {
        failed_answer, ok_answer, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", denied_answer};
    for (const std::string_view answer : answers) {
        Copies pair;
        exchange(&pair.one, put("/b/clean", junk(2 * mib)));
        exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), answer);
        assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
        expect_commit(&pair, {1}, "503");
    }
}

// It may have failed, and then the storage has the part that was there.
void a_copy_into_a_place_that_is_taken_is_not_followed(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    exchange(&pair.one, part_of(1, junk(2 * mib, 'o')));
    exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    expect_commit(&pair, {1}, "503");
    Copies again;  // the same one once more
    exchange(&again.one, put("/b/clean", junk(2 * mib)));
    for (int n = 0; n < 2; ++n)
        exchange(&again.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    expect_commit(&again, {1}, "");
}

void a_part_that_comes_behind_a_copy_takes_its_place(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    exchange(&pair.one, part_of(1, listed().substr(0, 2 * mib)));
    exchange(&pair.one, part_of(2, listed().substr(2 * mib)));
    expect_commit(&pair, {1, 2}, "403");
}

void ranges_that_are_no_leaves_and_versions_are_not_known(void**) {
    const std::string requests[] = {
        copy_of(1, "/b/clean", 5, mib),       copy_of(1, "/b/clean", 0, mib + 1),
        copy_of(1, "/b/clean", mib, 2 * mib), copy_of(1, "/b/clean?versionId=3", 0, mib),
        copy_of(1, "/b/Clean", 0, mib),       copy_of(1, "/b//clean", 0, mib),
        copy_of(1, "/b/cle%2561n", 0, mib),   copy_of(1, "/b/unseen", 0, mib),
    };
    for (const std::string& request : requests) {
        Copies pair;
        exchange(&pair.one, put("/b/clean", junk(2 * mib)));
        exchange(&pair.one, request, copied_answer);
        assert_int_equal(pair.count(Outcome::assembly_copied), 1);
        assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
        expect_commit(&pair, {1}, "503");
    }
}

// A commit that fails leaves the object that was there.
void a_commit_that_failed_in_its_answer_makes_no_source(void**) {
    Copies pair;
    exchange(&pair.one, put("/bucket/key", junk(2 * mib, 'o')));
    exchange(&pair.one, part_of(1, junk(2 * mib)));
    pair.turn(8);
    pair.one.send(complete({1}));
    pair.turn(60);
    pair.one.acknowledge();
    pair.one.respond(failed_answer);
    assert_int_equal(pair.count(Outcome::assembly_source), 1);  // the one before
    exchange(&pair.one,
             put("/b/x?partNumber=1&uploadId=U2", "", "x-amz-copy-source: /bucket/key\r\n"),
             copied_answer);
    assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
}

// The source is gone before the commit: then so are its leaves.
void a_source_that_is_gone_before_the_commit_is_not_known(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    exchange(&pair.one, put("/b/clean", junk(2 * mib, 'o')));
    expect_commit(&pair, {1}, "503");
}

void an_answer_that_is_not_told_from_others_confirms_nothing(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    pair.one.send(copy_of(1, "/b/clean", 0, 2 * mib) +
                  "GET /b/copied.xml HTTP/1.1\r\nHost: files.example\r\n\r\n");
    pair.one.acknowledge();
    pair.one.respond(failed_answer + copied_answer);
    assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
    expect_commit(&pair, {1}, "503");
}

void what_passed_while_nobody_looked_may_have_changed_it(void**) {
    Copies pair;
    exchange(&pair.one, put("/b/clean", junk(2 * mib)));
    pair.assembly.reopen({ns_per_s, 0});
    exchange(&pair.one, copy_of(1, "/b/clean", 0, 2 * mib), copied_answer);
    assert_int_equal(pair.count(Outcome::assembly_source_read), 0);
}

// --- Azure ---------------------------------------------------------------------------------------

std::string azure(std::string_view host, std::string_view target, std::string_view body,
                  std::string_view more = {}) {
    return "PUT " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
           "\r\n" + std::string(body);
}

void blocks_from_a_url_are_known_below_the_name_of_the_storage(void**) {
    constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    const struct {
        std::string_view source;
        bool is_known;
    } cases[] = {
        {"https://acct.blob.example/c/clean", true},
        {"https://acct.blob.example/c/clean?sv=2021&sig=x%3D", true},
        {"https://acct.blob.example/c/clean?snapshot=2021", false},
        {"https://other.blob.example/c/clean", false},
        {"https://acct.evil.example/c/clean", false},
        {"https://acct.blob.example:8080/c/clean", false},
    };
    for (const auto& each : cases) {
        Copies pair(following("blob.example"));
        exchange(
            &pair.one,
            azure("acct.blob.example", "/c/clean", junk(2 * mib), "x-ms-blob-type: BlockBlob\r\n"),
            created);
        exchange(&pair.one,
                 azure("acct.blob.example", "/c/copy?comp=block&blockid=QUE%3D", "",
                       "x-ms-copy-source: " + std::string(each.source) +
                           "\r\nx-ms-source-range: bytes=0-2097151\r\n"),
                 created);
        assert_int_equal(pair.count(Outcome::assembly_source_read), each.is_known);
        const std::string list = azure("acct.blob.example", "/c/copy?comp=blocklist",
                                       "<?xml version=\"1.0\"?><BlockList><Latest>QUE=</Latest>"
                                       "</BlockList>");
        pair.turn(8);
        pair.one.send(list);
        pair.turn(60);
        assert_int_equal(is_refused(pair.one, "503"), !each.is_known);
    }
}

// --- limits --------------------------------------------------------------------------------------

void sources_leave_nothing_behind(void**) {
    Copies pair;
    put_halves(&pair);
    exchange(&pair.one, copy_of(1, "/b/first%20half", 0, 2 * mib), copied_answer);
    assert_true(pair.assembly.leaf_spool().bytes_used() != 0);
    for (int n = 0; n < 600; ++n)
        pair.one.step(std::uint64_t{limits::assembly_seconds} * 100'000);
    assert_int_equal(pair.assembly.uploads(), 0);
    assert_int_equal(pair.assembly.leaf_spool().bytes_used(), 0);
    assert_true(pair.assembly.sources().is_empty());
}

void a_worker_allocates_nothing_for_copies(void**) {
    Copies pair;
    put_halves(&pair);
    const std::string requests = copy_of(1, "/b/first%20half", 0, 2 * mib) +
                                 put("/b/third", junk(mib + 3)) +
                                 copy_of(2, "/b/second", mib, 4321);
    assert_int_equal(allocations_of(&pair.one, requests, 1400), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_object_that_is_copied_together_is_refused),
        cmocka_unit_test(a_part_that_comes_and_one_that_is_copied_are_put_together),
        cmocka_unit_test(a_clean_object_that_is_copied_in_parts_passes),
        cmocka_unit_test(an_object_that_is_copied_as_one_part_passes),
        cmocka_unit_test(what_is_copied_from_a_doubtful_name_goes_by_policy),
        cmocka_unit_test(what_meets_or_begins_in_the_middle_is_unread),
        cmocka_unit_test(a_source_with_the_mark_of_an_archive_is_unread),
        cmocka_unit_test(the_leaves_of_an_object_in_parts_are_kept),
        cmocka_unit_test(copies_of_copies_are_followed),
        cmocka_unit_test(a_source_that_may_have_changed_is_not_known),
        cmocka_unit_test(a_change_that_was_refused_is_none),
        cmocka_unit_test(requests_of_uploads_and_reads_change_nothing),
        cmocka_unit_test(a_source_that_changes_meanwhile_is_not_known),
        cmocka_unit_test(a_copy_that_is_not_known_to_be_made_is_none),
        cmocka_unit_test(a_copy_into_a_place_that_is_taken_is_not_followed),
        cmocka_unit_test(a_part_that_comes_behind_a_copy_takes_its_place),
        cmocka_unit_test(ranges_that_are_no_leaves_and_versions_are_not_known),
        cmocka_unit_test(a_commit_that_failed_in_its_answer_makes_no_source),
        cmocka_unit_test(a_source_that_is_gone_before_the_commit_is_not_known),
        cmocka_unit_test(an_answer_that_is_not_told_from_others_confirms_nothing),
        cmocka_unit_test(what_passed_while_nobody_looked_may_have_changed_it),
        cmocka_unit_test(blocks_from_a_url_are_known_below_the_name_of_the_storage),
        cmocka_unit_test(sources_leave_nothing_behind),
        cmocka_unit_test(a_worker_allocates_nothing_for_copies),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
