// The name of an object, as a client chose it, on its way to a request with our credentials.
#include <algorithm>
#include <cstring>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"
#include "dataplane/verifier/location.h"

using namespace cordon;
using namespace cordon::verifier;

namespace {

template <std::size_t N>
void take(std::string_view text, char (&out)[N]) {
    std::memcpy(out, text.data(), std::min(text.size(), N - 1));
}

void check(const VerifyJob& job, const Location& where) {
    INVARIANT(where.path.size() > 1 && where.path.front() == '/' && where.path.back() != '/');
    for (const char c : where.path)
        INVARIANT(c != ' ' && c != '?' && c != '#' && !http::is_control(c));
    const std::string own = "s3.example:9000";
    INVARIANT(where.host == own || (where.host.size() > own.size() + 1 &&
                                    where.host.ends_with("." + own) && job.path_style == 0));
    INVARIANT(where.origin == "http://" + where.host);
    INVARIANT((where.host == own) == where.connect_to.empty());
    if (job.api == StorageApi::s3 && job.path_style != 0)
        INVARIANT(where.path.find('/', 2) != std::string::npos);
    for (const char c : where.host)
        INVARIANT(http::is_alpha(c) || http::is_digit(c) || c == '-' || c == '.' || c == '_' ||
                  c == ':');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    VerifyJob job{};
    job.api = (data[0] & 1) != 0 ? StorageApi::s3 : StorageApi::webdav;
    job.path_style = (data[0] & 2) != 0;
    std::strcpy(job.endpoint, "http://s3.example:9000");
    const std::string_view rest = as_text(Bytes(data + 1, size - 1));
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    take(rest.substr(0, end), job.host);
    take(rest.substr(std::min(end + 1, rest.size())), job.target);
    Location where;
    if (locate(job, &where) == LocationResult::ok) check(job, where);
    return 0;
}
