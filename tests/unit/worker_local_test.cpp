// The operator's own list through the whole line: it lets everything pass, in every mode, and its
// record tells nothing of a person unless another list gives the ground for it.
#include "tests/support/archives.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr auto sha256 = IndicatorKind::sha256;

bool is_of_local(const MatchRecord& match) {
    return (match.flags & match_flag::local) != 0;
}
RightsCeiling ceiling_of(const MatchRecord& match) {
    return RightsCeiling{static_cast<std::uint8_t>((match.flags & match_flag::ceiling) >>
                                                   match_flag::ceiling_shift)};
}

constexpr std::uint64_t lab_now_s = index_now_s + 1;  // as worker_sections_test has it

Digest digest_of_known() {
    Digest digest;
    const std::string content = known_content();
    SHA256(as_bytes(content).data(), content.size(), digest.data());
    return digest;
}

AlignedBytes index_of(std::uint64_t until_s, bool feed_too, std::uint8_t flags) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const Digest digest = digest_of_known();
    const std::uint32_t local = *builder.add_section({.name = "local",
                                                      .kind = SectionKind::local,
                                                      .ceiling = RightsCeiling::report,
                                                      .generation = 3},
                                                     key_of(1));
    const AddOutcome added =
        builder.add_keyed(local, {.tag = keyed_tag(TagKey(key_of(1)), sha256, digest),
                                  .reference = 17,
                                  .source = 2,
                                  .flags = flags,
                                  .not_after_s = until_s});
    if (added != AddOutcome::added) std::abort();
    if (feed_too) {
        const std::uint32_t feed = *builder.add_section(
            {.name = "centre", .kind = SectionKind::feed, .generation = 4}, key_of(2));
        builder.add(feed, {.kind = sha256, .digest = digest, .reference = 5, .source = 5});
    }
    return built(&builder);
}

struct Line {
    Lab lab;
    Suspensions suspensions;

    explicit Line(Options options = lab_options(), bool feed_too = false,
                  std::uint64_t until_s = lab_now_s, std::uint8_t flags = record_flag::report_only)
        : lab(options) {
        lab.use(index_of(until_s, feed_too, flags));
        lab.connect();
    }
    void upload(const std::string& request) {
        lab.send(request);
        lab.step(2000);
        passed = lab.stored == request;
    }
    std::size_t records() const { return lab.recorder.decided_records.size(); }
    const IncidentRecord& record() const { return lab.recorder.decided_records.back().record; }
    // Whether any byte of the record is the client's address or part of a name.
    bool tells() const {
        const auto* bytes = reinterpret_cast<const char*>(&record());
        const std::string_view all(bytes, sizeof record());
        const Endpoint none = {};
        return all.find("secret") != std::string_view::npos ||
               std::memcmp(&record().client, &none, sizeof none) != 0 ||
               std::memcmp(&record().forwarded, &none, sizeof none) != 0;
    }

    bool passed = false;
};

std::string known_put() {
    return put("/secret-name", known_content(),
               "X-Forwarded-For: 203.0.113.9\r\nX-Account: secret-person\r\n");
}

Options options_of(ServiceMode mode, bool weak_blocks) {
    Options options = lab_options();
    options.services[0].mode = mode;
    options.services[0].weak_blocks = weak_blocks ? 1 : 0;
    options.services[0].account_from = AccountFrom::header;
    std::strcpy(options.services[0].account_header, "X-Account");
    return options;
}

