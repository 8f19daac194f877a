// A store with its keys in a directory of its own, and records to fill it with. On a server while
// there is one (postgres_server.h): the same tests run on both.
#pragma once

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "control/store/personal_data.h"
#include "control/store/store.h"
#include "dataplane/contract/journal_codec.h"
#include "tests/support/postgres_server.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

namespace cordon {

inline constexpr JournalId journal_id = {0xab, 0xcd};
inline constexpr JournalId other_journal_id = {0xef};
inline constexpr std::uint64_t noon = 1709294400ull * 1000000000;  // 2024-03-01T12:00:00Z

struct StoreFixture {
    std::string directory;
    std::string path;
    StoreOptions options;
    std::unique_ptr<Store> store;
    std::vector<std::vector<std::uint8_t>> payloads;
    std::vector<JournalRecord> records;

    void open() {
        auto opened = open_store(options);
        if (!opened) print_error("%s\n", opened.error().message().c_str());
        assert_true(opened.has_value());
        store = std::move(*opened);
    }
    template <typename T>
    void add(RecordType type, std::uint64_t sequence, const T& record) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(&record);
        payloads.emplace_back(bytes, bytes + sizeof record);
        records.push_back({type, sequence, sequence * 7 + 1, {}});
    }
    Result<void> apply(const JournalId& journal, std::vector<JournalFault> faults = {}) {
        for (std::size_t n = 0; n < records.size(); ++n)
            records[n].payload = payloads[n];
        const std::uint64_t next = records.empty() ? 0 : records.back().sequence + 1;
        auto applied = store->apply({journal, records, next, faults});
        if (!applied) print_error("%s\n", applied.error().message().c_str());
        records.clear();
        payloads.clear();
        return applied;
    }
    // Whether any file of the store holds these bytes.
    bool holds(std::string_view text) const {
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string all((std::istreambuf_iterator<char>(file)), {});
            if (all.find(text) != std::string::npos) return true;
        }
        if (options.server.empty()) return false;
        PostgresServer::run_sql(options.server, "CHECKPOINT");
        return test_server->holds(text);
    }
    void add_incident(std::uint64_t sequence, const IncidentRecord& record) {
        add(RecordType::decided, sequence, record);
        assert_true(apply(journal_id).has_value());
    }
    void run(const char* sql) {
        if (!options.server.empty()) {
            assert_true(PostgresServer::run_sql(options.server, sql));
            return;
        }
        sqlite3* database = nullptr;
        assert_int_equal(sqlite3_open(path.c_str(), &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(database);
    }
};

inline int open_store(void** state) {
    auto* fixture = new StoreFixture;
    char directory[] = "/tmp/cordon-store-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return -1;
    fixture->directory = directory;
    fixture->path = fixture->directory + "/store.db";
    fixture->options = {fixture->path, "node-1", test_server ? test_server->fresh_url() : ""};
    fixture->open();
    *state = fixture;
    return 0;
}

inline int remove_store(void** state) {
    auto* fixture = static_cast<StoreFixture*>(*state);
    fixture->store.reset();
    std::filesystem::remove_all(fixture->directory);
    delete fixture;
    return 0;
}

// The tests once on a file and once on a server, where there is one.
template <std::size_t N>
int run_on_both_stores(const CMUnitTest (&tests)[N]) {
    int failed = cmocka_run_group_tests_name("on SQLite", tests, nullptr, nullptr);
    test_server = PostgresServer::start();
    if (test_server)
        failed += cmocka_run_group_tests_name("on PostgreSQL", tests, nullptr, nullptr);
    return failed;
}

inline StoreFixture& store_of(void** state) {
    return *static_cast<StoreFixture*>(*state);
}

template <std::size_t N>
void fill(char (&field)[N], const char* text) {
    std::strncpy(field, text, N - 1);
}

inline Endpoint v4(std::uint8_t last, std::uint16_t port) {
    Endpoint endpoint{};
    const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last};
    std::memcpy(endpoint.address, address, sizeof address);
    endpoint.port = port;
    endpoint.present = 1;
    return endpoint;
}

inline IncidentRecord incident(const char* case_number) {
    IncidentRecord record{};
    fill(record.case_number, case_number);
    record.time_ns = noon + 123456789;
    record.object_bytes = 5000000000;
    record.policy_generation = 4;
    record.client = v4(7, 40000);
    record.server = v4(80, 8080);
    record.vlan = -1;
    record.action = MatchAction::block;
    record.complete = 1;
    record.match_count = 1;
    record.matches[0].reference = 0xfedcba9876543210;
    record.matches[0].generation = 17;
    fill(record.matches[0].section, "centre");
    record.matches[0].kinds = 4;
    fill(record.service, "uploads");
    fill(record.legal_basis, "detection order 12/2024");
    fill(record.method, "PUT");
    fill(record.host, "files.example");
    fill(record.account, "AKIAEXAMPLE");
    fill(record.target, "/bucket/a.jpg");
    fill(record.field, "upload");
    fill(record.name, "a.zip");
    fill(record.member, "x/a.jpg");
    fill(record.container, "y.zip");
    record.content_type = ContentType::empty;
    return record;
}

}  // namespace cordon
