// What it costs to say what a request means for an upload in pieces: once for each request, so
// beside the bytes of a piece it is nothing; and to read the list of a commit, in bytes/s.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "dataplane/assembly/commit_list.h"
#include "dataplane/http/message.h"

namespace {

using namespace cordon;

struct Request {
    std::array<std::uint8_t, limits::head_bytes_max> storage;
    RequestParser parser;
    std::string text;
    explicit Request(const std::string& line)
        : text(line +
               " HTTP/1.1\r\nHost: storage.example\r\nContent-Length: 5242880\r\n"
               "Authorization: AWS4-HMAC-SHA256 Credential=A/20261121/r/s3/aws4_request\r\n"
               "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nUser-Agent: bench\r\n\r\n") {
        RequestEvent event;
        parser.open(storage);
        parser.feed(as_bytes(text));
        parser.next(&event);
    }
};

void recipe(benchmark::State& state, const char* line) {
    const Request request(line);
    for (auto _ : state)
        benchmark::DoNotOptimize(recipe_of(request.parser.head(), 1));
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

void list(benchmark::State& state, const char* line, const std::string& body) {
    const Request request(line);
    const PieceRequest piece = recipe_of(request.parser.head(), 1);
    CommitList reader;
    CommitEntry entry;
    for (auto _ : state) {
        reader.open(request.parser.head(), piece, 1);
        reader.feed(as_bytes(body));
        while (reader.next(&entry))
            benchmark::DoNotOptimize(entry);
        reader.finish();
        while (reader.next(&entry))
            benchmark::DoNotOptimize(entry);
        if (reader.state() != CommitList::State::complete) state.SkipWithError("not a list");
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}

}  // namespace

BENCHMARK_CAPTURE(recipe, s3_part,
                  "PUT /bkt/dir/photo.jpg?partNumber=7&uploadId=2~0WvOss1Em5VoFR98");
BENCHMARK_CAPTURE(recipe, plain_object, "PUT /bkt/dir/photo.jpg");
BENCHMARK_CAPTURE(recipe, download, "GET /bkt/dir/photo.jpg");
BENCHMARK_CAPTURE(list, s3_parts, "POST /bkt/k?uploadId=2~0WvOss1Em5VoFR98", parts(1000));
BENCHMARK_CAPTURE(list, swift_segments, "PUT /v1/AUTH_t/c/o?multipart-manifest=put",
                  segments(1000));

BENCHMARK_MAIN();
