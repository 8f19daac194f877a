#include "control/sync/system_files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "dataplane/base/descriptor.h"

namespace cordon::sync {
namespace {

namespace fs = std::filesystem;

constexpr char schema[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE IF NOT EXISTS known_file (path TEXT PRIMARY KEY, size INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, sha256 BLOB NOT NULL, sha1 BLOB NOT NULL, md5 BLOB NOT NULL)"
    " WITHOUT ROWID;";

using Digester = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Digester digester(const EVP_MD* kind) {
    Digester made(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestInit_ex(made.get(), kind, nullptr);
    return made;
}

bool hash(const Descriptor& file, SystemFile* out) {
    const Digester digesters[] = {digester(EVP_sha256()), digester(EVP_sha1()),
                                  digester(EVP_md5())};
    std::vector<std::uint8_t> block(1u << 20);
    ssize_t got;
    while ((got = ::read(file.get(), block.data(), block.size())) > 0) {
        for (const Digester& one : digesters)
            EVP_DigestUpdate(one.get(), block.data(), static_cast<std::size_t>(got));
    }
    EVP_DigestFinal_ex(digesters[0].get(), out->sha256.data(), nullptr);
    EVP_DigestFinal_ex(digesters[1].get(), out->sha1.data(), nullptr);
    EVP_DigestFinal_ex(digesters[2].get(), out->md5.data(), nullptr);
    return got == 0;
}

template <std::size_t Size>
bool copy(Bytes from, std::array<std::uint8_t, Size>* to) {
    if (from.size() != Size) return false;
    std::copy(from.begin(), from.end(), to->begin());
    return true;
}

}  // namespace

Bytes SystemFile::digest(IndicatorKind kind) const {
    switch (kind) {
        case IndicatorKind::sha256:
            return sha256;
        case IndicatorKind::sha1:
            return sha1;
        case IndicatorKind::md5:
            return md5;
        case IndicatorKind::sha256_tree:
        case IndicatorKind::head:
        case IndicatorKind::pattern:
            break;
    }
    return {};
}

Result<void> SystemFiles::open() {
    if (open_) return {};
    if (const Result<void> opened = database_.open(path_); !opened) return opened;
    database_.run(schema);
    if (database_.failed()) return Failure(database_.take_error());
    open_ = true;
    return {};
}

Result<void> SystemFiles::each(const std::function<void(const SystemFile& file)>& look) {
    if (const Result<void> opened = open(); !opened) return opened;
    Statement known(database_,
                    "SELECT sha256, sha1, md5 FROM known_file "
                    "WHERE path = ? AND size = ? AND changed = ?");
    Statement put(database_, "INSERT OR REPLACE INTO known_file VALUES (?, ?, ?, ?, ?, ?)");
    std::uint64_t files = 0;
    std::error_code error;
    Result<void> done;
    database_.run("BEGIN");
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator at(root_, options, error), end; !error && at != end;
         at.increment(error)) {
        std::error_code none;
        if (at->is_symlink(none) || !at->is_regular_file(none)) continue;
        ++files;
        done = look_at(at->path(), known, put, look);
        if (!done) break;
    }
    database_.run("COMMIT");  // what was hashed is kept, also when it was cut short
    if (!done) return done;
    if (database_.failed()) return Failure(database_.take_error());
    if (files != 0) return {};
    return failure(ErrorCode::config,
                   "no file is below " + root_ + ": what must not be listed cannot be told",
                   error.value());
}

Result<void> SystemFiles::look_at(const std::string& path, Statement& known, Statement& put,
                                  const std::function<void(const SystemFile& file)>& look) {
    if (stop_ != nullptr && stop_->load())
        return failure(ErrorCode::refused, "ended before every file was looked at");
    struct stat about = {};
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.valid() || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return {};
    const std::int64_t changed = about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec;
    SystemFile found = {path, {}, {}, {}};
    known.reset();
    known.bind(path).bind_integer(about.st_size).bind_integer(changed);
    const bool remembered = known.row() && copy(known.blob(0), &found.sha256) &&
                            copy(known.blob(1), &found.sha1) && copy(known.blob(2), &found.md5);
    known.reset();
    if (!remembered) {
        if (!hash(file, &found)) return {};
        ++hashed_;
        put.bind(path).bind_integer(about.st_size).bind_integer(changed);
        put.bind(Bytes(found.sha256)).bind(Bytes(found.sha1)).bind(Bytes(found.md5));
        put.run();
    }
    look(found);
    return {};
}

}  // namespace cordon::sync
