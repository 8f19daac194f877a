#include "dataplane/verifier/desk_link.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "dataplane/contract/version.h"

namespace cordon::verifier {

namespace {

// A transaction waits for the disk of cordond.
constexpr time_t answer_s_max = 30;

VerifyHeader header_of(VerifyType type) {
    return {verify_magic, verify_version, type};
}

}  // namespace

bool DeskLink::open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const timeval patience = {answer_s_max, 0};
    if (!socket.valid() ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return false;
    socket_ = std::move(socket);
    return true;
}

bool DeskLink::lose() {
    socket_.close();
    return false;
}

template <typename Body>
bool DeskLink::send(VerifyType type, const Body& body) {
    VerifyFrame<Body> frame;
    std::memset(&frame, 0, sizeof frame);
    frame.header = header_of(type);
    frame.body = body;
    const ssize_t sent = ::send(socket_.get(), &frame, sizeof frame, MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(sizeof frame) || lose();
}

template <typename Body>
bool DeskLink::take(VerifyType type, Bytes frame, Body* body) {
    VerifyHeader header;
    if (frame.size() != sizeof(VerifyFrame<Body>)) return lose();
    std::memcpy(&header, frame.data(), sizeof header);
    if (header.magic != verify_magic || header.version != verify_version || header.type != type)
        return lose();
    VerifyFrame<Body> whole;
    std::memcpy(&whole, frame.data(), sizeof whole);
    *body = whole.body;
    return true;
}

bool DeskLink::receive(MutableBytes room, std::size_t* bytes, HandedFiles* with) {
    alignas(cmsghdr) char control[CMSG_SPACE(verify_files_max * sizeof(int))];
    iovec part = {room.data(), room.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got <= 0) return lose();
    HandedFiles unused;
    if (with == nullptr) with = &unused;
    std::size_t count = 0;
    for (cmsghdr* note = CMSG_FIRSTHDR(&message); note != nullptr;
         note = CMSG_NXTHDR(&message, note)) {
        if (note->cmsg_level != SOL_SOCKET || note->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t end = note->cmsg_len - CMSG_LEN(0);
        for (std::size_t at = 0; at + sizeof(int) <= end && count < with->size();
             at += sizeof(int), ++count) {
            int file;
            std::memcpy(&file, CMSG_DATA(note) + at, sizeof file);
            (*with)[count] = Descriptor(file);
        }
    }
    *bytes = static_cast<std::size_t>(got);
    return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 || lose();
}

DeskLink::Next DeskLink::next(VerifyJob* job, VerifyProbe* probe, std::uint32_t* wait_ms) {
    VerifyNext ask{};
    held_ = shelf_.current();
    ask.mark = held_.mark;
    std::strncpy(ask.program_version, version, sizeof ask.program_version - 1);
    if (!send(VerifyType::next, ask)) return Next::lost;
    std::array<std::uint8_t, verify_frame_max> room;
    std::size_t bytes = 0;
    HandedFiles files;
    if (!receive(room, &bytes, &files)) return Next::lost;
    const Bytes frame = Bytes(room).first(bytes);
    if (bytes == sizeof(VerifyFrame<VerifyIdle>)) {
        VerifyIdle idle;
        if (!take(VerifyType::idle, frame, &idle)) return Next::lost;
        held_ = shelf_.take(files, idle.files, {idle.mark, ask.mark, idle.lab != 0});
        jobs_ = idle.jobs;
        *wait_ms = idle.wait_ms;
        return Next::idle;
    }
    if (bytes == sizeof(VerifyFrame<VerifyProbe>)) {
        if (!take(VerifyType::probe, frame, probe)) return Next::lost;
        jobs_ = probe->jobs;
        return Next::probe;
    }
    if (!take(VerifyType::job, frame, job)) return Next::lost;
    held_ = shelf_.take(files, job->files, {job->mark, ask.mark, job->lab != 0});
    jobs_ = job->jobs;
    return Next::job;
}

bool DeskLink::record(const VerifyMatch& match) {
    if (!send(VerifyType::match, match)) return false;
    std::array<std::uint8_t, verify_frame_max> room;
    std::size_t bytes = 0;
    VerifyRecorded recorded;
    if (!receive(room, &bytes) || !take(VerifyType::recorded, Bytes(room).first(bytes), &recorded))
        return false;
    return recorded.id == match.id || lose();
}

bool DeskLink::done(const VerifyDone& result) {
    return send(VerifyType::done, result) && taken(result.id);
}

bool DeskLink::probed(const VerifyProbed& result) {
    return send(VerifyType::probed, result) && taken(result.id);
}

bool DeskLink::taken(std::uint64_t id) {
    std::array<std::uint8_t, verify_frame_max> room;
    std::size_t bytes = 0;
    VerifyTaken taken;
    if (!receive(room, &bytes) || !take(VerifyType::taken, Bytes(room).first(bytes), &taken))
        return false;
    return taken.id == id || lose();
}

}  // namespace cordon::verifier
