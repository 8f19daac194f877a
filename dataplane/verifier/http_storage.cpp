#include "dataplane/verifier/http_storage.h"

#include <time.h>

#include <charconv>
#include <string_view>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"
#include "dataplane/worker/case_number.h"

namespace cordon::verifier {

namespace {

constexpr long connect_s = 10;
constexpr long stall_s = 30;
constexpr long stall_bytes_per_s = 64;
constexpr long buffer_bytes = 256 * 1024;
constexpr std::size_t refusal_bytes_max = 64 * 1024;

StorageAnswer::Kind kind_of(std::uint32_t status) {
    if (status == 200 || status == 201 || status == 202 || status == 204)
        return StorageAnswer::Kind::ok;
    if (status == 404 || status == 410) return StorageAnswer::Kind::gone;
    if (status == 412) return StorageAnswer::Kind::changed;
    if (status == 401 || status == 403) return StorageAnswer::Kind::denied;
    if (status == 405 || status == 501) return StorageAnswer::Kind::unsupported;
    return StorageAnswer::Kind::failed;
}

void take_field(std::string_view name, std::string_view value, ObjectHead* head) {
    if (http::equal_ignoring_case(name, "etag")) head->etag = value;
    if (http::equal_ignoring_case(name, "last-modified")) head->last_modified = value;
    if (http::equal_ignoring_case(name, "content-encoding")) head->coding = value;
    if (http::equal_ignoring_case(name, "x-amz-version-id") && value != "null")
        head->object_version = value;
    if (!http::equal_ignoring_case(name, "content-length")) return;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), head->length);
    head->has_length = error == std::errc{} && end == value.data() + value.size();
}

}  // namespace

std::string case_number_in(std::string_view text) {
    const auto is_of_one = [](char c) {
        return http::is_alpha(c) || http::is_digit(c) ||
               std::string_view("-*~$=").find(c) != std::string_view::npos;
    };
    while (!text.empty()) {
        std::size_t length = 0;
        while (length < text.size() && is_of_one(text[length]))
            ++length;
        if (is_case_number(text.substr(0, length))) return std::string(text.substr(0, length));
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    return "";
}

std::string ObjectHead::validator() const {
    if (!etag.empty()) return etag.starts_with("W/") ? etag.substr(2) : etag;
    if (last_modified.empty() || !has_length) return "";
    return last_modified + " " + std::to_string(length);
}

std::string ObjectHead::strong_etag() const {
    return etag.starts_with("W/") ? "" : etag;
}

// One request under way.
struct HttpStorage::Exchange {
    CURL* curl = nullptr;
    ContentSink* sink = nullptr;
    const std::function<bool()>* alive = nullptr;
    curl_slist* headers = nullptr;
    curl_slist* connect_to = nullptr;
    StorageAnswer answer;
    bool begun = false;
    bool stopped = false;
    std::size_t refusal_bytes = 0;
    bool puts = false;
    std::string_view content;  // still to be sent
    std::string refusal;       // what the storage, or we, said to a put
    time_t asked_s = 0;
    char error[CURL_ERROR_SIZE] = "";

    ~Exchange() {
        curl_slist_free_all(headers);
        curl_slist_free_all(connect_to);
    }
    bool add(curl_slist** list, const std::string& line) {
        curl_slist* longer = curl_slist_append(*list, line.c_str());
        if (longer != nullptr) *list = longer;
        return longer != nullptr;
    }
    void note_status() {
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        answer.status = static_cast<std::uint32_t>(status);
    }
    bool begin() {
        if (begun) return !stopped;
        begun = true;
        stopped = !sink->begin(answer.head);
        return !stopped;
    }

    // Callbacks of libcurl; another number than that of the bytes ends the transfer.
    static std::size_t on_header(char* text, std::size_t, std::size_t bytes, void* self) {
        auto& exchange = *static_cast<Exchange*>(self);
        const std::string_view line(text, bytes);
        if (line.starts_with("HTTP/")) {
            exchange.answer.head = {};
            exchange.answer.case_number = case_number_in(line);
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return bytes;
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && (value.back() == '\r' || value.back() == '\n'))
            value.remove_suffix(1);
        take_field(line.substr(0, colon), http::trim(value), &exchange.answer.head);
        return bytes;
    }
    static std::size_t on_body(char* content, std::size_t, std::size_t bytes, void* self) {
        auto& exchange = *static_cast<Exchange*>(self);
        exchange.note_status();
        const Bytes piece(reinterpret_cast<const std::uint8_t*>(content), bytes);
        if (exchange.sink != nullptr && exchange.answer.status == 200) {
            exchange.stopped = !exchange.begin() || !exchange.sink->take(piece);
            return exchange.stopped ? 0 : bytes;
        }
        exchange.refusal_bytes += bytes;
        exchange.refusal.append(content, exchange.puts ? bytes : 0);
        return exchange.refusal_bytes <= refusal_bytes_max ? bytes : 0;
    }
    static std::size_t on_read(char* room, std::size_t, std::size_t bytes, void* self) {
        auto& exchange = *static_cast<Exchange*>(self);
        const std::size_t sent = exchange.content.copy(room, bytes);
        exchange.content.remove_prefix(sent);
        return sent;
    }
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        auto& exchange = *static_cast<Exchange*>(self);
        const time_t now = ::time(nullptr);
        if (now == exchange.asked_s) return 0;
        exchange.asked_s = now;
        return (*exchange.alive)() ? 0 : 1;
    }
};

