// PROXY headers: what a prefix decides, more bytes do not change, and every input is decided within
// the limit. Addresses in text agree with inet_pton.
#include <arpa/inet.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/base/limits.h"
#include "dataplane/http/proxy_header.h"

namespace cordon {
namespace {

#define REQUIRE(x) \
    if (!(x)) std::abort()

bool same(const ProxyHeader& a, const ProxyHeader& b) {
    return a.status == b.status && a.consumed == b.consumed && a.local == b.local &&
           a.source.address == b.source.address && a.source.port == b.source.port;
}

void check_prefixes(Bytes bytes) {
    ProxyHeader decided;
    for (std::size_t n = 0; n <= bytes.size(); ++n) {
        const std::vector<std::uint8_t> prefix(bytes.begin(),
                                               bytes.begin() + static_cast<std::ptrdiff_t>(n));
        const ProxyHeader got = parse_proxy_header(prefix);
        if (decided.status != ProxyHeaderStatus::incomplete) REQUIRE(same(got, decided));
        if (got.status == ProxyHeaderStatus::ok) REQUIRE(got.consumed <= n);
        if (got.status == ProxyHeaderStatus::incomplete) {
            REQUIRE(n < limits::proxy_header_bytes_max);
        }
        decided = got;
        if (n > limits::proxy_header_bytes_max + 8) break;
    }
}

void check_address(const std::string& text) {
    AddressBytes ours{}, theirs{};
    if (text.find('\0') != std::string::npos) return;
    const bool good = ::inet_pton(AF_INET6, text.c_str(), theirs.data()) == 1;
    REQUIRE(parse_ipv6(text, &ours) == good);
    if (good) REQUIRE(ours == theirs);
    std::uint8_t quad[4];
    const bool good_quad = ::inet_pton(AF_INET, text.c_str(), quad) == 1;
    REQUIRE(parse_ipv4(text, &ours) == good_quad);
    if (good_quad) REQUIRE(std::memcmp(ours.data() + 12, quad, 4) == 0);
    ClientAddress endpoint;
    if (good || good_quad) REQUIRE(parse_endpoint(text, &endpoint));
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    check_prefixes({data, size});
    if (size < 64) check_address(std::string(as_text({data, size})));
    return 0;
}
