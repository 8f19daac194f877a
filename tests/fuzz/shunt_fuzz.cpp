// A worker whose port bridges, under a schedule that the input writes: segments of an upload whose
// rest nobody needs, in any order, odd, across the ends of the range, or with other bytes in it;
// what the two wires lose and reorder; ACKs and answers of the storage; swaps of the index; time.
// Then the wires are calm, and the client repeats what is missing. At every moment:
//   - outside of the ranges given away, and below what passed of them, the storage has nothing that
//     was not inspected; and what was inspected and what it has is the stream, unless the input
//     put other bytes into a range;
//   - it never has the whole of the known file that stands behind;
//   - every frame that came is in exactly one class (and every byte of a body: the Lab's end).
// In the end, when nobody ended the connection, all before the known file is at the storage, that
// file is blocked, and no range, buffer, kept byte or flow is left.
#include "tests/support/frame_ledger.h"
#include "tests/support/fuzz_input.h"
#include "tests/support/inspected_tap.h"
#include "tests/support/shunt_ends.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::size_t body_bytes = limits::shunt_bytes_min + (160u << 10);
constexpr std::size_t segment_bytes = 8900;  // jumbo frames: a range of a megabyte in few of them
constexpr std::size_t buffer_bytes = 9216;
constexpr std::string_view behind = "PUT /small HTTP/1.1\r\n";

const std::string& large_content() {
    static const std::string content = clean_content(body_bytes);
    return content;
}

std::string upload(std::uint8_t world) {
    std::string stream;
    if ((world & 1) == 0) {
        stream = put("/large", large_content());
    } else {  // a range ends with its chunk
        char size[16];
        std::snprintf(size, sizeof size, "%zx", body_bytes);
        stream = "PUT /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 std::string(size) + "\r\n" + large_content() + "\r\n5\r\nlast.\r\n0\r\n\r\n";
    }
    return stream + put("/small", "nothing") + put("/known", known_content());
}

// Where the sequence numbers wrap: far away, below the range, in it, at its begin.
std::uint32_t isn_of(std::uint8_t world) {
    constexpr std::uint32_t all[] = {1000, 0u - 40000u, 0u - (1u << 19), 0u - (72u << 10)};
    return all[world >> 1 & 3];
}

AlignedBytes copy_of(const AlignedBytes& built) {
    AlignedBytes copy(built.bytes().size());
    std::memcpy(copy.mutable_bytes().data(), built.bytes().data(), built.bytes().size());
    return copy;
}

// One that dismisses the large file, one that lists it as well, one that dismisses nothing.
AlignedBytes index_number(std::uint8_t which) {
    static const AlignedBytes dismissing = dismissing_index({known_content()});
    static const AlignedBytes listing = dismissing_index({known_content(), large_content()});
    static const AlignedBytes asking = index_of_contents({known_content()});
    const AlignedBytes* const all[] = {&dismissing, &listing, &asking};
    return copy_of(*all[which]);
}

// What was inspected, beside the stream: all of it but what was passed over in ranges.
class Walk {
  public:
    Walk(const Lab& lab, std::string_view stream) : lab_(lab), stream_(stream) {}

    // Up to where the storage may have the stream.
    std::size_t frontier() {
        while (true) {
            const bool stands = range_ < lab_.port.shunts.granted() && at_ == begin(range_);
            if (stands && !goes_on()) return farthest();
            if (read_ == inspected.size()) return at_;
            const std::size_t next =
                range_ < lab_.port.shunts.granted() ? begin(range_) : stream_.size();
            check(at_ < next, "nothing is inspected behind the stream");
            const std::size_t count = std::min(inspected.size() - read_, next - at_);
            check(std::string_view(inspected).substr(read_, count) == stream_.substr(at_, count),
                  "what is inspected is the stream");
            read_ += count;
            at_ += count;
        }
    }

