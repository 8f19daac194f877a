#include "dataplane/assembly/assembly.h"

#include <algorithm>
#include <bit>

#include "dataplane/assembly/numbering.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace {

// Pieces of a forgotten upload that are freed while a lock is held.
constexpr std::uint32_t reap_step = 64;
// Objects that came whole have no more than this part of the places, and so have groups.
constexpr std::uint32_t objects_share = 4;

}  // namespace

AssemblyLimits assembly_limits(const Options& options) {
    const std::uint32_t uploads = std::max(options.assemblies_max, 64u);
    return {
        uploads, std::max(uploads * limits::assembly_pieces_each, limits::assembly_pieces_least),
        options.spool_bytes_max, options.assembly_seconds * ns_per_s, limits::assembly_leaves_max};
}

Assembly::Assembly(const AssemblyLimits& limits, std::uint64_t seed)
    : limits_(limits),
      seed_(seed),
      shard_count_(std::clamp(limits.uploads_max / 64, 1u, shards_max)),
      per_shard_(limits.uploads_max / shard_count_),
      shards_(std::make_unique<Shard[]>(shard_count_)),
      uploads_(std::make_unique<Upload[]>(std::size_t{per_shard_} * shard_count_)),
      states_(std::make_unique_for_overwrite<DigestState[]>(2 * std::size_t{per_shard_} *
                                                            shard_count_)),
      contents_(
          std::make_unique_for_overwrite<ContentPlace[]>(std::size_t{per_shard_} * shard_count_)),
      readers_(readers_for(limits.uploads_max)),
      pieces_(std::make_unique_for_overwrite<Piece[]>(limits.pieces_max)),
      upload_buckets_each_(std::bit_ceil(std::max(per_shard_, 8u))),
      piece_buckets_each_(std::bit_ceil(std::max(limits.pieces_max / shard_count_, 8u))),
      piece_list_(limits.pieces_max),
      spool_(limits.spool_bytes_max),
      leaves_(std::uint64_t{limits.leaves_max} * sizeof(TreeDigest)),
      sources_(limits::assembly_sources_max, limits.idle_ns, &leaves_),
      lists_(limits::assembly_list_bytes_max),
      moved_(std::make_unique<Moved>()) {
    const std::size_t upload_heads = std::size_t{upload_buckets_each_} * shard_count_;
    const std::size_t piece_heads = std::size_t{piece_buckets_each_} * shard_count_;
    upload_buckets_ = std::make_unique_for_overwrite<std::uint32_t[]>(upload_heads);
    piece_buckets_ = std::make_unique_for_overwrite<std::uint32_t[]>(piece_heads);
    std::fill_n(upload_buckets_.get(), upload_heads, none);
    std::fill_n(piece_buckets_.get(), piece_heads, none);
    for (std::uint32_t n = 0; n < shard_count_; ++n) {
        Shard& shard = shards_[n];
        shard.first = n * per_shard_;
        shard.untouched = 0;
        shard.free = shard.dying = none;
        std::fill_n(shard.idle, upload_kinds, IdleList{none, none});
        shard.upload_buckets = &upload_buckets_[std::size_t{n} * upload_buckets_each_];
        shard.piece_buckets = &piece_buckets_[std::size_t{n} * piece_buckets_each_];
    }
}

Assembly::~Assembly() = default;

std::uint32_t Assembly::readers_for(std::uint32_t uploads) {
    return std::max(uploads / limits::assembly_readers_share, limits::assembly_readers_least);
}

std::uint64_t Assembly::upload_bytes() {
    return sizeof(Upload) + sizeof(ChainContent) + 2 * sizeof(DigestState) +
           2 * sizeof(std::uint32_t);
}
std::uint64_t Assembly::piece_bytes() {
    return sizeof(Piece) + 3 * sizeof(std::uint32_t);
}

std::uint32_t Assembly::hash_of(const AssemblyKey& key, std::uint32_t service) const {
    return static_cast<std::uint32_t>(mix(key.low ^ mix(key.high + service) ^ seed_));
}

Assembly::Shard& Assembly::shard_of(std::uint32_t upload) const {
    return shards_[upload / per_shard_];
}

std::uint64_t Assembly::tag_with(std::uint64_t tag, std::uint64_t position) const {
    return mix(tag * 0x9e3779b97f4a7c15ull + mix(position ^ seed_) + 1);
}

std::uint32_t Assembly::find_upload(Shard& shard, const AssemblyKey& key,
                                    std::uint32_t service) const {
    const std::uint32_t hash = hash_of(key, service) / shard_count_;
    std::uint32_t at = shard.upload_buckets[hash & (upload_buckets_each_ - 1)];
    while (at != none && !(uploads_[at].key == key && uploads_[at].service == service))
        at = uploads_[at].bucket_next;
    return at;
}

