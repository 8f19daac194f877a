// Any bytes as records of a feed, opened and sealed: refused, or the bytes are their one spelling.
#include <string>

#include "control/feed/records.h"
#include "control/feed/sealed_file.h"
#include "control/feed/sealed_part.h"
#include "tests/support/fuzz_input.h"

using namespace cordon;
using namespace cordon::feed;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, size);
    (void)open_target({}, "full/1.rec", bytes, size);
    const auto file = decode_records(bytes);
    if (!file) return 0;
    const auto again = decode_records(as_bytes(encode_records(*file)));
    test::check(again.has_value(), "what was read can be written");
    test::check(again->added == file->added && again->removed == file->removed, "and is the same");
    const PartSealer sealer(SecretKey{});
    for (const FeedRecord& record : file->added)
        test::check(!sealer.open(record), "nobody seals without the key");
    const auto set = RecordSet().apply(*file);
    if (set) test::check(set->records() == file->added, "an empty set takes what is added");
    return 0;
}
