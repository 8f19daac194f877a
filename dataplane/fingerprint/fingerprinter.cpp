#include "dataplane/fingerprint/fingerprinter.h"

namespace cordon {

Fingerprinter::Fingerprinter(std::uint32_t objects_max, std::uint32_t pieces_max,
                             const kernels::KernelSet* set)
    : places_(std::make_unique_for_overwrite<Place[]>(objects_max)),
      queue_(std::make_unique<Piece[]>(pieces_max)),
      batch_(pieces_max),
      kernels_(set),
      objects_max_(objects_max),
      pieces_max_(pieces_max) {
    INVARIANT(objects_max < no_object && pieces_max > 0 && kernels_ != nullptr);
}

Fingerprinter::~Fingerprinter() = default;

ObjectSlot Fingerprinter::open(KindSet kinds) {
    const ObjectSlot slot = take_slot();
    if (slot == no_object) return slot;
    object(slot).state.start(kinds);
    object(slot).submitted = 0;
    return slot;
}

ObjectSlot Fingerprinter::resume(const DigestState& state) {
    const ObjectSlot slot = take_slot();
    if (slot == no_object) return slot;
    object(slot).state = state;
    object(slot).submitted = state.size;
    return slot;
}

ObjectSlot Fingerprinter::take_slot() {
    ObjectSlot slot = free_;
    if (slot != no_object) {
        free_ = object(slot).next_free;
    } else if (untouched_ < objects_max_) {
        slot = untouched_++;
        new (&places_[slot]) Object;
    } else {
        return no_object;
    }
    ++open_count_;
    object(slot).in_use = true;
    object(slot).waits = false;
    object(slot).leaves = nullptr;
    object(slot).chain = no_chain;
    return slot;
}

void Fingerprinter::flush() {
    if (queued_ == 0) return;
    for (std::uint32_t i = 0; i < queued_; ++i) {
        if (queue_[i].slot == no_object) continue;
        Object& target = object(queue_[i].slot);
        batch_.add(&target.state, target.leaves, &target.chain, queue_[i].bytes);
    }
    batch_.hash(*kernels_);
    for (std::uint32_t i = 0; i < queued_; ++i) {
        if (queue_[i].slot == no_object) continue;
        object(queue_[i].slot).chain = no_chain;
        object(queue_[i].slot).waits = false;
    }
    queued_ = waiting_ = 0;
}

const std::uint8_t (*Fingerprinter::head(ObjectSlot slot) const)[head_digest_bytes] {
    const Object& target = at(slot);
    const bool is_there =
        target.submitted >= head_bytes && target.state.kinds.has(IndicatorKind::head);
    return is_there ? &target.state.head : nullptr;
}

void Fingerprinter::dismiss(ObjectSlot slot, KindSet kinds) {
    Object& target = at(slot);
    if (target.state.is_idle()) return;
    target.state.dismiss(kinds);
    if (!target.state.is_idle()) return;
    forget_pieces(slot);
    target.state.size = target.submitted;
}

void Fingerprinter::pass_over(ObjectSlot slot, std::uint64_t bytes) {
    Object& target = at(slot);
    INVARIANT(is_dismissed(slot) && target.submitted >= head_bytes);
    target.submitted += bytes;
    target.state.size = target.submitted;
}

void Fingerprinter::peek(ObjectSlot slot, Digests* out) {
    const Object& target = at(slot);
    if (!target.state.is_idle()) flush();
    target.state.finish(out);
}

void Fingerprinter::peek_with(ObjectSlot slot, Bytes more, Digests* out) {
    at(slot);
    flush();
    DigestState copy = object(slot).state;
    copy.take(more);
    copy.finish(out);
}

void Fingerprinter::close(ObjectSlot slot, Digests* out) {
    peek(slot, out);
    const Object& target = object(slot);
    if (target.leaves != nullptr) target.state.finish_leaves(target.leaves);
    release(slot);
}

void Fingerprinter::save(ObjectSlot slot, DigestState* out) {
    const Object& target = at(slot);
    flush();
    *out = target.state;
}

void Fingerprinter::collect_leaves(ObjectSlot slot, LeafList* list) {
    Object& target = at(slot);
    INVARIANT(target.state.kinds.has(IndicatorKind::sha256_tree));
    flush();
    target.leaves = list;
}

void Fingerprinter::drop(ObjectSlot slot) {
    at(slot);
    forget_pieces(slot);
    release(slot);
}

void Fingerprinter::forget_pieces(ObjectSlot slot) {
    for (std::uint32_t i = 0; i < queued_; ++i) {
        if (queue_[i].slot == slot) queue_[i].slot = no_object;
    }
    if (object(slot).waits) --waiting_;
    object(slot).waits = false;
}

std::size_t Fingerprinter::object_bytes() {
    return sizeof(Object);
}

void Fingerprinter::release(ObjectSlot slot) {
    Object& given_back = object(slot);
    given_back.in_use = false;
    given_back.next_free = free_;
    free_ = slot;
    --open_count_;
}

}  // namespace cordon
