#include "dataplane/shell/link_frames.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "dataplane/base/invariant.h"

namespace cordon {
namespace {

LinkAnswer write_answer(LinkType type, const void* payload, std::size_t bytes,
                        MutableBytes answer) {
    const LinkHeader header{link_magic, link_version, type, static_cast<std::uint32_t>(bytes), 0};
    INVARIANT(answer.size() >= sizeof header + bytes);
    std::memcpy(answer.data(), &header, sizeof header);
    std::memcpy(answer.data() + sizeof header, payload, bytes);
    return {sizeof header + bytes, false};
}

LinkAnswer refuse(ErrorCode code, std::string_view text, MutableBytes answer, bool close) {
    LinkError error{};
    error.code = static_cast<std::int32_t>(code);
    text.copy(error.text, sizeof error.text - 1);
    LinkAnswer written = write_answer(LinkType::error, &error, sizeof error, answer);
    written.close = close;
    return written;
}

template <typename T>
LinkAnswer read_out(void (LinkTarget::*read)(T*), LinkType type, LinkTarget& target,
                    MutableBytes answer) {
    const auto value = std::make_unique<T>();
    (target.*read)(value.get());
    return write_answer(type, value.get(), sizeof(T), answer);
}

LinkAnswer status_after(const Result<void>& done, LinkType type, LinkTarget& target,
                        MutableBytes answer) {
    if (!done) return refuse(done.error().code, done.error().message(), answer, false);
    return read_out(&LinkTarget::status, type, target, answer);
}

// The text in a field, empty when it has no end or no beginning.
template <std::size_t size>
std::string_view text_of(const char (&field)[size]) {
    const char* end = std::find(field, field + size, '\0');
    if (end == field + size) return {};
    return {field, static_cast<std::size_t>(end - field)};
}

LinkAnswer load_index(Bytes payload, LinkTarget& target, MutableBytes answer) {
    LinkLoadIndex wanted;
    std::memcpy(&wanted, payload.data(), sizeof wanted);
    const std::string_view path = text_of(wanted.path);
    if (path.empty() || path.front() != '/') {
        return refuse(ErrorCode::usage, "load_index needs an absolute path", answer, false);
    }
    return status_after(target.load_index(std::string(path)), LinkType::load_index, target, answer);
}

LinkAnswer set_mode(Bytes payload, LinkTarget& target, MutableBytes answer) {
    LinkSetMode wanted;
    std::memcpy(&wanted, payload.data(), sizeof wanted);
    const std::string_view service = text_of(wanted.service);
    const auto mode = static_cast<std::uint8_t>(wanted.mode);
    if (service.empty() || mode > static_cast<std::uint8_t>(ServiceMode::bypass)) {
        return refuse(ErrorCode::usage, "set_mode needs a service and one of its modes", answer,
                      false);
    }
    return status_after(target.set_mode(service, wanted.mode, wanted.bypass_until_s),
                        LinkType::set_mode, target, answer);
}

LinkAnswer distrust(Bytes payload, LinkTarget& target, MutableBytes answer) {
    LinkDistrust wanted;
    std::memcpy(&wanted, payload.data(), sizeof wanted);
    const std::string_view why = text_of(wanted.why);
    if (why.empty())
        return refuse(ErrorCode::usage, "distrust needs a reason that ends", answer, false);
    target.distrust(why);
    return read_out(&LinkTarget::status, LinkType::distrust, target, answer);
}

// How many bytes follow the header in a request of this type.
std::size_t request_bytes(LinkType type) {
    if (type == LinkType::load_index) return sizeof(LinkLoadIndex);
    if (type == LinkType::set_mode) return sizeof(LinkSetMode);
    if (type == LinkType::distrust) return sizeof(LinkDistrust);
    return 0;
}

LinkAnswer dispatch(LinkType type, Bytes payload, LinkTarget& target, MutableBytes answer) {
    switch (type) {
        case LinkType::error:
            break;
        case LinkType::status:
            return read_out(&LinkTarget::status, type, target, answer);
        case LinkType::counters:
            return read_out(&LinkTarget::counters, type, target, answer);
        case LinkType::unlisted:
            return read_out(&LinkTarget::unlisted, type, target, answer);
        case LinkType::load_index:
            return load_index(payload, target, answer);
        case LinkType::set_mode:
            return set_mode(payload, target, answer);
        case LinkType::distrust:
            return distrust(payload, target, answer);
    }
    return refuse(ErrorCode::usage, "unknown type of request", answer, true);
}

}  // namespace

bool takes_long(Bytes request) {
    LinkHeader header;
    if (request.size() < sizeof header) return false;
    std::memcpy(&header, request.data(), sizeof header);
    return header.type == LinkType::load_index;
}

LinkAnswer handle_frame(Bytes request, LinkTarget& target, MutableBytes answer) {
    LinkHeader header;
    if (request.size() < sizeof header) {
        return refuse(ErrorCode::usage, "frame shorter than its header", answer, true);
    }
    std::memcpy(&header, request.data(), sizeof header);
    const Bytes payload = request.subspan(sizeof header);
    if (header.magic != link_magic) {
        return refuse(ErrorCode::usage, "not a frame of this socket", answer, true);
    }
    if (header.version != link_version) {
        return refuse(ErrorCode::usage, "frame of another version: use the tools of one release",
                      answer, true);
    }
    if (payload.size() != header.length || payload.size() != request_bytes(header.type)) {
        return refuse(ErrorCode::usage, "frame of another size than its type has", answer, true);
    }
    return dispatch(header.type, payload, target, answer);
}

}  // namespace cordon
