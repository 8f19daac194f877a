// An index image as an attacker who can write files would make it. The first byte says how:
//
//   0    the rest is an image
//   1    the rest is an image whose checksums are made right
//   2    the rest is (offset u16, byte) changes to a good image, checksums made right
//   3    the rest is (kind, number) indicators: built, and compared with a sorted vector
//
// Whatever open() accepts must be safe to look up in: the image ends at a redzone.
#include <cstdlib>
#include <vector>

#include "dataplane/index/index_view.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr IndicatorKind kinds[] = {IndicatorKind::sha256, IndicatorKind::sha1, IndicatorKind::md5,
                                   IndicatorKind::sha256_tree};

constexpr std::size_t digest_count = 256;  // a number is one byte of input

const Digest& known_digest(std::uint64_t n) {
    static const std::vector<Digest> digests = [] {
        std::vector<Digest> made;
        for (std::uint64_t i = 0; i < digest_count; ++i)
            made.push_back(digest_of(i));
        return made;
    }();
    return digests[n];
}

void require(bool condition) {
    if (!condition) std::abort();
}

void search_everywhere(const IndexView& view) {
    for (std::uint64_t n = 0; n < 64; ++n) {
        const Digest& digest = known_digest(n);
        for (const IndicatorKind kind : kinds) {
            Match matches[limits::sections_max];
            const std::size_t count =
                view.lookup(kind, cut(digest, kind), index_now_s, matches, limits::sections_max);
            require(count <= view.section_count());
            for (std::size_t i = 0; i < count; ++i)
                require(matches[i].section < view.section_count());
            IndexView::Probe probe;
            view.prepare(kind, cut(digest, kind), &probe);
            view.compare(&probe);
            require(view.lookup(&probe, index_now_s, matches, limits::sections_max) == count);
        }
    }
    for (std::uint64_t size = 0; size < 2000; size += 7) {
        std::uint8_t head[head_digest_bytes] = {static_cast<std::uint8_t>(size), 2, 3};
        const Candidates found = view.candidates(exact_kinds, {size, size, &head}, index_now_s);
        require((found.kinds | view.plan(index_now_s)) == view.plan(index_now_s));
    }
    for (std::size_t i = 0; i < view.section_count(); ++i)
        require(!view.section(i).name.empty());
}

void open_and_search(Bytes image) {
    IndexView view;
    const char* why = nullptr;
    const IndexStatus status = IndexView::open(image, true, &view, &why);
    require((status == IndexStatus::ok) == view.is_open());
    require(status == IndexStatus::ok || why != nullptr);
    search_everywhere(view);
}

void hostile_image(Bytes bytes, bool sealed) {
    AlignedBytes image(bytes.size());
    if (!bytes.empty()) std::memcpy(image.mutable_bytes().data(), bytes.data(), bytes.size());
    if (sealed) reseal(image.mutable_bytes());
    open_and_search(image.bytes());
}

void changed_image(Bytes changes) {
    static const AlignedBytes good = small_index();
    AlignedBytes image(good.bytes().size());
    const MutableBytes bytes = image.mutable_bytes();
    std::memcpy(bytes.data(), good.bytes().data(), bytes.size());
    for (; changes.size() >= 3; changes = changes.subspan(3))
        bytes[load_be16(changes.data()) % bytes.size()] = changes[2];
    reseal(bytes);
    open_and_search(bytes);
}

std::uint64_t size_of(std::uint64_t n) {
    return n % 16 + 1;
}

std::array<std::uint8_t, head_digest_bytes> head_of(std::uint64_t n) {
    return {static_cast<std::uint8_t>(n), 9};
}

void against_a_sorted_vector(Bytes numbers) {
    using Key = std::pair<IndicatorKind, std::uint64_t>;
    std::vector<Key> expected;
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section({.name = "fuzz"}, key_of(5));
    for (; numbers.size() >= 2; numbers = numbers.subspan(2)) {
        const Key key = {kinds[numbers[0] % 4], numbers[1]};
        const Digest& digest = known_digest(key.second);
        // Of some kinds all have a size or a head.
        Indicator one = indicator(key.first, digest, key.second);
        if (key.first != IndicatorKind::md5) one.size = size_of(key.second);
        if (key.first != IndicatorKind::sha1) one.head = head_of(key.second);
        require(builder.add(section, one) == AddOutcome::added);
        expected.push_back(key);
    }
    std::sort(expected.begin(), expected.end());
    const std::size_t all = expected.size();
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());

    AlignedBytes image;
    const Result<BuiltIndex> made = builder.build_image(&image);
    require(made && made->tags == expected.size() && made->duplicates == all - expected.size());
    IndexView view;
    const char* why = nullptr;
    require(IndexView::open(image.bytes(), true, &view, &why) == IndexStatus::ok);
    for (std::uint64_t n = 0; n < digest_count; ++n) {
        const Digest& digest = known_digest(n);
        for (const IndicatorKind kind : kinds) {
            Match match;
            const std::size_t count = view.lookup(kind, cut(digest, kind), index_now_s, &match, 1);
            const bool listed = std::binary_search(expected.begin(), expected.end(), Key{kind, n});
            require(count == (listed ? 1 : 0));
            require(!listed || match.reference == n);
            std::uint8_t head[head_digest_bytes];
            std::ranges::copy(head_of(n), head);
            const Outline outline{size_of(n), size_of(n), &head};
            require(!listed || view.candidates({kind}, outline, index_now_s).kinds.has(kind));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes rest(data + 1, size - 1);
    switch (data[0] % 4) {
        case 0:
            hostile_image(rest, false);
            break;
        case 1:
            hostile_image(rest, true);
            break;
        case 2:
            changed_image(rest);
            break;
        case 3:
            against_a_sorted_vector(rest);
            break;
    }
    return 0;
}