// none: the shard is full of uploads that are in use.
std::uint32_t Assembly::open_upload(Shard& shard, const PieceRequest& request,
                                    std::uint32_t service, Now now) {
    reap(shard);
    const bool is_group = request.order == PieceOrder::number;
    const bool is_object = request.act == PieceAct::object && !is_group;
    const UploadKind kind = is_group    ? UploadKind::group
                            : is_object ? UploadKind::object
                                        : UploadKind::pieces;
    const bool gives_way = kind != UploadKind::pieces;
    if (gives_way && shard.live[at_kind(kind)] >= per_shard_ / objects_share) {
        if (!evict(shard, kind, now)) return none;
    } else if (shard.free == none && shard.untouched == per_shard_) {
        if (!evict(shard, UploadKind::group, now) && !evict(shard, UploadKind::object, now) &&
            (gives_way || !evict(shard, UploadKind::pieces, now)))
            return none;
    }
    if (shard.free == none && shard.untouched == per_shard_) return none;
    std::uint32_t number = shard.free;
    if (number != none)
        shard.free = uploads_[number].bucket_next;
    else
        new (&contents_[number = shard.first + shard.untouched++]) ChainContent;
    Upload& upload = uploads_[number];
    upload.key = request.key;
    upload.service = service;
    upload.touched_ns = now.ns;
    upload.first_piece = upload.last = upload.before = upload.ahead = none;
    upload.ahead_count = 0;
    upload.pieces = upload.whole = upload.in_flight = upload.pins = 0;
    upload.count = upload.tag = upload.before_tag = upload.next = 0;
    upload.bytes = upload.before_bytes = upload.appended = upload.begin_next = 0;
    upload.id = upload.before_id = 0;
    content_of(number).close(&readers_);
    upload.total = upload.lowest = upload.ragged = piece_unknown;
    upload.blocks.store(0, std::memory_order_relaxed);
    upload.leaves.store(0, std::memory_order_relaxed);
    upload.turn = none;
    upload.recipe = request.recipe;
    upload.order = request.order;
    upload.visibility = request.visibility;
    upload.used = true;
    upload.lost = request.moved || remembers(shard, request, now);
    upload.mixed = upload.lost && remembers_several(shard, request, now);
    upload.spelling = request.spelling;
    upload.changed = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    upload.unsettled = 0;
    upload.is_object = is_object;
    upload.is_component = request.component;
    ++shard.live[at_kind(kind)];
    upload.copied = upload.crowded = false;
    upload.tainted = upload.matched = upload.leased = upload.lease_is_live = false;
    upload.has_before = upload.sparse = upload.solid_known = false;
    ++upload.epoch;
    const std::uint32_t hash = hash_of(request.key, service) / shard_count_;
    std::uint32_t& head = shard.upload_buckets[hash & (upload_buckets_each_ - 1)];
    upload.bucket_next = head;
    head = number;
    upload.idle_next = upload.idle_previous = none;
    uploads_live_.fetch_add(1, std::memory_order_relaxed);
    return number;
}

// The one that is idle for the longest gives its place to another.
bool Assembly::evict(Shard& shard, UploadKind kind, Now now) {
    const std::uint32_t oldest = shard.idle[at_kind(kind)].first;
    if (oldest == none) return false;
    remember(shard, uploads_[oldest], now);
    if (kind == UploadKind::pieces) {
        if (uploads_[oldest].pieces != 0) older_until_ns_.store(0, std::memory_order_relaxed);
        evicted_.fetch_add(1, std::memory_order_relaxed);
    }
    give_up(shard, oldest);
    while (shard.free == none)  // as many steps as it has pieces
        reap(shard);
    return true;
}

void Assembly::unlink(Shard& shard, std::uint32_t number) {
    Upload& upload = uploads_[number];
    const std::uint32_t hash = hash_of(upload.key, upload.service) / shard_count_;
    std::uint32_t* at = &shard.upload_buckets[hash & (upload_buckets_each_ - 1)];
    while (*at != number)
        at = &uploads_[*at].bucket_next;
    *at = upload.bucket_next;
    leave_idle(shard, number);
}

void Assembly::leave_idle(Shard& shard, std::uint32_t number) {
    Upload& upload = uploads_[number];
    IdleList& idle = shard.idle[at_kind(kind_of(upload))];
    const std::uint32_t next = upload.idle_next;
    const std::uint32_t previous = upload.idle_previous;
    (previous == none ? idle.first : uploads_[previous].idle_next) = next;
    (next == none ? idle.last : uploads_[next].idle_previous) = previous;
    upload.idle_next = upload.idle_previous = none;
}

