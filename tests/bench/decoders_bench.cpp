#include "tests/bench/decoders_bench.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <random>

#include "tests/bench/rates.h"
#include "tests/support/base64_text.h"
#include "tests/support/body_objects.h"
#include "tests/support/brotli.h"

namespace cordon::bench {

namespace {

constexpr std::size_t segment = 1460;
constexpr std::size_t file_bytes = 2u << 20;

// --- bodies --------------------------------------------------------------------------------------

// Packs to about three quarters, as documents do; pictures would pack to nothing.
std::string file() {
    std::mt19937 random(1);
    std::string bytes(file_bytes, '\0');
    for (char& c : bytes)
        c = static_cast<char>(random() & 0x3f);
    return bytes;
}

std::string deflated(const std::string& bytes, int window_bits) {
    z_stream stream{};
    INVARIANT(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    INVARIANT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

std::string gzip(const std::string& bytes) {
    return deflated(bytes, 31);
}

std::string zstd(const std::string& bytes) {
    std::string packed(ZSTD_compressBound(bytes.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
    return packed;
}

std::string number(std::uint32_t value, std::size_t bytes) {
    std::string text;
    for (; text.size() < bytes; value >>= 8)
        text += static_cast<char>(value);
    return text;
}

std::string zip(const std::string& bytes, bool is_packed) {
    const std::string data = is_packed ? deflated(bytes, -15) : bytes;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
    const std::string common =
        number(20, 2) + number(0, 2) + number(is_packed ? 8 : 0, 2) + number(0, 4) +
        number(crc, 4) + number(static_cast<std::uint32_t>(data.size()), 4) +
        number(static_cast<std::uint32_t>(bytes.size()), 4) + number(5, 2) + number(0, 2);
    const std::string local = "PK\3\4" + common + "a.bin" + data;
    const std::string directory =
        "PK\1\2" + number(20, 2) + common + number(0, 10) + number(0, 4) + "a.bin";
    return local + directory + "PK\5\6" + number(0, 4) + number(1, 2) + number(1, 2) +
           number(static_cast<std::uint32_t>(directory.size()), 4) +
           number(static_cast<std::uint32_t>(local.size()), 4) + number(0, 2);
}

std::string octal(std::size_t value, std::size_t digits) {
    char text[16];
    std::snprintf(text, sizeof text, "%0*zo", static_cast<int>(digits), value);
    return text;
}

std::string tar(const std::string& bytes) {
    std::string head = "a.bin" + std::string(95, '\0') + octal(0644, 7) + '\0' + octal(0, 7) +
                       '\0' + octal(0, 7) + '\0' + octal(bytes.size(), 11) + '\0' + octal(0, 11) +
                       '\0' + std::string(8, ' ') + '0' + std::string(100, '\0') + "ustar" + '\0' +
                       "00";
    head.resize(512);
    std::size_t sum = 0;
    for (const char c : head)
        sum += static_cast<std::uint8_t>(c);
    head.replace(148, 8, octal(sum, 6) + '\0' + ' ');
    return head + bytes + std::string(1024 + (512 - bytes.size() % 512) % 512, '\0');
}

std::string aws_chunked(const std::string& bytes) {
    std::string body;
    char size[16];
    for (std::size_t at = 0; at < bytes.size(); at += 65536) {
        const std::string chunk = bytes.substr(at, 65536);
        std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
        body += size + chunk + "\r\n";
    }
    return body + "0\r\n\r\n";
}

std::string form(const std::string& bytes, const std::string& more = "") {
    return "--bound\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n" + more +
           "\r\n" + bytes + "\r\n--bound--\r\n";
}

std::string nested_form(const std::string& bytes) {
    return "--bound\r\nContent-Disposition: form-data; name=\"f\"\r\n"
           "Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n"
           "Content-Disposition: file; filename=\"a\"\r\n\r\n" +
           bytes + "\r\n--inner--\r\n--bound--\r\n";
}

std::string quoted_printable(const std::string& bytes) {
    std::string text;
    char escape[8];
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        const char c = bytes[n];
        if (c > ' ' && c <= '~' && c != '=') {
            text += c;
        } else {
            std::snprintf(escape, sizeof escape, "=%02X", static_cast<unsigned>(c) & 0xffU);
            text += escape;
        }
        if (n % 32 == 31) text += "=\r\n";
    }
    return text;
}

struct Body {
    const char* form;
    std::string fields;
    std::string bytes;
};

std::vector<Body> bodies() {
    const std::string bytes = file();
    const std::string form_type = "Content-Type: multipart/form-data; boundary=bound\r\n";
    return {
        {"plain", "", bytes},
        {"form part", form_type, form(bytes)},
        {"form part, base64", form_type,
         form(test::base64_of(bytes), "Content-Transfer-Encoding: base64\r\n")},
        {"aws-chunked", "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n",
         aws_chunked(bytes)},
        {"form part, quoted-printable", form_type,
         form(quoted_printable(bytes), "Content-Transfer-Encoding: quoted-printable\r\n")},
        {"form in a form", form_type, nested_form(bytes)},
        {"gzip coding", "Content-Encoding: gzip\r\n", gzip(bytes)},
        {"deflate coding", "Content-Encoding: deflate\r\n", deflated(bytes, 15)},
        {"br coding", "Content-Encoding: br\r\n", test::brotli_file(bytes)},
        {"zstd coding", "Content-Encoding: zstd\r\n", zstd(bytes)},
        {"zip, stored", "", zip(bytes, false)},
        {"zip, deflate", "", zip(bytes, true)},
        {"tar", "", tar(bytes)},
        {"tar.gz", "", gzip(tar(bytes))},
        {"tar.zst", "", zstd(tar(bytes))},
        {"text, base64", "", test::base64_of(bytes)},
        {"text, JSON", "", "{\"name\":\"a\",\"data\":\"" + test::base64_of(bytes) + "\"}"},
    };
}

// --- measuring -----------------------------------------------------------------------------------

struct Bench {
    BodyDecoder decoder;
    std::array<std::uint8_t, (limits::codings_max + 1) * limits::decode_run_bytes> out;
    CodingPool codings{4, 4};
    ArchivePool archives{8};

    // Bytes of all objects in it.
    std::size_t take_apart(const Head& head, Bytes body) {
        std::size_t found = 0;
        ObjectEvent event;
        const auto take = [&] {
            while (decoder.next(&event)) {
                INVARIANT(event.kind != ObjectEvent::Kind::fault);
                if (event.kind == ObjectEvent::Kind::bytes) found += event.bytes.size();
            }
        };
        decoder.open(head, {out, &codings, &archives, 1});
        for (std::size_t at = 0; at < body.size(); at += segment) {
            decoder.feed(body.subspan(at, std::min(segment, body.size() - at)), at);
            take();
        }
        decoder.finish();
        take();
        decoder.close();
        return found;
    }
};

void sha256_of(Bytes bytes) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    std::uint8_t digest[32];
    INVARIANT(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1);
    for (std::size_t at = 0; at < bytes.size(); at += segment)
        EVP_DigestUpdate(context, bytes.data() + at, std::min(segment, bytes.size() - at));
    EVP_DigestFinal_ex(context, digest, nullptr);
    EVP_MD_CTX_free(context);
}

}  // namespace

std::vector<DecodersResult> run_decoders(std::uint32_t runs) {
    const auto bench = std::make_unique<Bench>();
    std::vector<DecodersResult> results;
    for (const Body& body : bodies()) {
        const test::ParsedHead head("PUT", body.fields);
        const Bytes bytes = as_bytes(body.bytes);
        std::size_t found = 0;
        const Spread rate =
            rates(runs, bytes.size(), [&] { found = bench->take_apart(head.head(), bytes); });
        const Spread digest = rates(1, bytes.size(), [&] { sha256_of(bytes); });
        results.push_back({body.form, rate,
                           static_cast<double>(found) / static_cast<double>(bytes.size()),
                           digest.median});
    }
    return results;
}

}  // namespace cordon::bench
