// Which object a request writes, and which one it copies from.
#include "dataplane/assembly/source_names.h"
#include "tests/support/parsed_request.h"

#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint64_t seed = 11;
using Kind = SourceEffect::Kind;

SourceEffect effect_of(const std::string& line, const std::string& fields = "",
                       std::string_view where = "path", std::string_view host = "s3.example") {
    const ParsedRequest request(line + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + fields);
    return source_effect(request.head(), recipe_of(request.head(), seed), where, seed);
}

CopiedName copied(const std::string& source, std::string_view where = "path",
                  std::string_view host = "s3.example",
                  std::string_view field = "x-amz-copy-source") {
    const ParsedRequest request(
        "PUT /b/k?partNumber=1&uploadId=u HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" +
        std::string(field) + ": " + source + "\r\n");
    return copied_name(request.head(), where, seed);
}

const std::string body = "Content-Length: 4\r\n";

void one_name_in_its_spellings(void**) {
    const SourceEffect plain = effect_of("PUT /b/a%20b/c", body);
    assert_true(plain.kind == Kind::one && plain.is_told);
    for (const char* source : {"/b/a%20b/c", "b/a b/c", "b/%61%20b%2fc"}) {
        const CopiedName name = copied(source);
        assert_true(name.is_read && name.is_certain && name.name == plain.name);
    }
    // Some storage may take these for the same: one place, and not the same name.
    for (const char* source : {"/b//a%20b/c", "/b/./a%20b/c", "/b/A%20b/C", "/x/../b/a%20b/c"}) {
        const CopiedName name = copied(source);
        assert_true(name.is_read && name.name.key == plain.name.key);
        assert_false(name.name == plain.name);
    }
    for (const char* source : {"/b/a%20b/d", "/c/a%20b/c", "/b/a%20b"})
        assert_false(copied(source).name.key == plain.name.key);
}

void what_storages_read_differently_is_not_read(void**) {
    for (const char* source : {"/b/a+b", "/b/a%2520b", "/b/a?versionId=3", "/b/a%3fversionId=3",
                               "/b/a%", "/b/a%zz", "/b/a\\b", "/b/a;x", "/b/a%00b", "/b/a%0ab"}) {
        assert_false(copied(source).is_read);
    }
    for (const char* target : {"PUT /b/a+b", "PUT /b/a%2520b", "PUT /b/a%3bx"})
        assert_true(effect_of(target, body).kind == Kind::any);
    const ParsedRequest both(
        "PUT /b/k?partNumber=1&uploadId=u HTTP/1.1\r\nHost: x\r\n"
        "x-amz-copy-source: /b/a\r\nx-amz-copy-source: /b/c\r\n");
    assert_false(copied_name(both.head(), "path", seed).is_read);
}

void the_bucket_is_where_the_operator_said(void**) {
    const SourceName plain = copied("/bkt/k", "s3.example").name;
    assert_true(effect_of("PUT /bkt/k", body, "s3.example").name == plain);
    assert_true(effect_of("PUT /k", body, "s3.example", "bkt.S3.example:80").name == plain);
    assert_true(effect_of("PUT /bkt/k", body, "s3.example", "192.0.2.1").name == plain);
    for (const char* host : {"bkt.other.example", "bkts3.example", "example", ".s3.example"}) {
        const SourceEffect effect = effect_of("PUT /k", body, "s3.example", host);
        assert_true(effect.kind == Kind::any || !(effect.name == plain));
    }
    // The host says nothing where the path does.
    assert_true(effect_of("PUT /bkt/k", body, "path", "x.evil.example").name == plain);
    assert_false(copied("/bkt/k", "").is_certain);
    assert_true(copied("/bkt/k", "").is_read);
}

