// A Lab whose port can bridge, with an index that dismisses nearly everything: for uploads whose
// rest nobody needs.
//
// Owns:       a Lab.
// Limits:     one connection at a time.
#pragma once

#include "tests/support/shunt_ends.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

namespace cordon::test {

struct ShuntBench {
    explicit ShuntBench(Options options = shunting_options()) : lab(options) {
        lab.port.shunts.ranges_max = 4;
        lab.use(dismissing_index({known_content()}));
        lab.isn = wrapping_isn;
    }
    void connect() {
        lab.connect();
        sent.clear();
    }
    // Sends until a range is given away, and returns its offset in the stream.
    std::size_t send_until_shunted(const std::string& request) {
        const std::size_t before = lab.port.shunts.granted();
        std::size_t at = 0;
        while (lab.port.shunts.granted() == before && at < request.size())
            at = send_on(request, at, 1000);
        return at;
    }
    std::size_t send_on(const std::string& request, std::size_t at, std::size_t bytes) {
        const std::string part = request.substr(at, bytes);
        lab.send(part, 1000);
        sent += part;
        return at + part.size();
    }
    void send_rest(const std::string& request, std::size_t at) {
        send_on(request, at, request.size() - at);
    }
    std::uint64_t from() const { return lab.port.shunts.last().from - (lab.isn + 1); }
    std::uint64_t to() const {
        return from() + (lab.port.shunts.last().to - lab.port.shunts.last().from);
    }
    void expect_next_is_blocked() {
        lab.respond(created);
        const std::string before = lab.stored;
        const std::string known = put("/known", known_content());
        lab.send(known, 1000);
        lab.step(2000);
        lab.step(2000);
        assert_true(lab.answer.find("HTTP/1.1 403 ") != std::string::npos);
        assert_true(lab.stored.size() < before.size() + known.size());
        assert_true(lab.storage_reset);
        assert_int_equal(lab.port.shunts.in_use(), 0);
    }
    std::uint64_t class_bytes(ObjectClass c) const {
        return lab.worker->counters().objects[object_class(c)].bytes.read();
    }
    std::uint64_t class_frames(FrameClass c) const {
        return lab.worker->counters().frames[frame_class(c)].count.read();
    }

    std::string sent;
    Lab lab;
};

}  // namespace cordon::test
