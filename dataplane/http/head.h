// The head of a request: the request line and the header fields, read line by line and strictly,
// because a filter and a server that disagree on a head disagree on where the body is (DESIGN §4).
//
// Owns:       the table of fields. The text stays in the head storage of the caller; all views
//             point into it and die when the next message's head begins.
// Invariants: framing is settled: exactly one of none, length, chunked, after finish_head() only.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     headers_max fields; a head of head_bytes_max, so that 16-bit offsets reach all of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/limits.h"
#include "dataplane/contract/counters.h"

namespace cordon {

inline constexpr std::size_t method_bytes_max = 32;

enum class Framing : std::uint8_t { none, length, chunked };

// Empty when all is well, else the outcome that names what is wrong.
using HeadFault = std::optional<Outcome>;

struct HeaderField {
    std::string_view name;
    std::string_view value;  // without surrounding blanks
};

struct Head {
    std::string_view method;
    std::string_view target;
    std::string_view host;              // of the target when it has one (RFC 9112 §3.2.2)
    std::string_view content_type;      // never repeated
    std::string_view content_encoding;  // the first; find() has the others
    std::uint64_t content_length = 0;   // with Framing::length
    Framing framing = Framing::none;
    std::uint8_t minor_version = 0;
    bool expect_continue = false;  // any Expect: a server may refuse those it does not know, too
    bool keep_alive = false;       // the client's wish, after the defaults of its version
    bool upgrade = false;          // has an Upgrade field
    bool connect = false;          // method CONNECT

    std::size_t field_count() const { return field_count_; }
    HeaderField field(std::size_t index) const;

    // The value of the nth field of that name, any case; nothing when there is none.
    std::optional<std::string_view> find(std::string_view name, std::size_t nth = 0) const;

    // --- for RequestParser ---
    void begin(const char* storage);
    // Lines come without their CRLF and lie in the storage.
    HeadFault take_request_line(std::string_view line);
    HeadFault take_field_line(std::string_view line);
    HeadFault finish();

  private:
    struct Slot {  // offsets into the storage
        std::uint16_t name_at;
        std::uint16_t name_bytes;
        std::uint16_t value_at;
        std::uint16_t value_bytes;
    };

    HeadFault take_framing_field(std::string_view name, std::string_view value);
    HeadFault take_known_field(std::string_view name, std::string_view value);
    HeadFault take_content_length(std::string_view value);
    HeadFault take_transfer_encoding(std::string_view value);
    HeadFault take_host(std::string_view value);
    HeadFault take_connection(std::string_view value);

    const char* storage_ = nullptr;
    std::uint16_t field_count_ = 0;
    bool has_length_ = false;
    bool has_coding_ = false;
    bool has_host_ = false;
    bool asked_close_ = false;
    bool asked_keep_alive_ = false;
    std::array<Slot, limits::headers_max> slots_;
};

static_assert(limits::head_bytes_max <= 0xffff);

// Whether a request line lacks all that makes one: for the first line of a connection, where it
// tells another protocol from a malformed request.
bool is_foreign_line(std::string_view line);

}  // namespace cordon