HttpStorage::HttpStorage(std::function<bool()> alive)
    : curl_(curl_easy_init()), alive_(std::move(alive)) {
    INVARIANT(curl_ != nullptr);
}

HttpStorage::~HttpStorage() {
    curl_easy_cleanup(curl_);
}

Result<void> HttpStorage::use(const VerifyJob& job) {
    Result<Credentials> credentials = read_credentials(job.credentials);
    if (!credentials) return Failure(credentials.error());
    const bool s3 = job.api == StorageApi::s3;
    const bool right =
        s3 ? !credentials->aws.access_key.empty() && !credentials->aws.secret_key.empty()
           : !credentials->user.empty();
    if (!right)
        return failure(ErrorCode::config, std::string("the credentials ") + job.credentials +
                                              " lack " +
                                              (s3 ? "access_key or secret_key" : "user"));
    credentials_ = std::move(*credentials);
    api_ = job.api;
    region_ = job.region;
    ca_file_ = job.ca_file;
    seconds_max_ = job.seconds_max;
    return {};
}

bool HttpStorage::add_headers(const Request& request, const std::string& query,
                              Exchange* exchange) const {
    bool all = exchange->add(&exchange->headers, "Accept-Encoding: identity") &&
               exchange->add(&exchange->headers, "Host: " + request.where.host);
    if (!request.if_match.empty())
        all = all && exchange->add(&exchange->headers, "If-Match: " + request.if_match);
    if (request.content.data() != nullptr) {
        all = all && exchange->add(&exchange->headers, "Expect:");
        if (request.form == PutForm::chunked)
            all = all && exchange->add(&exchange->headers, "Transfer-Encoding: chunked");
    }
    if (api_ != StorageApi::s3) return all;
    const AwsHeaders signature =
        sign({request.method, request.where.host, request.where.path, query, region_,
              static_cast<std::uint64_t>(::time(nullptr)), request.content},
             credentials_.aws);
    all = all && exchange->add(&exchange->headers, "X-Amz-Date: " + signature.date) &&
          exchange->add(&exchange->headers, "X-Amz-Content-Sha256: " + signature.content_sha256) &&
          exchange->add(&exchange->headers, "Authorization: " + signature.authorization);
    if (credentials_.aws.session_token.empty()) return all;
    return all && exchange->add(&exchange->headers,
                                "X-Amz-Security-Token: " + credentials_.aws.session_token);
}

// All of it is sent whatever is answered meanwhile, and nobody is asked whether it may be.
CURLcode HttpStorage::prepare_content(const Request& request, Exchange* exchange) {
    exchange->puts = true;
    exchange->content = request.content;
    CURLcode code = CURLE_OK;
    const auto set = [&](CURLoption option, auto value) {
        if (code == CURLE_OK) code = curl_easy_setopt(curl_, option, value);
    };
    const bool sized = request.form == PutForm::sized;
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Exchange::on_read);
    set(CURLOPT_READDATA, exchange);
    set(CURLOPT_INFILESIZE_LARGE,
        sized ? static_cast<curl_off_t>(request.content.size()) : curl_off_t{-1});
    set(CURLOPT_KEEP_SENDING_ON_ERROR, 1L);
    set(CURLOPT_FRESH_CONNECT, 1L);  // one that is not inspected yet would prove nothing
    return code;
}

