// Schedules of ranges that several connections write into one object in place, beside a plain model
// of the storage, which has each byte as soon as it goes there. What may not happen: that the
// object stands there as nobody looked at it, whatever is under way, breaks off, or is refused.
#include <set>

#include "tests/support/fuzz_input.h"
#include "tests/support/pieces.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint64_t object_key = 1;

// A range on its way: sent so far, and what of it is at the storage.
struct Range {
    Sender sender;
    std::uint64_t place;
    std::string bytes;
    std::size_t sent = 0;
    std::size_t written = 0;
    bool ended = false;

    bool is_held() const { return sender.ticket.held; }
};

class Schedule {
  public:
    explicit Schedule(Bytes bytes) : input_(bytes) {}

    void run() {
        for (int n = 0; n < 300 && !input_.empty(); ++n) {
            turn();
            check(object_.empty() || seen_.contains(sha256_of(object_)),
                  "the object was looked at as it stands");
        }
        while (!ranges_.empty())
            drop(0);
        now_.ns += 7200 * ns_per_s;
        for (int n = 0; n < 64; ++n)
            assembly_.expire(now_);
        check(assembly_.uploads() == 0 && assembly_.pieces() == 0, "nothing stays for ever");
        check(assembly_.spool().bytes_used() == 0, "no block is lost");
    }

  private:
    void turn() {
        const std::uint8_t op = input_.byte();
        if (op % 8 < 2) return begin(op);
        if (ranges_.empty()) return;
        const std::size_t at = op / 8 % ranges_.size();
        if (ranges_[at].ended) return op % 8 == 7 ? drop(at) : look(at);
        switch (op % 8) {
            case 2:
            case 3:
                send(&ranges_[at], 1 + input_.byte() % 3);
                if (!ranges_[at].sender.kept) drop(at);  // no room: refused
                return;
            case 4:
                if (ranges_[at].is_held()) step(at);
                return;
            case 5:
            case 6:
                return end(at);
            case 7:
                return drop(at);
        }
    }

    void begin(std::uint8_t op) {
        if (ranges_.size() == 4) return;
        const std::uint8_t what = input_.byte();
        Range fresh{};
        fresh.place = op / 8 % 16;
        const std::size_t length = what >= 0xfa ? 70000 : 1 + what % 8;
        // Zeros may be there before they are sent.
        fresh.bytes =
            std::string(length, what % 3 == 0 ? '\0' : static_cast<char>('a' + what / 32));
        PieceRequest request = range(object_key, fresh.place, length);
        request.recipe = Recipe::content_range;
        if (!fresh.sender.begin(&assembly_, request, now_)) return;
        if (fresh.sender.ticket.place == PiecePlace::again || fresh.sender.ticket.overlap != 0) {
            fresh.sender.abort(now_);  // what is compared changes nothing
            return;
        }
        ranges_.push_back(fresh);
    }

    void send(Range* range, std::size_t most) {
        const std::string part = range->bytes.substr(range->sent, most);
        if (part.empty()) return;
        range->sent += part.size();
        range->sender.send(part, now_);
        if (range->sender.ticket.place == PiecePlace::spooled) return;
        seen_.insert(sha256_of(range->sender.prefix()));
        write(range);
    }

    void write(Range* range) {
        const std::string part = range->bytes.substr(range->written, range->sent - range->written);
        if (part.empty()) return;
        const std::size_t begin = range->place + range->written;
        if (object_.size() < begin + part.size()) object_.resize(begin + part.size(), '\0');
        object_.replace(begin, part.size(), part);
        range->written = range->sent;
    }

    // True: what came of it is judged, and goes.
    bool step(std::size_t at) {
        Range& range = ranges_[at];
        DigestState state;
        Survey survey;
        const PieceTicket& ticket = range.sender.ticket;
        if (assembly_.begin_survey(ticket, &state, &survey) != Standing::clear) return false;
        if (state.size == 0) state.start(piece_kinds);
        SpooledPiece piece;
        Standing standing;
        while ((standing = assembly_.survey_next(ticket, &survey, &piece)) == Standing::advance) {
            Bytes bytes;
            while (!(bytes = assembly_.read(&piece, 10000)).empty())
                state.take(bytes);
        }
        const bool goes = standing == Standing::clear;
        assembly_.end_survey(ticket, goes);
        if (!goes) return false;
        seen_.insert(sha256_of(state));
        write(&range);
        return true;
    }

    void end(std::size_t at) {
        Range& range = ranges_[at];
        send(&range, range.bytes.size());
        if (!range.sender.kept) return drop(at);
        range.sender.end(now_);
        range.ended = true;
        look(at);
    }

    void look(std::size_t at) {
        Range& range = ranges_[at];
        DigestState state;
        Standing standing;
        while ((standing = assembly_.look(range.sender.ticket, &state)) == Standing::advance) {
            if (advance(&assembly_, range.sender.ticket.upload).empty()) break;
        }
        if (standing == Standing::busy || standing == Standing::advance) return;
        const bool is_clear = standing == Standing::clear;
        if (is_clear && range.sender.ticket.in_turn && !step(at)) return;
        if (!is_clear) return drop(at);
        assembly_.leave(range.sender.ticket, true);
        assembly_.answered(range.sender.ticket, PieceAnswer::accepted);
        assembly_.close(range.sender.ticket.upload, now_);
        ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    // It breaks off, or is refused.
    void drop(std::size_t at) {
        Range& range = ranges_[at];
        if (range.ended) {
            assembly_.leave(range.sender.ticket, false);
            assembly_.close(range.sender.ticket.upload, now_);
        } else {
            range.sender.abort(now_);
        }
        ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    FuzzInput input_;
    Assembly assembly_{{64, 64, 8 * Spool::block_bytes, 3600 * ns_per_s}, 11};
    Now now_{ns_per_s, 0};
    std::vector<Range> ranges_;
    std::string object_;  // as the storage has it
    std::set<std::string> seen_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    Schedule({bytes, size}).run();
    return 0;
}