// Forgets an upload that nobody has pinned. Its pieces go step by step.
void Assembly::give_up(Shard& shard, std::uint32_t number) {
    unlink(shard, number);
    Upload& upload = uploads_[number];
    content_of(number).close(&readers_);
    upload.used = false;
    --shard.live[at_kind(kind_of(upload))];
    upload.bucket_next = shard.dying;
    shard.dying = number;
    uploads_live_.fetch_sub(1, std::memory_order_relaxed);
}

void Assembly::reap(Shard& shard) {
    for (std::uint32_t n = 0; n < reap_step && shard.dying != none; ++n) {
        Upload& upload = uploads_[shard.dying];
        if (upload.first_piece != none) {
            remove_piece(shard, upload.first_piece);
            continue;
        }
        const std::uint32_t number = shard.dying;
        shard.dying = upload.bucket_next;
        upload.bucket_next = shard.free;
        shard.free = number;
    }
}

void Assembly::pin(Shard& shard, std::uint32_t number) {
    Upload& upload = uploads_[number];
    const IdleList& idle = shard.idle[at_kind(kind_of(upload))];
    const bool was_idle = upload.idle_previous != none || idle.first == number;
    if (upload.pins++ == 0 && was_idle) leave_idle(shard, number);
}

void Assembly::unpin(Shard& shard, std::uint32_t number, Now now) {
    Upload& upload = uploads_[number];
    INVARIANT(upload.pins != 0);
    upload.touched_ns = std::max(upload.touched_ns, now.ns);
    if (--upload.pins != 0) return;
    IdleList& idle = shard.idle[at_kind(kind_of(upload))];
    upload.idle_next = none;
    upload.idle_previous = idle.last;
    (idle.last == none ? idle.first : uploads_[idle.last].idle_next) = number;
    idle.last = number;
}

std::uint32_t Assembly::expire(Now now) {
    sources_.expire(now);
    const std::uint32_t turn = expire_at_.fetch_add(1, std::memory_order_relaxed);
    Shard& shard = shards_[turn % shard_count_];
    const Locked locked(shard.lock);
    reap(shard);
    std::uint32_t expired = 0;
    constexpr std::uint32_t most = 64;
    for (const IdleList& idle : shard.idle) {
        while (expired < most && idle.first != none) {
            const Upload& oldest = uploads_[idle.first];
            if (now.ns < oldest.touched_ns || now.ns - oldest.touched_ns < limits_.idle_ns) break;
            expired += kind_of(oldest) == UploadKind::pieces ? 1u : 0u;
            remember(shard, oldest, now);
            give_up(shard, idle.first);
        }
    }
    return expired;
}

void Assembly::reopen(Now now) {
    older_until_ns_.store(now.ns + limits_.idle_ns, std::memory_order_relaxed);
    sources_.forget_all();
}

bool Assembly::may_be_older(Now now) const {
    return now.ns < older_until_ns_.load(std::memory_order_relaxed);
}

// --- pieces --------------------------------------------------------------------------------------

std::uint32_t& Assembly::bucket(Shard& shard, std::uint32_t upload, std::uint64_t position) const {
    const std::uint64_t hash = mix(position ^ mix(upload ^ seed_));
    return shard.piece_buckets[hash & (piece_buckets_each_ - 1)];
}

// No upload has more than it leaves to the others, and groups leave half.
bool Assembly::has_place(const Upload& upload) const {
    std::uint32_t left = piece_list_.available();
    if (kind_of(upload) == UploadKind::group) left -= std::min(left, piece_list_.count() / 2);
    return upload.pieces < left;
}

std::uint32_t Assembly::open_piece(Shard& shard, std::uint32_t number, std::uint64_t position) {
    Upload& upload = uploads_[number];
    if (!has_place(upload)) return none;
    const std::uint32_t piece_number = piece_list_.take();
    if (piece_number == none) return none;
    Piece& piece = pieces_[piece_number];
    piece = Piece{};
    piece.position = position;
    piece.upload = number;
    piece.begun = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    upload.changed = piece.since = piece.begun;
    piece.upload_next = upload.first_piece;
    piece.upload_previous = none;
    if (upload.first_piece != none) pieces_[upload.first_piece].upload_previous = piece_number;
    upload.first_piece = piece_number;
    std::uint32_t& head = bucket(shard, number, position);
    piece.bucket_next = head;
    head = piece_number;
    ++upload.pieces;
    ++upload.in_flight;
    return piece_number;
}

