#include "control/publisher/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "control/feed/client.h"
#include "control/feed/file_digests.h"
#include "control/feed/files_below.h"
#include "control/feed/folder_fetch.h"
#include "control/index/atomic_file.h"
#include "control/publisher/deltas.h"
#include "control/publisher/documents.h"
#include "control/publisher/repository.h"
#include "control/publisher/staging.h"

namespace cordon::feed {
namespace {

namespace fs = std::filesystem;

constexpr const char* sums_name = "SHA256SUMS";
constexpr std::uint64_t sums_bytes_max = 64u << 20;

Result<void> sync_path(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() >= 0 && ::fsync(file.get()) == 0) return {};
    return failure(ErrorCode::io, "cannot write " + path, errno);
}

Result<void> copy_file(const std::string& from, const std::string& to) {
    std::error_code error;
    fs::create_directories(fs::path(to).parent_path(), error);
    if (!error) fs::copy_file(from, to, error);
    if (error)
        return failure(ErrorCode::io, "cannot copy " + from + " to " + to + ": " + error.message());
    return sync_path(to);
}

Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    return failure(errno == EEXIST ? ErrorCode::refused : ErrorCode::io, "cannot make " + path,
                   errno);
}

// Folders too: a file whose name was not written is lost.
Result<void> sync_folders(const std::string& root) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(root, error), end; !error && at != end;
         at.increment(error)) {
        if (!at->is_directory(error)) continue;
        if (auto done = sync_path(at->path()); !done) return done;
    }
    return sync_path(root);
}

Result<std::string> sum_of(const std::string& path, BackupReport* report) {
    const std::optional<FileDigests> digests = digest_file(path, {IndicatorKind::sha256});
    if (!digests) return failure(ErrorCode::io, "cannot read " + path, errno);
    ++report->files;
    report->bytes += digests->size;
    return to_hex(digests->sha256);
}

struct Sum {
    std::string digits;
    std::string name;
};

Result<std::vector<Sum>> read_sums(const std::string& from) {
    const Result<std::string> text = read_whole_file(from + "/" + sums_name, sums_bytes_max);
    if (!text) return Failure(text.error());
    constexpr std::size_t digits = 64;
    std::vector<Sum> sums;
    for (std::string_view rest = *text; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        const bool whole = end != std::string_view::npos && line.size() > digits + 2;
        const std::string name(whole ? line.substr(digits + 2) : "");
        if (!whole || name.starts_with("/") || name.find("..") != std::string::npos)
            return failure(ErrorCode::integrity, from + "/" + sums_name + " is damaged");
        sums.push_back({std::string(line.substr(0, digits)), name});
        rest.remove_prefix(end + 1);
    }
    return sums;
}

// Makes the feed's folder under another name: what breaks off leaves no half of a feed.
Result<void> copy_checked(const std::string& from, const std::string& to, BackupReport* report) {
    const Result<std::vector<Sum>> sums = read_sums(from);
    if (!sums) return Failure(sums.error());
    bool has_database = false;
    for (const Sum& sum : *sums) {
        const std::string copy = to + "/" + sum.name;
        if (auto copied = copy_file(from + "/" + sum.name, copy); !copied) return copied;
        const Result<std::string> digits = sum_of(copy, report);
        if (!digits) return Failure(digits.error());
        if (*digits != sum.digits)
            return failure(ErrorCode::integrity,
                           from + "/" + sum.name + " is not what was backed up");
        has_database |= sum.name == "feed.db";
    }
    if (!has_database) return failure(ErrorCode::integrity, from + " holds no feed.db");
    return sync_folders(to);
}

Result<void> check_database(const std::string& directory) {
    const auto store = FeedStore::open(directory);
    if (!store) return Failure(store.error());
    if ((*store)->db().text("PRAGMA integrity_check") != "ok")
        return failure(ErrorCode::integrity, directory + "/feed.db is damaged");
    return {};
}

class CatchUp {
  public:
    CatchUp(FeedStore& store, const std::string& served)
        : store_(store), documents_(store), fetch_(served) {}
    Caught out;

