#include "dataplane/verifier/credentials.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "dataplane/base/descriptor.h"
#include "dataplane/http/syntax.h"

namespace cordon::verifier {

namespace {

void wipe(std::string* text) {
    ::explicit_bzero(text->data(), text->size());
}

Result<Descriptor> open_private(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.valid())
        return failure(ErrorCode::permission, "cannot open the credentials " + path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
        return failure(ErrorCode::config, "the credentials " + path + " are no plain file");
    if (info.st_uid != ::geteuid() && info.st_uid != 0)
        return failure(ErrorCode::permission,
                       "the credentials " + path + " belong to neither root nor this user");
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return failure(ErrorCode::permission,
                       "the credentials " + path + " are open to others; chmod 600");
    if (info.st_size > static_cast<off_t>(credentials_bytes_max))
        return failure(ErrorCode::config, "the credentials " + path + " are too long");
    return file;
}

std::string* place_of(std::string_view name, Credentials* credentials) {
    if (name == "access_key") return &credentials->aws.access_key;
    if (name == "secret_key") return &credentials->aws.secret_key;
    if (name == "session_token") return &credentials->aws.session_token;
    if (name == "user") return &credentials->user;
    if (name == "password") return &credentials->password;
    return nullptr;
}

bool take_lines(std::string_view text, Credentials* credentials) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = http::trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) return false;
        std::string* place = place_of(http::trim(line.substr(0, equals)), credentials);
        const std::string_view value = http::trim(line.substr(equals + 1));
        // A control character would end a header of ours.
        for (const char c : value)
            if (http::is_control(c)) return false;
        if (place == nullptr || !place->empty()) return false;
        *place = value;
    }
    return true;
}

}  // namespace

Credentials::~Credentials() {
    for (std::string* secret :
         {&aws.access_key, &aws.secret_key, &aws.session_token, &user, &password})
        wipe(secret);
}

Result<Credentials> read_credentials(const std::string& path) {
    Result<Descriptor> file = open_private(path);
    if (!file) return Failure(file.error());
    std::string text(credentials_bytes_max, '\0');
    const ssize_t got = ::read(file->get(), text.data(), text.size());
    if (got < 0) return failure(ErrorCode::io, "cannot read the credentials " + path, errno);
    Credentials credentials;
    const bool right =
        take_lines(std::string_view(text).substr(0, static_cast<std::size_t>(got)), &credentials);
    wipe(&text);
    if (right) return credentials;
    return failure(ErrorCode::config, "the credentials " + path + " have a line that is none");
}

}  // namespace cordon::verifier
