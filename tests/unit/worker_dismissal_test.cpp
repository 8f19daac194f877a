// Objects that are told early to be none of the listed ones, through the whole line.
#include <random>

#include "tests/support/archives.h"
#include "tests/support/lab.h"
#include "tests/support/listed_contents.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
constexpr std::uint32_t seed = 20261122;

// No text and no archive by its first byte.
std::string content_of(std::uint64_t number, std::size_t bytes) {
    std::mt19937_64 random(number);
    std::string content(bytes, '\x89');
    for (std::size_t at = 1; at < bytes; ++at)
        content[at] = static_cast<char>(random());
    return content;
}

Options options_with(DismissBy by) {
    Options options = lab_options();
    options.services[0].dismiss = by;
    return options;
}

std::uint64_t bytes_in(const Lab& lab, ObjectClass which) {
    return lab.worker->counters().objects[object_class(which)].bytes.read();
}

bool is_blocked(Lab& lab) {
    lab.step(2000);
    lab.send_ack();
    return lab.storage_reset && lab.answer.starts_with("HTTP/1.1 403 ") &&
           lab.count(Outcome::match_blocked) == 1;
}

// A lab with an index, connected.
struct Line {
    explicit Line(const std::vector<Listed>& list, Options options = options_with(DismissBy::head))
        : lab(options) {
        lab.use(index_of(list));
        lab.connect();
    }
    void send(const std::string& request) {
        lab.send(request);
        lab.step(2000);
    }
    Lab lab;
};

std::string in_chunks(std::string_view body, std::size_t size = 1500) {
    std::string sent =
        "PUT /dir/up HTTP/1.1\r\nHost: files.example\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
        char line[32];
        std::snprintf(line, sizeof line, "%zx\r\n", std::min(size, body.size()));
        sent += line + std::string(body.substr(0, size)) + "\r\n";
    }
    return sent + "0\r\n\r\n";
}

std::string in_form(std::string_view content) {
    const std::string body =
        "--AaB03x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"up\"\r\n\r\n" +
        std::string(content) + "\r\n--AaB03x--\r\n";
    return "POST /up HTTP/1.1\r\nHost: files.example\r\nContent-Length: " +
           std::to_string(body.size()) +
           "\r\nContent-Type: multipart/form-data; boundary=AaB03x\r\n\r\n" + body;
}

std::string in_aws_chunk(std::string_view content, std::size_t declared) {
    char line[32];
    std::snprintf(line, sizeof line, "%zx", content.size());
    const std::string sign = ";chunk-signature=" + std::string(64, 'a') + "\r\n";
    return put("/bucket/key", line + sign + std::string(content) + "\r\n0" + sign + "\r\n",
               "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
               "x-amz-decoded-content-length: " +
                   std::to_string(declared) + "\r\n");
}

// In every form that is taken apart.
std::vector<std::string> forms_of(std::string_view content) {
    return {put("/dir/up", content),
            in_chunks(content),
            in_form(content),
            in_aws_chunk(content, content.size()),
            put("/dir/up", gzip_file(content), "Content-Encoding: gzip\r\n"),
            put("/dir/up.tar", tar_file("a", "clean") + tar_file("k", content) + tar_end()),
            put("/dir/up.gz", gzip_file(content)),
            put("/dir/up.bin", content_of(77, 9000) + zip_file("k", content, 9000))};
}

const std::string& known() {
    static const std::string content = content_of(1, 20000);
    return content;
}

void what_begins_otherwise_is_dismissed_by_its_head(void**) {
    Line line({{known()}, {content_of(2, 30000)}});
    const std::string clean = content_of(3, 20000);
    const std::string sent = put("/dir/up", clean);
    line.send(sent);
    assert_true(line.lab.stored == sent);
    assert_int_equal(line.lab.count(Outcome::object_dismissed), 1);
    assert_int_equal(line.lab.count(Outcome::object_clean), 0);
    assert_int_equal(line.lab.count(Outcome::stale_plan), 0);
    assert_int_equal(bytes_in(line.lab, ObjectClass::dismissed_head), 20000);
    const auto& frames = line.lab.worker->counters().frames;
    assert_true(frames[frame_class(FrameClass::dismissed)].bytes.read() > 15000);
}

