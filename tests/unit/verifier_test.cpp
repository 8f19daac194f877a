// What passes unjudged and is judged on the storage: the worker's request, and the line that judges
// a stored object.

#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/verifier/index_shelf.h"
#include "dataplane/verifier/line_judge.h"
#include "tests/support/compressed.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;
using namespace cordon::verifier;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
constexpr Now start = {ns_per_s, index_now_s* ns_per_s};

// --- the worker asks ----------------------------------------------------------------------------

Options verifying_options(bool verify) {
    Options options = lab_options();
    options.services[0].on_unparsable = UninspectedAction::pass;
    options.services[0].account_from = AccountFrom::header;
    std::strcpy(options.services[0].account_header, "x-account");
    options.services[0].verify = verify ? 1 : 0;
    return options;
}

// A PUT whose coding breaks off in the middle: policy lets it pass, and nobody has read it.
std::string damaged_put(std::string_view target) {
    std::string content;
    for (std::uint32_t n = 1; content.size() < 1000; n = n * 1664525 + 1013904223)
        content += static_cast<char>(n >> 24);
    std::string body = gzip_file(content);
    for (std::size_t at = body.size() / 2; at < body.size(); ++at)
        body[at] = static_cast<char>(0xff);
    return put(target, body, "Content-Encoding: gzip\r\nX-Account: alice\r\n");
}

void asks_for_what_it_let_pass_unread(void**) {
    Lab lab(verifying_options(true));
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(damaged_put("/photos/one?x=1"));
    lab.respond(created);
    assert_int_equal(lab.recorder.verify_records.size(), 1);
    const VerifyRecord& record = lab.recorder.verify_records[0];
    assert_string_equal(record.service, "files");
    assert_string_equal(record.method, "PUT");
    assert_string_equal(record.host, "files.example");
    assert_string_equal(record.target, "/photos/one?x=1");
    assert_string_equal(record.account, "alice");
    assert_int_equal(record.cut, 0);
    assert_int_equal(record.reason, VerifyReason::undecoded);
    assert_int_equal(record.client.port, lab.client_port);
    assert_int_equal(record.server.port, 80);
    assert_true(record.time_ns >= index_now_s * ns_per_s);
    assert_int_equal(lab.count(Outcome::verify_requested), 1);
}

void asks_for_nothing_where_the_service_does_not_verify(void**) {
    Lab lab(verifying_options(false));
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(damaged_put("/one"));
    assert_int_equal(lab.recorder.verify_records.size(), 0);
    assert_int_equal(lab.count(Outcome::verify_requested), 0);
}

void asks_for_nothing_that_was_judged(void**) {
    Lab lab(verifying_options(true));
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(put("/one", gzip_file("something else"), "Content-Encoding: gzip\r\n"));
    lab.respond(created);
    lab.send(put("/two", "something else"));
    lab.respond(created);
    assert_int_equal(lab.recorder.verify_records.size(), 0);
}

void says_when_a_name_is_cut(void**) {
    Lab lab(verifying_options(true));
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(damaged_put("/" + std::string(sizeof(VerifyRecord::target) - 2, 'a')));
    lab.respond(created);
    lab.send(damaged_put("/" + std::string(sizeof(VerifyRecord::target) - 1, 'a')));
    assert_int_equal(lab.recorder.verify_records.size(), 2);
    assert_int_equal(lab.recorder.verify_records[0].cut, 0);
    assert_int_equal(lab.recorder.verify_records[1].cut, 1);
}

void counts_a_request_without_a_record(void**) {
    Lab lab(verifying_options(true));
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.recorder.full = true;
    lab.send(damaged_put("/one"));
    assert_int_equal(lab.count(Outcome::verify_requested), 0);
    assert_int_equal(lab.count(Outcome::verify_unrecorded), 1);
}

// --- the line judges ----------------------------------------------------------------------------

struct Index {
    explicit Index(AlignedBytes new_image) : image(std::move(new_image)) {
        const char* why = nullptr;
        assert_int_equal(IndexView::open(image.bytes(), true, &view, &why), IndexStatus::ok);
    }
    AlignedBytes image;
    IndexView view;
};

JudgeSettings settings() {
    JudgeSettings s;
    s.lab = true;
    std::strcpy(s.node_prefix, "LAB");
    std::strcpy(s.service, "files");
    return s;
}

