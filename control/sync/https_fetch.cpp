#include "control/sync/https_fetch.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <ctime>
#include <filesystem>

#include "control/feed/folder_fetch.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/contract/version.h"

namespace cordon::sync {

using feed::Refusal;
using feed::refuse;

// One request, and what came of it.
struct HttpsFetch::Answer {
    CURL* easy;
    const std::atomic<bool>* stop;
    std::uint64_t bytes_max;
    std::string bytes;   // of the file, those that were there before first
    std::size_t before;  // how many those are
    int partial = -1;    // where they are kept as well
    int disk_error = 0;
    long status = 0;
    std::uint64_t ignored = 0;  // bytes of a page that is no file
    bool too_long = false;
    CURLcode code = CURLE_OK;
    char why[CURL_ERROR_SIZE] = "";

    bool is_file() const { return status == 200 || status == 206; }
    std::string header(const char* name) const {
        curl_header* found = nullptr;
        const CURLHcode got = curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found);
        return got == CURLHE_OK ? found->value : "";
    }
    // Whether its ETag tells it from any later one (RFC 9110 §8.8.2.2): many servers make it of a
    // time in seconds and a length, and what they serve may change twice in a second.
    bool is_settled() const {
        const std::string changed = header("Last-Modified");
        const std::string sent = header("Date");
        if (changed.empty() || sent.empty()) return true;
        constexpr std::time_t settling_s = 2;
        return curl_getdate(sent.c_str(), nullptr) - curl_getdate(changed.c_str(), nullptr) >=
               settling_s;
    }
    bool begin();
    bool take(Bytes more);

    // As libcurl calls them.
    static std::size_t on_bytes(char* bytes, std::size_t, std::size_t size, void* to) {
        const Bytes more(reinterpret_cast<const std::uint8_t*>(bytes), size);
        return static_cast<Answer*>(to)->take(more) ? size : 0;
    }
    static int on_progress(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        const std::atomic<bool>* stop = static_cast<Answer*>(of)->stop;
        return stop != nullptr && stop->load() ? 1 : 0;
    }
};

namespace {

// From which byte on the rest comes: "bytes 100-199/200".
std::optional<std::uint64_t> first_byte(std::string_view range) {
    constexpr std::string_view unit = "bytes ";
    if (!range.starts_with(unit)) return std::nullopt;
    range.remove_prefix(unit.size());
    std::uint64_t first = 0;
    const auto [end, error] = std::from_chars(range.data(), range.data() + range.size(), first);
    if (error != std::errc{} || end == range.data() + range.size() || *end != '-')
        return std::nullopt;
    return first;
}

bool write_all(int file, Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return true;
}

// These change in place; all else is immutable and fetched once.
bool changes_in_place(const std::string& path) {
    return path == "metadata/timestamp.json" || path.ends_with(".grant");
}

bool is_gone(long status) {
    // A store of objects says 403 to who may not list them.
    return status == 404 || status == 403 || status == 410;
}

}  // namespace

// At the first byte of a body: what kind of body is it?
bool HttpsFetch::Answer::begin() {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (!is_file()) return true;
    if (status == 200) {  // from the beginning, be it that the mirror knows no ranges
        bytes.clear();
        before = 0;
        if (partial >= 0 && ::ftruncate(partial, 0) != 0) disk_error = errno;
    }
    if (status == 206 && first_byte(header("Content-Range")) != before) return false;
    curl_off_t length = -1;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    too_long = length > 0 && static_cast<std::uint64_t>(length) > bytes_max - before;
    return !too_long && disk_error == 0;
}

bool HttpsFetch::Answer::take(Bytes more) {
    if (status == 0 && !begin()) return false;
    if (!is_file()) {
        ignored += more.size();
        return ignored <= error_page_bytes_max;
    }
    too_long = more.size() > bytes_max - bytes.size();
    if (too_long) return false;
    if (partial >= 0 && !write_all(partial, more)) disk_error = errno;
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return disk_error == 0;
}

HttpsFetch::HttpsFetch(TransferOptions options, const std::atomic<bool>* stop)
    : options_(std::move(options)), stop_(stop) {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    easy_ = started == CURLE_OK ? curl_easy_init() : nullptr;
}

HttpsFetch::~HttpsFetch() {
    curl_easy_cleanup(static_cast<CURL*>(easy_));
}

// Where to, how far the answer may lead, and for how long.
void HttpsFetch::set_transfer(const std::string& path) {
    const auto set = [this](CURLoption option, auto value) {
        curl_easy_setopt(static_cast<CURL*>(easy_), option, value);
    };
    set(CURLOPT_URL, (options_.base_url + "/" + path).c_str());
    const char* schemes = options_.base_url.starts_with("http://") ? "http,https" : "https";
    set(CURLOPT_PROTOCOLS_STR, schemes);
    set(CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, redirects_max);
    set(CURLOPT_PROXY, options_.proxy.c_str());
    if (!options_.ca_file.empty()) {
        set(CURLOPT_CAINFO, options_.ca_file.c_str());
        set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // else the system's roots count too
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_s));
    set(CURLOPT_TIMEOUT, static_cast<long>(options_.total_s));
    set(CURLOPT_LOW_SPEED_LIMIT, stall_bytes);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_s));
    set(CURLOPT_USERAGENT, (std::string("cordond/") + version).c_str());
}

