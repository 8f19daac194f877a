// The type of an object by its first bytes: each row of the table, what only looks like one, texts
// and what is none.
#include "dataplane/content/type_scanner.h"

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "dataplane/content/type_table.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

using namespace cordon;
using namespace cordon::test;
using namespace std::string_literals;

namespace {

int setup(void** state) {
    static const TypeDatabases databases;
    *state = new TypeScanner(&databases);
    return 0;
}

int teardown(void** state) {
    delete static_cast<TypeScanner*>(*state);
    return 0;
}

ContentType type_of(void** state, std::string_view head) {
    const GuardedBytes guarded(as_bytes(head));
    return static_cast<TypeScanner*>(*state)->type_of(guarded.bytes());
}

void expect(void** state, std::string_view head, ContentType type) {
    const ContentType found = type_of(state, head);
    if (found == type) return;
    fail_msg("\"%.*s\" (%zu bytes) is %s, not %s",
             static_cast<int>(std::min<size_t>(40, head.size())), head.data(), head.size(),
             std::string(content_type_name(found)).c_str(),
             std::string(content_type_name(type)).c_str());
}

std::string padded(std::string head, std::size_t bytes, char with = '\0') {
    head.resize(bytes, with);
    return head;
}

struct Sample {
    ContentType type;
    std::string head;
};

// By hand from the documents that the table names; the rest of the file is zeros.
std::vector<Sample> samples() {
    const std::string ts = padded("\x47\x40\x11\x10", 188, '\xff');
    return {
        {ContentType::jpeg, "\xff\xd8\xff\xe0\0\x10JFIF\0"s},
        {ContentType::jpeg,
         "\xff\xd8\xff\xe1\0\x10"
         "Exif\0"s},
        {ContentType::png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s},
        {ContentType::gif, "GIF87a\1\0\1\0"s},
        {ContentType::gif, "GIF89a\1\0\1\0"s},
        {ContentType::webp, "RIFF\x24\0\0\0WEBPVP8 "s},
        {ContentType::bmp, "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"s},
        {ContentType::tiff, "II*\0\x08\0\0\0"s},
        {ContentType::tiff, "MM\0*\0\0\0\x08"s},
        {ContentType::heic,
         "\0\0\0\x18"
         "ftypheic\0\0\0\0mif1heic"s},
        {ContentType::avif,
         "\0\0\0\x1c"
         "ftypavif\0\0\0\0avifmif1"s},
        {ContentType::jxl, "\xff\x0a\xff\0"s},
        {ContentType::jxl, "\0\0\0\x0cJXL \r\n\x87\n"s},
        {ContentType::jp2, "\0\0\0\x0cjP  \r\n\x87\n"s},
        {ContentType::ico, "\0\0\1\0\2\0\x10\x10\0\0\1\0\x20\0"s},
        {ContentType::psd, "8BPS\0\1\0\0\0\0\0\0\0\3"s},
        {ContentType::mp4,
         "\0\0\0\x20"
         "ftypisom\0\0\2\0isomiso2avc1mp41"s},
        {ContentType::mov,
         "\0\0\0\x14"
         "ftypqt  \x20\5\3\0qt  "s},
        {ContentType::mov, "\0\0\0\x08wide\0\0\1\0mdat"s},
        {ContentType::three_gp,
         "\0\0\0\x18"
         "ftyp3gp4\0\0\0\0"s},
        {ContentType::m4a,
         "\0\0\0\x20"
         "ftypM4A \0\0\0\0"s},
        {ContentType::webm,
         "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\xf7\x81\1\x42\xf2\x81\4\x42\xf3\x81\x08"
         "\x42\x82\x84webm"s},
        {ContentType::mkv, "\x1a\x45\xdf\xa3\xa3\x42\x86\x81\1\x42\xf7\x81\1\x42\x82\x88matroska"s},
        {ContentType::avi, "RIFF\0\1\0\0AVI LIST"s},
        {ContentType::wav, "RIFF\0\1\0\0WAVEfmt "s},
        {ContentType::mpeg, "\0\0\1\xba\x44\0\4\0\4\1"s},
        {ContentType::mpeg, ts + ts + ts},
        {ContentType::flv, "FLV\1\5\0\0\0\x09"s},
        {ContentType::asf, "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c"s},
        {ContentType::mp3, "ID3\4\0\0\0\0\0\0"s},
        {ContentType::mp3, "\xff\xfb\x90\x64\0"s},
        {ContentType::aac, "\xff\xf1\x50\x80\0"s},
        {ContentType::flac, "fLaC\0\0\0\x22"s},
        {ContentType::ogg, "OggS\0\2\0\0"s},
        {ContentType::pdf, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"s},
        {ContentType::pdf, "\xef\xbb\xbf\r\n%PDF-2.0\n"s},
        {ContentType::postscript, "%!PS-Adobe-3.0\n"s},
        {ContentType::rtf, "{\\rtf1\\ansi hello}"s},
        {ContentType::ole, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0"s},
        {ContentType::sqlite, "SQLite format 3\0\x10\0"s},
        {ContentType::zip, "PK\3\4\x14\0\0\0\x08\0"s},
        {ContentType::zip, "PK\5\6\0\0\0\0"s},
        {ContentType::zip, "PK\7\x08PK\3\4\x14\0"s},
        {ContentType::gzip, "\x1f\x8b\x08\0\0\0\0\0\0\3"s},
        {ContentType::zstd, "\x28\xb5\x2f\xfd\x04\0"s},
        {ContentType::zstd, "\x50\x2a\x4d\x18\4\0\0\0"s},
        {ContentType::xz,
         "\xfd"
         "7zXZ\0\0\4"s},
        {ContentType::bzip2, "BZh91AY&SY\0"s},
        {ContentType::lz4, "\x04\x22\x4d\x18\x64\x40"s},
        {ContentType::seven_zip, "7z\xbc\xaf\x27\x1c\0\4"s},
        {ContentType::rar, "Rar!\x1a\7\0\xcf"s},
        {ContentType::rar, "Rar!\x1a\7\1\0\x33"s},
        {ContentType::cab, "MSCF\0\0\0\0\x2c"s},
        {ContentType::tar, padded("a/file.txt", 257) + "ustar\00000"s},
        {ContentType::tar, padded("a/file.txt", 257) + "ustar  \0"s},
        {ContentType::elf,
         "\x7f"
         "ELF\2\1\1\0"s},
        {ContentType::macho, "\xcf\xfa\xed\xfe\7\0\0\1"s},
        {ContentType::wasm, "\0asm\1\0\0\0"s},
        {ContentType::pe, "MZ\x90\0\3\0\0\0\4\0"s},
    };
}

void knows_every_type_of_the_table(void** state) {
    std::vector<bool> seen(content_type_count);
    for (const Sample& sample : samples()) {
        expect(state, padded(sample.head, limits::type_head_bytes), sample.type);
        expect(state, sample.head, sample.type);  // an object that ends there
        seen[static_cast<std::size_t>(sample.type)] = true;
    }
    for (const TypeRow& row : type_rows()) {
        if (!is_text(row.type)) assert_true(seen[static_cast<std::size_t>(row.type)]);
        assert_true(*row.source != '\0');
    }
}

// The beginning of one is not yet one, and what follows does not change what it is.
void takes_no_shorter_beginning_for_a_type(void** state) {
    for (const Sample& sample : samples()) {
        const ContentType found = type_of(state, sample.head.substr(0, 1));
        assert_true(found == ContentType::text || found == ContentType::unknown);
        std::string other = padded(sample.head, limits::type_head_bytes);
        for (std::size_t n = sample.head.size(); n < other.size(); ++n)
            other[n] = static_cast<char>(n * 151);
        expect(state, other, sample.type);
    }
}

void looks_only_at_the_beginning(void** state) {
    for (const Sample& sample : samples())
        expect(state, padded("x\1" + sample.head, limits::type_head_bytes, '\1'),
               ContentType::unknown);
}

void knows_texts_and_their_languages(void** state) {
    const auto text = ContentType::text;
    const auto html = ContentType::html;
    expect(state, "", ContentType::empty);
    expect(state, "x", text);
    expect(state, "just some words\r\n\tand more\f", text);
    expect(state,
           "Gr\xc3\xbc\xc3\x9f"
           "e, \xe2\x82\xac, \xf0\x9f\x90\x9f",
           text);
    expect(state,
           "Gr\xfc\xdf"
           "e aus alten Zeiten, in Latin-1 geschrieben",
           text);
    expect(state, "\xff\xfeh\0e\0l\0l\0o\0"s, text);
    expect(state, "\xfe\xff\0h\0e"s, text);
    expect(state, "#!/bin/sh\n", text);
    expect(state, "<!DOCTYPE html><p>", html);
    expect(state, "\xef\xbb\xbf\n <!-- a comment --> <HTML lang=en>", html);
    expect(state, "<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC ''><html xmlns=''>", html);
    expect(state, "<!doctype html><svg width=1>", html);
    expect(state, "<!DOCTYPE svg PUBLIC ''>\n<svg>", ContentType::svg);
    expect(state, "<body onload=x>", html);
    expect(state, "<p>one\1two", html);  // a control character does not make it another thing
    expect(state, "<bodyguard>", text);
    expect(state, "<?xml version='1.0'?><feed>", ContentType::xml);
    expect(state, "<svg xmlns=''>", ContentType::svg);
    expect(state, "<?xml version='1.0'?>\n<!-- by hand -->\n<svg\n", ContentType::svg);
    expect(state, " {\"a\": 1}", ContentType::json);
    expect(state, "[1, 2]", ContentType::json);
    expect(state, "[ {} ]", ContentType::json);
    expect(state, "[section]\nkey=1\n", text);
    expect(state, "{ not json }", text);
    expect(state, "{\"a\": \"\1\"}", ContentType::unknown);
}

void takes_bytes_for_no_text(void** state) {
    expect(state, "\0"s, ContentType::unknown);
    expect(state, "words with a \1 in them", ContentType::unknown);
    expect(state, "\xc3\x28\xc3\x28\xc3\x28\xc3\x28", ContentType::unknown);  // half above ASCII
    std::mt19937 random(5);
    for (int n = 0; n < 2000; ++n) {
        std::string noise;
        for (std::size_t at = 0; at < limits::type_head_bytes; ++at)
            noise += static_cast<char>(random());
        noise[0] = static_cast<char>(n);
        assert_true(!is_text(type_of(state, noise)));
    }
}

// "The free …" has the letters of an atom where a film has one; "MZ" and "BM" begin words too.
void takes_words_for_no_films(void** state) {
    expect(state, "The free encyclopedia", ContentType::text);
    expect(state, "MZ is how it begins", ContentType::text);
    expect(state, "BMW builds cars and has done so for long", ContentType::text);
    expect(state, "RIFF is a format", ContentType::text);
    expect(state, "PK\nis no archive", ContentType::text);
    expect(state, "ID3 tags", ContentType::text);
}

// Before ustar nothing but the checksum told a tar.
void knows_an_old_tar_by_its_checksum(void** state) {
    std::string header = padded("old/file", 512);
    const auto field = [&](std::size_t at, std::string_view text) {
        header.replace(at, text.size(), text);
    };
    field(100, "0000644\0"s);
    field(108, "0001750\0"s);
    field(116, "0001750\0"s);
    field(124, "00000000012\0"s);
    field(136, "13747260000\0"s);
    field(148, "        ");
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    char digits[9];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    field(148, std::string(digits) + "\0 "s);
    expect(state, header, ContentType::tar);
    header[0] = 'p';
    expect(state, header, ContentType::unknown);
}

void a_character_that_the_head_cuts_is_a_character(void** state) {
    std::string text(limits::type_head_bytes - 1, 'a');
    expect(state, text + "\xc3", ContentType::text);
    // Not so in the middle of what is all above ASCII.
    std::string greek;
    while (greek.size() + 2 <= limits::type_head_bytes)
        greek += "\xce\xb1";
    expect(state, greek, ContentType::text);
    greek[100] = 'x';
    expect(state, greek, ContentType::unknown);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_type_of_the_table),
        cmocka_unit_test(takes_no_shorter_beginning_for_a_type),
        cmocka_unit_test(looks_only_at_the_beginning),
        cmocka_unit_test(knows_texts_and_their_languages),
        cmocka_unit_test(takes_bytes_for_no_text),
        cmocka_unit_test(takes_words_for_no_films),
        cmocka_unit_test(knows_an_old_tar_by_its_checksum),
        cmocka_unit_test(a_character_that_the_head_cuts_is_a_character),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
