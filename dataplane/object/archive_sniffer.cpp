#include "dataplane/object/archive_sniffer.h"

#include <algorithm>
#include <cstring>

#include "dataplane/object/archive_tar.h"

namespace cordon {

bool is_taken_apart(ArchiveFormat format) {
    return format == ArchiveFormat::zip || format == ArchiveFormat::gzip ||
           format == ArchiveFormat::zstd || format == ArchiveFormat::tar;
}

// Of the formats that are told by one block, tar is the one whose readers want its checksum.
ArchiveFormat ArchiveSniffer::first_look(Bytes first, bool is_all) {
    const ArchiveFormat format = archive_format_of(first, is_all);
    const bool has_block = first.size() >= tar_block_bytes;
    if (format == ArchiveFormat::tar && !has_block)
        return is_all ? ArchiveFormat::none : ArchiveFormat::unsure;
    if (format != ArchiveFormat::none && format != ArchiveFormat::tar) return format;
    if (!has_block) return format;
    const Bytes block = first.first(tar_block_bytes);
    return is_tar_header(block) || is_zero_block(block) ? ArchiveFormat::tar : ArchiveFormat::none;
}

ArchiveFormat ArchiveSniffer::look(Bytes run) {
    if (bytes_ == 0 && run.size() >= first_.size()) {
        is_blank_ = run[0] == 0 && is_zero_block(run.first(tar_block_bytes));
        return first_look(run.first(first_.size()), false);
    }
    std::array<std::uint8_t, archive_signature_bytes> both;
    const std::size_t more = std::min(run.size(), both.size() - bytes_);
    std::memcpy(both.data(), first_.data(), bytes_);
    std::copy_n(run.begin(), more, both.begin() + bytes_);
    const ArchiveFormat format = first_look(Bytes(both).first(bytes_ + more), false);
    is_blank_ = format == ArchiveFormat::tar && is_zero_block(both);
    if (format == ArchiveFormat::unsure) put_by(run);
    return format;
}

ArchiveFormat ArchiveSniffer::finish() const {
    return first_look(before(), true);
}

bool ArchiveSniffer::put_by(Bytes run) {
    const std::size_t fits = std::min(run.size(), first_.size() - bytes_);
    std::copy_n(run.begin(), fits, first_.begin() + bytes_);
    bytes_ = static_cast<std::uint16_t>(bytes_ + fits);
    return bytes_ == first_.size();
}

}  // namespace cordon