bool HttpStorage::prepare(const Request& request, Exchange* exchange) {
    std::string query;
    if (api_ == StorageApi::s3 && !request.object_version.empty())
        query = "versionId=" + encode_value(request.object_version);
    const std::string url =
        request.where.origin + request.where.path + (query.empty() ? "" : "?" + query);
    if (!add_headers(request, query, exchange)) return false;
    if (!request.where.connect_to.empty() &&
        !exchange->add(&exchange->connect_to, request.where.connect_to))
        return false;
    curl_easy_reset(curl_);
    CURLcode code = CURLE_OK;
    const auto set = [&](CURLoption option, auto value) {
        if (code == CURLE_OK) code = curl_easy_setopt(curl_, option, value);
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_CUSTOMREQUEST, request.method);
    set(CURLOPT_NOBODY, std::string_view(request.method) == "HEAD" ? 1L : 0L);
    set(CURLOPT_HTTPHEADER, exchange->headers);
    set(CURLOPT_CONNECT_TO, exchange->connect_to);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!ca_file_.empty()) {
        set(CURLOPT_CAINFO, ca_file_.c_str());
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // that one and no other
    }
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(CURLOPT_USERAGENT, "cordon-verifier");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, connect_s);
    set(CURLOPT_TIMEOUT, static_cast<long>(seconds_max_));
    set(CURLOPT_LOW_SPEED_LIMIT, stall_bytes_per_s);
    set(CURLOPT_LOW_SPEED_TIME, stall_s);
    set(CURLOPT_BUFFERSIZE, buffer_bytes);
    set(CURLOPT_ERRORBUFFER, exchange->error);
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, exchange);
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set(CURLOPT_WRITEDATA, exchange);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
    set(CURLOPT_XFERINFODATA, exchange);
    if (code == CURLE_OK && request.content.data() != nullptr)
        code = prepare_content(request, exchange);
    if (api_ == StorageApi::webdav) {
        set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        set(CURLOPT_USERNAME, credentials_.user.c_str());
        set(CURLOPT_PASSWORD, credentials_.password.c_str());
    }
    return code == CURLE_OK;
}

StorageAnswer HttpStorage::run(const Request& request, ContentSink* sink) {
    Exchange exchange;
    exchange.curl = curl_;
    exchange.sink = sink;
    exchange.alive = &alive_;
    StorageAnswer& answer = exchange.answer;
    if (!prepare(request, &exchange)) {
        answer.detail = "a request to the storage could not be made";
        return answer;
    }
    const CURLcode code = curl_easy_perform(curl_);
    exchange.note_status();
    if (answer.case_number.empty()) answer.case_number = case_number_in(exchange.refusal);
    if (code == CURLE_OK) {
        answer.kind = kind_of(answer.status);
        if (sink != nullptr && answer.kind == StorageAnswer::Kind::ok && !exchange.begin())
            answer.kind = StorageAnswer::Kind::stopped;
    } else if (exchange.stopped) {
        answer.kind = StorageAnswer::Kind::stopped;
    } else if (exchange.refusal_bytes > refusal_bytes_max) {
        answer.kind = kind_of(answer.status);
    } else {
        answer.detail = "the storage: ";
        answer.detail += exchange.error[0] != '\0' ? exchange.error : curl_easy_strerror(code);
        return answer;
    }
    if (answer.detail.empty() && answer.kind != StorageAnswer::Kind::ok)
        answer.detail = std::string("the storage answered ") + request.method + " with " +
                        std::to_string(answer.status);
    return answer;
}

StorageAnswer HttpStorage::get(const Location& where, const std::string& object_version,
                               ContentSink* sink) {
    return run({"GET", where, object_version, ""}, sink);
}

StorageAnswer HttpStorage::look(const Location& where, const std::string& object_version) {
    return run({"HEAD", where, object_version, ""}, nullptr);
}

StorageAnswer HttpStorage::put(const Location& where, std::string_view content, PutForm form) {
    return run({"PUT", where, "", "", content, form}, nullptr);
}

StorageAnswer HttpStorage::remove(const Location& where, const std::string& object_version,
                                  const std::string& if_match) {
    return run({"DELETE", where, object_version, if_match}, nullptr);
}

}  // namespace cordon::verifier
