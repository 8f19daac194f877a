// Builds zips record by record, right ones and wrong ones.
//
// Owns:       the bytes of the archive and of its directory until end() joins them.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include "tests/support/compressed.h"

namespace cordon::test {

inline std::string le(std::uint64_t value, std::size_t bytes) {
    std::string text;
    for (std::size_t n = 0; n < bytes; ++n)
        text += static_cast<char>(n < sizeof value ? value >> 8 * n : 0);
    return text;
}

inline std::uint32_t crc_of(std::string_view text) {
    return static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

struct BuiltMember {
    std::string name;
    std::string content;
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    // What stands behind the data: nothing, or sizes of so many bytes, with a signature or without.
    unsigned descriptor = 0;
    bool is_signed = true;
    bool is_wide = false;  // lengths in a zip64 field
    std::string extra;     // of the local header
    std::string data;      // instead of the coded content
    bool has_data = false;
    std::uint32_t crc = 0;  // instead of that of the content
    bool has_crc = false;
    bool is_listed = true;
};

class ZipBuilder {
  public:
    void put(std::string_view bytes) { bytes_ += bytes; }

    ZipBuilder& add(const BuiltMember& member) {
        const std::string data = member.has_data       ? member.data
                                 : member.method == 8  ? deflated(member.content, -15)
                                 : member.method == 93 ? zstd_file(member.content)
                                                       : member.content;
        const std::uint32_t crc = member.has_crc ? member.crc : crc_of(member.content);
        const std::uint64_t at = bytes_.size();
        const bool later = member.descriptor != 0;
        const auto flags = static_cast<std::uint16_t>(member.flags | (later ? 8 : 0));
        std::string extra = member.extra;
        const std::uint64_t packed = later ? 0 : data.size();
        const std::uint64_t plain = later ? 0 : member.content.size();
        if (member.is_wide) extra += le(1, 2) + le(16, 2) + le(plain, 8) + le(packed, 8);
        const std::uint64_t marker = 0xffffffff;
        bytes_ += "PK\x03\x04" + le(20, 2) + le(flags, 2) + le(member.method, 2) + le(0, 4) +
                  le(later ? 0 : crc, 4) + le(member.is_wide ? marker : packed, 4) +
                  le(member.is_wide ? marker : plain, 4) + le(member.name.size(), 2) +
                  le(extra.size(), 2) + member.name + extra + data;
        if (later) {
            bytes_ += member.is_signed ? "PK\x07\x08" : "";
            bytes_ += le(crc, 4) + le(data.size(), member.descriptor) +
                      le(member.content.size(), member.descriptor);
        }
        if (!member.is_listed) return *this;
        list(member.name, flags, member.method, crc, data.size(), member.content.size(), at);
        return *this;
    }
    ZipBuilder& add(std::string_view name, std::string_view content, std::uint16_t method = 0) {
        BuiltMember member;
        member.name = name;
        member.content = content;
        member.method = method;
        return add(member);
    }

    void list(std::string_view name, std::uint16_t flags, std::uint16_t method, std::uint32_t crc,
              std::uint64_t packed, std::uint64_t plain, std::uint64_t at,
              std::string_view comment = "") {
        const std::string entry = "PK\x01\x02" + le(20, 2) + le(20, 2) + le(flags, 2) +
                                  le(method, 2) + le(0, 4) + le(crc, 4) + le(packed, 4) +
                                  le(plain, 4) + le(name.size(), 2) + le(0, 2) +
                                  le(comment.size(), 2) + le(0, 8) + le(at - base, 4);
        const std::string whole = entry + std::string(name) + std::string(comment);
        directory_ = front_first ? directory_ + whole : whole + directory_;
        ++count_;
    }

    // With the lengths and places of 64 bits beside those of 32, or behind markers.
    enum class Wide { no, markers, both };

    std::string end(std::string_view comment = "", Wide wide = Wide::no) const {
        const std::uint64_t at = bytes_.size() + between.size();
        std::string all = bytes_ + between + directory_ + behind_directory;
        const std::uint64_t offset = at - base + offset_error;
        const std::uint64_t size = directory_.size();
        if (wide != Wide::no) {
            const std::uint64_t end64_at = all.size() - base;
            all += "PK\x06\x06" + le(44, 8) + le(45, 2) + le(45, 2) + le(0, 8) + le(count_, 8) +
                   le(count_, 8) + le(size, 8) + le(offset, 8);
            all += "PK\x06\x07" + le(0, 4) + le(end64_at, 8) + le(1, 4);
        }
        const bool marked = wide == Wide::markers;
        all += "PK\x05\x06" + le(disk, 2) + le(disk, 2) + le(marked ? 0xffff : count_, 2) +
               le(marked ? 0xffff : count_, 2) + le(marked ? 0xffffffff : size, 4) +
               le(marked ? 0xffffffff : offset, 4) + le(comment.size(), 2);
        return all + std::string(comment);
    }

    std::uint64_t size() const { return bytes_.size(); }
    std::string directory() const { return directory_; }

    std::uint64_t base = 0;   // places count from here
    bool front_first = true;  // the order of the directory
    std::string between;      // members and directory
    std::string behind_directory;
    std::uint64_t offset_error = 0;
    std::uint16_t disk = 0;

  private:
    std::string bytes_;
    std::string directory_;
    std::uint64_t count_ = 0;
};

}  // namespace cordon::test
