// A PostgreSQL server of a test's own: in a temporary directory, of an unprivileged user, at a Unix
// socket only. Gone with the test, however that ends.
#pragma once

#include <libpq-fe.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace cordon {

class PostgresServer {
  public:
    // Nothing, and why on stdout, where none is installed.
    static std::unique_ptr<PostgresServer> start() {
        const std::string programs = find_programs();
        if (programs.empty()) {
            std::puts("skipped on PostgreSQL: no server is installed (scripts/setup-debian)");
            return nullptr;
        }
        std::unique_ptr<PostgresServer> server(new PostgresServer(programs));
        return server->make() && server->run() ? std::move(server) : nullptr;
    }
    ~PostgresServer() {
        stop(SIGKILL);
        std::filesystem::remove_all(directory_);
    }
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    // Of an empty place for tables, for one test.
    std::string fresh_url() {
        const std::string name = "test" + std::to_string(++places_);
        if (!run_sql(url("public"), "CREATE SCHEMA " + name)) return "";
        return url(name);
    }
    std::string url(const std::string& schema) const {
        return "postgresql://cordon@/postgres?host=" + directory_ + "&options=-csearch_path%3D" +
               schema;
    }
    static bool run_sql(const std::string& url, const std::string& sql) {
        PGconn* connection = PQconnectdb(url.c_str());
        PGresult* result = PQexec(connection, sql.c_str());
        const ExecStatusType status = PQresultStatus(result);
        const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        if (!good) std::fprintf(stderr, "%s", PQerrorMessage(connection));
        PQclear(result);
        PQfinish(connection);
        return good;
    }
    // The first value, empty when there is none.
    static std::string value(const std::string& url, const std::string& sql) {
        PGconn* connection = PQconnectdb(url.c_str());
        PGresult* result = PQexec(connection, sql.c_str());
        std::string text = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
        PQclear(result);
        PQfinish(connection);
        return text;
    }

    // It answers when this returns true. It ends with the thread that calls this.
    bool run() {
        // Of one that was killed; its number may be somebody else's by now.
        for (const char* lock : {"/data/postmaster.pid", "/.s.PGSQL.5432", "/.s.PGSQL.5432.lock"})
            ::unlink((directory_ + lock).c_str());
        pid_ = ::fork();
        if (pid_ == 0) become_server();
        for (int n = 0; n < 200; ++n) {
            if (PQping(url("public").c_str()) == PQPING_OK) return true;
            ::usleep(50 * 1000);
        }
        std::fprintf(stderr, "the test's PostgreSQL server does not start: %s\n",
                     directory_.c_str());
        return false;
    }
    // SIGKILL also ends its processes; SIGINT lets it end well.
    void stop(int signal) {
        if (pid_ <= 0) return;
        if (signal == SIGKILL) signal_all(signal);
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    void freeze() const { signal_all(SIGSTOP); }
    void thaw() const { signal_all(SIGCONT); }

    const std::string& directory() const { return directory_; }
    // Whether a file of it holds these bytes: tables, indices and log.
    bool holds(std::string_view text) const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            const std::string all((std::istreambuf_iterator<char>(file)), {});
            if (all.find(text) != std::string::npos) return true;
        }
        return false;
    }

  private:
    // Each of its processes leads a session of its own.
    void signal_all(int signal) const {
        ::kill(pid_, signal);
        const std::string number = std::to_string(pid_);
        std::ifstream children("/proc/" + number + "/task/" + number + "/children");
        for (pid_t child = 0; children >> child;)
            ::kill(child, signal);
    }

    explicit PostgresServer(std::string programs) : programs_(std::move(programs)) {}

    static std::string find_programs() {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
            if (std::filesystem::exists(entry.path() / "bin/initdb")) return entry.path() / "bin";
        return "";
    }

    bool make() {
        char directory[] = "/tmp/cordon-postgres-XXXXXX";
        if (::mkdtemp(directory) == nullptr) return false;
        directory_ = directory;
        if (::getuid() == 0) {
            user_ = ::getpwnam("postgres");
            if (user_ == nullptr || ::chown(directory_.c_str(), user_->pw_uid, user_->pw_gid) != 0)
                return false;
        }
        const pid_t child = ::fork();
        if (child == 0) {
            drop_rights();
            quiet();
            ::execl((programs_ + "/initdb").c_str(), "initdb", "-N", "-A", "trust", "-U", "cordon",
                    "-E", "UTF8", "--locale=C", "-D", (directory_ + "/data").c_str(), nullptr);
            ::_exit(127);
        }
        int status = 0;
        return ::waitpid(child, &status, 0) == child && status == 0;
    }
    void drop_rights() const {
        if (user_ != nullptr && (::setgid(user_->pw_gid) != 0 || ::setuid(user_->pw_uid) != 0))
            ::_exit(126);
        if (::chdir(directory_.c_str()) != 0) ::_exit(126);
    }
    void quiet() const {
        const std::string log = directory_ + "/log";
        if (std::freopen(log.c_str(), "a", stdout) == nullptr ||
            std::freopen(log.c_str(), "a", stderr) == nullptr)
            ::_exit(126);
    }
    // What it shares in memory goes with it, however it ends: a kill would leave it on the machine.
    // (Who is not root may have no such space of his own, and then it stays.)
    [[noreturn]] void become_server() const {
        if (user_ != nullptr && ::unshare(CLONE_NEWIPC) != 0) ::_exit(126);
        drop_rights();
        quiet();
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
        ::execl((programs_ + "/postgres").c_str(), "postgres", "-D", (directory_ + "/data").c_str(),
                "-k", directory_.c_str(), "-c", "listen_addresses=", "-c", "max_wal_size=64MB",
                "-c", "shared_buffers=16MB", "-c", "dynamic_shared_memory_type=mmap", nullptr);
        ::_exit(127);
    }

    std::string programs_;
    std::string directory_;
    const passwd* user_ = nullptr;  // root runs no server
    pid_t pid_ = 0;
    int places_ = 0;
};

// That of the program; nothing while the tests run on a file.
inline std::unique_ptr<PostgresServer> test_server;

}  // namespace cordon
