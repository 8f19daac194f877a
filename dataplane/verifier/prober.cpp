#include "dataplane/verifier/prober.h"

#include <array>
#include <cstring>
#include <memory>

#include "dataplane/contract/test_vector.h"

namespace cordon::verifier {

namespace {

using Kind = StorageAnswer::Kind;

template <std::size_t N>
void copy_text(std::string_view text, char (&out)[N]) {
    out[text.copy(out, N - 1)] = '\0';
}

ProbeAnswer meaning_of(const StorageAnswer& answer) {
    if (answer.status == 0) return ProbeAnswer::none;
    if (answer.status / 100 == 2) return ProbeAnswer::stored;
    return answer.status / 100 == 4 ? ProbeAnswer::refused : ProbeAnswer::failed;
}

// Keeps no more than could be one of ours.
class CollectingSink final : public ContentSink {
  public:
    bool begin(const ObjectHead&) override { return true; }
    bool take(Bytes content) override {
        const std::size_t room = bytes_max - content_.size();
        content_.append(reinterpret_cast<const char*>(content.data()),
                        std::min(room, content.size()));
        return content.size() <= room;
    }
    const std::string& content() const { return content_; }

  private:
    static constexpr std::size_t bytes_max = test_vector_bytes + 4096;
    std::string content_;
};

std::string hex(std::uint64_t number) {
    std::array<char, 17> text;
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
    return text.data();
}

// Where an object of the probe is. A bucket that stands in the name of the host is the first part
// of the folder all the same.
LocationResult place(const VerifyProbe& probe, const std::string& name, Location* where) {
    const auto job = std::make_unique<VerifyJob>(Prober::access_of(probe));
    std::string target = std::string(probe.folder) + "/" + name;
    const std::string_view endpoint(probe.endpoint);
    if (probe.api == StorageApi::s3 && probe.path_style == 0) {
        const std::size_t scheme = endpoint.find("://");
        const std::size_t end = target.find('/', 1);
        if (scheme == std::string_view::npos) return LocationResult::bad_endpoint;
        copy_text(target.substr(1, end - 1) + "." + std::string(endpoint.substr(scheme + 3)),
                  job->host);
        target.erase(0, end);
    }
    copy_text(target, job->target);
    return locate(*job, where);
}

}  // namespace

struct Prober::Upload {
    Location where;
    std::string_view content;
    PutForm form = PutForm::sized;
    std::string_view before = {};  // what is there before
};

VerifyJob Prober::access_of(const VerifyProbe& probe) {
    VerifyJob job{};
    job.api = probe.api;
    job.path_style = probe.path_style;
    job.seconds_max = request_seconds_max;
    copy_text(probe.endpoint, job.endpoint);
    copy_text(probe.region, job.region);
    copy_text(probe.credentials, job.credentials);
    copy_text(probe.ca_file, job.ca_file);
    return job;
}

void Prober::run(const VerifyProbe& probe, std::uint64_t nonce, VerifyProbed* probed) {
    const std::string vector = test_vector();
    const std::string control = test_control(nonce);
    const std::string name = "cordon-selftest-" + hex(nonce);
    Upload uploads[probe_way_count];
    const std::string names[] = {name + "-control", name + "-sized", name + "-chunked",
                                 name + "-control"};
    for (std::size_t way = 0; way < probe_way_count; ++way) {
        const LocationResult placed = place(probe, names[way], &uploads[way].where);
        if (placed != LocationResult::ok) return copy_text(location_why(placed), probed->error);
        uploads[way].content = vector;
    }
    uploads[static_cast<std::size_t>(ProbeWay::control)].content = control;
    uploads[static_cast<std::size_t>(ProbeWay::chunked)].form = PutForm::chunked;
    uploads[static_cast<std::size_t>(ProbeWay::replacing)].before = control;
    bool reached = true;
    for (std::size_t way = 0; reached && way < probe_way_count; ++way)
        if ((probe.ways >> way & 1) != 0)
            reached = upload(probe, uploads[way], &probed->findings[way]);
    for (std::size_t way = 0; way < probe_way_count; ++way)
        if (probed->findings[way].tried != 0) tidy(uploads[way], &probed->findings[way]);
}

// False: nobody is there, and more need not be tried.
bool Prober::upload(const VerifyProbe& probe, const Upload& what, ProbeFinding* finding) {
    if (probe.api == StorageApi::s3 && what.form == PutForm::chunked) return true;
    const StorageAnswer answer = storage_.put(what.where, what.content, what.form);
    finding->tried = 1;
    finding->answer = meaning_of(answer);
    finding->http_status = answer.status;
    copy_text(answer.case_number, finding->case_number);
    copy_text(answer.detail, finding->detail);
    if (finding->answer == ProbeAnswer::none) return false;
    pause_(settle_ms);
    look(what, finding);
    return true;
}

void Prober::look(const Upload& what, ProbeFinding* finding) {
    CollectingSink sink;
    const StorageAnswer answer = storage_.get(what.where, "", &sink);
    if (answer.kind == Kind::gone) {
        finding->left = ProbeLeft::nothing;
        return;
    }
    if (answer.kind != Kind::ok && answer.kind != Kind::stopped) {
        finding->left = ProbeLeft::unknown;
        return copy_text("cannot look: " + answer.detail, finding->detail);
    }
    finding->left_bytes = sink.content().size();
    const bool is_before = !what.before.empty() && sink.content() == what.before;
    finding->left = sink.content() == what.content ? ProbeLeft::all
                    : is_before                    ? ProbeLeft::before
                                                   : ProbeLeft::part;
}

void Prober::tidy(const Upload& what, ProbeFinding* finding) {
    if (finding->left == ProbeLeft::nothing || finding->answer == ProbeAnswer::none) return;
    const Kind kind = storage_.remove(what.where, "", "").kind;
    finding->littered = kind == Kind::ok || kind == Kind::gone ? 0 : 1;
}

}  // namespace cordon::verifier
