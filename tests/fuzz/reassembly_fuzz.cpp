// Fragments in any order, of any size, that tell the truth or not, beside a plain model: a datagram
// is given only when its kept fragments cover it, each byte once, and it is what they say. Every
// frame that was kept is reported once, and no block is lost. A first byte of 0xff: frames as they
// are, whatever decode makes of them.
#include <map>

#include "dataplane/fragment/reassembly.h"
#include "tests/support/fragments.h"
#include "tests/support/fuzz_input.h"

namespace {

using namespace cordon;
using namespace cordon::test;

struct Kept {
    std::size_t end;
    FrameBytes bytes;
};
using Model = std::map<std::size_t, Kept>;  // of one datagram, by place

class Schedule {
  public:
    explicit Schedule(Bytes bytes) : input_(bytes) {}

    void run() {
        if (input_.byte() == 0xff) {
            for (int n = 0; n < 64 && !input_.empty(); ++n)
                add(to_vector(input_.take(input_.byte() * 8U)), nullptr, {});
        } else {
            for (int n = 0; n < 400 && !input_.empty(); ++n)
                turn();
        }
        now_ns_ += Reassembly::lifetime_ns;
        expire();
        check(room_.datagrams() == 0 && room_.blocks_used() == 0, "nothing stays for ever");
        check(taken_ == given_, "every frame is reported once");
    }

  private:
    static FrameBytes to_vector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

    void turn() {
        const std::uint8_t what = input_.byte();
        if (what % 16 == 15) {
            now_ns_ += std::uint64_t{input_.byte()} << 24;
            return expire();
        }
        const bool v4 = (what & 16) != 0;
        const auto id = static_cast<std::uint32_t>(what >> 5 & 1);
        const std::size_t begin = input_.byte() * std::size_t{8};
        const std::uint8_t form = input_.byte();
        const std::size_t size =
            (form & 7) == 7 ? input_.byte() : (1 + (form & 7)) * std::size_t{8};
        Cut cut{begin, begin + size, form >> 3 & 1, form >> 4 & 3};
        if (begin == 0 && (form & 64) == 0) cut.fill = 0x50;  // a TCP header of 20 bytes
        Packet packet = v4 ? Packet().ipv4("192.0.2.1", "10.0.0.2")
                           : Packet().ipv6("2001:db8::1", "2001:db8::2");
        packet.payload(Bytes(body_));
        if (cut.end == 0) return;  // the whole of it: no fragment in IPv4
        add(fragment(packet.frame(), cut, id), &models_[v4][id], cut);
    }

    void add(const FrameBytes& frame, Model* model, const Cut& cut) {
        Segment segment;
        Outcome why{};
        if (decode(frame, ChecksumRule::off, &segment, &why) != DecodeResult::fragment) return;
        const FragmentResult result = room_.add(frame, segment, false, now_ns_, &why);
        check(room_.blocks_used() * limits::fragment_block_bytes <= limits::fragment_bytes_max,
              "memory is bounded");
        if (result == FragmentResult::kept || result == FragmentResult::whole) {
            taken_ += frame.size();
            if (model != nullptr) note(model, cut, segment.payload);
        }
        if (result == FragmentResult::whole) finish(model);
        if (result == FragmentResult::atomic) check(!room_.datagram().empty(), "it is there");
        // What was refused ends its datagram; but not an impossible fragment, or one that is whole.
        const bool alone = why == Outcome::fragment_malformed || (cut.begin == 0 && cut.more == 0);
        if (result == FragmentResult::refused && model != nullptr && !alone) model->clear();
        collect();
    }

    static void note(Model* model, const Cut& cut, Bytes payload) {
        const auto after = model->lower_bound(cut.begin);
        check(after == model->end() || after->first >= cut.end, "no overlap is kept");
        check(after == model->begin() || std::prev(after)->second.end <= cut.begin,
              "no overlap is kept");
        model->emplace(cut.begin, Kept{cut.end, to_vector(payload)});
    }

    void finish(Model* model) {
        const Bytes datagram = room_.datagram();
        if (model != nullptr) {
            FrameBytes expected;
            for (const auto& [begin, kept] : *model) {
                check(begin == expected.size(), "no byte is missing");
                expected.insert(expected.end(), kept.bytes.begin(), kept.bytes.end());
            }
            check(datagram.size() >= expected.size() &&
                      std::equal(expected.rbegin(), expected.rend(), datagram.rbegin()),
                  "it is what its fragments say");
            model->clear();
        }
        for (Reassembly::Node at = room_.first_member(); at != Reassembly::none;
             at = room_.next_member(at)) {
            FrameBytes copy(room_.member_bytes(at));
            room_.copy_member(at, copy.data());
        }
        given_ += room_.finish().bytes;
    }

    void expire() {
        const std::uint32_t before = room_.datagrams();
        room_.expire(now_ns_);
        // Which of them is not told; all are of one age but seldom, and then all are forgotten.
        if (room_.datagrams() != before) {
            now_ns_ += Reassembly::lifetime_ns;
            room_.expire(now_ns_);
            for (auto& models : models_)
                for (Model& model : models)
                    model.clear();
        }
        collect();
    }

    void collect() {
        const FragmentLosses losses = room_.take_losses();
        given_ += losses.from[0].bytes + losses.from[1].bytes;
    }

    FuzzInput input_;
    Reassembly room_{1};
    FrameBytes body_ = FrameBytes(64, 'b');
    Model models_[2][2];
    std::uint64_t now_ns_ = 1;
    std::uint64_t taken_ = 0;
    std::uint64_t given_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) return 0;
    Schedule(Bytes(data, size)).run();
    return 0;
}
