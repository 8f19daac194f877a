// A Port that plays uploads at full speed: `flows` clients that PUT objects of one size again and
// again over kept-alive connections, and a storage that acknowledges and answers 201. No object is
// the same as another one, or a look-up would find what the one before it read.
//
// Every frame is made when it is received: header and payload are copied into one of a few buffers,
// so that its bytes are in the cache, as they are after the kernel's copy into an AF_XDP ring, or,
// if that is wanted, nowhere but in memory. The time this takes is the port's, and port_cycles()
// tells it, to be taken off the total.
//
// Owns:       its buffers, the state of its clients, the object's bytes.
// Invariants: checksums are right; sequence numbers go on; at most window_bytes in flight a flow.
// Worker:     one worker.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/worker/port.h"

namespace cordon::bench {

inline std::uint64_t read_cycles() {
    return __builtin_ia32_rdtsc();
}

// Takes these bytes out of all caches.
void put_into_memory(const std::uint8_t* bytes, std::size_t count);

class BenchPort : public Port {
  public:
    BenchPort(std::uint32_t flows, std::uint64_t object_bytes, bool from_memory = false);
    ~BenchPort() override;

    std::size_t receive(Side side, Frame* frames, std::size_t count) override;
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override;
    bool allocate(Side side, Frame* frame) override;
    void release(Frame* frame) override;

    // Lets every client upload `objects` more.
    void start(std::uint64_t objects);
    bool done() const { return unfinished_ == 0; }

    std::uint64_t port_cycles() const { return port_cycles_; }
    std::uint64_t packets() const { return packets_; }

    // How long segments with bytes of objects were at the worker, in its own cycles.
    // The last so many.
    class Stays {
      public:
        void add(std::uint64_t cycles) { cycles_[count_++ % cycles_.size()] = cycles; }
        std::uint64_t median() const;  // 0: none

      private:
        std::array<std::uint64_t, 8192> cycles_;
        std::size_t count_ = 0;
    };
    const Stays& others() const { return passed_; }  // not the last of their object
    const Stays& held() const { return held_; }      // the last ones, which wait for the verdict

  private:
    struct Client;
    static constexpr std::size_t no_serial = SIZE_MAX;
    struct Piece {  // of a request, one segment's payload
        std::uint32_t at;
        std::uint32_t length;
        std::uint32_t sum;  // one's complement sum of the payload
    };

    std::uint32_t write_client_frame(Client& client, std::uint8_t* out);
    std::uint32_t write_storage_frame(Client& client, std::uint8_t* out);
    std::uint32_t write_serial(std::uint8_t* payload);
    void note_stored(const Frame& frame, std::uint64_t worker_clock);

    bool from_memory_;
    std::string request_;
    std::size_t serial_at_ = no_serial;  // in it, of the number of the object: of zeros
    std::uint64_t serial_ = 0;
    std::vector<Piece> pieces_;
    std::vector<Client> clients_;
    std::vector<std::unique_ptr<std::uint8_t[]>> memory_;
    std::vector<std::uint8_t*> free_;
    std::uint32_t next_client_ = 0;
    std::uint32_t next_storage_ = 0;
    std::uint64_t unfinished_ = 0;
    std::uint64_t port_cycles_ = 0;
    std::uint64_t packets_ = 0;
    Stays passed_;
    Stays held_;
};

}  // namespace cordon::bench
