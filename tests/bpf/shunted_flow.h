// A flow with a shunted range, for who runs the kernel programs on its frames.
#pragma once

#include "tests/bpf/program_fixture.h"

namespace cordon::test {

inline constexpr std::uint32_t shunt_from = 0xfffff000;  // the range wraps
inline constexpr std::uint32_t shunt_to = 0x00010000;

inline const steer_flow the_shunted_flow = flow_of("192.0.2.1", 40000, "10.0.0.1");

// A service that fails open, its worker alive, the range in force.
inline void configure_shunt(Programs* programs, bool timestamps) {
    const steer_service web{80, steer_vlan_any, 0, steer_fail_open, 0};
    programs->write_services("10.0.0.0", 24, {web});
    programs->write_services("2001:db8::", 64, {web});
    programs->write_settings(true, false);
    programs->set_worker(Worker::alive);
    programs->shunt(the_shunted_flow, shunt_from, shunt_to, timestamps);
}

inline FrameSpec data(std::uint32_t sequence, std::size_t bytes) {
    return {.payload = bytes, .sequence = sequence};
}

inline FrameSpec from_storage(std::uint32_t acknowledgement, std::size_t bytes = 0) {
    return {.src = "10.0.0.1",
            .dst = "192.0.2.1",
            .src_port = 80,
            .dst_port = 40000,
            .payload = bytes,
            .sequence = 2000,
            .acknowledgement = acknowledgement};
}

inline FrameSpec stamped(FrameSpec spec) {
    spec.tcp_words = 8;
    spec.stamp = 500;
    return spec;
}

}  // namespace cordon::test
