// A known file in every form in which other inline engines let it pass, or do not: one row of
// docs/http-framing.md, "Forms of an upload", each.
#include <vector>

#include "tests/support/archives.h"
#include "tests/support/base64_text.h"
#include "tests/support/lab.h"
#include "tests/support/zip_builder.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t known_bytes = 64 * 1024;

const std::string& known() {
    static const std::string content = known_content(known_bytes);
    return content;
}

std::string message(std::string_view line, std::string_view fields, std::string_view body) {
    return std::string(line) + " HTTP/1.1\r\nHost: files.example\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string chunked(std::string_view content, std::size_t size, std::string_view extension,
                    std::string_view trailer) {
    std::string out =
        "PUT /up HTTP/1.1\r\nHost: files.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (; !content.empty(); content.remove_prefix(std::min(size, content.size()))) {
        const std::string_view data = content.substr(0, size);
        char digits[24];
        std::snprintf(digits, sizeof digits, "%zx", data.size());
        out += digits + std::string(extension) + "\r\n" + std::string(data) + "\r\n";
    }
    return out + "0\r\n" + std::string(trailer) + "\r\n";
}

std::string aws_chunked(std::string_view content) {
    const std::string sign = ";chunk-signature=" + std::string(64, 'a') + "\r\n";
    char digits[24];
    std::snprintf(digits, sizeof digits, "%zx", content.size());
    return message("PUT /bucket/key",
                   "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
                   "x-amz-decoded-content-length: " +
                       std::to_string(content.size()) + "\r\n",
                   digits + sign + std::string(content) + "\r\n0" + sign + "\r\n");
}

constexpr std::string_view form_type = "Content-Type: multipart/form-data; boundary=AaB03x\r\n";

std::string form(std::string_view disposition, std::string_view content,
                 std::string_view more = "") {
    return "--AaB03x\r\nContent-Disposition: form-data; name=\"f\"" + std::string(disposition) +
           "\r\n" + std::string(more) + "\r\n" + std::string(content) + "\r\n--AaB03x--\r\n";
}

constexpr std::string_view get = "GET /list HTTP/1.1\r\nHost: files.example\r\n\r\n";

struct Row {
    const char* name;
    std::string sent;
    std::size_t segment = 1448;
    bool awaits_others = false;  // answers to earlier requests: nothing can be said behind them
};

std::vector<Row> rows() {
    const std::string& file = known();
    const std::string put = message("PUT /up", "", file);
    const std::string named = "; filename=\"a.jpg\"";
    const auto coding = [](std::string_view name) {
        return "Content-Encoding: " + std::string(name) + "\r\n";
    };
    return {
        {"PUT", put},
        {"pipelined", std::string(get) + std::string(get) + put, 1448, true},
        {"chunked, of one byte each", chunked(file, 1, "", "")},
        {"chunked, with extensions and a trailer", chunked(file, 5000, ";a=b", "X-Sum: 1\r\n")},
        {"POST of the file", message("POST /up", "Content-Type: image/jpeg\r\n", file)},
        {"segments of 100 bytes", put, 100},
        {"Content-Encoding: gzip", message("PUT /up", coding("gzip"), gzip_file(file))},
        {"Content-Encoding: deflate", message("PUT /up", coding("deflate"), deflated(file, 15))},
        {"Content-Encoding: gzip, gzip",
         message("PUT /up", coding("gzip, gzip"), gzip_file(gzip_file(file)))},
        {"multipart/form-data", message("POST /up", form_type, form(named, file))},
        {"part without a filename", message("POST /up", form_type, form("", file))},
        {"part in base64",
         message("POST /up", form_type,
                 form(named, base64_of(file), "Content-Transfer-Encoding: base64\r\n"))},
        {"PUT with a multipart body", message("PUT /up", form_type, form(named, file))},
        {"PATCH", message("PATCH /up", "", file)},
        {"REPORT", message("REPORT /up", "", file)},
        {"aws-chunked", aws_chunked(file)},
        {"zip, stored", message("PUT /up.zip", "", zip_file("a.jpg", file))},
        {"zip, deflated", message("PUT /up.zip", "", ZipBuilder().add("a.jpg", file, 8).end())},
        {".gz", message("PUT /up.gz", "", gzip_file(file))},
    };
}

Lab& listed(Lab& lab, std::string_view content) {
    lab.use(index_of_contents({std::string(content)}));
    lab.connect();
    return lab;
}

void upload(Lab& lab, std::string_view bytes, std::size_t segment = 1448) {
    lab.send(bytes, segment);
    lab.step(2000);
}

// The client hears why, the storage is cut off, and never had the end of it.
void expect_stopped(Lab& lab, const Row& row) {
    upload(listed(lab, known()), row.sent, row.segment);
    if (lab.answer.starts_with("HTTP/1.1 403 ") == row.awaits_others || !lab.storage_reset ||
        lab.stored.size() >= row.sent.size())
        fail_msg("%s", row.name);
    assert_int_equal(lab.count(Outcome::object_matched), 1);
}

void a_known_file_is_stopped_in_every_form(void**) {
    for (const Row& row : rows()) {
        Lab lab;
        expect_stopped(lab, row);
    }
}

void a_known_file_is_stopped_on_a_connection_kept_alive(void**) {
    Lab lab;
    listed(lab, known()).send(get);
    lab.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    lab.answer.clear();
    upload(lab, message("PUT /up", "", known()));
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
    assert_true(lab.stored.size() < known().size());
}

// Without the file on the list each of them passes, byte for byte.
void every_form_passes_when_it_is_clean(void**) {
    for (const Row& row : rows()) {
        Lab lab;
        upload(listed(lab, "another file"), row.sent, row.segment);
        lab.step(2000);
        if (lab.stored != row.sent || !lab.answer.empty()) fail_msg("%s", row.name);
    }
}

// Stored as it came by whoever leaves the coding alone.
void a_known_gz_with_a_coding_is_stopped_as_it_is(void**) {
    const std::string packed = gzip_file("a file that nobody looks for");
    Lab lab;
    upload(listed(lab, packed), message("PUT /up.gz", "Content-Encoding: gzip\r\n", packed));
    assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
}

// Others look at the first 100 KB of a body, or the first MiB of a connection.
void a_known_file_is_stopped_whatever_its_length(void**) {
    for (const std::size_t bytes : {std::size_t{101} << 10, std::size_t{3} << 20}) {
        const std::string file = known_content(bytes);
        Lab lab;
        upload(listed(lab, file), message("PUT /up", "", file));
        assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
        assert_true(lab.stored.size() < file.size());
    }
}

// HTTP/2 in clear, announced or not, is none of the protocols that are followed.
void http_2_in_clear_is_refused(void**) {
    Lab lab;
    listed(lab, known()).send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_true(lab.stored.empty());
    assert_int_equal(lab.count(Outcome::protocol_refused), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_file_is_stopped_in_every_form),
        cmocka_unit_test(a_known_file_is_stopped_on_a_connection_kept_alive),
        cmocka_unit_test(every_form_passes_when_it_is_clean),
        cmocka_unit_test(a_known_gz_with_a_coding_is_stopped_as_it_is),
        cmocka_unit_test(a_known_file_is_stopped_whatever_its_length),
        cmocka_unit_test(http_2_in_clear_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