std::optional<Judgement> judge(const Index& index, std::string_view content, std::size_t step,
                               std::string_view coding = "", JudgeSettings how = settings()) {
    LineJudge line(how, {&index.view}, content.size(), coding, start);
    while (!content.empty()) {
        if (!line.feed(as_bytes(content.substr(0, step)))) break;
        content.remove_prefix(std::min(step, content.size()));
    }
    return line.finish();
}

void finds_a_known_object_however_it_is_cut(void**) {
    const Index index(index_of_contents({known_content(100'000)}));
    for (const std::size_t step : {1ul, 7ul, 1000ul, 16384ul, 100'000ul}) {
        const auto found = judge(index, known_content(100'000), step);
        assert_true(found.has_value());
        assert_int_equal(found->finding, Finding::match);
        assert_int_equal(found->incident.action, MatchAction::block);
        assert_int_equal(found->incident.form, ObjectForm::body);
        assert_int_equal(found->incident.object_bytes, 100'000);
        assert_int_equal(found->incident.match_count, 1);
        assert_int_equal(found->incident.matches[0].reference, 4711);
        assert_int_equal(std::strncmp(found->incident.case_number, "LAB-", 4), 0);
        const auto clean = judge(index, known_content(99'999), step);
        assert_int_equal(clean->finding, Finding::clean);
        assert_int_equal(clean->bytes, 99'999);
    }
}

void takes_a_stored_coding_off(void**) {
    const Index index(index_of_contents({known_content()}));
    const std::string coded = gzip_file(known_content());
    assert_int_equal(judge(index, coded, 100, "gzip")->finding, Finding::match);
    assert_int_equal(judge(index, coded, 100, "gzip")->incident.form, ObjectForm::decoded);
    // What the storage says of an object is no header of ours.
    assert_int_equal(judge(index, known_content(), 100, "x\r\nContent-Length: 1")->finding,
                     Finding::match);
}

// Whatever the line takes apart is taken apart here.
void finds_a_member_of_an_archive(void**) {
    const Index index(index_of_contents({known_content()}));
    const auto found = judge(index, gzip_file(known_content()), 700);
    assert_int_equal(found->finding, Finding::match);
    assert_int_equal(found->incident.form, ObjectForm::archive_member);
}

void says_what_it_cannot_judge(void**) {
    const Index index(index_of_contents({known_content()}));
    assert_int_equal(judge(index, "abc", 1, "unheard-of")->finding, Finding::uninspected);
    assert_int_equal(judge(index, "abc", 1, "unheard-of")->reason, UninspectedReason::form);
    LineJudge without(settings(), {}, 3, "", start);
    assert_true(without.feed(as_bytes("abc")));
    assert_int_equal(without.finish()->finding, Finding::uninspected);
}

void has_no_verdict_on_half_an_object(void**) {
    const Index index(index_of_contents({known_content()}));
    LineJudge line(settings(), {&index.view}, 5000, "", start);
    assert_true(line.feed(as_bytes(known_content())));
    assert_false(line.finish().has_value());
    LineJudge longer(settings(), {&index.view}, 10, "", start);
    assert_false(longer.feed(as_bytes(known_content())));
}

void acts_as_the_service_does(void**) {
    const Index index(index_of_contents({known_content()}));
    JudgeSettings observing = settings();
    observing.mode = ServiceMode::observe;
    const auto observed = judge(index, known_content(), 500, "", observing);
    assert_int_equal(observed->finding, Finding::match);
    assert_int_equal(observed->incident.action, MatchAction::observe);

    const Index weak(index_of_contents({known_content()}, IndicatorKind::sha1));
    assert_int_equal(judge(weak, known_content(), 500)->incident.action, MatchAction::report);
    JudgeSettings blocking = settings();
    blocking.weak_blocks = true;
    assert_int_equal(judge(weak, known_content(), 500, "", blocking)->incident.action,
                     MatchAction::block);
}

// A revoked indicator deletes nothing.
void leaves_what_is_suspended(void**) {
    const Index index(index_of_contents({known_content()}));
    Suspension entry{};
    std::strcpy(entry.name, "lab");
    entry.what = SuspensionOf::reference;
    entry.mode = SuspensionMode::suspended;
    entry.since_s = index_now_s;
    entry.until_s = index_no_end;
    for (const std::uint64_t reference : {4711ul, 4712ul}) {
        entry.value = reference;
        const std::string file = write_suspensions({entry}, {}, index_now_s);
        const auto suspensions = Suspensions::read(as_bytes(file));
        assert_true(suspensions.has_value());
        LineJudge line(settings(), {&index.view, &*suspensions}, 3000, "", start);
        line.feed(as_bytes(known_content()));
        assert_int_equal(line.finish()->finding,
                         reference == 4711 ? Finding::clean : Finding::match);
    }
}

// What is unpacked over many turns of the line is judged to its end.
void unpacks_to_the_end(void**) {
    const std::string zeros(std::size_t{40} << 20, '\0');
    const Index index(index_of_contents({zeros}));
    assert_int_equal(judge(index, gzip_file(zeros), 16384)->finding, Finding::match);
    const Index other(index_of_contents({known_content()}));
    assert_int_equal(judge(other, gzip_file(zeros), 16384)->finding, Finding::clean);
}

// One part that cannot be read leaves nothing to judge by.
void takes_all_of_it_or_nothing(void**) {
    const AlignedBytes image = index_of_contents({known_content()});
    const auto file_of = [](Bytes bytes) {
        Descriptor file(::memfd_create("test", MFD_CLOEXEC));
        assert_int_equal(::write(file.get(), bytes.data(), bytes.size()), bytes.size());
        return file;
    };
    const std::string good = write_suspensions({}, {}, index_now_s);
    for (const std::string& suspensions : {good, good.substr(1)}) {
        for (const std::size_t key_bytes : {0ul, 32ul, 31ul}) {
            IndexShelf shelf;
            HandedFiles files = {file_of(image.bytes()), file_of(as_bytes(suspensions)),
                                 file_of(as_bytes(std::string(key_bytes, 'k')))};
            const auto held = shelf.take(files, 7, {5, 0, true});
            const bool is_whole = suspensions == good && key_bytes != 31;
            assert_true((held.grounds().index != nullptr) == is_whole);
            assert_true((held.grounds().suspensions != nullptr) == is_whole);
            assert_true(shelf.error().empty() == is_whole);
            assert_int_equal(shelf.take({}, 0, {5, 5, true}).mark, 5);  // not asked for again
            assert_int_equal(shelf.take({}, 0, {0, 5, true}).mark, 0);
            assert_null(shelf.current().grounds().index);
        }
    }
}

void judges_an_empty_object(void**) {
    const Index index(index_of_contents({known_content()}));
    assert_int_equal(judge(index, "", 1)->finding, Finding::clean);
}

// Far more than the window of the connection it is played over, and than a sequence number's half.
void judges_a_large_object_in_bounded_memory(void**) {
    const Index index(index_of_contents({known_content()}));
    const std::string piece(1u << 20, 'x');
    LineJudge line(settings(), {&index.view}, 48ull << 20, "", start);
    for (int n = 0; n < 48; ++n)
        assert_true(line.feed(as_bytes(piece)));
    assert_int_equal(line.finish()->finding, Finding::clean);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_what_it_let_pass_unread),
        cmocka_unit_test(asks_for_nothing_where_the_service_does_not_verify),
        cmocka_unit_test(asks_for_nothing_that_was_judged),
        cmocka_unit_test(says_when_a_name_is_cut),
        cmocka_unit_test(counts_a_request_without_a_record),
        cmocka_unit_test(finds_a_known_object_however_it_is_cut),
        cmocka_unit_test(takes_a_stored_coding_off),
        cmocka_unit_test(finds_a_member_of_an_archive),
        cmocka_unit_test(says_what_it_cannot_judge),
        cmocka_unit_test(has_no_verdict_on_half_an_object),
        cmocka_unit_test(acts_as_the_service_does),
        cmocka_unit_test(leaves_what_is_suspended),
        cmocka_unit_test(unpacks_to_the_end),
        cmocka_unit_test(takes_all_of_it_or_nothing),
        cmocka_unit_test(judges_an_empty_object),
        cmocka_unit_test(judges_a_large_object_in_bounded_memory),
    };
    return cmocka_run_group_tests_name("verifier", tests, nullptr, nullptr);
}
