// The two ends of an upload through an appliance that bridges, for schedules that lose, repeat and
// reorder what is between them: a client that repeats what is not acknowledged, and a storage after
// RFC 9293 whose first copy wins. And the uploads and the index with which it bridges.
//
// Owns:       what each end knows. The stream and the Lab are the caller's.
// Limits:     one connection.
#pragma once

#include <xxhash.h>

#include <map>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/lab.h"

namespace cordon::test {

inline constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
inline constexpr std::size_t large = 3 << 20;
inline constexpr std::uint32_t wrapping_isn = 0u - (3u << 19);  // within the range

inline Options shunting_options() {
    Options options = lab_options();
    options.services[0].dismiss = DismissBy::size;
    options.services[0].embedded_archives = EmbeddedArchives::ignore;
    return options;
}

// Of no type that is searched, and of no listed size or head.
inline std::string clean_content(std::size_t bytes, std::uint32_t seed = 1) {
    std::mt19937 random(seed);
    std::string content(bytes, '\0');
    for (char& c : content)
        c = static_cast<char>(random());
    content.replace(0, 4, "\x01\x02\x03\x04");
    return content;
}

// Every record has its size and head: nothing else can match.
inline AlignedBytes dismissing_index(std::initializer_list<std::string> contents) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section({.name = "lab", .generation = 4}, key_of(1));
    std::uint64_t reference = 4711;
    for (const std::string& content : contents) {
        std::uint8_t digest[32];
        SHA256(as_bytes(content).data(), content.size(), digest);
        XXH128_canonical_t head;
        XXH128_canonicalFromHash(
            &head, XXH3_128bits(content.data(), std::min(content.size(), head_bytes)));
        std::array<std::uint8_t, head_digest_bytes> told;
        std::memcpy(told.data(), head.digest, told.size());
        builder.add(section, {.kind = IndicatorKind::sha256,
                              .digest = digest,
                              .reference = reference++,
                              .size = content.size(),
                              .head = told});
    }
    return built(&builder);
}

struct ShuntEnds {
    explicit ShuntEnds(Lab* the_lab) : lab(*the_lab) {}

    Lab& lab;
    std::string_view stream;  // that the client sends
    std::string stored;       // that the storage's application read
    std::size_t acked = 0;    // of the stream, as the client knows
    std::size_t next = 0;     // to be sent, when nothing is lost
    bool storage_reset = false;
    bool client_reset = false;

    // --- the client ---
    Packet packet(std::size_t at, std::string_view bytes) const {
        return lab.client_packet()
            .sequence(lab.isn + 1 + static_cast<std::uint32_t>(at))
            .acknowledgement(lab.client_acked)
            .flags(tcp_flag::ack)
            .payload(bytes);
    }
    FrameBytes segment(std::size_t at, std::size_t bytes) const {
        return packet(at, stream.substr(at, bytes)).frame();
    }
    void client_takes(const FrameBytes& frame) {
        Segment got;
        if (!reads(frame, &got)) return;
        if ((got.flags & tcp_flag::rst) != 0) {
            client_reset = true;
            return;
        }
        const std::uint32_t known = lab.isn + 1 + static_cast<std::uint32_t>(acked);
        const auto fresh = static_cast<std::int32_t>(got.acknowledgement - known);
        if ((got.flags & tcp_flag::ack) != 0 && fresh > 0)
            acked = std::min(acked + static_cast<std::size_t>(fresh), stream.size());
        next = std::max(next, acked);
    }

    // --- the storage ---
    // False: it is nothing to answer.
    bool storage_takes(const FrameBytes& frame) {
        Segment got;
        if (!reads(frame, &got) || (got.flags & tcp_flag::syn) != 0) return false;
        const std::uint32_t expected = lab.isn + 1 + static_cast<std::uint32_t>(stored.size());
        if ((got.flags & tcp_flag::rst) != 0) {
            storage_reset = storage_reset || got.sequence == expected;
            return false;
        }
        const auto at = static_cast<std::int64_t>(stored.size()) +
                        static_cast<std::int32_t>(got.sequence - expected);
        if (!got.payload.empty() && at >= 0)
            pieces_.emplace(static_cast<std::size_t>(at), std::string(as_text(got.payload)));
        while (!pieces_.empty() && pieces_.begin()->first <= stored.size()) {
            const std::string& piece = pieces_.begin()->second;
            const std::size_t known = stored.size() - pieces_.begin()->first;
            if (known < piece.size()) stored += piece.substr(known);
            pieces_.erase(pieces_.begin());
        }
        return true;
    }
    Packet acknowledging() const {
        return lab.storage_packet()
            .sequence(lab.storage_next)
            .acknowledgement(lab.isn + 1 + static_cast<std::uint32_t>(stored.size()))
            .flags(tcp_flag::ack);
    }

  private:
    // What was broken on the way an end drops: who bridges does not look at checksums.
    static bool reads(const FrameBytes& bytes, Segment* segment) {
        Outcome why;
        return decode(Bytes(bytes), ChecksumRule::strict, segment, &why) == DecodeResult::tcp;
    }

    std::map<std::size_t, std::string> pieces_;
};

}  // namespace cordon::test
