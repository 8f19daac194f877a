#include "dataplane/verifier/job_runner.h"

#include <cstring>
#include <memory>

namespace cordon::verifier {

namespace {

using Kind = StorageAnswer::Kind;

template <std::size_t N>
void copy_text(std::string_view text, char (&out)[N]) {
    const std::size_t length = std::min(text.size(), N - 1);
    std::memcpy(out, text.data(), length);
    out[length] = '\0';
}

void say(VerifyDone* done, VerifyOutcome outcome, std::string_view detail = "") {
    done->outcome = outcome;
    copy_text(detail, done->detail);
}

void fail_for_good(VerifyDone* done, std::string_view detail) {
    say(done, VerifyOutcome::none, detail);
    done->permanent = 1;
}

// Plays what is fetched to the line.
class JudgingSink final : public ContentSink {
  public:
    JudgingSink(const VerifyJob& job, const Grounds& grounds, Now now, std::uint64_t seed)
        : job_(job), grounds_(grounds), now_(now) {
        settings_.mode = job.mode;
        settings_.weak_blocks = job.weak_blocks != 0;
        settings_.lab = job.lab != 0;
        std::memcpy(settings_.node_prefix, job.node_prefix, sizeof settings_.node_prefix);
        std::memcpy(settings_.service, job.service, sizeof settings_.service);
        settings_.seed = seed;
    }

    bool begin(const ObjectHead& head) override {
        head_ = head;
        has_length_ = head.has_length;
        is_too_large_ = head.length > job_.object_bytes_max;
        if (!has_length_ || is_too_large_) return false;
        line_ = std::make_unique<LineJudge>(settings_, grounds_, head.length, head.coding, now_);
        return true;
    }
    bool take(Bytes content) override { return line_->feed(content); }

    std::optional<Judgement> finish() { return line_ ? line_->finish() : std::nullopt; }
    const ObjectHead& head() const { return head_; }
    bool has_length() const { return has_length_; }
    bool is_too_large() const { return is_too_large_; }

