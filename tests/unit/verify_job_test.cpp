// One job of the verifier: the name of an object, the signature, and what is deleted or left alone,
// against a storage that the test plays.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "dataplane/verifier/aws_sign.h"
#include "dataplane/verifier/credentials.h"
#include "dataplane/verifier/job_runner.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;
using namespace cordon::verifier;

namespace {

using Kind = StorageAnswer::Kind;

// --- the signature -------------------------------------------------------------------------------

// The examples of the published specification of Signature Version 4 for S3.
void signs_as_the_published_examples(void**) {
    const AwsKeys keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
    AwsRequest request = {
        "GET", "examplebucket.s3.amazonaws.com", "/", "lifecycle=", "us-east-1", 1369353600};
    const auto signature = [&] {
        const std::string words = sign(request, keys).authorization;
        return words.substr(words.find("Signature=") + 10);
    };
    assert_string_equal(sign(request, keys).date.c_str(), "20130524T000000Z");
    assert_string_equal(signature().c_str(),
                        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = "max-keys=2&prefix=J";
    assert_string_equal(signature().c_str(),
                        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

void encodes_every_byte_in_one_way(void**) {
    assert_string_equal(encode_path("/a b/\xc3\xbc+(~).-_").c_str(), "/a%20b/%C3%BC%2B%28~%29.-_");
    assert_string_equal(encode_value("v/1+2").c_str(), "v%2F1%2B2");
}

// --- the place -----------------------------------------------------------------------------------

VerifyJob job_for(StorageApi api, const char* target, const char* host = "files.example") {
    VerifyJob job{};
    job.id = 7;
    job.api = api;
    job.path_style = 1;
    job.mode = ServiceMode::enforce;
    job.lab = 1;
    job.object_bytes_max = 1u << 20;
    job.seconds_max = 60;
    std::strcpy(job.node_prefix, "LAB");
    std::strcpy(job.service, "files");
    std::strcpy(job.endpoint, "http://192.0.2.10:9000");
    std::strcpy(job.host, host);
    std::strcpy(job.target, target);
    return job;
}

void webdav_takes_the_path_as_it_came(void**) {
    Location where;
    assert_int_equal(locate(job_for(StorageApi::webdav, "/a%20b//../c;x?q=1#f"), &where),
                     LocationResult::ok);
    assert_string_equal(where.path.c_str(), "/a%20b//../c;x");
    assert_string_equal(where.origin.c_str(), "http://192.0.2.10:9000");
    assert_int_equal(locate(job_for(StorageApi::webdav, "http://files.example/a"), &where),
                     LocationResult::ok);
    assert_string_equal(where.path.c_str(), "/a");
}

void s3_takes_bucket_and_key(void**) {
    Location where;
    assert_int_equal(locate(job_for(StorageApi::s3, "/box/a%2fb%c3%bc+c?uploadId=1"), &where),
                     LocationResult::ok);
    assert_string_equal(where.path.c_str(), "/box/a/b%C3%BC%2Bc");
    assert_string_equal(where.host.c_str(), "192.0.2.10:9000");
}

// Swift and S3 are two names for the same objects.
void s3_takes_the_names_of_swift(void**) {
    for (const auto& [target, path] : {std::pair{"/v1/AUTH_x/box/a%20b", "/box/a%20b"},
                                       {"/v1/AUTH_x/box", ""},
                                       {"/v1/AUTH_xy/box/a", "/v1/AUTH_xy/box/a"},
                                       {"/box/v1/AUTH_x/a", "/box/v1/AUTH_x/a"}}) {
        VerifyJob job = job_for(StorageApi::s3, target);
        std::strcpy(job.swift, "/v1/AUTH_x");
        Location where;
        assert_int_equal(locate(job, &where),
                         *path == '\0' ? LocationResult::no_object : LocationResult::ok);
        if (*path != '\0') assert_string_equal(where.path.c_str(), path);
    }
}

void s3_finds_the_bucket_in_the_host(void**) {
    VerifyJob job = job_for(StorageApi::s3, "/key", "Box.s3.example:8080");
    job.path_style = 0;
    std::strcpy(job.endpoint, "http://s3.example:9000");
    Location where;
    assert_int_equal(locate(job, &where), LocationResult::ok);
    assert_string_equal(where.host.c_str(), "box.s3.example:9000");
    assert_string_equal(where.origin.c_str(), "http://box.s3.example:9000");
    assert_string_equal(where.connect_to.c_str(), "::s3.example:9000");
    for (const char* host : {"evil.example", "s3.example", "xs3.example", "a@b.s3.example",
                             ".s3.example", "s3.example.evil", ""}) {
        std::strcpy(job.host, host);
        assert_int_equal(locate(job, &where), LocationResult::foreign_host);
    }
}

// A DELETE on any of these would take more than one object.
void leads_to_no_bucket_and_no_collection(void**) {
    Location where;
    for (const char* target : {"/", "", "*", "/dir/", "/box/key/", "http://files.example", "?x"})
        assert_int_equal(locate(job_for(StorageApi::webdav, target), &where),
                         LocationResult::no_object);
    for (const char* target : {"/", "/box", "/box/", "//key", "/box/dir%2f", "/box?list-type=2"})
        assert_int_equal(locate(job_for(StorageApi::s3, target), &where),
                         LocationResult::no_object);
    VerifyJob cut = job_for(StorageApi::s3, "/box/key");
    cut.cut = 1;
    assert_int_equal(locate(cut, &where), LocationResult::cut);
}

// --- credentials ---------------------------------------------------------------------------------

struct File {
    explicit File(const std::string& text, mode_t mode = 0600) {
        char name[] = "/tmp/cordon-credentials-XXXXXX";
        ::close(::mkstemp(name));
        path = name;
        std::ofstream(path) << text;
        ::chmod(name, mode);
    }
    ~File() { std::filesystem::remove(path); }
    std::string path;
};

void reads_credentials_of_its_own_only(void**) {
    const File s3("# of the bucket\n access_key = AK \nsecret_key=a=b/c+d\n\n");
    const auto read = read_credentials(s3.path);
    assert_true(read.has_value());
    assert_string_equal(read->aws.access_key.c_str(), "AK");
    assert_string_equal(read->aws.secret_key.c_str(), "a=b/c+d");
    for (const mode_t mode : {0640u, 0604u, 0660u, 0610u})
        assert_false(read_credentials(File("user = u", mode).path).has_value());
    for (const char* text :
         {"user", "users = u", "user = u\nuser = v", "user = a\001b", "= x", "[default]\nuser = u"})
        assert_false(read_credentials(File(text).path).has_value());
    assert_false(read_credentials("/nonexistent").has_value());
    assert_false(read_credentials("/dev/null").has_value());
    const std::string link = s3.path + "-link";
    assert_int_equal(::symlink(s3.path.c_str(), link.c_str()), 0);
    assert_false(read_credentials(link).has_value());
    std::filesystem::remove(link);
    if (::geteuid() != 0) return;
    assert_int_equal(::chown(s3.path.c_str(), 12345, 0), 0);
    assert_false(read_credentials(s3.path).has_value());
}

// --- one job -------------------------------------------------------------------------------------

// Has one object, whose versions the test changes; remembers what it was asked.
struct PlayedStorage final : Storage {
    std::string content;
    std::string etag = "\"one\"";
    std::string version;
    std::string coding;
    bool exists = true;
    bool has_length = true;
    bool knows_conditions = true;
    std::string compared_with;  // empty: the tag that it shows
    bool keeps_what_it_deletes = false;
    Kind trouble = Kind::ok;         // of everything
    Kind delete_trouble = Kind::ok;  // of DELETE
    std::function<void()> before_delete = [] {};
    std::vector<std::string> asked;

    StorageAnswer answer(Kind kind) const {
        StorageAnswer a;
        a.kind = kind;
        a.status = kind == Kind::ok ? 200 : kind == Kind::gone ? 404 : 500;
        a.detail = kind == Kind::ok ? "" : "the storage answered so";
        if (kind != Kind::ok) return a;
        a.head.etag = etag;
        a.head.object_version = version;
        a.head.coding = coding;
        a.head.length = content.size();
        a.head.has_length = has_length;
        return a;
    }
    bool is_asked_for(const std::string& wanted) const {
        return exists && (wanted.empty() || wanted == version);
    }
    StorageAnswer get(const Location&, const std::string& wanted, ContentSink* sink) override {
        asked.push_back("get");
        if (trouble != Kind::ok) return answer(trouble);
        if (!is_asked_for(wanted)) return answer(Kind::gone);
        StorageAnswer a = answer(Kind::ok);
        const std::string copy = content;
        if (!sink->begin(a.head) || !sink->take(as_bytes(copy))) a.kind = Kind::stopped;
        return a;
    }
    StorageAnswer put(const Location&, std::string_view, PutForm) override {
        return answer(Kind::unsupported);  // no job does
    }
    StorageAnswer look(const Location&, const std::string& wanted) override {
        asked.push_back("look" + (wanted.empty() ? "" : " " + wanted));
        if (trouble != Kind::ok) return answer(trouble);
        return answer(is_asked_for(wanted) ? Kind::ok : Kind::gone);
    }
    StorageAnswer remove(const Location&, const std::string& wanted,
                         const std::string& if_match) override {
        asked.push_back("delete" + (wanted.empty() ? "" : " " + wanted) +
                        (if_match.empty() ? "" : " if " + if_match));
        before_delete();
        if (delete_trouble != Kind::ok) return answer(delete_trouble);
        if (!is_asked_for(wanted)) return answer(Kind::gone);
        if (!if_match.empty() && !knows_conditions) return answer(Kind::unsupported);
        const std::string& tag = compared_with.empty() ? etag : compared_with;
        if (!if_match.empty() && if_match != tag) return answer(Kind::changed);
        exists = keeps_what_it_deletes;
        return answer(Kind::ok);
    }
    bool deleted_something() const {
        for (const std::string& one : asked)
            if (one.starts_with("delete")) return true;
        return false;
    }
};

struct PlayedDesk final : Desk {
    std::vector<VerifyMatch> matches;
    bool is_there = true;
    bool record(const VerifyMatch& match) override {
        if (is_there) matches.push_back(match);
        return is_there;
    }
};

struct Bench {
    Bench() : image(index_of_contents({known_content()})) {
        const char* why = nullptr;
        assert_int_equal(IndexView::open(image.bytes(), true, &view, &why), IndexStatus::ok);
    }
    bool run(VerifyJob job = job_for(StorageApi::webdav, "/one")) {
        JobRunner runner(
            &storage, &desk,
            [] {
                return Now{ns_per_s, index_now_s * ns_per_s};
            },
            1);
        return runner.run(job, {has_index ? &view : nullptr}, &done);
    }
    AlignedBytes image;
    IndexView view;
    bool has_index = true;
    PlayedStorage storage;
    PlayedDesk desk;
    VerifyDone done{};
};

void deletes_what_matched_after_it_is_on_record(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.before_delete = [&] { assert_int_equal(b.desk.matches.size(), 1); };
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    assert_int_equal(b.done.object_bytes, known_content().size());
    assert_int_equal(b.done.newer, 0);
    const std::vector<std::string> wanted = {"get", "look", "delete if \"one\"", "look"};
    assert_true(b.storage.asked == wanted);
    assert_string_equal(b.desk.matches[0].etag, "\"one\"");
    assert_int_equal(b.desk.matches[0].incident.matches[0].reference, 4711);
}

void leaves_a_clean_object_alone(void**) {
    Bench b;
    b.storage.content = "something else";
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::clean);
    assert_false(b.storage.deleted_something());
    assert_int_equal(b.desk.matches.size(), 0);
}

void deletes_nothing_that_is_not_on_record(void**) {
    Bench b;
    b.storage.content = known_content();
    b.desk.is_there = false;
    assert_false(b.run());
    assert_false(b.storage.deleted_something());
}

void deletes_nothing_that_is_only_to_be_reported(void**) {
    Bench b;
    b.storage.content = known_content();
    VerifyJob job = job_for(StorageApi::webdav, "/one");
    job.mode = ServiceMode::observe;
    assert_true(b.run(job));
    assert_int_equal(b.done.outcome, VerifyOutcome::reported);
    assert_int_equal(b.desk.matches.size(), 1);
    assert_false(b.storage.deleted_something());
}

void leaves_alone_what_replaced_it(void**) {
    Bench b;  // between the look and the deletion
    b.storage.content = known_content();
    b.storage.before_delete = [&] { b.storage.etag = "\"two\""; };
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::replaced);
    assert_int_equal(b.done.newer, 1);
    assert_true(b.storage.exists);

    Bench before;  // before the look, with a weak tag, that If-Match would not know
    VerifyJob job = job_for(StorageApi::webdav, "/one");
    job.matched = 1;
    std::strcpy(job.etag, "\"one\"");
    before.storage.etag = "W/\"two\"";
    assert_true(before.run(job));
    assert_int_equal(before.done.outcome, VerifyOutcome::replaced);
    assert_false(before.storage.deleted_something());
}

void takes_a_tag_that_is_weak_for_the_same(void**) {
    Bench b;
    b.storage.etag = "W/\"one\"";
    VerifyJob job = job_for(StorageApi::webdav, "/one");
    job.matched = 1;
    std::strcpy(job.etag, "\"one\"");
    assert_true(b.run(job));
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    const std::vector<std::string> wanted = {"look", "delete", "look"};
    assert_true(b.storage.asked == wanted);
}

void deletes_the_version_that_it_judged(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.version = "v1";
    assert_true(b.run(job_for(StorageApi::s3, "/box/one")));
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    const std::vector<std::string> wanted = {"get", "look v1", "delete v1", "look v1", "look"};
    assert_true(b.storage.asked == wanted);
    assert_string_equal(b.desk.matches[0].object_version, "v1");
    assert_int_equal(b.done.newer, 0);
}

void asks_for_the_version_that_is_visible_then(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.version = "v1";
    b.storage.before_delete = [&] { b.storage.version = "v2"; };
    assert_true(b.run(job_for(StorageApi::s3, "/box/one")));
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    assert_int_equal(b.done.newer, 1);
}

void does_without_a_condition_that_the_storage_does_not_know(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.knows_conditions = false;
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    const std::vector<std::string> wanted = {"get", "look", "delete if \"one\"", "delete", "look"};
    assert_true(b.storage.asked == wanted);
}

// It shows one tag and compares with another; that it is still the same is seen by looking.
void does_without_a_condition_that_the_storage_misreads(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.compared_with = "\"of its manifest\"";
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    const std::vector<std::string> wanted = {"get",  "look",   "delete if \"one\"",
                                             "look", "delete", "look"};
    assert_true(b.storage.asked == wanted);
}

void deletes_nothing_that_it_cannot_tell_from_others(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.etag = "";
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::none);
    assert_non_null(std::strstr(b.done.detail, "not deleted"));
    assert_int_equal(b.desk.matches.size(), 1);
    assert_false(b.storage.deleted_something());
}

void believes_a_deletion_only_when_it_is_seen(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.keeps_what_it_deletes = true;
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::none);
    assert_non_null(std::strstr(b.done.detail, "still has it"));
}

