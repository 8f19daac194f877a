#include "tests/bench/content_bench.h"

#include <openssl/evp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dataplane/content/content_scanner.h"
#include "tests/bench/rates.h"
#include "tests/support/index_images.h"

namespace cordon::bench {
namespace {

constexpr std::size_t segment_bytes = 1448;
constexpr std::size_t text_bytes = 8u << 20;

// Of this thread: neighbours on the machine do not count.
template <typename Body>
double median_seconds(std::uint32_t runs, Body&& body) {
    std::vector<double> seconds;
    for (std::uint32_t n = 0; n < runs; ++n) {
        const double begin = cpu_seconds();
        body();
        seconds.push_back(cpu_seconds() - begin);
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
}

std::string with_zeros(std::string head) {
    head.resize(limits::type_head_bytes);
    return head;
}

// A page with an address every 40 bytes or so, none of them listed.
std::string page() {
    std::string text = "<!doctype html>";
    for (int n = 0; text.size() < text_bytes; ++n)
        text += "<a href=\"http://www.example.org/" + std::to_string(n) + "\">x</a>\n";
    return text;
}

template <typename Feed>
void in_segments(const std::string& text, Feed&& feed) {
    const Bytes all = as_bytes(text);
    for (std::size_t at = 0; at < all.size(); at += segment_bytes)
        feed(all.subspan(at, std::min(segment_bytes, all.size() - at)));
}

double digest_gbyte_per_s(const std::string& text, std::uint32_t runs) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const double seconds = median_seconds(runs, [&] {
        std::uint8_t digest[32];
        EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
        in_segments(text, [&](Bytes run) { EVP_DigestUpdate(context, run.data(), run.size()); });
        EVP_DigestFinal_ex(context, digest, nullptr);
    });
    EVP_MD_CTX_free(context);
    return static_cast<double>(text.size()) / seconds * 1e-9;
}

double search_gbyte_per_s(const std::string& text, std::uint32_t patterns, std::uint32_t runs) {
    std::vector<std::string> texts;
    for (std::uint32_t n = 0; n < patterns; ++n)
        texts.push_back("http://files" + std::to_string(n) + ".example/known/" +
                        std::to_string(n * 7919));
    const AlignedBytes image = test::index_of_patterns(texts);
    IndexView view;
    const char* why = "";
    PatternView read;
    if (IndexView::open(image.bytes(), true, &view, &why) != IndexStatus::ok ||
        !PatternView::open(view, &read))
        return 0;
    const auto scanner = PatternScanner::make(read, 1);
    const double seconds = median_seconds(runs, [&] {
        PatternHits hits{};
        const PatternScanner::Stream stream = scanner->open();
        in_segments(text, [&](Bytes run) { scanner->scan(stream, run, &hits); });
        scanner->end(stream, &hits);
    });
    return static_cast<double>(text.size()) / seconds * 1e-9;
}

}  // namespace

ContentResult run_content(std::uint32_t runs) {
    const struct {
        const char* name;
        std::string head;
    } heads[] = {
        {"jpeg", with_zeros("\xff\xd8\xff\xe0")},
        {"mp4", with_zeros(std::string("\0\0\0\x20", 4) + "ftypisom")},
        {"zip", with_zeros("PK\3\4")},
        {"html", page().substr(0, limits::type_head_bytes)},
        {"text", std::string(limits::type_head_bytes, 'a')},
        {"binary", std::string(limits::type_head_bytes, '\1')},
    };
    constexpr int times = 20000;
    const TypeDatabases types;
    TypeScanner scanner(&types);
    ContentResult result;
    for (const auto& one : heads) {
        const double seconds = median_seconds(runs, [&] {
            for (int n = 0; n < times; ++n)
                scanner.type_of(as_bytes(one.head));
        });
        result.types.push_back({one.name, seconds / times * 1e9});
    }
    const std::string text = page();
    result.digest_gbyte_per_s = digest_gbyte_per_s(text, runs);
    for (const std::uint32_t patterns : {1u, 100u, 1000u, 16384u})
        result.searches.push_back({patterns, search_gbyte_per_s(text, patterns, runs)});
    return result;
}

}  // namespace cordon::bench