void it_blocks_in_no_mode_and_tells_nothing_of_a_person(void**) {
    for (const ServiceMode mode : {ServiceMode::enforce, ServiceMode::observe}) {
        for (const bool weak_blocks : {false, true}) {
            // Also without the flag that says so once more.
            for (const std::uint8_t flags : {record_flag::report_only, std::uint8_t{0}}) {
                Line line(options_of(mode, weak_blocks), false, lab_now_s, flags);
                line.upload(known_put());
                assert_true(line.passed);
                assert_int_equal(line.records(), 1);
                const IncidentRecord& record = line.record();
                assert_int_equal(record.action, mode == ServiceMode::enforce
                                                    ? MatchAction::report
                                                    : MatchAction::observe);
                assert_false(line.tells());
                assert_false(tells_of_person(record));
                // What a review needs is there.
                assert_string_equal(record.matches[0].section, "local");
                assert_int_equal(record.matches[0].reference, 17);
                assert_int_equal(record.matches[0].source, 2);
                assert_true(is_of_local(record.matches[0]));
                assert_int_equal(ceiling_of(record.matches[0]), RightsCeiling::report);
                assert_string_equal(record.service, lab_options().services[0].name);
                assert_string_equal(record.method, "PUT");
                assert_int_equal(record.object_bytes, known_content().size());
                assert_true(record.case_number[0] != '\0');
                assert_int_equal(record.server.present, 1);
            }
        }
    }
}

void it_names_no_member_of_an_archive_and_no_part_of_a_form(void**) {
    const std::string content = known_content();
    const std::string zip = zip_file("secret-folder/secret.jpg", content);
    const std::string form =
        "--AaB03x\r\nContent-Disposition: form-data; name=\"secret-field\"; "
        "filename=\"secret.jpg\"\r\n\r\n" +
        content + "\r\n--AaB03x--\r\n";
    const std::pair<std::string, ObjectForm> requests[] = {
        {put("/secret.zip", zip), ObjectForm::archive_member},
        {"POST /secret HTTP/1.1\r\nHost: secret.example\r\nContent-Type: multipart/form-data; "
         "boundary=AaB03x\r\nContent-Length: " +
             std::to_string(form.size()) + "\r\n\r\n" + form,
         ObjectForm::form_part}};
    for (const auto& [request, kind] : requests) {
        Line line;
        line.upload(request);
        assert_true(line.passed);
        assert_int_equal(line.records(), 1);
        assert_int_equal(line.record().form, kind);
        assert_false(line.tells());
    }
}

// The ground is the feed's: what it would record alone is recorded.
void beside_a_feed_the_feed_decides(void**) {
    Line line(lab_options(), true);
    line.upload(known_put());
    assert_false(line.passed);
    assert_int_equal(line.record().action, MatchAction::block);
    assert_int_equal(line.record().match_count, 2);
    assert_true(line.tells());
    for (std::size_t n = 0; n < 2; ++n) {
        const MatchRecord& match = line.record().matches[n];
        const bool own = std::string_view(match.section) == "local";
        assert_int_equal(is_of_local(match), own);
        assert_int_equal(ceiling_of(match), own ? RightsCeiling::report : RightsCeiling::block);
    }
}

void a_feed_that_has_taken_its_word_back_is_no_ground(void**) {
    Line line(lab_options(), true);
    Suspension taken_back = {};
    std::strcpy(taken_back.name, "centre");
    taken_back.what = SuspensionOf::reference;
    taken_back.value = 5;
    taken_back.mode = SuspensionMode::suspended;
    taken_back.until_s = index_no_end;
    line.suspensions =
        *Suspensions::read(as_bytes(write_suspensions({taken_back}, {}, index_now_s)));
    line.lab.worker->use_suspensions(&line.suspensions);
    line.upload(known_put());
    assert_true(line.passed);
    assert_int_equal(line.record().action, MatchAction::report);
    assert_false(line.tells());
}

void an_entry_that_has_ended_is_not_there(void**) {
    Line last(lab_options(), false, lab_now_s);
    last.upload(known_put());
    assert_int_equal(last.records(), 1);
    Line ended(lab_options(), false, lab_now_s - 1);
    ended.upload(known_put());
    assert_true(ended.passed);
    assert_int_equal(ended.records(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(it_blocks_in_no_mode_and_tells_nothing_of_a_person),
        cmocka_unit_test(it_names_no_member_of_an_archive_and_no_part_of_a_form),
        cmocka_unit_test(beside_a_feed_the_feed_decides),
        cmocka_unit_test(a_feed_that_has_taken_its_word_back_is_no_ground),
        cmocka_unit_test(an_entry_that_has_ended_is_not_there),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