  private:
    std::size_t offset(std::uint32_t sequence) const { return sequence - (lab_.isn + 1); }
    std::size_t begin(std::size_t n) const { return offset(lab_.port.shunts.range(n).from); }
    // Of the ranges that begin here: one that was taken back may have been given away again.
    std::size_t farthest() const {
        std::size_t end = at_;
        for (std::size_t n = range_; n < lab_.port.shunts.granted() && begin(n) == at_; ++n)
            end = std::max(end, offset(lab_.port.shunts.range(n).to));
        return end;
    }
    // What is inspected next stands once in the stream.
    bool goes_on() {
        constexpr std::size_t enough = 16;
        const std::string_view next = std::string_view(inspected).substr(read_, enough);
        if (next.size() < enough) return false;
        const std::size_t found = stream_.find(next, at_);
        check(found != std::string_view::npos && found <= farthest(),
              "the stream goes on within the range or right behind it");
        do
            ++range_;
        while (range_ < lab_.port.shunts.granted() && begin(range_) < found);
        at_ = found;
        return true;
    }

    const Lab& lab_;
    std::string_view stream_;
    std::size_t read_ = 0;   // of what was inspected
    std::size_t at_ = 0;     // of the stream
    std::size_t range_ = 0;  // the next one
};

class Schedule {
  public:
    explicit Schedule(Bytes bytes)
        : input_(bytes),
          world_(input_.byte()),
          stream_(upload(world_)),
          clean_(stream_.size() - put("/known", known_content()).size()),
          lab_(options_of(world_), 128, buffer_bytes),
          ends_(&lab_),
          walk_(lab_, stream_) {
        ends_.stream = stream_;
        lab_.port.shunts.ranges_max = 1;
        lab_.isn = isn_of(world_);
        lab_.mss = segment_bytes;
        if ((world_ & 8) != 0) lab_.client_clock = lab_.storage_clock = 0xffffff00;
        lab_.use(index_number(0));
        inspected.clear();
        lab_.connect();
    }

