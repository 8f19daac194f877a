// Accounts and forwarded clients as real clients and proxies write them, and what hostile ones try.
#include "dataplane/http/identity.h"

#include <array>
#include <string>

#include "dataplane/http/message.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

namespace cordon {
namespace {

// A parsed request; the text of its head lies directly before an unreadable page.
struct Request {
    test::GuardedBytes storage;
    RequestParser parser;
    explicit Request(const std::string& fields, const std::string& target = "/x")
        : Request(0, "PUT " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n") {}
    Request(int, const std::string& text) : storage(as_bytes(text)) {
        RequestEvent event;
        parser.open(storage.mutable_bytes());
        parser.feed(as_bytes(text));
        if (!parser.next(&event) || event.kind != RequestEvent::Kind::head) std::abort();
    }
    const Head& head() const { return parser.head(); }
};

std::string account(AccountFrom from, const std::string& fields, const std::string& target = "/x",
                    std::string_view name = "", std::size_t room = 128) {
    const Request request(fields, target);
    std::array<char, 128> out;
    return std::string(account_of(request.head(), from, name, std::span(out).first(room)));
}

void expect_key(const char* expected, const std::string& fields, const std::string& target = "/x") {
    assert_string_equal(account(AccountFrom::s3_access_key, fields, target).c_str(), expected);
}

void finds_the_access_key_of_s3_requests(void**) {
    expect_key("AKIDEXAMPLE",
               "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/r/s3/aws4_request, "
               "SignedHeaders=host, Signature=00\r\n");
    expect_key("test:tester",
               "Authorization: AWS4-HMAC-SHA256 Credential=test:tester/2026/r/s3/x\r\n");
    expect_key("AKIDEXAMPLE", "Authorization: AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo=\r\n");
    expect_key("AKID+EX", "",
               "/b/k?a=1&X-Amz-Credential=AKID%2bEX%2F20261121%2Fr&X-Amz-Signature=0");
    expect_key("OLDKEY", "", "/b/k?AWSAccessKeyId=OLDKEY&Signature=zz#f");
}

void finds_no_access_key_where_there_is_none(void**) {
    expect_key("", "");
    expect_key("", "Authorization: Bearer secret\r\n");
    expect_key("", "Authorization: AWS secretwithoutcolon\r\n");
    expect_key("", "Authorization: AWS4-HMAC-SHA256 Signature=00\r\n");
    expect_key("", "", "/b?X-Amz-Credentials=a");
    expect_key("", "", "/b?X-Amz-Credential");
    expect_key("a%", "", "/b?X-Amz-Credential=a%");
    expect_key("a%2", "", "/b?X-Amz-Credential=a%2");
}

void finds_the_user_of_basic_credentials(void**) {
    const auto user = [](const std::string& value) {
        return account(AccountFrom::basic_user, "Authorization: " + value + "\r\n");
    };
    assert_string_equal(user("Basic YWxpY2U6c2VjcmV0").c_str(), "alice");
    assert_string_equal(user("basic  YWxpY2U6cw==").c_str(), "alice");
    assert_string_equal(user("Basic w6k6eA==").c_str(), "\xc3\xa9");
    assert_string_equal(user("Basic OnNlY3JldA==").c_str(), "");
    assert_string_equal(user("Basic YWxpY2U=").c_str(), "");
    assert_string_equal(user("Basic YW*pY2U6c2VjcmV0").c_str(), "");
    assert_string_equal(user("Basic YQ1iCjpj").c_str(), "ab");  // "a\rb\n:c"
    assert_string_equal(user("Bearer YWxpY2U6c2VjcmV0").c_str(), "");
}

void takes_a_named_field_as_account(void**) {
    const std::string fields = "X-User: first\r\nx-user: second\r\n";
    assert_string_equal(account(AccountFrom::header, fields, "/x", "x-USER").c_str(), "first");
    assert_string_equal(account(AccountFrom::header, fields, "/x", "x-other").c_str(), "");
    assert_string_equal(account(AccountFrom::none, fields, "/x", "x-user").c_str(), "");
    assert_string_equal(account(AccountFrom::header, fields, "/x", "x-user", 3).c_str(), "fir");
}

void drops_what_could_break_a_line_or_a_terminal(void**) {
    const auto cleaned = [](std::string_view text) {
        std::array<char, 64> out;
        return std::string(copy_clean(text, out));
    };
    assert_string_equal(cleaned("a\r\nb\x1b[31m\x7f").c_str(), "ab[31m");
    assert_string_equal(cleaned(std::string_view("a\0b\tc", 5)).c_str(), "abc");
    assert_string_equal(cleaned("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa6").c_str(),
                        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa6");
    assert_string_equal(cleaned("a\xc2\x85"
                                "b\xe2\x80\xa8"
                                "c\xe2\x80\xae"
                                "d\xef\xbf\xbf")
                            .c_str(),
                        "abcd");
    assert_string_equal(
        cleaned("\x9b\xff\xc3\xc0\xafx\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\xafy").c_str(), "xy");
    assert_string_equal(cleaned(std::string(63, 'a') + "\xc3\xa9").c_str(),
                        std::string(63, 'a').c_str());
    assert_string_equal(
        account(AccountFrom::s3_access_key, "", "/?AWSAccessKeyId=a%0d%0Ab%00c").c_str(), "abc");
}

AddressPrefix prefix_of(std::string_view text, unsigned bits) {
    AddressPrefix prefix{};
    AddressBytes address{};
    if (!parse_ipv4(text, &address) && !parse_ipv6(text, &address)) std::abort();
    std::memcpy(prefix.address, address.data(), 16);
    prefix.bits = static_cast<std::uint8_t>(bits);
    return prefix;
}

// "address port", or "none"; trusted hops are 10.0.0.0/8 and fd00::/8.
std::string client(const std::string& fields, std::string_view name = "X-Forwarded-For") {
    const Request request(fields);
    const AddressPrefix trusted[] = {prefix_of("10.0.0.0", 104), prefix_of("fd00::", 8)};
    ClientAddress got;
    if (!forwarded_client(request.head(), name, trusted, &got)) return "none";
    std::string text;
    for (const std::uint8_t byte : got.address)
        text += "0123456789abcdef"[byte >> 4], text += "0123456789abcdef"[byte & 15];
    return text.substr(text.starts_with("00000000000000000000ffff") ? 24 : 0) + " " +
           std::to_string(got.port);
}

void expect_client(const char* expected, const std::string& fields,
                   std::string_view name = "X-Forwarded-For") {
    assert_string_equal(client(fields, name).c_str(), expected);
}

void believes_the_rightmost_hop_that_is_not_trusted(void**) {
    expect_client("01020304 0", "X-Forwarded-For: 1.2.3.4\r\n");
    expect_client("05060708 0", "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n");
    expect_client("05060708 0", "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.0.0.1 ,fd00::1\r\n");
    expect_client("05060708 99", "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8:99,,\r\n");
    expect_client("20010db8000000000000000000000007 8",
                  "X-Forwarded-For: [2001:db8::7]:8, 10.1.1.1\r\n");
    expect_client("0a000001 0", "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n");
    expect_client("01020304 0", "X-Real-IP: 1.2.3.4\r\n", "x-real-ip");
}

void believes_nothing_left_of_what_is_no_address(void**) {
    expect_client("none", "");
    expect_client("none", "X-Forwarded-For: unknown\r\n");
    expect_client("none", "X-Forwarded-For: 1.2.3.4, unknown, 10.0.0.1\r\n");
    expect_client("05060708 0", "X-Forwarded-For: junk, 5.6.7.8, 10.0.0.1\r\n");
    expect_client("none", "X-Forwarded-For: 1.2.3.4 5.6.7.8\r\n");
    expect_client("none", "X-Forwarded-For: ,\r\n");
}

void reads_the_forwarded_field(void**) {
    expect_client("01020304 0", "Forwarded: for=1.2.3.4\r\n", "forwarded");
    expect_client("20010db8000000000000000000000007 4711",
                  "Forwarded: for=9.9.9.9, proto=http; FOR=\"[2001:db8::7]:4711\";by=x\r\n",
                  "Forwarded");
    expect_client("01020304 0", "Forwarded: for=1.2.3.4;by=\"a,b;for=6.6.6.6\", for=10.0.0.1\r\n",
                  "Forwarded");
    expect_client("01020304 0", "Forwarded: for=1.2.3.4;by=\"\\\",for=6.6.6.6\"\r\n", "Forwarded");
    expect_client("none", "Forwarded: for=1.2.3.4, for=_hidden\r\n", "Forwarded");
    expect_client("none", "Forwarded: for=1.2.3.4, by=10.0.0.1\r\n", "Forwarded");
    expect_client("none", "Forwarded: for=\"1.2.3.4\r\n", "Forwarded");
    expect_client("none", "Forwarded: for=\"1.2.3.4\\\r\n", "Forwarded");
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_access_key_of_s3_requests),
        cmocka_unit_test(finds_no_access_key_where_there_is_none),
        cmocka_unit_test(finds_the_user_of_basic_credentials),
        cmocka_unit_test(takes_a_named_field_as_account),
        cmocka_unit_test(drops_what_could_break_a_line_or_a_terminal),
        cmocka_unit_test(believes_the_rightmost_hop_that_is_not_trusted),
        cmocka_unit_test(believes_nothing_left_of_what_is_no_address),
        cmocka_unit_test(reads_the_forwarded_field),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
