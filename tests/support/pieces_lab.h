// Uploads in pieces through the whole line: two workers that share one Assembly, each with a client
// and a storage connection of its own, and the requests that are used by several tests.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/assembly/assembly.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/digest_text.h"
#include "tests/support/lab.h"

namespace cordon::test {

inline constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
inline constexpr std::string_view denied_answer = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";

inline const std::string& known() {
    static const std::string content = known_content(300000);
    return content;
}

struct Pair {
    explicit Pair(Options options = lab_options())
        : assembly(assembly_limits(options), 3),
          one(options, 4096, 4096, &assembly),
          two(options, 4096, 4096, &assembly) {
        for (Lab* lab : {&one, &two}) {
            lab->use(index_of_contents({known()}));
            lab->connect();
        }
    }
    // Time passes for both; `steps` turns.
    void turn(int steps = 1) {
        for (; steps > 0; --steps) {
            one.step();
            two.step();
        }
    }
    Assembly assembly;
    Lab one;
    Lab two;
};

inline std::string part_of(int number, std::string_view bytes, std::string_view upload = "U1") {
    return put(
        "/bucket/key?partNumber=" + std::to_string(number) + "&uploadId=" + std::string(upload),
        bytes);
}

// A segment of Swift, as it stands below its folder.
struct NamedSegment {
    std::string name;
    std::string_view bytes;
};

// The manifest that makes an object of them; `folder` as it names it, with the container.
inline std::string put_manifest(std::string_view folder, const std::vector<NamedSegment>& segments,
                                bool has_digests) {
    std::string list;
    for (const NamedSegment& each : segments) {
        list += list.empty() ? "[" : ", ";
        list += "{\"path\": \"" + std::string(folder) + each.name +
                "\", \"size_bytes\": " + std::to_string(each.bytes.size());
        list += has_digests ? ", \"etag\": \"" + evp(EVP_md5(), as_bytes(each.bytes)) + "\"}" : "}";
    }
    return put("/v1/AUTH_t/c/big?multipart-manifest=put", list + "]");
}

inline std::string complete(std::initializer_list<int> parts, std::string_view upload = "U1") {
    std::string list = "<CompleteMultipartUpload>";
    for (const int number : parts)
        list +=
            "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>e</ETag></Part>";
    list += "</CompleteMultipartUpload>";
    return "POST /bucket/key?uploadId=" + std::string(upload) +
           " HTTP/1.1\r\nHost: s3.example\r\nContent-Length: " + std::to_string(list.size()) +
           "\r\n\r\n" + list;
}

inline void send(Lab* lab, std::string_view bytes, std::string_view answer = ok_answer) {
    lab->send(bytes);
    lab->acknowledge();
    if (!answer.empty()) lab->respond(answer);
}

inline std::string_view third(int number) {
    return std::string_view(known()).substr(static_cast<std::size_t>(number - 1) * 100000, 100000);
}

inline bool is_refused(const Lab& lab, std::string_view status) {
    return lab.answer.find("HTTP/1.1 " + std::string(status)) != std::string::npos &&
           lab.storage_reset;
}

// --- in place ---

inline std::string dav_put(std::string_view bytes, std::string_view more = {}) {
    return put("/dav/file", bytes, more);
}

inline std::string dav_range(std::size_t begin, std::string_view bytes) {
    return dav_put(bytes, "Content-Range: bytes " + std::to_string(begin) + "-" +
                              std::to_string(begin + bytes.size() - 1) + "/300000\r\n");
}

inline std::string dav_patch(std::string_view place, std::string_view bytes) {
    return "PATCH /dav/file HTTP/1.1\r\nHost: files.example\r\nX-Update-Range: " +
           std::string(place) +
           "\r\nContent-Type: application/x-sabredav-partialupdate\r\nContent-Length: " +
           std::to_string(bytes.size()) + "\r\n\r\n" + std::string(bytes);
}

// The last request decides; none before it is refused.
inline void expect_of(Pair* pair, std::initializer_list<std::string> requests,
                      std::string_view refusal) {
    std::size_t left = requests.size();
    for (const std::string& request : requests) {
        const std::size_t before = pair->one.stored.size();
        pair->one.send(request);
        pair->turn(50);
        if (--left == 0 && !refusal.empty()) {
            assert_true(is_refused(pair->one, refusal));
            assert_true(pair->one.stored.size() < before + request.size());
            return;
        }
        assert_int_equal(pair->one.stored.size(), before + request.size());
        pair->one.acknowledge();
        pair->one.respond(ok_answer);
    }
    assert_false(pair->one.storage_reset);
}

}  // namespace cordon::test
