// The journal reader on two segments of any content, one of them behind the other: it must come to
// an end, take only what verifies, and never give a record twice.
#include <cstdlib>
#include <cstring>

#include "control/link/journal_reader.h"
#include "tests/support/memory_sink.h"
#include "tests/support/recording_files.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr const char* directory = "j";

void put(RecordingFiles& files, std::uint64_t first, Bytes content) {
    FileHandle file = no_file;
    const std::string path = std::string(directory) + "/" + segment_name(incident_prefix, first);
    if (files.create(path, &file) != 0) std::abort();
    files.write(file, 0, content);
    files.close(file);
}

// A mutated checksum would end every run at the first record. With `mend` the frames are made to
// verify where they have the shape of one, so that what comes behind is reached too.
void mend_frames(MutableBytes segment, std::uint64_t first) {
    if (segment.size() < sizeof(SegmentHeader)) return;
    const SegmentHeader header = make_segment_header({segment[16]}, first);
    std::memcpy(segment.data(), &header, sizeof header);
    std::size_t at = sizeof header;
    while (segment.size() - at >= sizeof(RecordHeader)) {
        RecordHeader record;
        std::memcpy(&record, segment.data() + at, sizeof record);
        const std::size_t length = record.length % 512;
        if (segment.size() - at < record_bytes(length) || record.checksum == 0) return;
        const std::vector<std::uint8_t> payload(
            segment.begin() + static_cast<std::ptrdiff_t>(at + sizeof record),
            segment.begin() + static_cast<std::ptrdiff_t>(at + sizeof record + length));
        const std::uint64_t sequence = first + record.sequence % 8;
        at += write_record(record.type, sequence, payload, segment.subspan(at));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4) return 0;
    const bool mend = (data[0] & 1) != 0;
    const std::uint64_t second = 2 + data[1];
    std::vector<std::uint8_t> bytes(data + 4, data + size);
    const std::size_t cut = bytes.size() * data[2] / 255;
    const MutableBytes one = MutableBytes(bytes).first(cut);
    const MutableBytes two = MutableBytes(bytes).subspan(cut);
    if (mend) {
        mend_frames(one, 1);
        mend_frames(two, second);
    }
    RecordingFiles files;
    MemorySink sink;
    put(files, 1, one);
    put(files, second, two);
    JournalReader reader(files, sink, {directory, 2, 1 << 20});
    for (int n = 0; n < 3; ++n) {
        auto polled = reader.poll();
        (void)polled;
    }
    if (sink.repeated != 0 || files.open_handles != 0) std::abort();
    // The first has been dealt with: taken and deleted, or put aside.
    if (files.exists(std::string(directory) + "/" + segment_name(incident_prefix, 1))) std::abort();
    return 0;
}
