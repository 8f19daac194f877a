// What a worker does with the pieces of an upload, without the worker: a client of Assembly that
// hashes with a DigestState. For tests, the fuzz target and the benchmark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/assembly/assembly.h"

namespace cordon::test {

inline constexpr KindSet piece_kinds{IndicatorKind::sha256, IndicatorKind::md5};

inline PieceRequest part(std::uint64_t key, std::uint64_t index) {
    PieceRequest request;
    request.act = PieceAct::piece;
    request.recipe = Recipe::s3_multipart;
    request.order = PieceOrder::index;
    request.visibility = Visibility::at_commit;
    request.key = {key, 7};
    request.index = index;
    return request;
}

inline PieceRequest range(std::uint64_t key, std::uint64_t offset, std::uint64_t length,
                          std::uint64_t total = piece_unknown) {
    PieceRequest request;
    request.act = PieceAct::piece;
    request.recipe = Recipe::dropzone;
    request.order = PieceOrder::offset;
    request.visibility = Visibility::at_once;
    request.key = {key, 7};
    request.offset = offset;
    request.length = length;
    request.total = total;
    return request;
}

inline std::string sha256_of(const DigestState& state) {
    Digests digests;
    state.finish(&digests);
    return {reinterpret_cast<const char*>(digests.sha256), sizeof digests.sha256};
}

inline std::string sha256_of(std::string_view content) {
    DigestState state;
    state.start(piece_kinds);
    state.take(as_bytes(content));
    return sha256_of(state);
}

// One piece on its way.
struct Sender {
    Assembly* assembly;
    PieceTicket ticket;
    DigestState chain;
    DigestState own;
    std::uint64_t sent = 0;
    bool kept = true;

    bool begin(Assembly* the_assembly, const PieceRequest& request, Now now) {
        assembly = the_assembly;
        own.start(piece_kinds);
        if (assembly->begin(request, 0, now, &ticket, &chain).result != PieceBegun::Result::begun)
            return false;
        if (ticket.place == PiecePlace::next && chain.size == 0) chain.start(piece_kinds);
        chain.take(as_bytes(std::string(ticket.zeros, 0)));
        return true;
    }
    void send(std::string_view bytes, Now now) {
        own.take(as_bytes(bytes));
        sent += bytes.size();
        if (ticket.place == PiecePlace::next) chain.take(as_bytes(bytes));
        if (ticket.place != PiecePlace::spooled) assembly->retain(ticket, as_bytes(bytes));
        if (ticket.place == PiecePlace::spooled && kept)
            kept = assembly->keep(ticket, as_bytes(bytes), now);
    }
    const DigestState& prefix() const { return ticket.place == PiecePlace::next ? chain : own; }
    void end(Now now) {
        PieceSum sum{sent, {}};
        const std::string digest = sha256_of(own);
        std::copy_n(digest.begin(), sum.digest.size(), sum.digest.begin());
        assembly->end(ticket, sum, prefix(), now);
    }
    void abort(Now now) { assembly->abort(ticket, &prefix(), now); }
};

// Hashes what waits behind the chain, as long as the lease is to be had. Returns the boundaries.
inline std::vector<std::string> advance(Assembly* assembly, UploadRef upload) {
    std::vector<std::string> seen;
    DigestState state;
    SpooledPiece piece;
    while (assembly->take(upload, false, &state, &piece)) {
        if (state.size == 0) state.start(piece_kinds);
        while (true) {
            Bytes bytes;
            while (!(bytes = assembly->read(&piece, 10000)).empty())
                state.take(bytes);
            seen.push_back(sha256_of(state));
            if (!assembly->passed(upload, &piece, state)) break;
        }
    }
    return seen;
}

// The digest of the pieces in that order; empty when they cannot be judged.
inline std::string commit(Assembly* assembly, UploadRef upload,
                          const std::vector<std::uint64_t>& positions) {
    DigestState state;
    SpooledPiece piece;
    if (!assembly->take(upload, true, &state, &piece)) return {};
    const ChainView view = assembly->chain(upload);
    std::uint64_t tag = 0;
    std::uint64_t count = 0;
    bool found = false;
    for (std::uint64_t n = 0; n <= positions.size() && !found; ++n) {
        if (n == view.count && tag == view.tag) {
            found = true;
            count = n;
            if (n == 0) state.start(piece_kinds);
        } else if (view.has_before && n + 1 == view.count && tag == view.before_tag &&
                   (n == positions.size() || assembly->tag_with(tag, positions[n]) != view.tag)) {
            found = true;
            count = n;
            assembly->before_last(upload, &state);
        }
        if (n < positions.size()) tag = assembly->tag_with(tag, positions[n]);
    }
    if (!found) state.start(piece_kinds);
    bool whole = !view.tainted;
    for (std::uint64_t n = 0; n < positions.size(); ++n) {
        const PieceStatus status = assembly->status(upload, positions[n], &piece);
        if (n < count) {
            whole = whole && status == PieceStatus::chained;
            continue;
        }
        whole =
            whole && piece && (status == PieceStatus::spooled || status == PieceStatus::chained);
        if (!whole) break;
        Bytes bytes;
        while (!(bytes = assembly->read(&piece, 10000)).empty())
            state.take(bytes);
    }
    assembly->give_back(upload);
    return whole ? sha256_of(state) : std::string{};
}

}  // namespace cordon::test
