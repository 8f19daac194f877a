// stage, approve, publish, refresh.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "control/cli/text.h"
#include "control/publisher/command_line.h"
#include "control/publisher/repository.h"

namespace cordon::feed {
namespace {

struct StageLine {
    std::string directory;
    StageOptions options;
};

Result<void> stage(StageLine line) {
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    line.options.now_s = now_s();
    const Result<Staged> staged = stage_release(**store, line.options);
    if (!staged) return Failure(staged.error());
    print_difference(staged->difference);
    for (const std::string& name : staged->targets)
        print("made " + name);
    if (!staged->new_generation) print("nothing new: the document of releases is renewed");
    return {};
}

void print_role(FeedStore& store, const char* name, const Role& role) {
    std::string line = "  " + std::string(name) + ": " + std::to_string(role.threshold) + " of";
    for (const std::string& id : role.keyids)
        line += " " + Documents(store).holder(id) + " (" + id.substr(0, 8) + ")";
    print(line);
}

Result<void> show_root(FeedStore& store, const Document& document) {
    const Result<RootMetadata> root = read_root(document.envelope());
    if (!root) return Failure(root.error());
    print("root " + std::to_string(root->version) + " of " + root->feed +
          (root->lab ? " (LAB)" : "") + ", until " + write_time(root->expires_s));
    print_role(store, "root", root->root);
    print_role(store, "targets", root->targets);
    print_role(store, "snapshot", root->snapshot);
    print_role(store, "timestamp", root->timestamp);
    return {};
}

Result<void> show_targets(FeedStore& store, const Document& document) {
    const Result<TargetsMetadata> targets = read_targets(document.envelope());
    if (!targets) return Failure(targets.error());
    print("targets " + std::to_string(targets->version) + ", until " +
          write_time(targets->expires_s));
    print_role(store, "releases", targets->releases);
    print_role(store, "revocations", targets->revocations);
    print_role(store, "grants", targets->grants);
    const Caps& caps = targets->caps;
    print("  caps: " + grouped_number(caps.additions_day) + " additions and " +
          grouped_number(caps.removals_day) + " removals a day, " + grouped_number(caps.total) +
          " in all");
    std::string kinds;
    for (const std::string& kind : caps.kinds)
        kinds += " " + printable(kind);
    print("  kinds:" + kinds);
    for (const auto& [number, name] : caps.sources)
        print("  source " + std::to_string(number) + ": " + name);
    return {};
}

Result<void> show_releases(FeedStore& store, const Document& document) {
    const Result<Difference> difference = staged_difference(store);
    if (!difference) return Failure(difference.error());
    print("releases " + std::to_string(document.version));
    print_difference(*difference);
    return {};
}

Result<void> show_revocations(const Document& document) {
    const Result<RevocationsMetadata> revocations = read_revocations(document.envelope());
    if (!revocations) return Failure(revocations.error());
    print("revocations " + std::to_string(document.version));
    for (const Suspension& one : revocations->suspensions)
        print(std::string("  ") + suspension_name(one.what) + " " + std::to_string(one.value) +
              " until " + write_time(one.until_s) + ": " + one.reason);
    return {};
}

// What a signature would stand for: shown before the key is used.
Result<std::vector<std::string>> show_staged(FeedStore& store, const KeyFile& key) {
    std::vector<std::string> roles;
    Documents documents(store);
    const std::string id = key_id(key.public_key);
    for (const std::string role : signed_roles) {
        const std::optional<Document> document = documents.staged(role);
        if (!document) continue;
        const auto needs = documents.needs(*document);
        if (!needs) return Failure(needs.error());
        bool asked = false;
        for (const Documents::Need& need : *needs)
            asked |= need.role.keyids.contains(id);
        if (!asked) continue;
        const Result<void> shown = role == "root"       ? show_root(store, *document)
                                   : role == "targets"  ? show_targets(store, *document)
                                   : role == "releases" ? show_releases(store, *document)
                                                        : show_revocations(*document);
        if (!shown) return Failure(shown.error());
        roles.push_back(role);
    }
    if (!roles.empty()) return roles;
    return failure(ErrorCode::refused, "nothing that is staged asks for the key of " + key.name);
}

bool agreed(const std::string& name) {
    if (::isatty(STDIN_FILENO) != 1) return false;
    std::cout << "sign this as " << name << "? Type yes: " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "yes";
}

struct ApproveLine {
    std::string directory;
    std::string key;
    bool yes = false;
};

Result<void> approve(const ApproveLine& line) {
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    const Result<KeyFile> key = open_key_file(line.key);
    if (!key) return Failure(key.error());
    const auto roles = show_staged(**store, *key);
    if (!roles) return Failure(roles.error());
    if (!line.yes && !agreed(key->name))
        return failure(ErrorCode::refused, "not signed; --yes says yes where nobody can be asked");
    const Result<void> done = (*store)->transaction([&]() -> Result<void> {
        const auto signed_now = Documents(**store).sign_staged(*key, now_s(), *roles);
        if (!signed_now) return Failure(signed_now.error());
        return {};
    });
    if (!done) return done;
    for (const std::string& role : *roles) {
        const auto needs = describe_needs(**store, *Documents(**store).staged(role));
        if (!needs) return Failure(needs.error());
        print("signed as " + key->name + "; " + *needs);
    }
    return {};
}

Result<void> run_publish(const std::string& directory) {
    const auto store = FeedStore::open(directory);
    if (!store) return Failure(store.error());
    const Result<Published> done = publish(**store, now_s());
    if (!done) return Failure(done.error());
    for (const std::string& name : done->documents)
        print("published " + name);
    for (const std::string& waiting : done->waiting)
        print("waits: " + waiting);
    print("generation " + std::to_string(done->generation) + " is in force");
    return {};
}

Result<void> run_refresh(const std::string& directory) {
    const auto store = FeedStore::open(directory);
    if (!store) return Failure(store.error());
    const Result<Published> done = refresh_timestamp(**store, now_s());
    if (!done) return Failure(done.error());
    print("timestamp renewed; generation " + std::to_string(done->generation) + " is in force");
    return {};
}

}  // namespace

void add_publishing_commands(CLI::App& app, Run* run) {
    auto line = std::make_shared<StageLine>();
    CLI::App* command =
        app.add_subcommand("stage", "make the next generation, for curators to approve");
    command->add_option("DIR", line->directory, "folder of the feed")->required();
    command->add_flag("--full", line->options.full, "with a full set, though one is a day young");
    command->add_flag("--urgent", line->options.urgent,
                      "though the last generation is an hour young, or a node lacks the next key");
    command->add_flag("--next-epoch", line->options.next_epoch,
                      "under the next key, which rotate-key made and every grant has");
    command->callback([=] { *run = [=] { return stage(*line); }; });

    auto approval = std::make_shared<ApproveLine>();
    command = app.add_subcommand("approve", "see what is staged, and sign it with your own key");
    command->add_option("DIR", approval->directory, "folder of the feed")->required();
    command->add_option("--key", approval->key, "your key file")->required();
    command->add_flag("--yes", approval->yes, "do not ask");
    command->callback([=] { *run = [=] { return approve(*approval); }; });

    auto directory = std::make_shared<std::string>();
    command = app.add_subcommand("publish", "publish what has all its signatures");
    command->add_option("DIR", *directory, "folder of the feed")->required();
    command->callback([=] { *run = [=] { return run_publish(*directory); }; });

    command = app.add_subcommand(
        "refresh",
        "renew the timestamp, every ten minutes; it adds nothing, and ends a publish "
        "that was cut off");
    command->add_option("DIR", *directory, "folder of the feed")->required();
    command->callback([=] { *run = [=] { return run_refresh(*directory); }; });
}

}  // namespace cordon::feed
