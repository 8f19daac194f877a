// The file of suspensions as an enemy would write it: any bytes, also behind a right checksum.

#include "dataplane/contract/suspensions.h"

#include <algorithm>
#include <cstdlib>

using namespace cordon;

namespace {

// The answer by looking at every entry.
SuspensionMode plainly(const Suspensions& file, const Suspected& asked, std::uint64_t now_s) {
    SuspensionMode mode = SuspensionMode::none;
    for (const Suspension& entry : file.entries()) {
        const std::uint64_t value = entry.what == SuspensionOf::reference ? asked.reference
                                    : entry.what == SuspensionOf::source  ? asked.source
                                                                          : asked.added;
        const bool named = entry.what != SuspensionOf::generation || asked.added != 0;
        if (asked.list == entry.name && named && value == entry.value && entry.since_s <= now_s &&
            now_s <= entry.until_s)
            mode = std::max(mode, entry.mode);
    }
    return mode;
}

void insist(Bytes bytes) {
    const Result<Suspensions> file = Suspensions::read(bytes);
    if (!file) return;
    for (const Suspension& entry : file->entries()) {
        const Suspected asked = {entry.name, entry.value, static_cast<std::uint16_t>(entry.value),
                                 static_cast<std::uint32_t>(entry.value & added_mask)};
        for (const std::uint64_t now_s : {entry.since_s, entry.until_s, std::uint64_t{5}}) {
            if (file->mode_of(asked, now_s) != plainly(*file, asked, now_s)) std::abort();
        }
    }
    for (const ListAge& age : file->ages()) {
        if (!terms_in_order(file->aged(age.name, {}))) std::abort();
    }
    // What was read can be written, and is taken again.
    const std::string again = write_suspensions(file->entries(), file->ages(), file->written_s());
    if (!Suspensions::read(as_bytes(again))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    insist({bytes, size});
    SuspensionsHead head;
    if (size < sizeof head) return 0;
    std::memcpy(&head, bytes, sizeof head);
    const Bytes rest = Bytes(bytes, size).subspan(sizeof head);
    head.checksum = file_sum(&head, offsetof(SuspensionsHead, checksum), rest);
    std::string file(reinterpret_cast<const char*>(&head), sizeof head);
    file.append(as_text(rest));
    insist(as_bytes(file));
    return 0;
}
