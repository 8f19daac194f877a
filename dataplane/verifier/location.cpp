#include "dataplane/verifier/location.h"

#include <algorithm>

#include "dataplane/http/syntax.h"
#include "dataplane/verifier/aws_sign.h"

namespace cordon::verifier {

namespace {

// The path of a request target in origin or absolute form (RFC 9112 §3.2).
std::string_view path_of(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!http::starts_ignoring_case(target, scheme)) continue;
        target.remove_prefix(scheme.size());
        target.remove_prefix(std::min(target.find('/'), target.size()));
    }
    return target.substr(0, target.find_first_of("?#"));
}

bool is_sendable(std::string_view path) {
    return std::none_of(path.begin(), path.end(),
                        [](char c) { return c == ' ' || http::is_control(c); });
}

std::string decoded(std::string_view text) {
    std::string out;
    while (!text.empty())
        out += http::take_percent_decoded(&text);
    return out;
}

// "host:port" without its port; an IPv6 address keeps its brackets.
std::string_view without_port(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos
               ? host
               : host.substr(0, colon);
}

bool is_bucket(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return http::is_alpha(c) || http::is_digit(c) || c == '-' || c == '.' || c == '_';
    });
}

// The bucket stands in front of the endpoint's name.
LocationResult put_bucket_into_host(const VerifyJob& job, Location* location) {
    const std::string_view of_client = without_port(job.host);
    const std::string_view base = without_port(location->host);
    if (of_client.size() <= base.size() + 1 ||
        !http::equal_ignoring_case(of_client.substr(of_client.size() - base.size()), base) ||
        of_client[of_client.size() - base.size() - 1] != '.')
        return LocationResult::foreign_host;
    std::string bucket(of_client.substr(0, of_client.size() - base.size() - 1));
    if (!is_bucket(bucket)) return LocationResult::foreign_host;
    std::transform(bucket.begin(), bucket.end(), bucket.begin(), http::to_lower);
    location->connect_to = "::" + location->host;
    if (base == location->host) {
        location->connect_to += location->origin.starts_with("https") ? ":443" : ":80";
    }
    const std::size_t scheme = location->origin.find("://") + 3;
    location->host = bucket + "." + location->host;
    location->origin = location->origin.substr(0, scheme) + location->host;
    return LocationResult::ok;
}

}  // namespace

LocationResult locate(const VerifyJob& job, Location* location) {
    if (job.cut != 0) return LocationResult::cut;
    const std::string_view endpoint(job.endpoint);
    const std::size_t scheme = endpoint.find("://");
    if (scheme == std::string_view::npos) return LocationResult::bad_endpoint;
    location->origin = endpoint;
    location->host = endpoint.substr(scheme + 3);
    location->connect_to.clear();
    const std::string_view path = path_of(job.target);
    if (path.size() < 2 || path[0] != '/' || path.back() == '/' || !is_sendable(path))
        return LocationResult::no_object;
    location->path = path;
    if (job.api == StorageApi::webdav) return LocationResult::ok;

    const std::string_view swift(job.swift);
    const bool is_swift = !swift.empty() && path.size() > swift.size() && path.starts_with(swift) &&
                          path[swift.size()] == '/';
    const std::string key = decoded(is_swift ? path.substr(swift.size()) : path);
    if (key.back() == '/') return LocationResult::no_object;  // a "folder" of some browsers
    location->path = encode_path(key);
    if (job.path_style == 0) return put_bucket_into_host(job, location);
    const std::size_t end_of_bucket = key.find('/', 1);
    return end_of_bucket == std::string::npos || end_of_bucket == 1 ? LocationResult::no_object
                                                                    : LocationResult::ok;
}

const char* location_why(LocationResult result) {
    switch (result) {
        case LocationResult::ok:
            return "";
        case LocationResult::bad_endpoint:
            return "the endpoint of the service is no URL";
        case LocationResult::cut:
            return "the name of the object is too long to be kept, so it cannot be fetched";
        case LocationResult::no_object:
            return "the request names a bucket or a collection, not an object";
        case LocationResult::foreign_host:
            return "the host that the client named is no bucket of the endpoint";
    }
    return "";
}

}  // namespace cordon::verifier