// The storage has every byte as it comes: nothing of it waits for a verdict.
void nothing_of_a_dismissed_object_is_held(void**) {
    Line line({{known()}});
    const std::string sent = put("/dir/up", content_of(3, 20000));
    line.lab.send(sent.substr(0, 9000));
    assert_int_equal(line.lab.stored.size(), 9000);
}

void a_known_file_is_blocked_in_every_form(void**) {
    for (const DismissBy by : {DismissBy::off, DismissBy::head, DismissBy::size}) {
        for (const std::string& sent : forms_of(known())) {
            Line line({{known()}, {content_of(2, 30000)}}, options_with(by));
            line.send(sent);
            assert_true(is_blocked(line.lab));
            assert_true(line.lab.stored.size() < sent.size());
        }
    }
}

// But for the file part of a form, as long as fields behind it may make a piece of it.
void a_clean_file_is_dismissed_in_every_form(void**) {
    for (const std::string& sent : forms_of(content_of(3, 20000))) {
        Line line({{known()}});
        line.send(sent);
        assert_true(line.lab.stored == sent);
        const bool is_form = sent.starts_with("POST");
        assert_int_equal(line.lab.count(Outcome::object_dismissed) != 0, !is_form);
    }
}

void a_file_part_is_dismissed_when_it_is_set_aside_no_more(void**) {
    Options options = options_with(DismissBy::head);
    options.spool_bytes_max = 1 << 20;
    Line line({{known()}}, options);
    const std::string sent = in_form(content_of(3, 2'500'000));
    line.send(sent);
    assert_true(line.lab.stored == sent);
    assert_int_equal(line.lab.count(Outcome::object_dismissed), 1);
}

void a_file_that_only_begins_like_a_known_one_is_hashed(void**) {
    std::string other = known();
    other.back() = static_cast<char>(other.back() ^ 1);
    Line line({{known()}});
    line.send(put("/dir/up", other));
    assert_int_equal(line.lab.count(Outcome::object_dismissed), 0);
    assert_int_equal(bytes_in(line.lab, ObjectClass::inspected), other.size());
}

// Whatever is declared: who hangs up behind the last byte of a known file has not uploaded it.
void a_longer_declared_length_gains_nothing(void**) {
    for (const bool with_head : {true, false}) {
        Line line({{known(), true, with_head}, {content_of(2, 30000), true, with_head}});
        const std::string sent = put("/dir/up", known() + "more");
        line.send(sent.substr(0, sent.size() - 4));
        line.lab.send_fin();
        assert_true(is_blocked(line.lab));
    }
}

void a_declared_size_is_believed_only_when_asked_for(void**) {
    for (const DismissBy by : {DismissBy::head, DismissBy::size}) {
        Line line({{known(), true, false}}, options_with(by));
        line.send(put("/dir/up", content_of(3, 19999)));
        const bool believes = by == DismissBy::size;
        assert_int_equal(bytes_in(line.lab, ObjectClass::dismissed_size), believes ? 19999 : 0);
        assert_int_equal(bytes_in(line.lab, ObjectClass::inspected), believes ? 0 : 19999);
    }
}

// It needs no declared length, and so is true of chunked bodies as well.
void what_grows_larger_than_all_listed_is_dismissed(void**) {
    Line line({{content_of(2, 3000), true, false}, {content_of(4, 5000), true, false}});
    const std::string clean = content_of(3, 20000);
    line.send(in_chunks(clean));
    assert_int_equal(bytes_in(line.lab, ObjectClass::dismissed_size), clean.size());
    line.lab.respond(created);
    line.lab.stored.clear();
    line.lab.connect();
    line.send(in_chunks(content_of(4, 5000)));
    assert_true(is_blocked(line.lab));
}

