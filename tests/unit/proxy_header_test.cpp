// PROXY headers of both versions: every prefix is incomplete, every defect malformed, and ordinary
// requests are told from a header at their first different byte. Addresses against inet_pton.
#include "dataplane/http/proxy_header.h"

#include <arpa/inet.h>

#include <string>

#include "dataplane/base/limits.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

namespace cordon {
namespace {

using Status = ProxyHeaderStatus;

ProxyHeader parse(std::string_view text) {
    const test::GuardedBytes guarded(as_bytes(text));
    return parse_proxy_header(guarded.bytes());
}

std::string shown(const AddressBytes& address) {
    char text[INET6_ADDRSTRLEN];
    return ::inet_ntop(AF_INET6, address.data(), text, sizeof text);
}

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string version2(char command, char family, std::string_view rest) {
    std::string header = signature + command + family;
    header += static_cast<char>(rest.size() >> 8);
    header += static_cast<char>(rest.size() & 0xff);
    return header + std::string(rest);
}

const std::string ipv4_addresses("\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x34\x00\x50", 12);

// Every strict prefix is incomplete; with more bytes behind it, exactly the header is consumed.
void expect_whole(const std::string& header, const char* source, std::uint16_t port) {
    for (std::size_t n = 0; n < header.size(); ++n) {
        assert_int_equal(parse(header.substr(0, n)).status, Status::incomplete);
    }
    for (const std::string& after : {std::string(), std::string("PUT / HTTP/1.1\r\n")}) {
        const ProxyHeader got = parse(header + after);
        assert_int_equal(got.status, Status::ok);
        assert_int_equal(got.consumed, header.size());
        assert_int_equal(got.local, source == nullptr);
        if (source == nullptr) continue;
        assert_string_equal(shown(got.source.address).c_str(), source);
        assert_int_equal(got.source.port, port);
    }
}

void reads_version_1(void**) {
    expect_whole("PROXY TCP4 192.0.2.7 10.0.0.1 40000 80\r\n", "::ffff:192.0.2.7", 40000);
    expect_whole("PROXY TCP6 2001:db8::7 2001:db8::1 65535 0\r\n", "2001:db8::7", 65535);
    expect_whole("PROXY UNKNOWN\r\n", nullptr, 0);
    expect_whole("PROXY UNKNOWN ffff::1 what ever 1 2\r\n", nullptr, 0);
}

void reads_version_2(void**) {
    expect_whole(version2('\x21', '\x11', ipv4_addresses), "::ffff:192.0.2.7", 0x1234);
    std::string ipv6(36, '\0');
    ipv6[0] = '\x20';
    ipv6[1] = '\x01';
    ipv6[15] = '\x07';
    ipv6[33] = '\x50';
    expect_whole(version2('\x21', '\x21', ipv6), "2001::7", 80);
    expect_whole(version2('\x21', '\x11',
                          ipv4_addresses + std::string("\x03\x00\x04"
                                                       "abcd",
                                                       7)),
                 "::ffff:192.0.2.7", 0x1234);
}

void names_nobody_for_local_and_other_families(void**) {
    expect_whole(version2('\x20', '\x00', ""), nullptr, 0);
    expect_whole(version2('\x20', '\x11', ipv4_addresses), nullptr, 0);
    expect_whole(version2('\x21', '\x00', "tlv"), nullptr, 0);
    expect_whole(version2('\x21', '\x31', std::string(216, 'u')), nullptr, 0);
    expect_whole(version2('\x21', '\x12', ipv4_addresses), nullptr, 0);
}

void tells_a_request_from_a_header(void**) {
    for (const char* other : {"PUT / HTTP/1.1", "POST", "GET", "PROXI", "PROXY\t", "\r\nG",
                              "\r\n\r\nP", "\x16\x03", "x"}) {
        assert_int_equal(parse(other).status, Status::absent);
    }
    assert_int_equal(parse(std::string("\r\n\r\n\0\r\nQUIX", 11)).status, Status::absent);
}

void refuses_defects_of_version_1(void**) {
    for (const char* bad :
         {"PROXY UNKNOWN x\n", "PROXY \r\n", "PROXY \n", "PROXY TCP4\r\n",
          "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
          "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
          "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
          "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
          "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
          "PROXY TCP4 1.2.3.4 x 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
          "PROXY UNKNOWNX\r\n", "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n"}) {
        assert_int_equal(parse(bad).status, Status::malformed);
    }
    const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x');
    assert_int_equal(parse(longest + "\r\n").status, Status::ok);
    assert_int_equal(parse(longest + "x\r\n").status, Status::malformed);
    assert_int_equal(parse(longest + "x").status, Status::incomplete);
    assert_int_equal(parse(longest + "xx").status, Status::malformed);
}

void refuses_defects_of_version_2(void**) {
    assert_int_equal(parse(signature + "\x11").status, Status::malformed);
    assert_int_equal(parse(signature + "\x22").status, Status::malformed);
    assert_int_equal(parse(version2('\x21', '\x11', ipv4_addresses.substr(1))).status,
                     Status::malformed);
    assert_int_equal(parse(version2('\x21', '\x21', ipv4_addresses)).status, Status::malformed);
    const std::size_t most = limits::proxy_header_bytes_max - 16;
    const std::string large = ipv4_addresses + std::string(most - 12, 't');
    assert_int_equal(parse(version2('\x21', '\x11', large)).status, Status::ok);
    const std::string larger = version2('\x21', '\x11', large + "t");
    assert_int_equal(parse(larger).status, Status::malformed);
    assert_int_equal(parse(larger.substr(0, 16)).status, Status::malformed);
}

// --- addresses ----------------------------------------------------------------------------------

void agrees_with_inet_pton_on_addresses(void**) {
    for (const char* text : {"1.2.3.4",
                             "0.0.0.0",
                             "255.255.255.255",
                             "1.2.3",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "01.2.3.4",
                             "1.2.3.4 ",
                             "",
                             ".",
                             "1..2.3",
                             "::",
                             "::1",
                             "1::",
                             "1:2:3:4:5:6:7:8",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7::",
                             "::2:3:4:5:6:7:8",
                             "1::3:4:5:6:7:8",
                             "::1:2:3:4:5:6:7:8",
                             "1::2::3",
                             ":::",
                             ":",
                             ":1",
                             "1:",
                             "12345::",
                             "abcd::EF",
                             "g::",
                             "::ffff:1.2.3.4",
                             "1:2:3:4:5:6:1.2.3.4",
                             "1:2:3:4:5:6:7:1.2.3.4",
                             "::1.2.3.4:5",
                             "::1.2.3",
                             "1.2.3.4::",
                             "fe80::1%eth0",
                             "::01.2.3.4",
                             "1:2:3:4:5:6:7:",
                             "1::2:",
                             "0001::"}) {
        AddressBytes ours{}, theirs{};
        assert_int_equal(parse_ipv6(text, &ours), ::inet_pton(AF_INET6, text, theirs.data()) == 1);
        assert_true(ours == theirs);
        AddressBytes mapped{};
        std::uint8_t quad[4] = {};
        const bool good = ::inet_pton(AF_INET, text, quad) == 1;
        assert_int_equal(parse_ipv4(text, &mapped), good);
        if (good) assert_memory_equal(mapped.data() + 12, quad, 4);
    }
}

void reads_endpoints_as_proxies_write_them(void**) {
    const auto reads = [](std::string_view text, const char* address, std::uint16_t port) {
        ClientAddress got;
        assert_true(parse_endpoint(text, &got));
        assert_string_equal(shown(got.address).c_str(), address);
        assert_int_equal(got.port, port);
    };
    reads("1.2.3.4", "::ffff:1.2.3.4", 0);
    reads("1.2.3.4:56", "::ffff:1.2.3.4", 56);
    reads("2001:db8::1", "2001:db8::1", 0);
    reads("::ffff:1.2.3.4", "::ffff:1.2.3.4", 0);
    reads("[2001:db8::1]", "2001:db8::1", 0);
    reads("[2001:db8::1]:443", "2001:db8::1", 443);
    for (const char* bad :
         {"", "unknown", "_x", "1.2.3.4:", "1.2.3.4:x", "[::1", "[::1]x", "[::1]:", "[]",
          "[1.2.3.4]", "1.2.3.4:70000", "::1]:80", "host.example"}) {
        ClientAddress got;
        assert_false(parse_endpoint(bad, &got));
    }
}

void compares_prefixes_bit_by_bit(void**) {
    AddressPrefix prefix{};
    AddressBytes address{};
    assert_true(parse_ipv4("10.1.128.0", &address));
    std::memcpy(prefix.address, address.data(), 16);
    prefix.bits = 96 + 17;
    const auto within = [&](std::string_view text) {
        AddressBytes tried{};
        assert_true(parse_ipv4(text, &tried) || parse_ipv6(text, &tried));
        return is_within(tried, prefix);
    };
    assert_true(within("10.1.128.1") && within("10.1.255.255"));
    assert_false(within("10.1.127.255") || within("10.2.128.0") || within("::1"));
    prefix.bits = 128;
    assert_true(within("10.1.128.0"));
    assert_false(within("10.1.128.1"));
    prefix.bits = 0;
    assert_true(within("::1"));
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_version_1),
        cmocka_unit_test(reads_version_2),
        cmocka_unit_test(names_nobody_for_local_and_other_families),
        cmocka_unit_test(tells_a_request_from_a_header),
        cmocka_unit_test(refuses_defects_of_version_1),
        cmocka_unit_test(refuses_defects_of_version_2),
        cmocka_unit_test(agrees_with_inet_pton_on_addresses),
        cmocka_unit_test(reads_endpoints_as_proxies_write_them),
        cmocka_unit_test(compares_prefixes_bit_by_bit),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