void what_a_request_may_change(void**) {
    const struct {
        const char* line;
        const char* fields;
        Kind kind;
        bool is_told;
    } cases[] = {
        {"GET /b/k", "", Kind::none, false},
        {"HEAD /b/k", "", Kind::none, false},
        {"PUT /b/k?partNumber=1&uploadId=u", "Content-Length: 4\r\n", Kind::none, false},
        {"PUT /b/k?partNumber=1&uploadId=u", "x-amz-copy-source: /b/c\r\n", Kind::none, false},
        {"DELETE /b/k?uploadId=u", "", Kind::none, false},
        {"POST /b/k?uploads", "", Kind::none, false},
        {"POST /b/k?uploads", "Content-Length: 4\r\n", Kind::any, false},
        {"PUT /c/k?comp=block&blockid=QQ%3D%3D", "Content-Length: 4\r\n", Kind::none, false},
        {"POST /b/k?uploadId=u", "Content-Length: 4\r\n", Kind::one, true},
        {"PUT /c/k?comp=blocklist", "Content-Length: 4\r\n", Kind::one, true},
        {"PUT /b/k", "Content-Length: 4\r\n", Kind::one, true},
        {"PUT /b/k?x-id=PutObject&X-Amz-Signature=1", "Content-Length: 4\r\n", Kind::one, true},
        {"PUT /b/k?acl", "Content-Length: 4\r\n", Kind::any, false},
        {"PUT /b/k?versionId=3", "Content-Length: 4\r\n", Kind::any, false},
        {"PUT /c/k?comp=undelete", "Content-Length: 4\r\n", Kind::any, false},
        {"PUT /b/k", "Content-Length: 4\r\nx-goog-copy-source: /b/c\r\n", Kind::one, false},
        {"PUT /b/k", "Content-Length: 4\r\nX-Amz-Write-Offset-Bytes: 4\r\n", Kind::one, false},
        {"PUT /b/k", "x-amz-copy-source: /b/c\r\n", Kind::one, false},
        {"PUT /b/k", "x-ms-copy-source: http://x/b/c\r\n", Kind::one, false},
        {"DELETE /b/k", "", Kind::one, false},
        {"DELETE /b/k?versionId=3", "", Kind::any, false},
        {"POST /b?delete", "Content-Length: 4\r\n", Kind::any, false},
        {"POST /b", "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 9\r\n",
         Kind::any, false},
        {"MOVE /b/k", "Destination: http://s3.example/b/l\r\n", Kind::any, false},
        {"PUT /b/k", "Content-Range: bytes 0-3/8\r\nContent-Length: 4\r\n", Kind::any, false},
        {"PATCH /b/k", "Content-Length: 4\r\n", Kind::any, false},
    };
    for (const auto& each : cases) {
        const SourceEffect effect = effect_of(each.line, each.fields);
        if (effect.kind != each.kind || effect.is_told != each.is_told)
            print_error("%s\n", each.line);
        assert_true(effect.kind == each.kind);
        assert_int_equal(effect.is_told, each.is_told);
    }
}

void a_url_is_of_the_storage_below_its_name_only(void**) {
    const auto azure = [](const char* source, std::string_view where = "blob.example",
                          std::string_view host = "a.blob.example") {
        return copied(source, where, host, "x-ms-copy-source");
    };
    const SourceName blob = effect_of("PUT /c/k", body, "blob.example", "a.blob.example").name;
    assert_true(azure("https://a.blob.example/c/k").name == blob);
    assert_true(azure("http://A.blob.example/c/k?sv=1&sig=2").name == blob);
    assert_true(azure("https://a.blob.example/c/k").is_certain);
    for (const char* source :
         {"https://a.evil.example/c/k", "https://a.blob.example:81/c/k", "ftp://a.blob.example/c/k",
          "https://a.blob.example/c/k?snapshot=1", "https://a.blob.example/c/k?versionid=1",
          "https://u@a.blob.example/c/k", "https://192.0.2.1/a/c/k", "/c/k"}) {
        const CopiedName name = azure(source);
        assert_true(!name.is_read || !(name.name == blob));
    }
    assert_false(azure("https://a.blob.example/c/k", "path").is_certain);
    assert_false(azure("https://a.blob.example/c/k", "").is_certain);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_name_in_its_spellings),
        cmocka_unit_test(what_storages_read_differently_is_not_read),
        cmocka_unit_test(the_bucket_is_where_the_operator_said),
        cmocka_unit_test(what_a_request_may_change),
        cmocka_unit_test(a_url_is_of_the_storage_below_its_name_only),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
