// Schedules of pieces beside a plain model of a storage: pieces of two uploads, several at once,
// again, with other bytes, refused by the storage, cut, across each other. What may not happen:
// that a commit is judged as another object than the storage makes of it; that one which needs no
// commit is complete at the storage, and nobody looked at it.
#include <map>
#include <set>

#include "tests/support/fuzz_input.h"
#include "tests/support/pieces.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint64_t parts_key = 1;
constexpr std::uint64_t ranges_key = 2;

struct Piece {
    Sender sender;
    bool by_offset;
    std::uint64_t place;
    std::string bytes;
    bool accepted = false;
    bool ended = false;
};

class Schedule {
  public:
    explicit Schedule(Bytes bytes) : input_(bytes) {}

    void run() {
        for (int n = 0; n < 300 && !input_.empty(); ++n)
            turn();
        for (Piece& piece : pieces_) {
            if (piece.ended)
                assembly_.close(piece.sender.ticket.upload, now_);
            else
                piece.sender.abort(now_);
        }
        now_.ns += 7200 * ns_per_s;
        for (int n = 0; n < 64; ++n)
            assembly_.expire(now_);
        check(assembly_.uploads() == 0 && assembly_.pieces() == 0, "nothing stays for ever");
        check(assembly_.spool().bytes_used() == 0, "no block is lost");
    }

  private:
    void turn() {
        const std::uint8_t op = input_.byte();
        switch (op % 8) {
            case 0:
            case 1:
            case 2:
                return begin(op);
            case 3:
            case 4:
                return with_one(op, false, [this](Piece& piece) { end(&piece); });
            case 5:
                return with_one(op, false, [this](Piece& piece) { abort(&piece); });
            case 6:
                return with_one(op, true, [this](Piece& piece) {
                    assembly_.answered(piece.sender.ticket, piece.accepted);
                    advance_parts(piece);
                    assembly_.close(piece.sender.ticket.upload, now_);
                });
            case 7:
                return commit();
        }
    }

    // Ends what `work` does for good, but for end().
    template <typename Work>
    void with_one(std::uint8_t op, bool ended, Work work) {
        for (std::size_t n = 0; n < pieces_.size(); ++n) {
            const std::size_t at = (n + op / 8) % pieces_.size();
            if (pieces_[at].ended != ended) continue;
            Piece piece = pieces_[at];
            pieces_.erase(pieces_.begin() + static_cast<std::ptrdiff_t>(at));
            work(piece);
            return;
        }
    }

    void begin(std::uint8_t op) {
        if (pieces_.size() == 6) return;
        Piece piece;
        const std::uint8_t what = input_.byte();
        piece.by_offset = (op & 8) != 0;
        piece.place = what % 4;
        if (!piece.by_offset) piece.place += 1;
        const std::size_t length = what >= 0xfa ? 70000 : 1 + what / 16 % 4;
        piece.bytes = std::string(length, static_cast<char>('a' + op / 32));
        if (piece.by_offset && broken_) return;
        const PieceRequest request = piece.by_offset
                                         ? range(ranges_key, piece.place, piece.bytes.size())
                                         : part(parts_key, piece.place);
        if (!piece.sender.begin(&assembly_, request, now_)) {
            // Refused: nothing of it reaches the storage.
            return;
        }
        piece.accepted = (what & 128) == 0 || piece.by_offset;
        pieces_.push_back(piece);
    }

    void advance_parts(const Piece& piece) {
        for (const std::string& digest : advance(&assembly_, piece.sender.ticket.upload))
            seen_.insert(digest);
    }

    void end(Piece* piece) {
        piece->sender.send(piece->bytes, now_);
        if (piece->sender.ticket.place != PiecePlace::spooled)
            seen_.insert(sha256_of(piece->sender.prefix()));
        seen_.insert(sha256_of(piece->bytes));
        piece->sender.end(now_);
        piece->ended = true;
        if (!piece->by_offset) {
            advance_parts(*piece);
            if (piece->accepted) parts_[piece->place] = piece->bytes;
            pieces_.push_back(*piece);
            return;
        }
        DigestState state;
        Standing standing;
        while ((standing = assembly_.look(piece->sender.ticket, &state)) == Standing::advance)
            advance_parts(*piece);
        if (standing == Standing::clear)
            write(*piece, piece->bytes);
        else
            broken_ = true;  // refused: what the storage has of it is unknown
        pieces_.push_back(*piece);
    }

    void abort(Piece* piece) {
        const std::string part_of_it = piece->bytes.substr(0, piece->bytes.size() / 2);
        if (!part_of_it.empty()) piece->sender.send(part_of_it, now_);
        seen_.insert(sha256_of(part_of_it));
        if (piece->sender.ticket.place != PiecePlace::spooled && !part_of_it.empty())
            seen_.insert(sha256_of(piece->sender.prefix()));
        piece->sender.abort(now_);
        if (!piece->by_offset) return;
        // Bytes before their end count when what is before them comes: nobody looks at them here.
        ranges_are_cut_ = true;
    }

    // In place, where it says; whole objects without a hole must have been looked at.
    void write(const Piece& piece, const std::string& bytes) {
        if (ranges_are_cut_ || broken_) return;
        for (std::size_t n = 0; n < bytes.size(); ++n)
            ranges_[piece.place + n] = bytes[n];
        if (ranges_.begin()->first != 0 || ranges_.rbegin()->first + 1 != ranges_.size()) return;
        std::string whole;
        for (const auto& [at, byte] : ranges_)
            whole.push_back(byte);
        check(seen_.contains(sha256_of(whole)), "what is complete was looked at");
    }

    void commit() {
        std::vector<std::uint64_t> list;
        for (std::uint8_t bits = input_.byte(), n = 1; n <= 4; ++n) {
            if ((bits >> n & 1) != 0) list.push_back(n);
        }
        if (list.empty()) return;
        const UploadRef upload = assembly_.find(part(parts_key, 0).key, 0, now_);
        if (!upload) return;
        const std::string digest = test::commit(&assembly_, upload, list);
        assembly_.close(upload, now_);
        std::string whole;
        for (const std::uint64_t place : list) {
            const auto at = parts_.find(place);
            if (at == parts_.end()) return;  // the storage refuses such a commit
            whole += at->second;
        }
        check(digest.empty() || digest == sha256_of(whole), "a commit is what the storage makes");
    }

    FuzzInput input_;
    Assembly assembly_{{64, 64, 8 * Spool::block_bytes, 3600 * ns_per_s}, 11};
    Now now_{ns_per_s, 0};
    std::vector<Piece> pieces_;
    std::map<std::uint64_t, std::string> parts_;  // as the storage has them
    std::map<std::uint64_t, char> ranges_;
    std::set<std::string> seen_;
    bool broken_ = false;
    bool ranges_are_cut_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    Schedule({bytes, size}).run();
    return 0;
}
