// Archives for tests: tar headers with any field, plain zips.
#pragma once

#include <zlib.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/support/compressed.h"

namespace cordon::test {

struct TarEntry {
    std::string name;
    char type = '0';
    std::string size;  // as it stands in its field
    std::string magic = std::string(
        "ustar\0"
        "00",
        8);
    std::string prefix = "";
    std::string link = "";
};

inline void put_in(std::string* block, std::size_t at, std::string_view text) {
    block->replace(at, text.size(), text);
}

inline std::string octal(std::size_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "%011zo", number);
    return std::string(text) + '\0';
}

// Without a right checksum.
inline std::string tar_block(const TarEntry& entry) {
    std::string block(512, '\0');
    put_in(&block, 0, entry.name.substr(0, 100));
    put_in(&block, 100, "0000644");
    put_in(&block, 124, entry.size);
    put_in(&block, 136, "00000000000");
    block[156] = entry.type;
    put_in(&block, 157, entry.link);
    put_in(&block, 257, entry.magic);
    put_in(&block, 345, entry.prefix);
    return block;
}

inline std::string with_sum(std::string block, bool is_signed = false) {
    put_in(&block, 148, std::string(8, ' '));
    int sum = 0;
    for (const char c : block)
        sum += is_signed ? static_cast<signed char>(c) : static_cast<unsigned char>(c);
    char text[16];
    std::snprintf(text, sizeof text, "%06o", static_cast<unsigned>(sum));
    put_in(&block, 148, std::string(text) + '\0');
    return block;
}

inline std::string tar_header(const TarEntry& entry) {
    return with_sum(tar_block(entry));
}

inline std::string padded(std::string content) {
    content.resize((content.size() + 511) / 512 * 512, '\0');
    return content;
}

inline std::string tar_file(std::string_view name, std::string_view content, char type = '0') {
    return tar_header({std::string(name), type, octal(content.size())}) +
           padded(std::string(content));
}

inline std::string tar_end() {
    return std::string(1024, '\0');
}

inline std::string pax_record(std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length)
        ++length;
    return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

inline std::string pax_header(std::string_view records, char type = 'x') {
    return tar_file("PaxHeaders/x", records, type);
}

// Stored members, and a directory that counts from `base`.
class ZipWriter {
  public:
    explicit ZipWriter(std::size_t base = 0) : base_(base) {}
    void add(std::string_view name, std::string_view content, unsigned flags = 0) {
        const auto crc = static_cast<std::uint32_t>(crc32(
            0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
        const std::string common = le(20, 2) + le(flags, 2) + le(0, 2) + le(0, 4) + le(crc, 4) +
                                   le(content.size(), 4) + le(content.size(), 4) +
                                   le(name.size(), 2) + le(0, 2);
        directory_ += "PK\1\2" + le(20, 2) + common + le(0, 2) + le(0, 2) + le(0, 2) + le(0, 4) +
                      le(base_ + text_.size(), 4) + std::string(name);
        text_ += "PK\3\4" + common + std::string(name) + std::string(content);
        ++count_;
    }
    std::string finish() const {
        return text_ + directory_ + "PK\5\6" + le(0, 4) + le(count_, 2) + le(count_, 2) +
               le(directory_.size(), 4) + le(base_ + text_.size(), 4) + le(0, 2);
    }

  private:
    static std::string le(std::size_t number, int bytes) {
        std::string text;
        for (int n = 0; n < bytes; ++n, number >>= 8)
            text += static_cast<char>(number);
        return text;
    }
    std::size_t base_;
    std::size_t count_ = 0;
    std::string text_;
    std::string directory_;
};

inline std::string zip_file(std::string_view name, std::string_view content, std::size_t base = 0) {
    ZipWriter zip(base);
    zip.add(name, content);
    return zip.finish();
}

}  // namespace cordon::test
