#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "dataplane/assembly/commit_list.h"
#include "dataplane/http/message.h"
#include "tests/bench/parts_bench.h"

namespace cordon::bench {

namespace {

template <typename T>
void keep(const T& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

struct Request {
    std::array<std::uint8_t, limits::head_bytes_max> storage;
    RequestParser parser;
    std::string text;
    explicit Request(const std::string& line)
        : text(line +
               " HTTP/1.1\r\nHost: storage.example\r\nContent-Length: 5242880\r\n"
               "Authorization: AWS4-HMAC-SHA256 Credential=A/20261121/r/s3/aws4_request\r\n"
               "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nUser-Agent: bench\r\n\r\n") {
        read();
    }
    void read() {
        RequestEvent event;
        parser.open(storage);
        parser.feed(as_bytes(text));
        parser.next(&event);
    }
};

Spread seen(const std::string& text, std::uint32_t runs) {
    return nanoseconds(runs, 1, [&] { keep(std::memchr(text.data(), 1, text.size())); });
}

void add_request(const char* name, const char* line, std::uint32_t runs,
                 std::vector<PartResult>* results) {
    Request request(line);
    const Spread limit = seen(request.text, runs);
    results->push_back({"http", std::string("head of ") + name,
                        nanoseconds(runs, 1, [&] { request.read(); }), limit});
    results->push_back({"http", std::string("meaning of ") + name,
                        nanoseconds(runs, 1, [&] { keep(recipe_of(request.parser.head(), 1)); }),
                        limit});
}

std::string parts(unsigned count) {
    std::string body = "<CompleteMultipartUpload>";
    for (unsigned n = 1; n <= count; ++n) {
        body += "<Part><ETag>\"9a036422ff4bd11d6b3a0d1d1c5d3c4e\"</ETag><PartNumber>" +
                std::to_string(n) + "</PartNumber></Part>";
    }
    return body + "</CompleteMultipartUpload>";
}

std::string segments(unsigned count) {
    std::string body = "[";
    for (unsigned n = 0; n < count; ++n) {
        body += std::string(n == 0 ? "" : ",") + "{\"path\": \"/segments/big/" + std::to_string(n) +
                "\", \"etag\": \"9a036422ff4bd11d6b3a0d1d1c5d3c4e\"," + " \"size_bytes\": 5242880}";
    }
    return body + "]";
}

void add_list(const char* name, const char* line, const std::string& body, std::uint32_t runs,
              std::vector<PartResult>* results) {
    const Request request(line);
    const PieceRequest piece = recipe_of(request.parser.head(), 1);
    CommitList reader;
    CommitEntry entry;
    const Spread ns = nanoseconds(runs, 1, [&] {
        reader.open(request.parser.head(), piece, 1);
        reader.feed(as_bytes(body));
        while (reader.next(&entry))
            keep(entry);
        reader.finish();
        while (reader.next(&entry))
            keep(entry);
        if (reader.state() != CommitList::State::complete) std::abort();
    });
    results->push_back({"http", name, ns, seen(body, runs)});
}

}  // namespace

std::vector<PartResult> run_http(std::uint32_t runs) {
    std::vector<PartResult> results;
    add_request("a part", "PUT /bkt/dir/photo.jpg?partNumber=7&uploadId=2~0WvOss1Em5VoFR98", runs,
                &results);
    add_request("an object", "PUT /bkt/dir/photo.jpg", runs, &results);
    add_request("a download", "GET /bkt/dir/photo.jpg", runs, &results);
    add_list("list of 1000 parts", "POST /bkt/k?uploadId=2~0WvOss1Em5VoFR98", parts(1000), runs,
             &results);
    add_list("list of 1000 segments", "PUT /v1/AUTH_t/c/o?multipart-manifest=put", segments(1000),
             runs, &results);
    return results;
}

}  // namespace cordon::bench
