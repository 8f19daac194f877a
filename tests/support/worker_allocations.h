// What a worker allocates while a client sends: nothing. The port of the tests allocates, so that
// only the worker between its calls is watched, and what it forwards is not taken.
//
// Included by the one file of a test program only: allocation_watch.h.
#pragma once

#include <string_view>

#include "tests/support/allocation_watch.h"
#include "tests/support/lab.h"

namespace cordon::test {

// The first bytes of the lab's client, `step` a segment.
inline std::uint64_t allocations_of(Lab* lab, std::string_view sent, std::size_t step) {
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < sent.size(); at += step) {
        lab->port.push(Side::client, lab->client_packet()
                                         .sequence(client_isn + 1 + static_cast<std::uint32_t>(at))
                                         .acknowledgement(lab->client_acked)
                                         .flags(tcp_flag::ack)
                                         .payload(sent.substr(at, step))
                                         .frame());
        lab->port.accept_at_most(Side::storage, 0);  // else it would copy what was sent
        AllocationWatch watch;
        lab->worker->poll({lab->now_ns, index_now_s * ns_per_s});
        seen += watch.count();
    }
    return seen;
}

}  // namespace cordon::test
