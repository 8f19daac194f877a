// Any bytes as a frame of the control socket: one well-formed answer, no byte behind the frame
// read, no text without its end handed on.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dataplane/shell/link_frames.h"

namespace {

using namespace cordon;

void require(bool condition) {
    if (!condition) std::abort();
}

class Target final : public LinkTarget {
  public:
    void status(LinkStatus* status) override { *status = {}; }
    void counters(LinkCounters* counters) override { *counters = {}; }
    void unlisted(LinkUnlisted* unlisted) override { *unlisted = {}; }
    Result<void> load_index(const std::string& path) override {
        require(path.size() < sizeof(LinkLoadIndex::path) && path.front() == '/');
        return failure(ErrorCode::integrity, std::string(path) + ": damaged");
    }
    Result<void> set_mode(std::string_view service, ServiceMode mode, std::uint64_t) override {
        require(!service.empty() && service.size() < sizeof(LinkSetMode::service));
        require(mode <= ServiceMode::bypass);
        return {};
    }
    void distrust(std::string_view why) override {
        require(!why.empty() && why.size() < sizeof(LinkDistrust::why));
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static std::vector<std::uint8_t> answer(link_frame_max);
    Target target;
    const std::vector<std::uint8_t> request(data, data + size);  // the sanitizer sees its end
    const LinkAnswer written = handle_frame(request, target, answer);
    LinkHeader header;
    require(written.length >= sizeof header && written.length <= answer.size());
    std::memcpy(&header, answer.data(), sizeof header);
    require(header.magic == link_magic && header.length == written.length - sizeof header);
    return 0;
}