  private:
    const VerifyJob& job_;
    Grounds grounds_;
    Now now_;
    JudgeSettings settings_;
    ObjectHead head_;
    bool has_length_ = true;
    bool is_too_large_ = false;
    std::unique_ptr<LineJudge> line_;
};

}  // namespace

struct JobRunner::Judged {
    Judgement judgement;
    ObjectHead head;
};

bool JobRunner::run(const VerifyJob& job, const Grounds& grounds, VerifyDone* done) {
    *done = {};
    done->id = job.id;
    Location where;
    bool is_known = true;
    const LocationResult located = locate(job, &where);
    if (located != LocationResult::ok)
        fail_for_good(done, location_why(located));
    else if (job.matched != 0)
        remove(where, job.etag, job.object_version, done);
    else if (grounds.index == nullptr)
        say(done, VerifyOutcome::none, "no index is in force");
    else
        is_known = judge(job, where, grounds, done);
    done->time_ns = clock_().unix_ns;
    return is_known;
}

bool JobRunner::judge(const VerifyJob& job, const Location& where, const Grounds& grounds,
                      VerifyDone* done) {
    JudgingSink sink(job, grounds, clock_(), seed_ ^ (job.id * 0x9e3779b97f4a7c15));
    const StorageAnswer answer = storage_.get(where, "", &sink);
    done->http_status = answer.status;
    if (answer.kind == Kind::gone) {
        say(done, VerifyOutcome::gone);
        return true;
    }
    if (answer.kind != Kind::ok && answer.kind != Kind::stopped) {
        put_off(answer, "fetching", done);
        return true;
    }
    if (sink.is_too_large()) {
        fail_for_good(done, "the object is larger than verifier.object_bytes_max");
        return true;
    }
    if (!sink.has_length()) {
        fail_for_good(done, "the storage does not say how long the object is");
        return true;
    }
    const std::optional<Judgement> judgement = sink.finish();
    if (!judgement) {
        say(done, VerifyOutcome::none, "the object was cut short, or longer than was said");
        return true;
    }
    done->object_bytes = judgement->bytes;
    if (judgement->finding != Finding::match) {
        const bool clean = judgement->finding == Finding::clean;
        say(done, clean ? VerifyOutcome::clean : VerifyOutcome::uninspected);
        return true;
    }
    bool deletes = false;
    if (!record(job, {*judgement, sink.head()}, done, &deletes)) return false;
    if (deletes) remove(where, sink.head().validator(), sink.head().object_version, done);
    return true;
}

bool JobRunner::record(const VerifyJob& job, const Judged& judged, VerifyDone* done,
                       bool* deletes) {
    VerifyMatch match{};
    match.id = job.id;
    match.object_bytes = judged.head.length;
    match.incident = judged.judgement.incident;
    match.incident.time_ns = clock_().unix_ns;
    // One that does not fit is none: a part of it would never compare equal.
    const std::string validator = judged.head.validator();
    if (validator.size() < sizeof match.etag) copy_text(validator, match.etag);
    if (judged.head.object_version.size() < sizeof match.object_version)
        copy_text(judged.head.object_version, match.object_version);
    if (!desk_.record(match)) return false;
    *deletes = match.incident.action == MatchAction::block;
    if (!*deletes) say(done, VerifyOutcome::reported);
    return true;
}

void JobRunner::remove(const Location& where, const std::string& validator,
                       const std::string& object_version, VerifyDone* done) {
    if (validator.empty() && object_version.empty()) {
        return say(done, VerifyOutcome::none,
                   "not deleted: the storage gives no tag, version or time to tell versions by");
    }
    const StorageAnswer now = storage_.look(where, object_version);
    done->http_status = now.status;
    if (now.kind == Kind::gone) return say(done, VerifyOutcome::deleted);
    if (now.kind != Kind::ok) return put_off(now, "looking before the deletion", done);
    if (object_version.empty() && now.head.validator() != validator) {
        done->newer = 1;
        return say(done, VerifyOutcome::replaced);
    }
    const std::string tag = object_version.empty() ? now.head.strong_etag() : "";
    StorageAnswer removed = storage_.remove(where, object_version, tag);
    // Some S3 servers answer 501 to a condition that they do not know, and Swift's compares with
    // another tag than the one it shows of a large object; we have just looked, or look again.
    const auto still_is = [&] {
        const StorageAnswer again = storage_.look(where, object_version);
        return again.kind == Kind::ok && again.head.validator() == now.head.validator();
    };
    const bool misread = !tag.empty() && (removed.kind == Kind::unsupported ||
                                          (removed.kind == Kind::changed && still_is()));
    if (misread) removed = storage_.remove(where, object_version, "");
    done->http_status = removed.status;
    if (removed.kind == Kind::changed) {
        done->newer = 1;
        return say(done, VerifyOutcome::replaced);
    }
    if (removed.kind != Kind::ok && removed.kind != Kind::gone)
        return put_off(removed, "not deleted:", done);
    confirm(where, validator, object_version, done);
}

void JobRunner::confirm(const Location& where, const std::string& validator,
                        const std::string& object_version, VerifyDone* done) {
    const StorageAnswer left = storage_.look(where, object_version);
    const bool gone =
        left.kind == Kind::gone || (left.kind == Kind::unsupported && !object_version.empty());
    if (gone && object_version.empty()) return say(done, VerifyOutcome::deleted);
    if (gone) {
        // Another version is the visible one now, perhaps one that nobody has judged.
        done->newer = storage_.look(where, "").kind == Kind::ok ? 1 : 0;
        return say(done, VerifyOutcome::deleted);
    }
    if (left.kind != Kind::ok) return put_off(left, "looking after the deletion", done);
    if (object_version.empty() && left.head.validator() != validator) {
        done->newer = 1;
        return say(done, VerifyOutcome::deleted);
    }
    say(done, VerifyOutcome::none, "not deleted: the storage said so, and still has it");
}

void JobRunner::put_off(const StorageAnswer& answer, const char* doing, VerifyDone* done) {
    say(done, VerifyOutcome::none, std::string(doing) + " " + answer.detail);
}

}  // namespace cordon::verifier
