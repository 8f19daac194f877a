// A stream under a schedule that the input writes: offers at any offset, of any length, with right
// or other bytes, one by one or many small ones in falling order; taking, clearing, sending,
// acknowledging. Beside it a model that keeps every byte by itself. After each step both agree on
// what was offered, received, taken and sent; and the receiver never has a contiguous byte above
// cleared().
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/stream/stream.h"
#include "tests/support/fuzz_input.h"

namespace {

using namespace cordon;
using namespace cordon::test;

// A set of offsets, as flat as can be: a schedule is some thousands of look-ups.
class Marks {
  public:
    static constexpr std::size_t room = 1 << 20;
    bool has(std::uint64_t at) const { return marks_[at] != 0; }
    void add(std::uint64_t at) {
        marks_[at] = 1;
        end_ = std::max(end_, at + 1);
    }
    std::uint64_t end() const { return end_; }  // of the greatest
    std::uint64_t first_from(std::uint64_t at) const { return find(at, 1, UINT64_MAX); }
    std::uint64_t first_missing(std::uint64_t at) const { return find(at, 0, end_); }

  private:
    std::uint64_t find(std::uint64_t at, int value, std::uint64_t otherwise) const {
        if (at >= end_) return value == 0 ? at : otherwise;
        const void* found = std::memchr(marks_.data() + at, value, end_ - at);
        if (found == nullptr) return otherwise;
        return static_cast<std::uint64_t>(static_cast<const std::uint8_t*>(found) - marks_.data());
    }
    std::vector<std::uint8_t> marks_ = std::vector<std::uint8_t>(room);
    std::uint64_t end_ = 0;
};

class Schedule {
  public:
    explicit Schedule(Bytes bytes) : input_(bytes), pool_(64 + 4U * input_.byte()) {
        kept_max_ = (8 + 4U * input_.byte()) * limits::kept_block_bytes;
        stream_.open(input_.word() << 16 | input_.word());
    }

    void run() {
        for (int steps = 0; steps < 400 && !input_.empty() && received_ < Marks::room - 100000;
             ++steps) {
            step(input_.byte());
            agree();
        }
        stream_.close(pool_);
        check(pool_.used() == 0, "every piece is given back");
    }

  private:
    void step(std::uint8_t what) {
        const bool other = (what & 0x80) != 0;
        switch (what % 8) {
            case 0:
            case 1:  // where the contiguous bytes end
                return offer(received_, 1 + input_.word() % 4000, other);
            case 2:  // anywhere in reach
                return offer(acknowledged_ + input_.word() % 40000, 1 + input_.byte() % 64U, other);
            case 3:
                return offer(acknowledged_ + input_.word() % 40000, 1 + input_.word() % 4000,
                             other);
            case 4: {  // many small ones, each before the one before it
                const std::uint64_t top = received_ + 300 + input_.word();
                const std::uint64_t width = 1 + input_.byte() % 3U;
                for (std::uint64_t n = 1; n < 100; ++n)
                    offer(top - n * width, width, false);
                return;
            }
            case 5:
                return take(1 + input_.byte() % 8U);
            case 6:
                clear();
                return send(input_.byte());
            default:
                return acknowledge();
        }
    }

    static std::uint8_t right_byte(std::uint64_t offset) {
        return static_cast<std::uint8_t>((offset * 2654435761U) >> 13);
    }

    void offer(std::uint64_t offset, std::uint64_t length, bool other) {
        std::string bytes(length, '\0');
        for (std::uint64_t n = 0; n < length; ++n)
            bytes[n] = static_cast<char>(right_byte(offset + n));
        if (other) bytes[input_.word() % length] ^= static_cast<char>(1 + input_.byte() % 255U);
        const std::uint64_t end = offset + length;
        const Offered offered = stream_.offer(offset, as_bytes(bytes), pool_, kept_max_);
        if (offered == Offered::kept_full || offered == Offered::gaps_full) {
            check(end > received_, "what is kept already needs no room");
            return;
        }
        check(offered == expected(offset, bytes), "the outcome of an offer");
        if (offered != Offered::fresh && offered != Offered::ahead) return;
        for (std::uint64_t at = std::max(offset, acknowledged_); at < end; ++at)
            keep(at, static_cast<std::uint8_t>(bytes[at - offset]));
        if (offered == Offered::ahead) {
            stream_.mark_ahead_sent(offset, end, pool_);
            for (std::uint64_t at = offset; at < end; ++at)
                left_.add(at);
            check(stream_.left_ahead(offset, end, pool_), "what left ahead is known to have");
        }
        received_ = kept_.first_missing(received_);
    }
    void keep(std::uint64_t at, std::uint8_t value) {
        if (kept_.has(at)) return;
        kept_.add(at);
        values_[at] = value;
    }