    Result<void> run() {
        const auto root = documents_.published("root");
        if (!root) return failure(ErrorCode::refused, "the feed was never published");
        TrustState state;
        state.root = root->text();
        const Result<std::uint64_t> issued = issued_at();
        if (!issued) return Failure(issued.error());
        // At the time when it was issued: whether it has ended since is no question here.
        const Result<Refreshed> feed = refresh(state, fetch_, *issued);
        if (!feed) return Failure(feed.error());
        if (!feed->releases) return Failure(feed->releases.error());
        if (!feed->revocations) return Failure(feed->revocations.error());
        if (auto done = take_roots(root->version, feed->root.version); !done) return done;
        const std::pair<const char*, const std::string*> rest[] = {
            {"targets", &feed->state.targets},
            {"releases", &feed->state.releases},
            {"revocations", &feed->state.revocations},
            {"snapshot", &feed->state.snapshot},
            {"timestamp", &feed->state.timestamp}};
        for (const auto& [role, text] : rest) {
            if (auto done = take(role, *text); !done) return done;
        }
        return take_generation(*feed, *issued);
    }

  private:
    Result<std::uint64_t> issued_at() {
        const auto bytes = fetch_.get("metadata/timestamp.json", timestamp_bytes_max);
        if (!bytes) return Failure(bytes.error());
        if (!*bytes) return failure(ErrorCode::refused, "there is no metadata/timestamp.json");
        const Result<Envelope> envelope = read_envelope(as_bytes(**bytes), "timestamp");
        if (!envelope) return Failure(envelope.error());
        const Result<TimestampMetadata> timestamp = read_timestamp(*envelope);
        if (!timestamp) return Failure(timestamp.error());
        return timestamp->issued_s;
    }

    // refresh() has checked the chain; these are its documents.
    Result<void> take_roots(std::uint64_t own, std::uint64_t newest) {
        for (std::uint64_t version = own + 1; version <= newest; ++version) {
            const auto bytes =
                fetch_.get("metadata/" + std::to_string(version) + ".root.json", root_bytes_max);
            if (!bytes) return Failure(bytes.error());
            if (!*bytes) return failure(ErrorCode::integrity, "a root is gone");
            if (auto done = take("root", **bytes); !done) return done;
        }
        return {};
    }

    Result<void> take(const std::string& role, const std::string& text) {
        const bool delegated = role == "releases" || role == "revocations";
        const Result<Envelope> envelope =
            read_envelope(as_bytes(text), delegated ? "targets" : role);
        if (!envelope) return Failure(envelope.error());
        documents_.unstage(role);
        const auto own = documents_.published_version(role, envelope->version);
        if (own && own->body != envelope->body)
            return failure(ErrorCode::refused, "the feed that is served has another " + role + " " +
                                                   std::to_string(envelope->version) +
                                                   " than this one: two publishers signed it");
        if (own) return {};
        documents_.put_signed(role, *envelope);
        out.documents.push_back(role + " " + std::to_string(envelope->version));
        return {};
    }

    Result<void> take_generation(const Refreshed& feed, std::uint64_t issued_s) {
        const std::uint64_t own = published_generation(store_);
        out.generation = std::max(own, feed.releases->newest());
        if (feed.releases->newest() <= own) return {};
        const Result<RecordSet> now = set_of(store_, own);
        if (!now) return Failure(now.error());
        RecordSet next = *now;
        TargetFile last;
        for (const std::string& name :
             cheapest_path(*feed.releases, own, published_epoch(store_))) {
            last = feed.releases->targets.at(name);
            const Result<SecretKey> key = epoch_key(store_, last.epoch);
            if (!key) return Failure(key.error());
            auto set = fetch_and_apply(name, last, feed.targets.caps, *key, next, fetch_, nullptr);
            if (!set) return Failure(set.error());
            next = std::move(*set);
        }
        if (auto done = write_set(store_, next, last.generation, last.epoch); !done) return done;
        store_.set_fact("epoch", std::to_string(last.epoch));
        forget_ways();
        for (const auto& [name, file] : feed.releases->targets) {
            if (file.generation != last.generation) continue;
            if (auto done = copy_target(name, file); !done) return done;
            put_target(store_, name, file.base == 0 ? "full" : "hourly", file, issued_s);
        }
        Statement put(store_.db(), "INSERT INTO generation VALUES (?, ?, ?, 0, 0, ?, ?)");
        put.bind_unsigned(last.generation).bind_unsigned(last.epoch);
        put.bind_unsigned(next.records().size()).bind_unsigned(issued_s).bind_unsigned(issued_s);
        put.run();
        return {};
    }

