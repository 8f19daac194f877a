#include "dataplane/object/archive_signature.h"

#include <algorithm>
#include <array>

namespace cordon {

using namespace std::string_view_literals;

namespace {

struct Signature {
    std::string_view bytes;
    std::uint16_t at;
    ArchiveFormat format;
};

using enum ArchiveFormat;

constexpr std::array signatures = {
    Signature{"PK\x03\x04"sv, 0, zip},
    Signature{"PK\x05\x06"sv, 0, zip},
    Signature{"PK\x07\x08PK"sv, 0, zip},
    Signature{"PK00PK"sv, 0, zip},
    Signature{"\x1f\x8b\x08"sv, 0, gzip},
    Signature{"\x28\xb5\x2f\xfd"sv, 0, zstd},
    Signature{"7z\xbc\xaf\x27\x1c"sv, 0, seven_zip},
    Signature{"Rar!\x1a\x07"sv, 0, rar},
    Signature{"RE~^"sv, 0, rar},  // before version 1.50
    Signature{"\xfd"
              "7zXZ\0"sv,
              0, xz},
    Signature{"\x5d\0\0"sv, 0, lzma},
    Signature{"\x04\x22\x4d\x18"sv, 0, lz4},
    Signature{"\x02\x21\x4c\x18"sv, 0, lz4},  // of the Linux kernel
    Signature{"LZIP"sv, 0, lzip},
    Signature{"\x89LZO\0\r\n\x1a\n"sv, 0, lzop},
    Signature{"\x1f\x9d"sv, 0, compress},
    Signature{"\x1f\xa0"sv, 0, compress},
    Signature{"MSCF\0\0\0\0"sv, 0, cab},
    Signature{"ISc("sv, 0, cab},
    Signature{"\x60\xea"sv, 0, arj},
    Signature{"**ACE**"sv, 7, ace},
    Signature{"070701"sv, 0, cpio},
    Signature{"070702"sv, 0, cpio},
    Signature{"070707"sv, 0, cpio},
    Signature{"\xc7\x71"sv, 0, cpio},
    Signature{"!<arch>\n"sv, 0, ar},
    Signature{"MSWIM\0\0\0"sv, 0, wim},
    Signature{"7kSt"sv, 0, zpaq},
    Signature{"zPQ"sv, 0, zpaq},
    Signature{"StuffIt"sv, 0, sit},
    Signature{"xar!"sv, 0, xar},
    Signature{"ustar"sv, 257, tar},
};

std::uint8_t byte(Bytes bytes, std::size_t at) {
    return at < bytes.size() ? bytes[at] : 0;
}

bool has_digit(Bytes first, std::size_t at, char low, char high) {
    return byte(first, at) >= static_cast<std::uint8_t>(low) &&
           byte(first, at) <= static_cast<std::uint8_t>(high);
}

// "-lh5-" at byte 2.
bool is_lha(Bytes first) {
    return byte(first, 2) == '-' && byte(first, 3) == 'l' &&
           (byte(first, 4) == 'h' || byte(first, 4) == 'z') && byte(first, 6) == '-';
}

// "BZh", the block size, and the mark of a block or of the end.
bool is_bzip2(Bytes first) {
    const std::string_view text = as_text(first);
    if (!text.starts_with("BZh") || !has_digit(first, 3, '1', '9')) return false;
    const std::string_view mark = text.substr(std::min<std::size_t>(4, text.size()), 6);
    return mark == "\x31\x41\x59\x26\x53\x59" || mark == "\x17\x72\x45\x38\x50\x90";
}

// Short signatures that other data have too are looked at more closely.
bool is_likely(ArchiveFormat format, Bytes first) {
    const std::size_t size = first.size();
    switch (format) {
        case lzma:  // dictionary of a size that encoders use, length unknown or below 2^40
            return size >= 13 && byte(first, 12) == byte(first, 11) &&
                   (byte(first, 12) == 0 || byte(first, 12) == 0xff);
        case arj: {  // the size of the basic header, the first header's size, the least version
            const std::size_t header = byte(first, 2) | std::size_t{byte(first, 3)} << 8;
            return header >= 30 && header <= 2600 && byte(first, 4) >= 30 && byte(first, 10) == 2;
        }
        case compress:  // 9 to 16 bits, no reserved flag
            return byte(first, 1) == 0xa0 ||
                   ((byte(first, 2) & 0x60) == 0 && (byte(first, 2) & 0x1f) >= 9 &&
                    (byte(first, 2) & 0x1f) <= 16);
        case unsure:
        case none:
        case zip:
        case gzip:  // also with reserved flags: Python, Go and Java do not look at them
        case zstd:
        case tar:
        case seven_zip:
        case rar:
        case xz:
        case bzip2:
        case lz4:
        case lzip:
        case lzop:
        case cab:
        case ace:
        case lha:
        case cpio:
        case ar:
        case wim:
        case zpaq:
        case sit:
        case xar:
            return true;
    }
    return true;
}

// A tar without "ustar" (before POSIX) is told by the check sum of its header.
bool has_tar_sum(Bytes first) {
    constexpr std::size_t sum_at = 148;
    constexpr std::size_t sum_bytes = 8;
    if (first.size() < archive_signature_bytes || first[0] == 0) return false;
    std::uint32_t told = 0;
    std::size_t at = sum_at;
    while (at < sum_at + sum_bytes && first[at] == ' ')
        ++at;
    const std::size_t digits_at = at;
    for (; at < sum_at + sum_bytes && has_digit(first, at, '0', '7'); ++at)
        told = told * 8 + (first[at] - std::uint32_t{'0'});
    if (at == digits_at) return false;
    std::uint32_t sum = 0;
    for (std::size_t n = 0; n < archive_signature_bytes; ++n)
        sum += n >= sum_at && n < sum_at + sum_bytes ? std::uint32_t{' '} : first[n];
    return sum == told;
}

}  // namespace

ArchiveFormat archive_format_of(Bytes first, bool is_all) {
    for (const Signature& one : signatures) {
        if (first.size() < one.at + one.bytes.size()) continue;
        if (as_text(first.subspan(one.at, one.bytes.size())) != one.bytes) continue;
        constexpr std::size_t close_look_bytes = 13;
        if (first.size() < close_look_bytes && !is_all) return unsure;
        if (is_likely(one.format, first)) return one.format;
    }
    // A frame of zstd and lz4 that is to be skipped: what comes behind it decides for readers.
    if (first.size() >= 4 && (first[0] & 0xf0) == 0x50 && first[1] == 0x2a && first[2] == 0x4d &&
        first[3] == 0x18)
        return zstd;
    if (is_bzip2(first)) return bzip2;
    if (is_lha(first)) return lha;
    if (has_tar_sum(first)) return tar;
    return is_all || first.size() >= archive_signature_bytes ? none : unsure;
}

std::string_view archive_format_name(ArchiveFormat format) {
    switch (format) {
        case unsure:
        case none:
            return {};
        case zip:
            return "zip";
        case gzip:
            return "gzip";
        case zstd:
            return "zstd";
        case tar:
            return "tar";
        case seven_zip:
            return "7z";
        case rar:
            return "rar";
        case xz:
            return "xz";
        case bzip2:
            return "bzip2";
        case lzma:
            return "lzma";
        case lz4:
            return "lz4";
        case lzip:
            return "lzip";
        case lzop:
            return "lzop";
        case compress:
            return "compress";
        case cab:
            return "cab";
        case arj:
            return "arj";
        case ace:
            return "ace";
        case lha:
            return "lha";
        case cpio:
            return "cpio";
        case ar:
            return "ar";
        case wim:
            return "wim";
        case zpaq:
            return "zpaq";
        case sit:
            return "sit";
        case xar:
            return "xar";
    }
    return {};
}

bool is_opaque_archive(ArchiveFormat format) {
    return format > tar;
}

}  // namespace cordon
