// What an object is by its first bytes. The Content-Type that a client declares is never believed.
//
// Owns:       nothing; one table of names. Numbers stand in records: new types go to the end.
// Worker:     pure. What tells them apart is dataplane/content/type_table.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace cordon {

enum class ContentGroup : std::uint8_t {
    none,  // nothing to see
    binary,
    image,
    video,
    audio,
    document,
    archive,
    program,
    text,
};

// clang-format off
#define CORDON_CONTENT_TYPES(X)                                                                   \
    X(unknown,     "unknown",     binary)                                                         \
    X(empty,       "empty",       none)                                                           \
    X(jpeg,        "jpeg",        image)                                                          \
    X(png,         "png",         image)                                                          \
    X(gif,         "gif",         image)                                                          \
    X(webp,        "webp",        image)                                                          \
    X(bmp,         "bmp",         image)                                                          \
    X(tiff,        "tiff",        image)                                                          \
    X(heic,        "heic",        image)                                                          \
    X(avif,        "avif",        image)                                                          \
    X(jxl,         "jxl",         image)                                                          \
    X(jp2,         "jp2",         image)                                                          \
    X(ico,         "ico",         image)                                                          \
    X(psd,         "psd",         image)                                                          \
    X(mp4,         "mp4",         video)                                                          \
    X(mov,         "mov",         video)                                                          \
    X(three_gp,    "3gp",         video)                                                          \
    X(mkv,         "mkv",         video)                                                          \
    X(webm,        "webm",        video)                                                          \
    X(avi,         "avi",         video)                                                          \
    X(mpeg,        "mpeg",        video)                                                          \
    X(flv,         "flv",         video)                                                          \
    X(asf,         "asf",         video)                                                          \
    X(mp3,         "mp3",         audio)                                                          \
    X(m4a,         "m4a",         audio)                                                          \
    X(aac,         "aac",         audio)                                                          \
    X(wav,         "wav",         audio)                                                          \
    X(flac,        "flac",        audio)                                                          \
    X(ogg,         "ogg",         audio)                                                          \
    X(pdf,         "pdf",         document)                                                       \
    X(postscript,  "postscript",  document)                                                       \
    X(rtf,         "rtf",         document)                                                       \
    X(ole,         "ole",         document)                                                       \
    X(sqlite,      "sqlite",      document)                                                       \
    X(zip,         "zip",         archive)                                                        \
    X(gzip,        "gzip",        archive)                                                        \
    X(zstd,        "zstd",        archive)                                                        \
    X(xz,          "xz",          archive)                                                        \
    X(bzip2,       "bzip2",       archive)                                                        \
    X(lz4,         "lz4",         archive)                                                        \
    X(seven_zip,   "7z",          archive)                                                        \
    X(rar,         "rar",         archive)                                                        \
    X(cab,         "cab",         archive)                                                        \
    X(tar,         "tar",         archive)                                                        \
    X(elf,         "elf",         program)                                                        \
    X(pe,          "pe",          program)                                                        \
    X(macho,       "macho",       program)                                                        \
    X(wasm,        "wasm",        program)                                                        \
    X(text,        "text",        text)                                                           \
    X(html,        "html",        text)                                                           \
    X(xml,         "xml",         text)                                                           \
    X(svg,         "svg",         text)                                                           \
    X(json,        "json",        text)
// clang-format on

enum class ContentType : std::uint8_t {
#define X(name, text, group) name,
    CORDON_CONTENT_TYPES(X)
#undef X
};

inline constexpr std::string_view content_type_names[] = {
#define X(name, text, group) text,
    CORDON_CONTENT_TYPES(X)
#undef X
};

inline constexpr ContentGroup content_type_groups[] = {
#define X(name, text, group) ContentGroup::group,
    CORDON_CONTENT_TYPES(X)
#undef X
};

inline constexpr std::size_t content_type_count = std::size(content_type_names);

constexpr std::string_view content_type_name(ContentType type) {
    return content_type_names[static_cast<std::size_t>(type)];
}

// Patterns are searched for in these.
constexpr bool is_text(ContentType type) {
    return content_type_groups[static_cast<std::size_t>(type)] == ContentGroup::text;
}

}  // namespace cordon