    void run() {
        while (!input_.empty()) {
            turn();
            judge();
        }
        calm();
        if (!ended_ && !ends_.client_reset) {
            check(lab_.count(Outcome::match_blocked) == 1, "a listed file is blocked");
            check(listed_ || ends_.stored.size() >= clean_, "all before it is at the storage");
        }
        for (int n = 0; n < 4; ++n)
            pass(61'000'000);
        for (int n = 0; n < 3; ++n)
            pass(7'201'000'000);
        judge();
        check(lab_.port.shunts.in_use() == 0, "every range is given back");
        check(lab_.worker->flows() == 0, "every flow ends");
        check(lab_.worker->kept_bytes() == 0, "every kept byte is given back");
        check(lab_.port.outstanding() == 0, "every buffer is given back");
    }

  private:
    using Wire = std::vector<FrameBytes>;

    static Options options_of(std::uint8_t world) {
        Options options = shunting_options();
        options.flows_max = options.messages_max = 4;  // a small worker is soon there
        options.assemblies_max = 4;
        options.spool_bytes_max = 0;
        if ((world & 16) != 0) options.kept_bytes_flow_max = 16 * limits::kept_block_bytes;
        return options;
    }

    void turn() {
        switch (input_.byte() % 16) {
            case 0:
            case 1:
            case 2:
                return send(1 + input_.byte() % 24U, 65535);
            case 3:  // more than the storage has room for
                return send(1 + input_.byte() % 32U, 1u << 18);
            case 4:  // a time-out
                ends_.next = ends_.acked;
                return;
            case 5: {
                const std::size_t at = near_border();
                const std::size_t bytes = 1 + input_.word() % segment_bytes;
                return push(ends_.segment(at, std::min(bytes, clean_ - at)));
            }
            case 6:
                return other_bytes();
            case 7:
                return odd_segment();
            case 8:
                return end_of_client();
            case 9:
                return pass(input_.word());
            case 10:
                return acknowledge();
            case 11:
                return lose();
            case 12: {  // what came first arrives last
                Wire& wire = some_wire();
                if (wire.size() > 1) std::rotate(wire.begin(), wire.begin() + 1, wire.end());
                return;
            }
            case 13:
                return rare();
            default:  // everything arrives
                deliver();
                return pass(10);
        }
    }

    Wire& some_wire() {
        Wire* const all[] = {&to_appliance_, &to_storage_, &from_storage_};
        return *all[input_.byte() % 3];
    }
    void tick() {
        if (lab_.client_clock != 0) ++lab_.client_clock;
    }
    void push(const FrameBytes& frame) { to_appliance_.push_back(frame); }
    void send(unsigned segments, std::size_t room) {
        // A blocked upload takes with it what of earlier ones is still under way.
        const std::size_t last = ends_.acked < clean_ ? clean_ : stream_.size();
        for (; segments > 0; --segments) {
            const std::size_t end = std::min(ends_.acked + room, last);
            if (ends_.next >= end) return;
            const std::size_t bytes = std::min(segment_bytes - 12, end - ends_.next);
            push(ends_.segment(ends_.next, bytes));
            ends_.next += bytes;
        }
        tick();
    }
    // About an end of the newest range, of what was acknowledged or sent.
    std::size_t near_border() {
        const std::uint8_t which = input_.byte();
        std::size_t border = which % 4 == 0 ? ends_.acked : ends_.next;
        const ShuntModel& shunts = lab_.port.shunts;
        if (which % 4 > 1 && shunts.granted() != 0) {
            const ShuntRange& range = shunts.last();
            border = (which % 4 == 2 ? range.from : range.to) - (lab_.isn + 1);
        }
        const std::size_t back = (which >> 2) * (input_.byte() % 2 == 0 ? 1U : 400U);
        // What of the known file is sent before all else is there goes with it.
        return std::min(border - std::min(border, back), clean_);
    }

    // Wholly within a range: there it does not matter.
    void other_bytes() {
        if (lab_.port.shunts.granted() == 0) return;
        const ShuntRange& range = lab_.port.shunts.last();
        const std::uint32_t length = range.to - range.from;
        const std::uint32_t begin = input_.word() * 16U % length;
        const std::size_t bytes = 1 + input_.word() % std::min<std::uint32_t>(length - begin, 2000);
        const std::size_t at = range.from - (lab_.isn + 1) + begin;
        std::string part = stream_.substr(at, bytes);
        part[input_.word() % part.size()] ^= 1;
        changed_ = ended_ = true;
        push(ends_.packet(at, part).frame());
    }

    void odd_segment() {
        const std::size_t at = near_border();
        const std::string_view part =
            std::string_view(stream_).substr(at, 1 + input_.word() % segment_bytes);
        Packet packet = ends_.packet(at, part);
        ended_ = true;  // or only dropped
        switch (input_.byte() % 6) {
            case 0:
                packet.flags(tcp_flag::ack | tcp_flag::urg).urgent(input_.byte());
                break;
            case 1:
                packet.option({30, 4, 0x20, 1});
                break;
            case 2:
                packet.bad_tcp_checksum();
                break;
            case 3:
                packet.acknowledgement(lab_.client_acked + (std::uint32_t{input_.word()} << 16));
                break;
            case 4:
                packet.flags(input_.byte());
                break;
            default:
                packet.sequence(lab_.isn + 1 + static_cast<std::uint32_t>(at) +
                                (std::uint32_t{input_.word()} << 12));
                changed_ = true;
        }
        push(packet.frame());
    }

    void end_of_client() {
        ended_ = true;
        const std::uint8_t flags = input_.byte() % 2 == 0 ? tcp_flag::fin : tcp_flag::rst;
        push(ends_.packet(near_border(), {})
                 .flags(static_cast<std::uint8_t>(flags | tcp_flag::ack))
                 .frame());
    }

    void acknowledge() {
        if (lab_.storage_clock != 0) ++lab_.storage_clock;
        const std::uint8_t how = input_.byte();
        Packet packet = ends_.acknowledging();
        if (how % 8 == 1)  // late, or of what it does not have
            packet.acknowledgement(lab_.isn + 1 + static_cast<std::uint32_t>(near_border()));
        if (how % 8 == 1) ended_ = true;
        if (how % 8 == 2) packet.window(static_cast<std::uint16_t>(input_.byte() * 16));
        from_storage_.push_back(packet.frame());
    }

    void lose() {
        Wire& wire = some_wire();
        const std::size_t count = std::min<std::size_t>(wire.size(), 1 + input_.byte() % 8U);
        const std::size_t first = wire.empty() ? 0 : input_.byte() % (wire.size() - count + 1);
        wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(first),
                   wire.begin() + static_cast<std::ptrdiff_t>(first + count));
    }

