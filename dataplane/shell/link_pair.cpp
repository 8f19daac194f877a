#include "dataplane/shell/link_pair.h"

namespace cordon {

std::optional<LinkPair::Step> LinkPair::look(LinkState client, LinkState storage,
                                             std::uint64_t now_ns) {
    const LinkState links[2] = {client, storage};
    if (!begun_) settled_ns_ = now_ns + settle_ns;
    begun_ = true;
    if (held_) return look_held(links, now_ns);
    if (yielded_ && links[index_of(*yielded_)].works()) yielded_.reset();
    if (client.works() && storage.works()) settled_ns_ = 0;
    // Both lost: whichever comes back first must not be taken down while the other negotiates.
    if (!client.works() && !storage.works()) settled_ns_ = now_ns + settle_ns;
    if (client.works() == storage.works() || yielded_ || now_ns < settled_ns_) return std::nullopt;
    held_ = client.works() ? Side::client : Side::storage;
    return Step{*held_, false};
}

std::optional<LinkPair::Step> LinkPair::look_held(const LinkState* links, std::uint64_t now_ns) {
    const Side lost = opposite(*held_);
    if (links[index_of(*held_)].up) {
        yielded_ = lost;
        held_.reset();
        return std::nullopt;
    }
    if (!links[index_of(lost)].works()) return std::nullopt;
    const Side back = *held_;
    held_.reset();
    settled_ns_ = now_ns + settle_ns;
    return Step{back, true};
}

}  // namespace cordon
