#include "dataplane/fingerprint/fingerprinter.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#define XXH_STATIC_LINKING_ONLY  // the streaming state stands in the object: no allocation
#include <xxhash.h>

#include <algorithm>
#include <new>

#include "dataplane/base/invariant.h"

namespace cordon {

// The running digests of one object. Those of kinds not asked for are left as they are.
struct Fingerprinter::Object {
    XXH3_state_t head;  // first: it asks for 64-byte alignment
    SHA256_CTX sha256;
    SHA_CTX sha1;
    MD5_CTX md5;
    std::uint64_t size;       // submitted
    std::uint64_t head_size;  // of the head, taken in
    KindSet kinds;
    bool in_use;
    ObjectSlot next_free;

    void start(KindSet wanted);
    void take(Bytes bytes);
    void take_head(Bytes bytes);
    void finish(Digests* out) const;
};

void Fingerprinter::Object::start(KindSet wanted) {
    kinds = wanted & computed_kinds;
    in_use = true;
    size = 0;
    head_size = 0;
    if (kinds.has(IndicatorKind::sha256)) SHA256_Init(&sha256);
    if (kinds.has(IndicatorKind::sha1)) SHA1_Init(&sha1);
    if (kinds.has(IndicatorKind::md5)) MD5_Init(&md5);
    if (kinds.has(IndicatorKind::head)) XXH3_128bits_reset(&head);
}

void Fingerprinter::Object::take(Bytes bytes) {
    if (kinds.has(IndicatorKind::sha256)) SHA256_Update(&sha256, bytes.data(), bytes.size());
    if (kinds.has(IndicatorKind::sha1)) SHA1_Update(&sha1, bytes.data(), bytes.size());
    if (kinds.has(IndicatorKind::md5)) MD5_Update(&md5, bytes.data(), bytes.size());
    if (kinds.has(IndicatorKind::head)) take_head(bytes);
}

void Fingerprinter::Object::take_head(Bytes bytes) {
    const Bytes part = bytes.first(std::min<std::uint64_t>(bytes.size(), head_bytes - head_size));
    if (part.empty()) return;
    XXH3_128bits_update(&head, part.data(), part.size());
    head_size += part.size();
}

void Fingerprinter::Object::finish(Digests* out) const {
    out->present = kinds;
    out->size = size;
    if (kinds.has(IndicatorKind::sha256)) {
        SHA256_CTX copy = sha256;
        SHA256_Final(out->sha256, &copy);
    }
    if (kinds.has(IndicatorKind::sha1)) {
        SHA_CTX copy = sha1;
        SHA1_Final(out->sha1, &copy);
    }
    if (kinds.has(IndicatorKind::md5)) {
        MD5_CTX copy = md5;
        MD5_Final(out->md5, &copy);
    }
    if (kinds.has(IndicatorKind::head)) {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&head));
        static_assert(sizeof canonical.digest == head_digest_bytes);
        std::memcpy(out->head, canonical.digest, sizeof canonical.digest);
    }
}

struct alignas(64) Fingerprinter::Place {
    unsigned char bytes[sizeof(Object)];
};

Fingerprinter::Fingerprinter(std::uint32_t objects_max, std::uint32_t pieces_max)
    : places_(std::make_unique_for_overwrite<Place[]>(objects_max)),
      queue_(std::make_unique<Piece[]>(pieces_max)),
      objects_max_(objects_max),
      pieces_max_(pieces_max) {
    INVARIANT(objects_max < no_object && pieces_max > 0);
}

Fingerprinter::~Fingerprinter() = default;

ObjectSlot Fingerprinter::open(KindSet kinds) {
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
    object(slot).start(kinds);
    return slot;
}

void Fingerprinter::submit(ObjectSlot slot, Bytes bytes) {
    Object& target = at(slot);
    if (bytes.empty()) return;
    target.size += bytes.size();
    if (target.kinds.empty()) return;  // only its size is wanted
    if (queued_ == pieces_max_) flush();
    queue_[queued_++] = {slot, bytes};
}

void Fingerprinter::flush() {
    for (std::uint32_t i = 0; i < queued_; ++i) {
        if (queue_[i].slot != no_object) object(queue_[i].slot).take(queue_[i].bytes);
    }
    queued_ = 0;
}

void Fingerprinter::peek(ObjectSlot slot, Digests* out) {
    const Object& target = at(slot);
    flush();
    target.finish(out);
}

void Fingerprinter::peek_with(ObjectSlot slot, Bytes more, Digests* out) {
    at(slot);
    flush();
    Object copy = object(slot);
    copy.size += more.size();
    copy.take(more);
    copy.finish(out);
}

void Fingerprinter::close(ObjectSlot slot, Digests* out) {
    peek(slot, out);
    release(slot);
}

void Fingerprinter::drop(ObjectSlot slot) {
    at(slot);
    for (std::uint32_t i = 0; i < queued_; ++i) {
        if (queue_[i].slot == slot) queue_[i].slot = no_object;
    }
    release(slot);
}

std::uint64_t Fingerprinter::size(ObjectSlot slot) const {
    return at(slot).size;
}

std::size_t Fingerprinter::object_bytes() {
    return sizeof(Object);
}

Fingerprinter::Object& Fingerprinter::at(ObjectSlot slot) const {
    INVARIANT(slot < untouched_ && object(slot).in_use);
    return object(slot);
}

Fingerprinter::Object& Fingerprinter::object(ObjectSlot slot) const {
    return *std::launder(reinterpret_cast<Object*>(&places_[slot]));
}

void Fingerprinter::release(ObjectSlot slot) {
    Object& given_back = object(slot);
    given_back.in_use = false;
    given_back.next_free = free_;
    free_ = slot;
    --open_count_;
}

}  // namespace cordon
