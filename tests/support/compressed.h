// Compressed content for tests: deflate in its frames, zstd.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <string>
#include <string_view>

#include "dataplane/base/invariant.h"

namespace cordon::test {

// `window` as zlib has it: 31 with the frame of gzip, 15 of zlib, -15 without any. `name`: FNAME.
inline std::string deflated(std::string_view text, int window, std::string_view name = "") {
    z_stream stream{};
    INVARIANT(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string stored_name(name);
    gz_header header{};
    header.name = reinterpret_cast<Bytef*>(stored_name.data());
    if (!name.empty()) deflateSetHeader(&stream, &header);
    std::string out(deflateBound(&stream, text.size()) + 64 + name.size(), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    INVARIANT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline std::string gzip_file(std::string_view text, std::string_view name = "") {
    return deflated(text, 31, name);
}

inline std::string zstd_file(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

}  // namespace cordon::test
