// The first bytes of an upload: whatever they are they have one type, however they come, and what
// is called a text by its characters alone has none that no text has.
#include <algorithm>
#include <cstdlib>

#include "dataplane/content/content_scanner.h"

namespace {

using namespace cordon;

void require(bool condition) {
    if (!condition) std::abort();
}

const TypeDatabases* types() {
    static const TypeDatabases databases;
    return &databases;
}

// In pieces whose lengths follow from the bytes themselves.
ContentType type_in_pieces(Bytes bytes) {
    static ContentScanner contents(types());
    ObjectContent object;
    contents.open(&object);
    while (!bytes.empty()) {
        const std::size_t length = std::min<std::size_t>(1 + bytes[0] % 97, bytes.size());
        contents.feed(&object, bytes.first(length));
        bytes = bytes.subspan(length);
    }
    contents.end(&object);
    return object.type;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static TypeScanner scanner(types());
    const Bytes bytes(data, size);
    const ContentType type = scanner.type_of(bytes);
    const Bytes head = bytes.first(std::min(bytes.size(), limits::type_head_bytes));
    require(static_cast<std::size_t>(type) < content_type_count);
    require((type == ContentType::empty) == bytes.empty());
    require(type == scanner.type_of(head));
    require(type == type_in_pieces(bytes));
    const bool has_zero = std::find(head.begin(), head.end(), 0) != head.end();
    require(type != ContentType::json || !has_zero);
    return 0;
}
