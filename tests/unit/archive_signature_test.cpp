// What the first bytes of an object say it is, among archives.
#include <string>

#include "dataplane/object/archive_signature.h"
#include "tests/support/guard_page.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;
using namespace std::string_literals;

namespace {

ArchiveFormat format_of(std::string_view bytes, bool is_all = true) {
    const GuardedBytes guarded(as_bytes(bytes));
    return archive_format_of(guarded.bytes(), is_all);
}

std::string tar_header(bool is_posix) {
    std::string header(512, '\0');
    header.replace(0, 8, "file.txt");
    header.replace(100, 8, "0000644\0"s);
    if (is_posix) header.replace(257, 6, "ustar\0"s);
    unsigned sum = 8 * ' ';
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    header.replace(148, 8, digits + "\0 "s);
    return header;
}

struct Sample {
    std::string name;
    std::string begin;
};

const Sample samples[] = {
    {"zip", "PK\x03\x04"},
    {"zip", "PK\x05\x06"},
    {"zip", "PK\x07\x08PK\x03\x04"},
    {"zip", "PK00PK\x03\x04"},
    {"gzip", "\x1f\x8b\x08"s + "\0"s},
    {"zstd", "\x28\xb5\x2f\xfd"},
    {"zstd", "\x50\x2a\x4d\x18"},
    {"7z", "7z\xbc\xaf\x27\x1c\0\x04"s},
    {"rar", "Rar!\x1a\x07\0"s},
    {"rar", "Rar!\x1a\x07\x01\0"s},
    {"xz",
     "\xfd"
     "7zXZ\0\0\x04"s},
    {"bzip2", "BZh91AY&SY"},
    {"lzma", "\x5d\0\0\x80\0"s + std::string(8, '\xff')},
    {"lz4", "\x04\x22\x4d\x18"},
    {"lzip", "LZIP\x01"},
    {"compress", "\x1f\x9d\x90"},
    {"cab", "MSCF\0\0\0\0"s},
    {"arj", "\x60\xea\x29\0\x22\x0b\x01\x02\0\0\x02"s},
    {"ace", "\x31\x41\x31\0\0\0\x90**ACE**"s},
    {"lha", "\x19\x66-lh5-"},
    {"cpio", "070701"},
    {"ar", "!<arch>\ndebian-binary"},
    {"xar", "xar!"},
};

void formats_are_told_by_their_signatures(void**) {
    for (const Sample& one : samples) {
        const std::string bytes = one.begin + std::string(600, '\0');
        const std::string_view first = std::string_view(bytes).substr(0, 512);
        assert_string_equal(std::string(archive_format_name(format_of(first, false))).c_str(),
                            one.name.c_str());
        const bool is_opened = one.name == "zip" || one.name == "gzip" || one.name == "zstd";
        assert_int_equal(is_opaque_archive(format_of(first, false)), !is_opened);
    }
}

void a_tar_is_told_by_its_mark_or_by_its_check_sum(void**) {
    assert_int_equal(format_of(tar_header(true)), ArchiveFormat::tar);
    assert_int_equal(format_of(tar_header(false)), ArchiveFormat::tar);
    std::string damaged = tar_header(false);
    damaged[3] = 'X';
    assert_int_equal(format_of(damaged), ArchiveFormat::none);
    assert_int_equal(format_of(std::string(512, '\0')), ArchiveFormat::none);
}

void what_comes_later_never_changes_an_answer(void**) {
    for (const Sample& one : samples) {
        const std::string bytes = (one.begin + std::string(600, '\0')).substr(0, 512);
        const ArchiveFormat last = format_of(bytes, false);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const ArchiveFormat early = format_of(std::string_view(bytes).substr(0, size), false);
            assert_true(early == ArchiveFormat::unsure || early == last);
        }
    }
}

void short_signatures_alone_are_not_enough(void**) {
    for (const std::string& bytes :
         {"BZhello"s, "\x60\xea, not an archive"s, "\x5d\0\0 no lzma at all"s, "\x1f\x9d\x44"s,
          "-lh, no archive"s, "PK\x01\x02"s, "GIF89a"s, "\xff\xd8\xff\xe0"s, "plain text"s, ""s}) {
        assert_int_equal(format_of(bytes), ArchiveFormat::none);
    }
    assert_int_equal(format_of("PK", false), ArchiveFormat::unsure);
    assert_int_equal(format_of("", false), ArchiveFormat::unsure);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_told_by_their_signatures),
        cmocka_unit_test(a_tar_is_told_by_its_mark_or_by_its_check_sum),
        cmocka_unit_test(what_comes_later_never_changes_an_answer),
        cmocka_unit_test(short_signatures_alone_are_not_enough),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
