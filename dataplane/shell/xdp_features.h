// Asks the kernel whether an interface's driver transmits frames that XDP redirects to it. One that
// does not loses them without a word: no error, no counter of ours.
//
// Owns:       nothing.
// Thread:     start-up only.
// Limits:     kernels before 6.3 do not know the question: `unknown`.
#pragma once

namespace cordon {

enum class XdpTransmit { yes, no, unknown };

XdpTransmit xdp_transmit(int ifindex);

}  // namespace cordon