    void rare() {
        const std::uint8_t what = input_.byte();
        switch (what % 6) {
            case 0:
            case 1: {
                const std::uint8_t which = input_.byte() % 3;
                listed_ = listed_ || which == 1;
                return lab_.use(index_number(which));
            }
            case 2:  // the port has no room, or again
                lab_.port.shunts.ranges_max = input_.byte() % 2;
                return;
            case 3:  // buffers run out, and come back
                lab_.port.allocate_at_most(input_.byte() % 2 == 0 ? 0 : SIZE_MAX);
                return;
            case 4:  // an answer before the end, or a reset
                ended_ = true;
                from_storage_.push_back(
                    what >= 128 ? ends_.acknowledging().flags(tcp_flag::rst | tcp_flag::ack).frame()
                                : ends_.acknowledging().payload(created).frame());
                if (what < 128) lab_.storage_next += static_cast<std::uint32_t>(created.size());
                return;
            default:
                ended_ = true;
                return pass(input_.word() * 1000U);
        }
    }

    // What waits on the wires arrives, and the worker has its turns.
    void deliver() {
        for (const FrameBytes& frame : std::exchange(to_appliance_, {}))
            lab_.port.push(Side::client, frame);
        for (const FrameBytes& frame : std::exchange(from_storage_, {}))
            lab_.port.push(Side::storage, frame);
    }
    void pass(std::uint64_t microseconds) {
        lab_.now_ns += microseconds * ns_per_us;
        do
            lab_.worker->poll({lab_.now_ns, lab_.unix_zero_ns + lab_.now_ns});
        while (lab_.port.waiting(Side::client) + lab_.port.waiting(Side::storage) != 0);
        for (const FrameBytes& frame : lab_.port.take(Side::storage))
            to_storage_.push_back(frame);
        for (const FrameBytes& frame : lab_.port.take(Side::client))
            ends_.client_takes(frame);
        if (input_.empty() || input_.byte() % 4 != 0) storage_takes();
    }
    void storage_takes() {
        for (const FrameBytes& frame : std::exchange(to_storage_, {}))
            ends_.storage_takes(frame);
    }

    // Nothing is lost any more: as long as anything comes of it.
    void calm() {
        lab_.port.allocate_at_most(SIZE_MAX);
        std::size_t before = ends_.acked;
        for (int idle = 0; idle < 20 && lab_.count(Outcome::match_blocked) == 0; ++idle) {
            send(8, 65535);
            deliver();
            pass(50);
            if (lab_.storage_clock != 0) ++lab_.storage_clock;
            from_storage_.push_back(ends_.acknowledging().frame());
            deliver();
            pass(idle == 0 ? 50 : 5000);
            judge();
            if (ends_.client_reset || ends_.storage_reset) return;
            if (ends_.acked != before)
                idle = 0;
            else
                ends_.next = ends_.acked;
            before = ends_.acked;
        }
        pass(2000);
        judge();
    }

    void judge() {
        if (!changed_) {
            const std::string_view fresh = std::string_view(ends_.stored).substr(judged_);
            check(std::string_view(stream_).substr(judged_).starts_with(fresh),
                  "the storage has what was sent");
            check(ends_.stored.size() <= walk_.frontier(), "the storage has what was inspected");
        } else if (const std::size_t next = ends_.stored.find(behind, body_bytes);
                   next != std::string::npos) {
            const std::size_t read = inspected.find(behind);
            check(read != std::string::npos && std::string_view(inspected).substr(read).starts_with(
                                                   std::string_view(ends_.stored).substr(next)),
                  "what is behind the body was inspected");
        }
        judged_ = ends_.stored.size();
        check(ends_.stored.find(known_content(), body_bytes) == std::string::npos,
              "the known file is never whole at the storage");
        check(frames_balance(lab_.worker->counters()), "every frame is in one class");
        check(lab_.port.outstanding() <= lab_.worker->flows(), "at most a tail's frame is held");
        check(lab_.port.shunts.in_use() <= lab_.worker->flows(), "a range is of a flow");
    }

    FuzzInput input_;
    std::uint8_t world_;
    std::string stream_;
    std::size_t clean_;  // before the known file
    Lab lab_;
    ShuntEnds ends_;
    Walk walk_;
    Wire to_appliance_, to_storage_, from_storage_;
    std::size_t judged_ = 0;  // of what the storage has
    bool changed_ = false;    // other bytes were sent in a range
    bool listed_ = false;     // the large file was in an index as well
    bool ended_ = false;      // an end or a rule may have ended the connection
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 1024) return 0;
    Schedule(Bytes(data, size)).run();
    return 0;
}