    // What lay between is unknown here, so no delta may reach back over it; who is further behind
    // takes the next full set.
    void forget_ways() {
        store_.db().run(
            "DELETE FROM change; DELETE FROM generation WHERE published IS NULL;"
            "UPDATE target SET span = 'superseded'");
    }

    Result<void> copy_target(const std::string& name, const TargetFile& file) {
        const std::string path = target_location(name, file.sha256);
        const auto bytes = fetch_.get(path, file.length);
        if (!bytes) return Failure(bytes.error());
        if (!*bytes || sha256(as_bytes(**bytes)) != file.sha256)
            return failure(ErrorCode::integrity, path + " is gone or damaged");
        return write_file_atomically(store_.path("public/" + path), as_bytes(**bytes), 0644);
    }

    FeedStore& store_;
    Documents documents_;
    FolderFetch fetch_;
};

}  // namespace

Result<BackupReport> back_up(FeedStore& store, const std::string& to) {
    if (auto made = make_folder(to); !made) return Failure(made.error());
    Statement copy(store.db(), "VACUUM INTO ?");
    copy.bind(to + "/feed.db").run();
    if (store.db().failed()) return Failure(store.db().take_error());
    if (auto done = sync_path(to + "/feed.db"); !done) return Failure(done.error());
    std::vector<std::string> names = {"feed.db"};
    const std::string root = store.directory() + "/";
    for (const char* folder : {"keys", "sets", "public"}) {
        Unreadable unreadable;
        const auto paths = plain_files_below(root + folder, &unreadable);
        if (!paths) return Failure(paths.error());
        if (unreadable.count != 0) return failure(ErrorCode::io, unreadable.words(root + folder));
        for (const std::string& path : *paths) {
            names.push_back(path.substr(root.size()));
            const Result<void> done = copy_file(path, to + "/" + names.back());
            if (!done) return Failure(done.error());
        }
    }
    BackupReport report;
    std::string sums;
    for (const std::string& name : names) {
        const Result<std::string> digits = sum_of(to + "/" + name, &report);
        if (!digits) return Failure(digits.error());
        sums += *digits + "  " + name + "\n";
    }
    if (auto done = sync_folders(to); !done) return Failure(done.error());
    const Result<void> done = write_file_atomically(to + "/" + sums_name, as_bytes(sums), 0600);
    if (!done) return Failure(done.error());
    return report;
}

Result<BackupReport> restore(const std::string& from, const std::string& directory) {
    if (::access(directory.c_str(), F_OK) == 0)
        return failure(ErrorCode::refused, directory + " is there already");
    const std::string partial = directory + ".partial";
    std::error_code error;
    fs::remove_all(partial, error);  // of a restore that broke off
    if (auto made = make_folder(partial); !made) return Failure(made.error());
    BackupReport report;
    // A copy holds files only, and some folders may be empty.
    Result<void> done = FeedStore::make_folders(partial);
    if (done) done = copy_checked(from, partial, &report);
    if (done) done = check_database(partial);
    if (done && ::chmod(partial.c_str(), 0750) != 0)
        done = failure(ErrorCode::io, "cannot chmod " + partial, errno);
    if (done && ::rename(partial.c_str(), directory.c_str()) != 0)
        done = failure(ErrorCode::io, "cannot rename " + partial + " to " + directory, errno);
    if (!done) {
        fs::remove_all(partial, error);
        return Failure(done.error());
    }
    const fs::path parent = fs::path(directory).parent_path();
    if (auto synced = sync_path(parent.empty() ? "." : parent.string()); !synced)
        return Failure(synced.error());
    return report;
}

Result<Caught> catch_up(FeedStore& store, const std::string& served) {
    CatchUp all(store, served);
    const Result<void> done = store.transaction([&] { return all.run(); });
    if (!done) return Failure(done.error());
    if (auto written = write_public(store); !written) return Failure(written.error());
    return std::move(all.out);
}

}  // namespace cordon::feed