void a_deletion_that_is_refused_is_tried_again(void**) {
    Bench b;
    b.storage.content = known_content();
    b.storage.delete_trouble = Kind::denied;
    assert_true(b.run());
    assert_int_equal(b.done.outcome, VerifyOutcome::none);
    assert_int_equal(b.done.permanent, 0);
    assert_non_null(std::strstr(b.done.detail, "not deleted: the storage answered"));
}

void finds_its_deletion_done_after_it_was_killed(void**) {
    Bench b;
    b.storage.exists = false;
    VerifyJob job = job_for(StorageApi::webdav, "/one");
    job.matched = 1;
    std::strcpy(job.etag, "\"one\"");
    assert_true(b.run(job));
    assert_int_equal(b.done.outcome, VerifyOutcome::deleted);
    assert_false(b.storage.deleted_something());
}

void every_trouble_has_its_end(void**) {
    for (const Kind trouble : {Kind::denied, Kind::failed, Kind::unsupported, Kind::changed}) {
        Bench b;
        b.storage.trouble = trouble;
        assert_true(b.run());
        assert_int_equal(b.done.outcome, VerifyOutcome::none);
        assert_int_equal(b.done.permanent, 0);
        assert_string_not_equal(b.done.detail, "");
    }
    Bench gone;
    gone.storage.exists = false;
    assert_true(gone.run());
    assert_int_equal(gone.done.outcome, VerifyOutcome::gone);

    Bench large;
    large.storage.content = std::string((1u << 20) + 1, 'x');
    assert_true(large.run());
    assert_int_equal(large.done.outcome, VerifyOutcome::none);
    assert_int_equal(large.done.permanent, 1);

    Bench endless;
    endless.storage.has_length = false;
    assert_true(endless.run());
    assert_int_equal(endless.done.permanent, 1);

    Bench unknown;
    unknown.storage.content = "x";
    unknown.storage.coding = "unheard-of";
    assert_true(unknown.run());
    assert_int_equal(unknown.done.outcome, VerifyOutcome::uninspected);

    Bench blind;
    blind.has_index = false;
    assert_true(blind.run());
    assert_int_equal(blind.done.outcome, VerifyOutcome::none);
    assert_int_equal(blind.storage.asked.size(), 0);

    Bench nowhere;
    assert_true(nowhere.run(job_for(StorageApi::webdav, "/")));
    assert_int_equal(nowhere.done.permanent, 1);
    assert_int_equal(nowhere.storage.asked.size(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_published_examples),
        cmocka_unit_test(encodes_every_byte_in_one_way),
        cmocka_unit_test(webdav_takes_the_path_as_it_came),
        cmocka_unit_test(s3_takes_bucket_and_key),
        cmocka_unit_test(s3_takes_the_names_of_swift),
        cmocka_unit_test(s3_finds_the_bucket_in_the_host),
        cmocka_unit_test(leads_to_no_bucket_and_no_collection),
        cmocka_unit_test(reads_credentials_of_its_own_only),
        cmocka_unit_test(deletes_what_matched_after_it_is_on_record),
        cmocka_unit_test(leaves_a_clean_object_alone),
        cmocka_unit_test(deletes_nothing_that_is_not_on_record),
        cmocka_unit_test(deletes_nothing_that_is_only_to_be_reported),
        cmocka_unit_test(leaves_alone_what_replaced_it),
        cmocka_unit_test(takes_a_tag_that_is_weak_for_the_same),
        cmocka_unit_test(deletes_the_version_that_it_judged),
        cmocka_unit_test(asks_for_the_version_that_is_visible_then),
        cmocka_unit_test(does_without_a_condition_that_the_storage_does_not_know),
        cmocka_unit_test(does_without_a_condition_that_the_storage_misreads),
        cmocka_unit_test(deletes_nothing_that_it_cannot_tell_from_others),
        cmocka_unit_test(believes_a_deletion_only_when_it_is_seen),
        cmocka_unit_test(a_deletion_that_is_refused_is_tried_again),
        cmocka_unit_test(finds_its_deletion_done_after_it_was_killed),
        cmocka_unit_test(every_trouble_has_its_end),
    };
    return cmocka_run_group_tests_name("verify job", tests, nullptr, nullptr);
}
