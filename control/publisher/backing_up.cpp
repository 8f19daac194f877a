// backup, restore.
#include <memory>

#include "control/cli/text.h"
#include "control/publisher/backup.h"
#include "control/publisher/command_line.h"

namespace cordon::feed {
namespace {

struct BackupLine {
    std::string directory, to;
};

Result<void> run_backup(const BackupLine& line) {
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    const Result<BackupReport> done = back_up(**store, line.to);
    if (!done) return Failure(done.error());
    print(grouped(done->files) + " files, " + byte_size(done->bytes) + " in " + line.to +
          ": it holds the digests and the online keys in clear, keep it as you keep the feed");
    return {};
}

struct RestoreLine {
    std::string from, directory, served;
};

Result<void> run_restore(const RestoreLine& line) {
    const Result<BackupReport> done = restore(line.from, line.directory);
    if (!done) return Failure(done.error());
    print(grouped(done->files) + " files restored to " + line.directory);
    if (line.served.empty()) {
        print("clients that have seen newer versions will refuse it: --served takes them over");
        return {};
    }
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    const Result<Caught> caught = catch_up(**store, line.served);
    if (!caught) return Failure(caught.error());
    for (const std::string& document : caught->documents)
        print("taken over: " + document);
    print("generation " + std::to_string(caught->generation) +
          " is in force; import again what came after the backup, then see `cordon-feed diff`");
    return {};
}

}  // namespace

void add_backing_up_commands(CLI::App& app, Run* run) {
    auto line = std::make_shared<BackupLine>();
    CLI::App* command = app.add_subcommand("backup", "copy the feed into a new folder, with sums");
    command->add_option("DIR", line->directory, "folder of the feed")->required();
    command->add_option("TO", line->to, "folder to make")->required();
    command->callback([=] { *run = [=] { return run_backup(*line); }; });

    auto back = std::make_shared<RestoreLine>();
    command = app.add_subcommand("restore", "make a feed of such a copy");
    command->add_option("FROM", back->from, "the copy")->required();
    command->add_option("DIR", back->directory, "folder to make")->required();
    command->add_option("--served", back->served,
                        "public/ as it was served last, or a mirror's copy: versions go on "
                        "behind what clients have seen");
    command->callback([=] { *run = [=] { return run_restore(*back); }; });
}

}  // namespace cordon::feed
