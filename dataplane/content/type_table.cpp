#include "dataplane/content/type_table.h"

namespace cordon {
namespace {

// clang-format off
#define CORDON_TAG_END    "[\\x09\\x0a\\x0c\\x0d\\x20/>]"

constexpr TypeRow rows[] = {
    // --- images
    {ContentType::jpeg, false, "^\\xff\\xd8\\xff", "ITU-T T.81 B.1.1.3: SOI, then a marker"},
    {ContentType::png,  false, "^\\x89PNG\\x0d\\x0a\\x1a\\x0a", "RFC 2083 3.1"},
    {ContentType::gif,  false, "^GIF8[79]a", "GIF89a specification 17"},
    {ContentType::webp, false, "^RIFF....WEBP", "RFC 9649 2.4"},
    {ContentType::bmp,  false, "^BM.{4}.{4}.{4}[\\x0c\\x28\\x34\\x38\\x40\\x6c\\x7c]\\x00\\x00\\x00",
     "MS-WMF 2.2.2: bitmap file header, size of the header behind it"},
    {ContentType::tiff, false, "^(II\\x2a\\x00|MM\\x00\\x2a|II\\x2b\\x00\\x08\\x00|MM\\x00\\x2b\\x00\\x08)",
     "TIFF 6.0 section 2; BigTIFF"},
    {ContentType::avif, false, "^\\x00...ftypavi[fs]", "AV1 Image File Format 1.1 section 6"},
    {ContentType::heic, false, "^\\x00...ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", "ISO/IEC 23008-12 annex B"},
    {ContentType::jxl,  false, "^(\\xff\\x0a|\\x00\\x00\\x00\\x0cJXL \\x0d\\x0a\\x87\\x0a)", "ISO/IEC 18181-2"},
    {ContentType::jp2,  false, "^(\\x00\\x00\\x00\\x0cjP  \\x0d\\x0a\\x87\\x0a|\\xff\\x4f\\xff\\x51)",
     "ITU-T T.800 I.5.1; bare codestream A.4"},
    {ContentType::ico,  false, "^\\x00\\x00[\\x01\\x02]\\x00[^\\x00]\\x00.{3}\\x00", "MS-WMF: icon directory"},
    {ContentType::psd,  false, "^8BPS\\x00[\\x01\\x02]", "Adobe Photoshop File Formats: file header"},
    // --- video and audio
    {ContentType::three_gp, false, "^\\x00...ftyp3g", "3GPP TS 26.244 5.3.1"},
    {ContentType::m4a,  false, "^\\x00...ftypM4[AB]", "mp4ra.org: brands M4A, M4B"},
    {ContentType::mov,  false, "^\\x00...(ftypqt  |moov|mdat|wide|pnot|free|skip)", "QuickTime File Format: atoms"},
    {ContentType::mp4,  false, "^\\x00...ftyp", "ISO/IEC 14496-12 4.3"},
    {ContentType::webm, false, "^\\x1a\\x45\\xdf\\xa3.*\\x42\\x82.{1,8}webm", "RFC 8794 11.2.6: DocType"},
    {ContentType::mkv,  false, "^\\x1a\\x45\\xdf\\xa3", "RFC 8794 11.2.1: EBML; RFC 9559"},
    {ContentType::avi,  false, "^RIFF....AVI[ X]", "RIFF: form type AVI; OpenDML AVIX"},
    {ContentType::wav,  false, "^(RIFF|RF64)....WAVE", "RIFF: form type WAVE; EBU Tech 3306"},
    {ContentType::mpeg, false, "^\\x00\\x00\\x01[\\xb3\\xba]", "ISO/IEC 13818-2 6.2.2.1, 13818-1 2.5.3.3"},
    {ContentType::mpeg, false, "^\\x47.{187}\\x47.{187}\\x47", "ISO/IEC 13818-1 2.4.3.2: packets of 188 bytes"},
    {ContentType::mpeg, false, "^.{4}\\x47.{191}\\x47.{191}\\x47", "BDAV: the same with 4 bytes of time before"},
    {ContentType::flv,  false, "^FLV\\x01[\\x00\\x01\\x04\\x05]", "Adobe Flash Video File Format 10.1 E.2"},
    {ContentType::asf,  false, "^\\x30\\x26\\xb2\\x75\\x8e\\x66\\xcf\\x11\\xa6\\xd9\\x00\\xaa\\x00\\x62\\xce\\x6c",
     "ASF 1.2 10.1: header object"},
    {ContentType::mp3,  false, "^ID3[\\x02-\\x04]", "ID3v2.4 section 3.1"},
    {ContentType::mp3,  false, "^\\xff[\\xe2\\xe3\\xf2\\xf3\\xfa\\xfb][\\x10-\\xef]", "ISO/IEC 11172-3 2.4.1.3, layer III"},
    {ContentType::aac,  false, "^\\xff[\\xf0\\xf1\\xf8\\xf9]", "ISO/IEC 13818-7 6.2: ADTS"},
    {ContentType::flac, false, "^fLaC", "RFC 9639 section 6"},
    {ContentType::ogg,  false, "^OggS\\x00", "RFC 3533 section 6"},
    // --- documents
    {ContentType::pdf,  false, "^(\\xef\\xbb\\xbf)?[\\x09\\x0a\\x0c\\x0d\\x20]*%PDF-[12]\\x2e", "ISO 32000-2 7.5.2"},
    {ContentType::postscript, false, "^(\\x04)?%!PS", "PLRM 3 appendix G"},
    {ContentType::postscript, false, "^\\xc5\\xd0\\xd3\\xc6", "EPSF 3.0 section 5.2"},
    {ContentType::rtf,  false, "^\\x7b\\x5crtf1", "Rich Text Format 1.9.1"},
    {ContentType::ole,  false, "^\\xd0\\xcf\\x11\\xe0\\xa1\\xb1\\x1a\\xe1", "MS-CFB 2.2"},
    {ContentType::sqlite, false, "^SQLite format 3\\x00", "SQLite database file format 1.3.1"},
    // --- archives
    {ContentType::zip,  false, "^(PK(\\x07\\x08|00))?PK\\x03\\x04", "APPNOTE 4.3.7, 8.5.4"},
    {ContentType::zip,  false, "^PK\\x05\\x06", "APPNOTE 4.3.16: an empty one"},
    {ContentType::gzip, false, "^\\x1f\\x8b\\x08", "RFC 1952 2.3.1"},
    {ContentType::zstd, false, "^(\\x28\\xb5\\x2f\\xfd|[\\x50-\\x5f]\\x2a\\x4d\\x18)", "RFC 8878 3.1.1, 3.1.2"},
    {ContentType::xz,   false, "^\\xfd7zXZ\\x00", "The .xz file format 2.1.1.1"},
    {ContentType::bzip2, false, "^BZh[1-9](1AY&SY|\\x17rE8P\\x90)", "bzip2: block and end of stream magic"},
    {ContentType::lz4,  false, "^\\x04\\x22\\x4d\\x18", "LZ4 frame format 1.6"},
    {ContentType::seven_zip, false, "^7z\\xbc\\xaf\\x27\\x1c", "7zFormat.txt: SignatureHeader"},
    {ContentType::rar,  false, "^Rar!\\x1a\\x07(\\x00|\\x01\\x00)", "RAR 5.0 archive format 3; 4.x"},
    {ContentType::cab,  false, "^MSCF\\x00\\x00\\x00\\x00", "MS-CAB 2.1"},
    {ContentType::tar,  false, "^.{257}ustar[\\x00\\x20]", "IEEE 1003.1 pax: ustar interchange format; GNU"},
    // --- programs
    {ContentType::elf,  false, "^\\x7f\\x45LF[\\x01\\x02][\\x01\\x02]\\x01", "System V ABI: ELF identification"},
    {ContentType::macho, false, "^(\\xfe\\xed\\xfa[\\xce\\xcf]|[\\xce\\xcf]\\xfa\\xed\\xfe)", "Mach-O: mach_header"},
    {ContentType::wasm, false, "^\\x00asm\\x01\\x00\\x00\\x00", "WebAssembly core 5.5.16"},
    {ContentType::pe,   false, "^MZ.*\\x00", "PE Format: MS-DOS stub; no text has a zero byte"},
    // --- texts: behind their byte order mark, white space and comments
    {ContentType::svg,  false, "^<svg" CORDON_TAG_END, "SVG 2"},
    {ContentType::svg,  false, "^<!doctype[\\x09\\x0a\\x0c\\x0d\\x20]+svg", "SVG 1.1: document type"},
    {ContentType::html, false, "^<!doctype[\\x09\\x0a\\x0c\\x0d\\x20]+html", "HTML 13.1.1; MIME Sniffing 7.1"},
    {ContentType::html, false, "^<(html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link)" CORDON_TAG_END, "MIME Sniffing 7.1"},
    {ContentType::html, false, "^<\\x3fxml[\\x09\\x0a\\x0d\\x20].*<html" CORDON_TAG_END, "XHTML 1.0 3.1.1"},
    {ContentType::svg,  false, "^<\\x3fxml[\\x09\\x0a\\x0d\\x20].*<svg" CORDON_TAG_END, "XML 1.0 2.8: prolog"},
    {ContentType::xml,  false, "^<\\x3fxml[\\x09\\x0a\\x0d\\x20]", "XML 1.0 2.8"},
    {ContentType::json, true,  "^\\x7b[\\x09\\x0a\\x0d\\x20]*[\\x22\\x7d]", "RFC 8259 section 4"},
    {ContentType::json, true,  "^\\x5b[\\x09\\x0a\\x0d\\x20]*"
     "([\\x22\\x5b\\x5d\\x7b]|-?[0-9]+[\\x2e,eE\\x5d\\x09\\x0a\\x0d\\x20]|true|false|null)", "RFC 8259 section 5"},
    // Two bytes a character, and the first one is of ASCII.
    {ContentType::text, false, "^(\\xff\\xfe[\\x09\\x0a\\x0d\\x20-\\x7e]\\x00|\\xfe\\xff\\x00[\\x09\\x0a\\x0d\\x20-\\x7e])",
     "Unicode 23.8: byte order mark"},
};
// clang-format on

}  // namespace

std::span<const TypeRow> type_rows() {
    return rows;
}

}  // namespace cordon