// Where a payload of another length than declared is refused, the declared one counts; elsewhere it
// does not, and the file is found.
void a_lie_about_the_payload_of_aws_chunked_gains_nothing(void**) {
    for (const bool refuses : {true, false}) {
        for (const std::size_t declared : {known().size() - 1, known().size() + 1}) {
            Options options = options_with(DismissBy::size);
            if (!refuses) options.services[0].on_unparsable = UninspectedAction::pass;
            Line line({{known(), true, false}}, options);
            const std::string sent = in_aws_chunk(known(), declared);
            line.send(sent);
            line.lab.send_ack();
            assert_true(line.lab.stored.size() < sent.size() || !refuses);
            if (refuses) assert_true(line.lab.answer.starts_with("HTTP/1.1 400 "));
            if (!refuses && declared > known().size()) assert_true(is_blocked(line.lab));
        }
    }
}

// One kind is dismissed, and the other one goes on.
void every_kind_is_dismissed_by_itself(void**) {
    const std::string weak = content_of(5, 12000);
    const std::vector<Listed> list = {{known()}, {weak, false, false, IndicatorKind::md5}};
    Line line(list);
    line.send(put("/dir/up", weak));
    assert_int_equal(line.lab.count(Outcome::match_reported), 1);
    assert_int_equal(line.lab.count(Outcome::object_dismissed), 0);
    Line other(list);
    other.send(put("/dir/up", content_of(3, 20000)));
    assert_int_equal(bytes_in(other.lab, ObjectClass::inspected), 20000);
    assert_int_equal(other.lab.count(Outcome::stale_plan), 0);
}

// Judged by the indicators of before: what newer ones would have needed is not there any more.
void what_a_newer_index_lists_is_counted_when_it_was_dismissed(void**) {
    const std::string coming = content_of(3, 20000);
    for (const bool is_listed : {true, false}) {
        Line line({{known()}});
        const std::string sent = put("/dir/up", coming);
        line.lab.send(sent.substr(0, 10000));
        assert_int_equal(line.lab.count(Outcome::object_dismissed), 1);
        line.lab.use(index_of({{known()}, {is_listed ? coming : content_of(9, 400)}}, 10));
        line.send(sent.substr(10000));
        assert_int_equal(line.lab.stored.size(), sent.size());
        assert_int_equal(line.lab.count(Outcome::stale_plan), is_listed ? 1 : 0);
        assert_int_equal(bytes_in(line.lab, ObjectClass::dismissed_head), coming.size());
        // From then on it is found.
        line.lab.respond(created);
        line.lab.connect();
        line.send(sent);
        assert_int_equal(is_blocked(line.lab) ? 1 : 0, is_listed ? 1 : 0);
    }
}

// An object under way is asked about in the index that is in force by then.
void an_object_is_dismissed_by_the_index_in_force(void**) {
    const std::string coming = content_of(3, 20000);
    Line line({{known(), false, false}});
    const std::string sent = put("/dir/up", coming);
    line.lab.send(sent.substr(0, 2000));
    line.lab.use(index_of({{known()}, {coming}}, 10));
    line.send(sent.substr(2000));
    assert_true(is_blocked(line.lab));
}

std::string range(std::size_t begin, std::string_view bytes, std::size_t total) {
    return put("/dir/up", bytes,
               "Content-Range: bytes " + std::to_string(begin) + "-" +
                   std::to_string(begin + bytes.size() - 1) + "/" + std::to_string(total) + "\r\n");
}

