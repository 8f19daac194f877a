// The upload of a self-test against storages that keep, abandon, refuse or are not there.

#include "dataplane/verifier/prober.h"

#include <cstring>
#include <map>

#include "dataplane/contract/test_vector.h"
#include "dataplane/verifier/http_storage.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::verifier;

namespace {

using Kind = StorageAnswer::Kind;

constexpr char a_case[] = "TEST-0000-0000-0000-0";

// Files by path, behind an appliance that refuses the vector.
struct PlayedStorage final : Storage {
    std::map<std::string, std::string> files;
    std::vector<std::string> asked;
    bool is_there = true;
    bool inspects = true;
    bool deletes = true;
    bool shows = true;
    std::size_t keeps = 0;  // bytes of what was cut
    bool destroys = false;  // what was there before
    std::uint32_t refuses_all = 0;

    static StorageAnswer answer(std::uint32_t status) {
        StorageAnswer a;
        a.status = status;
        a.kind = status == 200 ? Kind::ok : status == 404 ? Kind::gone : Kind::failed;
        if (status == 403) a.kind = Kind::denied;
        return a;
    }
    StorageAnswer put(const Location& where, std::string_view content, PutForm form) override {
        asked.push_back("put " + where.path + (form == PutForm::chunked ? " chunked" : ""));
        if (!is_there) return {};
        if (refuses_all != 0) return answer(refuses_all);
        if (!inspects || content != test_vector()) {
            files[where.path] = content;
            StorageAnswer stored = answer(201);
            return stored;
        }
        if (destroys) files.erase(where.path);
        if (keeps != 0) files[where.path] = content.substr(0, keeps);
        StorageAnswer refused = answer(403);
        refused.case_number = a_case;
        return refused;
    }
    StorageAnswer get(const Location& where, const std::string&, ContentSink* sink) override {
        if (!shows) return answer(403);
        const auto found = files.find(where.path);
        if (found == files.end()) return answer(404);
        sink->begin({});
        sink->take(as_bytes(found->second));
        return answer(200);
    }
    StorageAnswer look(const Location&, const std::string&) override { return answer(404); }
    StorageAnswer remove(const Location& where, const std::string&, const std::string&) override {
        asked.push_back("delete " + where.path);
        if (!deletes) return answer(403);
        return answer(files.erase(where.path) == 1 ? 200 : 404);
    }
};

VerifyProbe probe_of(StorageApi api = StorageApi::webdav) {
    VerifyProbe probe{};
    probe.id = 5;
    probe.api = api;
    probe.path_style = 1;
    probe.ways = (1u << probe_way_count) - 1;
    std::strcpy(probe.endpoint, "http://192.0.2.10");
    std::strcpy(probe.folder, "/up/selftest");
    return probe;
}

VerifyProbed run(PlayedStorage* storage, const VerifyProbe& probe = probe_of()) {
    VerifyProbed probed{};
    std::uint32_t waited_ms = 0;
    Prober prober(storage, [&](std::uint32_t ms) { waited_ms += ms; });
    prober.run(probe, 0xabcdef, &probed);
    assert_true(storage->asked.empty() || !storage->is_there || waited_ms != 0);
    return probed;
}

const ProbeFinding& of(const VerifyProbed& probed, ProbeWay way) {
    return probed.findings[static_cast<std::size_t>(way)];
}

void sees_a_storage_that_abandons(void**) {
    PlayedStorage storage;
    const VerifyProbed probed = run(&storage);
    assert_int_equal(of(probed, ProbeWay::control).answer, ProbeAnswer::stored);
    assert_int_equal(of(probed, ProbeWay::control).left, ProbeLeft::all);
    for (const ProbeWay way : {ProbeWay::sized, ProbeWay::chunked}) {
        assert_int_equal(of(probed, way).answer, ProbeAnswer::refused);
        assert_int_equal(of(probed, way).left, ProbeLeft::nothing);
        assert_string_equal(of(probed, way).case_number, a_case);
    }
    assert_int_equal(of(probed, ProbeWay::replacing).left, ProbeLeft::before);
    assert_true(storage.files.empty());
    assert_string_equal(storage.asked[0].c_str(),
                        "put /up/selftest/cordon-selftest-0000000000abcdef-control");
    assert_string_equal(storage.asked[2].c_str(),
                        "put /up/selftest/cordon-selftest-0000000000abcdef-chunked chunked");
}

void sees_what_a_storage_keeps_and_deletes_it(void**) {
    PlayedStorage storage;
    storage.keeps = 60000;
    const VerifyProbed probed = run(&storage);
    for (const ProbeWay way : {ProbeWay::sized, ProbeWay::chunked, ProbeWay::replacing}) {
        assert_int_equal(of(probed, way).left, ProbeLeft::part);
        assert_int_equal(of(probed, way).left_bytes, 60000);
        assert_int_equal(of(probed, way).littered, 0);
    }
    assert_true(storage.files.empty());
}

void sees_that_the_file_before_is_lost(void**) {
    PlayedStorage storage;
    storage.destroys = true;
    assert_int_equal(of(run(&storage), ProbeWay::replacing).left, ProbeLeft::nothing);
}

void says_what_it_could_not_delete(void**) {
    PlayedStorage storage;
    storage.keeps = 1;
    storage.deletes = false;
    const VerifyProbed probed = run(&storage);
    assert_int_equal(of(probed, ProbeWay::sized).littered, 1);
    assert_int_equal(of(probed, ProbeWay::control).littered, 1);
}

void sees_that_the_vector_is_stored(void**) {
    PlayedStorage storage;
    storage.inspects = false;
    const VerifyProbed probed = run(&storage);
    assert_int_equal(of(probed, ProbeWay::sized).answer, ProbeAnswer::stored);
    assert_int_equal(of(probed, ProbeWay::sized).left, ProbeLeft::all);
    assert_true(storage.files.empty());
}

void stops_where_nobody_is(void**) {
    PlayedStorage storage;
    storage.is_there = false;
    const VerifyProbed probed = run(&storage);
    assert_int_equal(of(probed, ProbeWay::control).answer, ProbeAnswer::none);
    assert_int_equal(of(probed, ProbeWay::sized).tried, 0);
    assert_int_equal(storage.asked.size(), 1);
}

void looks_even_where_it_may_not_and_says_so(void**) {
    PlayedStorage storage;
    storage.shows = false;
    const VerifyProbed probed = run(&storage);
    assert_int_equal(of(probed, ProbeWay::sized).left, ProbeLeft::unknown);
    assert_true(std::string_view(of(probed, ProbeWay::sized).detail).starts_with("cannot look"));
}

void does_not_send_chunks_to_s3_and_knows_its_buckets(void**) {
    PlayedStorage storage;
    VerifyProbe probe = probe_of(StorageApi::s3);
    assert_int_equal(of(run(&storage, probe), ProbeWay::chunked).tried, 0);
    probe.path_style = 0;
    std::strcpy(probe.endpoint, "http://s3.example:9000");
    std::strcpy(probe.folder, "/bucket/selftest");
    storage.asked.clear();
    assert_int_equal(run(&storage, probe).error[0], 0);
    assert_string_equal(storage.asked[0].c_str(),
                        "put /selftest/cordon-selftest-0000000000abcdef-control");
}

void a_canary_goes_fewer_ways(void**) {
    PlayedStorage storage;
    VerifyProbe probe = probe_of();
    probe.ways = 3;
    const VerifyProbed probed = run(&storage, probe);
    assert_int_equal(of(probed, ProbeWay::sized).tried, 1);
    assert_int_equal(of(probed, ProbeWay::chunked).tried, 0);
    assert_int_equal(of(probed, ProbeWay::replacing).tried, 0);
}

void says_where_the_place_is_wrong(void**) {
    PlayedStorage storage;
    VerifyProbe probe = probe_of();
    std::strcpy(probe.endpoint, "nowhere");
    assert_true(run(&storage, probe).error[0] != '\0');
    assert_true(storage.asked.empty());
}

void finds_the_case_number_in_an_answer(void**) {
    const std::string number = a_case;
    for (const char* around :
         {"HTTP/1.1 403 LAB Upload refused, case %\r\n", "%", "<Message>Case number: %.</Message>",
          "This upload was refused. Case number: %. Contact: a@b.example"}) {
        std::string text = around;
        text.replace(text.find('%'), 1, number);
        assert_string_equal(case_number_in(text).c_str(), number.c_str());
    }
    assert_string_equal(case_number_in("403 Forbidden, case closed").c_str(), "");
    assert_string_equal(case_number_in("case TEST-0000-0000-0000-1").c_str(), "");
    assert_string_equal(case_number_in("").c_str(), "");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sees_a_storage_that_abandons),
        cmocka_unit_test(sees_what_a_storage_keeps_and_deletes_it),
        cmocka_unit_test(sees_that_the_file_before_is_lost),
        cmocka_unit_test(says_what_it_could_not_delete),
        cmocka_unit_test(sees_that_the_vector_is_stored),
        cmocka_unit_test(stops_where_nobody_is),
        cmocka_unit_test(looks_even_where_it_may_not_and_says_so),
        cmocka_unit_test(does_not_send_chunks_to_s3_and_knows_its_buckets),
        cmocka_unit_test(a_canary_goes_fewer_ways),
        cmocka_unit_test(says_where_the_place_is_wrong),
        cmocka_unit_test(finds_the_case_number_in_an_answer),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