HttpsFetch::Answer HttpsFetch::ask(const std::string& path, std::uint64_t bytes_max,
                                   std::string have, const std::string& partial) {
    CURL* easy = static_cast<CURL*>(easy_);
    Answer answer = {easy, stop_, bytes_max, std::move(have), 0};
    answer.before = answer.bytes.size();
    const auto set = [easy](CURLoption option, auto value) {
        curl_easy_setopt(easy, option, value);
    };
    curl_easy_reset(easy);
    set_transfer(path);
    set(CURLOPT_ERRORBUFFER, answer.why);
    set(CURLOPT_WRITEFUNCTION, &Answer::on_bytes);
    set(CURLOPT_WRITEDATA, &answer);
    set(CURLOPT_XFERINFOFUNCTION, &Answer::on_progress);
    set(CURLOPT_XFERINFODATA, &answer);
    set(CURLOPT_NOPROGRESS, 0L);

    curl_slist* headers = nullptr;
    if (answer.before != 0) set(CURLOPT_RANGE, (std::to_string(answer.before) + "-").c_str());
    if (const auto known = remembered_.find(path); known != remembered_.end())
        headers = curl_slist_append(nullptr, ("If-None-Match: " + known->second.tag).c_str());
    set(CURLOPT_HTTPHEADER, headers);

    if (!partial.empty()) {
        answer.partial = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (answer.partial < 0) answer.disk_error = errno;
    }
    const Descriptor closes(answer.partial);
    answer.code = answer.disk_error != 0 ? CURLE_WRITE_ERROR : curl_easy_perform(easy);
    curl_slist_free_all(headers);
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
    if (answer.status == 0) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
}

Error HttpsFetch::error_of(const Answer& answer, const std::string& path) const {
    const std::string where = options_.base_url + "/" + path;
    if (answer.disk_error != 0)
        return {ErrorCode::io, "cannot keep what is downloaded in " + options_.partial_dir,
                answer.disk_error};
    if (answer.too_long) return refuse(Refusal::endless, where).value();
    if (answer.code == CURLE_PARTIAL_FILE || answer.code == CURLE_RECV_ERROR)
        return refuse(Refusal::truncated, where + " broke off").value();
    if (answer.code != CURLE_OK && answer.status < 400) {
        const char* why = answer.why[0] != '\0' ? answer.why : curl_easy_strerror(answer.code);
        return refuse(Refusal::unreachable, where + ": " + why).value();
    }
    return refuse(Refusal::unreachable, where + " answers " + std::to_string(answer.status))
        .value();
}

Result<std::optional<std::string>> HttpsFetch::get(const std::string& path,
                                                   std::uint64_t bytes_max) {
    if (easy_ == nullptr) return failure(ErrorCode::memory, "libcurl does not start");
    if (path.starts_with("targets/") && !options_.partial_dir.empty())
        return get_target(path, bytes_max);
    return get_small(path, bytes_max);
}

Result<std::optional<std::string>> HttpsFetch::get_small(const std::string& path,
                                                         std::uint64_t bytes_max) {
    Answer answer = ask(path, bytes_max, "", "");
    if (answer.code == CURLE_OK && answer.status == 304 && remembered_.contains(path))
        return std::optional(remembered_[path].bytes);
    if (is_gone(answer.status)) return std::nullopt;
    if (answer.code != CURLE_OK || answer.status != 200) return Failure(error_of(answer, path));
    if (changes_in_place(path)) {
        remembered_.erase(path);
        if (std::string tag = answer.header("ETag"); !tag.empty() && answer.is_settled())
            remembered_[path] = {std::move(tag), answer.bytes};
    }
    return std::optional(std::move(answer.bytes));
}

// The name of a target holds its hash: what a file of that name begins with is the same everywhere.
Result<std::optional<std::string>> HttpsFetch::get_target(const std::string& path,
                                                          std::uint64_t bytes_max) {
    const std::string partial = options_.partial_dir + path.substr(path.rfind('/'));
    for (int tries = 0;; ++tries) {
        std::string have;
        feed::FolderFetch kept(options_.partial_dir);
        if (auto found = kept.get(path.substr(path.rfind('/') + 1), bytes_max); found && *found)
            have = std::move(**found);
        const std::size_t before = have.size();
        if (before == bytes_max) {  // whole: the process ended before it was read
            ::unlink(partial.c_str());
            return std::optional(std::move(have));
        }
        Answer answer = ask(path, bytes_max, std::move(have), partial);
        if (answer.code == CURLE_OK && answer.is_file()) {
            ::unlink(partial.c_str());
            return std::optional(std::move(answer.bytes));
        }
        // What is there cannot be continued, or takes the room that the rest needs.
        const bool useless = answer.status == 416 || answer.too_long || answer.disk_error != 0 ||
                             (answer.status == 206 && answer.bytes.size() == before);
        if (useless || answer.bytes.empty()) ::unlink(partial.c_str());
        if (is_gone(answer.status)) return std::nullopt;
        const bool goes_on = (answer.status == 416 && tries == 0) ||
                             (answer.status == 200 && !answer.bytes.empty()) ||
                             (answer.status == 206 && answer.bytes.size() > before);
        if (!goes_on || answer.too_long || answer.disk_error != 0 || tries == resumes_max ||
            answer.code == CURLE_ABORTED_BY_CALLBACK)
            return Failure(error_of(answer, path));
    }
}

}  // namespace cordon::sync