// Neither the size nor the head of a piece is that of its object.
void pieces_are_not_dismissed(void**) {
    for (const DismissBy by : {DismissBy::head, DismissBy::size}) {
        Line line({{known()}}, options_with(by));
        const std::string_view content = known();
        line.send(range(0, content.substr(0, 7000), content.size()));
        line.lab.respond(created);
        line.send(range(7000, content.substr(7000, 6000), content.size()));
        line.lab.respond(created);
        assert_int_equal(line.lab.count(Outcome::object_dismissed), 0);
        line.lab.answer.clear();
        line.send(range(13000, content.substr(13000), content.size()));
        assert_true(is_blocked(line.lab));
    }
}

// A file that is stored whole, and then continued. By its head it is none of the listed ones,
// however it goes on; by its size alone it may become one, and that is not written.
void what_continues_a_dismissed_object_is_known_by_its_beginning(void**) {
    const std::string_view content = known();
    struct Case {
        DismissBy by;
        bool with_head;
        std::string first;
        const char* answer;
    };
    const Case cases[] = {
        {DismissBy::head, true, std::string(content.substr(0, 13000)), "403"},
        {DismissBy::size, true, std::string(content.substr(0, 13000)), "503"},
        {DismissBy::size, false, std::string(content.substr(0, 13000)), "503"},
        {DismissBy::head, true, content_of(3, 13000), ""},
        {DismissBy::size, true, content_of(3, 13000), ""},
        {DismissBy::off, true, content_of(3, 13000), ""},
    };
    for (const Case& one : cases) {
        Line line({{known(), true, one.with_head}}, options_with(one.by));
        line.send(put("/dir/up", one.first));
        line.lab.respond(created);
        const std::string last = range(13000, content.substr(13000), content.size());
        const std::size_t before = line.lab.stored.size();
        line.lab.answer.clear();
        line.send(last);
        line.lab.send_ack();
        assert_int_equal(line.lab.stored.size() == before + last.size(), *one.answer == '\0');
        if (*one.answer != '\0')
            assert_true(line.lab.answer.starts_with("HTTP/1.1 " + std::string(one.answer)));
    }
}

void a_zip_behind_a_dismissed_object_is_seen_unless_told_not_to(void**) {
    const std::string sent = put("/dir/up", content_of(3, 20000) + zip_file("k", known(), 20000));
    for (const bool searches : {true, false}) {
        Options options = options_with(DismissBy::head);
        if (!searches) options.services[0].embedded_archives = EmbeddedArchives::ignore;
        Line line({{known()}}, options);
        line.send(sent);
        assert_int_equal(is_blocked(line.lab) ? 1 : 0, searches ? 1 : 0);
        assert_int_equal(line.lab.stored.size() == sent.size(), !searches);
    }
}

void dismissing_allocates_nothing(void**) {
    Line line({{known()}, {content_of(6, 9000), true, false, IndicatorKind::md5}});
    const std::string sent = put("/dir/up", content_of(3, 20000)) + in_form(content_of(4, 9000)) +
                             put("/dir/up", content_of(5, 3000));
    assert_int_equal(allocations_of(&line.lab, sent, 500), 0);
    assert_true(line.lab.count(Outcome::object_dismissed) > 0);
}

// What became of one upload.
struct Fate {
    std::string stored;
    std::string answer;
    std::uint64_t matched;
    std::uint64_t blocked;
    std::uint64_t seen;  // objects in a class that says they were judged
};

Fate fate_of(const std::vector<Listed>& list, DismissBy by, const std::string& sent,
             std::size_t until, std::size_t segment) {
    Line line(list, options_with(by));
    line.lab.send(std::string_view(sent).substr(0, until), segment);
    line.lab.step(2000);
    if (until < sent.size()) line.lab.send_fin();
    line.lab.step(2000);
    const auto& classes = line.lab.worker->counters().objects;
    std::uint64_t seen = 0;
    for (const ObjectClass which :
         {ObjectClass::inspected, ObjectClass::dismissed_size, ObjectClass::dismissed_head})
        seen += classes[object_class(which)].count.read();
    const std::string status = line.lab.answer.substr(0, 12);
    return {line.lab.stored, status, line.lab.count(Outcome::object_matched),
            line.lab.count(Outcome::match_blocked), seen};
}