void Assembly::remove_piece(Shard& shard, std::uint32_t piece_number) {
    Piece& piece = pieces_[piece_number];
    Upload& upload = uploads_[piece.upload];
    take_from_ahead(piece.upload, piece_number);
    std::uint32_t* at = &bucket(shard, piece.upload, piece.position);
    while (*at != piece_number)
        at = &pieces_[*at].bucket_next;
    *at = piece.bucket_next;
    const std::uint32_t next = piece.upload_next;
    const std::uint32_t previous = piece.upload_previous;
    (previous == none ? upload.first_piece : pieces_[previous].upload_next) = next;
    if (next != none) pieces_[next].upload_previous = previous;
    --upload.pieces;
    if (piece.state == PieceState::in_flight)
        --upload.in_flight;
    else
        --upload.whole;
    upload.blocks.fetch_sub(piece.run.blocks, std::memory_order_relaxed);
    spool_.drop(&piece.run);
    drop_leaves(piece_number);
    piece.begun = 0;
    piece_list_.give(piece_number);
}

// A piece without a byte takes no place from others.
void Assembly::leave_place(Shard& shard, std::uint32_t piece_number) {
    Piece& piece = pieces_[piece_number];
    std::uint32_t* at = &bucket(shard, piece.upload, piece.position);
    while (*at != piece_number)
        at = &pieces_[*at].bucket_next;
    *at = piece.bucket_next;
    piece.position = nowhere;
    std::uint32_t& head = bucket(shard, piece.upload, piece.position);
    piece.bucket_next = head;
    head = piece_number;
}

// Of the upload's pieces that ended in this place, one that is not `but`.
std::uint32_t Assembly::whole_at(Shard& shard, std::uint32_t upload, std::uint64_t position,
                                 std::uint32_t but) const {
    for (std::uint32_t at = bucket(shard, upload, position); at != none;
         at = pieces_[at].bucket_next) {
        const Piece& piece = pieces_[at];
        if (piece.upload == upload && piece.position == position && at != but &&
            piece.state != PieceState::in_flight)
            return at;
    }
    return none;
}

bool Assembly::keep(const PieceTicket& ticket, Bytes bytes, Now now) {
    Piece& piece = pieces_[ticket.piece];
    Upload& upload = uploads_[ticket.upload.number];
    if (piece.content != PieceContent::spooled) return false;
    const std::uint64_t end = piece.run.bytes + bytes.size();
    const std::uint32_t before = piece.run.blocks;
    upload.progress.fetch_add(1, std::memory_order_relaxed);
    bool kept = true;
    if (end > std::uint64_t{before} * Spool::block_bytes) {
        // No upload has more of the spool than it leaves to the others.
        kept = has_room(upload) || (reclaim(now) && has_room(upload));
    }
    kept = kept && (spool_.append(&piece.run, bytes));
    upload.blocks.fetch_add(piece.run.blocks - before, std::memory_order_relaxed);
    if (kept) return true;
    if (piece.shown.bytes == 0) drop_run(ticket.piece);  // else somebody may be reading it
    const Locked locked(shard_of(ticket.upload.number).lock);
    piece.content = PieceContent::lost;
    return false;
}

bool Assembly::open(const PieceRequest& request, std::uint32_t service, Now now) {
    Shard& shard = shards_[hash_of(request.key, service) % shard_count_];
    const Locked locked(shard.lock);
    if (find_upload(shard, request.key, service) != none) return false;
    const std::uint32_t number = open_upload(shard, request, service, now);
    if (number == none) return false;
    uploads_[number].total = request.total;
    pin(shard, number);
    unpin(shard, number, now);
    return true;
}

void Assembly::forget(const PieceRequest& request, std::uint32_t service) {
    Shard& shard = shards_[hash_of(request.key, service) % shard_count_];
    const Locked locked(shard.lock);
    const std::uint32_t number = find_upload(shard, request.key, service);
    // Anybody can send one that the storage refuses. Without its pieces a commit cannot be judged,
    // but what completes by itself could be completed behind our back. Whoever is still sending to
    // it keeps it alive; then it expires.
    if (number == none || uploads_[number].pins != 0) return;
    if (uploads_[number].visibility == Visibility::at_commit) give_up(shard, number);
}

void Assembly::taint(const PieceRequest& request, std::uint32_t service) {
    Shard& shard = shards_[hash_of(request.key, service) % shard_count_];
    const Locked locked(shard.lock);
    const std::uint32_t number = find_upload(shard, request.key, service);
    if (number != none) uploads_[number].tainted = true;
}

}  // namespace cordon