    Offered expected(std::uint64_t offset, const std::string& bytes) const {
        const std::uint64_t end = offset + bytes.size();
        if (end <= acknowledged_) return Offered::forgotten;
        bool fresh = false;
        for (std::uint64_t at = std::max(offset, acknowledged_); at < end; ++at) {
            if (!kept_.has(at))
                fresh = true;
            else if (values_[at] != static_cast<std::uint8_t>(bytes[at - offset]))
                return Offered::inconsistent;
        }
        if (!fresh) return Offered::repeated;
        return offset > received_ ? Offered::ahead : Offered::fresh;
    }

    void check_bytes(std::uint64_t begin, Bytes chunk) const {
        for (std::size_t n = 0; n < chunk.size(); ++n)
            check(values_[begin + n] == chunk[n], "bytes are those that were offered first");
    }

    void take(unsigned times) {
        std::uint64_t begin;
        Bytes chunk;
        for (; times > 0; --times) {
            if (!stream_.take(pool_, &begin, &chunk)) {
                check(taken_ == received_, "all is taken");
                return;
            }
            check(begin == taken_ && !chunk.empty(), "bytes are taken in order");
            check_bytes(begin, chunk);
            taken_ += chunk.size();
        }
    }

    void clear() {
        const std::uint64_t room = taken_ - stream_.cleared();
        const std::uint64_t more = input_.byte() % 2 == 0 ? room : input_.word() % (room + 1);
        stream_.clear_to(stream_.cleared() + more);
    }

    void send(unsigned times) {
        std::uint64_t begin;
        Bytes chunk;
        for (times = 1 + times % 16; times > 0; --times) {
            if (!stream_.next_to_send(pool_, &begin, &chunk)) {
                const bool waits = stream_.sent() < stream_.cleared();
                check(!waits || contiguous_with(stream_.sent()) > stream_.cleared(),
                      "only what would make too much contiguous waits");
                return;
            }
            if (times % 3 == 0) chunk = chunk.first((chunk.size() + 1) / 2);
            check(begin == stream_.sent() && !chunk.empty(), "bytes are sent in order");
            check_bytes(begin, chunk);
            for (std::size_t n = 0; n < chunk.size(); ++n)
                left_.add(begin + n);
            stream_.mark_sent(begin + chunk.size(), pool_);
        }
    }
    // How far the receiver would have it, if the piece at `from` were sent.
    std::uint64_t contiguous_with(std::uint64_t from) const {
        const std::uint64_t next = std::min(left_.first_from(from), received_);
        return std::max(next, left_.first_missing(next));
    }

    void acknowledge() {
        const std::uint64_t room = stream_.sent() - acknowledged_;
        acknowledged_ += input_.byte() % 2 == 0 ? room : input_.word() % (room + 1);
        stream_.acknowledge(acknowledged_, pool_);
    }

    void agree() {
        check(stream_.received() == received_, "what is contiguous");
        check(stream_.taken() == taken_, "what is taken");
        check(stream_.acknowledged() == acknowledged_, "what is acknowledged");
        check(stream_.cleared() <= taken_ && stream_.sent() <= stream_.cleared(), "the order");
        const std::uint64_t ahead = kept_.first_from(received_);
        check(stream_.has_holes() == (ahead != UINT64_MAX), "whether there are holes");
        check(stream_.ahead_begin(pool_) == ahead, "where bytes ahead begin");
        check(stream_.kept_end(pool_) == std::max(kept_.end(), received_), "where they end");
        const std::uint64_t contiguous = left_.first_missing(acknowledged_);
        check(contiguous <= stream_.cleared(), "nothing is contiguous that is not cleared");
        check(contiguous == stream_.sent(), "what is sent is what the receiver can read");
        check(stream_.offset_of(stream_.sequence_of(received_)) ==
                  static_cast<std::int64_t>(received_),
              "sequence numbers and offsets");
    }

    FuzzInput input_;
    PiecePool pool_;
    std::uint64_t kept_max_;
    Stream stream_;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t taken_ = 0;
    Marks kept_;
    Marks left_;  // was forwarded
    std::vector<std::uint8_t> values_ = std::vector<std::uint8_t>(Marks::room);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 2048) return 0;
    Schedule(Bytes(data, size)).run();
    return 0;
}