// Random lists, whose records have a size and a head or not, and random uploads of what is listed,
// what is nearly so, and what is not; in every form, cut anywhere, whole or not.
void dismissal_never_changes_a_verdict(void**) {
    std::mt19937_64 random(seed);
    print_message("seed %u\n", seed);
    constexpr IndicatorKind kinds[] = {IndicatorKind::sha256, IndicatorKind::sha1,
                                       IndicatorKind::md5, IndicatorKind::sha256_tree};
    std::uint64_t matched = 0;
    for (int round = 0; round < 400; ++round) {
        std::vector<Listed> list;
        const bool sizes = random() % 4 != 0, heads = random() % 4 != 0;
        const std::uint64_t count = 1 + random() % 4;
        for (std::uint64_t n = 0; n < count; ++n) {
            const bool is_odd = random() % 12 == 0;
            list.push_back({content_of(random() % 6, 1 + random() % 14000), sizes != is_odd,
                            heads != is_odd, kinds[random() % 4]});
        }
        std::string content = list[random() % count].content;
        switch (random() % 5) {
            case 0:
                content = content_of(100, 1 + random() % 14000);
                break;
            case 1:
                content += "x";
                break;
            case 2:
                content.back() = static_cast<char>(content.back() ^ 1);
                break;
            default:
                break;
        }
        const std::vector<std::string> forms = forms_of(content);
        const std::string& sent = forms[random() % forms.size()];
        const bool is_cut = random() % 3 == 0;
        const std::size_t until = is_cut ? 1 + random() % sent.size() : sent.size();
        const std::size_t segment = 300 + random() % 1100;
        const Fate all = fate_of(list, DismissBy::off, sent, until, segment);
        // Who hangs up early may have declared another size than that of what he sent.
        for (const DismissBy by : {DismissBy::head, DismissBy::size}) {
            if (by == DismissBy::size && until != sent.size()) continue;
            const Fate fate = fate_of(list, by, sent, until, segment);
            assert_int_equal(fate.matched, all.matched);
            assert_int_equal(fate.blocked, all.blocked);
            assert_int_equal(fate.seen, all.seen);
            assert_string_equal(fate.answer.c_str(), all.answer.c_str());
            if (all.blocked == 0) assert_true(fate.stored == all.stored);
        }
        matched += all.matched;
    }
    assert_true(matched > 60);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_begins_otherwise_is_dismissed_by_its_head),
        cmocka_unit_test(nothing_of_a_dismissed_object_is_held),
        cmocka_unit_test(a_known_file_is_blocked_in_every_form),
        cmocka_unit_test(a_clean_file_is_dismissed_in_every_form),
        cmocka_unit_test(a_file_part_is_dismissed_when_it_is_set_aside_no_more),
        cmocka_unit_test(a_file_that_only_begins_like_a_known_one_is_hashed),
        cmocka_unit_test(a_longer_declared_length_gains_nothing),
        cmocka_unit_test(a_declared_size_is_believed_only_when_asked_for),
        cmocka_unit_test(what_grows_larger_than_all_listed_is_dismissed),
        cmocka_unit_test(a_lie_about_the_payload_of_aws_chunked_gains_nothing),
        cmocka_unit_test(every_kind_is_dismissed_by_itself),
        cmocka_unit_test(what_a_newer_index_lists_is_counted_when_it_was_dismissed),
        cmocka_unit_test(an_object_is_dismissed_by_the_index_in_force),
        cmocka_unit_test(pieces_are_not_dismissed),
        cmocka_unit_test(what_continues_a_dismissed_object_is_known_by_its_beginning),
        cmocka_unit_test(a_zip_behind_a_dismissed_object_is_seen_unless_told_not_to),
        cmocka_unit_test(dismissing_allocates_nothing),
        cmocka_unit_test(dismissal_never_changes_a_verdict),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
