#include "tests/bench/forms_bench.h"

#include <getopt.h>
#include <openssl/sha.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/archives.h"
#include "tests/support/body_objects.h"
#include "tests/support/zip_builder.h"

namespace cordon::bench {

using namespace cordon::test;

namespace {

constexpr std::size_t content_bytes = 1 << 20;  // stays in the cache, as what was just received
constexpr std::size_t segment_bytes = 1448;
constexpr double run_seconds = 0.25;

// Words and noise: deflate makes half of it.
std::string content() {
    std::string text;
    std::uint32_t random = 1;
    while (text.size() < content_bytes) {
        random = random * 1664525 + 1013904223;
        if (random >> 30 == 0) text += "some words of a text that come again and again ";
        for (int n = 0; n < 16; ++n) {
            random = random * 1664525 + 1013904223;
            text += static_cast<char>(random >> 24);
        }
    }
    return text.substr(0, content_bytes);
}

struct Form {
    const char* name;
    std::string fields;
    std::string body;
};

std::string zip_of(const std::string& file, std::uint16_t method, unsigned descriptor) {
    ZipBuilder zip;
    for (int n = 0; n < 8; ++n) {
        BuiltMember member;
        member.name = "folder/file";
        member.content =
            file.substr(static_cast<std::size_t>(n) * file.size() / 8, file.size() / 8);
        member.method = method;
        member.descriptor = descriptor;
        zip.add(member);
    }
    return zip.end();
}

std::string many_members(const std::string& file) {
    ZipBuilder zip;
    for (std::size_t at = 0; at < file.size(); at += 1000)
        zip.add("folder/" + std::to_string(at), file.substr(at, 1000), 8);
    return zip.end();
}

std::string chunked(const std::string& file) {
    constexpr std::size_t chunk_bytes = 65536;
    std::string body;
    for (std::size_t at = 0; at < file.size(); at += chunk_bytes) {
        char line[16];
        std::snprintf(line, sizeof line, "%zx\r\n", std::min(chunk_bytes, file.size() - at));
        body += line + file.substr(at, chunk_bytes) + "\r\n";
    }
    return body + "0\r\n\r\n";
}

std::string gzipped(const std::string& file) {
    std::string head("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    return head + raw_deflated(file) + le(crc_of(file), 4) + le(file.size(), 4);
}

std::vector<Form> forms() {
    const std::string file = content();
    const std::string form =
        "--limit\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\""
        "\r\n\r\n" +
        file + "\r\n--limit--\r\n";
    return {
        {"plain body", "", file},
        {"form part", "Content-Type: multipart/form-data; boundary=limit\r\n", form},
        {"aws-chunked", "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n",
         chunked(file)},
        {"gzip coding", "Content-Encoding: gzip\r\n", gzipped(file)},
        {"gzip file", "", gzipped(file)},
        {"zip, stored", "", zip_of(file, 0, 0)},
        {"zip, stored, lengths behind", "", zip_of(file, 0, 4)},
        {"zip, deflate", "", zip_of(file, 8, 4)},
        {"zip, zstd", "", zip_of(file, 93, 0)},
        {"zip, members of 1 kB", "", many_members(file)},
    };
}

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Pass {
    std::uint64_t found = 0;  // bytes of objects other than the body as it is
    std::uint64_t objects = 0;
};

// As the worker does it: a body without a form has no decoder unless its first bytes ask for one.
Pass decode(const Form& form, const Head& head, BodyDecoder* decoder, const DecoderMemory& memory) {
    Pass pass;
    const Bytes body = as_bytes(form.body);
    const bool is_plain = !BodyDecoder::needed(head);
    if (is_plain && !BodyDecoder::needed(body.first(segment_bytes), false)) {
        ZipSearch search;
        std::size_t at = 0;
        for (Bytes rest = body; !rest.empty();) {
            const Bytes segment = rest.first(std::min(segment_bytes, rest.size()));
            INVARIANT(!search.find(segment, &at));
            rest = rest.subspan(segment.size());
        }
        pass.found = body.size();
        return pass;
    }
    decoder->open(head, memory, is_plain);
    ObjectEvent event;
    const auto take = [&] {
        while (decoder->next(&event)) {
            INVARIANT(event.kind != ObjectEvent::Kind::fault);
            pass.objects += event.kind == ObjectEvent::Kind::open;
            if (event.kind == ObjectEvent::Kind::bytes && event.object != 0)
                pass.found += event.bytes.size();
        }
    };
    for (Bytes rest = body; !rest.empty();) {
        const Bytes segment = rest.first(std::min(segment_bytes, rest.size()));
        decoder->feed(segment, 0);
        take();
        rest = rest.subspan(segment.size());
    }
    decoder->finish();
    take();
    decoder->close();
    return pass;
}

// Bytes a second of `bytes` for each call, the median of `runs`.
double rate_of(unsigned runs, std::uint64_t bytes, const std::function<void()>& call) {
    std::vector<double> rates;
    call();
    for (unsigned n = 0; n < runs; ++n) {
        const double begin = cpu_seconds();
        double took = 0;
        std::uint64_t calls = 0;
        while (took < run_seconds) {
            call();
            ++calls;
            took = cpu_seconds() - begin;
        }
        rates.push_back(static_cast<double>(calls * bytes) / took);
    }
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
}

}  // namespace

int forms_command(int argc, char** argv) {
    unsigned runs = 5;
    bool json = false;
    static const option options[] = {{"runs", required_argument, nullptr, 'r'},
                                     {"json", no_argument, nullptr, 'j'},
                                     {nullptr, 0, nullptr, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        if (c == 'r') runs = static_cast<unsigned>(std::strtoul(optarg, nullptr, 10));
        if (c == 'j') json = true;
        if (c == '?' || runs < 1 || runs > 99) return 1;
    }
    if (optind != argc) return 1;
    const auto decoder = std::make_unique<BodyDecoder>();
    CodingPool codings(4, 2);
    ArchivePool archives(8);
    std::vector<std::uint8_t> out(limits::decode_run_bytes);
    const DecoderMemory memory{out, &codings, &archives, 1};
    const std::string file = content();
    unsigned char digest[SHA256_DIGEST_LENGTH];
    const double sha256 = rate_of(runs, file.size(), [&] {
        SHA256(reinterpret_cast<const unsigned char*>(file.data()), file.size(), digest);
    });
    if (!json)
        std::printf(
            "forms: bytes found a second in %zu-byte segments, without digests; median of "
            "%u;\n       SHA-256 of them by OpenSSL: %.2f GB/s\n",
            segment_bytes, runs, sha256 / 1e9);
    for (const Form& form : forms()) {
        const ParsedHead head("POST", form.fields);
        const Pass pass = decode(form, head.head(), decoder.get(), memory);
        INVARIANT(pass.found >= content_bytes);
        const double rate =
            rate_of(runs, content_bytes, [&] { decode(form, head.head(), decoder.get(), memory); });
        if (json)
            std::printf(
                "{\"bench\":\"forms\",\"form\":\"%s\",\"body_bytes\":%zu,"
                "\"content_bytes\":%zu,\"gb_per_s\":%.3f,\"sha256_gb_per_s\":%.3f}\n",
                form.name, form.body.size(), content_bytes, rate / 1e9, sha256 / 1e9);
        else
            std::printf("  %-28s %7.2f GB/s, %5.2f x SHA-256\n", form.name, rate / 1e9,
                        rate / sha256);
    }
    return 0;
}

}  // namespace cordon::bench
